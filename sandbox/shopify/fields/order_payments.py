"""Computed fields of the payments of an order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from sandbox.common.order_book import Transaction
from sandbox.common.order_totals import left_of
from sandbox.shopify.ids import gid
from sandbox.shopify.order_money import (
    child_record,
    currencies_of,
    decimal_text,
    money_bag,
    money_text,
    money_v2,
)
from sandbox.shopify.order_records import book_of
from sandbox.shopify.registry import resolver
from sandbox.shopify.shop import Context
from sandbox.shopify.table import Record

Args = Mapping[str, Any]
_FORMATTED = {
    "shopify_payments": "Shopify Payments",
    "paypal": "PayPal Express Checkout",
    "stripe": "Stripe",
    "gift_card": "Gift Card",
    "bogus": "Bogus Gateway",
    "manual": "Manual",
    "cash": "Cash",
}
_CARDS = {
    "shopify_payments": {"company": "Visa", "number": "•••• •••• •••• 4242", "bin": "424242"},
    "stripe": {"company": "Mastercard", "number": "•••• •••• •••• 4444", "bin": "555555"},
    "bogus": {"company": "Bogus", "number": "•••• •••• •••• 1", "bin": "1"},
}
_AUTOMATIC = (*_CARDS, "paypal", "gift_card")
"""Gateways that move money by themselves; with all others somebody has to say that it came."""
_FEE_CENTS = Decimal("0.25")


def formatted_gateway(name: str) -> str:
    """Return the gateway as people read it."""
    return _FORMATTED.get(name, name)


def transaction_records(order: Record, wanted: Iterable[Transaction]) -> list[Record]:
    """Return payment steps as OrderTransaction records."""
    return [_transaction_record(order, entry) for entry in wanted]


def _transaction_record(order: Record, entry: Transaction) -> Record:
    currencies = currencies_of(order)
    charged = entry.gateway in _AUTOMATIC and entry.status in ("SUCCESS", "PENDING")
    return child_record(
        order,
        "OrderTransaction",
        entry.num,
        entry=entry,
        kind=entry.kind,
        status=entry.status,
        gateway=entry.gateway,
        formattedGateway=formatted_gateway(entry.gateway),
        amountSet=money_bag(currencies, entry.amount),
        amountV2=money_v2(entry.amount.shop, currencies.shop),
        amount=money_text(entry.amount.shop),
        amountRoundingSet=money_bag(currencies, entry.rounding) if entry.rounding else None,
        createdAt=entry.at,
        processedAt=entry.at,
        test=entry.test,
        errorCode=entry.error or None,
        paymentId=f"{order['confirmation']}.{entry.num}" if charged else None,
        authorizationCode=f"ch_{order['num']}{entry.num}" if charged else None,
        authorizationExpiresAt=entry.expires,
        accountNumber=_CARDS.get(entry.gateway, {}).get("number"),
        manualPaymentGateway=entry.gateway not in _AUTOMATIC,
        settlementCurrency=currencies.shop if entry.gateway == "shopify_payments" else None,
        settlementCurrencyRate="1.0" if entry.gateway == "shopify_payments" else None,
    )


@resolver("Order", "transactions")
def _transactions(record: Record, _: Context, args: Args) -> list[Record]:
    book = book_of(record)
    found = book.transactions
    if args.get("capturable") is not None:
        found = [entry for entry in found if _capturable(record, entry) is args["capturable"]]
    if args.get("manuallyResolvable") is not None:
        found = [entry for entry in found if (entry.status == "PENDING") is args["manuallyResolvable"]]
    return transaction_records(record, found[: args.get("first") or None])


@resolver("Order", "transactionsCount")
def _count(record: Record, _: Context, __: Args) -> dict[str, Any]:
    return {"count": len(book_of(record).transactions), "precision": "EXACT"}


def _capturable(order: Record, entry: Transaction) -> bool:
    holds = entry.kind == "AUTHORIZATION" and entry.status == "SUCCESS"
    return holds and bool(left_of(book_of(order), entry.num))


def _entry(record: Record) -> Transaction:
    entry: Transaction = record["entry"]
    return entry


@resolver("OrderTransaction", "parentTransaction")
def _parent(record: Record, _: Context, __: Args) -> Record | None:
    number = _entry(record).parent
    found = [entry for entry in book_of(record["order"]).transactions if entry.num == number]
    return transaction_records(record["order"], found)[0] if found else None


@resolver("OrderTransaction", "manuallyCapturable")
def _manually_capturable(record: Record, _: Context, __: Args) -> bool:
    return _capturable(record["order"], _entry(record))


@resolver("OrderTransaction", "totalUnsettledSet")
def _unsettled(record: Record, _: Context, __: Args) -> dict[str, Any] | None:
    if not _capturable(record["order"], _entry(record)):
        return None
    return money_bag(currencies_of(record), left_of(book_of(record["order"]), _entry(record).num))


@resolver("OrderTransaction", "fees")
def _fees(record: Record, _: Context, __: Args) -> list[Record]:
    entry = _entry(record)
    if entry.fee is None:
        return []
    currency = currencies_of(record).shop
    number = record["num"]
    return [
        {
            "__typename": "TransactionFee",
            "id": gid("TransactionFee", number),
            "type": "processing_fee",
            "amount": money_v2(entry.fee, currency),
            "flatFee": money_v2(_FEE_CENTS, currency),
            "flatFeeName": "card_present_fixed_fee",
            "rate": decimal_text(Decimal("0.019")),
            "rateName": "domestic_rate",
            "taxAmount": money_v2(Decimal(0), currency),
        }
    ]


@resolver("OrderTransaction", "paymentDetails")
def _details(record: Record, _: Context, __: Args) -> Record | None:
    gateway = _entry(record).gateway
    if gateway == "paypal":
        return {"__typename": "PaypalWalletPaymentDetails", "paymentMethodName": "paypal"}
    if gateway in _CARDS:
        address = record["order"].get("billing") or {}
        name = " ".join(part for part in (address.get("firstName"), address.get("lastName")) if part)
        return {
            "__typename": "CardPaymentDetails",
            **_CARDS[gateway],
            "name": name or None,
            "expirationMonth": 12,
            "expirationYear": 2030,
            "paymentMethodName": "card",
        }
    return None
