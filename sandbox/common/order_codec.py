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

Decoder = Callable[[Any], Any]


def dump_book(book: Book) -> dict[str, Any]:
    """Return the books as a JSON document."""
    document: dict[str, Any] = _plain(book)
    return document


def load_book(document: dict[str, Any]) -> Book:
    """Return the books of a document."""
    book: Book = _decoder(Book)(document)
    return book


def _plain(value: Any) -> Any:
    if isinstance(value, Bag):
        own, shown = str(value.shop), str(value.shown)
        return own if own == shown else [own, shown]
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {name: _plain(held) for name, usual in _usual(type(value)) if (held := getattr(value, name)) != usual}
    return value


@cache
def _usual(kind: Any) -> tuple[tuple[str, Any], ...]:
    """Return the fields of a class with the value that is left out."""
    return tuple((entry.name, _default(entry)) for entry in fields(kind))


def _default(entry: Field[Any]) -> Any:
    if entry.default is not MISSING:
        return entry.default
    return MISSING if entry.default_factory is MISSING else entry.default_factory()


@cache
def _decoder(kind: Any) -> Decoder:
    """Return what turns the JSON form of a type into the type."""
    if kind is Bag:
        return _bag
    if kind is Decimal:
        return Decimal
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        inner = _decoder(next(part for part in parts if part is not type(None)))
        return lambda value: None if value is None else inner(value)
    if origin is list:
        inner = _decoder(parts[0])
        return lambda values: [inner(value) for value in values]
    if origin is tuple:
        inners = [_decoder(part) for part in parts]
        return lambda values: tuple(inner(value) for inner, value in zip(inners, values, strict=True))
    if is_dataclass(kind):
        return _object(kind)
    return lambda value: value


def _object(kind: Any) -> Decoder:
    hints = get_type_hints(kind)
    decoders = {entry.name: _decoder(hints[entry.name]) for entry in fields(kind)}
    return lambda document: kind(**{name: decoders[name](value) for name, value in document.items()})


def _bag(value: str | list[str]) -> Bag:
    if isinstance(value, str):
        amount = Decimal(value)
        return Bag(amount, amount)
    return Bag(Decimal(value[0]), Decimal(value[1]))
