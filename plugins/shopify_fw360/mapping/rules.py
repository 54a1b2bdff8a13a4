"""What a compiled mapping is: the values that the engine and the sync core work with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shopify_fw360.mapping.model import MergePolicy
from shopify_fw360.mapping.pipeline import Pipeline
from shopify_fw360.mapping.problems import Problem
from shopify_fw360.records import UNSET, Flow, SourceField, TargetField


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

    @property
    def reads(self) -> tuple[str, ...]:
        """Paths of the target system whose first non-empty value is the field's present value."""
        return self.target.reads


@dataclass(frozen=True, slots=True)
class CompiledMapping:
    """A mapping checked against both systems, ready to run.

    Args:
        flow: entity and direction.
        fields: rules by target field, in the order of the file.
        match: natural keys (target fields), tried in order.
        names: target fields a person knows the record by; the parts of the first entry with a value are shown.
        digest: of the meaning of the mapping; comments, layout and examples do not count.
        sources: source fields the mapping reads.
        read_paths: paths of the target system that tell the present values.
        warnings: deprecated fields and the like.
        file: the mapping file, for messages.
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

    @property
    def paths(self) -> frozenset[str]:
        """Source paths the mapping reads."""
        return frozenset(source.path for source in self.sources)

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
