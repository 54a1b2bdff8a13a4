"""
### Sync one record now

Carries one customer, product or order over at once, also one whose counterpart was deleted before. The button
*Sync now* starts it.

**Run by hand**: *Trigger*, choose what it is, where it comes from, and enter its id.

1. `sync_record` stages the record with the highest priority, works it off, and certifies that it has ended. If
   `webhook_queue` is awake and takes the record first, it waits for it.

**If it fails**, the log ends with what was wrong with the record and the next step, as does **Browse → Sync errors**. A
flow that is switched off in the Variable `sync_settings` is skipped.
"""

from shopify_fw360.airflow.queue_dags import sync_one_dag

dag = sync_one_dag("sync_one", __doc__)
