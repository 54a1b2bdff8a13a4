"""Source paths that GraphQL does not have: what must be read for them. The gateway computes them from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from shopify_fw360.records import Entity, FieldType
from shopify_fw360.shopify.order_fields import SALE, SALE_NEEDS, SALE_PATHS

LOCATION: Final = "location"
"""Variable that holds the global id of the location whose stock is synchronised."""

STOCK: Final = "stock"
"""Key of an inventory item's level at that location."""

PICTURE: Final = "picture"
"""Key of a variant's first medium."""


@dataclass(frozen=True, slots=True)
class FirstNodes:
    """The first nodes of a connection.

    Args:
        field: name of the connection.
        type: name of the type of its nodes.
        first: how many.
        nodes: selection of each.
    """

    field: str
    type: str
    first: int
    nodes: str

    @property
    def text(self) -> str:
        """Return the field with arguments and selection."""
        return f"{self.field}(first: {self.first}) {{ nodes {{ {self.nodes} }} }}"


@dataclass(frozen=True, slots=True)
class Extra:
    """A field that a path cannot reach, because it needs arguments.

    Args:
        at: path of the object it belongs to.
        key: its alias, the key in the record; its value is kept as Shopify sent it.
        text: field with arguments and selection.
        cost: points it adds.
        scopes: of which one is needed.
        variables: names and GraphQL types of the variables it uses.
        connection: set if it is one, and then holds no other.
    """

    at: str
    key: str
    text: str
    cost: float
    scopes: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    connection: FirstNodes | None = None


@dataclass(frozen=True, slots=True)
class VirtualField:
    """A path that is computed.

    Args:
        needs: paths that must be read for it.
        extras: further fields that must be read for it.
        type: of its value; those of items of lists are JSON.
    """

    needs: tuple[str, ...] = ()
    extras: tuple[Extra, ...] = ()
    type: FieldType = FieldType.JSON


_LEVEL: Final = Extra(
    at="variants[].inventoryItem",
    key=STOCK,
    text='inventoryLevel(locationId: $location, includeInactive: true) { isActive quantities(names: ["available"])'
    " { quantity } }",
    cost=2,
    scopes=("read_inventory",),
    variables={LOCATION: "ID!"},
)
_FIRST_MEDIUM: Final = FirstNodes("media", "Media", 1, "id")
_PICTURE: Final = Extra(at="variants[]", key=PICTURE, text=_FIRST_MEDIUM.text, cost=3, connection=_FIRST_MEDIUM)
_STATUS: Final = ("media[].MediaImage.id", "media[].MediaImage.status")

VIRTUAL: Final[Mapping[Entity, Mapping[str, VirtualField]]] = MappingProxyType(
    {
        Entity.PRODUCT: {
            "variants[].weightKg": VirtualField(
                (
                    "variants[].inventoryItem.measurement.weight.unit",
                    "variants[].inventoryItem.measurement.weight.value",
                ),
            ),
            "variants[].options": VirtualField(
                ("hasOnlyDefaultVariant", "variants[].selectedOptions[].name", "variants[].selectedOptions[].value"),
            ),
            "variants[].quantity": VirtualField(
                ("variants[].inventoryItem.id", "variants[].inventoryItem.tracked"),
                (_LEVEL,),
            ),
            "variants[].imageId": VirtualField(("variants[].id",), (_PICTURE,)),
            "images[].id": VirtualField(_STATUS),
            "images[].url": VirtualField((*_STATUS, "media[].MediaImage.image.url")),
            "images[].alt": VirtualField((*_STATUS, "media[].MediaImage.alt")),
            "images[].position": VirtualField(_STATUS),
            "images[].name": VirtualField((*_STATUS, "media[].MediaImage.image.url")),
        },
        Entity.ORDER: {path: VirtualField(SALE_NEEDS, type=kind) for path, kind in SALE_PATHS.items()},
    }
)
"""Computed paths by entity."""

OWN_LISTS: Final[Mapping[Entity, tuple[str, ...]]] = MappingProxyType(
    {Entity.PRODUCT: ("images[]",), Entity.ORDER: (f"{SALE}.lines[]", SALE)}
)
"""What is computed as a whole; GraphQL's own field of that name (of products: deprecated) cannot be reached."""


def virtual_fields(entity: Entity) -> Mapping[str, VirtualField]:
    """Return the computed paths of an entity."""
    return VIRTUAL.get(entity, {})


def virtual_names(entity: Entity, parent: str) -> list[str]:
    """Return the names of computed fields directly below a path, which ends in a dot or is empty."""
    below = (path.removeprefix(parent) for path in virtual_fields(entity) if path.startswith(parent))
    return sorted({name for name in below if "." not in name})
