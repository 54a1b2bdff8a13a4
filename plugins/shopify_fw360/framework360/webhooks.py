"""Deliveries from Framework360: nothing about them is documented, so whatever can be understood is a hint.

Contract, section 11 (A-HOOK): a record type and an id are needed, from ``event`` or ``type`` and ``data.id`` or ``id``.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson

from shopify_fw360.framework360 import wire
from shopify_fw360.framework360.values import identifier
from shopify_fw360.records import DeliveryRefusedError, Entity, Event, EventTask, Operation, System

MOST_FIELDS: Final = 100
"""Fields of a form that are read, and of an unknown body that are described."""

_KINDS: Final = {kind: Entity(kind) for kind in wire.EVENT_RECORDS}
_NAME: Final = re.compile(r"([a-z]+?)s?(?:[._:/-]([a-z]+))?", re.IGNORECASE)
_DELETED: Final = frozenset({"deleted", "delete", "removed", "remove"})
_ID: Final = re.compile(r"[0-9]{1,18}")
_DELIVERY: Final = re.compile(r"[!-~]{1,200}")
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
_DEPTH: Final = 4


def is_authentic(secret: str, body: bytes, signature: str) -> bool:
    """Whether a body was signed with the secret of its subscription, compared in constant time."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    expected = f"{wire.SIGNATURE_PREFIX}{digest}"
    return hmac.compare_digest(expected.encode(), signature.strip().lower().encode("ascii", "replace"))


def read_event(body: bytes, *, form: bool = False) -> Event:
    """Make an event of a delivery.

    Args:
        body: as received.
        form: the body is an HTML form instead of JSON.

    Returns:
        The event. A body that cannot be understood becomes one whose task is to be studied, with the shape of the body
        and none of its values.

    Raises:
        DeliveryRefusedError: the body is no object at all.
    """
    content = _form(body) if form else _json(body)
    digest = hashlib.sha256(body).hexdigest()
    name = next((text for key in wire.EVENT_NAMES if isinstance(text := content.get(key), str) and text), "")
    parts = _NAME.fullmatch(name.strip())
    entity = None if parts is None else _KINDS.get(parts[1].lower())
    data = content.get(wire.DATA)
    inner = _record_id(data.get(wire.ID) if isinstance(data, Mapping) else data)
    outer = _record_id(content.get(wire.ID))
    record_id = inner or outer
    if parts is None or entity is None or record_id is None:
        return Event(
            System.FRAMEWORK360,
            f"body {digest}",
            "not understood",
            task=EventTask.STUDY,
            data={"shape": _shape(content)},
        )
    action = (parts[2] or "updated").lower()
    topic = f"{entity.value}.{action if action in wire.EVENT_ACTIONS else 'updated'}"
    # The delivery's own id; without `data` the id at the top is that of the record.
    delivery = content.get(wire.ID) if inner is not None else None
    known = isinstance(delivery, str | int) and _DELIVERY.fullmatch(str(delivery))
    key = f"{delivery}|{topic}" if known else f"body {digest}"
    operation = Operation.DELETE if action in _DELETED else Operation.UPSERT
    if entity is Entity.ORDER:
        # Sales only flow towards Framework360, but they change what a customer has spent.
        buyer = _record_id(data.get(wire.ORDER_CUSTOMER)) if isinstance(data, Mapping) else None
        return Event(System.FRAMEWORK360, key, topic, None if buyer is None else Entity.CUSTOMER, buyer)
    topic = f"{entity.value}.deleted" if operation is Operation.DELETE else topic
    return Event(System.FRAMEWORK360, key, topic, entity, record_id, operation)


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise DeliveryRefusedError("malformed", "the body is not JSON") from None
    if not isinstance(content, dict):
        raise DeliveryRefusedError("malformed", "the body is no JSON object")
    return content


def _form(body: bytes) -> Mapping[str, Any]:
    """Read a PHP form, ``event=customer.updated&data[id]=17``, one level deep."""
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise DeliveryRefusedError("malformed", "the body is no form") from None
    if not pairs:
        raise DeliveryRefusedError("malformed", "the body is no form")
    content: dict[str, Any] = {}
    for name, value in pairs:
        outer, bracket, inner = name.partition("[")
        if bracket and inner.endswith("]"):
            held = content.setdefault(outer, {})
            if isinstance(held, dict):
                held[inner.removesuffix("]")] = value
        else:
            content[name] = value
    return content


def _record_id(value: object) -> str | None:
    text = identifier(value) if isinstance(value, str | int) and not isinstance(value, bool) else None
    return text if text is not None and _ID.fullmatch(text) else None


def _shape(value: object, depth: int = 0) -> Any:
    """Describe a value by its types; texts and numbers are not kept."""
    if isinstance(value, Mapping):
        if depth >= _DEPTH:
            return "object"
        items = list(value.items())[:MOST_FIELDS]
        # A key that is no plain name may be somebody's address.
        return {key if _PLAIN.fullmatch(key) else "?": _shape(item, depth + 1) for key, item in items}
    if isinstance(value, list):
        return [_shape(value[0], depth + 1)] if value and depth < _DEPTH else []
    return {bool: "flag", int: "number", float: "number", str: "text"}.get(type(value), "nothing")
