"""The back office pages: a person at the other end edits customers by hand, without the rules of the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sandbox.common.pages import FormError, FormField, Section, Sheet
from sandbox.framework360.answers import Answers
from sandbox.framework360.changes import apply, new_customer
from sandbox.framework360.options import Options
from sandbox.framework360.order_desk import OrderSection
from sandbox.framework360.product_desk import ProductSection
from sandbox.framework360.store import ADDRESS_KEYS, CANCELLED, LISTS, SOURCES, Customer, Store

if TYPE_CHECKING:
    from sandbox.framework360.server import Framework360Backend

_BILLING = {
    "ragione_sociale": "Company (ragione sociale)",
    "piva": "VAT number (P.IVA)",
    "cf": "Tax code (codice fiscale)",
    "pec": "Certified e-mail (PEC)",
    "cod_univoco": "SDI code (codice univoco)",
}
_FIELDS = (
    FormField("nome", "First name (nome)", group="Person"),
    FormField("cognome", "Last name (cognome)", group="Person"),
    FormField("email", "E-mail", group="Person"),
    FormField("telefono", "Phone (telefono)", "tel", group="Person"),
    FormField("indirizzo", "Street (indirizzo)", group="Address"),
    FormField("cap", "Postal code (CAP)", group="Address"),
    FormField("comune", "City (comune)", group="Address"),
    FormField("citta", "Province code (citta)", group="Address"),
    FormField("stato", "Country code (stato)", group="Address"),
    *(FormField(f"billing.{key}", label, group="Billing") for key, label in _BILLING.items()),
    FormField("tags", "Tags, separated by commas", group="Marketing"),
    FormField("lists", "Lists", "choices", "Marketing", tuple((str(found), name) for found, name in LISTS.items())),
    FormField("marketing_active", "Newsletter consent", "checkbox", group="Marketing"),
)
_MERCHANT = Options(normalise="trim", phone_reads_as="mobile")

Values = Mapping[str, str | tuple[str, ...]]


class Framework360Desk:
    """Pages of the Framework360 site."""

    system = "Framework360"
    accent = "#0b6b57"
    columns: Sequence[str] = (
        "Id", "Name", "E-mail", "Phone", "City", "Tags", "Consent", "Orders", "Total", "Lists", "Changed",
    )  # fmt: skip

    def __init__(self, backend: Framework360Backend) -> None:
        self._backend = backend

    def fields(self) -> Sequence[FormField]:
        """Return the inputs of the form."""
        return _FIELDS

    def search(self, text: str, page: int, size: int) -> tuple[Sequence[tuple[str, Sequence[str]]], int]:
        """Return one page of customers, newest first."""
        store = self._store
        ids = list(store.matching(text)) if text else store.customer_ids
        stop = len(ids) - (page - 1) * size
        shown = ids[max(0, stop - size) : max(0, stop)]
        return [(str(found), self._cells(store.customers[found])) for found in reversed(shown)], len(ids)

    def read(self, record_id: str) -> Sheet | None:
        """Return one customer."""
        customer = self._find(record_id)
        if customer is None:
            return None
        count, total = self._purchases(customer)
        history = self._store.history.get(customer.id, ())
        facts = [
            ("Id", str(customer.id)),
            ("Orders, without cancelled", str(count)),
            ("Total spent", f"{total} {self._backend.switches.currency}"),
            ("Source (provenienza)", SOURCES[customer.source]),
            ("Registered (data_registrazione)", self._time(customer.registered)),
            ("Changed (data_modifica)", self._time(customer.modified)),
            ("Extra fields", ", ".join(f"{key}: {value}" for key, value in (customer.extra or {}).items())),
            *((f"History {entry.date}", f"{entry.title}: {entry.content}") for entry in history),
        ]
        return Sheet(f"{customer.nome} {customer.cognome}".strip() or customer.email, _values(customer), tuple(facts))

    def create(self, values: Values) -> str:
        """Create a customer."""
        changes = self._changes(values, None)
        customer = new_customer(self._store, datetime.now(UTC))
        self._store.add(customer)
        apply(self._store, customer, {**changes, "source": 2}, _MERCHANT, datetime.now(UTC))
        self._backend.announce()
        return str(customer.id)

    def update(self, record_id: str, values: Values) -> None:
        """Store the form, so far as it differs from what is stored."""
        customer = self._find(record_id)
        if customer is None:
            raise FormError("This customer has been deleted meanwhile.")
        changes = self._changes(values, customer)
        apply(self._store, customer, changes, _MERCHANT, datetime.now(UTC))
        self._backend.announce()

    def delete(self, record_id: str) -> None:
        """Delete a customer; the orders stay."""
        customer = self._find(record_id)
        if customer is None:
            raise FormError("This customer has been deleted meanwhile.")
        self._store.remove(customer)
        self._backend.announce()

    def sections(self) -> Sequence[Section]:
        """Return products and orders."""
        return (ProductSection(self._backend), OrderSection(self._backend))

    @property
    def _store(self) -> Store:
        return self._backend.store

    def _find(self, record_id: str) -> Customer | None:
        return self._store.customers.get(int(record_id)) if record_id.isdecimal() else None

    def _changes(self, values: Values, customer: Customer | None) -> dict[str, Any]:
        """Turn the form into changes; what the person left alone is no change."""
        before = _values(customer) if customer else {}
        edited = {name: value for name, value in values.items() if value != before.get(name, "")}
        email = str(values["email"])
        if not email and not values["nome"] and not values["cognome"]:
            raise FormError("Give a name or an e-mail.")
        same = [entry for entry in self._store.by_email(email) if entry.email == email and entry is not customer]
        if "email" in edited and email and same:
            raise FormError(
                f"Customer {same[0].id} has this e-mail; only a different spelling of its case is possible."
            )
        changes: dict[str, Any] = {
            name: edited[name] for name in ("nome", "cognome", "email", "telefono", *ADDRESS_KEYS) if name in edited
        }
        billing = {key: str(edited[f"billing.{key}"]) for key in _BILLING if f"billing.{key}" in edited}
        if billing:
            changes["billing"] = billing
        if "tags" in edited:
            changes["tags"] = tuple(tag.strip() for tag in str(edited["tags"]).split(","))
        if "lists" in edited:
            changes["lists"] = tuple(
                int(found) for found in edited["lists"] if found.isdecimal() and int(found) in LISTS
            )
        if "marketing_active" in edited:
            changes["marketing_active"] = "1" in edited["marketing_active"]
        return changes

    def _cells(self, customer: Customer) -> tuple[str, ...]:
        count, total = self._purchases(customer)
        return (
            str(customer.id),
            f"{customer.nome} {customer.cognome}".strip(),
            customer.email,
            customer.phone,
            " ".join(filter(None, (customer.comune, customer.citta, customer.stato))),
            ", ".join(customer.tags),
            "yes" if customer.marketing_active else "no",
            str(count),
            str(total),
            ", ".join(LISTS[found] for found in customer.lists),
            self._time(customer.modified),
        )

    def _purchases(self, customer: Customer) -> tuple[int, Decimal]:
        store = self._store
        kept = [
            store.orders[found] for found in store.orders_of(customer.id) if store.orders[found].status != CANCELLED
        ]
        return len(kept), sum((order.total for order in kept), Decimal("0.00"))

    def _time(self, value: datetime) -> str:
        return Answers(self._backend.switches).time(value)


def _values(customer: Customer) -> dict[str, str | tuple[str, ...]]:
    billing = customer.billing or {}
    return {
        **{key: getattr(customer, key) for key in ("nome", "cognome", "email")},
        "telefono": customer.phone,
        **{key: billing.get(key) or getattr(customer, key) for key in ADDRESS_KEYS},
        **{f"billing.{key}": billing.get(key, "") for key in _BILLING},
        "tags": ", ".join(customer.tags),
        "lists": tuple(str(found) for found in customer.lists),
        "marketing_active": ("1",) if customer.marketing_active else (),
    }
