"""Run the examples a mapping file ships with."""

from __future__ import annotations

from typing import Any

from shopify_fw360.errors import MAPPING_INVALID
from shopify_fw360.mapping.compiler import CompiledMapping
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
    wanted_values = {name: _canonical(mapping, name, value) for name, value in (case.output or {}).items()}
    differences = [
        f"{name} is {_shown(row.values, name)} instead of {_shown(wanted_values, name)}"
        for name in {**wanted_values, **row.values}
        if name not in row.values or name not in wanted_values or row.values[name] != wanted_values[name]
    ]
    if row.defaulted != frozenset(case.defaulted):
        differences.append(f"defaults are {sorted(row.defaulted)} instead of {sorted(case.defaulted)}")
    return differences


def _canonical(mapping: CompiledMapping, name: str, value: Any) -> Any:
    rule = mapping.fields.get(name)
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
