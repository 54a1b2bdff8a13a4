"""What people do on both sides, and what they may expect of it.

Each thing (a customer, a product) remembers what both sides agreed on when everything was last at rest, and what people
have changed since, side by side and in order. From that follows which values may be there at the next rest.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from shopify_fw360.records import Entity, System
from tests.end_to_end.catalogue import ShopKeeper, ShopManager
from tests.proof.systems import URLS, Systems

SHOP, SITE = System.SHOPIFY, System.FRAMEWORK360
PLACES = {SHOP: "shop", SITE: "site"}
TAGS = ("vip", "news", "gold")
_EMPTY = (None, "", "None", [])


def letters(number: int) -> str:
    """A word that no other number has."""
    text = ""
    while True:
        number, digit = divmod(number, 20)
        text += "bcdfghjklmnprstvwxza"[digit] + "aeiou"[digit % 5]
        if not number:
            return text.capitalize()


@dataclass
class Thing:
    """A customer or a product, as people know it.

    Args:
        entity: what it is.
        name: for the story.
        ids: where it is known to be.
        gone: where a person has deleted it.
        agreed: what both sides held at the last rest, by field.
        edits: what people changed since, in order.
        met: whether both sides were in agreement at a rest before.
        asked: somebody has asked for it to be synchronised now, which makes even a deleted counterpart anew.
        twin: people created it on both sides.
        keys: natural keys it ever had, by which people know a record of it.
    """

    entity: Entity
    name: str
    ids: dict[System, str] = field(default_factory=dict)
    gone: set[System] = field(default_factory=set)
    agreed: dict[str, Any] = field(default_factory=dict)
    edits: list[tuple[System, str, Any]] = field(default_factory=list)
    met: bool = False
    asked: bool = False
    twin: bool = False
    keys: set[str] = field(default_factory=set)

    @property
    def free(self) -> bool:
        """Whether nobody can say what becomes of it.

        A deletion is forgotten if somebody presses *Sync now*, and nobody knows of one where both sides had never met.
        """
        return bool(self.gone) and (self.asked or (not self.met and self.twin))

    def note(self, side: System, **values: Any) -> None:
        self.edits += [(side, name, value) for name, value in values.items()]

    def last(self, name: str) -> dict[System, Any]:
        """What each side's people last set a field to since the last rest."""
        return {side: value for side, edited, value in self.edits if edited == name}

    def possible(self, name: str) -> list[Any]:
        """Values the field may have at rest."""
        last = self.last(name)
        if not last:
            return [self.agreed.get(name)]
        return list(last.values())


class People:
    """Everybody who works at the shop or at the site.

    Args:
        systems: where they work.
    """

    def __init__(self, systems: Systems) -> None:
        self.systems = systems
        self.shop = ShopKeeper(URLS[SHOP])
        self.site = ShopManager(URLS[SITE])
        for person in (self.shop, self.site):
            person._session = systems.session(person=True)
        self.things: list[Thing] = []
        self._numbers = 0

    def number(self) -> int:
        self._numbers += 1
        return self._numbers

    def of(self, entity: Entity) -> list[Thing]:
        return [thing for thing in self.things if thing.entity is entity]


# Customers ------------------------------------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    return None if value in _EMPTY else value


def read_customer(people: People, side: System, record_id: str) -> dict[str, Any] | None:
    """What people see of a customer, in the words of both sides together."""
    if side is SHOP:
        found = people.shop.read(record_id)
        if found is None:
            return None
        mail = found["defaultEmailAddress"] or {}
        values = {
            "first": found["firstName"],
            "last": found["lastName"],
            "phone": (found["defaultPhoneNumber"] or {}).get("phoneNumber"),
            "piva": (found["piva"] or {}).get("value"),
            "email": mail.get("emailAddress"),
            "consent": mail.get("marketingState") == "SUBSCRIBED",
        }
        tags = found["tags"]
    else:
        customer = people.systems.site.store.customers.get(int(record_id))
        if customer is None:
            return None
        values = {
            "first": customer.nome,
            "last": customer.cognome,
            "phone": customer.phone,
            "piva": (customer.billing or {}).get("piva"),
            "email": customer.email,
            "consent": customer.marketing_active,
        }
        tags = list(customer.tags)
    held = {tag.casefold() for tag in tags}
    return {name: plain(value) for name, value in values.items()} | {f"tag {tag}": tag in held for tag in TAGS}


def customers_in(people: People, side: System) -> dict[str, frozenset[str]]:
    """Ids of all customers of a side, with their e-mails."""
    if side is SHOP:
        mails = {record["id"]: str(record.get("email") or "") for record in people.systems.shop.shop.customers.all()}
    else:
        mails = {str(number): entry.email for number, entry in people.systems.site.store.customers.items()}
    return {record_id: frozenset({mail.casefold()} - {""}) for record_id, mail in mails.items()}


_SHOP_NAMES = {"first": "firstName", "last": "lastName", "phone": "phone", "email": "email"}
_SITE_NAMES = {
    "first": "nome", "last": "cognome", "phone": "telefono", "email": "email", "piva": "piva",
    "consent": "marketing_active",
}  # fmt: skip


def _write_customer(people: People, thing: Thing, side: System, name: str, value: Any) -> None:
    record_id = thing.ids[side]
    if name.startswith("tag "):
        tag = name.removeprefix("tag ")
        held = read_customer(people, side, record_id) or {}
        tags = [each for each in TAGS if (value if each == tag else held[f"tag {each}"])]
        if side is SHOP:
            people.shop.update(record_id, tags=tags)
        else:
            people.site.update(record_id, tags=tags)
    elif side is SITE:
        people.site.update(record_id, **{_SITE_NAMES[name]: "" if value is None else value})
    elif name == "consent":
        people.shop.set_consent(record_id, "SUBSCRIBED" if value else "UNSUBSCRIBED")
    elif name == "piva":
        field = {"namespace": "custom", "key": "piva", "type": "single_line_text_field", "value": value}
        people.shop.update(record_id, metafields=[field])
    else:
        people.shop.update(record_id, **{_SHOP_NAMES[name]: value})
    thing.note(side, **{name: value})


def create_customer(people: People, draw: random.Random, *, both: bool) -> str:
    number = people.number()
    name = letters(number)
    thing = Thing(Entity.CUSTOMER, f"customer {name}")
    people.things.append(thing)
    email = f"{name.lower()}@example.com"
    sides = [SHOP, SITE] if both else [draw.choice((SHOP, SITE))]
    thing.twin = both
    told = []
    for side in sides:
        last = letters(people.number())
        consent = draw.random() < 0.3
        tags = [tag for tag in TAGS if draw.random() < 0.3]
        values: dict[str, Any] = {"first": name, "last": last, "email": email, "consent": consent}
        if draw.random() < 0.5:
            values["phone"] = _phone(people)
        if side is SHOP:
            fields = {_SHOP_NAMES[key]: value for key, value in values.items() if key != "consent"}
            thing.ids[SHOP] = people.shop.create(**fields, tags=tags)
            if consent:
                people.shop.set_consent(thing.ids[SHOP], "SUBSCRIBED")
        else:
            fields = {_SITE_NAMES[key]: value for key, value in values.items()}
            thing.ids[SITE] = people.site.create(**fields, tags=tags)
        thing.note(side, **values, **{f"tag {tag}": True for tag in tags})
        told.append(f"the {PLACES[side]} as {values} {tags}")
    return f"{thing.name} is created in {' and in '.join(told)}"


def _phone(people: People) -> str:
    return f"+39347{1_000_000 + people.number()}"


def edit_customer(people: People, draw: random.Random) -> str | None:
    found = somewhere(people.of(Entity.CUSTOMER), draw)
    if found is None:
        return None
    thing, side = found
    name = draw.choice(("first", "last", "phone", "phone", "piva", "consent", "consent", "email", *TAGS))
    held = read_customer(people, side, thing.ids[side]) or {}
    value: Any
    if name in TAGS:
        name = f"tag {name}"
        value = not held[name]
    elif name == "consent":
        value = not held[name]
    elif name == "email":
        # Twins that have not met yet are known by their e-mail: another one makes them two people.
        if thing.gone or (thing.twin and not thing.met) or draw.random() < 0.6:
            return None
        value = f"{letters(people.number()).lower()}@example.com"
    elif name == "piva":
        value = f"{people.number():011d}"
    elif name == "phone":
        # Null may also mean that the shop does not show a number, so emptying one there is not carried over.
        value = None if side is SITE and held["phone"] and draw.random() < 0.3 else _phone(people)
    elif thing.agreed.get(name) and draw.random() < 0.2:
        value = thing.agreed[name]
    else:
        value = letters(people.number())
    _write_customer(people, thing, side, name, value)
    return f"a person at the {PLACES[side]} sets {name} of {thing.name} to {value!r} (it was {held[name]!r})"


def delete_customer(people: People, draw: random.Random) -> str | None:
    found = somewhere(people.of(Entity.CUSTOMER), draw)
    if found is None:
        return None
    thing, side = found
    record_id = thing.ids[side]
    if side is SHOP:
        people.shop.delete(record_id)
    else:
        people.site.delete(record_id)
    thing.gone.add(side)
    return f"a person at the {PLACES[side]} deletes {thing.name}"


def somewhere(things: Iterable[Thing], draw: random.Random) -> tuple[Thing, System] | None:
    """One thing and a side where it is known to be."""
    places = [(thing, side) for thing in things for side in thing.ids if side not in thing.gone]
    return draw.choice(places) if places else None


Values = Mapping[str, Any]
__all__ = ["Decimal", "People", "Thing", "Values"]
