"""Options and variants of a product while it is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.framework360.errors import RefusedError
from sandbox.framework360.goods import Attribute, Product, Variant
from sandbox.framework360.item_values import item_values
from sandbox.framework360.product_images import PlannedImages
from sandbox.framework360.store import Store


@dataclass(frozen=True, slots=True)
class PlannedVariant:
    """A variant that will be stored.

    Args:
        values: everything of `Variant` but id and image.
        id: None for a new one.
        image: position in the planned images, or None.
        kept_image: id of the image the variant has, when the write does not say.
    """

    values: Mapping[str, Any]
    id: int | None
    image: int | None
    kept_image: int | None

    @property
    def sku(self) -> str:
        """The SKU it will have."""
        sku: str = self.values["sku"]
        return sku

    def numbered(self, store: Store, image_ids: Sequence[int], kept: set[int]) -> Variant:
        """Return the variant with its id; an image the product no longer has is dropped."""
        variant_id = store.next_id("variant") if self.id is None else self.id
        image = self.kept_image if self.image is None else image_ids[self.image]
        return Variant(id=variant_id, immagine_id=image if image in kept else None, **self.values)


def checked_attributes(rows: Sequence[Mapping[str, Any]]) -> tuple[Attribute, ...]:
    """Return options in the order of `posizione`, else as given.

    Raises:
        RefusedError: an option or a value that is empty or stands twice.
    """
    ordered = sorted(enumerate(rows, start=1), key=lambda pair: pair[1].get("posizione", pair[0]))
    names = [row["nome"].strip() for _, row in ordered]
    if len(set(names)) < len(names) or not all(names):
        raise RefusedError("invalid_field", "attributi: nome vuoto o ripetuto")
    for _, row in ordered:
        if len(set(row["valori"])) < len(row["valori"]) or not all(row["valori"]):
            raise RefusedError("invalid_field", f"attributi: {row['nome']} ha un valore vuoto o ripetuto")
    return tuple(Attribute(name, tuple(row["valori"])) for name, (_, row) in zip(names, ordered, strict=True))


def merged_variants(
    product: Product,
    attributes: Sequence[Attribute],
    rows: Sequence[Mapping[str, Any]] | None,
    images: PlannedImages,
    base_url: str,
    store: Store,
) -> list[PlannedVariant]:
    """Merge the given variants into the stored ones: matched by id, else by their option values.

    Args:
        product: its stored state.
        attributes: the options it will have.
        rows: `varianti` as given, None when they stay as they are.
        images: the images it will have.
        base_url: under which the site serves its images.
        store: the records.

    Returns:
        The variants in the order of `posizione`, else as given.

    Raises:
        RefusedError: an id of another product, or variants that do not fit the options or images.
    """
    images.check(store.library)
    if rows is None:
        planned = [_kept(entry) for entry in product.varianti]
    else:
        ordered = sorted(enumerate(rows, start=1), key=lambda pair: pair[1].get("posizione", pair[0]))
        given = [row for _, row in ordered]
        matches = _matches(product, given)
        planned = []
        for row, before in zip(given, matches, strict=True):
            where = "variante " + " / ".join(row["attributi"].values())
            values = item_values(row, before, where)
            values["attributi"] = dict(row["attributi"])
            values["attivo"] = bool(row["attivo"]) if "attivo" in row else before is None or before.attivo
            image = _image(row, images, base_url, store, where)
            says = "immagine_id" in row or "immagine_url" in row
            kept = before.immagine_id if before and not says else None
            planned.append(PlannedVariant(values, before.id if before else None, image, kept))
    _check_options(attributes, [entry.values["attributi"] for entry in planned])
    return planned


def _kept(variant: Variant) -> PlannedVariant:
    names = (name for name in Variant.__dataclass_fields__ if name not in ("id", "immagine_id"))
    return PlannedVariant({name: getattr(variant, name) for name in names}, variant.id, None, variant.immagine_id)


def _matches(product: Product, rows: Sequence[Mapping[str, Any]]) -> list[Variant | None]:
    """Return the stored variant of each row; ids first, so that a row without id never takes one another row names."""
    known = {entry.id: entry for entry in product.varianti}
    named = [int(row["id"]) for row in rows if "id" in row]
    foreign = next((found for found in named if found not in known), None)
    if foreign is not None:
        raise RefusedError("invalid_field", f"varianti: la variante {foreign} non e' di questo prodotto")
    if len(set(named)) < len(named):
        raise RefusedError("invalid_field", "varianti: una variante compare due volte")
    free = {frozenset(entry.attributi.items()): entry for found, entry in known.items() if found not in set(named)}
    return [known[int(row["id"])] if "id" in row else free.get(frozenset(row["attributi"].items())) for row in rows]


def _image(row: Mapping[str, Any], images: PlannedImages, base_url: str, store: Store, where: str) -> int | None:
    if row.get("immagine_url"):
        found = images.at_url(row["immagine_url"], store.library, base_url)
    elif row.get("immagine_id") is not None:
        found = images.at_id(int(row["immagine_id"]))
    else:
        return None
    if found is None:
        raise RefusedError("invalid_field", f"{where}: l'immagine non e' del prodotto")
    return found


def _check_options(attributes: Sequence[Attribute], used: Sequence[Mapping[str, str]]) -> None:
    if bool(attributes) != bool(used):
        raise RefusedError("invalid_field", "attributi e varianti vanno insieme")
    allowed = {entry.nome: frozenset(entry.valori) for entry in attributes}
    seen = set()
    for values in used:
        where = "variante " + " / ".join(values.values())
        if set(values) != set(allowed):
            raise RefusedError("invalid_field", f"{where}: attributi diversi da quelli del prodotto")
        strange = next((name for name, value in values.items() if value not in allowed[name]), None)
        if strange is not None:
            raise RefusedError("invalid_field", f"{where}: {strange} non ha il valore {values[strange]}")
        combination = frozenset(values.items())
        if combination in seen:
            raise RefusedError("invalid_field", f"{where} compare due volte")
        seen.add(combination)
