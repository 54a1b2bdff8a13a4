"""How a sale is known to stand for a Shopify order: its labels and the head of its note."""

from __future__ import annotations

import re
from typing import Final

ORIGIN: Final = "shopify"
"""Label of every sale that comes from Shopify (contract 6.3, A-LABELS)."""

_REFERENCE: Final = re.compile(rf"{ORIGIN}:\d+")


def reference_of(order_id: str) -> str:
    """Return the label that names one order.

    Args:
        order_id: global id of the order, or its number.

    Returns:
        ``shopify:5001``. It is compared whole: a search for it also finds ``shopify:50011``.
    """
    return f"{ORIGIN}:{order_id.rpartition('/')[2]}"


def is_reference(text: str) -> bool:
    """Whether a label, or a line of a note, names an order."""
    return _REFERENCE.fullmatch(text) is not None
