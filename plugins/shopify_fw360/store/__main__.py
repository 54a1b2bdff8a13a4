"""Command line of the store: ``python -m shopify_fw360.store upgrade|check URL``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from shopify_fw360.errors import SyncError
from shopify_fw360.store.database import Store


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: without the program's name; None takes those of the process.

    Returns:
        Exit code: 0 if the store is ready to be used, 1 if not.
    """
    parser = argparse.ArgumentParser(prog="python -m shopify_fw360.store", description="Manage the sync store.")
    parser.add_argument("command", choices=("upgrade", "check"))
    parser.add_argument("url", help="SQLAlchemy URL, or - to read it from standard input and keep it out of `ps`")
    options = parser.parse_args(arguments)
    url = sys.stdin.readline().strip() if options.url == "-" else options.url
    try:
        store = Store.open(url)
        if options.command == "upgrade":
            store.upgrade()
        store.check()
    except SyncError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write("the store is ready\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
