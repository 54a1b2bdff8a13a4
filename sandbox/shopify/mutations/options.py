"""productOptionsCreate, productOptionUpdate, productOptionsDelete, productOptionsReorder."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from sandbox.shopify.catalogue_writing import Draft, add_default_variant, add_variant, commit, open_draft
from sandbox.shopify.errors import UserError, user_error
from sandbox.shopify.ids import number_of
from sandbox.shopify.mutations.product_options import Option, repeated, stated_options
from sandbox.shopify.mutations.product_rules import MAX_OPTIONS, MAX_VARIANTS, coded
from sandbox.shopify.mutations.products import product_of
from sandbox.shopify.product_records import is_default
from sandbox.shopify.registry import mutation
from sandbox.shopify.shop import Context, Shop

Args = Mapping[str, Any]


def _answer(shop: Shop, draft: Draft, errors: list[UserError], enum: str, default: str) -> dict[str, Any]:
    if errors:
        return {"product": shop.products.get(draft.product["num"]), "userErrors": coded(errors, enum, default)}
    return {"product": commit(shop, draft), "userErrors": []}


def _missing() -> dict[str, Any]:
    error = user_error(["productId"], "Product does not exist", "PRODUCT_DOES_NOT_EXIST")
    return {"product": None, "userErrors": [error]}


def _position(options: list[Option], num: int) -> int:
    return next(place for place, option in enumerate(options) if option["num"] == num)


@mutation("productOptionsCreate")
def _create(context: Context, args: Args) -> dict[str, Any]:
    enum, shop = "ProductOptionsCreateUserErrorCode", context.shop
    product = product_of(shop, args["productId"])
    if product is None:
        return _missing()
    draft = open_draft(shop, product)
    if is_default(product):
        product["options"] = []
        draft.variants[0]["values"] = []
    before = product["options"]
    if len(before) + len(args["options"]) > MAX_OPTIONS:
        error = user_error(["options"], f"The number of options cannot exceed {MAX_OPTIONS}", "OPTIONS_OVER_LIMIT")
        return _answer(shop, draft, [error], enum, "OPTIONS_OVER_LIMIT")
    names = {option["name"].casefold() for option in before}
    new, errors = stated_options(shop, [], args["options"], ["options"])
    if any(option["name"].casefold() in names for option in new):
        errors.append(user_error(["options"], "Option already exists", "OPTION_ALREADY_EXISTS"))
    if errors:
        return _answer(shop, draft, errors, enum, "OPTION_NAME_MISSING")
    product["options"] = [*before, *new]
    combinations = list(itertools.product(*([value["num"] for value in option["values"]] for option in new)))
    olds = [list(variant["values"]) for variant in draft.variants]
    for variant in draft.variants:
        variant["values"] = [*variant["values"], *combinations[0]]
    if args.get("variantStrategy") == "CREATE":
        if len(olds) * len(combinations) > MAX_VARIANTS:
            error = user_error(["options"], "Too many variants would be created", "TOO_MANY_VARIANTS_CREATED")
            return _answer(shop, draft, [error], enum, "TOO_MANY_VARIANTS_CREATED")
        for variant, old in zip(list(draft.variants), olds, strict=True):
            for combination in combinations[1:]:
                added = add_variant(shop, draft, [*old, *combination])
                added |= {name: variant.get(name) for name in ("price", "compareAtPrice", "taxable", "inventoryPolicy")}
    return _answer(shop, draft, [], enum, "OPTION_NAME_MISSING")


@mutation("productOptionUpdate")
def _update(context: Context, args: Args) -> dict[str, Any]:
    enum, shop = "ProductOptionUpdateUserErrorCode", context.shop
    product = product_of(shop, args["productId"])
    if product is None:
        return _missing()
    draft = open_draft(shop, product)
    given = args["option"]
    number = number_of(given["id"], "ProductOption")
    option = next((entry for entry in product["options"] if entry["num"] == number), None)
    if option is None:
        error = user_error(["option"], "Option does not exist", "OPTION_DOES_NOT_EXIST")
        return _answer(shop, draft, [error], enum, "OPTION_DOES_NOT_EXIST")
    place = _position(product["options"], option["num"])
    errors = _change_values(shop, draft, option, place, args)
    if given.get("name"):
        name = given["name"].strip()
        others = [other["name"].casefold() for other in product["options"] if other is not option]
        if name.casefold() in others:
            errors.append(user_error(["option", "name"], "Option already exists", "OPTION_ALREADY_EXISTS"))
        option["name"] = name
    if given.get("position") and not errors:
        _move(draft, place, given["position"] - 1)
    return _answer(shop, draft, errors, enum, "INVALID_NAME")


def _change_values(shop: Shop, draft: Draft, option: Option, place: int, args: Args) -> list[UserError]:
    errors: list[UserError] = []
    values = {value["num"]: value for value in option["values"]}
    for entry in args.get("optionValuesToUpdate") or []:
        value = values.get(number_of(entry["id"], "ProductOptionValue") or 0)
        if value is None:
            message, code = "Option value does not exist", "OPTION_VALUE_DOES_NOT_EXIST"
            errors.append(user_error(["optionValuesToUpdate"], message, code))
        elif entry.get("name"):
            value["name"] = entry["name"].strip()
    gone = {number_of(gid, "ProductOptionValue") for gid in args.get("optionValuesToDelete") or []}
    used = {variant["values"][place] for variant in draft.variants}
    manage = args.get("variantStrategy") == "MANAGE"
    if gone & used and not manage:
        message, code = "Cannot delete an option value that has variants", "OPTION_VALUE_HAS_VARIANTS"
        errors.append(user_error(["optionValuesToDelete"], message, code))
    if gone >= set(values):
        message, code = "Cannot delete all option values", "CANNOT_DELETE_ALL_OPTION_VALUES_IN_OPTION"
        errors.append(user_error(["optionValuesToDelete"], message, code))
    if errors:
        return errors
    option["values"] = [value for value in option["values"] if value["num"] not in gone]
    draft.variants = [variant for variant in draft.variants if variant["values"][place] not in gone]
    for entry in args.get("optionValuesToAdd") or []:
        value = {"num": shop.number(), "name": (entry.get("name") or "").strip()}
        option["values"].append(value)
        if manage:
            rests = {tuple(variant["values"][:place] + variant["values"][place + 1 :]) for variant in draft.variants}
            for rest in sorted(rests):
                add_variant(shop, draft, [*rest[:place], value["num"], *rest[place:]])
    names = [value["name"].casefold() for value in option["values"]]
    if len(set(names)) < len(names):
        errors.append(user_error(["optionValuesToAdd"], "Option value already exists", "OPTION_VALUE_ALREADY_EXISTS"))
    return errors


def _move(draft: Draft, place: int, wanted: int) -> None:
    """Move an option to another place, in the product and in the values of each variant."""
    for holder in (draft.product["options"], *(variant["values"] for variant in draft.variants)):
        holder.insert(wanted, holder.pop(place))


@mutation("productOptionsDelete")
def _delete(context: Context, args: Args) -> dict[str, Any]:
    enum, shop = "ProductOptionsDeleteUserErrorCode", context.shop
    product = product_of(shop, args["productId"])
    if product is None:
        return _missing()
    draft = open_draft(shop, product)
    for gid in args["options"]:
        number = number_of(gid, "ProductOption")
        if number is None or all(option["num"] != number for option in product["options"]):
            error = user_error(["options"], "Option does not exist", "OPTION_DOES_NOT_EXIST")
            return _answer(shop, draft, [error], enum, "OPTION_DOES_NOT_EXIST")
        place = _position(product["options"], number)
        if args.get("strategy", "DEFAULT") == "DEFAULT" and len({one["values"][place] for one in draft.variants}) > 1:
            message, code = "Cannot delete an option with multiple values", "CANNOT_DELETE_OPTION_WITH_MULTIPLE_VALUES"
            return _answer(shop, draft, [user_error(["options"], message, code)], enum, code)
        del product["options"][place]
        for variant in draft.variants:
            del variant["values"][place]
        if args.get("strategy") == "NON_DESTRUCTIVE" and repeated(draft.variants) is not None:
            message, code = "Variants would be deleted", "CANNOT_USE_NON_DESTRUCTIVE_STRATEGY"
            return _answer(shop, draft, [user_error(["options"], message, code)], enum, code)
        while (double := repeated(draft.variants)) is not None:
            del draft.variants[double]
    if not product["options"]:
        kept = draft.variants[0]
        new = add_default_variant(shop, draft)
        kept["values"] = new["values"]
        draft.items.pop(new["item"])
        draft.variants = [kept]
    answer = _answer(shop, draft, [], enum, "OPTION_DOES_NOT_EXIST")
    return {**answer, "deletedOptionsIds": list(args["options"])}


@mutation("productOptionsReorder")
def _reorder(context: Context, args: Args) -> dict[str, Any]:
    enum, shop = "ProductOptionsReorderUserErrorCode", context.shop
    product = product_of(shop, args["productId"])
    if product is None:
        return _missing()
    draft = open_draft(shop, product)
    for wanted, entry in enumerate(args["options"]):
        number = number_of(entry.get("id") or "", "ProductOption")
        found = [
            place
            for place, option in enumerate(product["options"])
            if option["num"] == number or option["name"] == entry.get("name")
        ]
        if not found:
            error = user_error(["options"], "Option does not exist", "OPTION_NAME_DOES_NOT_EXIST")
            return _answer(shop, draft, [error], enum, "OPTION_NAME_DOES_NOT_EXIST")
        _move(draft, found[0], wanted)
        values = product["options"][wanted]["values"]
        order = [value.get("name") for value in entry.get("values") or []]
        values.sort(key=lambda value: order.index(value["name"]) if value["name"] in order else len(order))
    places = {value["num"]: place for option in product["options"] for place, value in enumerate(option["values"])}
    draft.variants.sort(key=lambda variant: [places[value] for value in variant["values"]])
    return _answer(shop, draft, [], enum, "OPTION_NAME_DOES_NOT_EXIST")
