"""Computed fields: what a field answers when it is not simply in the record under its own name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.shopify.shop import Context

Resolver = Callable[[dict[str, Any], "Context", Mapping[str, Any]], Any]
"""Takes the record, the request and the arguments in schema spelling; returns a value, a record, a list or a page."""

RESOLVERS: dict[tuple[str, str], Resolver] = {}
"""By type (or interface) name and field name."""


def resolver(type_name: str, *field_names: str) -> Callable[[Resolver], Resolver]:
    """Register the resolver of some fields of a type, or of every type that implements an interface."""

    def register(function: Resolver) -> Resolver:
        for name in field_names:
            RESOLVERS[type_name, name] = function
        return function

    return register


def mutation(name: str) -> Callable[[Callable[[Context, Mapping[str, Any]], Any]], Resolver]:
    """Register a mutation; the function takes the request and the arguments and returns the payload."""

    def register(function: Callable[[Context, Mapping[str, Any]], Any]) -> Resolver:
        def resolve(_: dict[str, Any], context: Context, args: Mapping[str, Any]) -> Any:
            return function(context, args)

        RESOLVERS["Mutation", name] = resolve
        return resolve

    return register
