"""Look-up lists of a site that people choose from: marketing lists, tags, sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shopify_fw360.framework360 import wire
from shopify_fw360.framework360.client import Framework360Client
from shopify_fw360.framework360.values import identifier


def marketing_lists(client: Framework360Client) -> dict[str, str]:
    """Return the marketing lists, name by id; those of `marketing.lists` where the site does not tell its own."""
    by_hand = dict(client.options.marketing.lists)
    if not client.capabilities.standing(wire.Capability.MARKETING_LISTS).on:
        return by_hand
    return _named(client, wire.MARKETING_LISTS) | by_hand


def marketing_tags(client: Framework360Client) -> tuple[str, ...]:
    """Return the tags that customers of the site bear."""
    return tuple(dict.fromkeys(_named(client, wire.MARKETING_TAGS).values()))


def customer_sources(client: Framework360Client) -> dict[str, str]:
    """Return the sources (`provenienza`) a customer can be registered with, name by id."""
    return _named(client, wire.CUSTOMERS_SOURCES)


def _named(client: Framework360Client, call: wire.Call) -> dict[str, str]:
    lookup = client.options.lookup
    rows = client.call(call).get(wire.DATA)
    found: dict[str, str] = {}
    for row in rows if isinstance(rows, list) else ():
        item: Mapping[str, Any] = row if isinstance(row, Mapping) else {lookup.id_key: row, lookup.name_key: row}
        key, name = identifier(item.get(lookup.id_key)), identifier(item.get(lookup.name_key))
        if key or name:
            found[key or str(name)] = name or str(key)
    return found
