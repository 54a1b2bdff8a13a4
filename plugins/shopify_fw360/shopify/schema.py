"""What Shopify lets us read and write, for checking mappings before anything runs."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Final

from shopify_fw360.records import Entity, SourceField, TargetField, UnknownFieldError
from shopify_fw360.shopify.fields import CUSTOMER_FIELDS, metafield_target
from shopify_fw360.shopify.paths import METAFIELDS, metafield_of, resolve
from shopify_fw360.shopify.product_fields import PRODUCT_FIELDS

_WRITABLE: Final = {Entity.CUSTOMER: CUSTOMER_FIELDS, Entity.PRODUCT: PRODUCT_FIELDS}


class ShopifySchema:
    """`records.Schema` over the pinned API version."""

    def source(self, entity: Entity, path: str) -> SourceField:
        """Return the readable field at a GraphQL path.

        Args:
            entity: whose type the path begins at.
            path: ``defaultAddress.city``, ``addressesV2[].city``, ``metafields.custom.piva``, ``variants[].quantity``.

        Returns:
            The field; of several access requirements on the way the innermost one is given.

        Raises:
            UnknownFieldError: with near names.
        """
        resolved = resolve(entity, path)
        return SourceField(
            path=path,
            accessor=_accessor(path),
            type=resolved.type,
            protected=resolved.protected is not None,
            deprecated=resolved.deprecated,
            scopes=resolved.scopes[-1] if resolved.scopes else (),
        )

    def target(self, entity: Entity, name: str) -> TargetField:
        """Return the writable field of that name.

        Args:
            entity: customers and products can be written.
            name: a field of `fields.CUSTOMER_FIELDS` or `product_fields.PRODUCT_FIELDS`, the latter with fields of
                children as ``variants[].sku``; or ``metafields.<namespace>.<key>``.

        Raises:
            UnknownFieldError: with near names.
        """
        known = _WRITABLE.get(entity)
        if known is None:
            raise UnknownFieldError(name, f"a {entity.value} has no writable fields in Shopify")
        if name.startswith(f"{METAFIELDS}."):
            return metafield_target(*metafield_of(name))
        try:
            return known[name]
        except KeyError:
            folded = {field.casefold(): field for field in known}
            near = [folded[match] for match in get_close_matches(name.casefold(), folded, n=3, cutoff=0.5)]
            raise UnknownFieldError(name, f"a {entity.value} has no such writable field", near) from None


def _accessor(path: str) -> tuple[str, ...]:
    """Records have the shape of paths: a list is mapped over, a metafield lies below namespace and key."""
    steps: list[str] = []
    for part in path.split("."):
        steps += [part.removesuffix("[]"), "*"] if part.endswith("[]") else [part]
    return tuple(steps)


SCHEMA = ShopifySchema()
"""The one schema; the command line of the mapping room looks it up here."""
