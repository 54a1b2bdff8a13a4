"""Writing a sale and making sure of it: proven total, safe creation, status, and what a site lets change afterwards."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from shopify_fw360 import errors
from shopify_fw360.errors import SyncError
from shopify_fw360.framework360 import params, wire
from shopify_fw360.framework360.buyers import Buyers
from shopify_fw360.framework360.client import Framework360Client
from shopify_fw360.framework360.fields import held
from shopify_fw360.framework360.options import SiteOptions
from shopify_fw360.framework360.order_codec import NOTHING, encode_cart, encode_order
from shopify_fw360.framework360.order_fields import LINE_KEY, MARKER, PARTIES, REFERENCE, STATUS_FIELDS
from shopify_fw360.framework360.order_names import OrderNames
from shopify_fw360.framework360.readback import not_taken
from shopify_fw360.framework360.rows import look_repeatedly, new_id, reread
from shopify_fw360.framework360.sale_total import SUMS, TotalCheck
from shopify_fw360.records import ChildList, ChildWrite, Raw, TargetField

_log = logging.getLogger(__name__)

_NOTE_FIELDS: Final = frozenset({MARKER, REFERENCE, wire.NOTE})
_REFUSED_CALL: Final = (errors.FW360_CAPABILITY, errors.FW360_PERMISSION, errors.FW360_REJECTED)


@dataclass(slots=True)
class WrittenSale:
    """A sale after a write.

    Args:
        raw: the decoded sale as it reads now.
        requests: number of calls made for it.
        created: whether it did not exist before.
        unwritable: fields that the site accepted and did not keep.
        differs: fields that this site does not let change.
        lines: id of each line after the write, by its id in the order; empty if no line was written.
    """

    raw: Raw
    requests: int = 0
    created: bool = False
    unwritable: set[str] = field(default_factory=set)
    differs: set[str] = field(default_factory=set)
    lines: dict[str, str] = field(default_factory=dict)


class SaleWriter:
    """Writes the sales of one site; safe in several threads.

    Args:
        client: of the site.
        names: of its statuses, payment methods and taxes.
        decode: reads an order of the site into our flat record.
        target: target field by name.
        look: finds a sale by its reference, or by the note and total among the sales of a buyer, leaving one id out.
        mapped: names of the target fields that the mapping carries.
        recreate: whether a sale that cannot be changed is cancelled and booked again.
    """

    def __init__(
        self,
        client: Framework360Client,
        *,
        names: OrderNames,
        decode: Callable[[Mapping[str, Any]], Raw],
        target: Callable[[str], TargetField],
        look: Callable[[Mapping[str, Any], str, str | None], Raw | None],
        mapped: Collection[str],
        recreate: bool,
    ) -> None:
        self._client = client
        self._options: SiteOptions = client.options
        self._names = names
        self._decode = decode
        self._target = target
        self._look = look
        self._recreate = recreate
        self._mapped = frozenset(mapped)
        self._buyers = Buyers(client, client.options)
        self._total = TotalCheck(client)

    def buyer_id(self, email: str) -> str | None:
        """Return the id of the customer with an e-mail, None if there is none."""
        return self._buyers.id_of(email)

    # Creating ---------------------------------------------------------------------------------------------------------

    def create(self, fields: Mapping[str, Any], *, doubtful: bool, besides: str | None = None) -> WrittenSale:
        """Book a sale.

        Args:
            fields: values by target field.
            doubtful: whether an earlier attempt may have booked it, so that it must be looked for thoroughly first.
            besides: id of a sale of the same order that this one replaces.

        Raises:
            SyncError: SYNC-222 if the site would come to another total; SYNC-209 if the answer was lost and the sale
                cannot be found; as `Buyers.email_for` and the codec.
        """
        lines: Sequence[ChildWrite] = getattr(fields.get(wire.CART), "kept", ())
        cart = encode_cart(lines, (), self._names, self._options)
        self._total.prove(cart, fields)
        email = self._buyers.email_for(fields)
        if doubtful and (found := self._look(fields, email, besides)) is not None:
            return self._finished(WrittenSale(found, requests=2), fields, lines)
        body = encode_order({**_delivered(fields), wire.PAYMENT_STATUS: None}, self._names)
        if wire.ORDER_STATUS in body:
            body[wire.ORDER_STATUS] = params.number(wire.ORDER_STATUS, body[wire.ORDER_STATUS])
        for party in PARTIES:
            body.setdefault(party, {})
        sale_id = self._booked({**body, wire.CART: cart, wire.ORDER_EMAIL: email}, fields, besides)
        written = WrittenSale(self._read(sale_id), requests=3, created=True)
        return self._finished(written, fields, lines)

    def _booked(self, body: dict[str, Any], fields: Mapping[str, Any], besides: str | None) -> str:
        """Create the order; for a buyer the site says it does not know, once more after making sure of the buyer."""
        email = str(body[wire.ORDER_EMAIL])
        try:
            return self._created(body, fields, besides)
        except SyncError as error:
            if error.rule != wire.CUSTOMER_NOT_FOUND or not self._options.orders.ensure_customer:
                raise
        self._buyers.forget(email)
        again = self._buyers.email_for(fields)
        if again == email:
            self._buyers.ensure(email, fields)
        return self._created({**body, wire.ORDER_EMAIL: again}, fields, besides)

    def _created(self, body: Mapping[str, Any], fields: Mapping[str, Any], besides: str | None) -> str:
        try:
            sale_id = new_id(self._client.call(wire.ORDERS_CREATE, body))
            lost = SyncError(errors.UNCLEAR_CREATE, "the reply to orders/create holds no id", rule="data.id")
        except SyncError as error:
            if error.code is not errors.UNCLEAR_CREATE:
                raise
            sale_id, lost = None, error

        def look() -> str | None:
            found = self._look(fields, body[wire.ORDER_EMAIL], besides)
            return None if found is None else str(found[wire.ID])

        return sale_id or look_repeatedly(self._client, look, lost)

    def _finished(self, written: WrittenSale, fields: Mapping[str, Any], lines: Sequence[ChildWrite]) -> WrittenSale:
        """Give a sale that was just created what `orders/create` has no parameter for."""
        written.lines = _line_ids(lines, written.raw)
        wanted = {name: fields[name] for name in (wire.LABELS,) if name in fields}
        written.unwritable = not_taken(wanted, {}, written.raw, self._target)
        if written.unwritable:
            _log.warning("the site drops labels of sales: they are known by link and note only (A-LABELS)")
        rest = {
            name: fields[name]
            for name in (*STATUS_FIELDS, wire.PAYMENT_STATUS)
            if fields.get(name) is not None and not self._holds(written.raw, name, fields[name])
        }
        if wire.PAYMENT_STATUS in rest and self._may_update:
            body = encode_order({wire.PAYMENT_STATUS: rest[wire.PAYMENT_STATUS]}, self._names)
            self._call(wire.ORDERS_UPDATE, {wire.ID: written.raw[wire.ID], **body}, written)
        self._set_status(written, {name: value for name, value in rest.items() if name in STATUS_FIELDS})
        return written

    # Changing ---------------------------------------------------------------------------------------------------------

    def update(self, current: Raw, changes: Mapping[str, Any]) -> WrittenSale:
        """Change a sale as far as the site lets it: status, courier and tracking always, the rest by `orders/update`.

        Args:
            current: the decoded sale as it is.
            changes: new values by target field.

        Raises:
            SyncError: SYNC-222 if the site would come to another total; SYNC-404 if the sale is gone; as the codec.
        """
        written = WrittenSale(current)
        rest = {name: value for name, value in changes.items() if name not in STATUS_FIELDS}
        if not self._may_update:
            rest.pop(wire.PAYMENT_STATUS, None)
        rest = {name: value for name, value in rest.items() if not self._total.is_rounding(name, value, current)}
        if rest and self._may_update:
            self._update_rest(written, current, rest)
        elif rest and self._recreate:
            return self._booked_again(current, changes)
        elif rest:
            written.differs = set(rest)
        self._set_status(written, {name: changes[name] for name in STATUS_FIELDS & changes.keys()})
        return written

    @property
    def _may_update(self) -> bool:
        return self._client.capabilities.standing(wire.Capability.ORDERS_UPDATE).on

    def _update_rest(self, written: WrittenSale, current: Raw, rest: Mapping[str, Any]) -> None:
        """Change what `orders/update` takes. Parties, labels and note replace what is there, so they go complete."""
        complete = dict(rest)
        for party in PARTIES:
            if any(name.startswith(f"{party}.") for name in rest):
                own = {name: value for name, value in current.items() if name.startswith(f"{party}.")}
                complete = {**own, **complete}
        if _NOTE_FIELDS & rest.keys():
            complete = {**{name: current.get(name) for name in _NOTE_FIELDS}, **complete}
        body = encode_order({name: value for name, value in complete.items() if name not in NOTHING}, self._names)
        written.differs = {name for name in (wire.ORDER_CUSTOMER, wire.ORDER_EMAIL) if name in rest}
        lines = rest.get(wire.CART)
        if isinstance(lines, ChildList):
            cart = encode_cart(lines.kept, current.get(wire.CART) or (), self._names, self._options)
            if all(line.source_id is not None for line in lines.kept):
                self._total.prove(cart, {**self._known_sums(current), **rest})
            body[wire.CART] = cart
        if not body:
            written.differs |= {name for name in SUMS if name in rest}
            return
        self._call(wire.ORDERS_UPDATE, {wire.ID: current[wire.ID], **body}, written)
        wanted = {name: value for name, value in rest.items() if name not in {*NOTHING, wire.CART}}
        written.unwritable = not_taken(wanted, current, written.raw, self._target)
        if isinstance(lines, ChildList):
            written.lines = _line_ids(lines.kept, written.raw)
            if written.raw.get(wire.CART) == current.get(wire.CART):
                # The site said yes and did nothing: a person must know.
                written.differs |= {wire.CART, *(name for name in SUMS if name in rest)}
                written.lines = {}

    def _booked_again(self, current: Raw, changes: Mapping[str, Any]) -> WrittenSale:
        """Cancel the sale and book it anew, because a setting says so; repeating it finds what was booked already."""
        status = changes.get(wire.ORDER_STATUS) or current.get(wire.ORDER_STATUS)
        kept = {name: value for name, value in current.items() if name in _PLAIN} | self._known_sums(current)
        fields = {**kept, wire.CART: _all_lines(current), **changes, wire.ORDER_STATUS: status}
        cancelled = WrittenSale(current)
        if not self._names.is_cancelled(str(current.get(wire.ORDER_STATUS))):
            self._cancel(cancelled, None)
        written = self.create(fields, doubtful=True, besides=str(current[wire.ID]))
        written.requests += cancelled.requests
        return written

    def _known_sums(self, current: Raw) -> dict[str, Any]:
        """Sums of the sale that the mapping carries: one that is not among the changes is right as it is."""
        return {name: current.get(name) for name in SUMS if name in self._mapped}

    def _set_status(self, written: WrittenSale, changes: Mapping[str, Any]) -> None:
        """Set status, courier and tracking; a status that means cancelled is reached by `orders/cancel`."""
        if not changes:
            return
        status = changes.get(wire.ORDER_STATUS) or written.raw.get(wire.ORDER_STATUS)
        cancels = wire.ORDER_STATUS in changes and status is not None and self._names.is_cancelled(status)
        if cancels:
            self._cancel(written, status)
        shipped = {name: params.text(name, changes[name]) for name in (wire.COURIER, wire.TRACKING) if name in changes}
        if (not cancels or shipped) and status is not None:
            self._update_status(written, status, shipped)

    def _update_status(self, written: WrittenSale, status: str, shipped: Mapping[str, str]) -> None:
        status_id = self._names.id_of(wire.ORDERS_STATUSES, status)
        body = {wire.ID: written.raw[wire.ID], wire.NEW_STATUS: status_id, **shipped}
        self._call(wire.ORDERS_UPDATE_STATUS, body, written)

    def _cancel(self, written: WrittenSale, status: str | None) -> None:
        """Cancel and verify; where the call does not work, the status alone does (A-CANCEL)."""
        try:
            self._call(wire.ORDERS_CANCEL, {wire.ID: written.raw[wire.ID]}, written)
        except SyncError as error:
            if error.code not in _REFUSED_CALL or status is None:
                raise
            _log.warning("orders/cancel does not work on this site (%s): the status is set instead", error.code.code)
        now = written.raw.get(wire.ORDER_STATUS)
        if status is not None and (now is None or not self._names.is_cancelled(now)):
            self._update_status(written, status, {})
            now = written.raw.get(wire.ORDER_STATUS)
        if now is None or not self._names.is_cancelled(now):
            raise SyncError(
                errors.FW360_REJECTED, f"sale {written.raw[wire.ID]} does not read as cancelled", rule="orders/cancel"
            )

    # Calls ------------------------------------------------------------------------------------------------------------

    def _call(self, call: wire.Call, body: Mapping[str, Any], written: WrittenSale) -> None:
        self._client.call(call, body)
        written.requests += 2
        written.raw = self._read(str(body[wire.ID]))

    def _read(self, sale_id: str) -> Raw:
        return self._decode(reread(self._client, wire.ORDERS_GET, sale_id))

    def _holds(self, raw: Raw, name: str, value: Any) -> bool:
        entry = self._target(name)
        return bool(entry.same(held(entry, raw)) == entry.same(value))


_PLAIN: Final = frozenset(
    {
        wire.ORDER_CUSTOMER,
        wire.ORDER_EMAIL,
        REFERENCE,
        MARKER,
        wire.NOTE,
        wire.LABELS,
        wire.ORDER_PAYMENT,
        wire.COURIER,
        wire.TRACKING,
        *(f"{party}.{key}" for party in PARTIES for key in wire.ORDER_PARTY_TEXTS),
    }
)
"""Fields that a sale which is booked again takes over from the one it replaces."""


def _delivered(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Repeat the billing data where there is no delivery address (contract 6.3)."""
    billing, delivery = (f"{party}." for party in PARTIES)
    if any(value for name, value in fields.items() if name.startswith(delivery)):
        return dict(fields)
    copied = {
        f"{delivery}{name.removeprefix(billing)}": value for name, value in fields.items() if name.startswith(billing)
    }
    return {**fields, **copied}


def _line_ids(lines: Iterable[ChildWrite], raw: Raw) -> dict[str, str]:
    """Return the id of each line: the key we gave it, or, where the site numbers lines itself, that of its place."""
    there = raw.get(wire.CART) or ()
    by_key = {line[LINE_KEY]: str(line[wire.ID]) for line in reversed(there)}
    ids = {}
    for place, line in enumerate(lines):
        found = by_key.get(str(line.values.get(LINE_KEY)))
        if found is None and place < len(there):
            found = str(there[place][wire.ID])
        if line.source_id is not None and found is not None:
            ids[line.source_id] = found
    return ids


def _all_lines(current: Raw) -> ChildList:
    return ChildList(tuple(ChildWrite(line[wire.ID], None, line, line) for line in current.get(wire.CART) or ()))
