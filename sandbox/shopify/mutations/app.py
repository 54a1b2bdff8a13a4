"""The end of an installation: appUninstall, and the same from outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sandbox.shopify.ids import gid
from sandbox.shopify.registry import mutation
from sandbox.shopify.shop import APP_NUMBER, DOMAIN, SHOP_GID, SHOP_NUMBER, Context, Shop


def uninstall(shop: Shop) -> None:
    """End every token and subscription; APP_UNINSTALLED goes out (Shopify: the token is dead at once)."""
    shop.notify(
        "APP_UNINSTALLED", {"num": SHOP_NUMBER, "id": SHOP_GID}, {"id": SHOP_NUMBER, "myshopify_domain": DOMAIN}
    )
    for subscription in list(shop.subscriptions.all()):
        shop.subscriptions.delete(subscription["num"])
    shop.tokens.revoke_all()
    shop.options = replace(shop.options, revoked=True)


@mutation("appUninstall")
def _uninstall(context: Context, _: Mapping[str, Any]) -> dict[str, Any]:
    uninstall(context.shop)
    return {"app": {"__typename": "App", "id": gid("App", APP_NUMBER)}, "userErrors": []}
