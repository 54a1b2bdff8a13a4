"""Who changed what in the console: connections, settings, plans. Values never hold secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select

from shopify_fw360.store.codec import clean_text, dump_json, load_json
from shopify_fw360.store.scope import Scope
from shopify_fw360.store.tables import audit


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An act of a person.

    Args:
        person: who.
        action: what, ``settings.save`` or ``shop.connect``.
        before: values that were changed, as they were (JSON).
        after: as they are now.
        at: aware UTC time; None is replaced by the time of writing.
    """

    person: str
    action: str
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    at: datetime | None = None


def write_audit(scope: Scope, entry: AuditEntry) -> None:
    """Append an entry."""
    scope.connection.execute(
        audit.insert(),
        {
            "pair_id": scope.pair_id,
            "at": entry.at or scope.clock(),
            "person": clean_text(entry.person),
            "action": entry.action,
            "before": dump_json(entry.before),
            "after": dump_json(entry.after),
        },
    )


def audit_entries(scope: Scope, *, prefix: str, limit: int) -> list[AuditEntry]:
    """List entries whose action begins with a text, newest first."""
    rows = scope.connection.execute(
        select(audit)
        .where(scope.mine(audit), audit.c.action.startswith(prefix, autoescape=True))
        .order_by(audit.c.id.desc())
        .limit(limit)
    )
    return [
        AuditEntry(row["person"], row["action"], load_json(row["before"]), load_json(row["after"]), row["at"])
        for row in rows.mappings()
    ]
