"""People who edit products: at the shop's admin and at the site's back office."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

from shopify_fw360.records import Entity, Flow, Link, System
from tests.end_to_end.world import ShopPerson, SitePerson, World

CATALOGUE_INTO_SITE = Flow(Entity.PRODUCT, System.SHOPIFY)
CATALOGUE_INTO_SHOP = Flow(Entity.PRODUCT, System.FRAMEWORK360)

_FIELDS = """
  id title descriptionHtml vendor productType handle tags status hasOnlyDefaultVariant
  category { id } seo { title description }
  fw360_id: metafield(namespace: "$app", key: "fw360_id") { value }
  resourcePublicationsCount { count }
  options { id name position optionValues { name } }
  media(first: 250) { nodes { id alt ... on MediaImage { image { url } } } }
  variants(first: 250) { nodes {
    id sku barcode price compareAtPrice position inventoryPolicy inventoryQuantity
    selectedOptions { name value }
    media(first: 1) { nodes { id } }
    inventoryItem {
      tracked unitCost { amount } measurement { weight { unit value } }
      inventoryLevels(first: 10) { nodes {
        location { id } quantities(names: ["available"]) { quantity }
      } }
    }
  } }
"""


class ShopKeeper(ShopPerson):
    """Edits products in the shop."""

    def create_product(self, title: str, variants: Iterable[dict[str, Any]], **fields: Any) -> str:
        """Variants: ``options`` as {name: value}, and fields of ProductVariantSetInput."""
        rows = []
        names: dict[str, list[str]] = {}
        for variant in variants:
            options = variant.pop("options", None) or {"Title": "Default Title"}
            for name, value in options.items():
                if value not in names.setdefault(name, []):
                    names[name].append(value)
            pairs = [{"optionName": name, "name": value} for name, value in options.items()]
            rows.append({"optionValues": pairs, **variant})
        document = (
            "mutation New($input: ProductSetInput!) {"
            " productSet(synchronous: true, input: $input) { product { id } userErrors { field message } } }"
        )
        options = [{"name": name, "values": [{"name": value} for value in values]} for name, values in names.items()]
        given = {"title": title, "status": "ACTIVE", "productOptions": options, "variants": rows, **fields}
        return self.ask(document, input=given)["productSet"]["product"]["id"]

    def update_product(self, product: str, **fields: Any) -> None:
        self.ask(
            "mutation Edit($product: ProductUpdateInput!) {"
            " productUpdate(product: $product) { userErrors { field message } } }",
            product={"id": product, **fields},
        )

    def update_variants(self, product: str, *variants: dict[str, Any]) -> None:
        self.ask(
            "mutation Edit($id: ID!, $variants: [ProductVariantsBulkInput!]!) {"
            " productVariantsBulkUpdate(productId: $id, variants: $variants) { userErrors { field message } } }",
            id=product,
            variants=list(variants),
        )

    def add_variant(self, product: str, options: dict[str, str], **fields: Any) -> str:
        answer = self.ask(
            "mutation Add($id: ID!, $variants: [ProductVariantsBulkInput!]!) {"
            " productVariantsBulkCreate(productId: $id, variants: $variants) {"
            " productVariants { id } userErrors { field message } } }",
            id=product,
            variants=[{"optionValues": [{"optionName": n, "name": v} for n, v in options.items()], **fields}],
        )
        return answer["productVariantsBulkCreate"]["productVariants"][0]["id"]

    def remove_variants(self, product: str, *variants: str) -> None:
        self.ask(
            "mutation Drop($id: ID!, $variants: [ID!]!) {"
            " productVariantsBulkDelete(productId: $id, variantsIds: $variants) { userErrors { field message } } }",
            id=product,
            variants=list(variants),
        )

    def rename_option(self, product: str, option: str, name: str) -> None:
        self.ask(
            "mutation Rename($id: ID!, $option: OptionUpdateInput!) {"
            " productOptionUpdate(productId: $id, option: $option) { userErrors { field message } } }",
            id=product,
            option={"id": option, "name": name},
        )

    def delete_product(self, product: str) -> None:
        self.ask(
            "mutation Gone($input: ProductDeleteInput!) {"
            " productDelete(input: $input) { userErrors { field message } } }",
            input={"id": product},
        )

    def product(self, product: str) -> dict[str, Any]:
        return self.ask(f"query One($id: ID!) {{ product(id: $id) {{ {_FIELDS} }} }}", id=product)["product"]

    def products(self) -> list[dict[str, Any]]:
        """Every product; each with the shop's primary location, whose stock is synchronised, as `location`."""
        found: list[dict[str, Any]] = []
        after = None
        while True:
            answer = self.ask(
                "query All($after: String, $query: String) { location { id }"
                " products(first: 3, after: $after, query: $query) {"
                f" pageInfo {{ hasNextPage endCursor }} nodes {{ {_FIELDS} }} }} }}",
                after=after,
                query="status:ACTIVE,ARCHIVED,DRAFT,UNLISTED",
            )
            page = answer["products"]
            found += [{**node, "location": answer["location"]["id"]} for node in page["nodes"]]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                return found


class ShopManager(SitePerson):
    """Edits products in the site."""

    def create_product(self, **fields: Any) -> str:
        return str(self.call("POST", "products/create", **fields)["id"])

    def update_product(self, product: str, **fields: Any) -> None:
        self.call("POST", "products/update", id=product, **fields)

    def delete_product(self, product: str) -> None:
        self.call("POST", "products/delete", id=product)

    def product(self, product: str) -> dict[str, Any]:
        return self.call("GET", "products/get", id=product)

    def products(self) -> list[dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for page in itertools.count(1):
            rows = self.call("GET", "products/list", page=str(page), limit="100")
            fresh = [row for row in rows if str(row["id"]) not in found]
            if not fresh:
                return list(found.values())
            found.update({str(row["id"]): row for row in fresh})
        raise AssertionError


class Catalogue(World):
    """A shop and a site whose products are kept in agreement."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.keeper = ShopKeeper(self.shopify.url)
        self.manager = ShopManager(self.framework360.url)

    def into_site(self, **what: Any):
        return self.sync(CATALOGUE_INTO_SITE, **what)

    def into_shop(self, **what: Any):
        return self.sync(CATALOGUE_INTO_SHOP, **what)

    def settle(self) -> None:
        """Both directions until neither has anything to carry."""
        self.into_site()
        self.into_shop()

    def product_link(self, system: System, product: str) -> Link | None:
        with self.store.read() as tx:
            return tx.links(Entity.PRODUCT, system, [product]).get(product)

    def in_site(self, product: str) -> dict[str, Any]:
        return self.manager.product(self._other(System.SHOPIFY, product))

    def in_shop(self, product: str) -> dict[str, Any]:
        return self.keeper.product(self._other(System.FRAMEWORK360, product))

    def variant_links(self, system: System, product: str, kind: str = "variant") -> dict[str, str]:
        """Id in Shopify to id in the site of each linked child."""
        link = self.product_link(system, product)
        assert link is not None
        assert link.id is not None
        with self.store.read() as tx:
            return {
                child.shopify_id or "": child.framework360_id or ""
                for child in tx.children([link.id], kind).get(link.id, [])
            }

    def _other(self, system: System, product: str) -> str:
        link = self.product_link(system, product)
        assert link is not None, f"{product} is not linked; parked: {self.parked(Flow(Entity.PRODUCT, system))}"
        other = link.id_in(system.other)
        assert other is not None
        return other
