"""Command line of the store: ``python -m shopify_fw360.store upgrade|check|backup|restore|downgrade URL [...]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from shopify_fw360.errors import SyncError
from shopify_fw360.store import archive, schema
from shopify_fw360.store.database import Store


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: without the program's name; None takes those of the process.

    Returns:
        Exit code: 0 if the command did what it says, 1 if not.
    """
    parser = argparse.ArgumentParser(prog="python -m shopify_fw360.store", description="Manage the sync store.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, about in _ABOUT.items():
        command = commands.add_parser(name, help=about)
        command.add_argument("url", help="SQLAlchemy URL, or - to read it from standard input and keep it out of `ps`")
        if name in ("backup", "restore"):
            command.add_argument("file", type=Path, help="backup file, gzipped JSON lines")
        if name == "downgrade":
            command.add_argument(
                "version", choices=sorted(schema.known_versions()), help="schema version to go back to"
            )
    options = parser.parse_args(arguments)
    url = sys.stdin.readline().strip() if options.url == "-" else options.url
    try:
        store = Store.open(url)
        try:
            said = _WORK[options.command](store, options)
        finally:
            store.close()
    except (SyncError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{said}\n")
    return 0


_ABOUT: Final[Mapping[str, str]] = {
    "upgrade": "bring the schema to the version of this program",
    "check": "tell whether the store can be used",
    "backup": "write everything to a file while the store is in use",
    "restore": "fill an empty store from a backup",
    "downgrade": "take the schema back for an older program; what only the newer one knows is lost",
}


def _upgrade(store: Store, options: argparse.Namespace) -> str:
    store.upgrade()
    return _check(store, options)


def _check(store: Store, _options: argparse.Namespace) -> str:
    store.check()
    return "the store is ready"


def _backup(store: Store, options: argparse.Namespace) -> str:
    counts = archive.backup(store, options.file)
    return f"{sum(counts.values())} rows of {len(counts)} tables written to {options.file}"


def _restore(store: Store, options: argparse.Namespace) -> str:
    counts = archive.restore(store, options.file)
    return f"{sum(counts.values())} rows of {len(counts)} tables restored; now run each flow once with mode full"


def _downgrade(store: Store, options: argparse.Namespace) -> str:
    with store.connect() as connection:
        schema.migrate(connection, options.version)
    return f"the store has schema version {options.version}"


_WORK: Final[Mapping[str, Callable[[Store, argparse.Namespace], str]]] = {
    "upgrade": _upgrade,
    "check": _check,
    "backup": _backup,
    "restore": _restore,
    "downgrade": _downgrade,
}


if __name__ == "__main__":
    sys.exit(main())
