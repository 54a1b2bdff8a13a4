"""Words, numbers and times in the language of whoever looks: English, German, Italian.

English is the language of the sources: a text that is not in a catalogue would show in English, and a test sees to it
that none is. The catalogues are read as ``.po`` files, so that nothing has to be compiled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from babel import Locale
from babel.core import negotiate_locale
from babel.dates import format_datetime, format_timedelta
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal, format_percent
from babel.support import NullTranslations, Translations
from starlette.requests import Request

CATALOGUES: Final = Path(__file__).parent / "locales"

SOURCE: Final = "en"
LANGUAGES: Final = {"de": "Deutsch", "en": "English", "it": "Italiano"}
"""The languages by tag, each named in itself."""

COOKIE: Final = "sync_language"
"""Cookie that keeps the language somebody has chosen; without it the browser's languages decide."""

# The day before the month, as in the other two languages.
_FORMATS: Final = {"en": "en_GB"}


def N_(text: str) -> str:  # noqa: N802 - the customary name of this marker, which the extraction looks for
    """Mark a text for the catalogues where it is written; it is translated where it is shown."""
    return text


def catalogue_file(tag: str) -> Path:
    """Return the catalogue of a language other than English."""
    return CATALOGUES / f"{tag}.po"


@dataclass(frozen=True, slots=True)
class Language:
    """One language.

    Args:
        tag: as in `LANGUAGES`.
        locale: for formats.
        translations: the catalogue.
    """

    tag: str
    locale: Locale
    translations: NullTranslations

    def text(self, message: str, **values: Any) -> str:
        """Return a text in this language, with ``%(name)s`` replaced by the values if there are any."""
        translated: str = self.translations.ugettext(message)
        return translated % values if values else translated

    def plural(self, one: str, many: str, number: int, **values: Any) -> str:
        """Return the text for a number, which is also the value ``num``."""
        translated: str = self.translations.ungettext(one, many, number)
        return translated % {"num": self.number(number), **values}

    def moment(self, value: datetime | None) -> str:
        """Return an aware time to the second in UTC; an empty text for None."""
        if value is None:
            return ""
        return f"{format_datetime(value.astimezone(UTC), 'medium', locale=self.locale)} UTC"

    def ago(self, value: datetime | None, now: datetime | None = None) -> str:
        """Return how long ago an aware time was; an empty text for None."""
        if value is None:
            return ""
        return format_timedelta(value - (now or datetime.now(UTC)), add_direction=True, locale=self.locale)

    def number(self, value: Decimal | float) -> str:
        """Return a number."""
        return format_decimal(value, locale=self.locale)

    def percent(self, value: Decimal | float) -> str:
        """Return a share, 1 for all, with at most one decimal."""
        return format_percent(value, locale=self.locale, format="#,##0.#\u00a0%" if self.tag == "de" else "#,##0.#%")

    def money(self, value: Decimal, currency: str) -> str:
        """Return an amount with its currency (ISO 4217)."""
        return format_currency(value, currency, locale=self.locale)

    def shown(self, value: Any) -> str:
        """Return a field's value as people read it; an empty text for no value."""
        if value is None:
            return ""
        if isinstance(value, bool):
            return self.text("yes") if value else self.text("no")
        if isinstance(value, list | tuple):
            return ", ".join(map(self.shown, value))
        return str(value)

    def filters(self) -> dict[str, Callable[..., str]]:
        """Return the filters that templates use."""
        return {
            "shown": self.shown,
            "moment": self.moment,
            "ago": self.ago,
            "number": self.number,
            "percent": self.percent,
            "money": self.money,
        }


@cache
def language(tag: str) -> Language:
    """Return a language by its tag; raise KeyError for another than those in `LANGUAGES`."""
    if tag not in LANGUAGES:
        raise KeyError(tag)
    return Language(tag, Locale.parse(_FORMATS.get(tag, tag)), _translations(tag))


def _translations(tag: str) -> NullTranslations:
    if tag == SOURCE:
        return NullTranslations()
    with catalogue_file(tag).open("rb") as file:
        catalogue = read_po(file, tag, abort_invalid=True)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


def language_of(request: Request) -> Language:
    """Return the language of a request: as chosen by the switch, else the browser's best one, else English."""
    chosen = request.cookies.get(COOKIE, "")
    if chosen in LANGUAGES:
        return language(chosen)
    wanted = _accepted(request.headers.get("accept-language", ""))
    # The order of what is available is only asked for when nothing fits, so it does not matter.
    return language((negotiate_locale(wanted, list(LANGUAGES), sep="-") or SOURCE).partition("-")[0])


def _accepted(header: str) -> list[str]:
    """Return the language tags of an Accept-Language header (RFC 9110, 12.5.4), the best first."""
    weighted = []
    for number, part in enumerate(header[:1000].split(",")):
        tag, _, parameter = part.strip().partition(";")
        name, _, value = parameter.strip().partition("=")
        try:
            weight = float(value) if name.strip() == "q" else 1.0
        except ValueError:
            continue
        if tag and weight > 0:
            weighted.append((-weight, number, tag.strip().lower().partition("-")[0]))
    return [tag for _, _, tag in sorted(weighted)]
