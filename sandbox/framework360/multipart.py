"""Bodies of the type multipart/form-data (RFC 7578)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks


@dataclass(frozen=True, slots=True)
class Upload:
    """One file as it was sent."""

    filename: str
    content: bytes


class _Parts:
    """Collects the parts of a body; every method is a callback of the parser."""

    def __init__(self) -> None:
        self.found: dict[str, str | Upload] = {}
        self._header, self._value = b"", b""
        self._headers: dict[bytes, bytes] = {}
        self._content = b""

    def on_part_begin(self) -> None:
        self._headers, self._content = {}, b""

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def on_header_end(self) -> None:
        self._headers[self._header.lower()] = self._value
        self._header = self._value = b""

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._content += data[start:end]

    def on_part_end(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = options.get(b"name", b"").decode()
        if b"filename" in options:
            self.found[name] = Upload(options[b"filename"].decode(), self._content)
        else:
            self.found[name] = self._content.decode()


def parse(content_type: str, body: bytes) -> dict[str, str | Upload]:
    """Return the fields and files of a body by their names.

    Raises:
        ValueError: not a body of this type, or text that is not UTF-8.
    """
    _, options = parse_options_header(content_type)
    if b"boundary" not in options:
        raise ValueError("multipart/form-data has no boundary")
    parts = _Parts()
    callbacks: MultipartCallbacks = {
        "on_part_begin": parts.on_part_begin,
        "on_part_data": parts.on_part_data,
        "on_part_end": parts.on_part_end,
        "on_header_field": parts.on_header_field,
        "on_header_value": parts.on_header_value,
        "on_header_end": parts.on_header_end,
    }
    try:
        parser = MultipartParser(options[b"boundary"], callbacks)
        parser.write(body)
        parser.finalize()
    except FormParserError as problem:
        raise ValueError(f"not a multipart body: {problem}") from problem
    return parts.found
