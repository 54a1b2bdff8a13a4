"""HTML from templates: everything is escaped, links are relative so that any mount point works."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from shopify_fw360.web.console import Entry, place_of
from shopify_fw360.web.i18n import LANGUAGES, Language, language_of
from shopify_fw360.web.security import Person
from shopify_fw360.web.sentences import said
from shopify_fw360.web.words import flow_called, run_called

_HERE: Final = Path(__file__).parent
STATIC: Final = _HERE / "static"
TEMPLATES: Final = _HERE / "templates"


def navigation(request: Request) -> list[Entry]:
    """Return the places that whoever made the request may go to; none without a login."""
    someone = getattr(request.state, "person", None)
    if not isinstance(someone, Person):
        return []
    return [entry for entry in request.app.state.entries if someone.may(entry.right)]


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a page in the language of the request, within the frame of the console.

    Templates find ``root`` (the relative address of the mount point), ``place`` (their own address below it),
    ``entries``, ``someone`` (a `Person` or None), ``language``, ``languages`` and the filters of `Language`.

    Args:
        request: that is answered.
        template: file name.
        status: HTTP status.
        values: for the template.

    Returns:
        The answer.
    """
    place = place_of(request)
    spoken = language_of(request)
    text = (
        _environment(spoken)
        .get_template(template)
        .render(
            root="../" * place.count("/") or "./",
            place=place,
            entries=navigation(request),
            someone=getattr(request.state, "person", None),
            language=spoken,
            languages=LANGUAGES,
            **values,
        )
    )
    return HTMLResponse(text, status, {"Content-Language": spoken.tag, "Vary": "Accept-Language, Cookie"})


@cache
def _environment(spoken: Language) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        extensions=["jinja2.ext.i18n"],
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_translations(spoken.translations, newstyle=True)  # type: ignore[attr-defined]
    environment.filters.update(spoken.filters())
    environment.filters["said"] = partial(said, spoken)
    environment.filters["flow_called"] = partial(flow_called, spoken)
    environment.filters["run_called"] = partial(run_called, spoken)
    return environment
