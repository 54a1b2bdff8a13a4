"""Authorizations that are under way: each state is good once, for a while, and for the browser that started it."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from sqlalchemy import delete

from shopify_fw360.store.codec import clean_text, dump_json, load_json
from shopify_fw360.store.scope import Scope
from shopify_fw360.store.tables import oauth_state


@dataclass(frozen=True, slots=True)
class Started:
    """An authorization somebody started.

    Args:
        shop: key of the shop it is for.
        scopes: access scopes that were asked for.
        started_by: who started it.
    """

    shop: str
    scopes: tuple[str, ...]
    started_by: str


def remember_state(scope: Scope, state: str, browser: str, started: Started, lifetime: timedelta) -> None:
    """Keep a state until it comes back or ends; those that have ended are forgotten.

    Args:
        scope: the transaction.
        state: random text that goes through Shopify; only its digest is kept.
        browser: random text in a cookie of the browser that started; only its digest is kept.
        started: what it is for.
        lifetime: how long it is good.
    """
    now = scope.clock()
    scope.connection.execute(delete(oauth_state).where(scope.mine(oauth_state), oauth_state.c.expires_at <= now))
    scope.connection.execute(
        oauth_state.insert(),
        {
            "pair_id": scope.pair_id,
            "digest": _digest(state),
            "browser_digest": _digest(browser),
            "shop": started.shop,
            "scopes": dump_json(list(started.scopes)),
            "started_by": clean_text(started.started_by),
            "expires_at": now + lifetime,
        },
    )


def take_state(scope: Scope, state: str, browser: str) -> Started | None:
    """Use a state up; commit before anything is done with it.

    Args:
        scope: the transaction.
        state: as it came back.
        browser: the cookie of the browser it came back with.

    Returns:
        What was started; None if the state is unknown, used, over, or was started in another browser. A state that
        comes back in another browser is used up too.
    """
    row = scope.connection.execute(
        delete(oauth_state)
        .where(scope.mine(oauth_state), oauth_state.c.digest == _digest(state))
        .returning(
            oauth_state.c.browser_digest,
            oauth_state.c.shop,
            oauth_state.c.scopes,
            oauth_state.c.started_by,
            oauth_state.c.expires_at,
        )
    ).first()
    if row is None or row.expires_at <= scope.clock():
        return None
    if not hmac.compare_digest(row.browser_digest, _digest(browser)):
        return None
    return Started(row.shop, tuple(load_json(row.scopes)), row.started_by)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
