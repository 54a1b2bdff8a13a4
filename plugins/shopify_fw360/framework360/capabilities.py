"""Which groups of calls a site has: switches, and one read call where the site is to be asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shopify_fw360 import errors
from shopify_fw360.errors import SyncError
from shopify_fw360.framework360 import wire

_NOT_THERE = (errors.FW360_CAPABILITY, errors.FW360_PERMISSION)


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a capability can be used.

    Args:
        on: whether its calls may be made.
        reason: why, for people.
    """

    on: bool
    reason: str


class Capabilities:
    """The capabilities of one site; a probe is made at most once, at first use.

    Args:
        switches: the person's choice; `wire.CAPABILITY_DEFAULTS` for the rest.
        probe: makes the capability's read call of `wire.PROBES`, past the check; raises SyncError.
    """

    def __init__(
        self, switches: Mapping[wire.Capability, wire.Switch], probe: Callable[[wire.Capability], object]
    ) -> None:
        self._switches = {**wire.CAPABILITY_DEFAULTS, **switches}
        self._probe = probe
        self._known: dict[wire.Capability, Standing] = {}
        self._lock = threading.RLock()

    def standing(self, capability: wire.Capability) -> Standing:
        """Tell whether a capability can be used, probing if needed.

        Raises:
            SyncError: if the probe had no clear outcome (network, throttling, key); it is made again next time.
        """
        with self._lock:
            if capability not in self._known:
                self._known[capability] = self._decide(capability)
            return self._known[capability]

    def require(self, capability: wire.Capability) -> None:
        """Do nothing if the capability can be used.

        Raises:
            SyncError: SYNC-412 with the reason, before any call is made.
        """
        standing = self.standing(capability)
        if not standing.on:
            raise SyncError(
                errors.FW360_OFF,
                f"{capability.value} is off: {standing.reason}",
                rule=f"capabilities.{capability}",
            )

    def lost(self, capability: wire.Capability, error: SyncError) -> None:
        """Switch a capability off for this process, because the site refused a call of it."""
        with self._lock:
            self._known[capability] = Standing(on=False, reason=error.message)

    def overview(self) -> dict[wire.Capability, Standing]:
        """Return the standing of all capabilities; raises like `standing`."""
        return {capability: self.standing(capability) for capability in wire.Capability}

    def _decide(self, capability: wire.Capability) -> Standing:
        switch = self._switches[capability]
        if switch is wire.Switch.ON:
            return Standing(on=True, reason="switched on in the connection's options")
        if switch is wire.Switch.OFF:
            return Standing(on=False, reason="switched off, by default or in the connection's options")
        if capability not in wire.PROBES:
            return Standing(on=False, reason="it cannot be probed without writing; switch it on or off")
        try:
            self._probe(capability)
        except SyncError as error:
            if error.code not in _NOT_THERE:
                raise
            return Standing(on=False, reason=error.message)
        return Standing(on=True, reason=f"the site answers {wire.PROBES[capability][0].path}")
