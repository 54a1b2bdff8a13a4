"""Conflict policies as people choose them: per group of fields, and only those that fit every field of the group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, get_args

from shopify_fw360.mapping.directory import check_directory
from shopify_fw360.mapping.kinds import POLICY_TYPES
from shopify_fw360.mapping.problems import Problem
from shopify_fw360.records import FieldType
from shopify_fw360.settings import Policy, SyncSettings
from shopify_fw360.sync.wiring import schemas

POLICIES: Final[tuple[Policy, ...]] = get_args(Policy)

_Signature = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class PolicyGroup:
    """Fields of the mapping files whose conflicts are settled alike.

    Args:
        name: as in the mapping files.
        policy: what the files say.
        fields: by name of a flow the target fields.
        allowed: policies that fit the type of every field.
    """

    name: str
    policy: Policy
    fields: Mapping[str, tuple[str, ...]]
    allowed: tuple[Policy, ...]


def policy_groups(directory: Path) -> dict[str, PolicyGroup]:
    """Return the groups of the mapping files, in the order of the files.

    Args:
        directory: of the mapping files; those that are faulty count as far as they are sound.
    """
    return _groups(directory, _signature(directory))


def mapping_faults(directory: Path, settings: SyncSettings) -> list[Problem]:
    """Return what is wrong with the mapping files under some settings.

    Args:
        directory: of the mapping files.
        settings: that shape them: policies, invented addresses.
    """
    return check_directory(directory, schemas(), None, settings, settings.policies).problems


def _signature(directory: Path) -> _Signature:
    files = sorted(directory.glob("*.y*ml"))
    return tuple((file.name, stat.st_mtime_ns, stat.st_size) for file, stat in ((one, one.stat()) for one in files))


@lru_cache(maxsize=4)  # compiling the files takes a second
def _groups(directory: Path, signature: _Signature) -> dict[str, PolicyGroup]:  # noqa: ARG001 - part of the key
    fields: dict[str, dict[str, list[str]]] = {}
    types: dict[str, set[FieldType]] = {}
    policies: dict[str, Policy] = {}
    for flow, mapping in check_directory(directory, schemas()).mappings.items():
        for name, rule in mapping.all_rules:
            if rule.group is None:
                continue
            fields.setdefault(rule.group, {}).setdefault(flow.name, []).append(name)
            policies.setdefault(rule.group, rule.merge)
            if not rule.create_only:
                types.setdefault(rule.group, set()).add(rule.target.type)
    return {
        group: PolicyGroup(
            group,
            policies[group],
            {flow: tuple(names) for flow, names in fields[group].items()},
            tuple(one for one in POLICIES if types.get(group, set()) <= POLICY_TYPES.get(one, set(FieldType))),
        )
        for group in fields
    }
