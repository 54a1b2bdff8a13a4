"""Unlinking by hand: both records stay as they are, and neither is carried over again by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import uuid4

from shopify_fw360.errors import LEASE_LOST, SyncError
from shopify_fw360.records import Flow, Link, Outcome, System
from shopify_fw360.store import JournalEntry, Store, Transaction

_LEASE: Final = timedelta(minutes=1)


def unlink(store: Store, link_id: int, by: str) -> bool:
    """Take a link apart.

    What remains is a marker on either side, as after a deletion: automatic runs leave both records alone, *Sync now*
    links them again.

    Args:
        store: of the pair.
        link_id: key of the link.
        by: who asked, for the journal.

    Returns:
        False if there is no such link, or nothing to take apart.

    Raises:
        SyncError: SYNC-502 if the record is being synchronised at this moment.
    """
    owner = f"unlink/{uuid4()}"
    with store.begin() as tx:
        link = tx.link(link_id)
        if link is None or link.shopify_id is None or link.framework360_id is None:
            return False
        keys = [f"{system.value}:{link.id_in(system)}" for system in System]
        if tx.lock_records(link.entity, keys, owner, _LEASE) != set(keys):
            raise SyncError(
                LEASE_LOST, "the record is being synchronised at this moment: try again", record=link.display_name
            )
        _take_apart(tx, link, by)
        tx.unlock_records(link.entity, keys, owner)
    return True


def _take_apart(tx: Transaction, link: Link, by: str) -> None:
    both = replace(link, status="unlinked", base={}, error_code=None, error_message=None)
    tx.delete_link(link)
    for system in System:
        into = Flow(link.entity, system)
        kept = replace(
            both,
            id=None,
            shopify_id=link.shopify_id if system is System.SHOPIFY else None,
            framework360_id=link.framework360_id if system is System.FRAMEWORK360 else None,
            match_keys={name: key for name, key in link.match_keys.items() if name == system.value},
            fingerprints={name: value for name, value in link.fingerprints.items() if name == into.name},
            source_times={name: value for name, value in link.source_times.items() if name == into.name},
        )
        stored = tx.save_link(kept)
        tx.write_journal(
            [
                JournalEntry(
                    "",
                    into,
                    str(link.id_in(system)),
                    Outcome.UNLINKED,
                    target_id=link.id_in(system.other),
                    link_id=stored.id,
                    reasons={"": f"unlinked by {by}"},
                    message=f"unlinked by {by}",
                )
            ]
        )
