"""
### Prepare a shop

Run it once after the connections were entered, and again after an upgrade or after a mapping has changed: it changes
only what is missing and says what it changed.

1. `check_shopify`: the shop answers, and the app has the scopes the mappings need.
2. `check_framework360`: the site answers, the key has the needed functions, the vendor's own Shopify plugin is off.
3. `prepare`: makes the tables of the store, checks the mapping files, creates the metafield definitions in Shopify.
4. `subscribe`: subscribes to the webhooks of both systems, as far as scopes and capabilities allow. It is skipped
   without an https address: `near_real_time.public_url` in the Variable `sync_settings`, else Airflow's own.

**If it fails**, the end of the log names the field of the connection, the scope or the mapping line and the next step.
"""

from shopify_fw360.airflow.dag import onboarding_dag

dag = onboarding_dag("onboard_shop", __doc__)
