"""How orders move stock: sold units are committed, sent ones leave, those taken back are available again."""

from __future__ import annotations

from collections import Counter

from sandbox.common.order_book import Book
from sandbox.shopify.catalogue_writing import save_stock, stock_level
from sandbox.shopify.shop import LOCATIONS, Shop
from sandbox.shopify.table import Record


def move_stock(shop: Shop, before: Book | None, after: Book) -> None:
    """Change the stock of tracked variants by what happened between two states of an order's books."""
    old, new = _held(before), _held(after)
    changed: dict[int, Record] = {}
    for variant in old.keys() | new.keys():
        (committed, away), (was_committed, was_away) = new.get(variant, (0, 0)), old.get(variant, (0, 0))
        if (committed, away) == (was_committed, was_away):
            continue
        record = shop.variants.get(variant)
        item = None if record is None else shop.items.get(record["item"])
        if item is None or not item.get("tracked"):
            continue
        level = stock_level(shop, item, next(iter(LOCATIONS)))
        level["committed"] = max(0, int(level.get("committed", 0)) + committed - was_committed)
        level["available"] = int(level.get("available", 0)) - (committed + away - was_committed - was_away)
        changed[item["num"]] = item
    if changed:
        save_stock(shop, changed)


def _held(book: Book | None) -> dict[int, tuple[int, int]]:
    """Return per variant the units committed, and those that have left and did not come back into stock."""
    if book is None:
        return {}
    committed: Counter[int] = Counter()
    away: Counter[int] = Counter()
    left, sent = book.to_send(), book.sent()
    for line in book.lines:
        if line.variant is None:
            continue
        committed[line.variant] += 0 if book.cancelled else left[line.num]
        away[line.variant] += sent[line.num]
        for part in book.refund_lines(line.num):
            if part.restock == "NO_RESTOCK" and not part.sent:
                away[line.variant] += part.quantity
            elif part.restock == "RETURN":
                away[line.variant] -= part.quantity
    return {variant: (committed[variant], away[variant]) for variant in committed.keys() | away.keys()}
