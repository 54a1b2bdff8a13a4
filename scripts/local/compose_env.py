"""Writes `.env` with new secrets for docker-compose.yaml: `python3 -m scripts.local.compose_env`, with any Python."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from scripts.local.random_keys import fernet_key, password, signing_secret, typed_password

_HEAD = """\
# Read by docker-compose.yaml. Keep it private and keep a copy: without the fernet key stored connections are lost.
# The connections are loaded once; afterwards Airflow's UI (Admin, Connections) decides until a value here changes.
"""


def render() -> str:
    """Return the file's text with new secrets; addresses and keys of both systems are to be filled in."""
    values = {
        "SHOPIFY_URL": "yourshop.myshopify.com",
        "SHOPIFY_ACCESS_TOKEN": "",
        "SHOPIFY_CLIENT_SECRET": "",
        "FRAMEWORK360_URL": "https://www.example.com",
        "FRAMEWORK360_API_KEY": "",
        "AIRFLOW_BASE_URL": "http://127.0.0.1:8080",
        "AIRFLOW_PORT": "8080",
        "RECEIVER_PORT": "8081",
        "WORKER_CONCURRENCY": "4",
        "ADMIN_PASSWORD": typed_password(),
        "POSTGRES_PASSWORD": password(),
        "SYNC_STORE_PASSWORD": password(),
        "REDIS_PASSWORD": password(),
        "RECEIVER_PASSWORD": password(),
        "AIRFLOW__CORE__FERNET_KEY": fernet_key(),
        "AIRFLOW__API__SECRET_KEY": password(),
        "AIRFLOW__API_AUTH__JWT_SECRET": signing_secret(),
    }
    return _HEAD + "".join(f"{name}={value}\n" for name, value in values.items())


def read_env(text: str) -> dict[str, str]:
    """Return the variables of such a file."""
    return dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))


def main() -> int:
    """Write `.env` in the current folder, readable by its owner only; an existing one is left alone."""
    target = Path(".env")
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        print(f"{target} exists already and is left as it is; move it away for new secrets", file=sys.stderr)
        return 1
    with os.fdopen(descriptor, "w") as file:
        file.write(render())
    print(f"{target} written: fill in the addresses and keys of Shopify and Framework360 in it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
