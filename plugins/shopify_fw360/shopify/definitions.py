"""Metafield definitions the synchroniser needs in a shop; created once per shop, harmless to repeat."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from shopify_fw360.errors import SHOPIFY_REJECTED, SyncError
from shopify_fw360.records import Entity
from shopify_fw360.shopify.answers import user_errors
from shopify_fw360.shopify.client import ShopifyClient
from shopify_fw360.shopify.fields import APP, DEFINITIONS, EXTERNAL_ID

_NAMES: Final = {
    EXTERNAL_ID: "Framework360 id",
    "orders_count": "Orders in Framework360",
    "total_spent": "Total spent in Framework360",
}

_KEYS: Final = {Entity.CUSTOMER: tuple(DEFINITIONS), Entity.PRODUCT: (EXTERNAL_ID,)}

_DOCUMENT: Final = """mutation DefinitionCreate($definition: MetafieldDefinitionInput!) {
  metafieldDefinitionCreate(definition: $definition) {
    createdDefinition { id }
    userErrors { field message code }
  }
}"""


def ensure_definitions(
    client: ShopifyClient, entities: Collection[Entity] = (Entity.CUSTOMER, Entity.PRODUCT)
) -> list[str]:
    """Create the metafield definitions that do not exist yet.

    Args:
        client: of the shop; needs ``write_customers`` for customers, ``write_products`` for products.
        entities: whose definitions are needed; those of entities without any are none.

    Returns:
        Names of the definitions that were created now, ``<entity>.<key>``; empty if all existed.

    Raises:
        SyncError: SYNC-312 when Shopify refuses one for another reason than that it exists.
    """
    wanted = [(entity, key) for entity in _KEYS if entity in entities for key in _KEYS[entity]]
    return [f"{entity.value}.{key}" for entity, key in wanted if _create(client, entity, key)]


def _create(client: ShopifyClient, entity: Entity, key: str) -> bool:
    definition: dict[str, Any] = {
        "ownerType": entity.value.upper(),
        "namespace": APP,
        "key": key,
        "name": _NAMES[key],
        "type": DEFINITIONS[key],
        "access": {"admin": "MERCHANT_READ"},
    }
    data = client.execute(
        _DOCUMENT,
        {"definition": definition},
        operation_name="DefinitionCreate",
        # Shopify refuses a second definition of the same key with TAKEN.
        idempotent=True,
        cost=15,
    )
    refused = [error for _, error in user_errors(data) if error.get("code") != "TAKEN"]
    if refused:
        texts = "; ".join(str(error.get("message")) for error in refused)
        raise SyncError(SHOPIFY_REJECTED, texts, record=f"metafield definition {entity.value} {APP}.{key}")
    return bool(data["metafieldDefinitionCreate"]["createdDefinition"])
