"""Options of a product, derived from its variants: Framework360 keeps them with the product, Shopify orders them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from shopify_fw360.errors import VALUE_INVALID, SyncError
from shopify_fw360.framework360 import wire

Pairs: TypeAlias = Sequence[Sequence[str]]
"""Option values of one variant: pairs of name and value."""


@dataclass(frozen=True, slots=True)
class Options:
    """Options of a product and the values of each variant.

    Args:
        rows: the product's `attributi` as they are written.
        values: for each variant its value by option name.
    """

    rows: list[dict[str, Any]]
    values: list[dict[str, str]]


def derive_options(
    variants: Sequence[Pairs],
    *,
    from_source: Sequence[bool],
    present: Sequence[Sequence[Any]],
    place: Callable[[int], str],
) -> Options:
    """Derive the options of a product from its variants.

    Options and values keep the order they have; new ones follow. Where the number of options stays the same, a name
    that is new takes the place of the one that is gone, also in variants that only Framework360 has.

    Args:
        variants: option values of each variant.
        from_source: for each variant whether the source has it; what the source says decides which options there are.
        present: the product's options as it holds them, pairs of name and values.
        place: names the field of a variant in errors.

    Raises:
        SyncError: SYNC-202 for variants whose options differ, are empty, or stand twice.
    """
    given = [_checked(pairs, place(number)) for number, pairs in enumerate(variants)]
    leading = [values for values, leads in zip(given, from_source, strict=True) if leads] or given
    wanted = list(leading[0])
    known = {str(name): [str(value) for value in values] for name, values in present}
    renamed = _renamed(list(known), wanted)
    names = [renamed.get(name, name) for name in known if renamed.get(name, name) in wanted]
    names += [name for name in wanted if name not in names]
    result = []
    seen: dict[frozenset[tuple[str, str]], int] = {}
    for number, values in enumerate(given):
        own = values if from_source[number] else {renamed.get(name, name): value for name, value in values.items()}
        if set(own) != set(names):
            raise _refused(
                f"this variant has the options {', '.join(own)}, the product {', '.join(names)}", place(number)
            )
        twin = seen.setdefault(frozenset(own.items()), number)
        if twin != number:
            raise _refused(f"two variants have the same option values: {place(twin)} and this one", place(number))
        result.append({name: own[name] for name in names})
    former = {renamed.get(name, name): values for name, values in known.items()}
    rows = []
    for position, name in enumerate(names, 1):
        used = dict.fromkeys(values[name] for values in result)
        texts = [value for value in former.get(name, ()) if value in used]
        texts += [value for value in used if value not in texts]
        rows.append({wire.ATTRIBUTE_NAME: name, wire.ATTRIBUTE_VALUES: texts, wire.POSITION: position})
    return Options(rows, result)


def _renamed(known: Sequence[str], wanted: Sequence[str]) -> Mapping[str, str]:
    """Return old to new name, where the number of options stays the same."""
    if len(known) != len(wanted):
        return {}
    gone = [name for name in known if name not in wanted]
    fresh = [name for name in wanted if name not in known]
    return dict(zip(gone, fresh, strict=True))


def _checked(pairs: Pairs, field: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for pair in pairs:
        if isinstance(pair, str) or len(pair) != 2 or not all(isinstance(text, str) for text in pair):
            raise _refused("option values are pairs of name and value", field)
        name, value = (text.strip() for text in pair)
        if name in wire.EMPTY_WORDS or value in wire.EMPTY_WORDS:
            raise _refused(f"the option {name!r} has the value {value!r}, which Framework360 takes for nothing", field)
        if name in values:
            raise _refused(f"the option {name!r} stands twice", field)
        values[name] = value
    return values


def _refused(message: str, field: str) -> SyncError:
    return SyncError(VALUE_INVALID, message, field=field, rule="options of a product")
