"""The environment variables the components run with."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from scripts.local.plan import USERS, Plan, write_private
from scripts.local.ports import HOST

_LOOPBACK_NAMES = f"{HOST},localhost"


def plain_environment(plan: Plan) -> dict[str, str]:
    """Return the caller's environment without another Airflow's settings, with this repository importable.

    Loopback addresses are excepted from any proxy of the caller.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "_AIRFLOW"))}
    bypass = ",".join(filter(None, [environment.get("no_proxy") or environment.get("NO_PROXY"), _LOOPBACK_NAMES]))
    return environment | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", os.defpath)]),
        "PYTHONPATH": os.pathsep.join([str(plan.root), str(plan.root / "plugins")]),
        "PYTHONUNBUFFERED": "1",
        "NO_PROXY": bypass,
        "no_proxy": bypass,
    }


def settings_values(plan: Plan) -> dict[str, str]:
    """Return what `airflow_settings.yaml` refers to as `${NAME}`, with the addresses and secrets of this run."""
    return {
        "SHOPIFY_URL": plan.shopify_url,
        "SHOPIFY_CLIENT_SECRET": "sandbox-secret",
        "SHOPIFY_DOMAIN": "sandbox-shop.myshopify.com",
        "FRAMEWORK360_URL": plan.framework360_url,
        "FRAMEWORK360_WEBHOOKS": "on",
        "SYNC_STORE_HOST": HOST,
        "SYNC_STORE_PORT": str(plan.ports.postgres),
        "SYNC_STORE_PASSWORD": plan.secrets.store_password,
    }


def airflow_environment(plan: Plan) -> dict[str, str]:
    """Return the environment of every Airflow component and of the settings loader.

    Airflow 3.3: option `key` of section `section` is read from `AIRFLOW__SECTION__KEY`.
    """
    database = plan.airflow_database
    url = f"postgresql+psycopg2://{database.name}:{database.password}@{HOST}:{plan.ports.postgres}/{database.name}"
    options = {
        "CORE__DAGS_FOLDER": plan.root / "dags",
        "CORE__PLUGINS_FOLDER": plan.root / "plugins",
        "CORE__LOAD_EXAMPLES": False,
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": 8,
        "CORE__FERNET_KEY": plan.secrets.fernet_key,
        "CORE__AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
        "CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{user}:{role}" for user, role in USERS.items()),
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": plan.airflow_home / "passwords.json",
        "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": False,
        "CORE__EXECUTION_API_SERVER_URL": f"{plan.airflow_url}/execution/",
        "CORE__TEST_CONNECTION": "Enabled",
        "DATABASE__SQL_ALCHEMY_CONN": url,
        "API__HOST": HOST,
        "API__PORT": plan.ports.airflow,
        "API__BASE_URL": plan.airflow_url,
        "API__WORKERS": 1,
        "API__SECRET_KEY": plan.secrets.api_secret_key,
        "API_AUTH__JWT_SECRET": plan.secrets.jwt_secret,
        # With the default of 5 s the scheduler fails sensors and deferred tasks whose slot is not free yet.
        "WORKERS__MIN_HEARTBEAT_INTERVAL": 1,
        # How long it takes to notice a killed worker; with the default of 300 s its records wait that long.
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": 90,
        "DAG_PROCESSOR__REFRESH_INTERVAL": 10,
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": 10,
        "LOGGING__BASE_LOG_FOLDER": plan.logs / "tasks",
        "USAGE_DATA_COLLECTION__ENABLED": False,
    }
    return (
        plain_environment(plan)
        | settings_values(plan)
        | {"AIRFLOW_HOME": str(plan.airflow_home)}
        | {f"AIRFLOW__{name}": str(value) for name, value in options.items()}
    )


def write_passwords(plan: Plan) -> None:
    """Write the file from which Airflow's simple auth manager reads the passwords, as a JSON object."""
    plan.airflow_home.mkdir(parents=True, exist_ok=True)
    write_private(plan.airflow_home / "passwords.json", json.dumps(plan.secrets.logins()))
