"""Carts from requests and orders in the store: reading lines, pricing them, moving the stock of catalogue lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sandbox.framework360.cart import ZERO, CartLine, Priced, price_cart, tax_of
from sandbox.framework360.errors import RefusedError
from sandbox.framework360.goods import DEFAULT_TAX, Product, Variant
from sandbox.framework360.item_values import cents
from sandbox.framework360.lookups import MAIN_TAX, SHIPPINGS, TAXES, Lookups, rate
from sandbox.framework360.options import Options
from sandbox.framework360.store import Order, Store


def read_cart(rows: Iterable[Mapping[str, Any]], store: Store, lookups: Lookups) -> tuple[CartLine, ...]:
    """Return the lines of a request.

    Raises:
        RefusedError: an unknown product, variant or tax, or parts of a piece.
    """
    return tuple(
        _product_line(row, store, lookups) if row["type"] == "product" else _custom_line(row, lookups) for row in rows
    )


def priced(lines: Sequence[CartLine], shipping: int | None, options: Options) -> Priced:
    """Price lines and a shipping method by the switches of the site."""
    return price_cart(
        lines,
        SHIPPINGS[shipping].cost if shipping is not None else ZERO,
        TAXES[MAIN_TAX].rate,
        with_tax=options.prices_include_tax,
        line_prices=options.cart_price == "line",
    )


def of_order(order: Order, options: Options) -> tuple[tuple[CartLine, ...], Priced]:
    """Return lines and sums of an order; an order of the seed has one line over its total."""
    if order.lines is not None and order.priced is not None:
        return order.lines, order.priced
    main = TAXES[MAIN_TAX].rate
    tax = tax_of(order.total, main, with_tax=True)
    amount = order.total if options.prices_include_tax else order.total - tax
    line = CartLine(f"riga-{order.id}", Decimal(1), amount, DEFAULT_TAX, main, "Articolo")
    return (line,), Priced(((amount, tax),), amount, ZERO, ZERO, tax, order.total)


def move_stock(lines: Iterable[CartLine], direction: int, store: Store, now: datetime) -> None:
    """Take the pieces of catalogue lines out of the stock (-1) or put them back (1), where stock is counted."""
    for line in lines:
        product = store.goods.products.get(line.product) if line.product is not None else None
        if product is None:
            continue
        variant = product.variant(line.variant) if line.variant is not None else None
        if line.variant is not None and variant is None:
            continue
        item = variant or product
        if item.gestione_magazzino:
            store.set_stock(product, variant, item.quantita + direction * int(line.quantity), now)


def _custom_line(row: Mapping[str, Any], lookups: Lookups) -> CartLine:
    info = row["customInfo"]
    tax = lookups.tax(info["imposta"])
    return CartLine(
        id=row["id"],
        quantity=Decimal(str(row["quantity"])),
        price=cents(info["price"]),
        tax=tax,
        rate=rate(tax),
        name=info["name"],
        details=info.get("details"),
        preview=info.get("preview"),
        locked=row.get("disable_edit", False),
    )


def _product_line(row: Mapping[str, Any], store: Store, lookups: Lookups) -> CartLine:
    product, variant = _sold(row, store)
    quantity = Decimal(str(row["quantity"]))
    if quantity != int(quantity):
        raise RefusedError("invalid_field", f"cart: {row['quantity']} pezzi del prodotto {product.id}")
    tax = lookups.tax(row["imposta"]) if "imposta" in row else product.imposta
    return CartLine(
        id=str(product.id),
        quantity=quantity,
        price=cents(row["price"]) if "price" in row else (variant or product).selling_price,
        tax=tax,
        rate=rate(tax),
        product=product.id,
        variant=variant.id if variant else None,
    )


def _sold(row: Mapping[str, Any], store: Store) -> tuple[Product, Variant | None]:
    product = store.goods.products.get(int(row["id"]))
    if product is None:
        raise RefusedError("invalid_field", f"cart: il prodotto {row['id']} non esiste")
    if "variante_id" not in row:
        if product.varianti:
            raise RefusedError("missing_parameter", f"cart: variante_id del prodotto {product.id}")
        return product, None
    variant = product.variant(int(row["variante_id"]))
    if variant is None:
        raise RefusedError("invalid_field", f"cart: la variante {row['variante_id']} non e' del prodotto {product.id}")
    return product, variant
