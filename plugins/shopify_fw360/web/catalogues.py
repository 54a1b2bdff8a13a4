"""Keeps the catalogues in step with the texts in the sources: ``python -m shopify_fw360.web.catalogues``.

New texts get an empty entry to be filled in, texts that are gone lose theirs; nothing is guessed. Texts are those of
the error codes, and what is found in the modules and templates of the web room: ``_("…")`` and ``ngettext`` in
templates, ``N_("…")``, ``language.text("…")`` and ``language.plural("…", "…", n)`` in modules.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po, write_po

from shopify_fw360.errors import CODES
from shopify_fw360.web.i18n import LANGUAGES, SOURCE, catalogue_file

_ROOM: Final = Path(__file__).parent
_METHODS: Final = [("**.py", "python"), ("templates/**.html", "jinja2")]
_KEYWORDS: Final[dict[str, Any]] = {**DEFAULT_KEYWORDS, "N_": None, "text": None, "plural": (1, 2)}
# Fixed, so that the files change only when a text does.
_MADE: Final = datetime(2026, 11, 25, tzinfo=UTC)
_HEADER: Final = "# Texts of the console. New and stale entries: make texts\n#"

TAGS: Final = tuple(tag for tag in LANGUAGES if tag != SOURCE)
"""The languages that have a catalogue."""


def used() -> Catalog:
    """Return a catalogue without translations that holds every text the sources show."""
    catalogue = _empty(None)
    for file, _line, message, _comments, context in extract_from_dir(
        _ROOM, _METHODS, options_map={"templates/**.html": {"silent": "false"}}, keywords=_KEYWORDS
    ):
        # Places without line numbers: they would change with every edit of a file.
        catalogue.add(message, locations=[(Path(file).as_posix(), None)], context=context)  # type: ignore[list-item]
    for code in CODES.values():
        for text in (code.title, code.cause, code.fix):
            catalogue.add(text, locations=[("../errors.py", None)])  # type: ignore[list-item]
    return catalogue


def kept(tag: str) -> Catalog:
    """Return the catalogue of a language as it is in the repository; an empty one if there is none yet."""
    file = catalogue_file(tag)
    return read_po(BytesIO(file.read_bytes()), tag) if file.exists() else _empty(tag)


def update() -> dict[str, int]:
    """Write the catalogues anew and return how many texts each language lacks."""
    lacking = {}
    template = used()
    for tag in TAGS:
        old = kept(tag)
        new = _empty(tag)
        for message in _messages(template):
            known = old.get(message.id, message.context)
            string = known.string if known is not None else ""
            new.add(message.id, string, locations=message.locations, flags=message.flags, context=message.context)
        with catalogue_file(tag).open("wb") as output:
            write_po(output, new, width=120, sort_output=True, include_lineno=False)
        lacking[tag] = sum(not is_translated(message) for message in _messages(new))
    return lacking


def _messages(catalogue: Catalog) -> Iterator[Message]:
    return (message for message in catalogue if message.id)


def is_translated(message: Message) -> bool:
    """Whether an entry has its translation, every plural form of it."""
    strings = message.string if isinstance(message.string, list | tuple) else (message.string,)
    return bool(strings) and all(strings)


def _empty(tag: str | None) -> Catalog:
    return Catalog(
        tag,
        project="Sync",
        version="console",
        msgid_bugs_address="none",
        last_translator="the authors",
        language_team="the authors",
        charset="utf-8",
        creation_date=_MADE,
        revision_date=_MADE,
        header_comment=_HEADER,
        fuzzy=False,
    )


if __name__ == "__main__":
    for language_tag, number in update().items():
        sys.stdout.write(f"{language_tag}: {number} texts to be translated in {catalogue_file(language_tag).name}\n")
