"""
### The queue, in near real time

Webhooks of both systems and *Sync now* put records into the queue of the store. This DAG carries them over within
seconds: all entities, both directions, each flow on a worker of its own, so that a slow system or a bad record keeps
nothing else waiting.

**Two kinds of runs**

- *by asset*: the receiver rings when something has come and nobody is awake. The run works, lingers for
  `near_real_time.linger_seconds` (Variable `sync_settings`) so that what follows costs no start, and ends.
- *by schedule*: every 5 minutes a run waits in the triggerer, without a worker, and looks at the staging table each
  second. It is the net: for bells that did not ring, and for records that are due for another attempt.

Imports and backfills are not worked off here; their own runs do that, and whatever is urgent overtakes them.

**What it did**: the tab **Sync** of the run, per flow.

**If it fails**

- *`serve_queue` is red*: the end of its log names the flow, the cause and the next step. The flow is left alone for
  five minutes; the others went on, and nothing has left the queue.
- *records are parked*: they are not lost. **Browse → Sync errors** lists each with field, rule and next step.
- *nothing happens at all*: is this DAG unpaused, does a triggerer run, does `/sync/webhooks/health` answer?
  Whatever webhooks do not tell is found by the scheduled runs of the flows and by `maintenance`.

Clearing is safe: records are leased, writes are repeatable.
"""

from shopify_fw360.airflow.queue_dags import queue_dag

dag = queue_dag("webhook_queue", __doc__)
