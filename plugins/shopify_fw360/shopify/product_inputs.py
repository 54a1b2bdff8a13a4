"""Target values of products as inputs of mutations, and user errors back as target fields. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from shopify_fw360.errors import SHOPIFY_REJECTED, SyncError
from shopify_fw360.records import UNSET, ChildWrite, NewChild, TargetField
from shopify_fw360.shopify.answers import input_field
from shopify_fw360.shopify.fields import APP, EXTERNAL_ID, EXTERNAL_ID_PATH
from shopify_fw360.shopify.mutations import Mutation, listed_field, metafield_text
from shopify_fw360.shopify.paths import METAFIELDS, metafield_of
from shopify_fw360.shopify.product_fields import IMAGES, VARIANTS, Pairs, pairs_of

DEFAULT_PAIRS: Final[Pairs] = (("Title", "Default Title"),)
"""Shopify: option and value of the one variant of a product without options."""

CREATED_BY_US: Final = "fw360_created"
"""Key of the metafield that marks a product this app has made, in the same write that makes it."""

_TEXTS: Final = ("title", "descriptionHtml", "vendor", "productType", "status", "handle")
_AS_GIVEN: Final = ("barcode", "taxable", "inventoryPolicy")
_AMOUNTS: Final = ("price", "compareAtPrice")
_VARIANT_ERRORS: Final = {
    "inventoryItem.sku": "sku",
    "inventoryItem.cost": "cost",
    "inventoryItem.tracked": "tracked",
    "inventoryItem.measurement": "weightKg",
    "optionValues": "options",
    "mediaId": "image",
    "mediaIds": "image",
    "file": "image",
    "changeFromQuantity": "quantity",
    "inventoryItemId": "quantity",
    "locationId": "quantity",
    "available": "quantity",
}
_LISTS: Final = {"variants": VARIANTS, "files": IMAGES}


def place(name: str, index: int) -> str:
    """Return the name of a child by its list and its position, which people count from 1."""
    return f"{name}[{index + 1}]"


def refused(record: str, field: str, rule: str, text: str) -> SyncError:
    """Return the error for what Shopify would refuse, found before anything is sent."""
    return SyncError(SHOPIFY_REJECTED, text, record=record, field=field, rule=rule)


def product_input(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plain fields of a product as part of ProductUpdateInput or ProductSetInput.

    Args:
        fields: target fields; tags, metafields and children are not taken. None empties a field.
    """
    given: dict[str, Any] = {name: fields[name] or "" for name in _TEXTS if name in fields}
    if "category" in fields:
        given["category"] = fields["category"] or None
    seo = {name: fields[f"seo.{name}"] or "" for name in ("title", "description") if f"seo.{name}" in fields}
    return {**given, **({"seo": seo} if seo else {})}


def new_product_input(
    fields: Mapping[str, Any], targets: Mapping[str, TargetField], other_id: str, record: str
) -> dict[str, Any]:
    """Return the input of productSet for a new product, without what inventory and publishing add.

    Args:
        fields: target fields, child lists with new children only.
        targets: the target fields by name, for the types of metafields.
        other_id: Framework360's id, kept as external id.
        record: for errors.

    Raises:
        SyncError: SYNC-312 for an image without address or options that do not fit together.
    """
    given = {name: value for name, value in product_input(_stated(fields)).items() if value not in (None, "")}
    if fields.get("tags"):
        given["tags"] = list(fields["tags"])
    given[METAFIELDS] = [
        {"namespace": APP, "key": EXTERNAL_ID, "type": "id", "value": other_id},
        {"namespace": APP, "key": CREATED_BY_US, "type": "boolean", "value": "true"},
        *_metafields(fields, targets),
    ]
    images = fields[IMAGES].kept if IMAGES in fields else ()
    if images:
        given["files"] = [file_input(child, place(IMAGES, index), record) for index, child in enumerate(images)]
    if VARIANTS in fields:
        kept = fields[VARIANTS].kept
        chosen = [pairs_of(child.values.get("options")) or DEFAULT_PAIRS for child in kept]
        given["productOptions"] = options_input(chosen, record)
        sources = {child.source_id: child.values.get("url") for child in images}
        given["variants"] = [
            new_variant_input(child, pairs, sources) for child, pairs in zip(kept, chosen, strict=True)
        ]
    return given


def file_input(child: ChildWrite, label: str, record: str) -> dict[str, Any]:
    """Return a new image as FileSetInput.

    Raises:
        SyncError: SYNC-312 if it has no address.
    """
    return {"originalSource": address_of(child, label, record), "alt": child.values.get("alt") or "", **_IMAGE}


_IMAGE: Final = {"contentType": "IMAGE"}


def address_of(child: ChildWrite, label: str, record: str) -> str:
    """Return the address a new image is taken from; raises SYNC-312 if it has none."""
    address = child.values.get("url")
    if not address or address is UNSET:
        raise refused(
            record, f"{label}.url", "a new image needs an address", "the image has no address to take it from"
        )
    return str(address)


def options_input(chosen: Sequence[Pairs], record: str) -> list[dict[str, Any]]:
    """Return the options and values the variants of a new product use, in order of appearance.

    Args:
        chosen: of each variant its options.
        record: for errors.

    Raises:
        SyncError: SYNC-312 if a variant lacks an option that another one has.
    """
    options: dict[str, dict[str, None]] = {}
    for pairs in chosen:
        for name, value in pairs:
            options.setdefault(name, {})[value] = None
    for index, pairs in enumerate(chosen):
        check_complete(pairs, list(options), place(VARIANTS, index), record)
    return [{"name": name, "values": [{"name": value} for value in values]} for name, values in options.items()]


def check_complete(pairs: Pairs, names: Sequence[str], label: str, record: str) -> None:
    """Make sure that a variant has a value for each option of its product; raises SYNC-312."""
    held = {name for name, _ in pairs}
    missing = [name for name in names if name not in held]
    if missing:
        text = f"the variant has no value for the option {', '.join(missing)}, which other variants have"
        raise refused(record, f"{label}.options", "every variant needs a value for every option", text)


def option_values(pairs: Pairs) -> list[dict[str, str]]:
    """Return options as VariantOptionValueInput entries."""
    return [{"optionName": name, "name": value} for name, value in pairs]


def new_variant_input(child: ChildWrite, pairs: Pairs, sources: Mapping[str | None, Any]) -> dict[str, Any]:
    """Return a variant as ProductVariantSetInput.

    Args:
        child: the new variant.
        pairs: its options.
        sources: addresses of the product's images by their source id.
    """
    given = variant_input({name: value for name, value in _stated(child.values).items() if value is not None})
    item = given.get("inventoryItem", {})
    if "sku" in item:
        given["sku"] = item.pop("sku")
    image = child.values.get("image")
    if isinstance(image, NewChild) and sources.get(image.source_id):
        given["file"] = {"originalSource": sources[image.source_id], **_IMAGE}
    return {"optionValues": option_values(pairs), **given}


def variant_input(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plain fields of a variant as part of ProductVariantsBulkInput.

    Args:
        fields: bare target fields; options, image, quantity and position are not taken. None empties a field.
    """
    given: dict[str, Any] = {name: fields[name] for name in _AS_GIVEN if name in fields}
    given |= {name: amount_text(fields[name]) for name in _AMOUNTS if name in fields}
    item: dict[str, Any] = {}
    if "sku" in fields:
        item["sku"] = fields["sku"] or ""
    if "cost" in fields:
        item["cost"] = amount_text(fields["cost"])
    if "tracked" in fields:
        item["tracked"] = bool(fields["tracked"])
    if "weightKg" in fields:
        # Shopify: a weight can be set to 0 but not taken away.
        item["measurement"] = {"weight": {"unit": "KILOGRAMS", "value": float(fields["weightKg"] or 0)}}
    return {**given, **({"inventoryItem": item} if item else {})}


def amount_text(value: Any) -> str | None:
    """Return an amount as the text of Shopify's scalars Money and Decimal, None for none."""
    return None if value is None or value == "" else format(value, "f") if not isinstance(value, str) else value


def field_name(mutations: Sequence[Mutation], key: str, error: Mapping[str, Any]) -> str:
    """Return the target field that a user error is about; see `mutations.FieldNamer`."""
    mutation = next((mutation for mutation in mutations if mutation.key == key), None)
    if mutation is not None and mutation.fields:
        return listed_field(mutation, error)
    path = [str(part) for part in error.get("field") or () if part != "input"]
    if mutation is not None and mutation.rows:
        index = next((position for position, part in enumerate(path) if part.isdigit()), -1)
        if index >= 0 and int(path[index]) < len(mutation.rows):
            return _below(mutation.rows[int(path[index])], path[index + 1 :])
        if len(mutation.rows) == 1:
            return _below(mutation.rows[0], path[index + 1 :])
        return mutation.rows[0].partition("[")[0]
    if path and path[0] == "productOptions":
        return f"{VARIANTS}[].options"
    if len(path) > 1 and path[0] in _LISTS and path[1].isdigit():
        return _below(place(_LISTS[path[0]], int(path[1])), path[2:])
    return input_field(error)


def _below(row: str, path: Sequence[str]) -> str:
    name = ".".join(part for part in path if not part.isdigit())
    if row.startswith(f"{IMAGES}["):
        return f"{row}.{'alt' if name == 'alt' else 'url'}"
    known = next((field for prefix, field in _VARIANT_ERRORS.items() if name.startswith(prefix)), name)
    return f"{row}.{known}" if known else row


def _stated(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not UNSET}


def _metafields(fields: Mapping[str, Any], targets: Mapping[str, TargetField]) -> list[dict[str, Any]]:
    entries = []
    for name, value in fields.items():
        if not name.startswith(f"{METAFIELDS}.") or name == EXTERNAL_ID_PATH or value in (None, UNSET, "", ()):
            continue
        namespace, key = metafield_of(name)
        kind = targets[name].metafield_type
        text = metafield_text(value, kind)
        entries.append({"namespace": namespace, "key": key, "type": kind, "value": text})
    return entries
