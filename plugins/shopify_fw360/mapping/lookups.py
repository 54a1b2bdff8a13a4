"""The systems' schemas as seen by one mapping file: what its names mean, and every fault found on the way."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from shopify_fw360.errors import MAPPING_INVALID, MAPPING_SCOPE, MAPPING_UNKNOWN_FIELD, ErrorCode
from shopify_fw360.mapping.kinds import SAME
from shopify_fw360.mapping.loader import MappingDocument
from shopify_fw360.mapping.model import Rule
from shopify_fw360.mapping.problems import Problem
from shopify_fw360.mapping.values import METAFIELD_TYPES
from shopify_fw360.records import FieldType, Schema, SourceField, System, TargetField, UnknownFieldError


class Skip(Exception):  # noqa: N818 - ends the work on one rule whose fault is already noted
    """The rule cannot be compiled further; the fault is among the problems."""


@dataclass(frozen=True, slots=True)
class ListPlace:
    """A list of child records in a schema.

    Args:
        name: of the list.
        accessor: keys that lead to it.
    """

    name: str
    accessor: tuple[str, ...]

    def absolute(self, path: str) -> str:
        """Return the schema's path of a field of an item."""
        return f"{self.name}[].{path}"

    def relative(self, found: SourceField) -> SourceField:
        """Return a field of an item as it is read from the item itself; its path stays that of the schema."""
        return replace(found, accessor=found.accessor[len(self.accessor) + 1 :])


@dataclass(slots=True)
class Work:
    """One rule while it is compiled.

    Args:
        name: of the target field; of a child's field ``list.field``.
        place: keys that lead to it in the file.
        line: in the file.
        target: name by which the target's schema knows it; of a child's field ``list[].field``.
        within: list of the source its paths are relative to, None for a field of the record itself.
        paths: source paths it turned out to use.
        main_paths: those among them whose value it carries.
    """

    name: str
    place: tuple[str, ...]
    line: int
    target: str
    within: ListPlace | None = None
    paths: set[str] = field(default_factory=set)
    main_paths: set[str] = field(default_factory=set)


class Lookups:
    """Finds fields in both schemas and collects faults, warnings and the fields used.

    Args:
        document: the file.
        source: schema of the system that is read.
        target: schema of the system that is written.
        granted: access scopes the shop has granted; None leaves them unchecked.
    """

    def __init__(
        self, document: MappingDocument, source: Schema, target: Schema, granted: Collection[str] | None
    ) -> None:
        self._document = document
        self._source = source
        self._target = target
        self._granted = granted
        self.sources: dict[str, SourceField] = {}
        self.read_paths: set[str] = set()
        self.warnings: list[Problem] = []
        self.problems: list[Problem] = []

    def line(self, work: Work, rule: str) -> int:
        """Return the line of a key of a rule; ``map x`` is the entry x of the key map."""
        return self._document.line(*work.place, *rule.split(" ", 1))

    def report(self, work: Work, rule: str, message: str, *, code: ErrorCode = MAPPING_INVALID) -> None:
        """Note a fault."""
        self.problems.append(Problem(code, self._document.file, self.line(work, rule), work.name, rule, message))

    def report_at(self, place: tuple[str | int, ...], name: str, message: str) -> None:
        """Note a fault of a key outside of the rules."""
        line = self._document.line(*place)
        self.problems.append(Problem(MAPPING_INVALID, self._document.file, line, name, str(place[0]), message))

    def find_list(self, schema_of: System, name: str, place: tuple[str, ...]) -> ListPlace | None:
        """Return a list of child records, None if the system has none of that name or its items have no id.

        Args:
            schema_of: the system.
            name: of the list.
            place: key of the file that names it.
        """
        schema = self._source if schema_of is self._document.model.source else self._target
        try:
            found = schema.source(self._document.model.entity, f"{name}[].id")
        except UnknownFieldError as error:
            line = self._document.line(*place)
            rule = place[2] if len(place) > 2 else "children"
            self.problems.append(
                Problem(MAPPING_UNKNOWN_FIELD, self._document.file, line, place[1], rule, unknown(error))
            )
            return None
        if schema is self._source:
            self.sources.setdefault(found.path, found)
        else:
            self.read_paths.add(found.path)
        return ListPlace(name, found.accessor[: found.accessor.index("*")])

    def knows(self, work: Work, path: str) -> UnknownFieldError | None:
        """Return None if the source has a field at the path, else why not."""
        try:
            self._source.source(
                self._document.model.entity, path if work.within is None else work.within.absolute(path)
            )
        except UnknownFieldError as error:
            return error
        return None

    def find_target(self, work: Work, rule: Rule) -> TargetField | None:
        """Return the target field with the type the rule gives it, None if the system has no such field."""
        try:
            target = self._target.target(self._document.model.entity, work.target)
        except UnknownFieldError as error:
            self.report(work, "target field", unknown(error), code=MAPPING_UNKNOWN_FIELD)
            return None
        wanted = rule.type
        if rule.metafield_type is not None:
            if target.metafield_type is None:
                self.report(work, "metafield_type", "this field is no metafield")
                return target
            metafield_type = METAFIELD_TYPES[rule.metafield_type]
            if wanted not in (None, metafield_type):
                self.report(work, "type", f"a metafield of type {rule.metafield_type} holds {metafield_type.value}")
            wanted = metafield_type
            target = replace(target, metafield_type=rule.metafield_type)
        elif wanted not in (None, target.type) and target.type not in (FieldType.TEXT, FieldType.JSON):
            self.report(work, "type", f"the system fixes the type of this field: {target.type.value}")
            wanted = None
        if wanted in (None, target.type):
            return target
        return replace(target, type=wanted, same=SAME[wanted], max_length=None)

    def find_present(self, work: Work, target: TargetField | None, within: ListPlace | None) -> tuple[SourceField, ...]:
        """Return where the target's present value is read; within a list relative to its item."""
        found = []
        for path in () if target is None else target.reads:
            try:
                present = self._target.source(self._document.model.entity, path)
            except UnknownFieldError as error:
                self.report(work, "target field", f"its present value: {unknown(error)}", code=MAPPING_UNKNOWN_FIELD)
                continue
            self._check_scopes(work, present, self._document.model.target, "target field")
            self.read_paths.add(present.path)
            found.append(present if within is None else within.relative(present))
        return tuple(found)

    def path(self, work: Work, path: str, rule: str, *, main: bool = False) -> SourceField:
        """Return the source field at a path and note its use; raise Skip if there is none."""
        if work.within is not None:
            found = self._absolute(work, work.within.absolute(path), rule, main=main)
            return work.within.relative(found)
        return self._absolute(work, path, rule, main=main)

    def _absolute(self, work: Work, path: str, rule: str, *, main: bool) -> SourceField:
        work.paths.add(path)
        if main:
            work.main_paths.add(path)
        if path in self.sources:
            return self.sources[path]
        try:
            found = self._source.source(self._document.model.entity, path)
        except UnknownFieldError as error:
            self.report(work, rule, unknown(error), code=MAPPING_UNKNOWN_FIELD)
            raise Skip from error
        self.sources[path] = found
        if found.deprecated is not None:
            self.warnings.append(
                Problem(
                    MAPPING_UNKNOWN_FIELD,
                    self._document.file,
                    self.line(work, rule),
                    work.name,
                    rule,
                    f"{path} is deprecated: {found.deprecated}",
                )
            )
        self._check_scopes(work, found, self._document.model.source, rule)
        return found

    def _check_scopes(self, work: Work, found: SourceField, system: System, rule: str) -> None:
        """Scopes are Shopify's; a write scope includes the read scope (Shopify: access scopes)."""
        if self._granted is None or system is not System.SHOPIFY or not found.scopes:
            return
        granted = set(self._granted) | {f"read_{name[6:]}" for name in self._granted if name.startswith("write_")}
        if granted.isdisjoint(found.scopes):
            needed = " or ".join(found.scopes)
            self.report(work, rule, f"{found.path} needs the scope {needed}, which is not granted", code=MAPPING_SCOPE)


def unknown(error: UnknownFieldError) -> str:
    """Return what is wrong with an unknown name, with suggestions."""
    hint = f"; did you mean {' or '.join(error.suggestions)}?" if error.suggestions else ""
    return f"{error.path}: {error.reason}{hint}"
