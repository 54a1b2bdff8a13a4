"""The OAuth endpoints: the page a merchant confirms, and the token endpoint.

Shopify (documentation of the authorization code grant, client credentials and expiring offline tokens).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jinja2
import orjson

from sandbox.common.backend import ApiRequest, ApiResponse
from sandbox.shopify.shop import APP_TITLE, DOMAIN, Shop
from sandbox.shopify.tokens import CLIENT_ID, CLIENT_SECRET, REFRESH_SECONDS, Grant, parse_scopes

AUTHORIZE = "/admin/oauth/authorize"
ACCESS_TOKEN = "/admin/oauth/access_token"  # noqa: S105 - a path
_OFFLINE = "urn:shopify:params:oauth:token-type:offline-access-token"
_PAGE = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(
    """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Install {{ app }}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:4rem auto;padding:0 1rem;color:#1a1a1a}
button{font:inherit;padding:.5rem 1.2rem;border-radius:.5rem;border:1px solid #1a1a1a;background:#1a1a1a;color:#fff}
button.plain{background:#fff;color:#1a1a1a}li{font-family:ui-monospace,monospace}</style></head>
<body><h1>Install {{ app }}?</h1>
<p>The app asks for access to <strong>{{ shop }}</strong>:</p>
<ul>{% for scope in scopes %}<li>{{ scope }}</li>{% endfor %}</ul>
<form method="post">
{% for name, value in fields %}<input type="hidden" name="{{ name }}" value="{{ value }}">
{% endfor %}<button name="answer" value="install">Install</button>
<button class="plain" name="answer" value="cancel">Cancel</button></form></body></html>
"""
)


def sign_query(parameters: Mapping[str, str]) -> str:
    """Return the hex HMAC of query parameters as Shopify signs them: sorted, url-encoded, SHA-256 with the secret."""
    text = urlencode(sorted((name, value) for name, value in parameters.items() if name not in ("hmac", "signature")))
    return hmac.new(CLIENT_SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()


def authorize(shop: Shop, request: ApiRequest) -> ApiResponse:
    """Show the install page (GET), or send the browser back with a code (POST from that page)."""
    source = request.body if request.method == "POST" else request.query
    given = dict(parse_qsl(source.decode("utf-8", "replace"), keep_blank_values=True))
    redirect_uri = given.get("redirect_uri", "")
    if given.get("client_id") != CLIENT_ID:
        return _page("Oauth error invalid_request: Could not find Shopify API application with api_key", 400)
    if urlsplit(redirect_uri).scheme not in ("http", "https") or not urlsplit(redirect_uri).netloc:
        return _page("Oauth error invalid_request: The redirect_uri is not whitelisted", 400)
    if request.method == "GET":
        names = ("client_id", "scope", "redirect_uri", "state")
        page = _PAGE.render(
            app=APP_TITLE,
            shop=DOMAIN,
            scopes=parse_scopes(given.get("scope", "")),
            fields=[(name, given.get(name, "")) for name in names],
        )
        return _page(page, 200)
    origin = request.headers.get("origin") or request.headers.get("referer") or ""
    if urlsplit(origin).netloc != request.headers.get("host"):
        return _page("This form was not sent from this site.", 403)
    return _send_back(shop, given, redirect_uri)


def _send_back(shop: Shop, given: Mapping[str, str], redirect_uri: str) -> ApiResponse:
    parameters = {
        "host": base64.urlsafe_b64encode(f"{DOMAIN}/admin".encode()).decode().rstrip("="),
        "shop": DOMAIN,
        "state": given.get("state", ""),
        "timestamp": str(int(time.time())),
    }
    if given.get("answer") == "install":
        allowed = set(shop.tokens.scopes)
        scopes = [scope for scope in parse_scopes(given.get("scope", "")) if scope in allowed]
        # Consent installs the app again where it was uninstalled.
        shop.options = replace(shop.options, revoked=False)
        parameters["code"] = shop.tokens.authorize(scopes)
    else:
        parameters["error"] = "access_denied"
    parameters["hmac"] = sign_query(parameters)
    separator = "&" if urlsplit(redirect_uri).query else "?"
    location = f"{redirect_uri}{separator}{urlencode(parameters)}"
    return ApiResponse(b"", 302, "text/html; charset=utf-8", {"Location": location, "Cache-Control": "no-store"})


def access_token(shop: Shop, request: ApiRequest) -> ApiResponse:
    """Answer the token endpoint for a code, a refresh, a migration or client credentials; form or JSON body."""
    given = _parameters(request)
    if given is None:
        return _refused(400, "invalid_request", "The request body is malformed.")
    secret = given.get("client_secret", "")
    known = given.get("client_id") == CLIENT_ID
    if not known or not secrets.compare_digest(secret.encode(), CLIENT_SECRET.encode()):
        return _refused(400, "invalid_client", "Client authentication failed.")
    if shop.options.revoked:
        return _refused(400, "app_not_installed", "The app is not installed on this shop.")
    lifetime = shop.options.access_token_seconds
    expiring = lifetime if given.get("expiring") in ("1", "true") else None
    kind = given.get("grant_type") or "authorization_code"
    grant: Grant | None = None
    match kind:
        case "client_credentials":
            grant = shop.tokens.client_credentials()
        case "refresh_token":
            grant = shop.tokens.refresh(given.get("refresh_token", ""), lifetime)
        case "authorization_code":
            grant = shop.tokens.redeem(given.get("code", ""), expiring)
        case "urn:ietf:params:oauth:grant-type:token-exchange":
            if (
                expiring is not None
                and given.get("subject_token_type") == given.get("requested_token_type") == _OFFLINE
            ):
                grant = shop.tokens.migrate(given.get("subject_token", ""), lifetime)
        case _:
            return _refused(400, "unsupported_grant_type", f"The grant type {kind} is not supported.")
    if grant is None:
        return _refused(400, "invalid_grant", "The code or token is unknown, used or expired.")
    return _granted(grant)


def _granted(grant: Grant) -> ApiResponse:
    content: dict[str, Any] = {"access_token": grant.access.value, "scope": ",".join(grant.access.scopes)}
    if grant.access.expires is not None:
        content["expires_in"] = round(grant.access.expires - time.time())
    if grant.refresh_token is not None:
        content |= {"refresh_token": grant.refresh_token, "refresh_token_expires_in": REFRESH_SECONDS}
    return ApiResponse(orjson.dumps(content), headers={"Cache-Control": "no-store"})


def _parameters(request: ApiRequest) -> dict[str, str] | None:
    if "json" in request.headers.get("content-type", ""):
        try:
            content = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            return None
        return {str(name): str(value) for name, value in content.items()} if isinstance(content, dict) else None
    return dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))


def _refused(status: int, code: str, text: str) -> ApiResponse:
    return ApiResponse(orjson.dumps({"error": code, "error_description": text}), status, error=True)


def _page(text: str, status: int) -> ApiResponse:
    headers = {
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
    return ApiResponse(text.encode(), status, "text/html; charset=utf-8", headers, error=status >= 400)
