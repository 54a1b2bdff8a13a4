"""Computed fields of the lines and shipping charges of an order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.common.money import Bag, total
from sandbox.common.order_book import Book, Line, Shipping
from sandbox.shopify.connections import Page, list_page
from sandbox.shopify.order_money import (
    allocation_records,
    child_record,
    currencies_of,
    money_bag,
    money_text,
    money_v2,
    tax_records,
)
from sandbox.shopify.order_records import book_of
from sandbox.shopify.registry import resolver
from sandbox.shopify.shop import Context
from sandbox.shopify.table import Record

Args = Mapping[str, Any]


def line_record(order: Record, line: Line) -> Record:
    """Return a line as a LineItem record."""
    return child_record(
        order,
        "LineItem",
        line.num,
        line=line,
        title=line.title,
        variantTitle=line.variant_title or None,
        name=f"{line.title} - {line.variant_title}" if line.variant_title else line.title,
        quantity=line.quantity,
        sku=line.sku or None,
        vendor=line.vendor or None,
        requiresShipping=line.ships,
        taxable=line.taxable,
        isGiftCard=line.gift_card,
    )


def line_records(order: Record, args: Args, wanted: Callable[[Line], bool] = lambda _: True) -> Page:
    """Return the asked-for page of the lines of an order."""
    page = list_page([line for line in book_of(order).lines if wanted(line)], args)
    page["nodes"] = [line_record(order, line) for line in page["nodes"]]
    return page


def shipping_records(order: Record) -> list[Record]:
    """Return the shipping charges of an order as ShippingLine records."""
    book = book_of(order)
    return [
        child_record(
            order,
            "ShippingLine",
            charge.num,
            charge=charge,
            title=charge.title,
            code=charge.code,
            source=charge.source,
            carrierIdentifier=charge.carrier or None,
            deliveryCategory=None,
            shippingRateHandle=f"{charge.source}-{charge.code}",
            originalPriceSet=money_bag(book.currencies, charge.price),
            discountedPriceSet=money_bag(book.currencies, charge.net),
        )
        for charge in book.shipping
    ]


def _off(record: Record, *, codes: bool) -> Bag:
    """Return the line-level discounts on a line, those of codes included or not."""
    line, discounts = _line(record), _book(record).discounts
    return total(
        part.amount
        for part in line.allocations
        if not discounts[part.discount].whole_order and (codes or discounts[part.discount].kind != "code")
    )


def _book(record: Record) -> Book:
    return book_of(record["order"])


def _line(record: Record) -> Line:
    line: Line = record["line"]
    return line


def _unit(record: Record, amount: Bag) -> Bag:
    """Return the approximate price of one unit of what all units cost."""
    return _book(record).currencies.units(amount, max(1, _line(record).quantity), 0, 1)


def _share(record: Record, amount: Bag, count: int) -> Bag:
    return _book(record).currencies.units(amount, max(1, _line(record).quantity), 0, count)


def _left(record: Record) -> int:
    return _line(record).quantity - _book(record).gone()[_line(record).num]


def _before_taxes(record: Record) -> Bag:
    """Return what the units that are left cost after all discounts, without tax."""
    book, line = _book(record), _line(record)
    net = line.net - total(part.subtotal for part in book.refund_lines(line.num))
    if not book.taxes_included:
        return net
    taxes = total(entry.amount for entry in line.taxes)
    return net - (taxes - total(part.tax for part in book.refund_lines(line.num)))


_BAGS: Mapping[str, Callable[[Record], Bag]] = {
    "originalUnitPriceSet": lambda record: _line(record).unit,
    "originalTotalSet": lambda record: _line(record).gross,
    "discountedUnitPriceSet": lambda record: _unit(record, _line(record).gross - _off(record, codes=False)),
    "discountedUnitPriceAfterAllDiscountsSet": lambda record: _unit(record, _line(record).net),
    "priceAfterAllDiscountsBeforeTaxesSet": _before_taxes,
    "totalDiscountSet": lambda record: _off(record, codes=True),
    "unfulfilledOriginalTotalSet": lambda record: _line(record).unit.times(_to_send(record)),
    "unfulfilledDiscountedTotalSet": lambda record: _share(
        record, _line(record).gross - _off(record, codes=False), _to_send(record)
    ),
}
_FLAT = {
    "originalTotal": "originalTotalSet",
    "originalUnitPrice": "originalUnitPriceSet",
    "discountedUnitPrice": "discountedUnitPriceSet",
    "totalDiscount": "totalDiscountSet",
    "unfulfilledOriginalTotal": "unfulfilledOriginalTotalSet",
    "unfulfilledDiscountedTotal": "unfulfilledDiscountedTotalSet",
}


def _bag_field(name: str, read: Callable[[Record], Bag]) -> None:
    @resolver("LineItem", name)
    def bag(record: Record, _: Context, __: Args) -> dict[str, Any]:
        return money_bag(currencies_of(record), read(record))


def _flat_field(name: str, read: Callable[[Record], Bag]) -> None:
    @resolver("LineItem", name)
    def flat(record: Record, _: Context, __: Args) -> str:
        return money_text(read(record).shop)


for _name, _read in _BAGS.items():
    _bag_field(_name, _read)
for _name, _of in _FLAT.items():
    _flat_field(_name, _BAGS[_of])


@resolver("LineItem", "discountedTotalSet")
def _discounted_total(record: Record, _: Context, args: Args) -> dict[str, Any]:
    off = _off(record, codes=bool(args.get("withCodeDiscounts")))
    return money_bag(currencies_of(record), _line(record).gross - off)


@resolver("LineItem", "discountedTotal")
def _discounted_total_flat(record: Record, _: Context, __: Args) -> str:
    return money_text((_line(record).gross - _off(record, codes=False)).shop)


def _to_send(record: Record) -> int:
    return _book(record).to_send()[_line(record).num]


@resolver("LineItem", "currentQuantity", "refundableQuantity")
def _current_quantity(record: Record, _: Context, __: Args) -> int:
    return _left(record)


@resolver("LineItem", "unfulfilledQuantity", "fulfillableQuantity")
def _unfulfilled(record: Record, _: Context, __: Args) -> int:
    return _to_send(record)


@resolver("LineItem", "nonFulfillableQuantity")
def _unsendable(record: Record, _: Context, __: Args) -> int:
    line = _line(record)
    return line.quantity - _to_send(record) - _book(record).sent()[line.num]


@resolver("LineItem", "fulfillmentStatus")
def _status(record: Record, _: Context, __: Args) -> str:
    sent, left = _book(record).sent()[_line(record).num], _to_send(record)
    return "partial" if sent and left else "fulfilled" if sent else "unfulfilled"


@resolver("LineItem", "merchantEditable", "restockable", "canRestock")
def _stocked(record: Record, _: Context, __: Args) -> bool:
    return _line(record).variant is not None


@resolver("LineItem", "customAttributes")
def _attributes(record: Record, _: Context, __: Args) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in _line(record).attributes]


@resolver("LineItem", "product")
def _product(record: Record, context: Context, _: Args) -> Record | None:
    number = _line(record).product
    return None if number is None else context.shop.products.get(number)


@resolver("LineItem", "variant")
def _variant(record: Record, context: Context, _: Args) -> Record | None:
    number = _line(record).variant
    return None if number is None else context.shop.variants.get(number)


@resolver("LineItem", "taxLines")
def _taxes(record: Record, _: Context, args: Args) -> list[Record]:
    return tax_records(currencies_of(record), _line(record).taxes[: args.get("first") or None])


@resolver("LineItem", "discountAllocations")
def _allocations(record: Record, _: Context, __: Args) -> list[Record]:
    return allocation_records(record["order"], _line(record).allocations)


@resolver("LineItem", "duties")
def _duties(record: Record, _: Context, __: Args) -> list[Record]:
    duty = _line(record).duty
    return [] if duty is None else [duty_record(record["order"], _line(record))]


def duty_record(order: Record, line: Line) -> Record:
    """Return the duty of a line as a Duty record."""
    currencies = currencies_of(order)
    duty = line.duty
    if duty is None:
        raise ValueError(f"line {line.num} of order {order['name']} has no duty")
    return child_record(
        order,
        "Duty",
        duty.num,
        price=money_bag(currencies, duty.price),
        countryCodeOfOrigin=duty.origin,
        harmonizedSystemCode=duty.harmonized_code,
        taxLines=tax_records(currencies, duty.taxes),
    )


@resolver("LineItem", "weight")
def _weight(record: Record, _: Context, __: Args) -> dict[str, Any]:
    return {"unit": "GRAMS", "value": float(_line(record).grams)}


def _charge(record: Record) -> Shipping:
    charge: Shipping = record["charge"]
    return charge


@resolver("ShippingLine", "currentDiscountedPriceSet")
def _current_shipping(record: Record, _: Context, __: Args) -> dict[str, Any]:
    back = _book(record).shipping_back(_charge(record).num)
    return money_bag(currencies_of(record), _charge(record).net - back)


@resolver("ShippingLine", "originalPrice")
def _original(record: Record, _: Context, __: Args) -> dict[str, str]:
    return money_v2(_charge(record).price.shop, currencies_of(record).shop)


@resolver("ShippingLine", "discountedPrice")
def _discounted(record: Record, _: Context, __: Args) -> dict[str, str]:
    return money_v2(_charge(record).net.shop, currencies_of(record).shop)


@resolver("ShippingLine", "price")
def _price(record: Record, _: Context, __: Args) -> str:
    return money_text(_charge(record).price.shop)


@resolver("ShippingLine", "taxLines")
def _shipping_taxes(record: Record, _: Context, __: Args) -> list[Record]:
    return tax_records(currencies_of(record), _charge(record).taxes)


@resolver("ShippingLine", "discountAllocations")
def _shipping_allocations(record: Record, _: Context, __: Args) -> list[Record]:
    return allocation_records(record["order"], _charge(record).allocations)
