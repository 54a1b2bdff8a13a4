"""HTML from templates: everything is escaped, links are relative so that any mount point works."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

_HERE: Final = Path(__file__).parent
STATIC: Final = _HERE / "static"


def shown(value: Any) -> str:
    """Return a field's value as people read it; an empty text for no value."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(shown, value))
    return str(value)


def moment(value: datetime | None) -> str:
    """Return a time to the second in UTC."""
    return "" if value is None else value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(shown=shown, moment=moment)
    return environment


_ENVIRONMENT: Final = _environment()


def page(template: str, *, depth: int, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a page.

    Args:
        template: file name.
        depth: number of path segments of the page's own address behind the mount point, less one.
        status: HTTP status.
        values: for the template.

    Returns:
        The answer.
    """
    text = _ENVIRONMENT.get_template(template).render(root="../" * depth or "./", **values)
    return HTMLResponse(text, status)
