"""Operations of the group "system"."""

from __future__ import annotations

from typing import Any

from sandbox.common.backend import ApiResponse
from sandbox.framework360.calls import Call, Context
from sandbox.framework360.functions import FUNCTIONS

SITE = "sandbox.framework360.example"


def _check(context: Context, _: dict[str, Any]) -> ApiResponse:
    data: dict[str, Any] = {"site": SITE}
    if context.options.check_lists_functions:
        lacking = context.options.keys[context.key]
        data["permissions"] = [function for function in FUNCTIONS if function not in lacking]
    return context.answers.success(data)


def _settings(context: Context, _: dict[str, Any]) -> ApiResponse:
    options = context.options
    return context.answers.success(
        {
            "valuta": options.currency,
            "lingua": "it",
            "timezone": options.timezone,
            "prezzi_iva_inclusa": context.answers.flag(options.prices_include_tax),
        }
    )


def _plugins(context: Context, _: dict[str, Any]) -> ApiResponse:
    flag = context.answers.flag
    return context.answers.success(
        [
            {"id": "shopify", "name": "Shopify", "active": flag(context.options.shopify_plugin_active)},
            {"id": "fatture_in_cloud", "name": "Fatture in Cloud", "active": flag(1)},
        ]
    )


CALLS = {
    "check": Call(None, _check),
    "siteSettings": Call("read_site", _settings),
    "sitePlugins": Call("read_plugin", _plugins),
}
