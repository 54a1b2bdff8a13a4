"""The words by which people find a link: of its name, its ids, its natural keys; found by how they begin.

A table of words and not a search inside text: looking for a part of 200,000 texts takes both databases longer than a
page may take, an index of words none. PostgreSQL's and SQLite's own full-text indexes would be two things to keep.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, func, select

from shopify_fw360.records import Entity
from shopify_fw360.store.codec import clean_text
from shopify_fw360.store.scope import Scope
from shopify_fw360.store.tables import link_word

MOST_WORDS: Final = 30
LONGEST_WORD: Final = 64

_PARTS: Final = re.compile(r"\w+")
_row = link_word.c


def words_of(text: str) -> frozenset[str]:
    """Split a text into what can be searched for: its words by spaces, and the parts of each.

    Args:
        text: of any length.

    Returns:
        At most `MOST_WORDS` words in lower case, each of at most `LONGEST_WORD` characters; ``ada.neri@example.com`` is
        found whole and by ``neri``.
    """
    found: dict[str, None] = {}
    for word in text.casefold().split():
        # A natural key stands with the name of its field before it: email:ada@example.com.
        found.update({word[:LONGEST_WORD]: None, word.partition(":")[2][:LONGEST_WORD]: None})
        found.update(dict.fromkeys(part[:LONGEST_WORD] for part in _PARTS.findall(word)))
    return frozenset([word for word in found if word][:MOST_WORDS])


def save_words(scope: Scope, texts: Mapping[int, tuple[Entity, str]], *, known: Collection[int]) -> None:
    """Keep the words of links.

    Args:
        scope: the transaction.
        texts: entity and searched text by key of the link.
        known: those of them that may have words already.
    """
    if known:
        scope.connection.execute(
            delete(link_word).where(scope.mine(link_word), scope.among(_row.link_id, sorted(known)))
        )
    rows = [
        {"pair_id": scope.pair_id, "entity": entity.value, "word": word, "link_id": link_id}
        for link_id, (entity, text) in texts.items()
        for word in sorted(words_of(text))
    ]
    if rows:
        scope.insert_rows(link_word, rows, _as_they_are)


def _as_they_are(insert: Any) -> Any:
    return insert


def terms_of(search: str) -> list[str]:
    """Return what a person searches for as beginnings of words, all of which must be found."""
    return list(dict.fromkeys(word[:LONGEST_WORD] for word in clean_text(search).casefold().split()))[:6]


def begins(scope: Scope, entity: Entity, term: str) -> ColumnElement[bool]:
    """Condition: the word is one of the entity and begins with the term."""
    return scope.mine(link_word) & (_row.entity == entity.value) & begins_with(term)


def begins_with(term: str) -> ColumnElement[bool]:
    """Condition: the word, whosoever, begins with the term; a range, so that an index serves it."""
    return (_row.word >= term) & (_row.word < term + chr(0x10FFFF))


def rarest(scope: Scope, entity: Entity, terms: Sequence[str], most: int) -> tuple[str, int]:
    """Return the term that the fewest words begin with and their number, counted up to a limit."""
    counted = {
        term: scope.connection.scalar(
            select(func.count()).select_from(
                select(_row.link_id).where(begins(scope, entity, term)).limit(most).subquery()
            )
        )
        or 0
        for term in terms
    }
    best = min(counted, key=lambda term: counted[term])
    return best, counted[best]
