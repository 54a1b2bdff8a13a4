"""Buyers of sales: the customer a sale belongs to, registered where the site does not know the e-mail yet."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Final

from shopify_fw360.errors import FW360_REJECTED, REQUIRED_MISSING, SyncError
from shopify_fw360.framework360 import wire
from shopify_fw360.framework360.canonical import same_email
from shopify_fw360.framework360.client import Framework360Client
from shopify_fw360.framework360.customer_codec import customer_decoder
from shopify_fw360.framework360.customer_writes import CustomerWriter
from shopify_fw360.framework360.options import SiteOptions
from shopify_fw360.framework360.rows import get_row
from shopify_fw360.framework360.schema import Framework360Schema
from shopify_fw360.framework360.values import identifier, text
from shopify_fw360.records import Entity

_BILLING: Final = f"{wire.ORDER_BILLING}."


class Buyers:
    """Finds and registers buyers; safe in several threads.

    Args:
        client: of the site.
        options: the site's options.
    """

    def __init__(self, client: Framework360Client, options: SiteOptions) -> None:
        self._client = client
        self._options = options
        schema = Framework360Schema()
        self._writer = CustomerWriter(
            client, options, customer_decoder(options), lambda name: schema.target(Entity.CUSTOMER, name)
        )
        self._ids: dict[str, str] = {}
        self._emails: dict[str, str] = {}
        self._guard = threading.Lock()
        self._registering: dict[str, threading.Lock] = {}

    def email_for(self, fields: Mapping[str, Any]) -> str:
        """Return the e-mail of the buyer, whom the site knows afterwards.

        Args:
            fields: of the sale: ``customer_id`` if the buyer is synchronised, ``user_email``, and the billing data of
                which an unknown buyer is registered.

        Raises:
            SyncError: SYNC-201 without any e-mail; SYNC-405 for an unknown buyer if `orders.ensure_customer` is off; as
                `CustomerWriter.register`.
        """
        own = self._email_of(fields.get(wire.ORDER_CUSTOMER))
        if own is not None:
            return own
        email = str(fields.get(wire.ORDER_EMAIL) or "").strip()
        if not email:
            raise SyncError(
                REQUIRED_MISSING, "a sale needs a buyer with an e-mail", field=wire.ORDER_EMAIL, rule="orders/create"
            )
        self.ensure(email, fields)
        return email

    def ensure(self, email: str, fields: Mapping[str, Any]) -> None:
        """Register the buyer unless the site knows the e-mail; arguments and errors as `email_for`."""
        if self.id_of(email) is None:
            self._register(email, fields)

    def id_of(self, email: str) -> str | None:
        """Return the id of the customer with an e-mail, None if there is none."""
        key = same_email(email) or ""
        if key not in self._ids:
            row = get_row(self._client, wire.CUSTOMERS_GET, wire.EMAIL, email)
            found = None if row is None else identifier(row.get(wire.ID))
            if found is None:
                return None
            self._ids[key] = found
        return self._ids[key]

    def forget(self, email: str) -> None:
        """Look the e-mail up again next time, because the site says that it does not know it."""
        self._ids.pop(same_email(email) or "", None)
        self._emails = {customer: known for customer, known in self._emails.items() if known != email}

    def _email_of(self, customer_id: str | None) -> str | None:
        if not customer_id:
            return None
        if customer_id not in self._emails:
            row = get_row(self._client, wire.CUSTOMERS_GET, wire.ID, customer_id)
            email = None if row is None else text(row.get(wire.EMAIL))
            if not isinstance(email, str):
                return None
            self._emails[customer_id] = email.strip()
        return self._emails[customer_id]

    def _register(self, email: str, fields: Mapping[str, Any]) -> None:
        if not self._options.orders.ensure_customer:
            raise SyncError(
                FW360_REJECTED,
                "the site does not know the buyer, and orders.ensure_customer is off",
                field=wire.ORDER_EMAIL,
                rule=wire.CUSTOMER_NOT_FOUND,
            )
        with self._guard:
            lock = self._registering.setdefault(same_email(email) or "", threading.Lock())
        # Two orders of one buyer may be booked side by side; the site would register both.
        with lock:
            if self.id_of(email) is not None:
                return
            own = {key.removeprefix(_BILLING): value for key, value in fields.items() if key.startswith(_BILLING)}
            self._writer.register({key: value for key, value in own.items() if value} | {wire.EMAIL: email})
