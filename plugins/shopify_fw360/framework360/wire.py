"""Every name of the Framework360 wire format: calls, parameters, record keys, error codes, key functions, capabilities.

No other module spells one of these names in a request or reads one from a reply. What is documented by the vendor,
observed in client code or assumed by this project is marked [D], [O], [A] as in the contract; each assumption is a
setting of `options.SiteOptions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from shopify_fw360 import errors

# Transport -----------------------------------------------------------------------------------------------------------

API_ROOT: Final = "/m/api"
"""Path under which all calls live [D]."""

KEY_HEADER: Final = "X-Fw360-Key"
"""Header that carries the API key on every call [D]."""

JSON_TYPE: Final = "application/json"
FORM_TYPE: Final = "application/x-www-form-urlencoded"


class Method(StrEnum):
    """HTTP methods in use; ids are never in the path [D]."""

    GET = "GET"
    POST = "POST"


class Capability(StrEnum):
    """Groups of calls that a site may lack; every other group is required."""

    PRODUCTS = "products"
    PRODUCTS_STOCK = "products_stock"
    MARKETING_LISTS = "marketing_lists"
    ORDERS_UPDATE = "orders_update"
    WEBHOOKS = "webhooks"


class Switch(StrEnum):
    """How a capability is decided: always on, never, or by one read call at first use."""

    ON = "on"
    OFF = "off"
    PROBE = "probe"


CAPABILITY_DEFAULTS: Final[Mapping[Capability, Switch]] = MappingProxyType(
    {
        Capability.PRODUCTS: Switch.PROBE,
        Capability.PRODUCTS_STOCK: Switch.OFF,
        Capability.MARKETING_LISTS: Switch.PROBE,
        Capability.ORDERS_UPDATE: Switch.OFF,
        Capability.WEBHOOKS: Switch.OFF,
    }
)
"""Writes that rest on assumed shapes stay off until they were tried on the real site [A]."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the API.

    Args:
        path: resource and action below `API_ROOT`.
        method: HTTP method; a known path with the wrong method answers like an unknown path [A].
        function: entry of the key's checklist that the call needs, None for none (A-FUNC) [A].
        creates: whether repeating it may make a second record, so that an unclear outcome forbids a blind repetition.
        capability: switch of its group, None for required groups.
        slow: whether the site fetches files while it answers.
        public: whether what it carries is public, so that messages may quote it.
    """

    path: str
    method: Method = Method.GET
    function: str | None = None
    creates: bool = False
    capability: Capability | None = None
    slow: bool = False
    public: bool = False


# Envelope and errors -------------------------------------------------------------------------------------------------

STATUS: Final = "status"
ERROR: Final = "error"
MESSAGE: Final = "message"
DATA: Final = "data"
ID: Final = "id"
FIELD_HINTS: Final = ("field", "campo")
"""Keys under which a refusal may name the rejected field [A]."""

EMPTY_WORDS: Final = frozenset({"", "None", "null", "undefined"})
"""Texts that stand for no value when read, and that are never written [O]."""

INVALID_KEY: Final = "invalid_api_key"
PERMISSION_DENIED: Final = "permission_denied"
NO_ENDPOINT: Final = "endpoint_not_found"
NOT_FOUND: Final = "not_found"
MISSING_PARAMETER: Final = "missing_parameter"
INVALID_FIELD: Final = "invalid_field"
EMAIL_EXISTS: Final = "email_exists"
DUPLICATE_SKU: Final = "duplicate_sku"
CUSTOMER_NOT_FOUND: Final = "customer_not_found"
THROTTLED: Final = "too_many_requests"

ERRORS: Final[Mapping[str, errors.ErrorCode]] = MappingProxyType(
    {
        INVALID_KEY: errors.FW360_KEY,
        PERMISSION_DENIED: errors.FW360_PERMISSION,
        NO_ENDPOINT: errors.FW360_CAPABILITY,
        NOT_FOUND: errors.FW360_NOT_FOUND,
        MISSING_PARAMETER: errors.FW360_REJECTED,
        INVALID_FIELD: errors.FW360_REJECTED,
        EMAIL_EXISTS: errors.FW360_EXISTS,
        DUPLICATE_SKU: errors.FW360_REJECTED,
        CUSTOMER_NOT_FOUND: errors.FW360_REJECTED,
        THROTTLED: errors.FW360_THROTTLED,
    }
)
"""Class of each error code, compared without case (A-ERR) [A]; a text not listed here is an unclear failure."""

HTTP_ERRORS: Final[Mapping[int, str]] = MappingProxyType(
    {
        400: INVALID_FIELD,
        401: INVALID_KEY,
        403: PERMISSION_DENIED,
        404: NO_ENDPOINT,
        405: NO_ENDPOINT,
        410: NO_ENDPOINT,
        413: INVALID_FIELD,
        422: INVALID_FIELD,
        429: THROTTLED,
        501: NO_ENDPOINT,
    }
)
"""Error code that an HTTP status stands for when the body names none [A]; any other status is an unclear failure."""

# Paging and look-ups -------------------------------------------------------------------------------------------------

PAGE: Final = "page"
LIMIT: Final = "limit"
QUERY: Final = "query"

# System --------------------------------------------------------------------------------------------------------------

CHECK: Final = Call("check")
SITE_SETTINGS: Final = Call("site/settings", function="read_site")
SITE_PLUGINS: Final = Call("site/plugins", function="read_plugin")

CHECK_SITE: Final = "site"
CHECK_FUNCTIONS: Final = "permissions"
SETTINGS_CURRENCY: Final = "valuta"
SETTINGS_TIMEZONE: Final = "timezone"
SETTINGS_PRICES_INCLUDE_TAX: Final = "prezzi_iva_inclusa"
PLUGIN_NAMES: Final = ("id", "name")
PLUGIN_ACTIVE: Final = "active"
VENDOR_PLUGIN: Final = "shopify"

# Customers -----------------------------------------------------------------------------------------------------------

CUSTOMERS_LIST: Final = Call("customers/list", function="read_customer")
CUSTOMERS_GET: Final = Call("customers/get", function="read_customer")
CUSTOMERS_SEARCH: Final = Call("customers/search", function="read_customer")
CUSTOMERS_SOURCES: Final = Call("customers/sources", function="read_source")
CUSTOMERS_REGISTRATION: Final = Call("customers/registration", Method.POST, "createcustomer", creates=True)
CUSTOMERS_UPDATE: Final = Call("customers/update", Method.POST, "updatecustomer")

CUSTOMER_ID_ALIAS: Final = "customer_id"
"""A real client sends this instead of `id` on update [O]; both are sent."""

FIRST_NAME: Final = "nome"
LAST_NAME: Final = "cognome"
EMAIL: Final = "email"
PASSWORD: Final = "password"  # noqa: S105 - the name of a parameter
PHONE: Final = "telefono"
MOBILE: Final = "telefono_cellulare"
LANDLINE: Final = "telefono_casa"
BILLING: Final = "dati_fatturazione"
SDI: Final = "sdi"
SDI_AS_READ: Final = "cod_univoco"
SOURCE: Final = "provenienza"
MARKETING_ACTIVE: Final = "marketing_active"
MARKETING_LIST: Final = "marketing_list"
TAGS: Final = "tags"
EXTRA_FIELDS: Final = "extraFields"
EXTRA_PREFIX: Final = f"{EXTRA_FIELDS}."
"""Beginning of our path to one extra field: ``extraFields.<key>``."""

REGISTERED_AT: Final = "data_registrazione"
MODIFIED_AT: Final = "data_modifica"

CUSTOMER_IDENTITY: Final = (EMAIL, FIRST_NAME, LAST_NAME)
"""Required at registration [D]; cannot be emptied [A]."""

CUSTOMER_TOP_TEXTS: Final = (*CUSTOMER_IDENTITY, "formatted_name", MOBILE, LANDLINE, SOURCE)
"""Texts that exist only at the top level of a customer."""

CUSTOMER_BILLING_TEXTS: Final = (
    "ragione_sociale",
    "piva",
    "cf",
    "pec",
    "indirizzo",
    "cap",
    "comune",
    "citta",
    "stato",
)
"""Texts of the billing object and of the top level; the billing object is read first [O].

`comune` is the city, `citta` the province code, despite its name [O].
"""

REGISTRATION_FLAT: Final = frozenset({"indirizzo", "stato", "citta", "comune", "cap", "ragione_sociale", "piva", "cf"})
"""Billing texts that registration also knows at the top level [O]; `pec` and `sdi` go in the billing object only."""

# Marketing -----------------------------------------------------------------------------------------------------------

MARKETING_TAGS: Final = Call("marketing/tags", function="read_tag")
MARKETING_LISTS: Final = Call("marketing/lists", function="read_list", capability=Capability.MARKETING_LISTS)

# Orders --------------------------------------------------------------------------------------------------------------

ORDERS_LIST: Final = Call("orders/list", function="read_order")
ORDERS_GET: Final = Call("orders/get", function="read_order")
ORDERS_STATUSES: Final = Call("orders/statuses", function="read_orderstatus")
ORDERS_CREATE: Final = Call("orders/create", Method.POST, "createorder", creates=True)
ORDERS_UPDATE: Final = Call("orders/update", Method.POST, "updateorder", capability=Capability.ORDERS_UPDATE)
ORDERS_UPDATE_STATUS: Final = Call("orders/updateStatus", Method.POST, "updateorderstatus")
ORDERS_CANCEL: Final = Call("orders/cancel", Method.POST, "cancelorder")
ORDERS_PREPARE_CART: Final = Call("orders/prepareCart", Method.POST, "preparecart")
CUSTOMERS_HISTORY_CREATE: Final = Call("customers/history/create", Method.POST, "createhistory", creates=True)

ORDERS_BY_CUSTOMER: Final = "customer"
ORDER_CUSTOMER: Final = "customer_id"
ORDER_EMAIL: Final = "user_email"
ORDER_STATUS: Final = "order_status"
NEW_STATUS: Final = "status"
"""Name of the status in `orders/updateStatus`, where it is a text [D]."""

ORDER_PAYMENT: Final = "payment_id"
PAYMENT_STATUS: Final = "payment_status"
ORDER_TOTAL: Final = "total"
ORDER_TAX: Final = "tax"
ORDER_CURRENCY: Final = "currency"
ORDER_DATE: Final = "date"
ORDER_MODIFIED_AT: Final = "data_modifica"
STATUS_CANCELLED: Final = "cancelled"
LABELS: Final = "labels"
NOTE: Final = "note"
COURIER: Final = "courier"
TRACKING: Final = "tracking"

ORDER_BILLING: Final = "billing_data"
ORDER_DELIVERY: Final = "shipping_data"
ORDER_PARTY_TEXTS: Final = (*CUSTOMER_BILLING_TEXTS, SDI, FIRST_NAME, LAST_NAME, PHONE, EMAIL)
"""Keys of billing and delivery data of an order: those of a customer [A]."""

CART: Final = "cart"
LINE_TYPE: Final = "type"
LINE_CUSTOM: Final = "custom"
LINE_QUANTITY: Final = "quantity"
LINE_LOCKED: Final = "disable_edit"
LINE_INFO: Final = "customInfo"
LINE_READ_ONLY: Final = ("importo", "iva")
"""Keys of a line that the site adds when it shows one."""

INFO_NAME: Final = "name"
INFO_DETAILS: Final = "details"
INFO_PREVIEW: Final = "preview"
PRODUCT_LINE_PRICE: Final = "price"
INFO_PRICE: Final = "price"
INFO_TAX: Final = "imposta"

HISTORY_TITLE: Final = "title"
HISTORY_CONTENT: Final = "content"
HISTORY_DATE: Final = "date"

# Products: no call of it is documented, everything is [A] (A-PROD, A-STOCK) ------------------------------------------

PRODUCTS_LIST: Final = Call("products/list", function="read_product", capability=Capability.PRODUCTS, public=True)
PRODUCTS_GET: Final = Call("products/get", function="read_product", capability=Capability.PRODUCTS, public=True)
PRODUCTS_CREATE: Final = Call(
    "products/create",
    Method.POST,
    "createproduct",
    creates=True,
    capability=Capability.PRODUCTS,
    slow=True,
    public=True,
)
PRODUCTS_UPDATE: Final = Call(
    "products/update", Method.POST, "updateproduct", capability=Capability.PRODUCTS, slow=True, public=True
)
PRODUCTS_UPDATE_STOCK: Final = Call(
    "products/updateStock", Method.POST, "updatestock", capability=Capability.PRODUCTS_STOCK, public=True
)
PRODUCTS_CATEGORIES: Final = Call(
    "products/categories", function="read_category", capability=Capability.PRODUCTS, public=True
)
PRODUCTS_CATEGORIES_CREATE: Final = Call(
    "products/categories/create",
    Method.POST,
    "createcategory",
    creates=True,
    capability=Capability.PRODUCTS,
    public=True,
)

PRODUCTS_BY_SKU: Final = "sku"
"""Filter of `products/list` and key of `products/get`: SKU of a product or variant, exact after trimming."""

PRODUCT_NAME: Final = "nome"
DESCRIPTION: Final = "descrizione"
SLUG: Final = "slug"
ACTIVE: Final = "attivo"
CATEGORIES: Final = "categorie"
TAX: Final = "imposta"
DEFAULT_TAX: Final = "default"
CREATED_AT: Final = "data_creazione"

PRODUCT_PLAIN_TEXTS: Final = ("descrizione_breve", "marca", "tipo", "seo_titolo", "seo_descrizione")
"""Texts of a product without rules of their own."""

SKU: Final = "sku"
EAN: Final = "ean"
PRICE: Final = "prezzo"
OFFER: Final = "prezzo_promo"
COST: Final = "prezzo_acquisto"
TRACKED: Final = "gestione_magazzino"
QUANTITY: Final = "quantita"
OVERSELL: Final = "vendi_senza_giacenza"
WEIGHT: Final = "peso"

ITEM_KEYS: Final = (SKU, EAN, PRICE, OFFER, COST, TRACKED, QUANTITY, OVERSELL, WEIGHT)
"""What can be sold and counted: keys of a variant, or of a product without variants."""

TAXED_PRICES: Final = (PRICE, OFFER)
"""Prices that include tax where the site says so; a purchase price never does."""

VARIANTS: Final = "varianti"
IMAGES: Final = "immagini"
ATTRIBUTES: Final = "attributi"
ATTRIBUTE_NAME: Final = "nome"
ATTRIBUTE_VALUES: Final = "valori"
POSITION: Final = "posizione"
VARIANT_IMAGE_ID: Final = "immagine_id"
VARIANT_IMAGE_URL: Final = "immagine_url"
IMAGE_URL: Final = "url"
IMAGE_ALT: Final = "alt"

CATEGORY_PARENT: Final = "parent_id"
STOCK_ITEMS: Final = "items"
STOCK_VARIANT: Final = "variante_id"
STOCK_ERRORS: Final = "errors"
STOCK_ERROR_INDEX: Final = "index"
STOCK_MAX_ITEMS: Final = 100
"""Most items of one `products/updateStock` [A]."""

# Payments and taxes --------------------------------------------------------------------------------------------------

PAYMENTS_LIST: Final = Call("payments/list", function="read_payment")
PAYMENTS_TAXES: Final = Call("payments/taxes", function="read_tax")

TAX_RATE: Final = "aliquota"
TAX_IS_DEFAULT: Final = "default"

# Webhooks ------------------------------------------------------------------------------------------------------------

WEBHOOKS_CREATE: Final = Call(
    "webhooks/create", Method.POST, "createwebhook", creates=True, capability=Capability.WEBHOOKS
)
WEBHOOKS_DELETE: Final = Call("webhooks/delete", Method.POST, "deletewebhook", capability=Capability.WEBHOOKS)
WEBHOOKS_TEST: Final = Call("webhooks/test", function="testwebhook", capability=Capability.WEBHOOKS)

WEBHOOK_URL: Final = "url"
WEBHOOK_EVENTS: Final = "events"
WEBHOOK_NAME: Final = "name"
WEBHOOK_SECRET: Final = "secret"  # noqa: S105 - the name of a parameter
WEBHOOK_EVENT: Final = "event"
WEBHOOK_DELIVERED: Final = "delivered"
WEBHOOK_HTTP_STATUS: Final = "http_status"

SIGNATURE_HEADER: Final = "X-Fw360-Signature"
SIGNATURE_PREFIX: Final = "sha256="
"""Signature of a delivery: hexadecimal HMAC-SHA256 of the raw body (A-HOOK) [A]."""

EVENT_NAMES: Final = ("event", "type")
"""Where a delivery says what happened, in order of preference [A]."""

EVENT_RECORDS: Final = ("customer", "product", "order")
EVENT_ACTIONS: Final = ("created", "updated", "deleted")
"""An event is named by a record and an action, joined by a dot [A]."""

# Overviews -----------------------------------------------------------------------------------------------------------

PROBES: Final[Mapping[Capability, tuple[Call, Mapping[str, str]]]] = MappingProxyType(
    {Capability.PRODUCTS: (PRODUCTS_LIST, {LIMIT: "1"}), Capability.MARKETING_LISTS: (MARKETING_LISTS, {})}
)
"""The read call, with parameters, that tells whether a site has the capability; the others cannot be probed without
writing [A]."""

CUSTOMER_FLOW_CALLS: Final = (
    CUSTOMERS_LIST,
    CUSTOMERS_REGISTRATION,
    CUSTOMERS_UPDATE,
    ORDERS_LIST,
    ORDERS_STATUSES,
)
"""Calls whose functions the key needs for the customer flows, for the connection test."""

PRODUCT_FLOW_CALLS: Final = (
    PRODUCTS_LIST,
    PRODUCTS_CREATE,
    PRODUCTS_UPDATE,
    PRODUCTS_CATEGORIES,
    PRODUCTS_CATEGORIES_CREATE,
    PAYMENTS_TAXES,
)
"""The same for the product flows, where the site has the capability."""

ORDER_FLOW_CALLS: Final = (
    ORDERS_LIST,
    ORDERS_GET,
    ORDERS_STATUSES,
    ORDERS_CREATE,
    ORDERS_UPDATE_STATUS,
    ORDERS_CANCEL,
    ORDERS_PREPARE_CART,
    CUSTOMERS_HISTORY_CREATE,
    PAYMENTS_LIST,
    PAYMENTS_TAXES,
)
"""The same for the flow of orders."""

CALLS: Final[Mapping[str, Call]] = MappingProxyType(
    {
        call.path: call
        for call in (
            CHECK,
            SITE_SETTINGS,
            SITE_PLUGINS,
            CUSTOMERS_LIST,
            CUSTOMERS_GET,
            CUSTOMERS_SEARCH,
            CUSTOMERS_SOURCES,
            CUSTOMERS_REGISTRATION,
            CUSTOMERS_UPDATE,
            MARKETING_TAGS,
            MARKETING_LISTS,
            ORDERS_LIST,
            ORDERS_STATUSES,
            PRODUCTS_LIST,
            PRODUCTS_GET,
            PRODUCTS_CREATE,
            PRODUCTS_UPDATE,
            PRODUCTS_UPDATE_STOCK,
            PRODUCTS_CATEGORIES,
            PRODUCTS_CATEGORIES_CREATE,
            PAYMENTS_LIST,
            PAYMENTS_TAXES,
            ORDERS_GET,
            ORDERS_CREATE,
            ORDERS_UPDATE,
            ORDERS_UPDATE_STATUS,
            ORDERS_CANCEL,
            ORDERS_PREPARE_CART,
            CUSTOMERS_HISTORY_CREATE,
            WEBHOOKS_CREATE,
            WEBHOOKS_DELETE,
            WEBHOOKS_TEST,
        )
    }
)
"""All calls by path, for options that name one."""
