"""How one order of the seed comes about: cart, discounts, charges, taxes, payment, and what happens afterwards."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from decimal import Decimal

from sandbox.common.catalogue import CatalogueProduct
from sandbox.common.money import NOTHING, Bag, Currencies
from sandbox.common.order_actions import DAY, Rate, discount, tax
from sandbox.common.order_book import Book, Discount, Duty, Fee, Line, Shipping
from sandbox.common.order_ends import AFTERWARDS, PAYMENTS, ordinary_end, ordinary_payment
from sandbox.common.order_ledger import expected
from sandbox.common.order_totals import Totals
from sandbox.common.order_troubles import trouble_of
from sandbox.common.order_words import (
    ATTRIBUTES,
    CITIES,
    CUSTOM_LINES,
    GUESTS,
    LINE_ATTRIBUTES,
    LOCALES,
    NOTES,
    SALES_TAX,
    SHIPPING,
    TAGS,
    VAT,
)
from sandbox.common.people import EPOCH, Address, Person
from sandbox.common.seeded_order import Buyer, SeededOrder

END = int(EPOCH.timestamp()) * 1_000_000
_SECOND = 1_000_000
_RECENT_DAYS, _OLD_DAYS = 55, 500
_PRESENTMENT = {
    "presentment_usd": ("USD", "US"),
    "presentment_gbp": ("GBP", "GB"),
    "presentment_chf": ("CHF", "CH"),
    "presentment_jpy": ("JPY", "JP"),
}
_FORCED_COUNTRY = {"two_sales_taxes": "US", "duties": "US", "mixed_rates": "IT", "cash_rounding": "IT"}
_SOLD_FOR = Decimal("19.99")
"""Price of goods that cost nothing today, where nothing would hide the trouble."""
_SOURCES = {
    "cash_rounding": "pos",
    "no_email": "pos",
    "marketplace_tax": "marketplace_x",
    "nothing_stated": "marketplace_x",
}
_GUESTS = ("guest", "no_email", "cash_rounding", "tip_only")
_SEVERAL_LINES = {"mixed_rates": 4, "partly_fulfilled": 3, "several_parcels": 3, "removed_line": 3, "giant": 300}
_SEVERAL_UNITS = {
    "refund_units": 3, "reduced_line": 3, "many_refunds": 60, "exchange": 2, "return_open": 2, "code_each_line": 3,
    "manual_each": 3,
}  # fmt: skip


class Story:
    """One order while it is told.

    Args:
        draw: its own random generator.
        index: position in the sequence.
        people: who may buy.
        products: what may be sold.
    """

    def __init__(
        self, draw: random.Random, index: int, people: Sequence[Person], products: Sequence[CatalogueProduct]
    ) -> None:
        self.draw = draw
        self.index = index
        self.trouble = trouble_of(index)
        self._products = products
        self.person = self._pick_person(people)
        self.country = self._pick_country()
        shown, _ = _PRESENTMENT.get(
            self.trouble, ("USD" if self.country == "US" and draw.random() < 0.3 else "EUR", "")
        )
        days = draw.uniform(0.1, _RECENT_DAYS) if draw.random() < 0.75 else draw.uniform(65, _OLD_DAYS)
        self.at = (END - int(days * DAY)) // _SECOND * _SECOND
        included = self.country != "US" and self.trouble != "net_prices" and draw.random() < 0.92
        self.book = Book(Currencies("EUR", shown), included, self.at)
        self.goods: dict[int, tuple[int, int]] = {}
        self.rates: dict[int, tuple[Rate, ...]] = {}
        self.business = self.trouble == "company_buyer"
        self.exempt = self.trouble == "tax_exempt" or (self.business and self.country in ("DE", "FR"))
        self.address = None if self.trouble == "no_address" else self._pick_address()
        self.closed: int | None = None
        self.cancel_reason = ""
        self.test = self.trouble == "bogus_test"

    def told(self) -> SeededOrder:
        """Return the order with everything that happened to it."""
        self._cart()
        self._discounts()
        self._charges()
        self._taxes()
        processed = self.at
        if Totals(self.book).total.price:
            PAYMENTS.get(self.trouble, ordinary_payment)(self)
        AFTERWARDS.get(self.trouble, ordinary_end)(self)
        return self._order(processed)

    def later(self, days: float) -> int:
        """Let time pass, never beyond the end of the seed; return the new time."""
        self.at = min(END, self.at + max(1, int(days * DAY / _SECOND)) * _SECOND)
        return self.at

    def product_line(self, units: int = 1) -> Line:
        """Return a new line of the catalogue with its rates noted, a custom line when there is no catalogue."""
        if not self._products:
            return self.custom_line(units=units)
        place = self.draw.randrange(len(self._products))
        product = self._products[place]
        number = self.draw.randrange(len(product.variants))
        variant = product.variants[number]
        price = variant.price or (_SOLD_FOR if self.trouble else variant.price)
        line = Line(
            self.book.number(),
            product.title,
            units,
            self.book.currencies.price(price),
            variant_title=" / ".join(variant.values),
            sku=variant.sku,
            vendor=product.vendor,
            grams=int((variant.weight or Decimal(0)) * 1000),
        )
        if self.trouble != "deleted_product":
            self.goods[line.num] = (place, number)
        self.rates[line.num] = self._rates(place)
        return line

    def custom_line(self, position: int | None = None, units: int = 1) -> Line:
        """Return a new line without a product."""
        place = self.draw.randrange(len(CUSTOM_LINES)) if position is None else position
        title, price, ships = CUSTOM_LINES[place]
        line = Line(self.book.number(), title, units, self.book.currencies.price(Decimal(price)), ships=ships)
        self.rates[line.num] = self._rates(0)
        return line

    def priced(self, line: Line) -> Line:
        """Put the taxes on a line that is added later."""
        line.taxes = tax(self.book, line.net, self.rates.get(line.num, ()))
        return line

    def share(self, amount: Bag, percentage: int) -> Bag:
        """Return a part of an amount, rounded."""
        return self.book.currencies.percent(amount, Decimal(percentage))

    def _pick_person(self, people: Sequence[Person]) -> int | None:
        guest = self.draw.random() < 0.08
        place = self.draw.randrange(len(people)) if people else None
        if guest or self.trouble in _GUESTS:
            return None
        wanted: Callable[[Person], bool] = {
            "company_buyer": lambda person: person.company is not None,
            "phone_only": lambda person: person.email is None and person.phone is not None,
        }.get(self.trouble, lambda _: True)
        self._buyer = None if place is None else people[place]
        if place is not None and not wanted(people[place]):
            ring = (*range(place, len(people)), *range(place))
            place = next((number for number in ring if wanted(people[number])), place)
            self._buyer = people[place]
        return place

    def _pick_country(self) -> str:
        _, country = _PRESENTMENT.get(self.trouble, ("", ""))
        forced = country or _FORCED_COUNTRY.get(self.trouble)
        if forced:
            return forced
        if self.person is not None and self._buyer is not None and self._buyer.address is not None:
            return self._buyer.address.country
        return self.draw.choices(("IT", "DE", "FR", "US"), (60, 15, 10, 15))[0]

    def _pick_address(self) -> Address:
        buyer = self._buyer if self.person is not None else None
        if buyer is not None and buyer.address is not None and buyer.address.country == self.country:
            return buyer.address
        city, province, code = self.draw.choice(CITIES[self.country])
        return Address(
            f"{self.draw.choice(('Via Roma', 'Hauptstraße', 'Rue Neuve'))} {self.draw.randrange(1, 99)}",
            city,
            province,
            code,
            self.country,
        )

    def _rates(self, place: int) -> tuple[Rate, ...]:
        if self.exempt or (self.country == "US" and self.trouble == "duties"):
            return ()
        if self.country == "US":
            state = self.address.province if self.address else "CA"
            return SALES_TAX.get("CA" if self.trouble == "two_sales_taxes" else state, ())
        rates = VAT[self.country]
        if self.trouble == "mixed_rates":
            chosen = rates[len(self.rates) % len(rates)]
        else:
            chosen = rates[2 if len(rates) > 2 and place % 7 == 5 else 1 if place % 4 == 3 else 0]
        return (Rate(chosen.title, chosen.rate, self.trouble == "marketplace_tax"),)

    def _cart(self) -> None:
        count = _SEVERAL_LINES.get(self.trouble) or self.draw.choices((1, 2, 3, 5, 8), (38, 30, 18, 10, 4))[0]
        for position in range(count):
            units = self.draw.choices((1, 2, 3, 7), (70, 18, 8, 4))[0]
            if position == 0:
                units = _SEVERAL_UNITS.get(self.trouble, units)
            line = self.product_line(units)
            if self.draw.random() < 0.06:
                line.attributes = list(self.draw.sample(LINE_ATTRIBUTES, 2))
            self.book.lines.append(line)
        if self.draw.random() < 0.05:
            self.book.lines.append(self.custom_line())
        self._special_lines()

    def _special_lines(self) -> None:
        book, money = self.book, self.book.currencies
        match self.trouble:
            case "custom_line":
                book.lines += [self.custom_line(number) for number in range(len(CUSTOM_LINES))]
            case "service_only":
                book.lines = [self.custom_line(2)]
            case "zero_price":
                book.lines[0].unit = NOTHING
            case "free_order" | "refund_less" | "refund_more":
                book.lines[0].unit = money.price(Decimal("33.33"))
            case "gift_card_line":
                card = Line(book.number(), "Buono regalo 50 €", 2, money.price(Decimal(50)), sku="GIFT-50")
                card.ships = card.taxable = False
                card.gift_card = True
                book.lines.append(card)
            case "tip" | "tip_only":
                given = Line(book.number(), "Tip", 1, money.price(Decimal(self.draw.randrange(50, 900)).scaleb(-2)))
                given.ships = given.taxable = False
                given.tip = True
                book.lines = [given] if self.trouble == "tip_only" else [*book.lines, given]

    def _discounts(self) -> None:
        made = _DISCOUNTS.get(self.trouble)
        if made is None and not self.trouble and self.draw.random() < 0.25:
            made = self.draw.choice((_percent_code, _fixed_code, _automatic_lines))
        if made is not None:
            made(self)

    def goods_lines(self) -> list[Line]:
        """Return the lines that a discount on everything applies to."""
        return [line for line in self.book.lines if not line.tip and not line.gift_card]

    def _charges(self) -> None:
        book = self.book
        if any(line.ships for line in book.lines) and self.trouble not in ("cash_rounding", "no_address"):
            offers = SHIPPING[self.country]
            chosen = offers[:2] if self.trouble == "two_shipments_charged" else (self.draw.choice(offers),)
            for title, code, price in chosen:
                book.shipping.append(Shipping(book.number(), title, code, book.currencies.price(Decimal(price))))
            if self.trouble == "two_shipments_charged" and len(chosen) == 1:
                extra = book.currencies.price(Decimal("5.55"))
                book.shipping.append(Shipping(book.number(), "Supplemento isole", "ISLANDS", extra))
            made = _SHIPPING_DISCOUNTS.get(self.trouble)
            if made is not None:
                discount(book, made(self), book.shipping)
        if self.trouble == "additional_fee":
            fee = Fee(book.number(), "Contributo contrassegno", book.currencies.price(Decimal("2.45")))
            book.fees.append(fee)
        if self.trouble == "duties":
            for line in self.goods_lines():
                amount = book.currencies.percent(line.net, Decimal("6.5"))
                line.duty = Duty(book.number(), amount, "IT", "620342")

    def _taxes(self) -> None:
        book = self.book
        general = self._rates(0)
        for line in book.lines:
            if line.taxable:
                line.taxes = tax(book, line.net, self.rates.get(line.num, general))
        for charge in book.shipping:
            charge.taxes = tax(book, charge.net, () if self.country == "US" else general)
        for fee in book.fees:
            fee.taxes = tax(book, fee.price, general)

    def _order(self, processed: int) -> SeededOrder:
        buyer = self._buyer if self.person is not None else None
        hostile = self.trouble == "hostile_texts"
        email = buyer.email if buyer else f"ospite.{self.index}@example.com"
        if self.trouble in ("no_email", "cash_rounding", "phone_only"):
            email = None
        phone = buyer.phone if buyer else None
        named = self._named(buyer)
        needs = any(line.ships for line in self.book.lines)
        shipping = None if named is None or not needs else named
        note = self.draw.choice(NOTES) if hostile or self.draw.random() < 0.1 else ""
        source = _SOURCES.get(self.trouble, "web")
        return SeededOrder(
            index=self.index,
            trouble=self.trouble,
            book=self.book,
            person=self.person,
            email=email,
            phone=phone,
            billing=named,
            shipping=shipping,
            updated=self.at,
            processed=processed,
            expected=expected(self.book),
            goods=self.goods,
            business=self.business and buyer is not None and buyer.company is not None,
            closed=self.closed,
            cancel_reason=self.cancel_reason,
            source=source if self.draw.random() > 0.04 else "shopify_draft_order",
            po_number=f"PO-{self.index}/É" if self.business else "",
            note=note,
            tags=tuple(dict.fromkeys(self.draw.choices(TAGS, k=6 if hostile else self.draw.choice((0, 0, 1, 2))))),
            attributes=ATTRIBUTES if hostile else tuple(self.draw.sample(ATTRIBUTES, self.draw.choice((0, 0, 0, 1)))),
            locale=LOCALES[self.country],
            tax_exempt=self.exempt,
            test=self.test,
            stated=self.trouble != "nothing_stated",
        )

    def _named(self, buyer: Person | None) -> Buyer | None:
        if self.address is None:
            return None
        if buyer is None:
            first, last = self.draw.choice(GUESTS)
            return Buyer(first, last, self.address, None)
        company = buyer.company
        return Buyer(
            buyer.first_name,
            buyer.last_name,
            self.address,
            buyer.phone,
            company.name if company else "",
            company.vat_number if company else "",
        )


def _percent_code(story: Story) -> None:
    percentage = Decimal(story.draw.choice((5, 10, 15, 33)))
    discount(story.book, Discount("code", f"SCONTO{percentage}", percentage=percentage), story.goods_lines())


def _fixed_code(story: Story) -> None:
    amount = story.book.currencies.price(Decimal(story.draw.choice(("5.00", "10.00", "19.99"))))
    discount(story.book, Discount("code", "BENVENUTO", amount=amount), story.goods_lines())


def _automatic_lines(story: Story) -> None:
    lines = story.goods_lines()
    wanted = Discount(
        "automatic", "3 per 2 sulle maglie", selection="ENTITLED", method="EACH", percentage=Decimal("12.5")
    )
    discount(story.book, wanted, lines[: max(1, len(lines) // 2)])


def _code_each(story: Story) -> None:
    amount = story.book.currencies.price(Decimal("1.11"))
    wanted = Discount("code", "CIASCUNO", selection="ENTITLED", method="EACH", amount=amount)
    discount(story.book, wanted, story.goods_lines())


def _manual_each(story: Story) -> None:
    amount = story.book.currencies.price(Decimal("0.77"))
    wanted = Discount("manual", "Difetto estetico", selection="EXPLICIT", method="EACH", amount=amount)
    discount(story.book, wanted, story.goods_lines()[:1])


def _manual_order(story: Story) -> None:
    amount = story.book.currencies.price(Decimal("7.01"))
    discount(story.book, Discount("manual", "Sconto amico", amount=amount), story.goods_lines())


def _automatic_order(story: Story) -> None:
    wanted = Discount("automatic", "Black Friday 🖤", percentage=Decimal("17.5"))
    discount(story.book, wanted, story.goods_lines())


def _script(story: Story) -> None:
    wanted = Discount("script", "Prezzi dei soci", selection="EXPLICIT", method="EACH", percentage=Decimal(8))
    discount(story.book, wanted, story.goods_lines())


def _stacked(story: Story) -> None:
    _automatic_lines(story)
    _percent_code(story)
    _manual_order(story)


def _free(story: Story) -> None:
    wanted = Discount("code", "OMAGGIO100", percentage=Decimal(100))
    discount(story.book, wanted, story.goods_lines())


def _free_shipping(_: Story) -> Discount:
    return Discount("code", "SPEDIZIONEGRATIS", target="SHIPPING_LINE", method="EACH", percentage=Decimal(100))


def _half_shipping(_: Story) -> Discount:
    return Discount("automatic", "Metà spedizione", target="SHIPPING_LINE", method="EACH", percentage=Decimal(50))


_DISCOUNTS: dict[str, Callable[[Story], None]] = {
    "code_percent_order": _percent_code,
    "code_fixed_order": _fixed_code,
    "code_each_line": _code_each,
    "automatic_lines": _automatic_lines,
    "automatic_order": _automatic_order,
    "manual_each": _manual_each,
    "manual_order": _manual_order,
    "script_lines": _script,
    "stacked_discounts": _stacked,
    "free_order": _free,
    "giant": _percent_code,
    "refund_units": _fixed_code,
    "many_refunds": _fixed_code,
}
_SHIPPING_DISCOUNTS: dict[str, Callable[[Story], Discount]] = {
    "free_order": _free_shipping,
    "free_shipping": _free_shipping,
    "shipping_discount": _half_shipping,
}
