"""The checkout of the sandbox shop: a cart becomes a priced, perhaps paid order, and its buyer a customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from sandbox.common.money import RATES, Currencies
from sandbox.common.order_actions import OrderError, Rate, add_transaction, discount, tax
from sandbox.common.order_book import Book, Discount, Line, Shipping
from sandbox.common.order_totals import Totals
from sandbox.common.order_words import COD, VAT
from sandbox.shopify.customer_records import clean_phone, email_key, phone_key
from sandbox.shopify.mutations.customer_rules import clean_tags, email_error
from sandbox.shopify.mutations.writing import new_customer, save_customer
from sandbox.shopify.order_records import BILLING, FIRST_NAME, FIRST_ORDER, SHIPPING, order_child
from sandbox.shopify.order_seeding import confirmation_number
from sandbox.shopify.order_writing import save_order
from sandbox.shopify.product_records import is_default, variant_title
from sandbox.shopify.shop import Shop
from sandbox.shopify.table import Record

CODES: Mapping[str, str] = {
    "SCONTO10": "10 % off everything",
    "BENVENUTO5": "5.00 € off the order",
    "CIASCUNO1": "1.00 € off each item",
    "SPEDIZIONEGRATIS": "free shipping",
    "OMAGGIO100": "everything for free",
}
"""Discount codes of the shop, and what they do."""
CHARGES: Mapping[str, tuple[str, str]] = {
    "standard": ("Spedizione standard", "4.90"),
    "express": ("Corriere espresso", "9.90"),
    "pickup": ("Ritiro in negozio", "0.00"),
}
"""Ways to get the goods: title and price."""
GATEWAYS: Mapping[str, str] = {
    "shopify_payments": "Credit card (Shopify Payments)",
    "paypal": "PayPal",
    "stripe": "Stripe",
    "Bonifico bancario": "Bank transfer (Bonifico bancario)",
    COD: "Cash on delivery",
    "gift_card": "Gift card",
}
"""Ways to pay, by gateway name."""
PROMISES = ("Bonifico bancario", "Bank Deposit", "Bank transfer", COD)
"""Gateways that are paid later."""
ADDRESS = ("firstName", "lastName", "company", "address1", "address2", "city", "zip", "provinceCode", "countryCode")


@dataclass(slots=True)
class Wish:
    """One line of a cart: a variant, or a custom line with title and price.

    Args:
        variant: number of the variant; None for a custom line.
        quantity: units.
        title, price: of a custom line; a price beside a variant replaces the variant's.
        rate: tax rate; None for the general one of the country, or the reduced one for goods tagged "iva-ridotta".
        ships, gift_card: of a custom line.
        attributes: (key, value) pairs.
    """

    variant: int | None
    quantity: int = 1
    title: str = ""
    price: Decimal | None = None
    rate: Decimal | None = None
    ships: bool = True
    gift_card: bool = False
    attributes: Sequence[tuple[str, str]] = ()


@dataclass(slots=True)
class Cart:
    """Everything a buyer says.

    Args:
        wishes: what is bought.
        email, phone: how to reach the buyer; both may be missing.
        address: fields of ADDRESS; empty for none.
        customer: number of a known customer; None to find or make one by e-mail or phone.
        code: discount code, "" for none.
        charge: key of CHARGES, "" for none.
        gateway: any gateway name, "" when nobody pays yet.
        paid: pay at once; None: unless the gateway is one of PROMISES.
        authorize: only hold the money.
        tip: on top.
        currency: what the buyer pays in.
        taxes_included: None: outside the United States.
        note, tags, attributes, source, po_number, locale, test: as stored.
        marketing: the buyer wants the newsletter.
    """

    wishes: list[Wish]
    email: str = ""
    phone: str = ""
    address: Mapping[str, str] = field(default_factory=dict)
    customer: int | None = None
    code: str = ""
    charge: str = "standard"
    gateway: str = "shopify_payments"
    paid: bool | None = None
    authorize: bool = False
    tip: Decimal = Decimal(0)
    currency: str = "EUR"
    taxes_included: bool | None = None
    note: str = ""
    tags: Sequence[str] = ()
    attributes: Sequence[tuple[str, str]] = ()
    source: str = "web"
    po_number: str = ""
    locale: str = "it"
    test: bool = False
    marketing: bool = False


def place_order(shop: Shop, cart: Cart) -> Record:
    """Turn a cart into an order and tell the listeners; returns it as stored.

    Raises:
        OrderError: the cart cannot be bought; the text says what to change.
    """
    book = priced_book(shop, cart)
    customer = _customer(shop, cart)
    return save_order(shop, _record(shop, cart, customer, book.created), book)


def priced_book(shop: Shop, cart: Cart) -> Book:
    """Return the books of a cart, paid as the buyer says; nothing is stored.

    Raises:
        OrderError: the cart cannot be bought; the text says what to change.
    """
    _check(shop, cart)
    country = cart.address.get("countryCode") or "IT"
    now = shop.clock.now()
    included = country != "US" if cart.taxes_included is None else cart.taxes_included
    book = Book(Currencies("EUR", cart.currency), included, now)
    rates = {}
    for wish in cart.wishes:
        line, rate = _line(shop, book, wish, country)
        book.lines.append(line)
        rates[line.num] = rate
    if cart.tip:
        given = Line(book.number(), "Tip", 1, book.currencies.price(cart.tip), ships=False, taxable=False, tip=True)
        book.lines.append(given)
    if cart.charge:
        title, price = CHARGES[cart.charge]
        charge = Shipping(book.number(), title, cart.charge.upper(), book.currencies.price(Decimal(price)))
        book.shipping.append(charge)
    if cart.code:
        _discount(book, cart.code.strip().upper())
    for line in book.lines:
        if line.taxable:
            line.taxes = tax(book, line.net, rates[line.num])
    for charge in book.shipping:
        charge.taxes = tax(book, charge.net, _general(country))
    _pay(book, cart)
    return book


def added_line(shop: Shop, book: Book, wish: Wish, country: str) -> Line:
    """Return a priced line for an order that exists.

    Raises:
        OrderError: there is no such variant.
    """
    line, rates = _line(shop, book, wish, country)
    if line.taxable:
        line.taxes = tax(book, line.net, rates)
    return line


def _check(shop: Shop, cart: Cart) -> None:
    if not cart.wishes:
        raise OrderError("Choose at least one product.")
    if cart.code and cart.code.strip().upper() not in CODES:
        raise OrderError(f'There is no discount code "{cart.code}". There are: {", ".join(CODES)}.')
    if cart.charge and cart.charge not in CHARGES:
        raise OrderError(f"Shipping is one of: {', '.join(CHARGES)}.")
    if cart.currency != "EUR" and cart.currency not in RATES:
        raise OrderError(f"The currency is one of: EUR, {', '.join(RATES)}.")
    if cart.email and email_error(cart.email.strip(), ["email"]):
        raise OrderError(f'"{cart.email}" is not an e-mail address.')
    if cart.phone and clean_phone(cart.phone) is None:
        raise OrderError("The phone number needs its country code, e.g. +39 347 1234567.")
    if cart.customer is not None and cart.customer not in shop.customers:
        raise OrderError(f"There is no customer {cart.customer}.")


def _line(shop: Shop, book: Book, wish: Wish, country: str) -> tuple[Line, tuple[Rate, ...]]:
    if wish.quantity < 1:
        raise OrderError("A quantity is at least 1.")
    if wish.variant is None:
        if not wish.title or wish.price is None:
            raise OrderError("A custom line needs a title and a price.")
        line = Line(book.number(), wish.title, wish.quantity, book.currencies.price(wish.price), ships=wish.ships)
        line.gift_card = wish.gift_card
        line.taxable = not wish.gift_card
        line.attributes = list(wish.attributes)
        return line, _rates(country, wish.rate)
    variant = shop.variants.get(wish.variant)
    product = None if variant is None else shop.products.get(variant["product"])
    if variant is None or product is None:
        raise OrderError(f"There is no variant {wish.variant}.")
    item = shop.items.get(variant["item"]) or {}
    weight = item.get("weight") or {}
    price = Decimal(variant["price"]) if wish.price is None else wish.price
    gift_card = bool(product.get("isGiftCard"))
    line = Line(
        book.number(),
        product["title"],
        wish.quantity,
        book.currencies.price(price),
        variant_title="" if is_default(product) else variant_title(product, variant),
        sku=variant.get("sku") or "",
        vendor=product.get("vendor") or "",
        product=product["num"],
        variant=variant["num"],
        ships=bool(item.get("requiresShipping", True)) and not gift_card,
        taxable=bool(variant.get("taxable", True)) and not gift_card,
        gift_card=gift_card,
        grams=int(Decimal(str(weight.get("value", 0))) * 1000) if weight.get("unit") == "KILOGRAMS" else 0,
        attributes=list(wish.attributes),
    )
    reduced = "iva-ridotta" in [tag.lower() for tag in product.get("tags") or []]
    return line, _rates(country, wish.rate, reduced=reduced)


def _general(country: str) -> tuple[Rate, ...]:
    return _rates(country, None)


def _rates(country: str, wanted: Decimal | None, *, reduced: bool = False) -> tuple[Rate, ...]:
    known = VAT.get(country, ())
    if wanted is not None:
        return (Rate(known[0].title if known else "Tax", wanted),) if wanted else ()
    return known[1:2] if reduced and len(known) > 1 else known[:1]


def _discount(book: Book, code: str) -> None:
    goods, money = book.lines, book.currencies
    match code:
        case "SCONTO10":
            discount(book, Discount("code", code, percentage=Decimal(10)), goods)
        case "BENVENUTO5":
            discount(book, Discount("code", code, amount=money.price(Decimal(5))), goods)
        case "CIASCUNO1":
            each = Discount("code", code, selection="ENTITLED", method="EACH", amount=money.price(Decimal(1)))
            discount(book, each, goods)
        case "OMAGGIO100":
            discount(book, Discount("code", code, percentage=Decimal(100)), goods)
            _free_shipping(book, code)
        case _:
            _free_shipping(book, code)


def _free_shipping(book: Book, code: str) -> None:
    free = Discount("code", code, target="SHIPPING_LINE", method="EACH", percentage=Decimal(100))
    discount(book, free, book.shipping)


def _pay(book: Book, cart: Cart) -> None:
    amount = Totals(book).total.price
    if not cart.gateway or not amount:
        return
    promised = cart.gateway in PROMISES if cart.paid is None else not cart.paid
    if cart.authorize:
        entry = add_transaction(book, "AUTHORIZATION", cart.gateway, amount, book.created)
    else:
        status = "PENDING" if promised else "SUCCESS"
        entry = add_transaction(book, "SALE", cart.gateway, amount, book.created, status=status)
    entry.test = cart.test


def _customer(shop: Shop, cart: Cart) -> int | None:
    """Return the buyer's customer number: the known one, or a new customer; None without any way to reach somebody."""
    if cart.customer is not None:
        return cart.customer
    phone = clean_phone(cart.phone) if cart.phone else None
    keys = [email_key(cart.email.strip())] if cart.email else []
    keys += [phone_key(phone)] if phone else []
    found = next((number for key in keys if (number := shop.customers.find(key)) is not None), None)
    if found is not None or not keys:
        return found
    record = new_customer(shop)
    record |= {
        "firstName": cart.address.get("firstName") or None,
        "lastName": cart.address.get("lastName") or None,
        "email": cart.email.strip() or None,
        "phone": phone,
    }
    if cart.address.get("address1"):
        address = {"num": shop.child(record), **_address(cart)}
        record |= {"addresses": [address], "defaultAddress": address["num"]}
    if cart.marketing and cart.email:
        record["emailConsent"] = {
            "state": "SUBSCRIBED", "level": "SINGLE_OPT_IN", "updatedAt": shop.clock.now(),
        }  # fmt: skip
    return int(save_customer(shop, record)["num"])


def _address(cart: Cart) -> dict[str, str]:
    return {name: value for name in ADDRESS if (value := (cart.address.get(name) or "").strip())}


def _record(shop: Shop, cart: Cart, customer: int | None, now: int) -> Record:
    number = shop.order_number()
    shown = FIRST_NAME + number - FIRST_ORDER
    address = _address(cart)
    record: Record = {
        "num": number,
        "name": f"#{shown}",
        "number": shown,
        "confirmation": confirmation_number(number),
        "createdAt": now,
        "processedAt": now,
        "sourceName": cart.source,
        "poNumber": cart.po_number or None,
        "note": cart.note or None,
        "tags": clean_tags(cart.tags),
        "attributes": [list(pair) for pair in cart.attributes],
        "email": cart.email.strip() or None,
        "phone": clean_phone(cart.phone) if cart.phone else None,
        "locale": cart.locale,
        "customer": customer,
        "marketing": cart.marketing or None,
        "test": cart.test or None,
    }
    if address:
        record["billing"] = {"num": order_child(number, BILLING), **address}
        if cart.charge != "pickup":
            record["shipping"] = {"num": order_child(number, SHIPPING), **address}
    return record
