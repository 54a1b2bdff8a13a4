"""Connecting the shop and the site: by Shopify's consent or own credentials, and what must be right first."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeAlias
from urllib.parse import urlsplit

from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, RedirectResponse, Response

from shopify_fw360.errors import FW360_VENDOR_PLUGIN, SyncError
from shopify_fw360.framework360.client import Framework360Client
from shopify_fw360.records import DeliveryRefusedError
from shopify_fw360.shopify.address import typed_address
from shopify_fw360.shopify.authorization import is_authentic_query, read_callback
from shopify_fw360.shopify.budget import MemoryBudget
from shopify_fw360.shopify.client import ShopifyClient
from shopify_fw360.store import AuditEntry, Store
from shopify_fw360.sync.connect import LIFETIME, begin, disconnect, finish
from shopify_fw360.sync.connections import (
    FRAMEWORK360,
    SHOPIFY,
    AirflowConnection,
    EnvironmentConnection,
    framework360_client,
    shopify_client,
    token_vault,
    webhook_identity,
)
from shopify_fw360.sync.event_tasks import shop_is_back
from shopify_fw360.sync.first_contact import Finding, Surroundings, first_contact
from shopify_fw360.sync.scopes import needed_scopes
from shopify_fw360.web.connecting import (
    Auth,
    ShopEntry,
    entered_shop,
    entered_site,
    require_same,
    required,
    shop_state,
    told_change,
)
from shopify_fw360.web.console import Area, Console, Entry
from shopify_fw360.web.i18n import N_, Language, language_of
from shopify_fw360.web.problems import problem
from shopify_fw360.web.rendering import page
from shopify_fw360.web.security import LoggedIn, Person, may_connect
from shopify_fw360.web.sentences import said

log = logging.getLogger(__name__)

COOKIE: Final = "sync_oauth"
"""Cookie that ties an authorization to the browser that began it."""

Address: TypeAlias = Annotated[str, Field(min_length=1, max_length=300)]
Secret: TypeAlias = Annotated[str, Field(max_length=512)]
Short: TypeAlias = Annotated[str, Field(max_length=200)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class ShopForm(_Form):
    """The shop as a person enters it; an empty secret leaves the one that is kept.

    Args:
        shop: ``yourshop.myshopify.com``, its first part, or an address copied from the shop's admin.
        auth: kind of access.
        client_id: of the app.
        client_secret: of the app.
        access_token: of a custom app, for ``token``.
        domain: permanent domain, only where the address is a sandbox.
    """

    shop: Address
    auth: Auth = "oauth"
    client_id: Short = ""
    client_secret: Secret = ""
    access_token: Secret = ""
    domain: Short = ""


class SiteForm(_Form):
    """The site as a person enters it; an empty key leaves the one that is kept.

    Args:
        site: host name or address.
        key: the API key.
    """

    site: Address
    key: Secret = ""


class Nothing(_Form):
    """A request without values; its JSON body keeps foreign forms out."""


def area(console: Console) -> Area:
    """Build the area."""
    entry = Entry(N_("Connect"), "connect", 80, right="connect", below=("oauth",))
    return Area(_pages(console), _api(console), _public(console), entries=(entry,))


def _pages(console: Console) -> APIRouter:
    router = APIRouter()

    @router.get("/connect", dependencies=[may_connect])
    def connect(request: Request, shop: Annotated[str, Query(max_length=300)] = "", done: str = "") -> Response:
        store = console.open_store()
        kept_site = console.connections.get(FRAMEWORK360)
        settings = console.settings()
        with store.read() as tx:
            history = [*tx.audit_entries(prefix="shop.", limit=10), *tx.audit_entries(prefix="site.", limit=10)]
        return page(
            request,
            "connect.html",
            state=shop_state(store, console.connections.get(SHOPIFY)),
            suggested=shop,
            done=done,
            site=(kept_site.host or "") if kept_site else "",
            has_key=bool(kept_site and kept_site.password),
            shop_elsewhere=console.connections.elsewhere(SHOPIFY),
            site_elsewhere=console.connections.elsewhere(FRAMEWORK360),
            callback=_callback_url(console, request),
            scopes=needed_scopes(settings),
            history=sorted(history, key=lambda entry: entry.at or datetime.min.replace(tzinfo=UTC), reverse=True),
        )

    @router.get("/oauth/start", dependencies=[may_connect])
    def installed(request: Request, shop: Annotated[str, Query(max_length=300)] = "") -> Response:
        """Receive a person whom Shopify sends to the app's address, and let them begin on the page."""
        _, secrets = webhook_identity(required(console.connections, SHOPIFY))
        if not is_authentic_query(secrets, str(request.url.query)):
            raise HTTPException(
                400, N_("This link was not made by Shopify. Open the page Connect and enter the shop there.")
            )
        return RedirectResponse(f"../connect?shop={typed_address(shop).shop}", 303)

    @router.post("/oauth/start", dependencies=[may_connect])
    def start(request: Request, someone: LoggedIn, _: Nothing) -> Response:
        callback = _callback_url(console, request)
        try:
            begun = begin(
                console.open_store(),
                required(console.connections, SHOPIFY),
                needed_scopes(console.settings()),
                callback,
                someone.name,
            )
        except SyncError as error:
            return _refused(request, error)
        log.info("user %s begins an authorization with Shopify", someone.name)
        answer = JSONResponse({"url": begun.url})
        answer.set_cookie(
            COOKIE,
            begun.browser,
            max_age=int(LIFETIME.total_seconds()),
            path=f"{request.scope.get('root_path', '')}/oauth",
            secure=urlsplit(callback).scheme == "https",
            httponly=True,
            samesite="lax",
        )
        return answer

    return router


def _public(console: Console) -> APIRouter:
    router = APIRouter()

    @router.get("/oauth/callback")
    def callback(request: Request) -> Response:
        """Take what Shopify says; it is proven by its signature, its time, our state and the browser's cookie."""
        query = request.scope["query_string"]
        try:
            connection = required(console.connections, SHOPIFY)
            _, secrets = webhook_identity(connection)
            told = read_callback(query, secrets, datetime.now(UTC))
            finished = finish(console.open_store(), connection, told, request.cookies.get(COOKIE, ""))
        except DeliveryRefusedError as refused:
            log.warning("a callback of Shopify is refused: %s", refused)
            return _not_credible(request, refused)
        except SyncError as error:
            log.warning("an authorization with Shopify failed: %s", error)
            return _refused(request, error, 502)
        declined = finished.granted is None
        log.info(
            "%s: %s by user %s", finished.shop, "consent was declined" if declined else "connected", finished.person
        )
        answer = RedirectResponse(f"../connect?done={'declined' if declined else 'connected'}", 303)
        answer.delete_cookie(COOKIE, path=f"{request.scope.get('root_path', '')}/oauth")
        return answer

    return router


def _not_credible(request: Request, refused: DeliveryRefusedError) -> Response:
    # Whoever is not authentic learns nothing about why.
    status = 401 if refused.reason == "signature" else 400
    return problem(
        request,
        status,
        N_("The shop was not connected"),
        N_("The answer of Shopify could not be matched to what you began, or it came too late. Nothing was changed."),
        fix=N_("Open the page Connect again and begin anew, in one browser and without long pauses."),
    )


def _refused(request: Request, error: SyncError, status: int = 422) -> Response:
    return problem(
        request,
        status,
        error.code.title,
        error.message,
        code=error.code.code,
        cause=error.code.cause,
        fix=error.code.fix,
    )


def _api(console: Console) -> APIRouter:
    router = APIRouter()
    _shop_routes(console, router)
    _site_routes(console, router)
    return router


def _shop_routes(console: Console, router: APIRouter) -> None:
    @router.post("/connect/shop", summary="Check and keep the connection of the shop", dependencies=[may_connect])
    def save_shop(request: Request, someone: LoggedIn, form: ShopForm) -> Response:
        store, known = console.open_store(), console.connections.get(SHOPIFY)
        try:
            _require_here(console, SHOPIFY)
            wanted = entered_shop(known, ShopEntry(**form.model_dump()))
            require_same(store, known, wanted)
            found: dict[str, Any] = {"auth": form.auth}
            if form.auth == "oauth":
                _callable(store, wanted)
                webhook_identity(wanted)
            else:
                info = _callable(store, wanted).check()
                found |= {"shop": info.name, "domain": info.domain, "plan": info.plan}
        except SyncError as error:
            return _refused(request, error)
        _keep(console, store, someone, "shop.save", known, wanted)
        if form.auth != "oauth":
            with store.begin() as tx:
                shop_is_back(tx)
        return JSONResponse(found)

    @router.post("/connect/shop/disconnect", summary="Forget the tokens of the shop", dependencies=[may_connect])
    def leave(request: Request, someone: LoggedIn, _: Nothing) -> Response:
        try:
            disconnect(console.open_store(), required(console.connections, SHOPIFY), someone.name)
        except SyncError as error:
            return _refused(request, error)
        log.info("user %s has disconnected the shop", someone.name)
        return JSONResponse({"connected": False})


def _site_routes(console: Console, router: APIRouter) -> None:
    @router.post("/connect/site", summary="Check and keep the connection of the site", dependencies=[may_connect])
    def save_site(request: Request, someone: LoggedIn, form: SiteForm) -> Response:
        store, known = console.open_store(), console.connections.get(FRAMEWORK360)
        warning = None
        try:
            _require_here(console, FRAMEWORK360)
            wanted = entered_site(known, form.site, form.key)
            with closing(framework360_client(wanted)) as client:
                require_same(store, known, wanted)
                try:
                    client.check()
                except SyncError as error:
                    # The key is right then; flows refuse to run until the plugin is off or accepted.
                    if error.code is not FW360_VENDOR_PLUGIN:
                        raise
                    warning = error
        except SyncError as error:
            return _refused(request, error)
        _keep(console, store, someone, "site.save", known, wanted)
        spoken = language_of(request)
        told = None if warning is None else f"{spoken.text(warning.code.title)}. {spoken.text(warning.code.fix)}"
        return JSONResponse({"site": wanted.host, "warning": told})

    @router.get("/connect/checks", summary="Ask both systems everything that must be right", dependencies=[may_connect])
    def checks(request: Request) -> Response:
        spoken = language_of(request)
        store, settings = console.open_store(), console.settings()

        def open_shop() -> ShopifyClient:
            return _callable(store, required(console.connections, SHOPIFY))

        @contextmanager
        def open_site() -> Iterator[Framework360Client]:
            with closing(framework360_client(required(console.connections, FRAMEWORK360))) as client:
                yield client

        around = Surroundings(
            store,
            settings,
            console.mappings,
            open_shop,
            open_site,
            settings.near_real_time.public_url or console.address() or str(request.base_url),
        )
        return JSONResponse([_told(finding, spoken) for finding in first_contact(around)])


def _callable(store: Store, connection: AirflowConnection) -> ShopifyClient:
    tokens = token_vault(store) if store.encryption_key else None
    return shopify_client(connection, tokens, MemoryBudget())


def _require_here(console: Console, conn_id: str) -> None:
    place = console.connections.elsewhere(conn_id)
    if place is not None:
        raise HTTPException(409, f"The connection {conn_id} is kept in {place}. Change it there.")


def _keep(
    console: Console,
    store: Store,
    someone: Person,
    action: str,
    known: AirflowConnection | None,
    wanted: EnvironmentConnection,
) -> None:
    old, new = told_change(known, wanted)
    # The note first, in a transaction that ends with the change: no change without its note.
    with store.begin() as tx:
        if new:
            tx.write_audit(AuditEntry(someone.name, action, old, new))
        console.connections.save(wanted)
    log.info("user %s has saved the connection %s", someone.name, wanted.conn_id)


def _callback_url(console: Console, request: Request) -> str:
    base = console.address().rstrip("/")
    return f"{base}/sync/oauth/callback" if base else f"{str(request.base_url).rstrip('/')}/oauth/callback"


_GOOD: Final = {
    "shop": N_("The shop %(name)s (%(domain)s, %(plan)s, %(currency)s) answers."),
    "scopes": N_("The app has all access scopes it needs (%(number)s)."),
    "site": N_("The site %(site)s answers; time zone %(timezone)s, currency %(currency)s."),
    "plugin": N_("The vendor's own Shopify plugin is not active on the site."),
    "capability": N_("Capability %(name)s is on: %(reason)s."),
    "currency": N_("Both sell in %(shop)s."),
    "webhooks": N_("Both systems can tell us of changes at %(address)s."),
}
_WARN: Final = {
    "plugin": N_("Whether the vendor's own Shopify plugin is active cannot be read: tick read_plugin on the key."),
    "capability": N_("Capability %(name)s is off: %(reason)s."),
    "currency": N_("The shop sells in %(shop)s, the site in %(site)s: orders are booked in the site's currency only."),
    "webhooks": N_(
        "Changes are found by the scheduled runs only: they are told of at https addresses only, not at %(address)s."
    ),
}


def _told(finding: Finding, spoken: Language) -> dict[str, Any]:
    error = finding.error
    found: dict[str, Any] = {"topic": finding.topic, "verdict": finding.verdict}
    if finding.topic == "warning":
        return {**found, "text": finding.values["text"]}
    if error is None:
        templates = _GOOD if finding.verdict == "good" else _WARN
        values = {name: said(spoken, value) if name == "reason" else value for name, value in finding.values.items()}
        return {**found, "text": spoken.text(templates[finding.topic], **values)}
    return {
        **found,
        "text": f"{spoken.text(error.code.title)}: {said(spoken, error.message)}",
        "code": error.code.code,
        "cause": spoken.text(error.code.cause),
        "fix": spoken.text(error.code.fix),
    }
