"""All mappings of an installation: each file checked alone, then both directions of an entity against each other."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shopify_fw360.errors import MAPPING_INVALID, SETTINGS_INVALID
from shopify_fw360.mapping.compiler import CompiledMapping, FieldRule, check_mapping
from shopify_fw360.mapping.loader import MappingDocument, read_file
from shopify_fw360.mapping.model import MergePolicy
from shopify_fw360.mapping.problems import MappingError, Problem
from shopify_fw360.mapping.registry import suggest
from shopify_fw360.records import Flow, Schema, System
from shopify_fw360.settings import SyncSettings


@dataclass(slots=True)
class CheckedDirectory:
    """What a check of mapping files found.

    Args:
        mappings: compiled mapping of each flow, without faulty fields.
        documents: file of each flow.
        problems: every fault.
    """

    mappings: dict[Flow, CompiledMapping] = field(default_factory=dict)
    documents: dict[Flow, MappingDocument] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def warnings(self) -> list[Problem]:
        """Deprecated fields and the like, which do not stop a flow."""
        return [warning for mapping in self.mappings.values() for warning in mapping.warnings]


def load_directory(
    path: Path,
    schemas: Mapping[System, Schema],
    granted_scopes: Collection[str] | None = None,
    settings: SyncSettings | None = None,
    policies: Mapping[str, MergePolicy] | None = None,
) -> dict[Flow, CompiledMapping]:
    """Read, check and compile all mappings of a directory.

    Args:
        path: holds files named ``<entity>.<source>_to_<target>.yaml``.
        schemas: of both systems.
        granted_scopes: access scopes the shop has granted; None leaves them unchecked.
        settings: of the installation; None is all defaults.
        policies: by group the policy that replaces that of the files.

    Returns:
        The compiled mapping of each flow that has a file.

    Raises:
        MappingError: every fault of every file at once.
    """
    checked = check_directory(path, schemas, granted_scopes, settings, policies)
    if checked.problems:
        raise MappingError(checked.problems)
    return checked.mappings


def check_directory(
    path: Path,
    schemas: Mapping[System, Schema],
    granted_scopes: Collection[str] | None = None,
    settings: SyncSettings | None = None,
    policies: Mapping[str, MergePolicy] | None = None,
) -> CheckedDirectory:
    """Check as much as is sound; arguments as in load_directory."""
    checked = CheckedDirectory()
    files = sorted(item for item in path.glob("*") if item.suffix in {".yaml", ".yml"}) if path.is_dir() else []
    if not files:
        message = "no mapping files (*.yaml) are here"
        checked.problems.append(Problem(MAPPING_INVALID, str(path), 1, None, "directory", message))
    for file in files:
        document, problems = read_file(file)
        checked.problems += problems
        if document is None:
            continue
        flow = document.flow
        checked.problems += _check_name(document, file, checked.documents.get(flow))
        mapping, problems = check_mapping(
            document, schemas[flow.source], schemas[flow.target], granted_scopes, settings, policies
        )
        checked.problems += problems
        checked.documents[flow] = document
        checked.mappings[flow] = mapping
    for flow, mapping in checked.mappings.items():
        reverse = checked.mappings.get(flow.reverse)
        if flow.source is System.SHOPIFY and reverse is not None:
            checked.problems += _check_pair(mapping, reverse)
            checked.problems += _check_lists(mapping, checked.documents[flow.reverse])
    groups = {rule.group for mapping in checked.mappings.values() for _, rule in mapping.all_rules if rule.group}
    for group in policies or {}:
        if group not in groups:
            message = f"no mapping has a group '{group}'{suggest(group, groups)}"
            checked.problems.append(Problem(SETTINGS_INVALID, str(path), 1, None, "policies", message))
    return checked


def corresponding(one: CompiledMapping, other: CompiledMapping) -> Iterator[tuple[FieldRule, FieldRule]]:
    """Find the fields that carry the same thing in both directions.

    Args:
        one: mapping of a flow.
        other: mapping of the reverse flow.

    Yields:
        Pairs of rules of which each is made of what the other one writes.
    """
    for _, mine in one.all_rules:
        for _, theirs in other.all_rules:
            if not theirs.main_paths.isdisjoint(mine.reads) and not mine.main_paths.isdisjoint(theirs.reads):
                yield mine, theirs


def _check_name(document: MappingDocument, file: Path, taken: MappingDocument | None) -> list[Problem]:
    flow = document.flow
    expected = f"{flow.entity.value}.{flow.source.value}_to_{flow.target.value}.yaml"
    problems = []
    if file.name != expected:
        problems.append(Problem(MAPPING_INVALID, document.file, 1, None, "file name", f"must be {expected}"))
    if taken is not None:
        message = f"{taken.file} describes the same flow"
        problems.append(Problem(MAPPING_INVALID, document.file, 1, None, "file", message))
    return problems


def _check_pair(one: CompiledMapping, other: CompiledMapping) -> list[Problem]:
    """Both directions must settle a conflict alike, or each run would undo the other's verdict."""
    problems = []
    for mine, theirs in corresponding(one, other):
        if mine.create_only or theirs.create_only:
            continue
        for rule, here, there in (("merge", mine.merge, theirs.merge), ("group", mine.group, theirs.group)):
            if here != there:
                where = f"{one.file}:{mine.line}, field {mine.full_name}"
                message = f"is {there}, but the same thing in the other direction has {here} ({where})"
                problems.append(Problem(MAPPING_INVALID, other.file, theirs.line, theirs.full_name, rule, message))
    return problems


def _check_lists(one: CompiledMapping, other: MappingDocument) -> list[Problem]:
    """Pairs of children are kept once for both directions, so both must call them the same."""
    problems = []
    for name, child in other.model.children.items():
        mine = one.children.get(child.from_)
        if mine is None:
            continue
        for rule, found, wanted in (("kind", child.kind, mine.kind), ("from", name, mine.source_list)):
            if found != wanted:
                message = f"{found!r} here, but {wanted!r} in the other direction ({one.file}, list {mine.name})"
                line = other.line("children", name, rule)
                problems.append(Problem(MAPPING_INVALID, other.file, line, name, rule, message))
    return problems
