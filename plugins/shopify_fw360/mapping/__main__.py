"""Command line for the people who edit mappings: check, show, try, refresh."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from shopify_fw360.errors import MAPPING_INVALID
from shopify_fw360.mapping.compiler import CompiledMapping
from shopify_fw360.mapping.directory import CheckedDirectory, check_directory
from shopify_fw360.mapping.engine import transform
from shopify_fw360.mapping.examples import run_examples
from shopify_fw360.mapping.json_schema import FILE_NAME, schema_text
from shopify_fw360.mapping.model import Applied, FirstOf, Join, Rule, Value
from shopify_fw360.mapping.problems import MappingError, Problem
from shopify_fw360.mapping.reference import with_functions
from shopify_fw360.records import Schema, System

SCHEMAS = {
    System.SHOPIFY: "shopify_fw360.shopify.schema:ShopifySchema",
    System.FRAMEWORK360: "shopify_fw360.framework360.schema:Framework360Schema",
}
"""Where each system's schema is found. They are named, not imported: this room knows only the Schema protocol."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code: 0 fine, 1 problems found, 2 wrong usage."""
    options = _parser().parse_args(arguments)
    try:
        result: int = options.command(options)
    except MappingError as error:
        _print(str(problem) for problem in error.problems)
        return 1
    return result


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m shopify_fw360.mapping", description=__doc__)
    commands = parser.add_subparsers(required=True)
    check = commands.add_parser("check", help="check all mappings of a directory and run their examples")
    check.add_argument("directory", type=Path)
    check.set_defaults(command=_check)
    show = commands.add_parser("show", help="print the fields of a mapping as a table")
    show.add_argument("file", type=Path)
    show.set_defaults(command=_show)
    attempt = commands.add_parser("try", help="transform records of a JSON file (a list, or one record per line)")
    attempt.add_argument("file", type=Path)
    attempt.add_argument("records", type=Path)
    attempt.set_defaults(command=_try)
    refresh = commands.add_parser("refresh", help="rewrite the JSON Schema and the functions table of the reference")
    refresh.add_argument("directory", type=Path, help="of the mappings")
    refresh.add_argument("reference", type=Path, help="docs/mappings.md")
    refresh.set_defaults(command=_refresh)
    return parser


def _schemas() -> dict[System, Schema]:
    result: dict[System, Schema] = {}
    for system, name in SCHEMAS.items():
        module, _, attribute = name.partition(":")
        result[system] = getattr(importlib.import_module(module), attribute)()
    return result


def _checked(directory: Path) -> CheckedDirectory:
    return check_directory(directory, _schemas())


def _check(options: argparse.Namespace) -> int:
    checked = _checked(options.directory)
    problems = list(checked.problems)
    broken = {problem.file for problem in problems}
    for flow, document in checked.documents.items():
        if document.file not in broken:
            problems += run_examples(checked.mappings[flow], document)
    _print(f"{warning} (warning)" for warning in checked.warnings)
    _print(str(problem) for problem in sorted(problems, key=lambda problem: (problem.file, problem.line)))
    if problems:
        _print([f"{len(problems)} problem(s). {_next_step(problems)}"])
        return 1
    for flow, mapping in checked.mappings.items():
        examples = len(checked.documents[flow].model.examples)
        lists = "".join(f", {len(child.fields)} of {name}" for name, child in mapping.children.items())
        _print([f"{mapping.file}: {len(mapping.fields)} fields{lists}, {examples} examples, digest {mapping.digest}"])
    return 0


def _next_step(problems: Sequence[Problem]) -> str:
    return "Next step: " + " ".join(dict.fromkeys(problem.code.fix for problem in problems))


def _find(file: Path) -> tuple[CompiledMapping, dict[str, Rule]]:
    """Return a mapping with its rules as written, those of children as ``list.field``."""
    checked = _checked(file.parent)
    own = [problem for problem in checked.problems if problem.file == str(file)]
    if own:
        raise MappingError(own)
    for flow, document in checked.documents.items():
        if document.file == str(file):
            rules = dict(document.model.fields)
            for name, child in document.model.children.items():
                rules.update((f"{name}.{field}", rule) for field, rule in child.fields.items())
            return checked.mappings[flow], rules
    raise MappingError([Problem(MAPPING_INVALID, str(file), 1, None, "file", "there is no such mapping file")])


def _show(options: argparse.Namespace) -> int:
    mapping, rules = _find(options.file)
    rows = [("FIELD", "TYPE", "FROM", "APPLY", "MERGE", "NOTES")]
    for name, compiled in mapping.all_rules:
        rule = rules[name]
        calls = ", ".join(json.dumps(call.plain()).strip('"') for call in rule.apply)
        rows.append((name, compiled.target.type.value, _source(rule.from_), calls, compiled.merge, _notes(rule)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    _print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    _print(
        [f"match: {', '.join(mapping.match) or 'none'}; protected: {', '.join(sorted(mapping.protected)) or 'none'}"]
    )
    return 0


def _source(expression: Any) -> str:
    if isinstance(expression, FirstOf):
        return " | ".join(_source(part) for part in expression.first_of)
    if isinstance(expression, Join):
        return " + ".join(_source(part) for part in expression.join)
    if isinstance(expression, Value):
        return json.dumps(expression.value, default=str)
    return _source(expression.from_) if isinstance(expression, Applied) else str(expression)


def _notes(rule: Rule) -> str:
    notes = ["required"] if rule.required else []
    if rule.default is not None:
        notes.append("default")
    if rule.map is not None:
        notes.append(f"map of {len(rule.map)}")
    if rule.omit:
        notes.append(f"omits {', '.join(rule.omit)}")
    if rule.on == "create":
        notes.append("on create")
    if rule.on_invalid == "omit":
        notes.append("omitted if invalid")
    return ", ".join(notes)


def _try(options: argparse.Namespace) -> int:
    mapping, _rules = _find(options.file)
    result = transform(mapping, _read_records(options.records))
    frame = result.frame()
    _print(frame.loc[index].dropna().to_string() + "\n" for index in frame.index)
    _print(f"{item.field} of record {item.index} left out: {item.message}" for item in result.omissions)
    return 0


def _read_records(path: Path) -> list[Any]:
    text = path.read_text(encoding="utf-8")
    if text.lstrip().startswith("["):
        found = json.loads(text)
        return found if isinstance(found, list) else [found]
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def _refresh(options: argparse.Namespace) -> int:
    (options.directory / FILE_NAME).write_text(schema_text(), encoding="utf-8")
    reference = options.reference.read_text(encoding="utf-8")
    options.reference.write_text(with_functions(reference), encoding="utf-8")
    return 0


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
