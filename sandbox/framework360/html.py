"""HTML as an editor stores it: the same text, other bytes."""

from __future__ import annotations

from html import escape
from html.parser import HTMLParser

_RENAMED = {"b": "strong", "i": "em", "strike": "s"}
_VOID = frozenset({"br", "hr", "img", "input", "wbr"})
_REMOVED = frozenset({"script", "style", "iframe"})


def tidied(text: str) -> str:
    """Return HTML as a back office editor rewrites it.

    Tag names in lower case, `b` as `strong`, `i` as `em`, void tags closed, entities as characters, no comments,
    scripts, frames and event handlers; text without any tag becomes a paragraph.
    """
    writer = _Writer()
    writer.feed(text)
    writer.close()
    result = "".join(writer.parts).strip()
    return f"<p>{result}</p>" if result and "<" not in result else result


class _Writer(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._skipped: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _REMOVED:
            self._skipped.append(tag)
        if self._skipped:
            return
        kept = [(name, value or "") for name, value in attrs if not name.startswith("on")]
        written = "".join(f' {name}="{escape(value)}"' for name, value in kept)
        end = " />" if tag in _VOID else ">"
        self.parts.append(f"<{_RENAMED.get(tag, tag)}{written}{end}")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _REMOVED:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self._skipped:
            if tag == self._skipped[-1]:
                self._skipped.pop()
        elif tag not in _VOID:
            self.parts.append(f"</{_RENAMED.get(tag, tag)}>")

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self.parts.append(escape(data, quote=False))
