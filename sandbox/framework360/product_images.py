"""The images of a product while it is written: known ones by id, new ones by URL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.framework360.errors import RefusedError
from sandbox.framework360.fetching import FetchError, Picture
from sandbox.framework360.goods import Product, ProductImage
from sandbox.framework360.library import Library


@dataclass(frozen=True, slots=True)
class _Planned:
    id: int | None
    url: str
    alt: str
    picture: Picture | None


class PlannedImages:
    """The images a product will have.

    Args:
        product: its stored state.
        rows: `immagini` as given, None when they stay as they are.
        pictures: the fetched images by URL.

    Raises:
        RefusedError: a row without id and URL, or a URL that gives no image.
    """

    def __init__(
        self,
        product: Product,
        rows: Sequence[Mapping[str, Any]] | None,
        pictures: Mapping[str, Picture | FetchError],
    ) -> None:
        if rows is None:
            self._planned = [_Planned(entry.id, "", entry.alt, None) for entry in product.immagini]
            return
        alts = {entry.id: entry.alt for entry in product.immagini}
        ordered = sorted(enumerate(rows), key=lambda pair: pair[1].get("posizione", pair[0] + 1))
        self._planned = [_planned(row, position, alts, pictures) for position, row in ordered]

    def check(self, library: Library) -> None:
        """Refuse ids the media library does not have."""
        for entry in self._planned:
            if entry.id is not None and entry.id not in library.files:
                raise RefusedError("invalid_field", f"immagini: l'immagine {entry.id} non esiste")

    def at_id(self, image_id: int) -> int | None:
        """Return the position of the image with this id."""
        return next((position for position, entry in enumerate(self._planned) if entry.id == image_id), None)

    def at_url(self, url: str, library: Library, base_url: str) -> int | None:
        """Return the position of the image that was given by this URL, or that the site serves there."""
        for position, entry in enumerate(self._planned):
            if entry.url == url or (entry.id is not None and library.address(entry.id, base_url) == url):
                return position
        return None

    def stored(self, library: Library) -> list[int]:
        """Put the new images into the library and return the id of each position."""
        return [
            library.store(entry.picture.content, entry.picture.mime, entry.picture.name, "prodotti")
            if entry.picture
            else entry.id or 0
            for entry in self._planned
        ]

    def shown(self, ids: Sequence[int]) -> tuple[ProductImage, ...]:
        """Return the images of the product, each once."""
        alts: dict[int, str] = {}
        for image_id, entry in zip(ids, self._planned, strict=True):
            alts.setdefault(image_id, entry.alt)
        return tuple(ProductImage(image_id, alt) for image_id, alt in alts.items())


def wanted_urls(parameters: Mapping[str, Any]) -> list[str]:
    """Return the URLs a write asks the site to fetch: those of images without an id."""
    return [row["url"] for row in parameters.get("immagini", ()) if "id" not in row and "url" in row]


def _planned(
    row: Mapping[str, Any], position: int, alts: Mapping[int, str], pictures: Mapping[str, Picture | FetchError]
) -> _Planned:
    if "id" in row:
        image_id = int(row["id"])
        alt = (row["alt"] or "") if "alt" in row else alts.get(image_id, "")
        return _Planned(image_id, row.get("url", ""), alt, None)
    if "url" not in row:
        raise RefusedError("invalid_field", f"immagini.{position}: serve id o url")
    picture = pictures[row["url"]]
    if isinstance(picture, FetchError):
        raise RefusedError("invalid_field", f"immagini.{position}: {picture}")
    return _Planned(None, row["url"], row.get("alt") or "", picture)
