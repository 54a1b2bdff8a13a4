"""Computed fields of files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.shopify.ids import gid
from sandbox.shopify.media import url_of
from sandbox.shopify.registry import resolver
from sandbox.shopify.shop import Context
from sandbox.shopify.table import Record

Args = Mapping[str, Any]


def _image(record: Record, context: Context) -> Record | None:
    if record.get("status") != "READY":
        return None
    return {
        "__typename": "Image",
        "id": gid("ImageSource", record["num"]),
        "altText": record.get("alt") or None,
        "url": url_of(context.shop, record),
        "width": record.get("width"),
        "height": record.get("height"),
    }


@resolver("MediaImage", "image")
def _media_image(record: Record, context: Context, _: Args) -> Record | None:
    return _image(record, context)


@resolver("MediaImage", "preview")
def _preview(record: Record, context: Context, _: Args) -> Record:
    return {"status": record.get("status", "UPLOADED"), "image": _image(record, context)}


@resolver("MediaImage", "status", "fileStatus")
def _status(record: Record, _: Context, __: Args) -> str:
    return str(record.get("status") or "UPLOADED")


@resolver("MediaImage", "mediaContentType")
def _content_type(_: Record, __: Context, ___: Args) -> str:
    return "IMAGE"


@resolver("MediaImage", "mediaErrors", "fileErrors")
def _errors(record: Record, _: Context, __: Args) -> list[dict[str, str]]:
    return list(record.get("errors") or [])


@resolver("MediaImage", "mimeType")
def _mime(record: Record, _: Context, __: Args) -> str | None:
    return record.get("mimeType")


@resolver("MediaImage", "originalSource")
def _original(record: Record, context: Context, _: Args) -> dict[str, Any] | None:
    if record.get("status") != "READY":
        return None
    return {"url": url_of(context.shop, record), "fileSize": record.get("fileSize")}
