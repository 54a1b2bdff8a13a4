"""What the site says about itself, for the connection test and for amounts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from shopify_fw360 import errors
from shopify_fw360.errors import SyncError
from shopify_fw360.framework360 import wire
from shopify_fw360.framework360.capabilities import Capabilities, Standing
from shopify_fw360.framework360.options import SiteOptions
from shopify_fw360.framework360.values import flag, identifier, mapping, texts
from shopify_fw360.records import Unset

CallApi: TypeAlias = Callable[[wire.Call], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class SiteCheck:
    """Result of a connection test.

    Args:
        site: name of the site, None if it does not tell.
        functions: functions of the key, None if the site does not tell.
        vendor_plugin_active: whether the vendor's own Shopify plugin runs, None if that cannot be read.
        capabilities: standing of each optional group.
        timezone: time zone in effect.
        currency: currency in effect, None if neither options nor site tell.
        prices_include_tax: tax setting in effect, None if neither options nor site tell.
        warnings: what a person should look at.
    """

    site: str | None
    functions: tuple[str, ...] | None
    vendor_plugin_active: bool | None
    capabilities: Mapping[wire.Capability, Standing]
    timezone: str
    currency: str | None
    prices_include_tax: bool | None
    warnings: tuple[str, ...]


def check_site(call: CallApi, options: SiteOptions, capabilities: Capabilities) -> SiteCheck:
    """Test the connection.

    Args:
        call: makes a call of the site.
        options: the site's options.
        capabilities: of the site.

    Returns:
        What the site says, with warnings for people.

    Raises:
        SyncError: SYNC-401 for a wrong key; SYNC-411 if the vendor's own Shopify plugin is active and not allowed.
    """
    warnings: list[str] = []
    told = _object(call(wire.CHECK))
    functions = texts(told[wire.CHECK_FUNCTIONS]) if wire.CHECK_FUNCTIONS in told else None
    if isinstance(functions, Unset):
        functions = None
    settings = _try(lambda: _object(call(wire.SITE_SETTINGS)), warnings) or {}
    plugin = _try(lambda: vendor_plugin_active(call), warnings)
    if plugin and not options.site.allow_vendor_plugin:
        raise SyncError(errors.FW360_VENDOR_PLUGIN, "the plugin Shopify is active on the site", rule="one synchroniser")
    if plugin:
        warnings.append("the vendor's own Shopify plugin is active; site.allow_vendor_plugin accepts it")
    standings = capabilities.overview()
    if functions is not None:
        calls = [*wire.CUSTOMER_FLOW_CALLS, *wire.ORDER_FLOW_CALLS]
        if standings[wire.Capability.PRODUCTS].on:
            calls += wire.PRODUCT_FLOW_CALLS
        needed = {options.keys.of(entry) for entry in calls} - {None}
        warnings += [f"tick the function {name} on the key" for name in sorted(map(str, needed - set(functions)))]
    timezone = identifier(settings.get(wire.SETTINGS_TIMEZONE))
    if timezone not in (None, options.site.timezone):
        warnings.append(f"the site says its time zone is {timezone}; site.timezone is {options.site.timezone}")
    includes_tax = flag(settings.get(wire.SETTINGS_PRICES_INCLUDE_TAX))
    if options.site.prices_include_tax is not None:
        includes_tax = options.site.prices_include_tax
    return SiteCheck(
        site=identifier(told.get(wire.CHECK_SITE)),
        functions=functions,
        vendor_plugin_active=plugin,
        capabilities=standings,
        timezone=options.site.timezone,
        currency=options.site.currency or identifier(settings.get(wire.SETTINGS_CURRENCY)),
        prices_include_tax=None if isinstance(includes_tax, Unset) else includes_tax,
        warnings=tuple(warnings),
    )


def site_currency(call: CallApi, options: SiteOptions) -> str:
    """Return the currency in which the site sells: the option, else the site's setting.

    Raises:
        SyncError: SYNC-106 if neither tells.
    """
    currency = options.site.currency or identifier(_object(call(wire.SITE_SETTINGS)).get(wire.SETTINGS_CURRENCY))
    if currency is None:
        raise SyncError(
            errors.CONNECTION_INVALID, "the site does not tell its currency: set site.currency", rule="site.currency"
        )
    return currency


def site_prices_include_tax(call: CallApi, options: SiteOptions) -> bool:
    """Return whether prices entered on the site include tax: the option, else the site's setting.

    Raises:
        SyncError: SYNC-106 if neither tells: a guess would make every price wrong.
    """
    if options.site.prices_include_tax is not None:
        return options.site.prices_include_tax
    told = flag(_object(call(wire.SITE_SETTINGS)).get(wire.SETTINGS_PRICES_INCLUDE_TAX))
    if not isinstance(told, bool):
        raise SyncError(
            errors.CONNECTION_INVALID,
            "the site does not tell whether its prices include tax: set site.prices_include_tax",
            rule="site.prices_include_tax",
        )
    return told


def vendor_plugin_active(call: CallApi) -> bool:
    """Whether the vendor's own Shopify plugin is installed and active on the site."""
    rows = call(wire.SITE_PLUGINS).get(wire.DATA)
    return any(
        any(wire.VENDOR_PLUGIN in (identifier(row.get(key)) or "").casefold() for key in wire.PLUGIN_NAMES)
        and flag(row.get(wire.PLUGIN_ACTIVE)) is True
        for row in (rows if isinstance(rows, list) else ())
        if isinstance(row, Mapping)
    )


def _object(body: Mapping[str, Any]) -> Mapping[str, Any]:
    data = mapping(body.get(wire.DATA))
    return {} if isinstance(data, Unset) else data


def _try(read: Callable[[], Any], warnings: list[str]) -> Any:
    """Read something that is good to know; a refusal becomes a warning, any other failure is raised."""
    try:
        return read()
    except SyncError as error:
        if error.code not in (errors.FW360_PERMISSION, errors.FW360_CAPABILITY):
            raise
        warnings.append(str(error))
        return None
