"""Where the settings are kept, and how a person's changes get there: checked, compared, noted with who made them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from shopify_fw360.errors import SETTINGS_INVALID
from shopify_fw360.mapping.problems import Problem, short_name
from shopify_fw360.settings import Fault, SyncSettings, faults_of
from shopify_fw360.store import AuditEntry, Store
from shopify_fw360.sync.policies import mapping_faults
from shopify_fw360.web.i18n import N_, Language

OWN_HANDS: Final = ("pair_id", "managed_as_code")
"""Settings that this page does not change: each would make the page speak of something else, or lock it."""

_CREDENTIALS: Final = re.compile(r"//[^/@\s]*@")


@dataclass(frozen=True, slots=True)
class Kept:
    """The settings as they are kept.

    Args:
        text: JSON, None if nothing was set.
        elsewhere: what holds them where they cannot be changed from here, None if they can.
    """

    text: str | None = None
    elsewhere: str | None = None

    @property
    def version(self) -> str:
        """A text that differs if the settings do."""
        return hashlib.sha256((self.text or "").encode()).hexdigest()[:16]

    @property
    def document(self) -> dict[str, Any]:
        """The settings as a person wrote them, without defaults."""
        given = json.loads(self.text) if self.text and self.text.strip() else {}
        return given if isinstance(given, dict) else {}


class SettingsKeeper(Protocol):
    """Where the settings are kept."""

    def read(self) -> Kept:
        """Return them as they are now."""

    def replace(self, before: Kept, text: str) -> bool:
        """Keep a text in their place, unless they are no longer as before; return whether it was kept."""


class Defaults:
    """A keeper without a place to keep anything: pages that run without Airflow show the defaults."""

    def read(self) -> Kept:
        """Return that nothing was set."""
        return Kept(elsewhere=N_("a server without Airflow"))

    def replace(self, before: Kept, text: str) -> bool:  # noqa: ARG002 - the protocol's arguments
        """Return that nothing was kept."""
        return False


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one setting is not accepted.

    Args:
        field: its dotted name, empty where the whole is meant.
        reason: what is wrong.
        fix: what to do.
    """

    field: str
    reason: str
    fix: str


def merged(document: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Apply a JSON Merge Patch (RFC 7396): null takes a setting away, objects are merged, all else replaces.

    Args:
        document: JSON object.
        patch: JSON object.

    Returns:
        A new object; objects that became empty are left out.
    """
    result = dict(document)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            inner = result.get(key)
            result[key] = merged(inner if isinstance(inner, Mapping) else {}, value)
            if not result[key]:
                del result[key]
        else:
            result[key] = value
    return result


def refusals(
    document: Mapping[str, Any], patch: Mapping[str, Any], before: SyncSettings, mappings: Callable[[], Path]
) -> list[Fault]:
    """Return why settings are not accepted, empty if they are.

    Args:
        document: the settings with the change.
        patch: the change.
        before: the settings in force.
        mappings: returns the folder of the mapping files.

    Returns:
        Faults of the settings; then those of the mapping files that only the new settings bring about.
    """
    own = [
        Fault(name, "own_hands", "is set in Admin > Variables > sync_settings only", {})
        for name in OWN_HANDS
        if name in patch
    ]
    faults = own + faults_of(document)
    if faults:
        return faults
    directory = mappings()
    found = mapping_faults(directory, SyncSettings.model_validate(document))
    known = set(mapping_faults(directory, before)) if found else set()
    return [_of_mapping(problem) for problem in found if problem not in known]


def _of_mapping(problem: Problem) -> Fault:
    field = "policies" if problem.code is SETTINGS_INVALID or problem.rule == "merge" else ""
    where = "" if problem.field is None else f"{short_name(problem.file)}:{problem.line}, {problem.field}: "
    return Fault(field, "mapping", where + problem.message, {})


_REASONS: Final[Mapping[str, str]] = {
    "greater_than_equal": N_("must be %(ge)s or more"),
    "less_than_equal": N_("must be %(le)s or less"),
    "greater_than": N_("must be more than %(gt)s"),
    "literal_error": N_("must be one of %(expected)s"),
    "extra_forbidden": N_("there is no such setting"),
    "own_hands": N_("is set in Airflow only, in Admin > Variables > sync_settings"),
    "int_parsing": N_("must be a whole number"),
    "int_from_float": N_("must be a whole number"),
    "int_type": N_("must be a whole number"),
    "float_parsing": N_("must be a number"),
    "float_type": N_("must be a number"),
    "bool_parsing": N_("must be on or off"),
    "bool_type": N_("must be on or off"),
    "too_short": N_("must not be empty"),
}
_FIXES: Final[Mapping[str, str]] = {
    "mapping": N_("Choose a policy that fits all fields of the group, or correct the mapping file."),
    "extra_forbidden": N_("Check the spelling; docs/api.md lists the settings."),
    "own_hands": N_("Leave it out, or change it there."),
}
_OUTBOUND: Final = N_("nothing would go out, because nothing is chosen")
_OUTBOUND_FIX: Final = N_("Choose at least one marketing list or tag, or send all customers.")
_FIX: Final = N_("Enter a value that fits and save again; nothing was changed.")


def told(fault: Fault, spoken: Language) -> Refusal:
    """Put a fault into words of a language."""
    if fault.field == "customers.outbound" and fault.kind == "value_error":
        return Refusal(fault.field, spoken.text(_OUTBOUND), spoken.text(_OUTBOUND_FIX))
    template = _REASONS.get(fault.kind)
    limits = {
        name: spoken.number(limit) if isinstance(limit, int | float) else limit for name, limit in fault.limits.items()
    }
    reason = fault.text if template is None else spoken.text(template, **limits)
    return Refusal(fault.field, reason, spoken.text(_FIXES.get(fault.kind, _FIX)))


def differences(before: SyncSettings, after: SyncSettings) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a change changes, by dotted name, as it was and as it is; passwords within addresses are hidden."""
    old, new = (dict(_flat(one.model_dump(mode="json"))) for one in (before, after))
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return {name: _shown(old.get(name)) for name in names}, {name: _shown(new.get(name)) for name in names}


def _flat(value: Any, name: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return [pair for key, item in value.items() for pair in _flat(item, f"{name}.{key}" if name else str(key))]
    return [(name, value)]


def _shown(value: Any) -> Any:
    return _CREDENTIALS.sub("//***@", value) if isinstance(value, str) else value


def save(
    keeper: SettingsKeeper, store: Store, before: Kept, document: Mapping[str, Any], person: str
) -> dict[str, Any] | None:
    """Keep checked settings, and note who changed what.

    Args:
        keeper: of the settings.
        store: for the note.
        before: the settings the change was made from.
        document: valid settings.
        person: who.

    Returns:
        What was changed, by dotted name; None if somebody else changed the settings meanwhile.
    """
    old, new = differences(SyncSettings.parse(before.text), SyncSettings.model_validate(document))
    if not new:
        return {}
    try:
        # The note first, in a transaction that ends with the change: no change without its note.
        with store.begin() as tx:
            tx.write_audit(AuditEntry(person, "settings.save", old, new))
            if not keeper.replace(before, json.dumps(document, indent=2, ensure_ascii=False)):
                raise _OvertakenError  # noqa: TRY301 - leaves the transaction without its note
    except _OvertakenError:
        return None
    return new


class _OvertakenError(Exception):
    """Somebody else changed the settings first; takes the note back."""
