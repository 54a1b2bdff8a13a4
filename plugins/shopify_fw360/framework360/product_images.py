"""Images of a product written as parameters: known ones by id, new ones by the URL that the site fetches."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from shopify_fw360.errors import REQUIRED_MISSING, VALUE_INVALID, SyncError
from shopify_fw360.framework360 import params, wire
from shopify_fw360.framework360.product_children import Child, Children
from shopify_fw360.framework360.product_codec import images_of
from shopify_fw360.records import NewChild, Raw

_PLACE: Final = re.compile(rf"{wire.IMAGES}\W{{1,3}}(\d+)")


def image_rows(images: Children) -> list[dict[str, Any]]:
    """Write the complete list of images.

    Args:
        images: in order.

    Returns:
        `immagini` of the product.

    Raises:
        SyncError: SYNC-201 for a new image without URL, SYNC-202 for one whose URL the site cannot fetch.
    """
    return [_row(images, number, child) for number, child in enumerate(images.all)]


def _row(images: Children, number: int, child: Child) -> dict[str, Any]:
    row: dict[str, Any] = {wire.POSITION: number + 1}
    known = {**(child.before or {}), **child.wanted}
    if wire.IMAGE_ALT in known:
        alt = params.text(images.place(number, wire.IMAGE_ALT), known[wire.IMAGE_ALT])
        row |= {wire.IMAGE_ALT: alt} if alt or child.id else {}
    if child.id is not None:
        return row | {wire.ID: child.id}
    field = images.place(number, wire.IMAGE_URL)
    url = child.values.get(wire.IMAGE_URL)
    if not url:
        raise SyncError(REQUIRED_MISSING, "a new image needs a URL", field=field, rule="immagini")
    if not str(url).lower().startswith(("https://", "http://")):
        raise SyncError(VALUE_INVALID, f"the site cannot fetch an image from {url}", field=field, rule="http address")
    return row | {wire.IMAGE_URL: url}


def image_reference(images: Children | None, raw: Raw) -> Callable[[Any], Mapping[str, Any]]:
    """Make the function that names the image of a variant.

    Args:
        images: the images as they shall be, None if they stay.
        raw: the decoded product as it is.

    Returns:
        Takes the value of the field, id or `NewChild`; an image that the product will not have is none.
    """
    children = () if images is None else images.all
    ids = {child.id for child in children} if images else {image[wire.ID] for image in images_of(raw)}
    new = {child.source_id: child for child in children}

    def refer(value: Any) -> Mapping[str, Any]:
        child = new.get(value.source_id) if isinstance(value, NewChild) else None
        if child is not None and child.id is None:
            return {wire.VARIANT_IMAGE_URL: child.values.get(wire.IMAGE_URL)}
        image_id = value if child is None else child.id
        return {wire.VARIANT_IMAGE_ID: image_id if image_id in ids else None}

    return refer


def naming_image(error: SyncError, images: Children) -> None:
    """Name the image in a refusal that is about one: the site tells its place, or else all new ones are named.

    Args:
        error: a refusal of the site, changed in place.
        images: that were sent.
    """
    if wire.IMAGES not in error.message and error.field != wire.IMAGES:
        return
    new = [number for number, child in enumerate(images.all) if child.id is None]
    told = _PLACE.search(error.message)
    if told and int(told[1]) in new:
        new = [int(told[1])]
    if not new:
        return
    error.field = images.place(new[0], wire.IMAGE_URL)
    urls = ", ".join(f"{images.place(number)} {images.all[number].values.get(wire.IMAGE_URL)}" for number in new)
    error.message = f"{error.message} ({urls})"
