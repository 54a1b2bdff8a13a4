"""Links of the parts of a linked record: product variants, order lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, select

from shopify_fw360.store.codec import dump_json, load_json
from shopify_fw360.store.scope import Scope
from shopify_fw360.store.tables import link_child

_row = link_child.c


@dataclass(frozen=True, slots=True)
class LinkChild:
    """The pair of parts that are one thing in both systems.

    Args:
        kind: what it is, for example ``variant``.
        shopify_id: id in Shopify, None while there is none.
        framework360_id: id in Framework360, None while there is none.
        match_key: normalised natural key within its parent, for example a SKU.
        data: what the flow needs to know again (JSON values).
    """

    kind: str
    shopify_id: str | None = None
    framework360_id: str | None = None
    match_key: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


def children_of(scope: Scope, link_ids: Sequence[int], kind: str) -> dict[int, list[LinkChild]]:
    """Return the children of links.

    Args:
        scope: the transaction.
        link_ids: keys of the parents.
        kind: which children.

    Returns:
        Children per parent, in the order in which they were stored; parents without any are absent.
    """
    rows = scope.connection.execute(
        select(link_child)
        .where(scope.mine(link_child), scope.among(_row.link_id, link_ids), _row.kind == kind)
        .order_by(_row.id)
    ).mappings()
    result: dict[int, list[LinkChild]] = {}
    for row in rows:
        child = LinkChild(
            row["kind"], row["shopify_id"], row["framework360_id"], row["match_key"], load_json(row["data"])
        )
        result.setdefault(row["link_id"], []).append(child)
    return result


def replace_children(scope: Scope, link_id: int, kind: str, children: Sequence[LinkChild]) -> None:
    """Make these the children of a link, in this order.

    Args:
        scope: the transaction.
        link_id: key of the parent.
        kind: which children; those of other kinds stay.
        children: all of that kind.

    Raises:
        ValueError: a child is of another kind.
    """
    if any(child.kind != kind for child in children):
        raise ValueError(f"a child is not of kind {kind}")
    scope.connection.execute(
        delete(link_child).where(scope.mine(link_child), _row.link_id == link_id, _row.kind == kind)
    )
    if children:
        scope.connection.execute(
            link_child.insert(),
            [
                {
                    "pair_id": scope.pair_id,
                    "link_id": link_id,
                    "kind": kind,
                    "shopify_id": child.shopify_id,
                    "framework360_id": child.framework360_id,
                    "match_key": child.match_key,
                    "data": dump_json(child.data),
                }
                for child in children
            ],
        )
