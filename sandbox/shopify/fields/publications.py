"""Where products and collections are published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.shopify.connections import Page, list_page
from sandbox.shopify.ids import gid, number_of
from sandbox.shopify.product_records import handle_of
from sandbox.shopify.registry import resolver
from sandbox.shopify.shop import Context
from sandbox.shopify.table import Record

Args = Mapping[str, Any]


def _dates(record: Record, context: Context) -> Mapping[str, int]:
    """Return publish times by publication; a variant is published with its product."""
    if record.get("__typename") == "ProductVariant":
        record = context.shop.products.get(record.get("product", 0)) or {}
    return record.get("publications") or {}


def _entries(record: Record, context: Context, *, only_published: bool) -> list[Record]:
    now = context.shop.clock.now()
    return [
        {
            "publication": context.shop.publications.get(int(number)),
            "publishable": record,
            "publishDate": date,
            "isPublished": date <= now,
        }
        for number, date in _dates(record, context).items()
        if date <= now or not only_published
    ]


@resolver("Publishable", "resourcePublications", "resourcePublicationsV2")
def _publications(record: Record, context: Context, args: Args) -> Page:
    return list_page(_entries(record, context, only_published=bool(args.get("onlyPublished", True))), args)


@resolver("Publishable", "resourcePublicationsCount")
def _count(record: Record, context: Context, args: Args) -> dict[str, Any]:
    found = _entries(record, context, only_published=bool(args.get("onlyPublished", True)))
    return {"count": len(found), "precision": "EXACT"}


@resolver("Publishable", "availablePublicationsCount")
def _available(record: Record, context: Context, _: Args) -> dict[str, Any]:
    return {"count": len(_entries(record, context, only_published=True)), "precision": "EXACT"}


@resolver("Publishable", "publishedOnPublication")
def _published(record: Record, context: Context, args: Args) -> bool:
    date = _dates(record, context).get(str(number_of(args["publicationId"], "Publication")))
    return date is not None and date <= context.shop.clock.now()


@resolver("Publishable", "unpublishedPublications")
def _unpublished(record: Record, context: Context, args: Args) -> Page:
    dates = _dates(record, context)
    found = [entry for entry in context.shop.publications.all() if str(entry["num"]) not in dates]
    return list_page(found, args)


@resolver("QueryRoot", "publications")
def _roots(_: Record, context: Context, args: Args) -> Page:
    return list_page(sorted(context.shop.publications.all(), key=lambda entry: int(entry["num"])), args)


@resolver("Publication", "channels")
def _channels(record: Record, _: Context, args: Args) -> Page:
    num = int(record["num"])
    channel = {
        "__typename": "Channel",
        "id": gid("Channel", num),
        "name": record["name"],
        "handle": handle_of(record["name"]),
        "supportsFuturePublishing": False,
    }
    return list_page([channel], args)
