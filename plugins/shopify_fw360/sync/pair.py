"""One shop and one site that are kept in agreement, with everything the core needs to work on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from shopify_fw360.errors import AWAITING_APPROVAL, FLOW_OFF, MAPPING_INVALID, QUIET, SHOPIFY_UNINSTALLED, SyncError
from shopify_fw360.mapping.compiler import CompiledMapping
from shopify_fw360.records import Entity, Flow, Gateway, Shop, System
from shopify_fw360.settings import ALL_FLOWS, SyncSettings
from shopify_fw360.store.database import Store


def utc_now() -> datetime:
    """Return the present moment as aware UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Pair:
    """A shop and a site.

    Args:
        store: queue, links, journal, ledger.
        settings: what a person has set.
        mappings: compiled mapping of each flow.
        gateways: access to each entity of each system.
        in_flight: per system the number of writes that may be under way at once.
        clock: tells the present moment; tests replace it.
        preconditions: what a flow needs besides its switch; called with whether the run will write, raises SyncError.
        shop: what may be asked of the shop beyond its records, None where nothing needs it.
        pace: how fast each system may be used: points per second in Shopify, requests per second in Framework360.
    """

    store: Store
    settings: SyncSettings
    mappings: Mapping[Flow, CompiledMapping]
    gateways: Mapping[tuple[System, Entity], Gateway]
    in_flight: Mapping[System, int]
    clock: Callable[[], datetime] = utc_now
    preconditions: Mapping[Flow, Callable[[bool], None]] = field(default_factory=dict)
    shop: Shop | None = None
    pace: Mapping[System, float] = field(default_factory=lambda: {System.SHOPIFY: 100.0, System.FRAMEWORK360: 2.0})

    def gateway(self, system: System, entity: Entity) -> Gateway:
        """Return the gateway to an entity of a system."""
        return self.gateways[system, entity]

    def mapping(self, flow: Flow) -> CompiledMapping:
        """Return the mapping of a flow.

        Raises:
            SyncError: SYNC-101 if there is no mapping file for it.
        """
        try:
            return self.mappings[flow]
        except KeyError:
            name = f"include/mappings/{flow.entity.value}.{flow.source.value}_to_{flow.target.value}.yaml"
            raise SyncError(MAPPING_INVALID, f"the flow {flow.name} has no mapping file {name}") from None

    def require_on(self, flow: Flow, *, writing: bool = True) -> None:
        """Refuse to run a flow that the settings switch off, or for which a system lacks something.

        Args:
            flow: entity and direction.
            writing: whether the run will write; a plan is possible where writing is not allowed yet.

        Raises:
            SyncError: SYNC-107; SYNC-109 if it must not write before its first plan was approved; SYNC-317 if the shop
                has uninstalled the app; SYNC-412 or SYNC-413 for what the site does not offer.
        """
        if not self.settings.flows.is_on(flow):
            raise SyncError(FLOW_OFF, f"{flow.name} is off in sync_settings")
        self.require_ready(flow, writing=writing)

    def require_ready(self, flow: Flow, *, writing: bool = True) -> None:
        """Refuse a flow for which a system lacks something, whether the settings switch it on or off.

        An undo asks for no more: who switches a flow off because of what it has written wants that taken back.

        Args:
            flow: entity and direction.
            writing: as in ``require_on``.

        Raises:
            SyncError: as ``require_on``, SYNC-107 excepted.
        """
        with self.store.read() as tx:
            gone = tx.disconnected()
            waits = writing and self.settings.require_approval and not tx.has_applied_plan(flow)
        if gone is not None:
            raise SyncError(SHOPIFY_UNINSTALLED, f"{gone.shop} since {gone.since:%Y-%m-%d %H:%M} UTC: {gone.reason}")
        if waits:
            raise SyncError(AWAITING_APPROVAL, f"no plan of {flow.name} was approved yet")
        if flow in self.preconditions:
            self.preconditions[flow](writing)

    def served(self) -> tuple[Flow, ...]:
        """Return the flows that can run now: switched on, with a mapping and both gateways, and nothing missing.

        Raises:
            SyncError: a system could not be asked whether it offers what a flow needs.
        """
        return tuple(flow for flow in ALL_FLOWS if self._is_served(flow))

    def _is_served(self, flow: Flow) -> bool:
        ends = {(flow.source, flow.entity), (flow.target, flow.entity)}
        if flow not in self.mappings or not ends <= self.gateways.keys():
            return False
        try:
            self.require_on(flow)
        except SyncError as error:
            if error.code not in QUIET:
                raise
            return False
        return True
