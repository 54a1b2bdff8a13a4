"""`@idempotent(key:)` on mutation fields.

Shopify: a key is kept 24 hours; the same key with the same arguments returns the earlier outcome, with others it is
refused (IDEMPOTENCY_KEY_PARAMETER_MISMATCH); some mutations refuse to run without the directive although the schema
does not say so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from graphql import GraphQLResolveInfo
from graphql.execution.values import get_directive_values

from sandbox.shopify.errors import ShopifyError
from sandbox.shopify.shop import Context, Outcome
from sandbox.shopify.times import SECOND

KEPT = 24 * 3600 * SECOND
MANDATORY = frozenset(
    {
        "inventoryActivate",
        "inventoryAdjustQuantities",
        "inventoryMoveQuantities",
        "inventorySetOnHandQuantities",
        "inventorySetQuantities",
        "locationActivate",
        "locationDeactivate",
        "refundCreate",
    }
)


def once(info: GraphQLResolveInfo[Context], args: Mapping[str, Any], run: Callable[[], Any]) -> Any:
    """Run a mutation, or return what it answered before under the same idempotency key.

    Raises:
        ShopifyError: the directive is missing where it is mandatory, or the key came before with other arguments.
    """
    directive = info.schema.get_directive("idempotent")
    given = None if directive is None else get_directive_values(directive, info.field_nodes[0], info.variable_values)
    if given is None:
        if info.field_name in MANDATORY:
            raise ShopifyError(
                "The @idempotent directive is required for this mutation but was not provided.", "BAD_REQUEST"
            )
        return run()
    context: Context = info.context
    kept = context.shop.outcomes
    now = context.shop.clock.now()
    name = (info.field_name, str(given["key"]))
    digest = hashlib.sha256(orjson.dumps(args, option=orjson.OPT_SORT_KEYS)).hexdigest()
    earlier = kept.get(name)
    if earlier is not None and now - earlier.at < KEPT:
        if earlier.digest != digest:
            raise ShopifyError(
                "The idempotency key was used before with other arguments.", "IDEMPOTENCY_KEY_PARAMETER_MISMATCH"
            )
        return earlier.payload
    payload = run()
    kept[name] = Outcome(now, digest, payload)
    return payload
