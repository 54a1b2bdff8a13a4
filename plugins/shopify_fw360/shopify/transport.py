"""How requests are sent: pooled connections, and no proxy between us and a sandbox."""

from __future__ import annotations

import requests
from requests.adapters import HTTPAdapter

from shopify_fw360.shopify.address import ShopAddress

USER_AGENT = "shopify-fw360-sync"


def new_session(address: ShopAddress) -> requests.Session:
    """Return a session for one thread; requests does not promise that a session may be shared.

    Args:
        address: the only server the session is meant for.
    """
    session = requests.Session()
    # Proxies of the environment are for the internet; a server on this machine must be reached directly.
    session.trust_env = address.shop.endswith(".myshopify.com")
    session.headers.update({"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": "gzip"})
    session.mount(address.base_url, HTTPAdapter(pool_connections=1, pool_maxsize=2, max_retries=0))
    return session
