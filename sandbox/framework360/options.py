"""The quirk switches of the Framework360 sandbox (section 11.1 of the contract).

The defaults are those of a site as it may well be.
Each line: switch (values, default first): what it changes.

- `keys` (`{"sandbox-key": []}`): API keys, each with the functions it lacks.
- `denied_as` (`envelope`, `http`): wrong key, missing function: status 0, or 401/403.
- `check_lists_functions` (true, false): `check` names the functions of the key.
- `capabilities_off` (`[]`): groups this site does not have.
- `unknown_endpoint` (`html`, `envelope`): unknown path: HTML 404, or `endpoint_not_found`.
- `unknown_record` (`not_found`, `null`, `list`, `object`): answer of `*/get` for a record that is not there.
- `error_style` (`code`, `text`, `nested`): error code, human text only, or text in `data`.
- `status_as` (`number`, `text`, `boolean`): 1, "1" or true.
- `ids_as` (`mixed`, `text`, `number`): mixed: text in records, numbers in answers to writes.
- `new_id_at` (`data`, `top`): where the id of a created record stands.
- `empty_text_as` (`mixed`, `none_word`, `null`, `empty`): mixed: "None" for phones, null or "" elsewhere.
- `empty_map_as_list` (true, false): `[]` for an empty map.
- `flags_as` (`number`, `text`, `boolean`): 1, "1" or true.
- `tags_as` (`text`, `object`): rows of `marketing/tags`.
- `sdi_reads_as` (`cod_univoco`, `sdi`): key of the SDI code when read.
- `modified_time` (true, false): `data_modifica`, `data_registrazione` are present.
- `registration` (`upsert`, `error`): registration of a known e-mail.
- `password_required` (true, false): registration without a password is refused.
- `name_rules` (`strict`, `short`, `off`): refuse odd signs and over 120; nameless signs; none.
- `update_id_key` (`either`, `id`, `customer_id`): which key names the customer of an update.
- `billing_update` (`both`, `flat`, `object`): which form of address and billing data is stored.
- `phone_reads_as` (`either`, `mobile`, `landline`): field that shows a written phone; either: by id.
- `normalise` (`trim`, `none`, `full`): trim: ends, phones; full: also spaces, HTML, e-mail.
- `list_names_accepted` (true, false): marketing lists may be named instead of numbered.
- `not_writable` (`[]`): fields accepted but never stored, e.g. `pec`.
- `page_size`, `page_cap` (20, 100): rows without a limit; most rows of a page.
- `last_page_repeats` (false, true): a page past the end shows the last page again.
- `sort` (`newest_first`, `oldest_first`): order of lists; newest first shifts on inserts.
- `shift_rows` (0): later pages start n rows early (negative: late).
- `daterange` (`works`, `ignored`, `nothing`): the filter of `orders/list`.
- `labels` (`kept`, `dropped`): labels of a created or updated order; dropped: accepted, never stored.
- `labels_as` (`text`, `object`): rows of `orders/labels`.
- `cart_price` (`unit`, `line`): meaning of the price of a custom line.
- `site_ids` (`this`, `other`): ids of statuses, payments, shippings and taxes are those of another site.
- `opaque_ids` (false, true): payment and tax ids are texts like "pm_9f2c41d0aa".
- `money_as` (`number`, `text`): amounts of products and orders.
- `html` (`kept`, `tidied`): descriptions of products are stored as given, or as an editor rewrites them.
- `image_seconds` (10.0): time limit of fetching an image by its URL.
- `webhook_echo` (true, false): writes of the API are sent as events too; those of people always are.
- `webhook_signed` (true, false): subscriptions get a secret, deliveries are signed with it.
- `webhook_duplicated`, `webhook_lost` (0.0): share of deliveries that come twice, or never.
- `webhook_shuffled` (false, true): deliveries arrive in random order.
- `webhook_minute_seconds` (60.0): length of the minutes after which failed deliveries are repeated (1, 5, 30).
- `shopify_plugin_active` (false, true): the vendor's own Shopify plugin runs on the site.
- `prices_include_tax` (true, false): site setting.
- `currency`, `timezone` (`EUR`, `Europe/Rome`): site settings.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, get_args, get_origin, get_type_hints
from zoneinfo import available_timezones

from sandbox.framework360.contract import written_fields
from sandbox.framework360.functions import FUNCTIONS

CAPABILITIES = frozenset({"products", "products_stock", "marketing_lists", "orders_update", "webhooks"})


@dataclass(frozen=True, slots=True)
class Options:
    """All switches; see the table of the module."""

    keys: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: {"sandbox-key": ()})
    denied_as: Literal["envelope", "http"] = "envelope"
    check_lists_functions: bool = True
    capabilities_off: tuple[str, ...] = ()
    unknown_endpoint: Literal["html", "envelope"] = "html"
    unknown_record: Literal["not_found", "null", "list", "object"] = "not_found"
    error_style: Literal["code", "text", "nested"] = "code"
    status_as: Literal["number", "text", "boolean"] = "number"
    ids_as: Literal["mixed", "text", "number"] = "mixed"
    new_id_at: Literal["data", "top"] = "data"
    empty_text_as: Literal["mixed", "none_word", "null", "empty"] = "mixed"
    empty_map_as_list: bool = True
    flags_as: Literal["number", "text", "boolean"] = "number"
    tags_as: Literal["text", "object"] = "text"
    sdi_reads_as: Literal["cod_univoco", "sdi"] = "cod_univoco"
    modified_time: bool = True
    registration: Literal["upsert", "error"] = "upsert"
    password_required: bool = True
    name_rules: Literal["strict", "short", "off"] = "strict"
    update_id_key: Literal["either", "id", "customer_id"] = "either"
    billing_update: Literal["both", "flat", "object"] = "both"
    phone_reads_as: Literal["either", "mobile", "landline"] = "either"
    normalise: Literal["trim", "none", "full"] = "trim"
    list_names_accepted: bool = True
    not_writable: tuple[str, ...] = ()
    page_size: int = 20
    page_cap: int = 100
    last_page_repeats: bool = False
    sort: Literal["newest_first", "oldest_first"] = "newest_first"
    shift_rows: int = 0
    daterange: Literal["works", "ignored", "nothing"] = "works"
    labels: Literal["kept", "dropped"] = "kept"
    labels_as: Literal["text", "object"] = "text"
    cart_price: Literal["unit", "line"] = "unit"
    site_ids: Literal["this", "other"] = "this"
    opaque_ids: bool = False
    money_as: Literal["number", "text"] = "number"
    html: Literal["kept", "tidied"] = "kept"
    image_seconds: float = 10.0
    webhook_echo: bool = True
    webhook_signed: bool = True
    webhook_duplicated: float = 0.0
    webhook_lost: float = 0.0
    webhook_shuffled: bool = False
    webhook_minute_seconds: float = 60.0
    shopify_plugin_active: bool = False
    prices_include_tax: bool = True
    currency: str = "EUR"
    timezone: str = "Europe/Rome"

    def changed(self, changes: Mapping[str, Any]) -> Options:
        """Return a copy with some switches changed.

        Args:
            changes: switch to its JSON value.

        Raises:
            ValueError: an unknown switch, or a value it cannot take.
        """
        known = get_type_hints(Options)
        values = {}
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"unknown option {name!r}; known: {sorted(known)}")
            values[name] = _fitting(name, value, known[name])
        options = replace(self, **values)
        _known("capabilities_off", options.capabilities_off, CAPABILITIES)
        _known("not_writable", options.not_writable, written_fields())
        for key, lacking in options.keys.items():
            _known(f"keys.{key}", lacking, FUNCTIONS)
        if not all(0 <= share <= 1 for share in (options.webhook_duplicated, options.webhook_lost)):
            raise ValueError("webhook_duplicated and webhook_lost must be shares from 0 to 1")
        if options.image_seconds <= 0 or options.webhook_minute_seconds < 0:
            raise ValueError("image_seconds must be positive, webhook_minute_seconds not negative")
        if min(options.page_size, options.page_cap) < 1:
            raise ValueError("page_size and page_cap must be at least 1")
        if options.timezone not in available_timezones():
            raise ValueError(f"timezone: {options.timezone!r} is not in the time zone database")
        return options

    def as_dict(self) -> dict[str, Any]:
        """Return every switch with its value."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}


def _fitting(name: str, value: Any, hint: Any) -> Any:
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise ValueError(f"{name} must be one of {list(get_args(hint))}, not {value!r}")
        return value
    if get_origin(hint) is tuple:
        return _texts(name, value)
    if hint is float and type(value) is int:
        return float(value)
    if hint in (bool, int, float, str):
        if type(value) is not hint:
            raise ValueError(f"{name} must be {hint.__name__}, not {value!r}")
        return value
    if isinstance(value, dict):
        return {key: _texts(name, entry) for key, entry in value.items()}
    raise ValueError(f"{name} must be an object of lists, not {value!r}")


def _known(name: str, given: Iterable[str], known: Collection[str]) -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ValueError(f"{name}: unknown {unknown}; known: {sorted(known)}")


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, list | tuple) and all(isinstance(entry, str) for entry in value):
        return tuple(value)
    raise ValueError(f"{name} must be a list of texts, not {value!r}")
