"""
### Customers: Framework360 to Shopify

Creates and updates in Shopify every customer who was created or changed in Framework360, with the number of orders and
the total spent as metafields, newsletter status and tags. Fields and rules:
`include/mappings/customer.framework360_to_shopify.yaml`.

**Who goes out** is set in the Variable `sync_settings` under `customers.outbound`: all, members of chosen marketing
lists, or bearers of chosen tags.

**Runs** every 15 minutes. Framework360 has no reliable time of change, so each run reads all customers and recognises
changes by their content; customers that did not change are counted as *known* and cost no write.

**Tasks**

1. `stage` reads Framework360 and puts every changed customer into the queue of the store. A customer missing from two
   complete readings in a row counts as deleted: only the link is removed, nothing in Shopify.
2. `drain_batch` works the queue off: transform, find the counterpart, merge field by field, write.
3. `report` certifies the ledger. The run is green only if every customer read is explained.

**Run by hand**: *Trigger* and choose what to read: since the last run, a window, everything, or a list of ids.
*Dry run* plans only; the tab **Sync** of the run shows what would be written.

**Backfill**: *Trigger → Backfill* takes exactly the customers changed in the chosen span. Customers without a time of
change lie in no span; the ledger counts them as *undated*.

**If it fails**

- *`stage` is red, SYNC-504*: unusually many customers are missing from the list; nothing was unlinked. Check the site;
  if it is true, raise `guard.max_share` in `sync_settings` for one run.
- *`stage` or `drain_batch` is red*: the end of its log and the tab **Sync** name the cause and the next step.
- *`report` is red, SYNC-503*: customers still wait or are unexplained; the message says how many. The next run works
  them off; then clear `report` to certify this run again.
- *customers are parked*: they are not lost. **Browse → Sync errors** lists each with field, rule and next step.
  Correct the cause, then press *Release*.
- *a task stays scheduled*: the pool `shopify_api` or `framework360_api` is missing or full, see Admin → Pools.
- *everything is skipped*: the flow is switched off in the Variable `sync_settings`.

Clearing any task is safe: records are leased, writes are repeatable.
"""

from shopify_fw360.airflow.dag import flow_dag
from shopify_fw360.records import Entity, Flow, System

dag = flow_dag(Flow(Entity.CUSTOMER, System.FRAMEWORK360), __doc__)
