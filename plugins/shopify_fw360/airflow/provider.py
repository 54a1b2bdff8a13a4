"""What Airflow asks a provider for: the connection types and their forms.

Airflow registers connection types only through the entry point ``apache_airflow_provider`` of an installed
distribution. This project is deployed as folders, so ``plugins/shopify_fw360-1.0.0.dist-info`` plays the installed
distribution: ``importlib.metadata`` finds every ``*.dist-info`` folder on ``sys.path``. The plugins folder must be in
``PYTHONPATH`` for that, because Airflow reads the entry points with its configuration, before it puts the plugins
folder on ``sys.path`` itself. Without it everything works but the forms: the connections are then entered as type
``generic``.

The forms are declared here and not in the hooks, so that showing one imports no hook.
"""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Return the provider's description in Airflow's format (``airflow/provider_info.schema.json``)."""
    return {
        "package-name": "shopify-fw360",
        "name": "Shopify and Framework360",
        "description": "Keeps a Shopify shop and a Framework360 site in agreement.",
        "connection-types": [_SHOPIFY, _FRAMEWORK360, _STORE],
    }


_SHOPIFY = {
    "connection-type": "shopify",
    "hook-class-name": "shopify_fw360.airflow.hooks.ShopifyHook",
    "hook-name": "Shopify",
    "ui-field-behaviour": {
        "hidden-fields": ["schema", "port"],
        "relabeling": {"host": "Shop", "login": "Client ID", "password": "Client secret"},
        "placeholders": {
            "host": "yourshop.myshopify.com",
            "login": "of the app in the Dev Dashboard; empty for auth = token",
            "password": "of the app in the Dev Dashboard; empty for auth = token",
        },
    },
    "conn-fields": {
        "auth": {
            "label": "Kind of access",
            "description": "oauth: installed on the Connect page. client_credentials: an app of the shop's own "
            "organisation. token: a fixed access token of a custom app.",
            "schema": {
                "type": ["string", "null"],
                "enum": ["oauth", "client_credentials", "token"],
                "default": "oauth",
            },
        },
        "access_token": {
            "label": "Access token",
            "description": "Only for kind of access token.",
            "schema": {"type": ["string", "null"], "format": "password"},
        },
        "previous_secret": {
            "label": "Previous client secret",
            "description": "While Shopify rotates the client secret: the old one, which may still sign webhooks.",
            "schema": {"type": ["string", "null"], "format": "password"},
        },
        "domain": {
            "label": "Permanent domain",
            "description": "Only if the field Shop holds the address of a sandbox.",
            "schema": {"type": ["string", "null"], "pattern": r"^([a-zA-Z0-9][a-zA-Z0-9-]*\.myshopify\.com)?$"},
        },
        "api_version": {
            "label": "API version",
            "description": "Empty for the version this project is made for.",
            "schema": {"type": ["string", "null"], "pattern": r"^(\d{4}-(01|04|07|10))?$"},
        },
    },
}

_FRAMEWORK360 = {
    "connection-type": "framework360",
    "hook-class-name": "shopify_fw360.airflow.hooks.Framework360Hook",
    "hook-name": "Framework360",
    "ui-field-behaviour": {
        "hidden-fields": ["schema", "port", "login"],
        "relabeling": {"host": "Site", "password": "API key"},
        "placeholders": {
            "host": "yoursite.framework360.site",
            "password": "from the site's back office",
            "extra": '{"limits": {"requests_per_second": 2}}',
        },
    },
}

_STORE = {
    "connection-type": "sync_store",
    "hook-class-name": "shopify_fw360.airflow.hooks.SyncStoreHook",
    "hook-name": "Sync store",
    "ui-field-behaviour": {
        "hidden-fields": [],
        "relabeling": {"schema": "Database", "host": "Host or SQLAlchemy URL"},
        "placeholders": {
            "host": "postgres.example.com, or sqlite:////var/lib/sync/store.db",
            "port": "5432",
            "schema": "sync_store",
            "extra": '{"sslmode": "require"}',
        },
    },
}
