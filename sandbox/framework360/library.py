"""The media library: pictures of the seed, which are drawn when asked for, and files that came by URL or upload."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from urllib.parse import quote

from sandbox.common import pictures

FOLDER = "/media/"
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


@dataclass(frozen=True, slots=True)
class MediaFile:
    """One file, at `path` of the site: `source` draws it (see `pictures.png`) or, when `stored`, is the SHA-256 of its
    bytes.
    """

    id: int
    name: str
    path: str
    directory: str
    mime: str
    source: str
    stored: bool


class Library:
    """All files of one site; the same bytes are kept once."""

    def __init__(self) -> None:
        self.files: dict[int, MediaFile] = {}
        self._contents: dict[str, bytes] = {}
        self._next_id = 9001

    def draw(self, key: str, name: str) -> int:
        """Add a picture of the seed and return its id."""
        return self._add(name, "prodotti", pictures.MIME, key, stored=False)

    def store(self, content: bytes, mime: str, name: str, directory: str) -> int:
        """Add a file and return its id."""
        digest = hashlib.sha256(content).hexdigest()
        self._contents[digest] = content
        return self._add(name, directory, mime, digest, stored=True)

    def content(self, file: MediaFile) -> bytes:
        """Return the bytes of a file."""
        return self._contents[file.source] if file.stored else pictures.png(file.source)

    def address(self, file_id: int, base_url: str) -> str:
        """Return the URL under which the site serves a file."""
        return base_url + self.files[file_id].path

    def at(self, path: str) -> MediaFile | None:
        """Return the file a decoded path of `address` names."""
        number, _, name = path.removeprefix(FOLDER).partition("/")
        file = self.files.get(int(number)) if number.isdecimal() else None
        return file if file and file.name == name else None

    def _add(self, name: str, directory: str, mime: str, source: str, *, stored: bool) -> int:
        file = MediaFile(self._next_id, name, f"{FOLDER}{self._next_id}/{quote(name)}", directory, mime, source, stored)
        self._next_id += 1
        self.files[file.id] = file
        return file.id


def image_type(content: bytes) -> str | None:
    """Return the media type of an image by its first bytes, None when it is none the site takes."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((mime for signature, mime in _SIGNATURES if content.startswith(signature)), None)
