"""
### Maintenance of near real time

**Runs** every hour.

1. `check_subscriptions` compares the webhook subscriptions of both systems with the wanted ones. What is missing is
   made again, what of ours is not wanted is removed, subscriptions of others are left alone. Its log lists what it
   changed; a repair raises an alert, because events may have been lost meanwhile.
2. `find_gaps` lists what changed in the shop since the last look, compares it with the events that came, and stages
   what no event has told and nothing else has found. Its log has one line per flow and topic (changes, told, missed,
   staged now) and the loss rate of the last day; a loss of 2 % or more raises an alert. What the site did not tell is
   counted by the scheduled runs, which read it completely. It also causes an event on purpose, by a bulk operation that
   finds nothing, and looks whether the one of the last hour arrived (`near_real_time.canary`).
3. `answer_privacy_requests` answers what Shopify asks on behalf of a person: puts together what is held about them, or
   erases it and keeps a proof. Its result says how many; what waits is tried again by the next run.
4. `tidy_up` forgets events older than `near_real_time.keep_events_days` (Variable `sync_settings`), closes the ledgers
   of near real time whose last record has ended, lets go once a day of what is older than `retention` says, counts the
   requests about personal data that wait, and raises an alert for each flow that is late
   (`alerts.late_after_minutes`); the page *Health* shows them.
5. `tell_alerts` tells people of alerts that began since the last run, once each, where the connection `sync_alerts`
   says: by mail (type `smtp`, addresses as `to` in the extra), or in Slack or Teams (any other type; the address that
   takes messages as host or password). Without the connection they stand on the page *Health* only.

**If it fails**

- *`check_subscriptions` is red*: the end of its log names the connection or the scope and the next step.
- *`answer_privacy_requests` counts postponed requests*: a worker had the record in hand, or the log names the cause.
- *`check_subscriptions` is skipped*: webhooks need an https address: set `near_real_time.public_url`.

Clearing is safe: no task does anything that is done already.
"""

from shopify_fw360.airflow.queue_dags import maintenance_dag

dag = maintenance_dag("maintenance", __doc__)
