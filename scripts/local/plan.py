"""What one start of the local runtime needs to know: folders, ports, secrets, addresses."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from scripts.local.errors import LocalError
from scripts.local.ports import HOST, pick
from scripts.local.postgres import Database
from scripts.local.random_keys import fernet_key, password, signing_secret, typed_password

ROOT = Path(__file__).parents[2]
USERS = {"admin": "admin", "operator": "op", "viewer": "viewer"}
"""Login name to role of Airflow's simple auth manager."""

_T = TypeVar("_T", "Ports", "Secrets")


@dataclass(frozen=True, slots=True)
class Ports:
    """Loopback TCP ports; the defaults are taken when they are free."""

    airflow: int = 8080
    shopify: int = 8361
    framework360: int = 8362
    postgres: int = 54360


@dataclass(frozen=True, slots=True)
class Secrets:
    """Generated once per run folder and kept in a file only its owner may read."""

    fernet_key: str
    jwt_secret: str
    api_secret_key: str
    postgres_password: str
    airflow_db_password: str
    store_password: str
    admin_password: str
    operator_password: str
    viewer_password: str

    @classmethod
    def generate(cls) -> Secrets:
        """Return new random values; passwords of people are short enough to type."""
        return cls(
            fernet_key=fernet_key(),
            jwt_secret=signing_secret(),
            api_secret_key=password(),
            postgres_password=password(),
            airflow_db_password=password(),
            store_password=password(),
            admin_password=typed_password(),
            operator_password=typed_password(),
            viewer_password=typed_password(),
        )

    def logins(self) -> dict[str, str]:
        """Return user name to password."""
        return {user: getattr(self, f"{user}_password") for user in USERS}


@dataclass(frozen=True, slots=True)
class Plan:
    """Where the local runtime lives and what it listens on.

    Args:
        root: the repository.
        run: folder of everything that can be deleted: data, logs, secrets, pid files.
        ports: loopback ports.
        secrets: generated secrets.
    """

    root: Path
    run: Path
    ports: Ports
    secrets: Secrets

    @classmethod
    def load(cls, root: Path = ROOT, run: Path | None = None) -> Plan:
        """Read the plan of a run folder, or make one with free ports and new secrets.

        Args:
            root: the repository.
            run: run folder; default `.run` in the repository.

        Returns:
            The plan; the same one every time until the folder is deleted.

        Raises:
            LocalError: a file of the run folder is damaged; the message says how to get rid of it.
        """
        run = run or root / ".run"
        run.mkdir(mode=0o711, parents=True, exist_ok=True)
        return cls(
            root,
            run,
            _stored(run / "ports.json", Ports, lambda: Ports(**{name: pick(n) for name, n in asdict(Ports()).items()})),
            _stored(run / "secrets.json", Secrets, Secrets.generate),
        )

    def with_ports(self, ports: Ports) -> Plan:
        """Return the plan with other ports, and remember them."""
        write_private(self.run / "ports.json", json.dumps(asdict(ports), indent=1))
        return Plan(self.root, self.run, ports, self.secrets)

    @property
    def logs(self) -> Path:
        """Folder of the components' logs."""
        return self.run / "logs"

    @property
    def airflow_home(self) -> Path:
        """Airflow's home folder."""
        return self.run / "airflow"

    @property
    def airflow_url(self) -> str:
        """Base address of the Airflow UI and API."""
        return f"http://{HOST}:{self.ports.airflow}"

    @property
    def shopify_url(self) -> str:
        """Base address of the sandbox shop."""
        return f"http://{HOST}:{self.ports.shopify}"

    @property
    def framework360_url(self) -> str:
        """Base address of the sandbox Framework360 site."""
        return f"http://{HOST}:{self.ports.framework360}"

    @property
    def airflow_database(self) -> Database:
        """Airflow's metadata database."""
        return Database("airflow", self.secrets.airflow_db_password)

    @property
    def store_database(self) -> Database:
        """The database of connection `sync_store`."""
        return Database("sync_store", self.secrets.store_password)


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step with one that only its owner can read."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123  # Path.open takes no descriptor
        file.write(text)
    temporary.replace(path)


def _stored(path: Path, kind: type[_T], make: Callable[[], _T]) -> _T:
    if not path.exists():
        value = make()
        write_private(path, json.dumps(asdict(value), indent=1))
        return value
    try:
        data: dict[str, Any] = json.loads(path.read_text())
        return kind(**data)
    except (ValueError, TypeError) as problem:
        raise LocalError(f"{path} cannot be read ({problem}): run `make clean`, which starts from nothing") from problem
