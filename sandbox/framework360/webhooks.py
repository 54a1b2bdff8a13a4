"""Operations of the group "webhooks", and the events that changes of the store become."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from sandbox.common.backend import ApiResponse
from sandbox.framework360.calls import Call, Context
from sandbox.framework360.courier import Webhook
from sandbox.framework360.errors import RefusedError
from sandbox.framework360.fetching import is_loopback
from sandbox.framework360.order_records import order_record
from sandbox.framework360.product_records import product_record
from sandbox.framework360.store import Action, Kind
from sandbox.framework360.system import SITE

_SAMPLE_ID = 1


def announce(context: Context, changes: Iterable[tuple[Kind, int, Action]]) -> None:
    """Send what changed to the subscriptions that want it.

    Args:
        context: the site.
        changes: as `Store.changes` returns them.
    """
    if not context.courier.webhooks:
        return
    date = context.answers.time(context.now())
    for kind, record_id, action in changes:
        context.courier.send(f"{kind}.{action}", date, SITE, partial(_data, context, kind, record_id))


def _create(context: Context, parameters: dict[str, Any]) -> ApiResponse:
    url = parameters["url"]
    parts = urlsplit(url)
    if not parts.hostname or not (parts.scheme == "https" or is_loopback(url)):
        raise RefusedError("invalid_field", "url: serve https, o http su questa macchina")
    courier = context.courier
    webhook = Webhook(
        id=context.store.next_id("webhook"),
        url=url,
        events=frozenset(parameters["events"]),
        name=parameters.get("name", ""),
        secret=courier.secret() if context.options.webhook_signed else None,
        base_url=context.base_url,
    )
    courier.webhooks[webhook.id] = webhook
    record = {
        "id": context.answers.record_id(webhook.id),
        "url": url,
        "events": list(dict.fromkeys(parameters["events"])),
    }
    return context.answers.success({**record, "secret": webhook.secret})


def _delete(context: Context, parameters: dict[str, Any]) -> ApiResponse:
    webhook = _addressed(context, parameters["id"])
    del context.courier.webhooks[webhook.id]
    return context.answers.written(webhook.id)


async def _test(context: Context, parameters: dict[str, Any]) -> ApiResponse:
    webhook = _addressed(context, parameters["id"])
    event = parameters.get("event") or min(webhook.events)
    kind, _, action = event.partition(".")
    newest = {
        "customer": context.store.customer_ids,
        "product": context.store.goods.ids,
        "order": context.store.order_ids,
    }
    if action not in ("created", "updated", "deleted") or kind not in newest:
        raise RefusedError("invalid_field", f"event {event}")
    record_id = newest[kind][-1] if newest[kind] else _SAMPLE_ID
    data = {"id": context.answers.record_id(record_id)}
    if action != "deleted":
        data = _data(context, kind, record_id, webhook)
    date = context.answers.time(context.now())
    status = await context.courier.test(webhook, event, date, SITE, data)
    return context.answers.success({"delivered": status is not None and 200 <= status < 300, "http_status": status})


def _data(context: Context, kind: str, record_id: int, webhook: Webhook) -> Any:
    """Return the record as `*/get` shows it to the subscriber; only its id when it is gone."""
    store, answers = context.store, context.answers
    if kind == "customer" and record_id in store.customers:
        return answers.customer(store.customers[record_id])
    if kind == "product" and record_id in store.goods.products:
        product = store.goods.products[record_id]
        return product_record(product, answers, context.lookups, store.library, webhook.base_url)
    if kind == "order" and record_id in store.orders:
        return order_record(store.orders[record_id], answers, context.lookups, context.options, store)
    return {"id": answers.record_id(record_id)}


def _addressed(context: Context, wanted: Any) -> Webhook:
    text = str(wanted).strip()
    webhook = context.courier.webhooks.get(int(text)) if text.isdecimal() else None
    if webhook is None:
        raise RefusedError("not_found")
    return webhook


CALLS = {
    "webhooksCreate": Call("createwebhook", _create, write=True),
    "webhooksDelete": Call("deletewebhook", _delete, write=True),
    "webhooksTest": Call("testwebhook", _test),
}
