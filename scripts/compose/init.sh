#!/bin/bash
# Run by the service airflow-init before the others start; can be repeated.
set -euo pipefail
cd /opt/airflow
airflow db migrate
airflow users create --role Admin --username admin --password "$ADMIN_PASSWORD" \
    --email admin@localhost.localdomain --firstname Admin --lastname Admin
python -m shopify_fw360.store upgrade - \
    <<<"postgresql+psycopg://sync_store:$SYNC_STORE_PASSWORD@$SYNC_STORE_HOST:$SYNC_STORE_PORT/sync_store"
python -m scripts.local.airflow_settings
