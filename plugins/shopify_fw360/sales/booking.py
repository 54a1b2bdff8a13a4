"""How sales are booked: whose money, in which form, by which clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Booking:
    """What the site and the settings say about sales.

    Args:
        currency: ISO code of the site's currency.
        with_tax: whether the site's prices include tax.
        zone: time zone of the site.
        money: which side of an order is booked, in the shop's currency or in the one the buyer was shown.
        check_both: whether the side that is not booked must add up too.
        guest_email: buyer of orders without customer and e-mail, None if there is none.
    """

    currency: str
    with_tax: bool
    zone: ZoneInfo
    money: Literal["shop", "presentment"] = "shop"
    check_both: bool = True
    guest_email: str | None = None
