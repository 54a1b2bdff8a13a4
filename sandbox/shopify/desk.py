"""The admin pages: a person at the shop edits customers by hand, sees to orders, and buys in the shop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sandbox.common.page_parts import FormError, FormField, Section, Sheet
from sandbox.common.storefront import Storefront
from sandbox.shopify.connections import count_matches
from sandbox.shopify.customer_records import address_of, display_name
from sandbox.shopify.customer_search import customer_language
from sandbox.shopify.errors import UserError
from sandbox.shopify.mutations.customer_rules import address_from, apply_input, presence_error
from sandbox.shopify.mutations.metafield_rules import store_metafield, value_fits
from sandbox.shopify.mutations.writing import delete_customer, new_customer, save_customer
from sandbox.shopify.order_desk import OrderSection
from sandbox.shopify.searching import compile_search
from sandbox.shopify.shop import Shop
from sandbox.shopify.shop_window import ShopWindow
from sandbox.shopify.table import Record
from sandbox.shopify.times import shown

if TYPE_CHECKING:
    from sandbox.shopify.backend import ShopifyBackend

Values = Mapping[str, str | tuple[str, ...]]
_ADDRESS = {
    "company": "Company",
    "address1": "Street",
    "address2": "Apartment, suite",
    "zip": "Postal code",
    "city": "City",
    "provinceCode": "Province code",
    "countryCode": "Country code",
}
_STATES = tuple(
    (state, state.capitalize().replace("_", " "))
    for state in ("NOT_SUBSCRIBED", "SUBSCRIBED", "PENDING", "UNSUBSCRIBED")
)
_TAX = {
    "piva": "VAT number (P.IVA)",
    "cf": "Tax code (codice fiscale)",
    "pec": "Certified e-mail (PEC)",
    "sdi": "SDI code",
}
_PLAIN = ("firstName", "lastName", "email", "phone", "note")
_FIELDS = (
    FormField("firstName", "First name", group="Customer"),
    FormField("lastName", "Last name", group="Customer"),
    FormField("email", "E-mail", group="Customer"),
    FormField("phone", "Phone, with country code", "tel", group="Customer"),
    FormField("note", "Note", "textarea", group="Customer"),
    *(FormField(f"address.{name}", label, group="Default address") for name, label in _ADDRESS.items()),
    FormField("tags", "Tags, separated by commas", group="Marketing"),
    FormField("emailConsent", "E-mail marketing", "select", "Marketing", _STATES),
    FormField("smsConsent", "SMS marketing", "select", "Marketing", _STATES),
    *(FormField(f"custom.{name}", label, group="Metafields") for name, label in _TAX.items()),
)


class ShopifyDesk:
    """Pages of the shop's admin.

    Args:
        backend: gives the current shop; a reset replaces it.
    """

    system = "Shopify"
    accent = "#1f5199"
    columns: Sequence[str] = ("Id", "Name", "E-mail", "Phone", "City", "Tags", "E-mail marketing", "Orders", "Updated")

    def __init__(self, backend: ShopifyBackend) -> None:
        self._backend = backend

    def sections(self) -> Sequence[Section]:
        """Return what the admin shows beside customers."""
        return (OrderSection(self._backend),)

    def storefront(self) -> Storefront:
        """Return the mini shop."""
        return ShopWindow(self._backend)

    def fields(self) -> Sequence[FormField]:
        """Return the inputs of the form."""
        return _FIELDS

    def search(self, text: str, page: int, size: int) -> tuple[Sequence[tuple[str, Sequence[str]]], int]:
        """Return one page of customers, last changed first; the text is Shopify's search syntax."""
        shop = self._shop
        search = compile_search(text, customer_language(shop))
        total = count_matches(shop.customers, search, None)["count"] if text else len(shop.customers)
        rows: list[tuple[str, Sequence[str]]] = []
        skip = (page - 1) * size
        for _, record in shop.customers.scan("UPDATED_AT", backwards=True):
            if not search.matches(record):
                continue
            if skip:
                skip -= 1
                continue
            rows.append((str(record["num"]), _cells(record)))
            if len(rows) == size:
                break
        return rows, total

    def read(self, record_id: str) -> Sheet | None:
        """Return one customer."""
        record = self._find(record_id)
        if record is None:
            return None
        facts = (
            ("Id", record["id"]),
            ("Created", shown(record["createdAt"])),
            ("Updated", shown(record["updatedAt"])),
            ("Account", str(record.get("state") or "DISABLED").lower()),
            ("Orders", str(record.get("numberOfOrders", 0))),
            ("Total spent", f"{record.get('amountSpent', '0')} EUR"),
            *((f"Metafield {name}", stored["value"]) for name, stored in (record.get("metafields") or {}).items()),
        )
        return Sheet(display_name(record), _values(record), facts)

    def create(self, values: Values) -> str:
        """Create a customer."""
        record = new_customer(self._shop)
        self._apply(record, values, {})
        save_customer(self._shop, record)
        return str(record["num"])

    def update(self, record_id: str, values: Values) -> None:
        """Store what the person changed in the form."""
        record = self._find(record_id)
        if record is None:
            raise FormError("This customer has been deleted meanwhile.")
        before = _values(record)
        if any(value != before.get(name, "") for name, value in values.items()):
            self._apply(record, values, before)
            save_customer(self._shop, record)

    def delete(self, record_id: str) -> None:
        """Delete a customer without orders."""
        record = self._find(record_id)
        if record is None:
            raise FormError("This customer has been deleted meanwhile.")
        if int(record.get("numberOfOrders", 0)):
            raise FormError("A customer with orders cannot be deleted.")
        delete_customer(self._shop, record)

    @property
    def _shop(self) -> Shop:
        return self._backend.shop

    def _find(self, record_id: str) -> Record | None:
        return self._shop.customers.get(int(record_id)) if record_id.isdecimal() else None

    def _apply(self, record: Record, values: Values, before: Values) -> None:
        """Write what differs from `before` into the record; raises FormError with Shopify's texts."""
        shop = self._shop
        edited = {name: str(value) for name, value in values.items() if value != before.get(name, "")}
        given: dict[str, object] = {name: edited[name] for name in _PLAIN if name in edited}
        if "tags" in edited:
            given["tags"] = edited["tags"].split(",")
        errors: list[UserError] = apply_input(shop, record, given) or presence_error(record)
        if errors:
            raise FormError(". ".join(error["message"] for error in errors) + ".")
        self._apply_address(record, edited)
        for name in ("emailConsent", "smsConsent"):
            state = edited.get(name)
            if state:
                level = "SINGLE_OPT_IN" if state == "SUBSCRIBED" else (record.get(name) or {}).get("level")
                record[name] = {"state": state, "level": level, "updatedAt": shop.clock.now()}
        for key in _TAX:
            name = f"custom.{key}"
            if name not in edited:
                continue
            if not edited[name]:
                record["metafields"] = {
                    other: kept for other, kept in (record.get("metafields") or {}).items() if other != name
                }
            elif value_fits("single_line_text_field", edited[name]):
                store_metafield(shop, record, name, "single_line_text_field", edited[name], unique=False)

    def _apply_address(self, record: Record, edited: Mapping[str, str]) -> None:
        given = {name: edited[f"address.{name}"] for name in _ADDRESS if f"address.{name}" in edited}
        if not given:
            return
        if given.get("countryCode"):
            given["countryCode"] = given["countryCode"].upper()
            if not (
                len(given["countryCode"]) == 2 and given["countryCode"].isascii() and given["countryCode"].isalpha()
            ):
                raise FormError("The country code has two letters, e.g. IT.")
        before = address_of(record, record.get("defaultAddress"))
        address = address_from(given, before)
        addresses = list(record.get("addresses") or [])
        if before is None:
            address |= {
                "num": self._shop.child(record),
                "firstName": record.get("firstName"),
                "lastName": record.get("lastName"),
            }
            record["addresses"] = [*addresses, address]
            record["defaultAddress"] = address["num"]
        else:
            record["addresses"] = [address if other["num"] == address["num"] else other for other in addresses]


def _values(record: Record) -> dict[str, str | tuple[str, ...]]:
    address = address_of(record, record.get("defaultAddress")) or {}
    metafields = record.get("metafields") or {}
    values: dict[str, str | tuple[str, ...]] = {name: str(record.get(name) or "") for name in _PLAIN}
    values |= {f"address.{name}": str(address.get(name) or "") for name in _ADDRESS}
    values["tags"] = ", ".join(record.get("tags") or [])
    for name in ("emailConsent", "smsConsent"):
        values[name] = (record.get(name) or {}).get("state", "NOT_SUBSCRIBED")
    values |= {f"custom.{key}": (metafields.get(f"custom.{key}") or {}).get("value", "") for key in _TAX}
    return values


def _cells(record: Record) -> tuple[str, ...]:
    address = address_of(record, record.get("defaultAddress")) or {}
    return (
        str(record["num"]),
        display_name(record),
        str(record.get("email") or ""),
        str(record.get("phone") or ""),
        str(address.get("city") or ""),
        ", ".join(record.get("tags") or []),
        str((record.get("emailConsent") or {}).get("state", "NOT_SUBSCRIBED")).lower(),
        str(record.get("numberOfOrders", 0)),
        shown(record["updatedAt"]),
    )
