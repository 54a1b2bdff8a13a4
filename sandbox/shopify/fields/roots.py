"""Query roots: lists, counts, and records by id or identifier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLError

from sandbox.shopify.connections import Page, count_matches, list_page, table_page
from sandbox.shopify.customer_records import clean_phone, email_key, metafield_key, phone_key
from sandbox.shopify.errors import ShopifyError
from sandbox.shopify.fields.customers import address_record
from sandbox.shopify.fields.lists import note_search
from sandbox.shopify.fields.metafields import metafield_record
from sandbox.shopify.fields.shop import shop_record
from sandbox.shopify.fields.stock import find_level
from sandbox.shopify.fields.within_orders import CHILDREN_OF_ORDERS, LAST_OF_ORDERS, find_in_order
from sandbox.shopify.ids import CHILDREN, number_of, parse_gid
from sandbox.shopify.jobs import job_record
from sandbox.shopify.order_records import visible
from sandbox.shopify.order_search import order_language
from sandbox.shopify.product_records import handle_key
from sandbox.shopify.registry import resolver
from sandbox.shopify.searching import Language, compile_search, exact_filter, number_filter, time_filter
from sandbox.shopify.shop import LOCATIONS, SHOP_GID, Context, Shop
from sandbox.shopify.table import Record

Args = Mapping[str, Any]


def unknown_id(text: str) -> GraphQLError:
    """Build Shopify's error for an id that is none."""
    return ShopifyError(f"Invalid global id '{text}'", "argumentLiteralsIncompatible", typeName="CoercionError")


def load(shop: Shop, gid: str) -> Record | None:
    """Return the record of a global id: a stored one, or an address or metafield of one.

    Raises:
        ShopifyError: the text is no global id.
    """
    parsed = parse_gid(gid)
    if parsed is None:
        raise unknown_id(gid)
    type_name, number = parsed
    if type_name == "InventoryLevel":
        return find_level(shop, gid)
    if type_name in shop.tables:
        return shop.tables[type_name].get(number)
    if type_name in CHILDREN_OF_ORDERS or (type_name == "MailingAddress" and number < LAST_OF_ORDERS):
        return find_in_order(shop, type_name, number)
    if type_name == "MailingAddress":
        owner = shop.customers.get(number // CHILDREN)
        addresses = (owner or {}).get("addresses") or []
        return next((address_record(owner or {}, entry) for entry in addresses if entry["num"] == number), None)
    if type_name == "Metafield":
        for table in shop.tables.values():
            owner = table.get(number // CHILDREN)
            for name, stored in ((owner or {}).get("metafields") or {}).items():
                if owner is not None and stored["num"] == number:
                    return metafield_record(owner, name)
    return None


def _one(context: Context, gid: str) -> Record | None:
    record = shop_record(context) if gid == SHOP_GID else load(context.shop, gid)
    order = record if record is not None and record["__typename"] == "Order" else (record or {}).get("order")
    return record if order is None or visible(context, order) else None


@resolver("QueryRoot", "node")
def _node(_: Record, context: Context, args: Args) -> Record | None:
    return _one(context, args["id"])


@resolver("QueryRoot", "nodes")
def _nodes(_: Record, context: Context, args: Args) -> list[Record | None]:
    return [_one(context, gid) for gid in args["ids"]]


def _by_id(type_name: str, *fields: str) -> None:
    def by_id(_: Record, context: Context, args: Args) -> Record | None:
        if args.get("id") is None:
            return None
        if parse_gid(args["id"]) is None and not args["id"].isdigit():
            raise unknown_id(args["id"])
        number = int(args["id"]) if args["id"].isdigit() else number_of(args["id"], type_name)
        return None if number is None else context.shop.tables[type_name].get(number)

    for field in fields:
        resolver("QueryRoot", field)(by_id)


_by_id("Customer", "customer")
_by_id("Product", "product")
_by_id("ProductVariant", "productVariant")
_by_id("InventoryItem", "inventoryItem")
_by_id("Collection", "collection")
_by_id("BulkOperation", "bulkOperation")
_by_id("WebhookSubscription", "webhookSubscription")


def _of_orders(type_name: str, field: str) -> None:
    @resolver("QueryRoot", field)
    def by_id(_: Record, context: Context, args: Args) -> Record | None:
        record = _one(context, args["id"])
        return record if record is not None and record["__typename"] == type_name else None


_of_orders("Order", "order")
_of_orders("Refund", "refund")
_of_orders("Return", "return")


@resolver("QueryRoot", "orderByIdentifier")
def _order_by_identifier(_: Record, context: Context, args: Args) -> Record | None:
    shop, identifier = context.shop, args["identifier"]
    if identifier.get("id") is not None:
        number = number_of(identifier["id"], "Order")
    else:
        name = custom_id_name(shop, "ORDER", identifier["customId"])
        number = shop.orders.find(metafield_key(name, identifier["customId"]["value"]))
    record = None if number is None else shop.orders.get(number)
    return record if record is not None and visible(context, record) else None


@resolver("Customer", "orders")
def _customer_orders(record: Record, context: Context, args: Args) -> Page:
    search = note_search(
        context, "orders", args.get("query"), compile_search(args.get("query"), order_language(context.shop))
    )
    found = [order for order in _orders_of(context, record) if search.matches(order)]
    sort = args["sortKey"] if context.shop.orders.has_sort(args["sortKey"]) else "ID"
    return list_page(sorted(found, key=lambda order: context.shop.orders.place(sort, order)), args)


@resolver("Customer", "lastOrder")
def _last_order(record: Record, context: Context, _: Args) -> Record | None:
    return max(_orders_of(context, record), key=lambda order: int(order["processedAt"]), default=None)


def _orders_of(context: Context, customer: Record) -> list[Record]:
    orders = (context.shop.orders.get(number) for number in context.shop.orders_of.get(customer["num"], []))
    return [order for order in orders if order is not None and visible(context, order)]


def find_customer(shop: Shop, identifier: Mapping[str, Any]) -> Record | None:
    """Return the customer of an identifier: id, e-mail, phone (both spellings of the inputs) or custom id.

    Raises:
        ShopifyError: the custom id has no definition of type `id`.
    """
    if identifier.get("id") is not None:
        number = number_of(identifier["id"], "Customer")
        return None if number is None else shop.customers.get(number)
    if identifier.get("customId") is not None:
        name = custom_id_name(shop, "CUSTOMER", identifier["customId"])
        key = metafield_key(name, identifier["customId"]["value"])
    elif (email := identifier.get("email", identifier.get("emailAddress"))) is not None:
        key = email_key(email.strip())
    else:
        phone = str(identifier.get("phone", identifier.get("phoneNumber")))
        key = phone_key(clean_phone(phone) or phone)
    number = shop.customers.find(key)
    return None if number is None else shop.customers.get(number)


def custom_id_name(shop: Shop, owner_type: str, custom_id: Mapping[str, Any]) -> str:
    """Return "namespace.key" of a custom id.

    Raises:
        ShopifyError: there is no definition of type `id` (Shopify: a top-level NOT_FOUND).
    """
    namespace = shop.namespace(custom_id.get("namespace"))
    definition = shop.definition(owner_type, namespace, custom_id["key"])
    if definition is None or definition["type"] != "id":
        raise ShopifyError("Metafield definition of type 'id' is required when using custom ids.", "NOT_FOUND")
    return f"{namespace}.{custom_id['key']}"


def find_product(shop: Shop, identifier: Mapping[str, Any]) -> Record | None:
    """Return the product of an identifier: id, handle or custom id.

    Raises:
        ShopifyError: the custom id has no definition of type `id`.
    """
    if identifier.get("id") is not None:
        number = number_of(identifier["id"], "Product")
    elif identifier.get("customId") is not None:
        name = custom_id_name(shop, "PRODUCT", identifier["customId"])
        number = shop.products.find(metafield_key(name, identifier["customId"]["value"]))
    else:
        number = shop.products.find(handle_key(str(identifier.get("handle"))))
    return None if number is None else shop.products.get(number)


@resolver("QueryRoot", "productByIdentifier")
def _product_by_identifier(_: Record, context: Context, args: Args) -> Record | None:
    return find_product(context.shop, args["identifier"])


@resolver("QueryRoot", "productVariantByIdentifier")
def _variant_by_identifier(_: Record, context: Context, args: Args) -> Record | None:
    shop, identifier = context.shop, args["identifier"]
    if identifier.get("id") is not None:
        number = number_of(identifier["id"], "ProductVariant")
    else:
        name = custom_id_name(shop, "PRODUCTVARIANT", identifier["customId"])
        number = shop.variants.find(metafield_key(name, identifier["customId"]["value"]))
    return None if number is None else shop.variants.get(number)


@resolver("QueryRoot", "currentBulkOperation")
def _current_bulk(_: Record, context: Context, args: Args) -> Record | None:
    found = [record for record in context.shop.tables["BulkOperation"].all() if record["type"] == args["type"]]
    return max(found, key=lambda record: int(record["num"]), default=None)


@resolver("QueryRoot", "inventoryLevel")
def _inventory_level(_: Record, context: Context, args: Args) -> Record | None:
    return find_level(context.shop, args["id"])


@resolver("QueryRoot", "productOperation")
def _product_operation(_: Record, context: Context, args: Args) -> Record | None:
    found = load(context.shop, args["id"])
    return found if found is not None and found["__typename"].endswith("Operation") else None


@resolver("ProductSetOperation", "product")
def _operation_product(record: Record, context: Context, _: Args) -> Record | None:
    return context.shop.products.get(record.get("product", 0))


@resolver("QueryRoot", "customerByIdentifier")
def _customer_by_identifier(_: Record, context: Context, args: Args) -> Record | None:
    return find_customer(context.shop, args["identifier"])


@resolver("QueryRoot", "job")
def _job(_: Record, context: Context, args: Args) -> Record | None:
    return job_record(context.shop, args["id"]) if args["id"] in context.shop.jobs else None


@resolver("QueryRoot", "location")
def _location(_: Record, context: Context, args: Args) -> Record | None:
    if args.get("id") is None:
        return context.shop.locations.get(next(iter(LOCATIONS)))
    number = number_of(args["id"], "Location")
    return None if number is None else context.shop.locations.get(number)


_SIMPLE = Language(
    filters={
        "id": number_filter(lambda record: record["num"]),
        "created_at": time_filter(lambda record: record.get("createdAt")),
        "updated_at": time_filter(lambda record: record.get("updatedAt")),
        "topic": exact_filter(lambda record: record.get("topic")),
        "name": exact_filter(lambda record: record.get("name")),
        "key": exact_filter(lambda record: record.get("key")),
        "namespace": exact_filter(lambda record: record.get("namespace")),
        "type": exact_filter(lambda record: record.get("type")),
        "owner_type": exact_filter(lambda record: record.get("ownerType")),
        "active": exact_filter(lambda _: "true"),
    },
    words=lambda record: [str(record.get("name") or "")],
)


@resolver("QueryRoot", "locations")
@resolver("Shop", "locations")
def _locations(_: Record, context: Context, args: Args) -> Page:
    search = note_search(context, "locations", args.get("query"), compile_search(args.get("query"), _SIMPLE))
    return table_page(context.shop.locations, search, args["sortKey"], args, context.shop.options.paging_limit)


@resolver("QueryRoot", "webhookSubscriptions")
def _subscriptions(_: Record, context: Context, args: Args) -> Page:
    search = note_search(context, "webhookSubscriptions", args.get("query"), compile_search(args.get("query"), _SIMPLE))
    matches = search.matches
    topics, uri, form = args.get("topics"), args.get("uri") or args.get("callbackUrl"), args.get("format")

    def wanted(record: Record) -> bool:
        return (
            matches(record)
            and (not topics or record["topic"] in topics)
            and (uri is None or record["uri"] == uri)
            and (form is None or record["format"] == form)
        )

    search.matches = wanted
    return table_page(context.shop.subscriptions, search, args["sortKey"], args, context.shop.options.paging_limit)


@resolver("QueryRoot", "webhookSubscriptionsCount")
def _subscriptions_count(_: Record, context: Context, args: Args) -> dict[str, Any]:
    return count_matches(context.shop.subscriptions, compile_search(args.get("query"), _SIMPLE), args.get("limit"))


@resolver("QueryRoot", "metafieldDefinitions")
def _definitions(_: Record, context: Context, args: Args) -> Page:
    shop = context.shop
    namespace = None if args.get("namespace") is None else shop.namespace(args["namespace"])
    search = compile_search(args.get("query"), _SIMPLE)
    found = [
        record
        for record in sorted(shop.definitions.all(), key=lambda record: int(record["num"]))
        if record["ownerType"] == args["ownerType"]
        and (namespace is None or record["namespace"] == namespace)
        and (args.get("key") is None or record["key"] == args["key"])
        and search.matches(record)
    ]
    return list_page(found, args)


@resolver("QueryRoot", "metafieldDefinition")
def _definition(_: Record, context: Context, args: Args) -> Record | None:
    shop = context.shop
    if args.get("identifier") is not None:
        wanted = args["identifier"]
        return shop.definition(wanted["ownerType"], shop.namespace(wanted.get("namespace")), wanted["key"])
    number = number_of(args.get("id") or "", "MetafieldDefinition")
    return None if number is None else shop.definitions.get(number)


@resolver("Shop", "customerTags")
def _customer_tags(_: Record, context: Context, args: Args) -> Page:
    tags = {tag for record in context.shop.customers.all() for tag in record.get("tags") or []}
    return list_page(sorted(tags, key=str.casefold), args)


@resolver("LegacyInteroperability", "legacyResourceId")
def _legacy_resource_id(record: Record, _: Context, __: Args) -> int:
    return int(record.get("num", 0))
