"""What the pages for "a person at the other end" are described with, and what all of them share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable
from urllib.parse import parse_qsl

import jinja2

Values = Mapping[str, str | tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class FormField:
    """One input of the form.

    Args:
        name: key in the posted form.
        label: what a person reads.
        kind: input type; "choices" is one checkbox per choice, "select" exactly one of them.
        group: heading under which the field stands.
        choices: value and label pairs of "choices" and "select".
        required: the browser insists on a value.
    """

    name: str
    label: str
    kind: Literal["text", "email", "tel", "number", "textarea", "checkbox", "choices", "select"] = "text"
    group: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    required: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A read-only table under the form of a record: heading, columns and rows of cells."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One record as the pages show it.

    Args:
        title: heading of the page.
        values: field name to value; of "choices" and "checkbox" a tuple of the ticked values ("1" for a checkbox).
        facts: read-only label and value pairs beside the form.
        table: shown under the form; None for none.
        tables: shown above the form.
        pictures: addresses on this server, shown beside the form.
        removable: whether the record can be removed now.
    """

    title: str
    values: Mapping[str, str | tuple[str, ...]]
    facts: tuple[tuple[str, str], ...] = ()
    table: Table | None = None
    tables: tuple[Table, ...] = ()
    pictures: tuple[str, ...] = ()
    removable: bool = True


@dataclass(frozen=True, slots=True)
class Act:
    """Something a person can do with a record beside editing it: a button, with inputs when it needs some.

    Args:
        name: last part of the address it is posted to.
        label: what the button says.
        fields: inputs.
        values: what they hold at first.
        danger: it cannot be undone.
    """

    name: str
    label: str
    fields: Sequence[FormField] = ()
    values: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    danger: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """What a kind of record is called.

    Args:
        path: first part of its addresses, e.g. "people".
        one, many: e.g. "customer", "customers".
        hint: what the search looks into.
        remove: label of the button that removes a record.
        removed: what a person reads afterwards.
        creatable: new ones can be made by hand.
    """

    path: str
    one: str
    many: str
    hint: str
    remove: str
    removed: str
    creatable: bool = True


CUSTOMERS = Words("people", "customer", "customers", "Name, e-mail, phone, id", "Delete customer", "Customer deleted.")


class FormError(Exception):
    """The posted form cannot be stored; the text tells the person why and what to change."""


class PersonDesk(Protocol):
    """What one system lets a person do. Field values arrive as in `Sheet.values`."""

    system: str
    accent: str
    columns: Sequence[str]

    def fields(self) -> Sequence[FormField]:
        """Return the inputs of the form, in order."""

    def search(self, text: str, page: int, size: int) -> tuple[Sequence[tuple[str, Sequence[str]]], int]:
        """Return one page (1-based) of (record id, cells as in `columns`) and the number of all hits."""

    def read(self, record_id: str) -> Sheet | None:
        """Return one record, None when it does not exist."""

    def create(self, values: Mapping[str, str | tuple[str, ...]]) -> str:
        """Create a record and return its id; raises FormError."""

    def update(self, record_id: str, values: Mapping[str, str | tuple[str, ...]]) -> None:
        """Store the form of a record; raises FormError."""

    def delete(self, record_id: str) -> None:
        """Delete a record; raises FormError."""


class Section(Protocol):
    """What a person does with one further kind of record."""

    words: Words
    columns: Sequence[str]

    def fields(self, record_id: str | None) -> Sequence[FormField]:
        """Return the inputs of the form of a record, or of a new one, in order."""

    def search(self, text: str, page: int, size: int) -> tuple[Sequence[tuple[str, Sequence[str]]], int]:
        """Return one page (1-based) of (record id, cells as in `columns`) and the number of all hits."""

    def read(self, record_id: str) -> Sheet | None:
        """Return one record, None when it does not exist."""

    def create(self, values: Mapping[str, str | tuple[str, ...]]) -> str:
        """Create a record and return its id; raises FormError."""

    def update(self, record_id: str, values: Mapping[str, str | tuple[str, ...]]) -> None:
        """Store the form of a record; raises FormError."""

    def delete(self, record_id: str) -> None:
        """Remove a record as `words.remove` says; raises FormError."""


@runtime_checkable
class Acting(Protocol):
    """A section whose records can be acted on."""

    def acts(self, record_id: str) -> Sequence[Act]:
        """Return what can be done with a record now, in order."""

    def carry_out(self, record_id: str, act: str, values: Mapping[str, str | tuple[str, ...]]) -> None:
        """Do it; raises FormError."""


@runtime_checkable
class WithSections(Protocol):
    """A desk that shows more than customers."""

    def sections(self) -> Sequence[Section]:
        """Return what stands beside the customers, in order."""


@cache
def templates() -> jinja2.Environment:
    """Return the templates; whatever is put into them is escaped."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )


HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def posted_values(body: bytes) -> dict[str, list[str]]:
    """Return everything a form sent, by name."""
    posted: dict[str, list[str]] = {}
    for name, value in parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True):
        posted.setdefault(name, []).append(value.replace("\r\n", "\n"))
    return posted


def field_values(fields: Sequence[FormField], body: bytes) -> dict[str, str | tuple[str, ...]]:
    """Return what a form sent for these fields, as in `Sheet.values`."""
    posted = posted_values(body)
    values: dict[str, str | tuple[str, ...]] = {}
    for entry in fields:
        given = posted.get(entry.name, [])
        many = entry.kind in ("choices", "checkbox")
        values[entry.name] = tuple(given) if many else (given[-1].strip() if given else "")
    return values
