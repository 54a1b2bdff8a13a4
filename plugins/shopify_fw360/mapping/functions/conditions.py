"""Functions whose result depends on another value of the same record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar

from pydantic import Field

from shopify_fw360.mapping.registry import Args, Context, Example, Function, register
from shopify_fw360.records import UNSET, FieldType


class Condition(Args):
    """Arguments of only_if."""

    flag: Annotated[str, Field(description="Source path of a flag.")]
    shorthand: ClassVar[str | None] = "flag"
    paths: ClassVar[tuple[str, ...]] = ("flag",)


def _only_if(_args: Condition, _context: Context) -> Callable[[Any, str | None], Any]:
    return lambda value, flag: value if flag == "true" else UNSET


register(
    Function(
        "only_if",
        "Leaves the field out unless the flag at another path is true.",
        None,
        None,
        _only_if,
        args=Condition,
        examples=[
            Example({"only_if": "gestione_magazzino"}, 5, 5, ("true",)),
            Example({"only_if": "gestione_magazzino"}, 5, UNSET, ("false",)),
        ],
    )
)


class Fit(Args):
    """Arguments of fitting."""

    to: Annotated[str, Field(description="Source path of the coarser value.")]
    values: Annotated[
        dict[str, tuple[str, ...]], Field(min_length=1, description="By coarser value the finer ones that fit to it.")
    ]
    paths: ClassVar[tuple[str, ...]] = ("to",)
    carried: ClassVar[tuple[str, ...]] = ("to",)


def _fitting(args: Fit, _context: Context) -> Callable[[str, str | None], str | None]:
    allowed = {coarse: frozenset(fine) for coarse, fine in args.values.items()}
    return lambda value, coarse: value if value in allowed.get(coarse or "", ()) else None


register(
    Function(
        "fitting",
        "The text if it is one of those that fit to the coarser value at another path, else empty. A value of many "
        "states, kept beside one of few, counts as long as nobody changed the other one.",
        FieldType.TEXT,
        FieldType.TEXT,
        _fitting,
        args=Fit,
        examples=[
            Example({"fitting": {"to": "attivo", "values": {"false": ["DRAFT"]}}}, "DRAFT", "DRAFT", ("false",)),
            Example({"fitting": {"to": "attivo", "values": {"false": ["DRAFT"]}}}, "DRAFT", None, ("true",)),
        ],
    )
)
