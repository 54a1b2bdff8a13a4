"""What must be true whenever everything is at rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shopify_fw360.records import Entity, System
from shopify_fw360.store import Store
from tests.proof.goods import possible_of_product, products_in, read_product
from tests.proof.people import PLACES, SHOP, SITE, People, Thing, customers_in, read_customer

if TYPE_CHECKING:
    from tests.proof.history import Telling


class BrokenError(AssertionError):
    """A history has come to something that must not be.

    Args:
        rule: which rule is broken.
        detail: what was found.
    """

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(f"{rule}: {detail}")
        self.rule = rule


@dataclass(frozen=True)
class Trade:
    """Records of one kind that both sides hold.

    Args:
        entity: what they are.
        read: what people see of one, None if it is not there.
        present: ids of all of a side, with their natural keys.
        possible: values a field may have at rest.
    """

    entity: Entity
    read: Callable[[People, System, str], dict[str, Any] | None]
    present: Callable[[People, System], dict[str, frozenset[str]]]
    possible: Callable[[Thing, str], list[Any]]


Present = Mapping[System, Mapping[str, frozenset[str]]]


def judge(telling: Telling, trade: Trade) -> None:
    """Compare what both sides hold with what people have done; raises BrokenError."""
    people, store = telling.people, telling.office.store
    there: Present = {side: trade.present(people, side) for side in System}
    known: dict[System, set[str]] = {side: set() for side in System}
    for thing in people.of(trade.entity):
        _follow_link(store, thing)
        if thing.gone:
            _find_remains(thing, there)
        if thing.free:
            keys = _keys(thing)
            for side in System:
                known[side] |= {record_id for record_id, its in there[side].items() if its & keys}
            thing.ids.clear()
            continue
        for side, record_id in thing.ids.items():
            present = record_id in there[side]
            known[side].add(record_id)
            if present and side in thing.gone:
                raise AssertionError("ids are never used twice")
            if not present and side not in thing.gone:
                raise BrokenError("deleted", f"nobody has deleted {thing.name} at the {PLACES[side]}, but it is gone")
        if not thing.gone:
            _judge_both(telling, trade, thing)
        else:
            _judge_survivor(telling, trade, thing)
        _keys(thing)
        thing.edits.clear()
        thing.asked = False
    for side in System:
        strangers = set(there[side]) - known[side]
        if strangers:
            names = ", ".join("/".join(sorted(there[side][record_id])) for record_id in sorted(strangers))
            raise BrokenError("double", f"the {PLACES[side]} has {len(strangers)} records nobody knows: {names}")


def _follow_link(store: Store, thing: Thing) -> None:
    with store.read() as tx:
        for side, record_id in list(thing.ids.items()):
            link = tx.links(thing.entity, side, [record_id]).get(record_id)
            other = None if link is None else link.id_in(side.other)
            if other is not None:
                thing.ids.setdefault(side.other, other)


def _keys(thing: Thing) -> set[str]:
    thing.keys |= {value.casefold() for _, name, value in thing.edits if name == "email" and value}
    return thing.keys


def _find_remains(thing: Thing, there: Present) -> None:
    """A thing deleted on its only known side may have got a counterpart before; people know it by its keys."""
    keys = _keys(thing)
    for side in System:
        if side not in thing.ids:
            found = [record_id for record_id, its in there[side].items() if its & keys]
            if found:
                thing.ids[side] = found[0]


def _judge_both(telling: Telling, trade: Trade, thing: Thing) -> None:
    for side in System:
        if side not in thing.ids:
            raise BrokenError("missing", f"{thing.name} never arrived at the {PLACES[side]}; {_parked(telling)}")
    held = {side: trade.read(telling.people, side, thing.ids[side]) or {} for side in System}
    for name in sorted(held[SHOP].keys() | held[SITE].keys() | {edited for _, edited, _ in thing.edits}):
        value, there = (held[side].get(name, _absent(name)) for side in (SHOP, SITE))
        if value != there:
            raise BrokenError(
                "agreement",
                f"{name} of {thing.name} is {value!r} at the shop and {there!r} at the site; "
                f"it was {thing.agreed.get(name)!r}; edits {_edits(thing, name)}; {_parked(telling)}",
            )
        if _of_absent_variant(name, held[SHOP]):
            continue
        possible = _as_seen(name, trade.possible(thing, name))
        if value not in possible:
            raise BrokenError(
                "lost edit", f"{name} of {thing.name} is {value!r}, but may only be {possible}; {_edits(thing, name)}"
            )
        if name == "consent" and value and thing.last(name) and not [e for e in thing.edits if e[1] == name][-1][2]:
            raise BrokenError(
                "consent", f"{thing.name} is subscribed, although the last word was no: {_edits(thing, name)}"
            )
    thing.agreed = held[SHOP]
    thing.met = True


def _judge_survivor(telling: Telling, trade: Trade, thing: Thing) -> None:
    for side in set(thing.ids) - thing.gone:
        held = trade.read(telling.people, side, thing.ids[side]) or {}
        for name, value in held.items():
            last = thing.last(name)
            # What was changed where the record was deleted may have come over before the deletion, any step of it.
            edited = [value for _, field_name, value in thing.edits if field_name == name]
            own = set(last) == {side}
            possible = trade.possible(thing, name) if own else [*edited, thing.agreed.get(name)]
            if value not in _as_seen(name, possible):
                raise BrokenError("lost edit", f"{name} of the surviving {thing.name} is {value!r}, may be {possible}")
        thing.agreed = held


def _absent(name: str) -> Any:
    return False if _is_flag(name) else None


def _of_absent_variant(name: str, held: Mapping[str, Any]) -> bool:
    word, _, sku = name.partition(" ")
    return word in ("price", "code") and not held.get(f"has {sku}")


def _as_seen(name: str, values: list[Any]) -> list[Any]:
    return [False if value is None and _is_flag(name) else value for value in values]


def _is_flag(name: str) -> bool:
    return name in ("consent", "shown") or name.startswith(("tag ", "has "))


def _edits(thing: Thing, name: str) -> str:
    return "; ".join(f"{PLACES[side]} {value!r}" for side, edited, value in thing.edits if edited == name) or "no edits"


def _parked(telling: Telling) -> str:
    with telling.office.store.read() as tx:
        rows = tx.parked(limit=10)
    return "; ".join(f"parked {row.source_id} {row.error_code} {row.error_message}" for row in rows) or "nothing parked"


CUSTOMERS = Trade(Entity.CUSTOMER, read_customer, customers_in, Thing.possible)
PRODUCTS = Trade(Entity.PRODUCT, read_product, products_in, possible_of_product)

JUDGES: dict[str, tuple[Callable[[Telling], None], ...]] = {
    "customers": (lambda telling: judge(telling, CUSTOMERS),),
    "products": (lambda telling: judge(telling, PRODUCTS),),
}
