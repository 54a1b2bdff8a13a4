"""The webhook topics this project knows: what each is about, where its body says so, what it takes to subscribe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shopify_fw360.records import Entity, EventTask, Operation, PrivacyKind

UPSERT, DELETE = Operation.UPSERT, Operation.DELETE

_CUT: Final = ("id", "admin_graphql_api_id", "updated_at")
"""Fields a hint needs (Shopify: without ``updated_at`` equal bodies are merged, so that changes would be lost)."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic.

    Args:
        name: as the header writes it, ``customers/update``.
        entity: what its record is, None if it is not about one record we synchronise.
        operation: what has happened to it.
        paths: where the body names the record, in order of preference.
        scopes: access scopes of which one is needed to subscribe; none for no scope.
        task: what else is to be done.
        privacy: set for the compliance topics, which are configured on the app and cannot be subscribed to.
        fields: top-level fields of the body that are asked for, none for all.
        subscribed: whether a subscription is wanted where the scopes allow it.
    """

    name: str
    entity: Entity | None
    operation: Operation = UPSERT
    paths: tuple[tuple[str, ...], ...] = (("admin_graphql_api_id",), ("id",))
    scopes: tuple[str, ...] = ()
    task: EventTask | None = None
    privacy: PrivacyKind | None = None
    fields: tuple[str, ...] = ()
    subscribed: bool = True

    @property
    def constant(self) -> str:
        """Its name in the GraphQL enumeration ``WebhookSubscriptionTopic``."""
        return self.name.replace("/", "_").replace(".", "_").upper()


_CUSTOMER_ID: Final = (("customer_id",), ("customerId",), ("admin_graphql_api_customer_id",))
_ORDER_ID: Final = (("order_id",),)
_OF_CUSTOMERS: Final = ("read_customers",)
_OF_PRODUCTS: Final = ("read_products",)
_OF_STOCK: Final = ("read_inventory",)
_OF_ORDERS: Final = ("read_orders",)


def _customer(name: str, operation: Operation = UPSERT, **more: object) -> Topic:
    return Topic(name, Entity.CUSTOMER, operation, scopes=_OF_CUSTOMERS, **more)  # type: ignore[arg-type]


def _order(name: str, operation: Operation = UPSERT, **more: object) -> Topic:
    return Topic(name, Entity.ORDER, operation, **{"scopes": _OF_ORDERS, **more})  # type: ignore[arg-type]


_ALL: Final = (
    _customer("customers/create", fields=_CUT),
    _customer("customers/update", fields=_CUT),
    _customer("customers/delete", DELETE),
    _customer("customers/enable", fields=_CUT),
    _customer("customers/disable", fields=_CUT),
    # Since 2025-01 bodies of customers carry neither consent nor tags; those have topics of their own.
    _customer("customers_email_marketing_consent/update", paths=_CUSTOMER_ID),
    _customer("customers_marketing_consent/update", paths=(*_CUSTOMER_ID, ("id",))),
    _customer("customer.tags_added", paths=_CUSTOMER_ID),
    _customer("customer.tags_removed", paths=_CUSTOMER_ID),
    _customer("customers/purchasing_summary", paths=_CUSTOMER_ID, subscribed=False),
    Topic(
        "customers/merge",
        Entity.CUSTOMER,
        paths=(("admin_graphql_api_customer_kept_id",),),
        scopes=("read_customer_merge",),
        task=EventTask.CUSTOMER_MERGE,
    ),
    Topic("products/create", Entity.PRODUCT, scopes=_OF_PRODUCTS, fields=_CUT),
    Topic("products/update", Entity.PRODUCT, scopes=_OF_PRODUCTS, fields=_CUT),
    Topic("products/delete", Entity.PRODUCT, DELETE, scopes=_OF_PRODUCTS),
    Topic("variants/in_stock", Entity.PRODUCT, paths=(("product_id",),), scopes=_OF_PRODUCTS, subscribed=False),
    Topic("variants/out_of_stock", Entity.PRODUCT, paths=(("product_id",),), scopes=_OF_PRODUCTS, subscribed=False),
    Topic(
        "inventory_levels/update",
        None,
        paths=(("inventory_item_id",),),
        scopes=_OF_STOCK,
        task=EventTask.STOCK,
    ),
    Topic("inventory_items/update", None, scopes=_OF_STOCK, task=EventTask.STOCK, fields=_CUT),
    _order("orders/create", fields=_CUT),
    _order("orders/updated", fields=_CUT),
    _order("orders/paid", fields=_CUT),
    _order("orders/cancelled", fields=_CUT),
    _order("orders/fulfilled", fields=_CUT),
    _order("orders/partially_fulfilled", fields=_CUT),
    _order("orders/edited", paths=(("order_edit", "order_id"), *_ORDER_ID)),
    _order("orders/delete", DELETE),
    _order("refunds/create", paths=_ORDER_ID, fields=("id", "admin_graphql_api_id", "order_id", "created_at")),
    _order("order_transactions/create", paths=_ORDER_ID, subscribed=False),
    _order("fulfillments/create", paths=_ORDER_ID, scopes=("read_fulfillments",), subscribed=False),
    _order("fulfillments/update", paths=_ORDER_ID, scopes=("read_fulfillments",), subscribed=False),
    _order("returns/update", paths=(("order", "id"),), scopes=("read_returns",), subscribed=False),
    Topic("app/uninstalled", None, task=EventTask.APP_UNINSTALLED, fields=("id", "myshopify_domain", "domain")),
    Topic("app/scopes_update", None, task=EventTask.SCOPES_CHANGED),
    Topic("bulk_operations/finish", None, task=EventTask.BULK_FINISHED),
    Topic("customers/data_request", None, privacy=PrivacyKind.CUSTOMER_DATA, subscribed=False),
    Topic("customers/redact", None, privacy=PrivacyKind.CUSTOMER_REDACT, subscribed=False),
    Topic("shop/redact", None, privacy=PrivacyKind.SHOP_REDACT, subscribed=False),
)

TOPICS: Final[Mapping[str, Topic]] = {topic.name: topic for topic in _ALL}
"""Every known topic by the name in the header. Others are acknowledged and nothing is done about them."""

ENTITY_OF_SCOPED: Final = {"read_inventory": Entity.PRODUCT}
"""What the topics without an entity of their own serve, by scope."""


def serves(topic: Topic) -> Entity | None:
    """Return the entity for whose sake a topic is subscribed, None for one that is wanted in any case."""
    if topic.entity is not None:
        return topic.entity
    return next((entity for scope, entity in ENTITY_OF_SCOPED.items() if scope in topic.scopes), None)
