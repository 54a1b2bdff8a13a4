"""Run the examples a mapping file ships with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shopify_fw360.errors import MAPPING_INVALID
from shopify_fw360.mapping.compiler import CompiledMapping, FieldRule
from shopify_fw360.mapping.engine import Rejection, Row, transform
from shopify_fw360.mapping.loader import MappingDocument
from shopify_fw360.mapping.model import Case
from shopify_fw360.mapping.problems import Problem
from shopify_fw360.mapping.values import CONVERTERS, Invalid
from shopify_fw360.records import FieldType


def run_examples(mapping: CompiledMapping, document: MappingDocument) -> list[Problem]:
    """Transform the examples of a file and compare.

    Args:
        mapping: compiled of the document.
        document: holds the examples.

    Returns:
        One problem per example that comes out differently, with the line of the example and every difference.
    """
    problems = []
    for position, case in enumerate(document.model.examples):
        differences = run_example(mapping, case)
        if differences:
            line = document.line("examples", position)
            message = f"'{case.name}' comes out differently: {'; '.join(differences)}"
            problems.append(Problem(MAPPING_INVALID, document.file, line, None, "examples", message))
    return problems


def run_example(mapping: CompiledMapping, case: Case) -> list[str]:
    """Transform one example; return the differences in words, none if it comes out as stated."""
    row = transform(mapping, [case.input]).rows[0]
    if case.parked is not None:
        if isinstance(row, Row):
            return ["it is not parked"]
        found, wanted = (row.code.code, row.field), (case.parked.code, case.parked.field)
        return [] if found == wanted else [f"parked with {found[0]} on {found[1]}: {row.message}"]
    if isinstance(row, Rejection):
        return [f"parked with {row.code.code} on {row.field}: {row.message}"]
    output = dict(case.output or {})
    differences = []
    for name, child in mapping.children.items():
        listed = output.pop(name, None)
        found_rows = row.children.get(name)
        if listed is None and found_rows is None:
            continue
        wanted_rows = listed if isinstance(listed, list) else []
        if found_rows is None or len(found_rows) != len(wanted_rows):
            number = "left out" if found_rows is None else f"{len(found_rows)} items"
            differences.append(f"{name} is {number} instead of {len(wanted_rows)} items")
            continue
        for place, (found_row, wanted_row) in enumerate(zip(found_rows, wanted_rows, strict=True), 1):
            differences += _differences(child.fields, found_row.values, wanted_row, f"{name}[{place}].")
    differences = _differences(mapping.fields, row.values, output) + differences
    defaulted = row.defaulted | {
        f"{name}[{place}].{field}"
        for name, rows in row.children.items()
        for place, child_row in enumerate(rows, 1)
        for field in child_row.defaulted
    }
    if defaulted != frozenset(case.defaulted):
        differences.append(f"defaults are {sorted(defaulted)} instead of {sorted(case.defaulted)}")
    return differences


def _differences(
    rules: Mapping[str, FieldRule], values: dict[str, Any], stated: Mapping[str, Any], prefix: str = ""
) -> list[str]:
    wanted = {name: _canonical(rules.get(name), value) for name, value in stated.items()}
    return [
        f"{prefix}{name} is {_shown(values, name)} instead of {_shown(wanted, name)}"
        for name in {**wanted, **values}
        if name not in values or name not in wanted or values[name] != wanted[name]
    ]


def _canonical(rule: FieldRule | None, value: Any) -> Any:
    if rule is None:
        return value
    if value is None:
        return () if rule.target.type is FieldType.TAGS else None
    try:
        return CONVERTERS[rule.target.type](value)
    except Invalid:
        return value


def _shown(values: dict[str, Any], name: str) -> str:
    return repr(values[name]) if name in values else "left out"
