"""The mini shop: what a person sees and buys on the page "Buy something"."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sandbox.common.order_actions import OrderError
from sandbox.common.order_totals import Totals
from sandbox.common.page_parts import FormError, FormField, Values
from sandbox.common.storefront import CartRow, Offer, Quote
from sandbox.shopify.checkout import CHARGES, CODES, GATEWAYS, Cart, Wish, place_order, priced_book
from sandbox.shopify.media import url_of
from sandbox.shopify.product_records import is_default, variant_title
from sandbox.shopify.product_search import product_language
from sandbox.shopify.searching import compile_search
from sandbox.shopify.shop import Shop
from sandbox.shopify.table import Record

if TYPE_CHECKING:
    from sandbox.shopify.backend import ShopifyBackend

_MAX_CHOICES = 100
_FIELDS = (
    FormField("email", "E-mail", "email", "Buyer"),
    FormField("phone", "Phone, with country code", "tel", "Buyer"),
    FormField("firstName", "First name", group="Buyer"),
    FormField("lastName", "Last name", group="Buyer"),
    FormField("company", "Company", group="Buyer"),
    FormField("address1", "Street", group="Buyer"),
    FormField("zip", "Postal code", group="Buyer"),
    FormField("city", "City", group="Buyer"),
    FormField("provinceCode", "Province code", group="Buyer"),
    FormField(
        "countryCode",
        "Country",
        "select",
        "Buyer",
        (("IT", "Italy"), ("DE", "Germany"), ("FR", "France"), ("US", "USA")),
    ),
    FormField("marketing", "Newsletter", "checkbox", "Buyer"),
    FormField(
        "charge",
        "Shipping",
        "select",
        "Shipping and payment",
        tuple((key, f"{title}, {price} €") for key, (title, price) in CHARGES.items()),
    ),
    FormField("gateway", "Payment", "select", "Shipping and payment", tuple(GATEWAYS.items())),
    FormField(
        "code",
        "Discount code",
        "select",
        "Shipping and payment",
        (("", "none"), *((code, f"{code}: {text}") for code, text in CODES.items())),
    ),
    FormField("tip", "Tip, €", group="Shipping and payment"),
    FormField(
        "currency",
        "Currency shown",
        "select",
        "Shipping and payment",
        tuple((code, code) for code in ("EUR", "USD", "GBP", "CHF", "JPY")),
    ),
    FormField("note", "Note", "textarea", "Shipping and payment"),
)
_START = {
    "email": "ada.bianchi@example.it",
    "firstName": "Ada",
    "lastName": "Bianchi",
    "address1": "Via Garibaldi 7",
    "zip": "20121",
    "city": "Milano",
    "provinceCode": "MI",
    "countryCode": "IT",
    "charge": "standard",
    "gateway": "paypal",
    "currency": "EUR",
}


class ShopWindow:
    """The shop's page for buyers.

    Args:
        backend: gives the current shop; a reset replaces it.
    """

    def __init__(self, backend: ShopifyBackend) -> None:
        self._backend = backend

    @property
    def _shop(self) -> Shop:
        return self._backend.shop

    def offers(self, text: str, page: int, size: int) -> tuple[Sequence[Offer], int]:
        """Return one page of active products by title; the text is Shopify's search syntax."""
        search = compile_search(text, product_language(self._shop))
        found = (
            record
            for _, record in self._shop.products.scan("TITLE")
            if record["status"] == "ACTIVE" and search.matches(record)
        )
        records = list(found)
        shown = records[(page - 1) * size : page * size]
        return [self._offer(record) for record in shown], len(records)

    def fields(self) -> Sequence[FormField]:
        """Return the inputs of buyer, shipping and payment."""
        return _FIELDS

    def start(self) -> Values:
        """Return a buyer to begin with."""
        return _START

    def quote(self, cart: Mapping[str, int], values: Values) -> Quote:
        """Return what a cart costs."""
        wished, rows = self._wishes(cart), []
        try:
            book = priced_book(self._shop, self._cart(wished, values))
        except OrderError as problem:
            rows = [CartRow(key, self._title(key), units, "") for key, units in cart.items()]
            return Quote(rows, (), str(problem) if cart else "")
        currency = book.currencies.shown
        for key, line in zip(cart, book.lines, strict=False):
            title = f"{line.title} - {line.variant_title}" if line.variant_title else line.title
            rows.append(CartRow(key, title, line.quantity, f"{line.gross.shown} {currency}"))
        sums = Totals(book).total
        terms = [
            ("Goods", sums.gross.shown),
            ("Discounts", -sums.discounts.shown),
            ("Shipping", sums.shipping.shown),
            ("Tip", sums.tips.shown),
            ("Tax included" if book.taxes_included else "Tax", sums.tax.shown),
            ("To pay", sums.price.shown),
        ]
        needed = ("Goods", "To pay")
        return Quote(rows, [(label, f"{amount} {currency}") for label, amount in terms if amount or label in needed])

    def buy(self, cart: Mapping[str, int], values: Values) -> str:
        """Place the order; returns the address of its page in the admin."""
        try:
            record = place_order(self._shop, self._cart(self._wishes(cart), values))
        except OrderError as problem:
            raise FormError(str(problem)) from problem
        return f"/orders/{record['num']}?saved=1"

    def _offer(self, product: Record) -> Offer:
        choices = tuple(itertools.islice(self._choices(product), _MAX_CHOICES))
        prices = sorted({Decimal(price) for _, _, price in choices})
        price = f"{prices[0]} €" if len(prices) == 1 else f"{prices[0]} to {prices[-1]} €" if prices else "-"
        media = (self._shop.media.get(number) for number in product.get("media") or [])
        ready = next((url_of(self._shop, found) for found in media if found and found.get("status") == "READY"), None)
        return Offer(
            str(product["num"]),
            product["title"],
            product.get("vendor") or "",
            None if ready is None else _local(ready),
            price,
            tuple((key, f"{title}, {amount} €") for key, title, amount in choices) or (("", "sold out"),),
        )

    def _choices(self, product: Record) -> Iterator[tuple[str, str, str]]:
        for number in product.get("variants") or []:
            variant = self._shop.variants.get(number)
            if variant is not None:
                title = product["title"] if is_default(product) else variant_title(product, variant)
                yield str(number), title, variant["price"]

    def _title(self, key: str) -> str:
        variant = self._shop.variants.get(int(key)) if key.isdigit() else None
        product = None if variant is None else self._shop.products.get(variant["product"])
        return product["title"] if product else "No longer sold"

    def _wishes(self, cart: Mapping[str, int]) -> list[Wish]:
        return [Wish(int(key), units) for key, units in cart.items() if key.isdigit()]

    def _cart(self, wishes: list[Wish], values: Values) -> Cart:
        texts = {name: value if isinstance(value, str) else "" for name, value in values.items()}
        tip = texts.get("tip", "").replace(",", ".") or "0"
        try:
            given = Decimal(tip)
        except ArithmeticError as problem:
            raise OrderError("The tip is an amount like 2.50.") from problem
        if not given.is_finite() or not 0 <= given <= 1_000:
            raise OrderError("The tip is an amount from 0 to 1000.")
        return Cart(
            wishes,
            email=texts.get("email", ""),
            phone=texts.get("phone", ""),
            address=texts,
            code=texts.get("code", ""),
            charge=texts.get("charge", "standard"),
            gateway=texts.get("gateway", "shopify_payments"),
            tip=given,
            currency=texts.get("currency", "EUR"),
            note=texts.get("note", ""),
            marketing="1" in values.get("marketing", ()),
        )


def _local(address: str) -> str:
    """Return an address of this server without scheme and host: the page may be open under another name."""
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}"
