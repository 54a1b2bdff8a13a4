"""What states, outcomes, directions and kinds of records are called; English texts, translated where they are shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from shopify_fw360.records import Entity, Flow, Outcome, System
from shopify_fw360.settings import ALL_FLOWS
from shopify_fw360.sync.plan import Action
from shopify_fw360.web.i18n import N_, Language

SYSTEMS: Final[Mapping[System, str]] = {System.SHOPIFY: "Shopify", System.FRAMEWORK360: "Framework360"}

STATUSES: Final[Mapping[str, str]] = {
    "synced": N_("synced"),
    "pending": N_("pending"),
    "failed": N_("failed"),
    "conflict": N_("conflict"),
    "differs": N_("differs"),
    "excluded": N_("excluded"),
    "unlinked": N_("not linked"),
}

OUTCOMES: Final[Mapping[Outcome, str]] = {
    Outcome.CREATED: N_("created"),
    Outcome.UPDATED: N_("updated"),
    Outcome.LINKED: N_("linked"),
    Outcome.UNCHANGED: N_("nothing to change"),
    Outcome.EXCLUDED: N_("left out"),
    Outcome.UNLINKED: N_("unlinked"),
    Outcome.PARKED: N_("failed"),
    Outcome.CONFLICT: N_("conflict"),
    Outcome.DIFFERS: N_("differs"),
    Outcome.SUPERSEDED: N_("replaced by a newer change"),
}

ACTIONS: Final[Mapping[Action, str]] = {
    Action.CREATE: N_("create"),
    Action.UPDATE: N_("update"),
    Action.LINK: N_("link"),
    Action.UNCHANGED: N_("nothing to change"),
    Action.EXCLUDED: N_("left out"),
    Action.UNLINK: N_("unlink"),
    Action.CONFLICT: N_("conflict"),
    Action.DIFFERS: N_("differs"),
    Action.PARKED: N_("failed"),
}
"""What a plan would do to a record."""

PLAN_STATES: Final[Mapping[str, str]] = {
    "planning": N_("being made"),
    "ready": N_("to be decided"),
    "approved": N_("approved"),
    "refused": N_("refused"),
}

LEDGER: Final = (
    N_("planned"),
    N_("read"),
    N_("staged"),
    N_("already in agreement"),
    N_("still parked"),
    N_("outside the window"),
    N_("without a time"),
    N_("pending"),
    N_("leased"),
    N_("waiting"),
)
"""What the equations of a certificate call their terms, beside outcomes and actions."""

DIRECTIONS: Final[Mapping[str, str]] = {
    flow.name: N_("Shopify → Framework360") if flow.source is System.SHOPIFY else N_("Framework360 → Shopify")
    for flow in ALL_FLOWS
}

TITLES: Final[Mapping[Entity, str]] = {
    Entity.CUSTOMER: N_("Customers"),
    Entity.PRODUCT: N_("Products"),
    Entity.ORDER: N_("Sales"),
}

KINDS: Final[Mapping[str, str]] = {
    "incremental": N_("poll of what changed"),
    "window": N_("run over a window"),
    "full": N_("full comparison"),
    "ids": N_("run over chosen records"),
    "plan": N_("approved plan"),
    "near real time": N_("queue"),
    "sync now": N_("Sync now"),
    "undo": N_("Undo"),
}
"""What a run of the ledger read or did, by its kind."""

CALLED: Final[Mapping[str, str]] = {
    **{word: word for word in LEDGER},
    **PLAN_STATES,
    **{action.value: word for action, word in ACTIONS.items()},
    **{outcome.value: word for outcome, word in OUTCOMES.items()},
    **KINDS,
}
"""What people call the names that the JSON uses for actions, outcomes, states of plans and terms of the ledger."""

PATHS: Final[Mapping[Entity, str]] = {Entity.CUSTOMER: "customers", Entity.PRODUCT: "products", Entity.ORDER: "sales"}
"""Address of the list of a kind of record below the mount point."""


def flow_called(spoken: Language, name: str) -> str:
    """Return what people call a flow, by its name; an unknown name stays as it is."""
    flow = _FLOWS.get(name)
    return name if flow is None else f"{spoken.text(TITLES[flow.entity])}: {spoken.text(DIRECTIONS[name])}"


def run_called(spoken: Language, run_id: str) -> str:
    """Return what people call a run of Airflow: its time, if its id tells it."""
    found = _RUN_TIME.search(run_id)
    if found is None:
        return run_id
    moment = datetime.fromisoformat(found[0])
    return spoken.text(
        N_("run of %(when)s"), when=spoken.moment(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    )


def flows_of(entity: Entity) -> list[Flow]:
    """Return the flows of an entity."""
    return [flow for flow in ALL_FLOWS if flow.entity is entity]


_RUN_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:\d\d)?")
_FLOWS: Final = {flow.name: flow for flow in ALL_FLOWS}
