"""Prices on offer: Shopify keeps what is paid and the higher price it is compared with, Framework360 the list price and
the lower price of the offer (contract, section 8).

An amount that is zero or less is no offer: a site may state 0 where it means none, and goods must not become free by
it.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from pydantic import Field

from shopify_fw360.mapping.registry import Args, Context, Example, Function, register
from shopify_fw360.mapping.values import Invalid, to_decimal
from shopify_fw360.records import FieldType


class CompareAt(Args):
    """Arguments of list_price and offer_price."""

    compare_at: Annotated[str, Field(description="Source path of the higher price that the price is compared with.")]
    shorthand: ClassVar[str | None] = "compare_at"
    paths: ClassVar[tuple[str, ...]] = ("compare_at",)
    carried: ClassVar[tuple[str, ...]] = ("compare_at",)


class Offer(Args):
    """Arguments of selling_price and compare_at_price."""

    offer: Annotated[str, Field(description="Source path of the lower price while on offer.")]
    shorthand: ClassVar[str | None] = "offer"
    paths: ClassVar[tuple[str, ...]] = ("offer",)
    carried: ClassVar[tuple[str, ...]] = ("offer",)


def _is_offer(lower: Decimal | None, higher: Decimal | None) -> bool:
    return lower is not None and higher is not None and 0 < lower < higher


def _amount(value: Any) -> Decimal | None:
    """Return the other price; one that is no number is none, and is reported by the field that carries it."""
    try:
        return None if value is None else to_decimal(value)
    except Invalid:
        return None


def list_price(price: Any, compare_at: Any) -> Decimal:
    """Return the price without an offer: the compared one if it is higher, else the price."""
    paid, compared = to_decimal(price), _amount(compare_at)
    return compared if compared is not None and _is_offer(paid, compared) else paid


def offer_price(price: Any, compare_at: Any) -> Decimal | None:
    """Return the price if it is an offer, because the compared one is higher; else None."""
    paid = to_decimal(price)
    return paid if _is_offer(paid, _amount(compare_at)) else None


def selling_price(price: Any, offer: Any) -> Decimal:
    """Return what is paid: the price of the offer if it is lower, else the list price."""
    listed, offered = to_decimal(price), _amount(offer)
    return offered if offered is not None and _is_offer(offered, listed) else listed


def compare_at_price(price: Any, offer: Any) -> Decimal | None:
    """Return the list price if an offer is lower, else None."""
    listed = to_decimal(price)
    return listed if _is_offer(_amount(offer), listed) else None


def _with_one_path(function: Callable[[Any, Any], Any]) -> Callable[[Any, Context], Callable[[Any, Any], Any]]:
    return lambda _args, _context: function


register(
    Function(
        "list_price",
        "The price without an offer: the compared price if it is higher, else the price itself.",
        None,
        FieldType.DECIMAL,
        _with_one_path(list_price),
        args=CompareAt,
        examples=[
            Example({"list_price": "compareAtPrice"}, "15.00", Decimal("20.00"), ("20.00",)),
            Example({"list_price": "compareAtPrice"}, "15.00", Decimal("15.00"), (None,)),
        ],
    )
)
register(
    Function(
        "offer_price",
        "The price while the compared one is higher, else empty: there is no offer.",
        None,
        FieldType.DECIMAL,
        _with_one_path(offer_price),
        args=CompareAt,
        examples=[
            Example({"offer_price": "compareAtPrice"}, "15.00", Decimal("15.00"), ("20.00",)),
            Example({"offer_price": "compareAtPrice"}, "15.00", None, ("10.00",)),
        ],
    )
)
register(
    Function(
        "selling_price",
        "What is paid: the price of the offer if it is lower than the list price, else the list price. An offer of 0 "
        "is none.",
        None,
        FieldType.DECIMAL,
        _with_one_path(selling_price),
        args=Offer,
        examples=[
            Example({"selling_price": "prezzo_promo"}, "20.00", Decimal("15.00"), ("15.00",)),
            Example({"selling_price": "prezzo_promo"}, "20.00", Decimal("20.00"), ("0",)),
        ],
    )
)
register(
    Function(
        "compare_at_price",
        "The list price while an offer is lower, else empty.",
        None,
        FieldType.DECIMAL,
        _with_one_path(compare_at_price),
        args=Offer,
        examples=[
            Example({"compare_at_price": "prezzo_promo"}, "20.00", Decimal("20.00"), ("15.00",)),
            Example({"compare_at_price": "prezzo_promo"}, "20.00", None, (None,)),
        ],
    )
)
