"""The shop itself, the app, its locations and the API versions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sandbox.common.money import RATES
from sandbox.shopify.ids import gid
from sandbox.shopify.registry import resolver
from sandbox.shopify.shop import APP_NUMBER, APP_TITLE, DOMAIN, OPENED, SHOP_GID, SHOP_NUMBER, Context
from sandbox.shopify.table import Record
from sandbox.shopify.times import moment_of
from sandbox.shopify.tokens import CLIENT_ID

Args = Mapping[str, Any]
_ADDRESS = {
    "address1": "Via Garibaldi 12",
    "zip": "20121",
    "city": "Milano",
    "province": "Milano",
    "provinceCode": "MI",
    "country": "Italy",
    "countryCode": "IT",
    "countryCodeV2": "IT",
    "phone": "+39023456789",
}


def versions(newest: str, oldest: str) -> list[str]:
    """Return the quarterly versions from the oldest to the newest, e.g. "2026-01"."""
    year, month = (int(part) for part in oldest.split("-"))
    found = [oldest]
    while found[-1] < newest:
        year, month = (year, month + 3) if month < 10 else (year + 1, 1)
        found.append(f"{year}-{month:02d}")
    return found


def shop_record(context: Context) -> Record:
    """Return the shop's record."""
    offset = moment_of(context.shop.clock.now()).astimezone(context.shop.zone)
    ahead = offset.utcoffset() or timedelta(0)
    return {
        "__typename": "Shop",
        "id": SHOP_GID,
        "num": SHOP_NUMBER,
        "name": "Sandbox Shop",
        "myshopifyDomain": DOMAIN,
        "email": "shop@example.it",
        "contactEmail": "info@example.it",
        "shopOwnerName": "Giulia Rossi",
        "url": f"https://{DOMAIN}",
        "primaryDomain": {
            "__typename": "Domain",
            "id": gid("Domain", 1),
            "host": DOMAIN,
            "url": f"https://{DOMAIN}",
            "sslEnabled": True,
        },
        "currencyCode": "EUR",
        "enabledPresentmentCurrencies": ["EUR", *RATES] if len(context.shop.orders) else ["EUR"],
        "ianaTimezone": str(context.shop.zone),
        "timezoneAbbreviation": offset.tzname(),
        "timezoneOffset": offset.strftime("%z"),
        "timezoneOffsetMinutes": int(ahead.total_seconds() // 60),
        "taxesIncluded": True,
        "taxShipping": False,
        "weightUnit": "KILOGRAMS",
        "unitSystem": "METRIC_SYSTEM",
        "createdAt": OPENED,
        "updatedAt": OPENED,
        "orderNumberFormatPrefix": "#",
        "plan": {
            "publicDisplayName": "Basic",
            "displayName": "Basic",
            "partnerDevelopment": True,
            "shopifyPlus": False,
        },
        "resourceLimits": {
            "maxProductVariants": 2048,
            "maxProductOptions": 3,
            "locationLimit": 10,
            "redirectLimitReached": False,
        },
        "shopAddress": {
            "__typename": "ShopAddress",
            "id": gid("ShopAddress", SHOP_NUMBER),
            "company": "Sandbox S.r.l.",
            **_ADDRESS,
        },
        "billingAddress": {
            "__typename": "ShopAddress",
            "id": gid("ShopAddress", SHOP_NUMBER),
            "company": "Sandbox S.r.l.",
            **_ADDRESS,
        },
    }


@resolver("QueryRoot", "shop")
@resolver("CustomerDeletePayload", "shop")
def _shop(_: Record, context: Context, __: Args) -> Record:
    return shop_record(context)


@resolver("QueryRoot", "currentAppInstallation")
def _installation(_: Record, context: Context, __: Args) -> Record:
    return {
        "__typename": "AppInstallation",
        "id": gid("AppInstallation", APP_NUMBER),
        "launchUrl": f"https://{DOMAIN}/admin/apps/{CLIENT_ID}",
        "accessScopes": [{"handle": scope, "description": ""} for scope in sorted(context.granted)],
        "app": {
            "__typename": "App",
            "id": gid("App", APP_NUMBER),
            "title": APP_TITLE,
            "handle": CLIENT_ID,
            "apiKey": CLIENT_ID,
            "webhookApiVersion": context.shop.options.newest_version,
        },
    }


@resolver("QueryRoot", "publicApiVersions")
def _versions(_: Record, context: Context, __: Args) -> list[dict[str, Any]]:
    options = context.shop.options
    return [
        {"handle": handle, "displayName": handle, "supported": True}
        for handle in versions(options.newest_version, options.oldest_version)
    ]


@resolver("Location", "isActive", "fulfillsOnlineOrders", "shipsInventory", "isPrimary", "deletable", "activatable")
def _yes(_: Record, __: Context, ___: Args) -> bool:
    return True


@resolver("Location", "address")
def _location_address(_: Record, __: Context, ___: Args) -> dict[str, Any]:
    return {**_ADDRESS, "formatted": ["Via Garibaldi 12", "20121 Milano MI", "Italy"]}
