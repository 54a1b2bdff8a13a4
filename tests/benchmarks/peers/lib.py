"""Runs lib-shopify-graphql on the sandbox: all products, each written to a file as one line of JSON."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import shim

if __name__ == "__main__":
    sandbox, folder = sys.argv[1], Path(sys.argv[2])
    shim.install(sandbox)
    from lib_shopify_graphql import ShopifyCredentials, iter_products, login

    session = login(ShopifyCredentials(shop_url=shim.HOST, api_version=shim.VERSION, access_token=shim.TOKEN))
    for product in iter_products(session):
        print(product.model_dump_json())
    sys.stdout.flush()
    os.fsync(sys.stdout.fileno())
