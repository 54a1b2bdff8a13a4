"""Orders between the wire and our flat record: tolerant when reading, strict when writing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from shopify_fw360.errors import REQUIRED_MISSING, VALUE_INVALID, SyncError
from shopify_fw360.framework360 import params, values, wire
from shopify_fw360.framework360.canonical import CENT
from shopify_fw360.framework360.options import SiteOptions
from shopify_fw360.framework360.order_fields import (
    LINE_DETAILS,
    LINE_KEY,
    LINE_NAME,
    LINE_PRICE,
    LINE_QUANTITY,
    LINE_TAX,
    MARKER,
    PARTIES,
    REFERENCE,
)
from shopify_fw360.framework360.order_names import OrderNames
from shopify_fw360.records import UNSET, ChildWrite, Raw, Unset
from shopify_fw360.sales.identity import ORIGIN, is_reference

ROW: Final = "row"
"""Key of a decoded line that holds the line as the site sent it, to be sent back unchanged."""

NOTHING: Final = frozenset({wire.ORDER_TOTAL, wire.ORDER_TAX, wire.ORDER_CUSTOMER, wire.ORDER_EMAIL})
"""Fields that no parameter carries: the site computes them, or they name the buyer."""


# Reading -------------------------------------------------------------------------------------------------------------


def order_decoder(
    options: SiteOptions, names: OrderNames, *, with_payment_status: bool
) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Make the reader of one site's orders.

    Args:
        options: the site's options.
        names: of its statuses, payment methods and taxes.
        with_payment_status: whether the payment status can be written; if not, it is left out, so that nobody tries to.

    Returns:
        A function from an order as the site sends it to our flat record: names instead of ids, the note split into
        marker, reference and the rest, billing and delivery data as ``billing_data.nome``. A key that the site did not
        send, or sent in a shape that makes no sense, is missing.
    """
    zone, pattern = options.zone, options.formats.datetime
    readers: dict[str, Callable[[Any], Any]] = {
        **dict.fromkeys((wire.ID, wire.ORDER_CUSTOMER, wire.ORDER_CURRENCY), values.identifier),
        **dict.fromkeys((wire.ORDER_EMAIL, wire.COURIER, wire.TRACKING), values.text),
        wire.ORDER_STATUS: lambda value: _named(value, names, wire.ORDERS_STATUSES),
        wire.ORDER_PAYMENT: lambda value: _named(value, names, wire.PAYMENTS_LIST),
        **dict.fromkeys((wire.ORDER_TOTAL, wire.ORDER_TAX), lambda value: values.money(value, options.formats.money)),
        **dict.fromkeys((wire.ORDER_DATE, wire.ORDER_MODIFIED_AT), lambda value: values.moment(value, zone, pattern)),
        **({wire.PAYMENT_STATUS: values.flag} if with_payment_status else {}),
        wire.LABELS: lambda value: values.texts(value, options.lookup.name_key),
    }

    def decode(row: Mapping[str, Any]) -> dict[str, Any]:
        record = {key: read(row[key]) for key, read in readers.items() if key in row}
        for party in PARTIES:
            record |= _party(party, row)
        record |= _note(row, record.get(wire.LABELS, UNSET))
        if wire.CART in row:
            record[wire.CART] = _cart(record.get(wire.ID), row[wire.CART], options, names)
        return {key: value for key, value in record.items() if value is not UNSET}

    return decode


def _named(value: Any, names: OrderNames, call: wire.Call) -> str | None:
    found = values.identifier(value)
    return None if found is None else names.name_of(call, found)


def _party(party: str, row: Mapping[str, Any]) -> dict[str, Any]:
    told = values.mapping(row[party]) if party in row else UNSET
    if isinstance(told, Unset):
        return {}
    record = {f"{party}.{key}": values.text(told.get(key)) for key in wire.ORDER_PARTY_TEXTS}
    sdi = values.first_known(told, (wire.SDI, wire.SDI_AS_READ), values.text)
    return {**record, f"{party}.{wire.SDI}": None if sdi is UNSET else sdi}


def _note(row: Mapping[str, Any], labels: Any) -> dict[str, Any]:
    """Split the note, and find the reference in the labels or, on a site that drops them, in the note."""
    found = values.text(row[wire.NOTE]) if wire.NOTE in row else UNSET
    record: dict[str, Any] = {}
    lines = found.splitlines() if isinstance(found, str) else []
    if lines and lines[0].casefold().startswith(f"{ORIGIN} "):
        record[MARKER] = lines.pop(0).strip()
        if lines and is_reference(lines[0].strip()):
            record[REFERENCE] = lines.pop(0).strip()
    if not isinstance(found, Unset):
        record[wire.NOTE] = "\n".join(lines).strip() or None
    own = next((label for label in labels if is_reference(label)), None) if isinstance(labels, tuple) else None
    return record if own is None else {**record, REFERENCE: own}


def _cart(sale_id: Any, rows: Any, options: SiteOptions, names: OrderNames) -> list[dict[str, Any]] | Unset:
    if not isinstance(rows, list):
        return UNSET
    lines = []
    seen: Counter[str] = Counter()
    for row in rows:
        if isinstance(row, Mapping):
            line = _line(row, options, names)
            key = line[LINE_KEY]
            seen[key] += 1
            # The same product may have been added twice by hand.
            line[wire.ID] = f"{sale_id}/{key}" if seen[key] == 1 else f"{sale_id}/{key}#{seen[key]}"
            lines.append(line)
    return lines


def _line(row: Mapping[str, Any], options: SiteOptions, names: OrderNames) -> dict[str, Any]:
    info = values.mapping(row.get(wire.LINE_INFO))
    own = row if isinstance(info, Unset) or not info else info
    money = options.formats.money
    quantity = values.money(row.get(wire.LINE_QUANTITY), money)
    price = values.money(own.get(wire.INFO_PRICE), money)
    if options.orders.cart_price == "line" and own is not row and price is not None and quantity:
        price /= quantity
    tax = values.identifier(own.get(wire.INFO_TAX))
    if tax != wire.DEFAULT_TAX:
        tax = _named(tax, names, wire.PAYMENTS_TAXES)
    line = {
        LINE_KEY: values.identifier(row.get(wire.ID)) or "",
        LINE_NAME: values.text(own.get(wire.INFO_NAME)),
        LINE_DETAILS: values.text(own.get(wire.INFO_DETAILS)),
        LINE_QUANTITY: quantity,
        LINE_PRICE: price,
        LINE_TAX: tax,
        ROW: {key: value for key, value in row.items() if key not in wire.LINE_READ_ONLY},
    }
    return {key: value for key, value in line.items() if value is not UNSET}


# Writing -------------------------------------------------------------------------------------------------------------


def encode_order(fields: Mapping[str, Any], names: OrderNames) -> dict[str, Any]:
    """Write target fields as parameters of `orders/create` or `orders/update`; the cart goes by `encode_cart`.

    Args:
        fields: values by target field; parties and note complete.
        names: of the site's statuses and payment methods.

    Returns:
        The parameters. Empty names and ids are left out: the site keeps what it has.

    Raises:
        SyncError: SYNC-202 for values that break the contract; SYNC-225 for names that the site does not have.
    """
    body: dict[str, Any] = {}
    for party in PARTIES:
        prefix = f"{party}."
        told = {key.removeprefix(prefix): value for key, value in fields.items() if key.startswith(prefix)}
        if told:
            body[party] = {
                key: params.text(f"{prefix}{key}", value) for key, value in told.items() if value is not None
            }
    if fields.get(wire.ORDER_STATUS):
        body[wire.ORDER_STATUS] = names.id_of(wire.ORDERS_STATUSES, fields[wire.ORDER_STATUS])
    if fields.get(wire.ORDER_PAYMENT):
        body[wire.ORDER_PAYMENT] = names.id_of(wire.PAYMENTS_LIST, fields[wire.ORDER_PAYMENT])
    if wire.LABELS in fields or fields.get(REFERENCE):
        labels = params.texts(wire.LABELS, fields.get(wire.LABELS))
        reference = fields.get(REFERENCE)
        body[wire.LABELS] = list(dict.fromkeys([*labels, *([reference] if reference else [])]))
    if {MARKER, REFERENCE, wire.NOTE} & fields.keys():
        lines = [fields.get(name) for name in (MARKER, REFERENCE, wire.NOTE)]
        body[wire.NOTE] = "\n".join(params.text(wire.NOTE, line) for line in lines if line)
    if fields.get(wire.PAYMENT_STATUS) is not None:
        body[wire.PAYMENT_STATUS] = int(params.flag(wire.PAYMENT_STATUS, fields[wire.PAYMENT_STATUS]))
    return body


def encode_cart(
    lines: Iterable[ChildWrite], present: Sequence[Raw], names: OrderNames, options: SiteOptions
) -> list[dict[str, Any]]:
    """Write the lines of a sale.

    Args:
        lines: the complete list.
        present: decoded lines as the site holds them, so that what nobody changed is sent back as it came.
        names: of the site's taxes.
        options: the site's options.

    Raises:
        SyncError: SYNC-201 or SYNC-202 for lines that break the contract; SYNC-225 for a tax that the site lacks.
    """
    held = {line[wire.ID]: line[ROW] for line in present}
    cart = []
    for line in lines:
        if line.target_id in held and not line.changes:
            cart.append(dict(held[line.target_id]))
        else:
            cart.append(_custom_line(line, held.get(line.target_id or "", {}), names, options))
    return cart


def _custom_line(line: ChildWrite, held: Mapping[str, Any], names: OrderNames, options: SiteOptions) -> dict[str, Any]:
    if held and held.get(wire.LINE_TYPE) != wire.LINE_CUSTOM:
        raise SyncError(VALUE_INVALID, f"line {line.target_id} was replaced by a catalogue line", field=wire.CART)
    key = str(line.values.get(LINE_KEY) or "")
    quantity, price = line.values.get(LINE_QUANTITY), line.values.get(LINE_PRICE)
    name = params.text(LINE_NAME, line.values.get(LINE_NAME)).strip()
    if not (key and name and quantity and price is not None):
        raise SyncError(
            REQUIRED_MISSING,
            "a line needs key, name, quantity and price",
            field=f"{wire.CART}[{key}]",
            rule="custom line",
        )
    amount = Decimal(price) * int(quantity) if options.orders.cart_price == "line" else Decimal(price)
    tax = str(line.values.get(LINE_TAX) or wire.DEFAULT_TAX)
    return {
        wire.LINE_TYPE: wire.LINE_CUSTOM,
        wire.ID: key,
        wire.LINE_QUANTITY: int(quantity),
        # Locked in the back office: the order is kept in Shopify.
        wire.LINE_LOCKED: True,
        wire.LINE_INFO: {
            wire.INFO_NAME: name,
            wire.INFO_DETAILS: params.text(LINE_DETAILS, line.values.get(LINE_DETAILS)) or None,
            wire.INFO_PREVIEW: None,
            wire.INFO_PRICE: str(amount.quantize(CENT)),
            wire.INFO_TAX: tax if tax == wire.DEFAULT_TAX else names.id_of(wire.PAYMENTS_TAXES, tax),
        },
    }
