"""The areas of the console, one module each: a module in this folder is found by its function ``area``."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module

from shopify_fw360.web.console import Area, Console


def all_areas(console: Console) -> Iterator[Area]:
    """Build every area, in the order of the names of their modules.

    Args:
        console: what the pages use.

    Yields:
        The areas; that a module has no function ``area`` is a mistake of ours and fails at once.
    """
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda one: one.name):
        area: Area = import_module(f"{__name__}.{module.name}").area(console)
        yield area
