"""The page on which a person buys something: products, a cart, buyer and payment, all in one form without scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from sandbox.common.page_parts import (
    HEADERS,
    FormError,
    FormField,
    Section,
    Values,
    Words,
    field_values,
    posted_values,
    templates,
)

PER_PAGE = 12
MAX_UNITS = 999
WORDS = Words("shop", "product", "products", "Title, SKU, brand", "", "", creatable=False)


@dataclass(frozen=True, slots=True)
class Offer:
    """One product in the shop: `choices` are (key, text with price) of what can be bought of it."""

    key: str
    title: str
    brand: str
    picture: str | None
    price: str
    choices: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class CartRow:
    """One line of the cart: key of what is bought, title, units, price of all units."""

    key: str
    title: str
    units: int
    price: str


@dataclass(frozen=True, slots=True)
class Quote:
    """What a cart costs: its rows, then label and amount of each term; `problem` says why it cannot be bought."""

    rows: Sequence[CartRow]
    terms: Sequence[tuple[str, str]]
    problem: str = ""


class Storefront(Protocol):
    """What a shop sells and how."""

    def offers(self, text: str, page: int, size: int) -> tuple[Sequence[Offer], int]:
        """Return one page (1-based) of what is sold, and the number of all hits."""

    def fields(self) -> Sequence[FormField]:
        """Return the inputs of buyer, shipping and payment, in order."""

    def start(self) -> Values:
        """Return what they hold at first."""

    def quote(self, cart: Mapping[str, int], values: Values) -> Quote:
        """Return what a cart costs; nothing is stored."""

    def buy(self, cart: Mapping[str, int], values: Values) -> str:
        """Place the order and return its address; raises FormError."""


@runtime_checkable
class WithStorefront(Protocol):
    """A desk with a shop."""

    system: str
    accent: str

    def storefront(self) -> Storefront:
        """Return the shop."""


class StorefrontPages:
    """The shop of a desk.

    Args:
        desk: has the shop.
        sections: for the menu.
    """

    def __init__(self, desk: WithStorefront, sections: Sequence[Section]) -> None:
        self._desk = desk
        self._sections = sections

    async def page(self, request: Request) -> Response:
        """Show the shop, fill the cart, or buy."""
        front = self._desk.storefront()
        if request.method == "GET":
            return self._render(front, {}, front.start(), request.query_params.get("q", "").strip(), 1)
        body = await request.body()
        values, posted = field_values(front.fields(), body), posted_values(body)
        cart = _cart(posted)
        text = posted.get("q", [""])[-1].strip()
        wanted = posted.get("do", ["add"])[-1]
        page = _page(posted, wanted)
        if wanted != "buy":
            return self._render(front, cart, values, text, page)
        try:
            return RedirectResponse(front.buy(cart, values), 303)
        except FormError as problem:
            return self._render(front, cart, values, text, page, error=str(problem))

    def _render(
        self, front: Storefront, cart: Mapping[str, int], values: Values, text: str, page: int, error: str = ""
    ) -> HTMLResponse:
        offers, total = front.offers(text, page, PER_PAGE)
        groups: dict[str, list[FormField]] = {}
        for entry in front.fields():
            groups.setdefault(entry.group, []).append(entry)
        html = (
            templates()
            .get_template("shop.html")
            .render(
                desk=self._desk,
                sections=self._sections,
                words=WORDS,
                shop=True,
                offers=offers,
                total=total,
                text=text,
                page=page,
                pages=max(1, -(-total // PER_PAGE)),
                groups=groups,
                values=values,
                quote=front.quote(cart, values),
                error=error,
            )
        )
        return HTMLResponse(html, 422 if error else 200, headers=HEADERS)


def _page(posted: Mapping[str, list[str]], wanted: str) -> int:
    number = posted.get("page", ["1"])[-1]
    page = int(number) if number.isascii() and number.isdigit() else 1
    if wanted == "search":
        return 1
    return max(1, page + {"next": 1, "previous": -1}.get(wanted, 0))


def _cart(posted: Mapping[str, list[str]]) -> dict[str, int]:
    """Return key to units: what was in the cart, and what was chosen on this page (`units.3` of `choice.3`)."""
    cart: dict[str, int] = {}
    for name, given in posted.items():
        if name.startswith("cart."):
            cart[name.removeprefix("cart.")] = _units(given[-1])
    for name, given in posted.items():
        if name.startswith("units.") and _units(given[-1]):
            choice = posted.get(name.replace("units.", "choice.", 1), [""])[-1]
            if choice:
                cart[choice] = min(MAX_UNITS, cart.get(choice, 0) + _units(given[-1]))
    return {key: units for key, units in cart.items() if units}


def _units(text: str) -> int:
    return min(MAX_UNITS, int(text)) if text.isascii() and text.isdigit() else 0
