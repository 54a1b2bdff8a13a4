"""Loads `airflow_settings.yaml` (the format of the Astro CLI) into the metadata database of a plain Airflow.

`python -m scripts.local.airflow_settings [FILE]` runs in one process with Airflow's environment and can be repeated: an
entry that has not changed in the file since it was last loaded keeps what a person made of it in the UI.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

DIGESTS: Final = "airflow_settings_digests"
_DIGESTS_ABOUT: Final = (
    "What airflow_settings.yaml said when it was last loaded; an unchanged entry is not loaded again."
)
_REFERENCE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_CONNECTION_KEYS: Final = frozenset(
    f"conn_{key}" for key in ("id", "type", "host", "schema", "login", "password", "port", "uri", "extra")
)
_POOL_KEYS: Final = frozenset({"pool_name", "pool_slot", "pool_description"})
_VARIABLE_KEYS: Final = frozenset({"variable_name", "variable_value"})


class SettingsFileError(ValueError):
    """The file cannot be loaded; the message names the entry and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class ConnectionEntry:
    """A connection; `extra` is JSON text, `port` a number."""

    conn_id: str
    conn_type: str
    host: str | None = None
    schema: str | None = None
    login: str | None = None
    password: str | None = None
    port: int | None = None
    extra: str | None = None


@dataclass(frozen=True, slots=True)
class PoolEntry:
    """A pool with its number of slots."""

    name: str
    slots: int
    description: str = ""


@dataclass(frozen=True, slots=True)
class VariableEntry:
    """A variable."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """Everything the file declares."""

    connections: tuple[ConnectionEntry, ...]
    pools: tuple[PoolEntry, ...]
    variables: tuple[VariableEntry, ...]


def parse(text: str, environment: Mapping[str, str]) -> SettingsFile:
    """Read the file's text.

    Args:
        text: YAML with the root `airflow` and its lists `connections`, `pools` and `variables` (Astro CLI:
            settings/types.go). `${NAME}` and `${NAME:-default}` stand for environment variables, in any value.
        environment: values of these variables.

    Returns:
        The entries.

    Raises:
        SettingsFileError: a variable without value and default, an unknown key, a missing or badly typed value.
    """
    data = _substitute(yaml.safe_load(text), environment)
    root = data.get("airflow") if isinstance(data, dict) else None
    if not isinstance(root, dict):
        raise SettingsFileError("airflow_settings.yaml: the root key must be `airflow`")
    unknown = set(root) - {"connections", "pools", "variables"}
    if unknown:
        raise SettingsFileError(f"airflow_settings.yaml: unknown list {', '.join(sorted(unknown))} under `airflow`")
    return SettingsFile(
        tuple(_connection(entry) for entry in root.get("connections") or ()),
        tuple(_pool(entry) for entry in root.get("pools") or ()),
        tuple(_variable(entry) for entry in root.get("variables") or ()),
    )


def load(settings: SettingsFile, session: Session, *, overwrite_connections: bool = False) -> list[str]:
    """Write the entries to Airflow's metadata database; the caller commits.

    Args:
        settings: the entries.
        session: session of the metadata database.
        overwrite_connections: write every connection, also those a person may have changed since.

    Returns:
        What was written, e.g. `["connection sync_store", "pool shopify_api"]`.
    """
    from airflow.models import Connection, Pool, Variable
    from sqlalchemy import select

    row = session.scalar(select(Variable).where(Variable.key == DIGESTS))
    before: dict[str, str] = json.loads(row.get_val() or "{}") if row is not None else {}
    after = dict(before)
    written = []

    def due(name: str, entry: ConnectionEntry | PoolEntry | VariableEntry, *, always: bool = False) -> bool:
        after[name] = _digest(entry)
        if always or before.get(name) != after[name]:
            written.append(name)
            return True
        return False

    for connection in settings.connections:
        if due(f"connection {connection.conn_id}", connection, always=overwrite_connections):
            stored = session.scalar(select(Connection).where(Connection.conn_id == connection.conn_id))
            if stored is not None:
                session.delete(stored)
                session.flush()
            session.add(Connection(**asdict(connection)))
    for pool in settings.pools:
        if due(f"pool {pool.name}", pool):
            Pool.create_or_update_pool(pool.name, pool.slots, pool.description, include_deferred=False, session=session)
    for variable in settings.variables:
        if due(f"variable {variable.name}", variable):
            Variable.set(variable.name, variable.value, session=session)
    if after != before:
        Variable.set(DIGESTS, json.dumps(after, indent=1), description=_DIGESTS_ABOUT, session=session)
    return written


def main() -> None:
    """Load a file as told by the command line."""
    parser = argparse.ArgumentParser(prog="python -m scripts.local.airflow_settings", description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", default=Path("airflow_settings.yaml"))
    parser.add_argument(
        "--overwrite-connections", action="store_true", help="also connections that were changed in the UI"
    )
    arguments = parser.parse_args()
    try:
        settings = parse(arguments.file.read_text(), os.environ)
    except SettingsFileError as problem:
        parser.error(str(problem))
    from airflow.utils.session import create_session

    with create_session() as session:
        written = load(settings, session, overwrite_connections=arguments.overwrite_connections)
    print(f"{arguments.file.name}: {', '.join(written) or 'nothing changed since it was last loaded'}")


def _substitute(value: Any, environment: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _substitute(item, environment) for key, item in value.items()}
    if isinstance(value, list):
        return [_substitute(item, environment) for item in value]
    if isinstance(value, str):
        return _REFERENCE.sub(lambda found: _value(found, environment), value)
    return value


def _value(found: re.Match[str], environment: Mapping[str, str]) -> str:
    name, default = found[1], found[2]
    value = environment.get(name) or default
    if value is None:
        raise SettingsFileError(f"airflow_settings.yaml refers to ${{{name}}}, which is not set in the environment")
    return value


def _connection(entry: Any) -> ConnectionEntry:
    name = _checked("connection", entry, "conn_id", _CONNECTION_KEYS)
    given = {key.removeprefix("conn_"): value for key, value in entry.items() if value not in (None, "")}
    del given["id"]
    if isinstance(given.get("extra"), dict):
        given["extra"] = json.dumps(given["extra"], ensure_ascii=False)
    if "port" in given:
        given["port"] = _number(f"connection {name}", "conn_port", given["port"])
    # Astro CLI: conn_uri counts only when nothing else is given.
    uri = given.pop("uri", None)
    if "type" in given:
        return ConnectionEntry(name, given.pop("type"), **given)
    if uri is None or given:
        raise SettingsFileError(f"connection {name}: give conn_type, or conn_uri and nothing else")
    from airflow.models import Connection

    parsed = Connection(conn_id=name, uri=uri)
    return ConnectionEntry(
        name, parsed.conn_type, parsed.host, parsed.schema, parsed.login, parsed.password, parsed.port, parsed.extra
    )


def _pool(entry: Any) -> PoolEntry:
    name = _checked("pool", entry, "pool_name", _POOL_KEYS)
    slots = _number(f"pool {name}", "pool_slot", entry.get("pool_slot"))
    return PoolEntry(name, slots, entry.get("pool_description") or "")


def _variable(entry: Any) -> VariableEntry:
    name = _checked("variable", entry, "variable_name", _VARIABLE_KEYS)
    value = entry.get("variable_value")
    if not isinstance(value, str):
        raise SettingsFileError(f"variable {name}: variable_value must be text, quote it")
    return VariableEntry(name, value)


def _checked(kind: str, entry: Any, name_key: str, keys: frozenset[str]) -> str:
    """Return the entry's name after checking its keys. Astro CLI: entries with other keys are silently ignored."""
    name = entry.get(name_key) if isinstance(entry, dict) else None
    if not isinstance(name, str) or not name:
        raise SettingsFileError(f"a {kind} without {name_key}: {entry!r:.60}")
    unknown = set(entry) - keys
    if unknown:
        raise SettingsFileError(
            f"{kind} {name}: unknown key {', '.join(sorted(unknown))}; known are {', '.join(sorted(keys))}"
        )
    return name


def _number(owner: str, key: str, value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError) as problem:
        raise SettingsFileError(f"{owner}: {key} must be a whole number, not {value!r}") from problem


def _digest(entry: ConnectionEntry | PoolEntry | VariableEntry) -> str:
    return hashlib.sha256(json.dumps(asdict(entry), sort_keys=True).encode()).hexdigest()[:16]


if __name__ == "__main__":
    main()
