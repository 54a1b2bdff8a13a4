"""Connecting a shop by Shopify's consent: begun by a person, finished by Shopify's callback, undone by either."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from shopify_fw360.records import DeliveryRefusedError
from shopify_fw360.shopify.authorization import Callback, authorization_url, redeem
from shopify_fw360.store import AuditEntry, Started, Store
from shopify_fw360.sync.connections import AirflowConnection, shop_of, token_endpoint, token_vault, webhook_identity
from shopify_fw360.sync.event_tasks import shop_is_back
from shopify_fw360.sync.scopes import with_implied

LIFETIME: Final = timedelta(minutes=10)
"""How long a person may take to consent."""


@dataclass(frozen=True, slots=True)
class Begun:
    """An authorization that was begun.

    Args:
        url: where the person's browser goes to consent.
        browser: random text for a cookie of that browser.
    """

    url: str = field(repr=False)
    browser: str = field(repr=False)


def begin(store: Store, connection: AirflowConnection, scopes: Sequence[str], redirect_uri: str, person: str) -> Begun:
    """Begin an authorization.

    Args:
        store: keeps its state; must have an encryption key, because the token will need it.
        connection: of the shop, with client id and secret of the app.
        scopes: access scopes to ask for.
        redirect_uri: address of the callback.
        person: who begins it.

    Returns:
        Where to send the browser.

    Raises:
        SyncError: SYNC-106 naming the field that is missing or wrong.
    """
    endpoint = token_endpoint(connection)
    webhook_identity(connection)
    token_vault(store)
    state, browser = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    with store.begin() as tx:
        tx.remember_state(state, browser, Started(endpoint.address.shop, tuple(scopes), person), LIFETIME)
    url = authorization_url(endpoint.address, endpoint.client_id, scopes, redirect_uri, state)
    return Begun(url, browser)


@dataclass(frozen=True, slots=True)
class Finished:
    """What came of an authorization.

    Args:
        shop: key of the shop.
        person: who had begun it.
        granted: access scopes that were granted; None if the person declined.
        missing: those asked for and not granted.
    """

    shop: str
    person: str
    granted: tuple[str, ...] | None
    missing: tuple[str, ...] = ()


def finish(store: Store, connection: AirflowConnection, callback: Callback, browser: str) -> Finished:
    """Finish an authorization: use its state up, exchange the code, keep the token, let the flows run again.

    Args:
        store: as in `begin`.
        connection: of the shop.
        callback: authentic and fresh.
        browser: the cookie it came with.

    Returns:
        What came of it.

    Raises:
        DeliveryRefusedError: ``stale`` for a state that is unknown, used, over or of another browser; ``shop`` for
            another shop than the one it was begun for.
        SyncError: SYNC-313 or SYNC-304 if Shopify gives no token for the code; then it is begun anew.
    """
    with store.begin() as tx:
        started = tx.take_state(callback.state, browser)
    if started is None:
        raise DeliveryRefusedError("stale", "the state is unknown, used, over, or of another browser")
    endpoint = token_endpoint(connection)
    domain, _ = webhook_identity(connection)
    if started.shop != endpoint.address.shop or callback.shop != domain:
        raise DeliveryRefusedError("shop", "the authorization was begun for another shop")
    if callback.error:
        with store.begin() as tx:
            tx.write_audit(AuditEntry(started.started_by, "shop.declined", {}, {"shop": started.shop}))
        return Finished(started.shop, started.started_by, None)
    token = redeem(endpoint, callback.code)
    token_vault(store).put(started.shop, token)
    with store.begin() as tx:
        shop_is_back(tx)
        tx.write_audit(
            AuditEntry(started.started_by, "shop.connect", {}, {"shop": started.shop, "scopes": list(token.scopes)})
        )
    implied = with_implied(token.scopes)
    missing = tuple(scope for scope in started.scopes if scope not in implied)
    return Finished(started.shop, started.started_by, token.scopes, missing)


def disconnect(store: Store, connection: AirflowConnection, person: str) -> None:
    """Forget the tokens of the shop and let all flows wait until it is connected again.

    The app stays installed; uninstalling it is done in Shopify, which ends the tokens there.

    Args:
        store: of the pair.
        connection: of the shop.
        person: who wants it.
    """
    shop = shop_of(connection).shop
    with store.begin() as tx:
        tx.disconnect(shop, f"disconnected by {person}")
        tx.write_audit(AuditEntry(person, "shop.disconnect", {"shop": shop}, {}))
    if store.encryption_key:
        token_vault(store).remove(shop)
