"""Options of a product as productSet states them, and the variants that choose among their values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.shopify.errors import UserError, user_error
from sandbox.shopify.ids import number_of
from sandbox.shopify.mutations.product_rules import MAX_OPTIONS, MAX_TEXT
from sandbox.shopify.shop import Shop
from sandbox.shopify.table import Record

Option = dict[str, Any]
MAX_VALUES = 2048


def stated_options(
    shop: Shop, before: Sequence[Option], given: Sequence[Mapping[str, Any]], at: Sequence[str]
) -> tuple[list[Option], list[UserError]]:
    """Return the options an input states; options and values keep their ids when id or name is known.

    Args:
        shop: gives new ids.
        before: options of the product so far.
        given: OptionSetInput or OptionCreateInput entries.
        at: where they stand in the input.
    """
    if len(given) > MAX_OPTIONS:
        return [], [user_error(at, f"The number of options cannot exceed {MAX_OPTIONS}", "OPTIONS_OVER_LIMIT")]
    errors: list[UserError] = []
    options: list[Option] = []
    ordered = sorted(enumerate(given), key=lambda pair: pair[1].get("position") or pair[0] + 1)
    for index, entry in ordered:
        field = [*at, str(index)]
        known = _known(before, entry, "ProductOption")
        if entry.get("id") and known is None:
            errors.append(user_error([*field, "id"], "Option does not exist", "OPTION_DOES_NOT_EXIST"))
            continue
        name = (entry.get("name") or (known or {}).get("name") or "").strip()
        errors += _name_errors(name, [*field, "name"], "Option name")
        if any(option["name"].casefold() == name.casefold() for option in options):
            errors.append(user_error([*field, "name"], f"Duplicated option name '{name}'", "DUPLICATED_OPTION_NAME"))
        values = entry.get("values")
        if values is None and known is not None:
            stated = known["values"]
        else:
            stated, found = _stated_values(shop, (known or {}).get("values") or [], values or [], [*field, "values"])
            errors += found
        options.append({"num": known["num"] if known else shop.number(), "name": name, "values": stated})
    return options, errors


def _stated_values(
    shop: Shop, before: Sequence[Option], given: Sequence[Mapping[str, Any]], at: Sequence[str]
) -> tuple[list[Option], list[UserError]]:
    if not given:
        return [], [user_error(at, "Option values are missing", "OPTION_VALUES_MISSING")]
    if len(given) > MAX_VALUES:
        return [], [user_error(at, f"Option values cannot exceed {MAX_VALUES}", "OPTION_VALUES_OVER_LIMIT")]
    errors: list[UserError] = []
    values: list[Option] = []
    seen: set[str] = set()
    for index, entry in enumerate(given):
        field = [*at, str(index)]
        known = _known(before, entry, "ProductOptionValue")
        if entry.get("id") and known is None:
            errors.append(user_error([*field, "id"], "Option value does not exist", "OPTION_VALUE_DOES_NOT_EXIST"))
            continue
        name = (entry.get("name") or (known or {}).get("name") or "").strip()
        errors += _name_errors(name, [*field, "name"], "Option value name")
        if name.casefold() in seen:
            errors.append(user_error([*field, "name"], f"Duplicated option value '{name}'", "DUPLICATED_OPTION_VALUE"))
        seen.add(name.casefold())
        values.append({"num": known["num"] if known else shop.number(), "name": name})
    return values, errors


def _known(before: Sequence[Option], entry: Mapping[str, Any], type_name: str) -> Option | None:
    if entry.get("id"):
        number = number_of(entry["id"], type_name)
        return next((option for option in before if option["num"] == number), None)
    name = (entry.get("name") or "").strip().casefold()
    return next((option for option in before if option["name"].casefold() == name), None)


def _name_errors(name: str, at: Sequence[str], label: str) -> list[UserError]:
    if not name:
        return [user_error(at, f"{label} can't be blank", "INVALID_NAME")]
    if len(name) > MAX_TEXT:
        return [user_error(at, f"{label} is too long (maximum is {MAX_TEXT} characters)", "OPTION_VALUE_NAME_TOO_LONG")]
    return []


def chosen_values(
    shop: Shop,
    options: Sequence[Option],
    given: Sequence[Mapping[str, Any]],
    at: Sequence[str],
    *,
    add_values: bool,
) -> tuple[list[int], list[UserError]]:
    """Return the value numbers a variant input chooses, one per option in their order.

    Args:
        shop: gives new ids.
        options: options of the product; an unknown value is added to them when `add_values` is true.
        given: VariantOptionValueInput entries.
        at: where they stand in the input.
        add_values: a value the option does not have becomes a new one.
    """
    errors: list[UserError] = []
    found: dict[int, int] = {}
    for index, entry in enumerate(given):
        field = [*at, str(index)]
        option = _known(options, {"id": entry.get("optionId"), "name": entry.get("optionName")}, "ProductOption")
        if option is None:
            errors.append(user_error(field, "Option does not exist", "OPTION_DOES_NOT_EXIST"))
            continue
        value = _known(option["values"], entry, "ProductOptionValue")
        name = (entry.get("name") or "").strip()
        if value is None and add_values and name:
            errors += _name_errors(name, [*field, "name"], "Option value name")
            value = {"num": shop.number(), "name": name}
            option["values"].append(value)
        if value is None:
            errors.append(user_error([*field, "name"], "Option value does not exist", "OPTION_VALUE_DOES_NOT_EXIST"))
            continue
        found[option["num"]] = value["num"]
    missing = [option["name"] for option in options if option["num"] not in found]
    if missing and not errors:
        message = f"You need to add option values for {', '.join(missing)}"
        errors.append(user_error(at, message, "NEED_TO_ADD_OPTION_VALUES"))
    return [found.get(option["num"], 0) for option in options], errors


def repeated(variants: Sequence[Record]) -> int | None:
    """Return the index of the first variant whose values another one before it has."""
    seen: set[tuple[int, ...]] = set()
    for index, variant in enumerate(variants):
        values = tuple(variant["values"])
        if values in seen:
            return index
        seen.add(values)
    return None
