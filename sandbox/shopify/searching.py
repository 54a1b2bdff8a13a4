"""Search texts compiled to predicates over records.

A filter that a type does not know, or a value a filter cannot read, is ignored and reported as a warning (Shopify:
"unknown or unsupported filters are ignored, the whole set comes back").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.shopify.errors import ShopifyError
from sandbox.shopify.querysyntax import All, Not, Some, Term, Tree, parse
from sandbox.shopify.table import Record
from sandbox.shopify.times import SECOND, midnight, parse_time

Predicate = Callable[[Record], bool]
Filter = Callable[[Term, "Language"], Predicate | None]
"""Compiles a term; None when it cannot read the value."""
Reader = Callable[[Record], Any]
UTC = ZoneInfo("UTC")

_WORDS = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Language:
    """What the searches of one type understand.

    Args:
        filters: field name to filter.
        words: texts of a record that plain words are looked up in.
        spans: of the filters those on one integer of the record, by field name: the value that a sort key orders by.
        zone: time zone of the shop.
        whole_days: time filters round the record's time down to the day.
        metafield: compiles `metafields.{namespace}.{key}`; None: not offered.
        keys: of the filters those on a unique key of the record: quoted value to key.
    """

    filters: Mapping[str, Filter]
    words: Callable[[Record], list[str]]
    spans: Mapping[str, str] = field(default_factory=dict)
    zone: ZoneInfo = UTC
    whole_days: bool = False
    metafield: Callable[[str], Reader | None] | None = None
    keys: Mapping[str, Callable[[str], str]] = field(default_factory=dict)


@dataclass(slots=True)
class Search:
    """A compiled search.

    Args:
        matches: the predicate.
        warnings: `{"field", "message"}` of what was ignored.
        spans: sort key to (low, high): only records with low <= value < high can match.
        everything: True while nothing is asked: every record matches.
        key: only the record with this unique key can match; None: any.
    """

    matches: Predicate
    warnings: list[dict[str, str]] = field(default_factory=list)
    spans: dict[str, tuple[int | None, int | None]] = field(default_factory=dict)
    everything: bool = True
    key: str | None = None


def compile_search(text: str | None, language: Language) -> Search:
    """Compile a search text.

    Raises:
        ShopifyError: a metafield filter without a filterable definition (Shopify: an error since 2026-10).
    """
    search = Search(matches=lambda _: True)
    if not text or not text.strip():
        return search
    tree = parse(text)
    compiled = _compile(tree, language, search)
    if compiled is not None:
        search.matches = compiled
        search.everything = False
    for term in tree.parts if isinstance(tree, All) else (tree,):
        if isinstance(term, Term) and term.field in language.spans:
            _narrow(search, language.spans[term.field], term, language)
        elif isinstance(term, Term) and term.field in language.keys and term.quoted and not term.value.endswith("*"):
            search.key = language.keys[term.field](term.value)
    return search


def words_of(text: str) -> set[str]:
    """Return the lower-case words of a text, as the index cuts it."""
    return set(_WORDS.findall(text.lower()))


def text_filter(read: Reader) -> Filter:
    """Build a filter on a text: quoted the whole text, unquoted every word of the value; `*` at the end is a prefix."""

    def compiled(term: Term, _: Language) -> Predicate | None:
        if term.comparator != "=":
            return None
        wanted = term.value.lower()
        if wanted == "*":
            return lambda record: bool(read(record))
        if wanted.endswith("*"):
            return lambda record: any(text.startswith(wanted[:-1]) for text in _texts(read(record)))
        if term.quoted:
            return lambda record: wanted in _texts(read(record))
        words = words_of(wanted)
        return lambda record: any(words <= words_of(text) for text in _texts(read(record)))

    return compiled


def exact_filter(read: Reader) -> Filter:
    """Build a filter on a value that is compared as a whole, without case: states, tags, codes."""

    def compiled(term: Term, _: Language) -> Predicate | None:
        wanted = term.value.lower()
        return None if term.comparator != "=" else lambda record: wanted in _texts(read(record))

    return compiled


def number_filter(read: Reader) -> Filter:
    """Build a filter on a number."""

    def compiled(term: Term, _: Language) -> Predicate | None:
        try:
            wanted = float(term.value.rsplit("/", 1)[-1])
        except ValueError:
            return None
        compare = _COMPARE[term.comparator]
        return lambda record: compare(float(read(record)), wanted)

    return compiled


def time_filter(read: Reader) -> Filter:
    """Build a filter on a time in microseconds, see `time_span` for how its text is read."""

    def compiled(term: Term, language: Language) -> Predicate | None:
        span = time_span(term, language)
        if span is None:
            return None
        low, high = span

        def within(record: Record) -> bool:
            value = read(record)
            return value is not None and (low is None or value >= low) and (high is None or value < high)

        return within

    return compiled


def time_span(term: Term, language: Language) -> tuple[int | None, int | None] | None:
    """Return the span (low, high exclusive) of a time term, None when the value is no time.

    Without quotes only the date counts, in the shop's time zone. `>T` leaves out the whole second T.
    """
    parsed = parse_time(term.value, language.zone) if term.quoted else midnight(term.value, language.zone)
    if parsed is None:
        return None
    start, end = parsed
    if not term.quoted and len(term.value) > 10:
        end = start + SECOND
    if language.whole_days:
        start, end = midnight(term.value, language.zone) or parsed
    match term.comparator:
        case ">":
            return end, None
        case ">=":
            return start, None
        case "<":
            return None, start
        case "<=":
            return None, end
    return start, end


def _narrow(search: Search, sort: str, term: Term, language: Language) -> None:
    if sort == "ID":
        number = term.value.rsplit("/", 1)[-1]
        if not number.isdigit():
            return
        wanted = int(number)
        spans: dict[str, tuple[int | None, int | None]] = {
            "=": (wanted, wanted + 1),
            ">": (wanted + 1, None),
            ">=": (wanted, None),
            "<": (None, wanted),
            "<=": (None, wanted + 1),
        }
        span: tuple[int | None, int | None] | None = spans[term.comparator]
    else:
        span = time_span(term, language)
    if span is None:
        return
    low, high = search.spans.get(sort, (None, None))
    lows = [value for value in (low, span[0]) if value is not None]
    highs = [value for value in (high, span[1]) if value is not None]
    search.spans[sort] = (max(lows) if lows else None, min(highs) if highs else None)


def _compile(tree: Tree, language: Language, search: Search) -> Predicate | None:
    match tree:
        case Term():
            return _term(tree, language, search)
        case Not(part):
            inner = _compile(part, language, search)
            return None if inner is None else lambda record: not inner(record)
        case All(parts):
            needed = [found for part in parts if (found := _compile(part, language, search)) is not None]
            return (lambda record: all(part(record) for part in needed)) if needed else None
        case Some(parts):
            offered = [found for part in parts if (found := _compile(part, language, search)) is not None]
            return (lambda record: any(part(record) for part in offered)) if offered else None


def _term(term: Term, language: Language, search: Search) -> Predicate | None:
    if not term.field:
        wanted = term.value.lower().removesuffix("*")
        return lambda record: any(
            wanted in text.lower()
            if term.quoted
            else any(word.startswith(wanted) for word in words_of(text) | {text.lower()})
            for text in language.words(record)
        )
    if term.field.startswith("metafields.") and language.metafield is not None:
        read = language.metafield(term.field.removeprefix("metafields."))
        if read is None:
            raise ShopifyError(f"The metafield filter '{term.field}' has no filterable definition.", "BAD_REQUEST")
        return exact_filter(read)(term, language)
    known = language.filters.get(term.field)
    if known is None:
        search.warnings.append({"field": term.field, "message": "Invalid search field for this query."})
        return None
    compiled = known(term, language)
    if compiled is None:
        search.warnings.append({"field": term.field, "message": f"Invalid value for this field: {term.value}."})
    return compiled


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, list):
        return [str(entry).lower() for entry in value]
    return [str(value).lower()]


_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "=": lambda value, wanted: value == wanted,
    ">": lambda value, wanted: value > wanted,
    ">=": lambda value, wanted: value >= wanted,
    "<": lambda value, wanted: value < wanted,
    "<=": lambda value, wanted: value <= wanted,
}
