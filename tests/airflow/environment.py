"""The Airflow the tests run in: a home of its own, SQLite metadata, this repository's folders; import it first."""

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

from cryptography.fernet import Fernet

ROOT = Path(__file__).parents[2]
# Test processes inherit the environment of the one that starts them, but must not share its database.
_MARK = "SYNC_TESTS_AIRFLOW_PROCESS"


def _settle() -> None:
    if os.environ.get(_MARK) == str(os.getpid()):
        return
    home = tempfile.mkdtemp(prefix="sync-airflow-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    for name in [name for name in os.environ if name.startswith("AIRFLOW")]:
        del os.environ[name]
    options = {
        "CORE__DAGS_FOLDER": ROOT / "dags",
        "CORE__PLUGINS_FOLDER": ROOT / "plugins",
        "CORE__LOAD_EXAMPLES": False,
        "CORE__FERNET_KEY": Fernet.generate_key().decode(),
        "CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,anna:user,vera:viewer",
        "CORE__UNIT_TEST_MODE": False,
        "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "API__BASE_URL": "https://airflow.example.com",
        "API_AUTH__JWT_SECRET": "a secret for tests that is long enough for the algorithm of the signature, 64 bytes",
        "USAGE_DATA_COLLECTION__ENABLED": False,
    }
    os.environ.update({f"AIRFLOW__{name}": str(value) for name, value in options.items()})
    os.environ |= {"AIRFLOW_HOME": home, _MARK: str(os.getpid())}


@cache
def make_metadata() -> None:
    """Make Airflow's own tables, once per process."""
    from airflow.utils.db import initdb

    initdb()


_settle()
