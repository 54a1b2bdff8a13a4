"""The site's data in memory, with an index for every look-up. Used from the server's event loop only."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from sandbox.framework360.cart import CartLine, Priced
from sandbox.framework360.goods import Goods, Product, Variant
from sandbox.framework360.library import Library

BILLING_KEYS = (
    "ragione_sociale", "piva", "cf", "pec", "cod_univoco", "indirizzo", "cap", "comune", "citta", "stato", "cellulare",
    "email",
)  # fmt: skip
ADDRESS_KEYS = ("indirizzo", "cap", "comune", "citta", "stato")
LISTS = {3: "Newsletter", 4: "Clienti VIP", 5: "Rivenditori", 8: "Fiere & eventi"}
SOURCES = {1: "Sito web", 2: "Negozio", 6: "API", 9: "Passaparola"}
STATUSES = {1: "In lavorazione", 2: "Spedito", 3: "Completato", 5: "Annullato", 7: "Rimborsato"}
NEW, CANCELLED, COMPLETED = 1, 5, 3
_BEFORE_AT = 6
LABELS = ("Da spedire", "Regalo", "Urgente")

Kind = Literal["customer", "product", "order"]
Action = Literal["created", "updated", "deleted"]


@dataclass(slots=True)
class Customer:
    """One customer; empty text means no value. `comune` is the city, `citta` the code of the province."""

    id: int
    nome: str
    cognome: str
    email: str
    mobile: str
    landline: str
    indirizzo: str
    cap: str
    comune: str
    citta: str
    stato: str
    billing: dict[str, str] | None
    source: int
    marketing_active: bool
    lists: tuple[int, ...]
    tags: tuple[str, ...]
    extra: dict[str, Any] | None
    registered: datetime
    modified: datetime
    _haystack: str | None = field(default=None, repr=False)

    @property
    def phone(self) -> str:
        """The phone a reader takes: mobile, else landline."""
        return self.mobile or self.landline

    def contains(self, needle: str) -> bool:
        """Tell whether the case-folded text occurs in name, e-mail, phones, company or id."""
        return needle in self.haystack()

    def haystack(self) -> str:
        """Return all text that is searched, case-folded."""
        if self._haystack is None:
            company = (self.billing or {}).get("ragione_sociale", "")
            parts = (f"{self.nome} {self.cognome}", self.email, self.mobile, self.landline, company, str(self.id))
            self._haystack = "\n".join(parts).casefold()
        return self._haystack

    def touched(self, now: datetime) -> None:
        """Note a change at `now`."""
        self.modified = now
        self._haystack = None


@dataclass(slots=True)
class Order:
    """One order; amounts in the site's currency.

    Args:
        total: with tax.
        payment, shipping: keys of `lookups`, None for none.
        billing, delivery: as given; None shows the customer's own data.
        lines: the cart; None for one line over the total.
        priced: what `lines` came to when they were written; None together with them.
    """

    id: int
    customer_id: int
    user_email: str
    at: datetime
    status: int
    paid: bool
    total: Decimal
    note: str = ""
    labels: tuple[str, ...] = ()
    origin: str = "Sito web"
    payment: str | None = "transfer"
    shipping: int | None = None
    billing: dict[str, Any] | None = None
    delivery: dict[str, Any] | None = None
    courier: str = ""
    tracking: str = ""
    seller: str = ""
    modified: datetime | None = None
    lines: tuple[CartLine, ...] | None = None
    priced: Priced | None = None
    _haystack: str | None = field(default=None, repr=False)

    def contains(self, needle: str) -> bool:
        """Tell whether the case-folded text occurs in id, e-mail, note, labels, tracking code or the buyer's name."""
        if self._haystack is None:
            billing = self.billing or {}
            buyer = " ".join(str(billing.get(key) or "") for key in ("nome", "cognome", "ragione_sociale"))
            parts = (str(self.id), self.user_email, self.note, *self.labels, self.tracking, buyer)
            self._haystack = "\n".join(parts).casefold()
        return needle in self._haystack

    def touched(self, now: datetime) -> None:
        """Note a change at `now`."""
        self.modified = now
        self._haystack = None


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One entry of a customer's history: title, HTML content, date as YYYY-MM-DD."""

    id: int
    title: str
    content: str
    date: str


class Store:
    """All records of one site."""

    def __init__(self) -> None:
        self.customers: dict[int, Customer] = {}
        self.customer_ids: list[int] = []
        self.orders: dict[int, Order] = {}
        self.order_ids: list[int] = []
        self.history: dict[int, list[HistoryEntry]] = {}
        self.goods = Goods()
        self.library = Library()
        self.labels = dict.fromkeys(LABELS)
        self._changes: dict[tuple[Kind, int], Action] = {}
        self._by_email: dict[str, tuple[int, ...]] = {}
        # What stood before an "@" of a customer, now or formerly, and whose it was.
        self._before_at: dict[str, set[int]] = {}
        self._orders_of: dict[int, list[int]] = {}
        self._tag_uses: dict[str, int] = {}
        self._next_id = {"customer": 1001, "order": 501, "history": 1, "webhook": 1}
        self._next_id |= {"product": 2001, "variant": 5001, "category": 11}

    def next_id(self, kind: str) -> int:
        """Return a new id of a kind, see `__init__`."""
        value = self._next_id[kind]
        self._next_id[kind] = value + 1
        return value

    def add(self, customer: Customer) -> None:
        """Add a customer whose id is the highest so far."""
        self.customers[customer.id] = customer
        self.customer_ids.append(customer.id)
        self._index_email(customer)
        self._count_tags(customer.tags, 1)
        self.note("customer", customer.id, "created")

    def remove(self, customer: Customer) -> None:
        """Delete a customer; the orders stay."""
        del self.customers[customer.id]
        del self.customer_ids[bisect_left(self.customer_ids, customer.id)]
        self._unindex_email(customer)
        self._count_tags(customer.tags, -1)
        self.note("customer", customer.id, "deleted")

    def by_email(self, email: str) -> list[Customer]:
        """Return the customers with this e-mail, compared trimmed and without case, lowest id first."""
        return [self.customers[found] for found in self._by_email.get(_key(email), ())]

    def set_email(self, customer: Customer, email: str) -> None:
        """Change the e-mail and its index."""
        self._unindex_email(customer)
        customer.email = email
        self._index_email(customer)

    def set_tags(self, customer: Customer, tags: Iterable[str]) -> None:
        """Replace the tags, without empty ones and repeats."""
        self._count_tags(customer.tags, -1)
        customer.tags = tuple(dict.fromkeys(tag for tag in tags if tag))
        self._count_tags(customer.tags, 1)

    def tags(self) -> list[str]:
        """Return every tag in use, sorted."""
        return sorted(self._tag_uses)

    def add_order(self, order: Order) -> None:
        """Add an order whose id is the highest so far."""
        self.orders[order.id] = order
        self.order_ids.append(order.id)
        self._orders_of.setdefault(order.customer_id, []).append(order.id)
        self.labels.update(dict.fromkeys(order.labels))
        self.note("order", order.id, "created")

    def orders_of(self, customer_id: int) -> Sequence[int]:
        """Return the ids of a customer's orders, ascending."""
        return self._orders_of.get(customer_id, ())

    def matching(self, text: str) -> Iterator[int]:
        """Yield the ids of the customers that contain the text, ascending."""
        needle = text.casefold()
        at = needle.find("@")
        ids: Iterable[int] = self.customer_ids
        if at >= _BEFORE_AT:
            # Looking through 300,000 customers for each e-mail of an import would take hours.
            ids = sorted(self._before_at.get(needle[at - _BEFORE_AT : at], ()))
        return (found for found in ids if found in self.customers and self.customers[found].contains(needle))

    def put_product(self, product: Product) -> None:
        """Store a new product, whose id is the highest so far, or the new state of a known one."""
        self.note("product", product.id, "updated" if product.id in self.goods.products else "created")
        self.goods.put(product)

    def remove_product(self, product: Product) -> None:
        """Delete a product."""
        self.goods.remove(product)
        self.note("product", product.id, "deleted")

    def set_stock(self, product: Product, variant: Variant | None, quantity: int, now: datetime) -> None:
        """Set the stock of a variant, or of a product without variants."""
        (variant or product).quantita = quantity
        product.touched(now)
        self.note("product", product.id, "updated")

    def note(self, kind: Kind, record_id: int, action: Action) -> None:
        """Remember that a record changed, for webhooks; several changes of one record until `changes` are one."""
        if kind == "customer" and action != "deleted":
            self._index_text(self.customers[record_id])
        known = self._changes.get((kind, record_id))
        self._changes[kind, record_id] = "created" if known == "created" and action == "updated" else action

    def changes(self) -> list[tuple[Kind, int, Action]]:
        """Return what changed since the last call."""
        found = [(kind, record_id, action) for (kind, record_id), action in self._changes.items()]
        self._changes.clear()
        return found

    def _index_text(self, customer: Customer) -> None:
        parts = customer.haystack().split("@")
        for part in parts[:-1]:
            if len(part) >= _BEFORE_AT:
                self._before_at.setdefault(part[-_BEFORE_AT:], set()).add(customer.id)

    def _index_email(self, customer: Customer) -> None:
        if customer.email:
            key = _key(customer.email)
            self._by_email[key] = tuple(sorted((*self._by_email.get(key, ()), customer.id)))

    def _unindex_email(self, customer: Customer) -> None:
        if customer.email:
            key = _key(customer.email)
            rest = tuple(found for found in self._by_email[key] if found != customer.id)
            if rest:
                self._by_email[key] = rest
            else:
                del self._by_email[key]

    def _count_tags(self, tags: Iterable[str], step: int) -> None:
        for tag in tags:
            uses = self._tag_uses.get(tag, 0) + step
            if uses:
                self._tag_uses[tag] = uses
            else:
                del self._tag_uses[tag]


def _key(email: str) -> str:
    return email.strip().lower()
