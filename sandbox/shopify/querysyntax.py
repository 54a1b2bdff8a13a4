"""Shopify's search syntax: text to a tree of terms.

Understood: terms, `field:value`, comparators (`:>`, `:>=`, `:<`, `:<=`), single and double quotes, `*` prefixes, AND,
OR, NOT, a leading `-`, parentheses, backslash escapes. Two terms side by side mean AND.

A value without quotes ends at the next colon, so an unquoted timestamp `updated_at:>=2026-11-20T08:00:00Z` falls apart
into the date of that day and a stray term "00Z", as recorded on live shops (Shopify: unquoted timestamps were parsed as
midnight-like local time plus a stray term).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, cast

Comparator = Literal["=", ">", ">=", "<", "<="]


@dataclass(frozen=True, slots=True)
class Term:
    """One condition; `field` is empty for a plain word."""

    field: str
    comparator: Comparator
    value: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Not:
    """The part must not hold."""

    part: Tree


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; no part at all: always true."""

    parts: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one part holds."""

    parts: tuple[Tree, ...]


Tree = Term | Not | All | Some

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<bracket>[()])
      | (?P<field>-?[A-Za-z_][\w.\-$]*):(?P<comparator>>=|<=|>|<|=)?\s*
        (?:'(?P<single>(?:[^'\\]|\\.)*)'|"(?P<double>(?:[^"\\]|\\.)*)"|(?P<bare>(?:[^\s:()'"\\]|\\.)+(?P<rest>(?::[^\s()]*)?)))
      | (?P<minus>-)?(?:'(?P<single_word>(?:[^'\\]|\\.)*)'|"(?P<double_word>(?:[^"\\]|\\.)*)")
      | (?P<word>[^\s()]+)
    )""",
    re.VERBOSE,
)
_UNESCAPE = re.compile(r"\\(.)")


def parse(text: str) -> Tree:
    """Return the tree of a search text; never fails: what makes no sense is a plain word."""
    return _Parser(text).any_of()


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = [match for match in _TOKEN.finditer(text) if match[0].strip()]
        self._at = 0

    def _peek(self) -> re.Match[str] | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _is(self, word: str) -> bool:
        token = self._peek()
        return token is not None and (token["word"] or token["bracket"] or "") == word

    def any_of(self) -> Tree:
        parts = [self._every_of()]
        while self._is("OR"):
            self._at += 1
            parts.append(self._every_of())
        return parts[0] if len(parts) == 1 else Some(tuple(parts))

    def _every_of(self) -> Tree:
        parts: list[Tree] = []
        while (token := self._peek()) is not None and not self._is("OR") and not self._is(")"):
            self._at += 1
            if (token["word"] or "") != "AND":
                parts.extend(self._one(token))
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _one(self, token: re.Match[str]) -> list[Tree]:
        if token["word"] == "NOT" or (token["word"] == "-" and self._is("(")):
            following = self._peek()
            if following is None:
                return []
            self._at += 1
            return [Not(All(tuple(self._one(following))))]
        if token["bracket"] == "(":
            inside = self.any_of()
            if self._is(")"):
                self._at += 1
            return [inside]
        return self._terms(token)

    def _terms(self, token: re.Match[str]) -> list[Tree]:
        if token["field"]:
            return self._field_terms(token)
        quoted = token["single_word"] if token["single_word"] is not None else token["double_word"]
        if quoted is not None:
            term = Term("", "=", _UNESCAPE.sub(r"\1", quoted), quoted=True)
            return [Not(term)] if token["minus"] else [term]
        word = token["word"] or ""
        if len(word) > 1 and word.startswith("-"):
            return [Not(Term("", "=", word[1:], quoted=False))]
        return [Term("", "=", word, quoted=False)]

    @staticmethod
    def _field_terms(token: re.Match[str]) -> list[Tree]:
        field: str = token["field"]
        negated = field.startswith("-")
        field = field.removeprefix("-").lower()
        comparator = cast(Comparator, token["comparator"] or "=")
        quoted = token["single"] if token["single"] is not None else token["double"]
        if quoted is not None:
            term: Tree = Term(field, comparator, _UNESCAPE.sub(r"\1", quoted), quoted=True)
            return [Not(term) if negated else term]
        rest: str = token["rest"] or ""
        value = _UNESCAPE.sub(r"\1", token["bare"].removesuffix(rest) if rest else token["bare"])
        term = Term(field, comparator, value, quoted=False)
        parts: list[Tree] = [Not(term) if negated else term]
        stray = rest.rsplit(":", 1)[-1]
        if stray:
            parts.append(Term("", "=", stray, quoted=False))
        return parts
