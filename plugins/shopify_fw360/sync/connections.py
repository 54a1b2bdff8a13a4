"""Typed clients from the fields of connections; what a person can get wrong there is told by connection and field.

Nothing here needs Airflow: a process that runs without it finds its connections in the environment.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from shopify_fw360.errors import CONNECTION_INVALID, SyncError
from shopify_fw360.framework360.client import Framework360Client
from shopify_fw360.framework360.options import SiteOptions
from shopify_fw360.records import Origin
from shopify_fw360.shopify.address import SHOP_DOMAIN, ShopAddress, shop_address
from shopify_fw360.shopify.auth import (
    ClientCredentials,
    OAuthToken,
    StaticToken,
    StoredToken,
    TokenEndpoint,
    TokenSource,
    TokenStore,
)
from shopify_fw360.shopify.budget import BudgetBackend, CostBudget
from shopify_fw360.shopify.client import ShopifyClient
from shopify_fw360.shopify.schema_index import API_VERSION
from shopify_fw360.store import Store, TokenVault
from shopify_fw360.store.clock import utc_now

SHOPIFY: Final = "shopify_default"
FRAMEWORK360: Final = "framework360_default"
STORE: Final = "sync_store"

_POSTGRES: Final = "postgresql+psycopg"


class AirflowConnection(Protocol):
    """The fields of an Airflow connection, whichever of Airflow's classes holds them."""

    conn_id: str
    conn_type: str | None
    host: str | None
    login: str | None
    password: str | None
    schema: str | None
    port: int | None

    @property
    def extra_dejson(self) -> dict[str, Any]:
        """The extra, decoded."""


@dataclass(slots=True)
class EnvironmentConnection:
    """A connection given as JSON in an environment variable, as Airflow reads it too."""

    conn_id: str
    conn_type: str | None = None
    host: str | None = None
    login: str | None = None
    password: str | None = None
    schema: str | None = None
    port: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def extra_dejson(self) -> dict[str, Any]:
        """The extra, decoded."""
        return dict(self.extra)


def environment_connection(conn_id: str, environment: Mapping[str, str]) -> EnvironmentConnection | None:
    """Read a connection from ``AIRFLOW_CONN_<ID>`` in Airflow's JSON form.

    Args:
        conn_id: its id.
        environment: environment variables.

    Returns:
        The connection, None if the variable is not set.

    Raises:
        SyncError: SYNC-106 if the variable holds something else.
    """
    name = f"AIRFLOW_CONN_{conn_id.upper()}"
    text = environment.get(name, "").strip()
    if not text:
        return None
    try:
        fields = json.loads(text)
        extra = fields.pop("extra", None) or {}
        known = {key: fields.get(key) for key in ("conn_type", "host", "login", "password", "schema", "port")}
        given = json.loads(extra) if isinstance(extra, str) else dict(extra)
    except (ValueError, TypeError, AttributeError):
        # The text is not shown: it may hold a password.
        raise SyncError(CONNECTION_INVALID, f"{name} is no connection in JSON form", field=name) from None
    return EnvironmentConnection(conn_id, **known, extra=given)


def webhook_identity(connection: AirflowConnection) -> tuple[str, tuple[bytes, ...]]:
    """Tell for whom deliveries of Shopify are, and with what they are signed.

    Args:
        connection: of the shop; its password is the client secret, ``previous_secret`` of its extra the one before it
            while Shopify rotates them, ``domain`` the permanent domain if the host is the address of a sandbox.

    Returns:
        Permanent domain in lower case, and the secrets; none if the connection has no client secret.

    Raises:
        SyncError: SYNC-106 naming the connection and the field.
    """
    with _named(connection):
        extra = connection.extra_dejson
        domain = shop_address(host_of(connection)).shop
        if not SHOP_DOMAIN.fullmatch(domain):
            domain = str(extra.get("domain") or "").strip().lower()
        if not SHOP_DOMAIN.fullmatch(domain):
            raise _missing("domain", "the permanent domain of the shop, because the host is the address of a sandbox")
        secrets = (connection.password, extra.get("previous_secret"))
        return domain, tuple(secret.encode() for secret in secrets if secret)


def shop_of(connection: AirflowConnection) -> ShopAddress:
    """Return where the shop of a connection is.

    Raises:
        SyncError: SYNC-106 naming the connection and the field.
    """
    with _named(connection):
        return shop_address(host_of(connection))


def token_endpoint(connection: AirflowConnection) -> TokenEndpoint:
    """Return what asks the shop for tokens of the app.

    Raises:
        SyncError: SYNC-106 naming the connection and the field: address, client id or client secret.
    """
    with _named(connection):
        return _endpoint(connection, shop_address(host_of(connection)))


def store_url(connection: AirflowConnection) -> str:
    """Make the URL of the store.

    Args:
        connection: its host is a full SQLAlchemy URL; or the fields of a PostgreSQL connection (schema is the database,
            the extra holds driver options such as ``sslmode``); or an SQLite file as host or schema.

    Returns:
        SQLAlchemy URL.

    Raises:
        SyncError: SYNC-106 naming the connection and the field.
    """
    with _named(connection):
        kind = (connection.conn_type or "").lower()
        host = (connection.host or "").strip()
        if "://" in host:
            return _full_url(connection, host)
        if kind.startswith("sqlite"):
            path = host or "/" + (connection.schema or "").lstrip("/")
            if path == "/":
                raise _missing("host", "the path of the SQLite file")
            return f"sqlite:///{path}"
        if not host:
            raise _missing("host", "the host of the PostgreSQL server, or a full SQLAlchemy URL")
        if not connection.schema:
            raise _missing("schema", "the name of the database")
        options = {name: str(value) for name, value in connection.extra_dejson.items() if not name.startswith("__")}
        url = URL.create(
            _POSTGRES, connection.login, connection.password, host, connection.port, connection.schema, options
        )
        return url.render_as_string(hide_password=False)


def _full_url(connection: AirflowConnection, host: str) -> str:
    try:
        url = make_url(host)
    except ArgumentError:
        raise SyncError(CONNECTION_INVALID, "the host is no SQLAlchemy URL", field="host") from None
    # Airflow's own URI form splits a URL apart and hands the pieces back in fields.
    if url.get_backend_name() != "sqlite":
        url = url.set(
            username=url.username or connection.login,
            password=url.password or connection.password,
            port=url.port or connection.port,
            database=url.database or connection.schema,
        )
    return url.render_as_string(hide_password=False)


def token_vault(store: Store) -> TokenVault[StoredToken]:
    """Return the encrypted tokens of the store in the form the Shopify client takes.

    Raises:
        SyncError: SYNC-106 if the store has no usable encryption key.
    """
    return TokenVault(store, dump=asdict, load=_token)


def _token(stored: Mapping[str, Any]) -> StoredToken:
    def moment(name: str) -> datetime | None:
        text = stored.get(name)
        return None if text is None else datetime.fromisoformat(text)

    return StoredToken(
        access_token=stored["access_token"],
        expires_at=moment("expires_at"),
        refresh_token=stored.get("refresh_token"),
        refresh_expires_at=moment("refresh_expires_at"),
        scopes=tuple(stored.get("scopes") or ()),
    )


def shopify_client(
    connection: AirflowConnection,
    tokens: TokenStore | None,
    budget: BudgetBackend,
    lane: Origin = Origin.SYNC_NOW,
    *,
    clock: Callable[[], datetime] = utc_now,
) -> ShopifyClient:
    """Build the client of the shop.

    Args:
        connection: host is the shop's permanent domain (or the base URL of a sandbox on this machine), login the client
            id, password the client secret, extra ``auth``, ``access_token`` and ``api_version``.
        tokens: where tokens live between processes; None without a store, which only ``auth: token`` allows.
        budget: the shop's cost budget, shared by all workers.
        lane: priority of its calls in the budget.
        clock: the time that all who share the budget agree on.

    Returns:
        The client; it has made no call yet.

    Raises:
        SyncError: SYNC-106 naming the connection and the field.
    """
    with _named(connection):
        address = shop_address(host_of(connection))
        extra = connection.extra_dejson
        version = str(extra.get("api_version") or API_VERSION)
        source = _token_source(connection, address, tokens)
        shared = CostBudget(address.shop, budget, clock=lambda: clock().timestamp(), lane=lane)
        return ShopifyClient(address, source, shared, api_version=version)


def _token_source(connection: AirflowConnection, address: ShopAddress, tokens: TokenStore | None) -> TokenSource:
    extra = connection.extra_dejson
    auth = str(extra.get("auth") or "oauth")
    if auth == "token":
        access_token = str(extra.get("access_token") or "")
        if not access_token:
            raise _missing("access_token", "the access token, because auth is token")
        return StaticToken(access_token)
    if auth not in ("oauth", "client_credentials"):
        raise SyncError(
            CONNECTION_INVALID,
            f"{auth!r} is no kind of access",
            field="auth",
            rule="oauth, client_credentials or token",
        )
    endpoint = _endpoint(connection, address)
    if tokens is None:
        raise SyncError(
            CONNECTION_INVALID, f"auth {auth} keeps its tokens in the store: it has no encryption key", field="auth"
        )
    return (OAuthToken if auth == "oauth" else ClientCredentials)(endpoint, tokens)


def _endpoint(connection: AirflowConnection, address: ShopAddress) -> TokenEndpoint:
    auth = str(connection.extra_dejson.get("auth") or "oauth")
    if not connection.login:
        raise _missing("login", f"the app's client id, because auth is {auth}")
    if not connection.password:
        raise _missing("password", f"the app's client secret, because auth is {auth}")
    return TokenEndpoint(address, connection.login, connection.password)


def framework360_client(connection: AirflowConnection) -> Framework360Client:
    """Build the client of the site.

    Args:
        connection: host is the site or its base URL, password the API key, extra the site options.

    Returns:
        The client; it has made no call yet.

    Raises:
        SyncError: SYNC-106 naming the connection and the field.
    """
    with _named(connection):
        host = host_of(connection)
        if not host:
            raise _missing("host", "the address of the site")
        if not connection.password:
            raise _missing("password", "the site's API key")
        return Framework360Client(host, connection.password, SiteOptions.parse(connection.extra_dejson))


def host_of(connection: AirflowConnection) -> str:
    """Return the host as the person wrote it; Airflow's URI form moves the port of a base URL into its own field."""
    host = (connection.host or "").strip().rstrip("/")
    has_port = host.rpartition(":")[2].isdigit()
    return f"{host}:{connection.port}" if host and connection.port and not has_port else host


def _missing(field: str, what: str) -> SyncError:
    return SyncError(CONNECTION_INVALID, f"the field {field} is empty: enter {what}", field=field)


@contextmanager
def _named(connection: AirflowConnection) -> Iterator[None]:
    """Let errors of a connection name it."""
    try:
        yield
    except SyncError as error:
        if error.code is not CONNECTION_INVALID:
            raise
        message = error.message.removeprefix(f"connection {FRAMEWORK360}: ")
        raise SyncError(
            CONNECTION_INVALID, f"connection {connection.conn_id}: {message}", field=error.field, rule=error.rule
        ) from error
