"""Readable and writable fields of a Framework360 order, which its back office calls a sale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shopify_fw360.framework360 import wire
from shopify_fw360.framework360.canonical import (
    same_code,
    same_email,
    same_flag,
    same_money,
    same_number,
    same_phone,
    same_sku,
    same_tags,
    same_text,
)
from shopify_fw360.framework360.fields import CHILD, by_name, field
from shopify_fw360.records import FieldType, TargetField

REFERENCE: Final = "reference"
"""Label that names the Shopify order, ``shopify:5001``; read from the labels, else from the second line of the note."""

MARKER: Final = "marker"
"""First line of the note, ``Shopify #1001`` (contract 6.3)."""

LINE_KEY: Final = "key"
"""The caller's own key of a line. With the id of the sale before it, it is the id of the line in our records, since
children have ids that no other record's children have."""

LINE_NAME: Final = "nome"
LINE_DETAILS: Final = "dettagli"
LINE_QUANTITY: Final = "quantita"
LINE_PRICE: Final = "prezzo"
LINE_TAX: Final = "imposta"

STATUS_FIELDS: Final = frozenset({wire.ORDER_STATUS, wire.COURIER, wire.TRACKING})
"""What `orders/updateStatus` changes, on every site."""

_LINE_KINDS: Final[Mapping[str, FieldType]] = {
    wire.ID: FieldType.TEXT,
    LINE_KEY: FieldType.TEXT,
    LINE_NAME: FieldType.TEXT,
    LINE_DETAILS: FieldType.TEXT,
    LINE_QUANTITY: FieldType.DECIMAL,
    LINE_PRICE: FieldType.DECIMAL,
    LINE_TAX: FieldType.TEXT,
}

PARTIES: Final = (wire.ORDER_BILLING, wire.ORDER_DELIVERY)

ORDER_PATHS: Final[Mapping[str, FieldType]] = {
    wire.ID: FieldType.TEXT,
    **dict.fromkeys(
        (
            wire.ORDER_CUSTOMER,
            wire.ORDER_EMAIL,
            REFERENCE,
            MARKER,
            wire.NOTE,
            wire.ORDER_STATUS,
            wire.COURIER,
            wire.TRACKING,
            wire.ORDER_PAYMENT,
            wire.ORDER_CURRENCY,
            *(f"{party}.{key}" for party in PARTIES for key in wire.ORDER_PARTY_TEXTS),
        ),
        FieldType.TEXT,
    ),
    wire.LABELS: FieldType.TAGS,
    wire.PAYMENT_STATUS: FieldType.FLAG,
    wire.ORDER_TOTAL: FieldType.DECIMAL,
    wire.ORDER_TAX: FieldType.DECIMAL,
    wire.ORDER_DATE: FieldType.TIME,
    wire.ORDER_MODIFIED_AT: FieldType.TIME,
    **{f"{wire.CART}{CHILD}{name}": kind for name, kind in _LINE_KINDS.items()},
}


def _line(name: str, same: object, kind: FieldType = FieldType.TEXT, **rules: object) -> TargetField:
    return field(f"{wire.CART}{CHILD}{name}", same, kind, **rules)  # type: ignore[arg-type]


def _party(party: str) -> list[TargetField]:
    special = {wire.PHONE: same_phone, wire.EMAIL: same_email, "pec": same_email}
    codes = {"piva", "cf", "cap", "citta", "stato", wire.SDI}
    return [
        field(f"{party}.{key}", special.get(key, same_code if key in codes else same_text))
        for key in wire.ORDER_PARTY_TEXTS
    ]


ORDER_TARGETS: Final[Mapping[str, TargetField]] = by_name(
    field(wire.ORDER_CUSTOMER, same_code, can_empty=False),
    field(wire.ORDER_EMAIL, same_email, can_empty=False),
    field(REFERENCE, same_code, can_empty=False),
    field(MARKER, same_text, can_empty=False),
    field(wire.NOTE, same_text),
    field(wire.LABELS, same_tags, FieldType.TAGS),
    # Names, not ids: a site numbers its statuses, payment methods and taxes for itself.
    field(wire.ORDER_STATUS, same_code, can_empty=False),
    field(wire.ORDER_PAYMENT, same_code, can_empty=False),
    field(wire.COURIER, same_text),
    field(wire.TRACKING, same_text),
    field(wire.PAYMENT_STATUS, same_flag, FieldType.FLAG, can_empty=False),
    field(wire.ORDER_TOTAL, same_money, FieldType.DECIMAL, can_empty=False),
    field(wire.ORDER_TAX, same_money, FieldType.DECIMAL, can_empty=False),
    *(entry for party in PARTIES for entry in _party(party)),
    _line(LINE_KEY, same_sku, can_empty=False),
    _line(LINE_NAME, same_text, can_empty=False),
    _line(LINE_DETAILS, same_text),
    _line(LINE_QUANTITY, same_number, FieldType.INTEGER, can_empty=False),
    _line(LINE_PRICE, same_money, FieldType.DECIMAL, can_empty=False),
    _line(LINE_TAX, same_code, can_empty=False),
)
