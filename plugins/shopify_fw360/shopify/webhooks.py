"""Deliveries from Shopify: whether they are authentic, whom they are for, and what they tell."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson

from shopify_fw360.records import DeliveryRefusedError, Entity, Event, EventTask, Operation, PrivacyKind, System
from shopify_fw360.shopify.paths import ROOT_TYPES
from shopify_fw360.shopify.topics import TOPICS, Topic

OLDEST: Final = timedelta(days=2)
"""Age beyond which a delivery is not taken (Shopify: retried for 4 hours, in incidents up to a day late)."""

AHEAD: Final = timedelta(minutes=10)
"""How far the clock of the sender may be ahead of ours."""

MOST_IDS: Final = 10_000
"""Orders named by one request about personal data that are kept."""

_SAFE: Final = re.compile(r"[!-~]*")
_LONGEST: Final = 255
_TOPIC: Final = re.compile(r"[a-z_]{2,60}[/.][a-z_]{2,60}")
_ACTIONS: Final = {"create": "create", "update": "update", "delete": "delete", "updated": "update"}
_GID: Final = re.compile(r"gid://shopify/([A-Za-z]+)/([0-9]{1,19})")
_MERGED: Final = ("kept", "deleted")
_ONLY_IN: Final = {
    "customer": (PrivacyKind.CUSTOMER_DATA, PrivacyKind.CUSTOMER_REDACT),
    "orders_requested": (PrivacyKind.CUSTOMER_DATA,),
    "data_request": (PrivacyKind.CUSTOMER_DATA,),
    "orders_to_redact": (PrivacyKind.CUSTOMER_REDACT,),
}
"""Keys by which the bodies of the compliance topics are told apart."""
_DIGITS: Final = re.compile(r"[0-9]{1,19}")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the headers of a delivery say. Shopify signs the body only, so none of it is proof of anything.

    Args:
        topic: header form, ``customers/update``.
        shop: permanent domain in lower case.
        key: equal in every delivery of one event to one subscription, empty if the headers do not tell.
        triggered_at: aware UTC time, None if the headers do not tell.
        resource_id: id of the record, only told by the newer events.
    """

    topic: str
    shop: str
    key: str
    triggered_at: datetime | None
    resource_id: str = ""


_CLASSIC: Final = "x-shopify-"
_NEWER: Final = "shopify-"
_SIGNATURE: Final = "hmac-sha256"


def signature_of(headers: Mapping[str, str]) -> str:
    """Return the signature of a delivery, empty if it has none."""
    return headers.get(_CLASSIC + _SIGNATURE) or headers.get(_NEWER + _SIGNATURE) or ""


def is_authentic(secrets: Sequence[bytes], body: bytes, signature: str) -> bool:
    """Whether a body was signed with one of the secrets; takes the same time whichever it is, if any.

    Args:
        secrets: client secrets of the app, two while Shopify rotates them.
        body: as received, byte by byte.
        signature: base64 of the HMAC-SHA256 of the body (Shopify: webhooks, delivery).
    """
    given = signature.encode("ascii", "replace")
    found = False
    for secret in secrets:
        expected = base64.b64encode(hmac.new(secret, body, hashlib.sha256).digest())
        found |= hmac.compare_digest(expected, given)
    return found


def read_envelope(headers: Mapping[str, str]) -> Envelope:
    """Read the headers of either family, ``X-Shopify-Topic`` or ``shopify-topic``.

    Args:
        headers: by lower-case name.

    Returns:
        The envelope; it may lack everything.

    Raises:
        DeliveryRefusedError: ``malformed`` for what no sender of Shopify writes.
    """
    # Shopify: the newer events are marked by this header, and their duplicate key is the webhook id.
    newer = _CLASSIC + _SIGNATURE not in headers and _NEWER + _SIGNATURE in headers
    prefix = _NEWER if newer else _CLASSIC
    names = (
        "topic",
        "shop-domain",
        "event-id",
        "webhook-id",
        "triggered-at",
        "name",
        "handle",
        "action",
        "resource-id",
    )
    topic, shop, event, webhook, moment, name, handle, action, resource = texts = [
        headers.get(prefix + name, "") for name in names
    ]
    if not _SAFE.fullmatch("".join(texts)) or max(map(len, texts)) > _LONGEST:
        raise DeliveryRefusedError("malformed", "a header of a form that Shopify does not send")
    topic, shop = topic.lower(), shop.lower()
    if newer:
        topic, event, name = _newer_topic(topic, action.lower()), webhook, handle
    event = event or webhook
    return Envelope(
        topic=topic,
        shop=shop,
        key=f"{event}|{topic}|{shop}|{name}" if event else "",
        triggered_at=_moment(moment),
        resource_id=resource if newer else "",
    )


def read_event(envelope: Envelope, body: bytes, shop: str, now: datetime) -> Event | None:
    """Make an event of an authentic delivery.

    Args:
        envelope: its headers.
        body: as received.
        shop: permanent domain of the shop that we serve, in lower case.
        now: aware UTC time.

    Returns:
        The event, None for topics of which this project makes nothing.

    Raises:
        DeliveryRefusedError: another shop, no topic, too old, or a body that does not fit the topic.
    """
    if envelope.shop != shop:
        raise DeliveryRefusedError("shop", "the delivery is for another shop")
    if not _TOPIC.fullmatch(envelope.topic):
        raise DeliveryRefusedError("topic", "no topic")
    if envelope.triggered_at is not None and not now - OLDEST <= envelope.triggered_at <= now + AHEAD:
        raise DeliveryRefusedError("stale", "triggered too long ago, or in the future")
    content = _content(body)
    topic = TOPICS.get(envelope.topic)
    if topic is None:
        return None
    key = envelope.key or f"body {hashlib.sha256(body).hexdigest()}|{envelope.topic}|{shop}|"
    if topic.privacy is not None:
        return _privacy_event(topic, topic.privacy, content, key, shop, envelope.triggered_at)
    data = {} if topic.task is None else _task_data(topic, topic.task, content, shop)
    return Event(
        system=System.SHOPIFY,
        key=key,
        topic=topic.name,
        entity=topic.entity,
        record_id=None if topic.entity is None else _record_id(topic, topic.entity, content, envelope.resource_id),
        operation=topic.operation,
        triggered_at=envelope.triggered_at,
        task=topic.task,
        data=data,
    )


def _content(body: bytes) -> Mapping[str, Any]:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise DeliveryRefusedError("malformed", "the body is not JSON") from None
    if not isinstance(content, dict):
        raise DeliveryRefusedError("malformed", "the body is no JSON object")
    return content


def _newer_topic(topic: str, action: str) -> str:
    """Bring ``Product`` with action ``update`` to the form of the classic webhooks."""
    if "/" in topic or not topic:
        return topic
    plural = topic if topic.endswith("s") else f"{topic}s"
    name = f"{plural}/{_ACTIONS.get(action, action)}"
    return "orders/updated" if name == "orders/update" else name


def _record_id(topic: Topic, entity: Entity, content: Mapping[str, Any], resource_id: str) -> str:
    kind = ROOT_TYPES[entity]
    for path in topic.paths:
        found = _gid(kind, _at(content, path))
        if found is not None:
            return found
    found = _gid(kind, resource_id)
    if found is None:
        raise DeliveryRefusedError("malformed", f"the body names no {entity.value}")
    return found


def _task_data(topic: Topic, task: EventTask, content: Mapping[str, Any], shop: str) -> dict[str, Any]:
    if task is EventTask.CUSTOMER_MERGE:
        kept, gone = (_gid("Customer", content.get(f"admin_graphql_api_customer_{end}_id")) for end in _MERGED)
        if kept is None or gone is None:
            raise DeliveryRefusedError("malformed", "the body does not name both customers")
        return {"kept": kept, "deleted": gone}
    if task is EventTask.STOCK:
        for path in topic.paths:
            item = _gid("InventoryItem", _at(content, path))
            if item is not None:
                return {"inventory_item": item}
        raise DeliveryRefusedError("malformed", "the body names no inventory item")
    if task is EventTask.BULK_FINISHED:
        operation = _gid("BulkOperation", content.get("admin_graphql_api_id"))
        if operation is None:
            raise DeliveryRefusedError("malformed", "the body names no bulk operation")
        return {"operation": operation}
    if task is EventTask.APP_UNINSTALLED and shop not in (
        str(content.get("myshopify_domain")).lower(),
        str(content.get("domain")).lower(),
    ):
        # The topic is not signed: without this any captured body could be sent again as the end of the app.
        raise DeliveryRefusedError("malformed", "the body is not that of this shop")
    return {}


def _privacy_event(
    topic: Topic, kind: PrivacyKind, content: Mapping[str, Any], key: str, shop: str, triggered_at: datetime | None
) -> Event:
    if str(content.get("shop_domain")).lower() != shop:
        raise DeliveryRefusedError("malformed", "the body is not about this shop")
    strange = any(name in content and kind not in kinds for name, kinds in _ONLY_IN.items())
    if strange or (kind is PrivacyKind.CUSTOMER_REDACT and "orders_to_redact" not in content):
        # The topic is not signed: a captured request for data must not be sent again as one to erase them.
        raise DeliveryRefusedError("malformed", "the body is not that of this topic")
    data: dict[str, Any] = {"shop_id": _number(content.get("shop_id"))}
    if kind is not PrivacyKind.SHOP_REDACT:
        customer = content.get("customer")
        data["customer_id"] = _gid("Customer", customer.get("id") if isinstance(customer, dict) else None)
        if data["customer_id"] is None:
            raise DeliveryRefusedError("malformed", "the body names no customer")
        orders = content.get("orders_to_redact" if kind is PrivacyKind.CUSTOMER_REDACT else "orders_requested")
        listed = orders[:MOST_IDS] if isinstance(orders, list) else []
        data["orders"] = [number for order in listed if (number := _number(order)) is not None]
        request = content.get("data_request")
        data["request_id"] = _number(request.get("id")) if isinstance(request, dict) else None
    return Event(
        System.SHOPIFY, key, topic.name, operation=Operation.UPSERT, triggered_at=triggered_at, privacy=kind, data=data
    )


def _at(content: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = content
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _gid(kind: str, value: object) -> str | None:
    number = _number(value)
    if number is not None:
        return f"gid://shopify/{kind}/{number}"
    found = _GID.fullmatch(value) if isinstance(value, str) else None
    return value if isinstance(value, str) and found is not None and found[1] == kind else None


def _number(value: object) -> str | None:
    if isinstance(value, bool):
        return None
    text = str(value) if isinstance(value, int | str) else ""
    return text if _DIGITS.fullmatch(text) else None


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise DeliveryRefusedError("malformed", "header triggered-at") from None
    if moment.tzinfo is None:
        raise DeliveryRefusedError("malformed", "header triggered-at")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise DeliveryRefusedError("malformed", "header triggered-at") from None
