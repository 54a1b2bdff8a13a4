"""Names each process of the proof after the service it stands for; in containers the hostname does so by itself."""

from __future__ import annotations

import os


def name() -> str:
    """Return the name; for ``[core] hostname_callable``."""
    return os.environ["HOSTNAME"]
