"""
### Orders: Shopify to Framework360

Books every order that was placed or changed in Shopify as a sale in Framework360, to the cent: lines, discounts,
shipping, tips, duties, refunds, payment method, status, courier and tracking. The buyer is synchronised first.
Fields and rules: `include/mappings/order.shopify_to_framework360.yaml`; amounts: `docs/money.md`.

**Runs** every 15 minutes and reads what has changed since the last run. What both sides agree on is left alone.

**Tasks**

1. `stage` reads Shopify, proves that each order adds up, and puts every changed order into the queue of the store.
2. `drain_batch` works the queue off: transform, find the sale, merge field by field, let the site price it, write.
3. `report` certifies the ledger. The run is green only if every order read is explained.

**Run by hand**: *Trigger* and choose what to read: since the last run, a window, everything, or a list of ids.
*Dry run* plans only; the tab **Sync** of the run shows what would be written, line by line.

**Backfill**: *Trigger → Backfill* reads exactly the chosen span and leaves the position of the scheduled runs alone.
Use *Reprocess: All runs* to repeat spans that ran before.

**If it fails**

- *`stage` or `drain_batch` is red*: the end of its log and the tab **Sync** name the cause and the next step.
- *`report` is red, SYNC-503*: orders still wait or are unexplained; the message says how many. The next run works
  them off; then clear `report` to certify this run again.
- *orders are parked*: they are not lost. **Browse → Sync errors** lists each with field, rule and next step:
  SYNC-203 names the line to add to the mapping for an unknown gateway, status or tax; SYNC-221 names the term of an
  order that does not add up; SYNC-222 that the site computes another total. Correct the cause, then press *Release*.
- *sales differ (SYNC-224)*: the order changed after it was booked, and the site lets nobody change a sale. The history
  of the buyer says what differs.
- *SYNC-315*: the order is older than 60 days and the app lacks the scope `read_all_orders`. Nothing is unlinked.
- *a task stays scheduled*: the pool `shopify_api` or `framework360_api` is missing or full, see Admin → Pools.
- *everything is skipped*: the flow is switched off in the Variable `sync_settings`.

Sales are never deleted, and cancelled and booked again only if the setting `orders.on_difference` is `recreate`.
Clearing any task is safe: records are leased, a sale whose answer was lost is found again by label and note.
"""

from shopify_fw360.airflow.dag import flow_dag
from shopify_fw360.records import Entity, Flow, System

dag = flow_dag(Flow(Entity.ORDER, System.SHOPIFY), __doc__)
