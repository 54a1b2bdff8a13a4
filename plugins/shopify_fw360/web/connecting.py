"""Connections that people enter in the console: what is known of them, what is kept, what is noted without secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

from shopify_fw360.errors import CONNECTION_INVALID, SyncError
from shopify_fw360.records import Entity
from shopify_fw360.shopify.address import SHOP_DOMAIN, typed_address
from shopify_fw360.store import Store
from shopify_fw360.sync.connections import (
    FRAMEWORK360,
    SHOPIFY,
    AirflowConnection,
    EnvironmentConnection,
    framework360_client,
    shop_of,
    token_vault,
)

Auth = Literal["oauth", "client_credentials", "token"]

TYPES: Final = {SHOPIFY: "shopify", FRAMEWORK360: "framework360"}


class ConnectionKeeper(Protocol):
    """Where the connections are kept."""

    def get(self, conn_id: str) -> AirflowConnection | None:
        """Return a connection, None if there is none."""

    def elsewhere(self, conn_id: str) -> str | None:
        """Return what holds a connection where it cannot be changed from here, None if it can."""

    def save(self, connection: EnvironmentConnection) -> None:
        """Keep a connection in place of the one with its id."""


class NoConnections:
    """A keeper without connections, for pages that run without Airflow."""

    def get(self, conn_id: str) -> AirflowConnection | None:  # noqa: ARG002 - the protocol's argument
        """Return that there is none."""
        return None

    def elsewhere(self, conn_id: str) -> str | None:  # noqa: ARG002 - the protocol's argument
        """Return what is missing."""
        return "Airflow"

    def save(self, connection: EnvironmentConnection) -> None:
        """Refuse."""
        raise SyncError(CONNECTION_INVALID, f"the connection {connection.conn_id} cannot be kept without Airflow")


def required(keeper: ConnectionKeeper, conn_id: str) -> AirflowConnection:
    """Return a connection; raise SYNC-106 if there is none."""
    found = keeper.get(conn_id)
    if found is None:
        raise SyncError(CONNECTION_INVALID, f"connection {conn_id} does not exist", field="conn_id")
    return found


@dataclass(frozen=True, slots=True)
class ShopState:
    """What the page says about the shop's connection; secrets are only told to be there.

    Args:
        shop: address as it was entered, empty if nothing was.
        auth: kind of access.
        client_id: of the app.
        has_secret: whether a client secret is kept.
        has_token: whether an access token is kept, in the connection or in the store.
        scopes: granted with it, as far as known.
        domain: permanent domain, where the address is a sandbox.
        gone: why the shop is not connected any more, None if it was never said to be gone.
    """

    shop: str = ""
    auth: str = "oauth"
    client_id: str = ""
    has_secret: bool = False
    has_token: bool = False
    scopes: tuple[str, ...] = ()
    domain: str = ""
    gone: str | None = None

    @property
    def connected(self) -> bool:
        """Whether flows can call the shop, as far as is known without asking it."""
        ready = self.has_token if self.auth != "client_credentials" else self.has_secret
        return bool(self.shop) and ready and self.gone is None


def shop_state(store: Store, connection: AirflowConnection | None) -> ShopState:
    """Describe the connection of the shop without asking the shop."""
    with store.read() as tx:
        gone = tx.disconnected()
    reason = None if gone is None else f"{gone.shop}: {gone.reason}"
    if connection is None:
        return ShopState(gone=reason)
    extra = connection.extra_dejson
    auth = str(extra.get("auth") or "oauth")
    scopes: tuple[str, ...] = ()
    has_token = bool(extra.get("access_token")) and auth == "token"
    if auth == "oauth" and store.encryption_key:
        try:
            token = token_vault(store).get(shop_of(connection).shop)
        except SyncError:
            # The address or the key is wrong; the checklist says so.
            token = None
        has_token, scopes = token is not None, () if token is None else token.scopes
    return ShopState(
        shop=connection.host or "",
        auth=auth,
        client_id=connection.login or "",
        has_secret=bool(connection.password),
        has_token=has_token,
        scopes=scopes,
        domain=str(extra.get("domain") or ""),
        gone=reason,
    )


@dataclass(frozen=True, slots=True)
class ShopEntry:
    """What a person entered about the shop; an empty secret leaves the one that is kept.

    Args:
        shop: address as people write it.
        auth: kind of access.
        client_id: of the app.
        client_secret: of the app.
        access_token: of a custom app.
        domain: permanent domain, where the address is a sandbox.
    """

    shop: str
    auth: Auth
    client_id: str = ""
    client_secret: str = ""
    access_token: str = ""
    domain: str = ""


def entered_shop(known: AirflowConnection | None, entry: ShopEntry) -> EnvironmentConnection:
    """Make a connection of what a person entered.

    Args:
        known: the connection that is kept, None if there is none.
        entry: what was entered.

    Returns:
        The connection, not checked with the shop yet.

    Raises:
        SyncError: SYNC-106 naming the field.
    """
    address = typed_address(entry.shop)
    host = address.shop if SHOP_DOMAIN.fullmatch(address.shop) else address.base_url
    extra: dict[str, Any] = {**(known.extra_dejson if known else {}), "auth": entry.auth}
    if entry.access_token:
        extra["access_token"] = entry.access_token.strip()
    if entry.domain:
        extra["domain"] = entry.domain.strip().lower()
    if entry.auth != "token":
        # A fixed token that is not used must not lie around.
        extra.pop("access_token", None)
    secret = entry.client_secret.strip() or (known.password if known else None)
    login = entry.client_id.strip() or (known.login if known else None)
    made = EnvironmentConnection(SHOPIFY, TYPES[SHOPIFY], host, login, secret, extra=extra)
    if known is not None and entry.client_secret and known.password and entry.client_secret != known.password:
        # Shopify signs with either while it rotates them.
        made.extra = {**extra, "previous_secret": known.password}
    return made


def entered_site(known: AirflowConnection | None, site: str, key: str) -> EnvironmentConnection:
    """Make a connection of what a person entered about the site; an empty key leaves the one that is kept."""
    extra = dict(known.extra_dejson) if known else {}
    secret = key.strip() or (known.password if known else None)
    return EnvironmentConnection(FRAMEWORK360, TYPES[FRAMEWORK360], site.strip().rstrip("/"), None, secret, extra=extra)


def require_same(store: Store, known: AirflowConnection | None, wanted: EnvironmentConnection) -> None:
    """Refuse to point a pair with linked records at another shop or site: its links would mean other records.

    Args:
        store: of the pair.
        known: the connection that is kept.
        wanted: the one to be kept.

    Raises:
        SyncError: SYNC-106 with the next step.
    """
    before, after = _place(known), _place(wanted)
    if before is None or before == after:
        return
    with store.read() as tx:
        linked = sum(tx.count_linked(entity) for entity in Entity)
    if linked:
        raise SyncError(
            CONNECTION_INVALID,
            f"{linked} records are linked with {before}, so this pair cannot change to {after}: for another shop or "
            "site set another pair_id in Admin > Variables > sync_settings first",
            field="host",
            rule="one shop and one site per pair",
        )


def _place(connection: AirflowConnection | None) -> str | None:
    if connection is None:
        return None
    try:
        if connection.conn_id == SHOPIFY:
            return shop_of(connection).shop
        return framework360_client(connection).url
    except SyncError:
        # What cannot be read was never used.
        return None


def told_change(
    known: AirflowConnection | None, kept: EnvironmentConnection
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return what a change changes, as it was and as it is; of secrets only that they changed."""
    before, after = _open_fields(known), _open_fields(kept)
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    old = {name: before.get(name) for name in names}
    new = {name: after.get(name) for name in names}
    for name, was, now in (
        ("password", known.password if known else None, kept.password),
        ("access_token", known.extra_dejson.get("access_token") if known else None, kept.extra.get("access_token")),
    ):
        if was != now:
            old[name], new[name] = _told(was), _told(now)
    return old, new


def _open_fields(connection: AirflowConnection | None) -> dict[str, Any]:
    if connection is None:
        return {}
    extra = connection.extra_dejson
    found = {
        "host": connection.host,
        "login": connection.login,
        "auth": extra.get("auth"),
        "domain": extra.get("domain"),
    }
    return {name: value for name, value in found.items() if value}


def _told(secret: object) -> str:
    return "a secret" if secret else "nothing"
