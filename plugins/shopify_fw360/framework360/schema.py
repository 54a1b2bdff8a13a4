"""What Framework360 lets us read and write, and how to tell that two values are the same."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final

from shopify_fw360.framework360 import wire
from shopify_fw360.framework360.canonical import same_text
from shopify_fw360.framework360.customer_fields import CUSTOMER_PATHS, CUSTOMER_TARGETS
from shopify_fw360.framework360.fields import CHILD, field
from shopify_fw360.framework360.order_fields import ORDER_PATHS, ORDER_TARGETS
from shopify_fw360.framework360.product_fields import PRODUCT_PATHS, PRODUCT_TARGETS
from shopify_fw360.records import Entity, FieldType, SourceField, TargetField, UnknownFieldError

_SOURCES: Final[Mapping[Entity, Mapping[str, FieldType]]] = {
    Entity.CUSTOMER: CUSTOMER_PATHS,
    Entity.PRODUCT: PRODUCT_PATHS,
    Entity.ORDER: ORDER_PATHS,
}
_TARGETS: Final[Mapping[Entity, Mapping[str, TargetField]]] = {
    Entity.CUSTOMER: CUSTOMER_TARGETS,
    Entity.PRODUCT: PRODUCT_TARGETS,
    Entity.ORDER: ORDER_TARGETS,
}


class Framework360Schema:
    """The readable and writable fields of Framework360 records; implements `records.Schema`."""

    def source(self, entity: Entity, path: str) -> SourceField:
        """Return the readable field at a path.

        Args:
            entity: kind of record.
            path: flat name such as ``comune``, ``varianti[].sku`` of children, or ``extraFields.<key>``.

        Raises:
            UnknownFieldError: with near names that exist.
        """
        known = _SOURCES.get(entity, {})
        if path in known:
            return SourceField(path, _accessor(path), known[path])
        if known and _extra_key(path):
            return SourceField(path, (wire.EXTRA_FIELDS, _extra_key(path)), FieldType.TEXT)
        raise _unknown(entity, path, known, "read")

    def target(self, entity: Entity, name: str) -> TargetField:
        """Return the writable field of a name.

        Args:
            entity: kind of record.
            name: flat name such as ``comune``, ``varianti[].sku`` of children, or ``extraFields.<key>``.

        Raises:
            UnknownFieldError: with near names that exist.
        """
        known = _TARGETS.get(entity, {})
        if name in known:
            return known[name]
        if known and _extra_key(name):
            return field(name, same_text)
        raise _unknown(entity, name, known, "write")


def _accessor(path: str) -> tuple[str, ...]:
    children, _, own = path.rpartition(CHILD)
    return (children, "*", own) if children else (own,)


def _extra_key(path: str) -> str:
    return path.removeprefix(wire.EXTRA_PREFIX) if path.startswith(wire.EXTRA_PREFIX) else ""


def _unknown(entity: Entity, path: str, known: Mapping[str, Any], verb: str) -> UnknownFieldError:
    reason = f"Framework360 has no {entity.value} field of that name to {verb}"
    return UnknownFieldError(path, reason, get_close_matches(path, list(known), n=3))
