"""Readable and writable fields of a Framework360 customer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shopify_fw360.framework360 import wire
from shopify_fw360.framework360.canonical import same_code, same_email, same_flag, same_phone, same_tags, same_text
from shopify_fw360.framework360.fields import by_name, field
from shopify_fw360.records import FieldType, TargetField

MAX_NAME: Final = 120

ORDERS_COUNT: Final = "orders_count"
ORDERS_TOTAL: Final = "orders_total"
ORDERS_CURRENCY: Final = "orders_currency"
ORDER_PATHS: Final = frozenset({ORDERS_COUNT, ORDERS_TOTAL, ORDERS_CURRENCY})
"""Derived from the customer's sales: number, sum in the site's currency, and that currency."""

CUSTOMER_PATHS: Final[Mapping[str, FieldType]] = {
    wire.ID: FieldType.TEXT,
    **dict.fromkeys((*wire.CUSTOMER_TOP_TEXTS, wire.PHONE), FieldType.TEXT),
    **dict.fromkeys((*wire.CUSTOMER_BILLING_TEXTS, wire.SDI), FieldType.TEXT),
    wire.MARKETING_ACTIVE: FieldType.FLAG,
    wire.MARKETING_LIST: FieldType.TAGS,
    wire.TAGS: FieldType.TAGS,
    wire.EXTRA_FIELDS: FieldType.JSON,
    wire.REGISTERED_AT: FieldType.TIME,
    wire.MODIFIED_AT: FieldType.TIME,
    ORDERS_COUNT: FieldType.INTEGER,
    ORDERS_TOTAL: FieldType.DECIMAL,
    ORDERS_CURRENCY: FieldType.TEXT,
}

_PLAIN_TEXTS: Final = ("ragione_sociale", "indirizzo", "comune")
_CODES: Final = ("piva", "cf", "cap", "citta", "stato", wire.SDI)

CUSTOMER_TARGETS: Final[Mapping[str, TargetField]] = by_name(
    field(wire.EMAIL, same_email, can_empty=False),
    field(wire.FIRST_NAME, same_text, can_empty=False, max_length=MAX_NAME),
    field(wire.LAST_NAME, same_text, can_empty=False, max_length=MAX_NAME),
    field(wire.PHONE, same_phone),
    *(field(name, same_text) for name in _PLAIN_TEXTS),
    *(field(name, same_code) for name in _CODES),
    field("pec", same_email),
    field(wire.MARKETING_ACTIVE, same_flag, FieldType.FLAG, can_empty=False),
    field(wire.MARKETING_LIST, same_tags, FieldType.TAGS),
    field(wire.TAGS, same_tags, FieldType.TAGS),
    field(wire.SOURCE, same_code, can_empty=False),
)
