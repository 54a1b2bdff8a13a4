"""What Shopify lets us read and write, for checking mappings before anything runs."""

from __future__ import annotations

from difflib import get_close_matches

from shopify_fw360.records import Entity, SourceField, TargetField, UnknownFieldError
from shopify_fw360.shopify.fields import CUSTOMER_FIELDS, metafield_target
from shopify_fw360.shopify.paths import METAFIELDS, metafield_of, resolve


class ShopifySchema:
    """`records.Schema` over the pinned API version."""

    def source(self, entity: Entity, path: str) -> SourceField:
        """Return the readable field at a GraphQL path.

        Args:
            entity: whose type the path begins at.
            path: ``defaultAddress.city``, ``addressesV2[].city``, ``metafields.custom.piva``.

        Returns:
            The field; of several access requirements on the way the innermost one is given.

        Raises:
            UnknownFieldError: with near names.
        """
        resolved = resolve(entity, path)
        accessor: list[str] = []
        for step in resolved.steps:
            accessor += [step.name, "*"] if step.many else [step.name]
        if resolved.metafield:
            accessor += [METAFIELDS, *resolved.metafield]
        return SourceField(
            path=path,
            accessor=tuple(accessor),
            type=resolved.type,
            protected=resolved.protected is not None,
            deprecated=resolved.deprecated,
            scopes=resolved.scopes[-1] if resolved.scopes else (),
        )

    def target(self, entity: Entity, name: str) -> TargetField:
        """Return the writable field of that name.

        Args:
            entity: only customers can be written.
            name: a field of `fields.CUSTOMER_FIELDS` or ``metafields.<namespace>.<key>``.

        Raises:
            UnknownFieldError: with near names.
        """
        if entity is not Entity.CUSTOMER:
            raise UnknownFieldError(name, f"a {entity.value} has no writable fields in Shopify")
        if name.startswith(f"{METAFIELDS}."):
            return metafield_target(*metafield_of(name))
        try:
            return CUSTOMER_FIELDS[name]
        except KeyError:
            folded = {known.casefold(): known for known in CUSTOMER_FIELDS}
            near = [folded[match] for match in get_close_matches(name.casefold(), folded, n=3, cutoff=0.5)]
            raise UnknownFieldError(name, "a customer has no such writable field", near) from None


SCHEMA = ShopifySchema()
"""The one schema; the command line of the mapping room looks it up here."""
