"""Which records are carried over at all."""

from __future__ import annotations

from collections.abc import Iterable

from shopify_fw360.records import Entity, Flow, Link, Raw, System
from shopify_fw360.settings import OutboundFilter, SyncSettings


def exclusion(settings: SyncSettings, flow: Flow, raw: Raw) -> str | None:
    """Tell why a record is not sent, or None if it is.

    Args:
        settings: the outbound filter among others.
        flow: entity and direction; customers leaving Framework360 and test orders are limited.
        raw: the source record with ``marketing_list`` and ``tags``, or with ``test``.

    Returns:
        A sentence for lists and journal, None if the record passes.
    """
    if flow.entity is Entity.ORDER and flow.source is System.SHOPIFY:
        return "a test order" if raw.get("test") and not settings.orders.test_orders else None
    if flow.entity is not Entity.CUSTOMER or flow.source is not System.FRAMEWORK360:
        return None
    outbound: OutboundFilter = settings.customers.outbound
    if outbound.mode == "lists":
        if _folded(raw.get("marketing_list")) & _folded(outbound.lists):
            return None
        return f"not on one of the marketing lists {', '.join(outbound.lists)}"
    if outbound.mode == "tags":
        if _folded(raw.get("tags")) & _folded(outbound.tags):
            return None
        return f"has none of the tags {', '.join(outbound.tags)}"
    return None


def left_out(link: Link | None) -> str | None:
    """Tell who wants a record left alone, None if nobody does; the sentence is for lists and journal."""
    return None if link is None or link.excluded_by is None else f"left out by {link.excluded_by}"


def _folded(values: object) -> set[str]:
    items: Iterable[object] = values if isinstance(values, list | tuple | set | frozenset) else ()
    return {str(item).strip().casefold() for item in items}
