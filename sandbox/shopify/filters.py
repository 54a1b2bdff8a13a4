"""Filters that several search languages share."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.shopify.querysyntax import Term
from sandbox.shopify.searching import Filter, Language, Predicate, Reader
from sandbox.shopify.shop import Shop


def key(name: str) -> Reader:
    """Return the reader of a key of the record."""
    return lambda record: record.get(name)


def any_of(read: Reader) -> Filter:
    """Build a filter that takes several values joined by commas, compared without case."""

    def compiled(term: Term, _: Language) -> Predicate | None:
        wanted = {part.strip().lower() for part in term.value.split(",")}
        return None if term.comparator != "=" else lambda record: str(read(record)).lower() in wanted

    return compiled


def flag_filter(read: Reader) -> Filter:
    """Build a filter on a truth value: `true` or `false`."""

    def compiled(term: Term, _: Language) -> Predicate | None:
        if term.value.lower() not in ("true", "false"):
            return None
        wanted = term.value.lower() == "true"
        return lambda record: bool(read(record)) is wanted

    return compiled


def metafield_reader(shop: Shop, owner_type: str) -> Callable[[str], Reader | None]:
    """Return what compiles `metafields.{namespace}.{key}`: a reader when the definition is filterable."""

    def reader(name: str) -> Reader | None:
        namespace, _, key = name.rpartition(".")
        name = f"{shop.namespace(namespace)}.{key}"
        definition = shop.definition(owner_type, *name.rsplit(".", 1))
        if definition is None or not (definition.get("capabilities") or {}).get("adminFilterable"):
            return None
        return lambda record: ((record.get("metafields") or {}).get(name) or {}).get("value")

    return reader
