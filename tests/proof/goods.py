"""What people do with products on both sides, and what they see of them.

A product has variants in sizes. A variant is known by its SKU, which nobody changes; the first one is never removed, so
that a product always has one. What is agreed on per variant: whether it is there, its price, its bar code.
"""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

from shopify_fw360.records import Entity, System
from tests.proof.people import PLACES, SHOP, SITE, TAGS, People, Thing, letters, plain, somewhere

_OPTION = "Taglia"
_SHOP_NAMES = {"title": "title", "vendor": "vendor", "text": "descriptionHtml", "kind": "productType"}
_SITE_NAMES = {"title": "nome", "vendor": "marca", "text": "descrizione", "kind": "tipo"}


def _money(value: Any) -> str | None:
    return None if value in (None, "") else f"{Decimal(str(value)):.2f}"


def _variants(people: People, side: System, product_id: str) -> dict[str, dict[str, Any]]:
    """By SKU what a side has of the variants, in its own words."""
    if side is SHOP:
        return {row["sku"]: row for row in people.shop.product(product_id)["variants"]["nodes"]}
    product = people.site.product(product_id)
    return {row["sku"]: row for row in product["varianti"]}


def read_product(people: People, side: System, product_id: str) -> dict[str, Any] | None:
    """What people see of a product, in the words of both sides together; None if it is not there."""
    if product_id not in products_in(people, side):
        return None
    if side is SHOP:
        found = people.shop.product(product_id)
        values = {name: found[named] for name, named in _SHOP_NAMES.items()}
        shown, tags = found["status"] == "ACTIVE", found["tags"]
        rows = [(row["sku"], row["price"], row["barcode"]) for row in found["variants"]["nodes"]]
    else:
        found = people.site.product(product_id)
        values = {name: found[named] for name, named in _SITE_NAMES.items()}
        shown, tags = found["attivo"] in (1, "1", True), found["tags"]
        rows = [(row["sku"], row["prezzo"], row["ean"]) for row in found["varianti"]]
    seen: dict[str, Any] = {name: plain(value) for name, value in values.items()}
    held = {tag.casefold() for tag in tags}
    seen |= {"shown": shown, **{f"tag {tag}": tag in held for tag in TAGS}}
    for sku, price, code in rows:
        seen |= {f"has {sku}": True, f"price {sku}": _money(price), f"code {sku}": plain(code)}
    return seen


def products_in(people: People, side: System) -> dict[str, frozenset[str]]:
    """Ids of all products of a side, with their SKUs."""
    if side is SHOP:
        shop = people.systems.shop.shop
        skus: dict[int, set[str]] = {}
        for variant in shop.variants.all():
            skus.setdefault(variant["product"], set()).add(str(variant.get("sku") or ""))
        return {record["id"]: frozenset(skus.get(record["num"], ())) for record in shop.products.all()}
    return {
        str(product["id"]): frozenset(row["sku"] for row in product["varianti"]) for product in people.site.products()
    }


def create_product(people: People, draw: random.Random) -> str | None:
    if len(people.of(Entity.PRODUCT)) >= 3:
        return edit_product(people, draw)
    name = letters(people.number())
    thing = Thing(Entity.PRODUCT, f"product {name}")
    people.things.append(thing)
    sides = [SHOP, SITE] if draw.random() < 0.2 else [draw.choice((SHOP, SITE))]
    thing.twin = len(sides) == 2
    first = f"{name.upper()}-1"
    thing.keys = {first}
    told = []
    for side in sides:
        title = f"{name} {letters(people.number())}"
        skus = [first, *(f"{name.upper()}-{people.number()}" for _ in range(draw.choice((0, 1, 1, 2))))]
        prices = {sku: _price(draw) for sku in skus}
        tags = [tag for tag in TAGS if draw.random() < 0.3]
        shown = draw.random() < 0.8
        if side is SHOP:
            rows = [{"options": {_OPTION: sku}, "sku": sku, "price": prices[sku]} for sku in skus]
            thing.ids[SHOP] = people.shop.create_product(title, rows, tags=tags, status=_status(shown))
        else:
            thing.ids[SITE] = people.site.create_product(
                nome=title,
                tags=tags,
                attivo=int(shown),
                attributi=[{"nome": _OPTION, "valori": skus, "posizione": 1}],
                varianti=[{"attributi": {_OPTION: sku}, "sku": sku, "prezzo": prices[sku]} for sku in skus],
            )
        thing.note(side, title=title, shown=shown, **{f"tag {tag}": True for tag in tags})
        thing.note(side, **{f"has {sku}": True for sku in skus}, **{f"price {sku}": prices[sku] for sku in skus})
        told.append(f"the {PLACES[side]} as {title!r}, {'shown' if shown else 'hidden'}, {prices} {tags}")
    return f"{thing.name} is created in {' and in '.join(told)}"


def _status(shown: bool) -> str:
    return "ACTIVE" if shown else "DRAFT"


def _price(draw: random.Random) -> str:
    return f"{draw.randrange(100, 9900) / 100:.2f}"


def edit_product(people: People, draw: random.Random) -> str | None:
    found = somewhere(people.of(Entity.PRODUCT), draw)
    if found is None:
        return None
    thing, side = found
    held = read_product(people, side, thing.ids[side]) or {}
    act = draw.choice(("title", "vendor", "text", "kind", "shown", "tag", "price", "price", "code", "add", "remove"))
    skus = sorted(name.removeprefix("has ") for name in held if name.startswith("has "))
    if act in ("price", "code"):
        return _edit_variant(people, thing, side, act, draw.choice(skus), draw)
    if act == "add":
        return None if len(skus) >= 4 else _add_variant(people, thing, side, draw)
    if act == "remove":
        removable = [sku for sku in skus if sku not in thing.keys]
        return _remove_variant(people, thing, side, draw.choice(removable)) if removable else None
    value: Any
    if act == "tag":
        act = f"tag {draw.choice(TAGS)}"
        value = not held[act]
        tags = [each for each in TAGS if (value if f"tag {each}" == act else held[f"tag {each}"])]
        _update(people, thing, side, tags=tags)
    elif act == "shown":
        value = not held["shown"]
        _update(people, thing, side, **({"status": _status(value)} if side is SHOP else {"attivo": int(value)}))
    else:
        word = letters(people.number())
        value = f"<p>{word}</p>" if act == "text" else word
        _update(people, thing, side, **{(_SHOP_NAMES if side is SHOP else _SITE_NAMES)[act]: value})
    thing.note(side, **{act: value})
    return f"a person at the {PLACES[side]} sets {act} of {thing.name} to {value!r} (it was {held[act]!r})"


def _update(people: People, thing: Thing, side: System, **fields: Any) -> None:
    if side is SHOP:
        people.shop.update_product(thing.ids[side], **fields)
    else:
        people.site.update_product(thing.ids[side], **fields)


def _edit_variant(people: People, thing: Thing, side: System, act: str, sku: str, draw: random.Random) -> str:
    value = _price(draw) if act == "price" else f"{people.number():08d}"
    rows = _variants(people, side, thing.ids[side])
    if side is SHOP:
        change = {"price": value} if act == "price" else {"barcode": value}
        people.shop.update_variants(thing.ids[side], {"id": rows[sku]["id"], **change})
    else:
        rows[sku]["prezzo" if act == "price" else "ean"] = value
        people.site.update_product(thing.ids[side], varianti=list(rows.values()))
    thing.note(side, **{f"{act} {sku}": value})
    return f"a person at the {PLACES[side]} sets {act} of {sku} of {thing.name} to {value!r}"


def _add_variant(people: People, thing: Thing, side: System, draw: random.Random) -> str:
    sku, price = f"{thing.name.removeprefix('product ').upper()}-{people.number()}", _price(draw)
    if side is SHOP:
        people.shop.add_variant(thing.ids[side], {_OPTION: sku}, price=price, inventoryItem={"sku": sku})
    else:
        rows = _variants(people, side, thing.ids[side])
        new = {"attributi": {_OPTION: sku}, "sku": sku, "prezzo": price}
        options = [{"nome": _OPTION, "valori": [*rows, sku], "posizione": 1}]
        people.site.update_product(thing.ids[side], attributi=options, varianti=[*rows.values(), new])
    thing.note(side, **{f"has {sku}": True, f"price {sku}": price})
    return f"a person at the {PLACES[side]} adds {sku} at {price} to {thing.name}"


def _remove_variant(people: People, thing: Thing, side: System, sku: str) -> str:
    rows = _variants(people, side, thing.ids[side])
    if side is SHOP:
        people.shop.remove_variants(thing.ids[side], rows[sku]["id"])
    else:
        people.site.update_product(thing.ids[side], varianti=[row for each, row in rows.items() if each != sku])
    thing.note(side, **{f"has {sku}": False})
    return f"a person at the {PLACES[side]} removes {sku} of {thing.name}"


def delete_product(people: People, draw: random.Random) -> str | None:
    found = somewhere(people.of(Entity.PRODUCT), draw)
    if found is None:
        return None
    thing, side = found
    (people.shop if side is SHOP else people.site).delete_product(thing.ids[side])
    thing.gone.add(side)
    return f"a person at the {PLACES[side]} deletes {thing.name}"


def possible_of_product(thing: Thing, name: str) -> list[Any]:
    """Values a field of a product may have at rest."""
    found = thing.possible(name)
    word, _, sku = name.partition(" ")
    if word == "has":
        # A variant removed on one side and edited on the other stays or goes.
        sides = {side for side, edited, _ in thing.edits if edited in (f"price {sku}", f"code {sku}")}
        removed = {side for side, value in thing.last(name).items() if value is False}
        if any(side.other in sides for side in removed):
            found = [*found, True]
    if word in ("price", "code") and any(value is False for value in thing.last(f"has {sku}").values()):
        # One that comes back has the value of the side on which it was left, edited or not.
        found = [*found, thing.agreed.get(name)]
    return found
