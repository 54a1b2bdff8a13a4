"""What Shopify accepts as files of products, and putting them into a draft."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.shopify.catalogue_writing import Draft
from sandbox.shopify.errors import UserError, user_error
from sandbox.shopify.ids import number_of
from sandbox.shopify.media import known_address, new_medium
from sandbox.shopify.shop import Shop
from sandbox.shopify.table import Record

MAX_ALT = 512


def named_medium(shop: Shop, filename: str | None) -> Record | None:
    """Return the newest file of a name."""
    if not filename:
        return None
    found = [record for record in shop.media.all() if record["filename"] == filename]
    return max(found, key=lambda record: int(record["num"]), default=None)


def add_medium(
    shop: Shop, draft: Draft, given: Mapping[str, Any], at: Sequence[str]
) -> tuple[int | None, list[UserError]]:
    """Take one FileSetInput, FileCreateInput or CreateMediaInput into the draft's files.

    Returns:
        (number of the medium, user errors).
    """
    if len(given.get("alt") or "") > MAX_ALT:
        return None, [user_error([*at, "alt"], "Alt text is too long (maximum is 512 characters)", "INVALID_INPUT")]
    if given.get("id"):
        number = number_of(given["id"], "MediaImage")
        medium = None if number is None else draft.media.get(number) or shop.media.get(number)
        if medium is None:
            return None, [user_error([*at, "id"], "File does not exist", "FILE_DOES_NOT_EXIST")]
        if "alt" in given and (given["alt"] or "") != medium.get("alt", ""):
            medium |= {"alt": given["alt"] or "", "updatedAt": shop.clock.now()}
            draft.media[medium["num"]] = medium
        return int(medium["num"]), []
    source = given.get("originalSource") or ""
    if not known_address(source):
        return None, [user_error([*at, "originalSource"], "Image URL is invalid", "INVALID_IMAGE_SOURCE_URL")]
    mode = given.get("duplicateResolutionMode", "APPEND_UUID")
    if mode == "REPLACE" and not given.get("filename"):
        message = "Missing filename argument when attempting to use REPLACE duplicate mode."
        return None, [user_error([*at, "filename"], message, "MISSING_FILENAME_FOR_DUPLICATE_MODE_REPLACE")]
    same = None if mode == "APPEND_UUID" else named_medium(shop, given.get("filename"))
    if same is not None and mode == "RAISE_ERROR":
        return None, [user_error([*at, "filename"], "A file with this name already exists", "FILENAME_ALREADY_EXISTS")]
    if same is not None:
        now = shop.clock.now()
        same |= {"source": source, "status": "UPLOADED", "version": now // 1_000_000, "updatedAt": now}
        if "alt" in given:
            same["alt"] = given["alt"] or ""
        medium = same
    else:
        medium = new_medium(shop, source, given.get("alt"), _unused_name(shop, given.get("filename")))
    draft.media[medium["num"]] = medium
    draft.fetches.append(int(medium["num"]))
    return int(medium["num"]), []


def _unused_name(shop: Shop, filename: str | None) -> str | None:
    """Return the name, made unique as APPEND_UUID does when another file has it."""
    if named_medium(shop, filename) is None or filename is None:
        return filename
    stem, dot, ending = filename.rpartition(".")
    unique = uuid.uuid5(uuid.NAMESPACE_OID, str(shop.number()))
    return f"{stem or ending}_{unique}{dot}{ending if stem else ''}"
