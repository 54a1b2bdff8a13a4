"""The part of docs/mappings.md that lists the functions, made from the registry so that it cannot be out of date."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import yaml

import shopify_fw360.mapping.functions  # noqa: F401 - fills the registry
from shopify_fw360.mapping.registry import FUNCTIONS, Example, Function
from shopify_fw360.mapping.values import Invalid
from shopify_fw360.records import UNSET, FieldType

BEGIN: Final = "<!-- functions: begin, made by `python -m shopify_fw360.mapping refresh` -->"
END: Final = "<!-- functions: end -->"


def functions_section() -> str:
    """Return the functions as a Markdown table: name, what it takes and gives, meaning, arguments, examples."""
    lines = ["| Function | Takes → gives | What it does | Examples |", "| --- | --- | --- | --- |"]
    lines += [
        f"| `{name}` | {_types(function)} | {_cell(function.summary)}{_arguments(function)} | {_examples(function)} |"
        for name, function in sorted(FUNCTIONS.items())
    ]
    return "\n".join(lines)


def with_functions(text: str) -> str:
    """Return the text of docs/mappings.md with a fresh table between its marks.

    Raises:
        ValueError: the marks are missing.
    """
    head, begin, rest = text.partition(BEGIN)
    _old, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError("the marks of the functions table are missing")
    return f"{head}{BEGIN}\n\n{functions_section()}\n\n{END}{tail}"


def _types(function: Function) -> str:
    names = {FieldType.TEXT: "text", FieldType.TAGS: "list", None: "any"}
    given = "number" if function.gives in {FieldType.DECIMAL, FieldType.INTEGER} else None
    return f"{names[function.takes]} → {given or names.get(function.gives) or str(function.gives)}"


def _arguments(function: Function) -> str:
    if function.args is None:
        return ""
    parts = []
    for name, info in function.args.model_fields.items():
        text = f"`{name}`" + ("" if info.is_required() else " (optional)")
        parts.append(f"{text}: {_cell(info.description)}" if info.description else text)
    return f"<br>Arguments: {'; '.join(parts)}"


def _examples(function: Function) -> str:
    return "<br>".join(
        f"`{_call(example)}`: {_value(example.value)}{_given(example)} → {_value(example.result)}"
        for example in function.examples
    )


def _call(example: Example) -> str:
    text = yaml.safe_dump(example.call, default_flow_style=True, allow_unicode=True, width=1000)
    return _cell(text.removesuffix("...\n").strip())


def _given(example: Example) -> str:
    return f" with {', '.join(map(_value, example.given))}" if example.given else ""


def _value(value: Any) -> str:
    if value is None:
        return "*empty*"
    if value is UNSET:
        return "*left out*"
    if value is Invalid:
        return "*breaks the rule*"
    if isinstance(value, tuple):
        value = list(value)
    elif isinstance(value, Decimal):
        return f"`{value}`"
    return f"`{_cell(repr(value) if isinstance(value, list | str) else str(value))}`"


def _cell(text: str | None) -> str:
    return (text or "").replace("|", "\\|").replace("\n", " ")
