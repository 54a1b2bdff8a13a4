"""The mutations that carry out a plan for the variants of a product. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shopify_fw360.records import UNSET, ChildList, ChildWrite, NewChild, Raw
from shopify_fw360.shopify.mutations import ERRORS_WITH_CODE, Mutation
from shopify_fw360.shopify.product_fields import VARIANTS
from shopify_fw360.shopify.product_inputs import option_values, place, refused, variant_input
from shopify_fw360.shopify.product_variants import ENTRIES, OptionChange, VariantChange, VariantPlan
from shopify_fw360.shopify.records_reader import chunks

_Variables = dict[str, tuple[str, Any]]


def structure_batches(
    product: str, plan: VariantPlan, current: Raw, pictures: Mapping[str, str], record: str
) -> list[list[Mutation]]:
    """Return the mutations of each request, in the order in which they must be done.

    Args:
        product: global id.
        plan: what is to be done.
        current: the product as the changes were decided on, for the present images of variants.
        pictures: ids of the product's images by their id in the source.
        record: for errors.

    Raises:
        SyncError: SYNC-312 if a variant refers to an image that is not there.
    """
    batches = [
        [_option_update(product, change, part)]
        for change in plan.options
        for part in (list(chunks(change.values, ENTRIES)) or [()])
    ]
    if plan.added_options:
        batches.append([_options_create(product, plan)])
    batches += [[_delete(product, part)] for part in chunks(plan.removed, ENTRIES)]
    batches += update_batches(product, plan, current, pictures, record)
    if plan.dropped_options:
        batches.append([_options_delete(product, plan.dropped_options)])
    batches += [[_create(product, part, pictures, record)] for part in chunks(plan.added, ENTRIES)]
    batches += [[_delete(product, part)] for part in chunks(plan.removed_last, ENTRIES)]
    return batches


def update_batches(
    product: str, plan: VariantPlan, current: Raw, pictures: Mapping[str, str], record: str
) -> list[list[Mutation]]:
    """Return the mutations of each request that write variants that exist; see `structure_batches`."""
    entries: list[tuple[str, dict[str, Any]]] = []
    detached: list[dict[str, Any]] = []
    shown = {variant["id"]: variant.get("imageId") for variant in current["variants"]}
    for change in plan.updated:
        entry = _entry(change, change.child.changes, pictures, record)
        if entry:
            entries.append((place(VARIANTS, change.index), {"id": change.id, **entry}))
        picture = shown.get(str(change.id))
        if change.child.changes.get("image", UNSET) is None and picture:
            detached.append({"variantId": change.id, "mediaIds": [picture]})
    batches = [[_detach(product, part)] for part in chunks(detached, ENTRIES)]
    for part in chunks(entries, ENTRIES):
        variables: _Variables = {
            "id": ("ID!", product),
            "variants": ("[ProductVariantsBulkInput!]!", [entry for _, entry in part]),
        }
        call = "productVariantsBulkUpdate(productId: $id, variants: $variants)"
        payload = f"product %s {ERRORS_WITH_CODE}"
        rows = tuple(label for label, _ in part)
        batches.append([Mutation("variants", call, payload, variables, rows=rows, reads_back="product")])
    return batches


def order_mutations(product: str, variants: ChildList, ids: Mapping[int, str], current: Raw) -> list[list[Mutation]]:
    """Return the mutations of each request that bring variants into the order of their list, none if they are.

    Args:
        product: global id.
        variants: the complete list.
        ids: of its children in Shopify, by position.
        current: the product as it is.
    """
    if not any("position" in child.changes for child in variants.kept):
        return []
    order = [variant["id"] for variant in current["variants"]]
    wanted = [ids[index] for index in range(len(variants.kept)) if ids.get(index) in order]
    slots = [index for index, variant in enumerate(order) if variant in set(wanted)]
    if [order[slot] for slot in slots] == wanted:
        return []
    positions = [{"id": variant, "position": slot + 1} for slot, variant in zip(slots, wanted, strict=True)]
    batches = []
    for part in chunks(positions, ENTRIES):
        variables: _Variables = {
            "id": ("ID!", product),
            "positions": ("[ProductVariantPositionInput!]!", list(part)),
        }
        call = "productVariantsBulkReorder(productId: $id, positions: $positions)"
        payload = f"product %s {ERRORS_WITH_CODE}"
        field = (f"{VARIANTS}[].position",)
        batches.append([Mutation("order", call, payload, variables, field, reads_back="product")])
    return batches


def _entry(
    change: VariantChange, values: Mapping[str, Any], pictures: Mapping[str, str], record: str
) -> dict[str, Any]:
    entry = variant_input({name: value for name, value in values.items() if value is not UNSET})
    picture = _picture(change, values.get("image"), pictures, record)
    if picture:
        entry["mediaId"] = picture
    if change.pairs is not None:
        entry["optionValues"] = option_values(change.pairs)
    return entry


def _picture(change: VariantChange, image: Any, pictures: Mapping[str, str], record: str) -> str | None:
    if image is None or image is UNSET:
        return None
    if not isinstance(image, NewChild):
        return str(image)
    if image.source_id not in pictures:
        label = f"{place(VARIANTS, change.index)}.image"
        text = f"the image {image.source_id} is not among the images of the product"
        raise refused(record, label, "a variant shows an image of its product", text)
    return pictures[image.source_id]


def _create(product: str, changes: Sequence[VariantChange], pictures: Mapping[str, str], record: str) -> Mutation:
    entries = [_entry(change, _given(change.child), pictures, record) for change in changes]
    variables: _Variables = {"id": ("ID!", product), "variants": ("[ProductVariantsBulkInput!]!", entries)}
    call = "productVariantsBulkCreate(productId: $id, variants: $variants, strategy: PRESERVE_STANDALONE_VARIANT)"
    payload = f"productVariants {{ id }} {ERRORS_WITH_CODE}"
    rows = tuple(place(VARIANTS, change.index) for change in changes)
    return Mutation("added", call, payload, variables, rows=rows, repeatable=False)


def _given(child: ChildWrite) -> dict[str, Any]:
    return {name: value for name, value in child.values.items() if value is not None}


def _delete(product: str, variants: Sequence[str]) -> Mutation:
    variables: _Variables = {"id": ("ID!", product), "gone": ("[ID!]!", list(variants))}
    call = "productVariantsBulkDelete(productId: $id, variantsIds: $gone)"
    return Mutation("removed", call, f"product {{ id }} {ERRORS_WITH_CODE}", variables, (VARIANTS,), repeatable=False)


def _detach(product: str, variants: Sequence[Mapping[str, Any]]) -> Mutation:
    variables: _Variables = {
        "id": ("ID!", product),
        "detached": ("[ProductVariantDetachMediaInput!]!", list(variants)),
    }
    call = "productVariantDetachMedia(productId: $id, variantMedia: $detached)"
    field = (f"{VARIANTS}[].image",)
    return Mutation("detached", call, f"product {{ id }} {ERRORS_WITH_CODE}", variables, field)


def _option_update(product: str, change: OptionChange, values: Sequence[tuple[str, str]]) -> Mutation:
    option = {"id": change.id, **({"name": change.name} if change.name else {})}
    variables: _Variables = {
        "id": ("ID!", product),
        "option": ("OptionUpdateInput!", option),
        "values": ("[OptionValueUpdateInput!]", [{"id": gid, "name": name} for gid, name in values]),
    }
    call = (
        "productOptionUpdate(productId: $id, option: $option, optionValuesToUpdate: $values,"
        " variantStrategy: LEAVE_AS_IS)"
    )
    payload = f"product {{ id }} {ERRORS_WITH_CODE}"
    return Mutation("option", call, payload, variables, (f"{VARIANTS}[].options",))


def _options_create(product: str, plan: VariantPlan) -> Mutation:
    options = [{"name": name, "values": [{"name": value} for value in values]} for name, values in plan.added_options]
    variables: _Variables = {"id": ("ID!", product), "options": ("[OptionCreateInput!]!", options)}
    call = "productOptionsCreate(productId: $id, options: $options, variantStrategy: LEAVE_AS_IS)"
    payload = f"product {{ id }} {ERRORS_WITH_CODE}"
    return Mutation("options", call, payload, variables, (f"{VARIANTS}[].options",), repeatable=False)


def _options_delete(product: str, options: Sequence[str]) -> Mutation:
    variables: _Variables = {"id": ("ID!", product), "options": ("[ID!]!", list(options))}
    # Shopify refuses rather than deletes variants that would become the same.
    call = "productOptionsDelete(productId: $id, options: $options, strategy: NON_DESTRUCTIVE)"
    payload = f"deletedOptionsIds {ERRORS_WITH_CODE}"
    return Mutation("dropped", call, payload, variables, (f"{VARIANTS}[].options",), repeatable=False)
