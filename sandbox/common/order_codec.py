"""Books of an order as a JSON document and back: short, exact, values that are as usual left out."""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from decimal import Decimal
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from sandbox.common.money import Bag
from sandbox.common.order_book import Book

Work = Callable[[Any], Any]


def dump_book(book: Book) -> dict[str, Any]:
    """Return the books as a JSON document."""
    document: dict[str, Any] = _encoder(Book)(book)
    return document


def load_book(document: dict[str, Any]) -> Book:
    """Return the books of a document."""
    book: Book = _decoder(Book)(document)
    return book


@cache
def _encoder(kind: Any) -> Work:
    """Return what turns a type into its JSON form."""
    if kind is Bag:
        return _write_bag
    if kind is Decimal:
        return str
    if is_dataclass(kind):
        return _writer(kind)
    return _around(kind, _encoder)


@cache
def _decoder(kind: Any) -> Work:
    """Return what turns the JSON form of a type into the type."""
    if kind is Bag:
        return _read_bag
    if kind is Decimal:
        return Decimal
    if is_dataclass(kind):
        return _reader(kind)
    return _around(kind, _decoder)


def _around(kind: Any, of: Callable[[Any], Work]) -> Work:
    """Return the work on what holds others: optional values, lists and tuples (which are lists in JSON)."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        inner = of(next(part for part in parts if part is not type(None)))
        return _same if inner is _same else lambda value: None if value is None else inner(value)
    if origin is list:
        inner = of(parts[0])
        return list if inner is _same else lambda values: [inner(value) for value in values]
    if origin is tuple:
        inners = [of(part) for part in parts]
        return lambda values: tuple(inner(value) for inner, value in zip(inners, values, strict=True))
    return _same


def _same(value: Any) -> Any:
    return value


def _writer(kind: Any) -> Work:
    hints = get_type_hints(kind)
    plan = [(entry.name, _usual(entry), _encoder(hints[entry.name])) for entry in fields(kind)]

    def write(value: Any) -> dict[str, Any]:
        document = {}
        for name, usual, inner in plan:
            held = getattr(value, name)
            if held != usual:
                document[name] = held if inner is _same else inner(held)
        return document

    return write


def _reader(kind: Any) -> Work:
    hints = get_type_hints(kind)
    decoders = {entry.name: _decoder(hints[entry.name]) for entry in fields(kind)}
    return lambda document: kind(**{name: decoders[name](value) for name, value in document.items()})


def _usual(entry: Field[Any]) -> Any:
    """Return the value of a field that is left out; MISSING when it is always written."""
    if entry.default is not MISSING:
        return entry.default
    return MISSING if entry.default_factory is MISSING else entry.default_factory()


def _write_bag(bag: Bag) -> Any:
    own, shown = str(bag.shop), str(bag.shown)
    return own if own == shown else [own, shown]


def _read_bag(value: str | list[str]) -> Bag:
    if isinstance(value, str):
        amount = Decimal(value)
        return Bag(amount, amount)
    return Bag(Decimal(value[0]), Decimal(value[1]))
