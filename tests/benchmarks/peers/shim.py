"""Leads a tool that knows Shopify only as ``https://SHOP.myshopify.com`` to the sandbox; runs in the tool's process.

Nothing of the tool is changed: where Python sends a request (``requests`` and ``urllib``), its address is replaced.
What the sandbox does not have is made up for here: the REST documents of the shop and of the app's scopes, which some
tools read before anything else; fields of a query that its schema lacks are taken out; the addresses of its bulk files
get the name of the file that Shopify's addresses tell.
"""

from __future__ import annotations

import io
import json
import re
import sys
import time
import urllib.request
from email.message import Message
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit
from urllib.response import addinfourl

if TYPE_CHECKING:
    import requests

SHOP = "peers-shop"
HOST = f"{SHOP}.myshopify.com"
VERSION = "2026-10"
TOKEN = "sandbox-token"
LACKING = ("feedback",)
"""Fields with a selection that the sandbox's schema lacks."""

SCOPES = ("read_products", "read_customers", "read_orders", "read_inventory", "read_locations", "read_metaobjects")
REST = {
    "shop.json": {
        "shop": {"id": 1, "name": "Peers", "domain": HOST, "myshopify_domain": HOST, "currency": "EUR"},
    },
    "access_scopes.json": {"access_scopes": [{"handle": scope} for scope in SCOPES]},
}


def install(sandbox: str) -> None:
    """Lead all requests to the shop to the sandbox from now on.

    Args:
        sandbox: its base URL.
    """
    _patch_urllib(sandbox)
    try:
        import requests.adapters
    except ImportError:
        return
    _patch_requests(requests.adapters.HTTPAdapter, sandbox)


def _address(url: str, sandbox: str) -> str | None:
    parts = urlsplit(url)
    if parts.hostname != HOST:
        return None
    path = re.sub(r"/admin/api/[\w-]+/", f"/admin/api/{VERSION}/", parts.path)
    return f"{sandbox}{path}" + (f"?{parts.query}" if parts.query else "")


def _rest(url: str) -> bytes | None:
    name = urlsplit(url).path.rpartition("/")[2]
    return json.dumps(REST[name]).encode() if name in REST else None


def _text(body: bytes | str | None) -> str:
    return body.decode() if isinstance(body, bytes) else body or ""


def _known_fields(body: bytes | str | None) -> bytes | str | None:
    """Take out of a GraphQL request what the sandbox's schema lacks."""
    text = _text(body)
    if not any(name in text for name in LACKING):
        return body
    document = json.loads(text)
    for name in LACKING:
        document["query"] = _without(document["query"], name)
    return json.dumps(document).encode()


def _without(query: str, name: str) -> str:
    found = re.search(rf"\b{name}\s*{{", query)
    if found is None:
        return query
    depth, at = 1, found.end()
    while depth:
        depth += {"{": 1, "}": -1}.get(query[at], 0)
        at += 1
    return query[: found.start()] + query[at:]


def _named_file(answer: requests.Response, sandbox: str) -> None:
    """Let the address of a bulk file name the file, as the host that Shopify uses does."""
    found = re.search(rb'"' + re.escape(f"{sandbox}/bulk/".encode()) + rb'([^"?]+)"', answer.content)
    if found is not None:
        name = quote(f'attachment; filename="{found[1].decode()}"')
        address = f"{sandbox}/bulk/{found[1].decode()}?response-content-disposition={name}"
        answer._content = answer.content.replace(found[0], json.dumps(address).encode())
        answer.headers["Content-Length"] = str(len(answer._content))


@cache
def _note_first_request() -> None:
    print(f"FIRST {time.monotonic()}", file=sys.stderr, flush=True)


def _patch_requests(adapter: type, sandbox: str) -> None:
    import requests

    send = adapter.send

    def send_to_sandbox(self, request, **options):
        if request.url.startswith(f"{sandbox}/bulk/"):
            request = request.copy()
            request.url = request.url.partition("?")[0]
            return send(self, request, **options)
        address = _address(request.url, sandbox)
        if address is None:
            return send(self, request, **options)
        rest = _rest(request.url)
        if rest is not None:
            answer = requests.Response()
            answer.status_code, answer.raw, answer.request, answer.url = 200, io.BytesIO(rest), request, request.url
            answer.headers["Content-Type"] = "application/json"
            return answer
        _note_first_request()
        # The tool keeps its own, which it may send again.
        request = request.copy()
        body = _known_fields(request.body)
        if body is not request.body:
            request.body = body
            request.headers["Content-Length"] = str(len(body))
        options["verify"] = False
        options["proxies"] = {}
        asked = request.url
        request.url = address
        answer = send(self, request, **options)
        # Some tools compare the address of the answer with the one they asked.
        answer.url = asked
        if "bulk" in _text(request.body).lower():
            _named_file(answer, sandbox)
        return answer

    adapter.send = send_to_sandbox


def _patch_urllib(sandbox: str) -> None:
    opener = urllib.request.OpenerDirector
    original = opener.open

    def open_sandbox(self, fullurl, data=None, timeout=None):
        request = fullurl if isinstance(fullurl, urllib.request.Request) else urllib.request.Request(fullurl, data)
        address = _address(request.full_url, sandbox)
        options = {} if timeout is None else {"timeout": timeout}
        if address is None:
            return original(self, request, data, **options)
        rest = _rest(request.full_url)
        if rest is not None:
            answer = addinfourl(io.BytesIO(rest), Message(), request.full_url, 200)
            answer.msg = "OK"
            return answer
        _note_first_request()
        request.full_url = address
        request.data = _known_fields(request.data)
        return original(self, request, data, **options)

    opener.open = open_sandbox
