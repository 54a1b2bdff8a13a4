"""Quirk switches of the Shopify sandbox, set at `/_sandbox/options`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from sandbox.shopify.access import PROTECTED
from sandbox.shopify.times import micros

SHOP_STATUS = {"open": 200, "frozen": 402, "forbidden": 403, "unknown": 404, "locked": 423}


@dataclass(frozen=True, slots=True)
class Options:
    """Every switch with its start value.

    Args:
        shop_status: "open", or what makes each API call fail: "frozen" (402), "forbidden" (403), "unknown" (404),
            "locked" (423).
        bucket_size: points the bucket holds (standard plan 2,000).
        restore_rate: points restored per second (standard plan 100).
        max_cost: points one operation may request.
        throttle_status: False leaves `throttleStatus` out of the answers.
        index_lag_seconds: time until a write shows in searches.
        whole_day_filter: `updated_at` of customers matches whole days.
        paging_limit: objects after which cursor paging ends.
        token_scopes: scopes, comma separated, of the static token and of those issued from now on; "*" is all of them.
        revoked: every token is dead, as after an uninstallation.
        access_token_seconds: lifetime of expiring offline access tokens.
        hidden_customer_data: groups of protected customer data without approval: name, address, phone, email.
        newest_version: newest version served; a request for an older one than `oldest_version` falls forward.
        oldest_version: oldest version served.
        webhook_deliver: False: nothing is delivered.
        webhook_drop: share of deliveries that are lost, 0 to 1.
        webhook_duplicate: share of deliveries that come twice.
        webhook_shuffle: True: deliveries that are due together go out in random order.
        webhook_delay_seconds: time between change and delivery.
        webhook_retry_seconds: pause before each retry of a failed delivery (Shopify: 8 retries over 4 hours).
        webhook_secret: True signs with the client secret; False signs with a wrong one.
        active_products_only: `products` without a status filter lists ACTIVE ones only, as its documentation says.
        bulk_seconds: least time of a bulk operation from CREATED to its end.
        bulk_limit: bulk queries, and bulk mutations, that may run at a time.
        bulk_short: share of the lines missing at the end of result files, which stay valid; counts tell the truth.
        bulk_fail_after: objects after which a bulk operation ends FAILED; 0: never.
        bulk_expire: bulk operations end EXPIRED.
        media_seconds: time a file takes from UPLOADED to READY or FAILED.
        job_seconds: time a job (a new order of images) takes.
        product_set_seconds: time an asynchronous productSet or productDelete takes.
        product_set_matches_options: productSet recognises a variant without id by its option values; False: it is a new
            variant and the old one is deleted.
        orders_readable_since: start of what an app without `read_all_orders` sees of the orders: by default 60 days
            before the end of the seed.
    """

    shop_status: str = "open"
    bucket_size: float = 2000.0
    restore_rate: float = 100.0
    max_cost: int = 1000
    throttle_status: bool = True
    index_lag_seconds: float = 0.0
    whole_day_filter: bool = False
    paging_limit: int = 25_000
    token_scopes: str = "*"  # noqa: S105 - names of scopes
    revoked: bool = False
    access_token_seconds: int = 3600
    hidden_customer_data: tuple[str, ...] = field(default=())
    newest_version: str = "2026-10"
    oldest_version: str = "2026-01"
    webhook_deliver: bool = True
    webhook_drop: float = 0.0
    webhook_duplicate: float = 0.0
    webhook_shuffle: bool = False
    webhook_delay_seconds: float = 0.0
    webhook_retry_seconds: float = 1.0
    webhook_secret: bool = True
    active_products_only: bool = False
    bulk_seconds: float = 0.2
    bulk_limit: int = 5
    bulk_short: float = 0.0
    bulk_fail_after: int = 0
    bulk_expire: bool = False
    media_seconds: float = 0.5
    job_seconds: float = 0.0
    product_set_seconds: float = 0.5
    product_set_matches_options: bool = False
    orders_readable_since: str = "2025-11-16T08:00:00+00:00"

    def changed(self, changes: Mapping[str, Any]) -> Options:
        """Return the options with changes.

        Raises:
            ValueError: an unknown switch or a value it cannot take.
        """
        known = {entry.name: type(getattr(self, entry.name)) for entry in fields(self)}
        values: dict[str, Any] = {}
        for name, value in changes.items():
            kind = known.get(name)
            if kind is None:
                raise ValueError(f"unknown option {name!r}; known: {', '.join(sorted(known))}")
            values[name] = _value(name, value, kind)
        return replace(self, **values)

    def readable_since(self) -> int:
        """Return `orders_readable_since` in microseconds since 1970."""
        return micros(datetime.fromisoformat(self.orders_readable_since))

    def as_dict(self) -> dict[str, Any]:
        """Return every switch with its value."""
        return asdict(self)


def _value(name: str, value: Any, kind: type) -> Any:
    if kind is tuple:
        groups = value.split(",") if isinstance(value, str) else value
        if not isinstance(groups, list | tuple) or not {group for group in groups if group} <= set(PROTECTED):
            raise ValueError(f"option {name} takes a list out of {', '.join(PROTECTED)}")
        return tuple(group for group in groups if group)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not kind:
        raise ValueError(f"option {name} takes a value like {kind.__name__}, not {value!r}")
    if name == "shop_status" and value not in SHOP_STATUS:
        raise ValueError(f"option shop_status is one of {', '.join(SHOP_STATUS)}")
    if name == "orders_readable_since" and datetime.fromisoformat(str(value)).tzinfo is None:
        raise ValueError("option orders_readable_since is an ISO time with an offset")
    if kind is not bool and isinstance(value, float | int) and value < 0:
        raise ValueError(f"option {name} is not negative")
    return value
