"""
### Recovery: import everything again

Reads all products and orders of Shopify (customers on request) and the whole of Framework360 once more, and carries
over what webhooks and scheduled runs have missed. What both sides agree on is recognised by its content and left alone.

**Runs** when `recovery.schedule` of the Variable `sync_settings` says, by default every night at 2:30 UTC; `null`
leaves it to people. `recovery.entities` names what is imported, `recovery.days` how far back in Shopify.

**Tasks** of each flow, all flows side by side:

1. `begin` chooses how to read: page by page or by a bulk operation of Shopify, whichever the cost model finds faster,
   and starts that.
2. `wait` looks until the operation has ended; the webhook `bulk_operations/finish` shortens the wait.
3. `stage` fetches the file, checks it completely, puts together what belongs together and stages what has changed. A
   file that is short, damaged or of a failed operation is never used: the records are then read page by page, and an
   alert says so.
4. `drain_batch` works the queue off behind everything more urgent.
5. `report` certifies the ledger. The tab **Sync** of the run lists the flows.

**Run by hand**: *Trigger*, and choose what, how far back, and how to read.

**If it fails**

- *`stage` is red*: clear it. It goes on with the file it had begun to fetch, and what is staged already is recognised.
- *`wait` is red*: the operation took longer than six hours; clear `begin` and what follows.
- *`report` is red, SYNC-503*: records still wait; the next run of the flow works them off, then clear `report`.
- *everything is skipped*: the flows are off in `sync_settings`, or `recovery.entities` leaves them out.

It never moves the position from which scheduled runs read on, and may run beside them. Clearing any task is safe.
"""

from shopify_fw360.airflow.recovery_dag import recovery_dag

dag = recovery_dag("recovery_import", __doc__)
