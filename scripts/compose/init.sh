#!/bin/bash
# Run by the service airflow-init before the others start; can be repeated.
set -euo pipefail
cd "${AIRFLOW_HOME:-/opt/airflow}"
: "${ADMIN_PASSWORD:?run python3 -m scripts.local.compose_env}" "${RECEIVER_PASSWORD:?run python3 -m scripts.local.compose_env}"
airflow db migrate
airflow users create --role Admin --username admin --password "$ADMIN_PASSWORD" \
    --email admin@localhost.localdomain --firstname Admin --lastname Admin
# The receiver may find the asset of the queue and tell of an event, nothing else.
airflow roles create Receiver
airflow roles add-perms Receiver --resource Assets --action can_read can_create
airflow users create --role Receiver --username receiver --password "$RECEIVER_PASSWORD" \
    --email receiver@localhost.localdomain --firstname Receiver --lastname Receiver
python -m shopify_fw360.store upgrade - \
    <<<"postgresql+psycopg://sync_store:$SYNC_STORE_PASSWORD@$SYNC_STORE_HOST:$SYNC_STORE_PORT/sync_store"
python -m scripts.local.airflow_settings
