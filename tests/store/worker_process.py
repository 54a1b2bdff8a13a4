"""A worker in a process of its own: ``python -m tests.store.worker_process ROLE URL PAIR``."""

from __future__ import annotations

import sys
import time
import uuid
from datetime import timedelta

from shopify_fw360.records import Outcome
from shopify_fw360.store import LockedState, Store, TokenVault
from tests.store.make import ended

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
LEASE = timedelta(minutes=10)


def say(*words: object) -> None:
    sys.stdout.write(f"{' '.join(map(str, words))}\n")
    sys.stdout.flush()


def drain(store: Store) -> None:
    """Work off the queue and print each record."""
    owner = uuid.uuid4().hex
    while True:
        with store.begin() as tx:
            claims = tx.claim(40, owner, LEASE)
        if not claims:
            return
        with store.begin() as tx:
            for held in tx.hold(claims, owner):
                tx.complete(held, owner, ended(held, Outcome.CREATED))
        for held in claims:
            say(held.change.source_id)


def hold(store: Store) -> None:
    """Claim everything, complete one record, and hang."""
    with store.begin() as tx:
        claims = tx.claim(1000, "killed", LEASE)
        tx.complete(claims[0], "killed", ended(claims[0]))
    say("holding")
    time.sleep(60)


def hang_in_transaction(store: Store) -> None:
    """Claim everything and hang before the commit."""
    with store.begin() as tx:
        tx.claim(1000, "killed", LEASE)
        say("holding")
        time.sleep(60)


def refresh(store: Store) -> None:
    """Replace a token by its successor while holding the lock."""
    vault: TokenVault[dict[str, int]] = TokenVault(store, dump=dict, load=dict)
    for _ in range(10):
        with vault.lock("shop") as lock:
            number = (lock.get() or {"n": 0})["n"]
            time.sleep(0.002)
            lock.replace({"n": number + 1})


def hold_token(store: Store) -> None:
    """Take the lock of a token and hang."""
    with TokenVault[dict[str, int]](store, dump=dict, load=dict, lock_seconds=1).lock("shop"):
        say("holding")
        time.sleep(60)


def count(store: Store) -> None:
    """Count in a locked state."""
    budget = LockedState(store)
    for _ in range(50):
        budget.with_state("shop", lambda state: ({"n": (state or {"n": 0})["n"] + 1}, None))


def upgrade(store: Store) -> None:
    """Bring the schema up to date."""
    store.upgrade()
    store.check()


if __name__ == "__main__":
    role, url, pair_id = sys.argv[1:]
    opened = Store.open(url, pair_id=pair_id, encryption_key=KEY)
    say("ready")
    sys.stdin.readline()
    {role.__name__: role for role in (drain, hold, hang_in_transaction, refresh, hold_token, count, upgrade)}[role](
        opened
    )
    opened.close()
