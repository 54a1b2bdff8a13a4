"""Computed fields of orders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.common.money import Bag, total
from sandbox.common.order_book import Tax
from sandbox.common.order_totals import TaxKey, Totals
from sandbox.shopify.connections import Page, list_page
from sandbox.shopify.fields.customers import address_record
from sandbox.shopify.fields.order_lines import line_records, shipping_records
from sandbox.shopify.ids import gid
from sandbox.shopify.order_money import (
    application_record,
    child_record,
    currencies_of,
    money_bag,
    money_text,
    money_v2,
    tax_records,
)
from sandbox.shopify.order_records import book_of, financial_status, totals_of
from sandbox.shopify.registry import resolver
from sandbox.shopify.shop import APP_NUMBER, DOMAIN, PUBLICATIONS, Context
from sandbox.shopify.table import Record

Args = Mapping[str, Any]
_SOURCES = {
    "web": "Online Store",
    "pos": "Point of Sale",
    "shopify_draft_order": "Draft Orders",
    "marketplace_x": "Marketplace X",
}


def _whole_order(totals: Totals) -> Bag:
    book = totals.book
    wanted = {index for index, entry in enumerate(book.discounts) if entry.whole_order}
    return total(part.amount for line in book.lines for part in line.allocations if part.discount in wanted)


def _current_whole_order(totals: Totals) -> Bag:
    """What is left of the order-level discounts: that of every line in proportion to its units."""
    book, gone = totals.book, totals.book.gone()
    wanted = {index for index, entry in enumerate(book.discounts) if entry.whole_order}
    return total(
        part.amount - book.currencies.units(part.amount, line.quantity, 0, gone[line.num])
        for line in book.lines
        for part in line.allocations
        if part.discount in wanted
    )


def _rounding(totals: Totals, kind: str) -> Bag:
    return total(entry.rounding for entry in totals.book.transactions if entry.kind == kind)


def _shipping_refunded(totals: Totals) -> Bag:
    return total(part.subtotal for refund in totals.book.refunds for part in refund.shipping)


def _discrepancy(totals: Totals) -> Bag:
    return total(entry.amount for refund in totals.book.refunds for entry in refund.adjustments)


_BAGS: Mapping[str, Callable[[Totals], Bag]] = {
    "originalTotalPriceSet": lambda totals: totals.original.price,
    "totalPriceSet": lambda totals: totals.total.price,
    "currentTotalPriceSet": lambda totals: totals.current.price,
    "subtotalPriceSet": lambda totals: totals.total.subtotal,
    "currentSubtotalPriceSet": lambda totals: totals.current.subtotal,
    "totalShippingPriceSet": lambda totals: totals.total.shipping,
    "currentShippingPriceSet": lambda totals: totals.current.shipping_net,
    "totalDiscountsSet": lambda totals: totals.total.discounts,
    "currentTotalDiscountsSet": lambda totals: totals.current.discounts,
    "cartDiscountAmountSet": _whole_order,
    "currentCartDiscountAmountSet": _current_whole_order,
    "totalTaxSet": lambda totals: totals.total.tax,
    "currentTotalTaxSet": lambda totals: totals.current.tax,
    "totalTipReceivedSet": lambda totals: totals.total.tips,
    "totalReceivedSet": lambda totals: totals.received,
    "totalRefundedSet": lambda totals: totals.refunded,
    "totalRefundedShippingSet": _shipping_refunded,
    "netPaymentSet": lambda totals: totals.net_payment,
    "totalOutstandingSet": lambda totals: totals.outstanding,
    "totalCapturableSet": lambda totals: totals.capturable,
    "refundDiscrepancySet": _discrepancy,
}
_OPTIONAL_BAGS: Mapping[str, Callable[[Totals], tuple[Bag, Bag]]] = {
    "originalTotalDutiesSet": lambda totals: (totals.original.duties, totals.original.duties),
    "currentTotalDutiesSet": lambda totals: (totals.original.duties, totals.current.duties),
    "originalTotalAdditionalFeesSet": lambda totals: (totals.original.fees, totals.original.fees),
    "currentTotalAdditionalFeesSet": lambda totals: (totals.original.fees, totals.current.fees),
}
"""(whether there were any, the amount): null when there never were."""
_FLAT = {
    "totalPrice": "totalPriceSet",
    "subtotalPrice": "subtotalPriceSet",
    "totalShippingPrice": "totalShippingPriceSet",
    "totalDiscounts": "totalDiscountsSet",
    "totalTax": "totalTaxSet",
    "totalReceived": "totalReceivedSet",
    "totalRefunded": "totalRefundedSet",
    "netPayment": "netPaymentSet",
    "totalCapturable": "totalCapturableSet",
    "cartDiscountAmount": "cartDiscountAmountSet",
}


def _bag_field(name: str, read: Callable[[Totals], Bag]) -> None:
    @resolver("Order", name)
    def bag(record: Record, _: Context, __: Args) -> dict[str, Any]:
        totals = totals_of(record)
        return money_bag(totals.book.currencies, read(totals))


def _optional_bag_field(name: str, read: Callable[[Totals], tuple[Bag, Bag]]) -> None:
    @resolver("Order", name)
    def bag(record: Record, _: Context, __: Args) -> dict[str, Any] | None:
        totals = totals_of(record)
        ever, amount = read(totals)
        return money_bag(totals.book.currencies, amount) if ever else None


def _flat_field(name: str, read: Callable[[Totals], Bag]) -> None:
    @resolver("Order", name)
    def flat(record: Record, _: Context, __: Args) -> str:
        return money_text(read(totals_of(record)).shop)


for _name, _read in _BAGS.items():
    _bag_field(_name, _read)
for _name, _read_both in _OPTIONAL_BAGS.items():
    _optional_bag_field(_name, _read_both)
for _name, _of in _FLAT.items():
    _flat_field(_name, _BAGS[_of])


def _plain_field(name: str, read: Callable[[Record], Any]) -> None:
    @resolver("Order", name)
    def plain(record: Record, _: Context, __: Args) -> Any:
        return read(record)


_PLAIN: Mapping[str, Callable[[Record], Any]] = {
    "closed": lambda record: record.get("closedAt") is not None,
    "cancellation": lambda record: {"staffNote": record.get("staffNote")} if record.get("cancelledAt") else None,
    "confirmationNumber": lambda record: record.get("confirmation"),
    "confirmed": lambda _: True,
    "sourceIdentifier": lambda record: record.get("sourceId"),
    "customerLocale": lambda record: record.get("locale"),
    "customerAcceptsMarketing": lambda record: bool(record.get("marketing")),
    "currencyCode": lambda record: currencies_of(record).shop,
    "presentmentCurrencyCode": lambda record: currencies_of(record).shown,
    "taxesIncluded": lambda record: book_of(record).taxes_included,
    "edited": lambda record: bool(book_of(record).edits),
    "displayFulfillmentStatus": lambda record: record["summary"]["fulfillment"],
    "returnStatus": lambda record: record["summary"]["returned"],
    "paymentGatewayNames": lambda record: record["summary"]["gateways"],
    "discountCodes": lambda record: record["summary"]["codes"],
    "discountCode": lambda record: next(iter(record["summary"]["codes"]), None),
    "billingAddress": lambda record: address_record(record, record.get("billing")),
    "shippingAddress": lambda record: address_record(record, record.get("shipping")),
    "displayAddress": lambda record: address_record(record, record.get("shipping") or record.get("billing")),
    "requiresShipping": lambda record: any(line.ships for line in book_of(record).lines),
    "fulfillable": lambda record: any(book_of(record).to_send().values()) and not record.get("cancelledAt"),
    "restockable": lambda record: any(line.variant for line in book_of(record).lines),
    "refundable": lambda record: totals_of(record).net_payment.shop > 0,
    "capturable": lambda record: bool(totals_of(record).capturable),
    "unpaid": lambda record: not totals_of(record).received,
    "fullyPaid": lambda record: totals_of(record).outstanding.shop <= 0,
    "canMarkAsPaid": lambda record: totals_of(record).outstanding.shop > 0 and not record.get("cancelledAt"),
    "canNotifyCustomer": lambda record: bool(record.get("email")),
    "merchantEditable": lambda record: not record.get("cancelledAt"),
    "merchantEditableErrors": lambda record: ["Order is cancelled"] if record.get("cancelledAt") else [],
    "subtotalLineItemsQuantity": lambda record: record["summary"]["quantity"],
    "riskLevel": lambda record: "HIGH" if record.get("cancelReason") == "FRAUD" else "LOW",
    "statusPageUrl": lambda record: (
        f"https://{DOMAIN}/orders/{record['num']}/authenticate?key={record['confirmation']}"
    ),
    "cartToken": lambda record: f"c{record['num']:x}",
    "checkoutToken": lambda record: f"k{record['num']:x}",
}
for _name, _read_plain in _PLAIN.items():
    _plain_field(_name, _read_plain)


@resolver("Order", "displayFinancialStatus")
def _financial_status(record: Record, context: Context, _: Args) -> str | None:
    return financial_status(record, totals_of(record), context.shop.clock.now())


@resolver("Order", "customAttributes")
def _attributes(record: Record, _: Context, __: Args) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in record.get("attributes") or []]


@resolver("Order", "customer")
def _customer(record: Record, context: Context, _: Args) -> Record | None:
    number: int | None = record.get("customer")
    return None if number is None else context.shop.customers.get(number)


@resolver("Order", "purchasingEntity")
def _purchasing_entity(record: Record, context: Context, args: Args) -> Record | None:
    company = record.get("company")
    customer: Record | None = _customer(record, context, args)
    if company is None:
        return customer
    moment = record["createdAt"]
    times = {"createdAt": moment, "updatedAt": moment}
    base = {"num": company["num"], "name": company["name"], "currency": "EUR", **times}
    whole = {**base, "__typename": "Company", "id": gid("Company", company["num"]), "externalId": company.get("vat")}
    place = {**base, "__typename": "CompanyLocation", "id": gid("CompanyLocation", company["num"]), "company": whole}
    contact = {
        "__typename": "CompanyContact",
        "id": gid("CompanyContact", company["num"]),
        "company": whole,
        "customer": customer,
        "isMainContact": True,
        **times,
    }
    place["taxRegistrationId"] = company.get("vat")
    return {"__typename": "PurchasingCompany", "company": whole, "contact": contact, "location": place}


@resolver("Order", "billingAddressMatchesShippingAddress")
def _same_address(record: Record, _: Context, __: Args) -> bool:
    one, other = record.get("billing"), record.get("shipping")
    if one is None or other is None:
        return False
    return {**one, "num": 0} == {**other, "num": 0}


@resolver("Order", "lineItems")
def _lines(record: Record, _: Context, args: Args) -> Page:
    return line_records(record, args)


@resolver("Order", "nonFulfillableLineItems")
def _unsendable_lines(record: Record, _: Context, args: Args) -> Page:
    gone = book_of(record).gone()
    return line_records(record, args, lambda line: not line.fulfillable or gone[line.num] == line.quantity)


@resolver("Order", "shippingLines")
def _shipping_lines(record: Record, _: Context, args: Args) -> Page:
    return list_page(shipping_records(record), args)


@resolver("Order", "shippingLine")
def _shipping_line(record: Record, _: Context, __: Args) -> Record | None:
    return next(iter(shipping_records(record)), None)


@resolver("Order", "discountApplications")
def _applications(record: Record, _: Context, args: Args) -> Page:
    book = book_of(record)
    found = [application_record(book.currencies, entry, index) for index, entry in enumerate(book.discounts)]
    return list_page(found, args)


def _tax_lines(record: Record, sums: Mapping[TaxKey, Bag]) -> list[Record]:
    taxes = (Tax(title, rate, amount, liable) for (title, rate, liable), amount in sums.items())
    return tax_records(currencies_of(record), taxes)


@resolver("Order", "taxLines")
def _taxes(record: Record, _: Context, __: Args) -> list[Record]:
    return _tax_lines(record, totals_of(record).taxes())


@resolver("Order", "currentTaxLines")
def _current_taxes(record: Record, _: Context, __: Args) -> list[Record]:
    return _tax_lines(record, totals_of(record).current_taxes())


@resolver("Order", "additionalFees")
def _fees(record: Record, _: Context, __: Args) -> list[Record]:
    currencies = currencies_of(record)
    return [
        child_record(
            record,
            "AdditionalFee",
            fee.num,
            name=fee.name,
            price=money_bag(currencies, fee.price),
            taxLines=tax_records(currencies, fee.taxes),
        )
        for fee in book_of(record).fees
    ]


@resolver("Order", "totalCashRoundingAdjustment")
def _cash_rounding(record: Record, _: Context, __: Args) -> dict[str, Any]:
    totals = totals_of(record)
    currencies = totals.book.currencies
    return {
        "paymentSet": money_bag(currencies, _rounding(totals, "SALE")),
        "refundSet": money_bag(currencies, _rounding(totals, "REFUND")),
    }


@resolver("Order", "totalTipReceived")
def _tip(record: Record, _: Context, __: Args) -> dict[str, Any]:
    totals = totals_of(record)
    return money_v2(totals.total.tips.shop, totals.book.currencies.shop)


@resolver("Order", "currentSubtotalLineItemsQuantity")
def _current_quantity(record: Record, _: Context, __: Args) -> int:
    book = book_of(record)
    gone = book.gone()
    return sum(line.quantity - gone[line.num] for line in book.lines if not line.tip)


@resolver("Order", "totalWeight")
def _weight(record: Record, _: Context, __: Args) -> int:
    return sum(line.grams * line.quantity for line in book_of(record).lines)


@resolver("Order", "currentTotalWeight")
def _current_weight(record: Record, _: Context, __: Args) -> int:
    book = book_of(record)
    gone = book.gone()
    return sum(line.grams * (line.quantity - gone[line.num]) for line in book.lines)


@resolver("Order", "retailLocation", "physicalLocation")
def _location(record: Record, context: Context, _: Args) -> Record | None:
    number = record.get("location")
    return None if number is None else context.shop.locations.get(number)


@resolver("Order", "attribution")
def _attribution(record: Record, _: Context, __: Args) -> dict[str, str]:
    source = record.get("sourceName") or "web"
    return {"handle": source, "displayName": _SOURCES.get(source, source)}


@resolver("Order", "app")
def _app(record: Record, _: Context, __: Args) -> dict[str, str]:
    source = record.get("sourceName") or "web"
    return {"id": gid("App", APP_NUMBER + len(source)), "name": _SOURCES.get(source, source)}


@resolver("Order", "publication")
def _publication(record: Record, context: Context, _: Args) -> Record | None:
    numbers = list(PUBLICATIONS)
    wanted = {"web": numbers[0], "pos": numbers[1]}.get(record.get("sourceName") or "web")
    return None if wanted is None else context.shop.publications.get(wanted)


@resolver("Order", "risk")
def _risk(record: Record, _: Context, __: Args) -> dict[str, Any]:
    fraud = record.get("cancelReason") == "FRAUD"
    return {
        "assessments": [{"riskLevel": "HIGH" if fraud else "LOW"}],
        "recommendation": "CANCEL" if fraud else "ACCEPT",
    }


@resolver("Order", "merchantBusinessEntity")
def _entity(_: Record, __: Context, ___: Args) -> dict[str, Any]:
    return {"__typename": "BusinessEntity", "id": gid("BusinessEntity", 1), "displayName": "Sandbox S.r.l."}
