"""Operations of the group "media", and the files themselves."""

from __future__ import annotations

import re
from typing import Any

from sandbox.common.backend import ApiResponse
from sandbox.framework360.calls import Call, Context, page_of
from sandbox.framework360.errors import RefusedError
from sandbox.framework360.fetching import MOST_BYTES, FetchError, fetch_all
from sandbox.framework360.library import Library, MediaFile, image_type
from sandbox.framework360.multipart import Upload

_ODD = re.compile(r"[^\w.\- ]")


def served(library: Library, path: str) -> ApiResponse | None:
    """Return the file at a path of the site, None when there is none."""
    file = library.at(path)
    return None if file is None else ApiResponse(library.content(file), content_type=file.mime)


def _list(context: Context, parameters: dict[str, Any]) -> ApiResponse:
    library = context.store.library
    query = parameters.get("query", "").strip().casefold()
    directory = parameters.get("directory", "").strip()
    ids = [
        file.id
        for file in library.files.values()
        if query in file.name.casefold() and (not directory or file.directory == directory)
    ]
    page = page_of(ids, parameters, context.options, descending=context.options.sort == "newest_first")
    return context.answers.success([_record(context, library.files[found]) for found in page])


async def _add(context: Context, parameters: dict[str, Any]) -> ApiResponse:
    if "url" in parameters:
        fetched = await fetch_all([parameters["url"]], context.options.image_seconds)
        picture = fetched[parameters["url"]]
        if isinstance(picture, FetchError):
            raise RefusedError("invalid_field", f"url: {picture}")
        content, mime, name = picture.content, picture.mime, picture.name
    else:
        upload: Upload = parameters["file"]
        content, found, name = upload.content, image_type(upload.content), upload.filename
        if found is None or len(content) > MOST_BYTES:
            raise RefusedError("invalid_field", f"file: serve un'immagine fino a {MOST_BYTES} byte")
        mime = found
    wanted = _ODD.sub("-", parameters.get("name") or name).strip() or "immagine"
    file_id = context.store.library.store(content, mime, wanted, parameters.get("directory", ""))
    return context.answers.success(_record(context, context.store.library.files[file_id]))


def _record(context: Context, file: MediaFile) -> dict[str, Any]:
    library = context.store.library
    return {
        "id": context.answers.record_id(file.id),
        "name": file.name,
        "url": library.address(file.id, context.base_url),
        "directory": context.answers.text(file.directory),
        "size": len(library.content(file)),
        "mime": file.mime,
    }


CALLS = {
    "mediaList": Call("read_media", _list),
    "mediaAdd": Call("createmedia", _add, write=True),
}
