"""Computed fields of what is sent and what comes back: fulfilments, fulfilment orders, returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.common.order_book import Fulfillment, Return
from sandbox.shopify.connections import Page, list_page
from sandbox.shopify.fields.order_lines import line_record
from sandbox.shopify.fields.refunds import refund_record
from sandbox.shopify.order_money import child_record, currencies_of, money_bag, money_text
from sandbox.shopify.order_records import FULFILLMENT_ORDER, book_of
from sandbox.shopify.registry import resolver
from sandbox.shopify.shop import Context
from sandbox.shopify.table import Record

Args = Mapping[str, Any]


def fulfillment_record(order: Record, shipment: Fulfillment) -> Record:
    """Return a shipment as a Fulfillment record."""
    book = book_of(order)
    position = [entry.num for entry in book.fulfillments].index(shipment.num) + 1
    ships = {line.num: line.ships for line in book.lines}
    return child_record(
        order,
        "Fulfillment",
        shipment.num,
        shipment=shipment,
        name=f"{order['name']}-F{position}",
        status=shipment.status,
        displayStatus=shipment.display,
        createdAt=shipment.at,
        updatedAt=shipment.updated,
        deliveredAt=shipment.delivered,
        inTransitAt=shipment.updated if shipment.display in ("IN_TRANSIT", "DELIVERED") else None,
        totalQuantity=sum(count for _, _, count in shipment.lines),
        requiresShipping=any(ships[line] for _, line, _ in shipment.lines),
        service={
            "id": f"gid://shopify/FulfillmentService/{shipment.service}",
            "handle": shipment.service.replace("_", "-"),
            "serviceName": shipment.service.replace("_", " ").capitalize(),
            "type": "GIFT_CARD" if shipment.service == "gift_card" else "MANUAL",
        },
    )


@resolver("Order", "fulfillments")
def _fulfillments(record: Record, _: Context, args: Args) -> list[Record]:
    found = book_of(record).fulfillments[: args.get("first") or None]
    return [fulfillment_record(record, shipment) for shipment in found]


@resolver("Order", "fulfillmentsCount")
def _count(record: Record, _: Context, __: Args) -> dict[str, Any]:
    return {"count": len(book_of(record).fulfillments), "precision": "EXACT"}


def _shipment(record: Record) -> Fulfillment:
    shipment: Fulfillment = record["shipment"]
    return shipment


@resolver("Fulfillment", "location")
def _location(record: Record, context: Context, _: Args) -> Record | None:
    number = _shipment(record).location
    return None if number is None else context.shop.locations.get(number)


@resolver("Fulfillment", "trackingInfo")
def _tracking(record: Record, _: Context, args: Args) -> list[dict[str, str]]:
    found = _shipment(record).tracking[: args.get("first") or None]
    return [{"company": entry.company, "number": entry.number, "url": entry.url} for entry in found]


@resolver("Fulfillment", "fulfillmentLineItems")
def _lines(record: Record, _: Context, args: Args) -> Page:
    page = list_page(_shipment(record).lines, args)
    page["nodes"] = [_sent_line(record["order"], *entry) for entry in page["nodes"]]
    return page


def _sent_line(order: Record, number: int, line_number: int, count: int) -> Record:
    book = book_of(order)
    line = book.line(line_number)
    currencies = book.currencies
    before_order = line.gross
    for part in line.allocations:
        if not book.discounts[part.discount].whole_order:
            before_order -= part.amount
    discounted = currencies.units(before_order, line.quantity, 0, count)
    return child_record(
        order,
        "FulfillmentLineItem",
        number,
        quantity=count,
        lineItem=line_record(order, line),
        originalTotalSet=money_bag(currencies, line.unit.times(count)),
        originalTotal=money_text(line.unit.times(count).shop),
        discountedTotalSet=money_bag(currencies, discounted),
        discountedTotal=money_text(discounted.shop),
    )


@resolver("Fulfillment", "events")
def _events(record: Record, _: Context, args: Args) -> Page:
    shipment = _shipment(record)
    if shipment.display not in ("IN_TRANSIT", "OUT_FOR_DELIVERY", "DELIVERED"):
        return list_page([], args)
    event = child_record(
        record["order"],
        "FulfillmentEvent",
        shipment.num,
        status=shipment.display,
        happenedAt=shipment.updated,
        createdAt=shipment.updated,
    )
    return list_page([event], args)


@resolver("Order", "fulfillmentOrders")
def _fulfillment_orders(record: Record, context: Context, args: Args) -> Page:
    book = book_of(record)
    left = book.to_send()
    words = {"ON_HOLD": "ON_HOLD", "SCHEDULED": "SCHEDULED", "IN_PROGRESS": "IN_PROGRESS"}
    status = words.get(book.waiting, "OPEN") if any(left.values()) else "CLOSED"
    lines = [
        child_record(
            record,
            "FulfillmentOrderLineItem",
            line.num,
            lineItem=line_record(record, line),
            totalQuantity=left[line.num] + book.sent()[line.num],
            remainingQuantity=left[line.num],
            productTitle=line.title,
            sku=line.sku or None,
            requiresShipping=line.ships,
        )
        for line in book.lines
        if line.fulfillable
    ]
    location = next(context.shop.locations.all(), None)
    order = child_record(
        record,
        "FulfillmentOrder",
        FULFILLMENT_ORDER,
        status=status,
        requestStatus="UNSUBMITTED",
        createdAt=record["createdAt"],
        updatedAt=record["updatedAt"],
        lineItems=lines,
        orderName=record["name"],
        orderId=record["id"],
        assignedLocation={"name": (location or {}).get("name"), "location": location, "countryCode": "IT"},
        fulfillments=[fulfillment_record(record, entry) for entry in book.fulfillments],
    )
    return list_page([order] if lines else [], args)


def return_record(order: Record, back: Return) -> Record:
    """Return a return as a Return record."""
    position = [entry.num for entry in book_of(order).returns].index(back.num) + 1
    return child_record(
        order,
        "Return",
        back.num,
        back=back,
        name=f"{order['name']}-R{position}",
        status=back.status,
        createdAt=back.at,
        closedAt=back.closed,
        requestApprovedAt=back.at if back.status in ("OPEN", "CLOSED") else None,
        totalQuantity=sum(count for _, _, count, _ in back.lines),
        decline={"reason": "RETURN_PERIOD_ENDED", "note": back.note} if back.status == "DECLINED" else None,
    )


def find_return(order: Record, number: int | None) -> Record | None:
    """Return a return of an order by its number."""
    return next((return_record(order, entry) for entry in book_of(order).returns if entry.num == number), None)


@resolver("Order", "returns")
def _returns(record: Record, _: Context, args: Args) -> Page:
    return list_page([return_record(record, back) for back in book_of(record).returns], args)


@resolver("Refund", "return")
def _refund_return(record: Record, _: Context, __: Args) -> Record | None:
    return find_return(record["order"], record["refund"].back)


def _back(record: Record) -> Return:
    back: Return = record["back"]
    return back


@resolver("Return", "refunds")
def _return_refunds(record: Record, _: Context, args: Args) -> Page:
    order = record["order"]
    found = [refund_record(order, entry) for entry in book_of(order).refunds if entry.back == _back(record).num]
    return list_page(found, args)


@resolver("Return", "returnLineItems")
def _return_lines(record: Record, _: Context, args: Args) -> Page:
    order = record["order"]
    book = book_of(order)
    sent = {own: (own, line, count) for shipment in book.fulfillments for own, line, count in shipment.lines}
    done = _back(record).status == "CLOSED"
    currencies = currencies_of(order)
    found = []
    for number, parcel_line, count, reason in _back(record).lines:
        line = book.line(sent[parcel_line][1])
        found.append(
            child_record(
                order,
                "ReturnLineItem",
                number,
                quantity=count,
                refundableQuantity=0 if done else count,
                refundedQuantity=count if done else 0,
                processableQuantity=0 if done else count,
                processedQuantity=count if done else 0,
                unprocessedQuantity=0 if done else count,
                returnReason=reason,
                returnReasonNote=_back(record).note,
                fulfillmentLineItem=_sent_line(order, *sent[parcel_line]),
                withCodeDiscountedTotalPriceSet=money_bag(
                    currencies, currencies.units(line.net, line.quantity, 0, count)
                ),
            )
        )
    return list_page(found, args)


@resolver("Return", "exchangeLineItems")
def _exchange_lines(record: Record, _: Context, args: Args) -> Page:
    order = record["order"]
    book = book_of(order)
    found = []
    for number in _back(record).exchange:
        line = book.line(number)
        new = line_record(order, line)
        found.append(
            child_record(
                order,
                "ExchangeLineItem",
                number,
                quantity=line.quantity,
                lineItem=new,
                lineItems=[new],
                processedQuantity=line.quantity,
                title=line.title,
                variantTitle=line.variant_title or None,
                variantSku=line.sku or None,
            )
        )
    return list_page(found, args)
