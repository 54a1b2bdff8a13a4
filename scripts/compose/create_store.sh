#!/bin/bash
# Run once by the postgres image when its volume is empty: the database of connection sync_store, with an owner of its own.
set -euo pipefail
psql -v ON_ERROR_STOP=1 -v password="$SYNC_STORE_PASSWORD" --username "$POSTGRES_USER" <<'SQL'
CREATE ROLE sync_store LOGIN PASSWORD :'password';
CREATE DATABASE sync_store OWNER sync_store;
SQL
