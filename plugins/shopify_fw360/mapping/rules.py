"""What a compiled mapping is: the values that the engine and the sync core work with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from shopify_fw360.mapping.model import MergePolicy
from shopify_fw360.mapping.pipeline import Pipeline
from shopify_fw360.mapping.problems import Problem
from shopify_fw360.records import UNSET, FieldType, Flow, SourceField, TargetField


@dataclass(frozen=True, slots=True)
class FieldRule:
    """What the mapping says about one target field.

    Args:
        name: of the target field.
        target: the field, with the type the mapping gives it.
        merge: who wins if both sides changed it.
        create_only: whether it is written only when the counterpart is created.
        required: whether a record without a value is parked.
        group: name under which settings replace the policy, None if they cannot.
        paths: source paths that feed it, those of defaults and arguments included.
        main_paths: source paths whose value it carries.
        present: where the target's present value is read, in order of preference.
        pipeline: how its value is made.
        line: in the mapping file.
        refers: source list, or of a field of the record the entity, to which the value refers by an id; None for an
            ordinary value.
        omits: whether some texts of the source mean nothing, so that what the opposite direction writes where it has no
            value does not come back.
    """

    name: str
    target: TargetField
    merge: MergePolicy
    create_only: bool
    required: bool
    group: str | None
    paths: frozenset[str]
    main_paths: frozenset[str]
    present: tuple[SourceField, ...]
    pipeline: Pipeline
    line: int
    refers: str | None = None
    omits: bool = False

    @property
    def full_name(self) -> str:
        """Name in messages: that of the field, of a child's field ``list.field``."""
        return self.target.name.replace("[].", ".")

    @property
    def is_union(self) -> bool:
        """Whether the entries of a list are carried one by one, so that those of both sides survive."""
        return self.target.type is FieldType.TAGS and self.merge == "union"

    @property
    def reads(self) -> tuple[str, ...]:
        """Paths of the target system whose first non-empty value is the field's present value."""
        return self.target.reads


@dataclass(frozen=True, slots=True)
class ChildMapping:
    """What the mapping says about a list of children: variants, images.

    Args:
        name: of the target list.
        source_list: name of the source list.
        kind: of the rows that keep the pairs of ids.
        match: target fields of a child, tried in order, that find the counterpart of a child without a link.
        fields: rules by bare target field, relative to one child.
        source_accessor: keys that lead from a source record to its list.
        target_accessor: keys that lead from a target record to its list.
        order: target field that holds the place of a child in its list, None to leave the order to the target.
        min_items: fewest children a record may have.
        max_items: most children a record may have, None for no limit.
    """

    name: str
    source_list: str
    kind: str
    match: tuple[str, ...]
    fields: Mapping[str, FieldRule]
    source_accessor: tuple[str, ...]
    target_accessor: tuple[str, ...]
    order: str | None = None
    min_items: int = 0
    max_items: int | None = None


@dataclass(frozen=True, slots=True)
class CompiledMapping:
    """A mapping checked against both systems, ready to run.

    Args:
        flow: entity and direction.
        fields: rules by target field, in the order of the file.
        match: natural keys, tried in order: target fields, or ``list.field`` for a field of any child.
        names: target fields a person knows the record by; the parts of the first entry with a value are shown.
        digest: of the meaning of the mapping; comments, layout and examples do not count.
        sources: source fields the mapping reads.
        read_paths: paths of the target system that tell the present values.
        warnings: deprecated fields and the like.
        file: the mapping file, for messages.
        children: by target list.
        on_delete: what is written to the counterpart of a deleted record, if the settings want that.
    """

    flow: Flow
    fields: Mapping[str, FieldRule]
    match: tuple[str, ...]
    names: tuple[tuple[str, ...], ...]
    digest: str
    sources: tuple[SourceField, ...]
    read_paths: frozenset[str]
    warnings: tuple[Problem, ...]
    file: str
    children: Mapping[str, ChildMapping] = field(default_factory=dict)
    on_delete: Mapping[str, Any] = field(default_factory=dict)

    @property
    def paths(self) -> frozenset[str]:
        """Source paths the mapping reads."""
        return frozenset(source.path for source in self.sources)

    def rule_of(self, name: str) -> FieldRule | None:
        """Return the rule of a target field, or of ``list.field``; None if there is none."""
        if name in self.fields:
            return self.fields[name]
        list_name, _, field_name = name.partition(".")
        child = self.children.get(list_name)
        return None if child is None else child.fields.get(field_name)

    @property
    def all_rules(self) -> Iterator[tuple[str, FieldRule]]:
        """Every rule with its name, those of children as ``list.field``."""
        yield from self.fields.items()
        for list_name, child in self.children.items():
            for name, rule in child.fields.items():
                yield f"{list_name}.{name}", rule

    @property
    def protected(self) -> frozenset[str]:
        """Source paths of protected data among them."""
        return frozenset(source.path for source in self.sources if source.protected)

    def name_of(self, values: Mapping[str, Any]) -> str:
        """Return what a person calls the record.

        Args:
            values: target values; unknown and empty ones are skipped.

        Returns:
            Text for lists, empty if nothing is known.
        """
        for parts in self.names:
            texts = [str(values[part]) for part in parts if values.get(part, UNSET) not in (None, UNSET, ())]
            if texts:
                return " ".join(texts)
        return ""
