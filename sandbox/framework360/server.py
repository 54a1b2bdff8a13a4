"""The Framework360 backend: key, path, capability, rights, contract, then the operation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sandbox.common.backend import ApiRequest, ApiResponse, Operation, Seed
from sandbox.common.pages import PersonDesk
from sandbox.common.refusals import Refusals
from sandbox.framework360 import customers, marketing, orders, system
from sandbox.framework360.answers import Answers, RefusedError
from sandbox.framework360.calls import Call, Context
from sandbox.framework360.contract import PREFIX, ContractError, OperationContract, operations
from sandbox.framework360.desk import Framework360Desk
from sandbox.framework360.options import Options
from sandbox.framework360.seeding import seeded

CALLS: Mapping[str, Call] = {**system.CALLS, **customers.CALLS, **marketing.CALLS, **orders.CALLS}
_UNKNOWN = Operation("unknown", write=False)
_MADE_UP_PASSWORD = "not-given"  # noqa: S105 - stands in where this site asks for none


class Framework360Backend:
    """One site.

    Args:
        seed: what the site is filled with.
        options: start values of quirk switches.

    Raises:
        ValueError: an unknown switch or a value it cannot take.
    """

    name = "framework360"

    def __init__(self, seed: Seed, options: Mapping[str, Any]) -> None:
        self.refusals = Refusals()
        self._start_options = Options().changed(options)
        self._routes = {
            (contract.method, PREFIX + contract.path): (contract, CALLS[name])
            for name, contract in operations().items()
            if name in CALLS
        }
        self.reset(seed)

    def reset(self, seed: Seed) -> None:
        """Start again from the seed with the start options."""
        self.store = seeded(seed)
        self._use(self._start_options)

    def describe(self, request: ApiRequest) -> Operation:
        """Name the operation by its id in the contract; "unknown" for everything else."""
        route = self._routes.get((request.method, request.path))
        return Operation(route[0].operation_id, route[1].write) if route else _UNKNOWN

    async def handle(self, request: ApiRequest) -> ApiResponse:
        """Execute a request."""
        key = request.headers.get("x-fw360-key", "")
        if not request.path.startswith(PREFIX + "/"):
            return self._answers.unknown_call()
        if key not in self.switches.keys:
            return self._answers.failure(RefusedError("invalid_api_key"))
        route = self._routes.get((request.method, request.path))
        if route is None:
            self.refusals.add(_UNKNOWN.name, "no such operation", f"{request.method} {request.path}")
            return self._answers.unknown_call()
        if route[0].capability in self.switches.capabilities_off:
            return self._answers.unknown_call()
        contract, call = route
        if call.function in self.switches.keys[key]:
            return self._answers.failure(RefusedError("permission_denied", call.function or ""))
        try:
            parameters = self._read(contract, request)
            return call.run(Context(self.store, self.switches, self._answers, key), parameters)
        except ContractError as problem:
            self.refusals.add(contract.operation_id, problem.rule, problem.where)
            return self._answers.failure(RefusedError(problem.code, str(problem)))
        except RefusedError as refused:
            return self._answers.failure(refused)

    def throttled(self, params: Mapping[str, Any]) -> ApiResponse:
        """Answer "too many requests"."""
        return self._answers.throttled(params)

    def state(self) -> Mapping[str, Any]:
        """Return counts of records, and how many customers share an e-mail but for its case."""
        emails = Counter(entry.email.strip().lower() for entry in self.store.customers.values() if entry.email)
        return {
            "records": {
                "customers": len(self.store.customers),
                "orders": len(self.store.orders),
                "history": sum(map(len, self.store.history.values())),
            },
            "shared_emails": sum(1 for count in emails.values() if count > 1),
        }

    def options(self) -> Mapping[str, Any]:
        """Return every switch."""
        return self.switches.as_dict()

    def set_options(self, changes: Mapping[str, Any]) -> None:
        """Change switches."""
        self._use(self.switches.changed(changes))

    def desk(self) -> PersonDesk:
        """Return the back office page."""
        return Framework360Desk(self)

    def _use(self, options: Options) -> None:
        self.switches = options
        self._answers = Answers(options)

    def _read(self, contract: OperationContract, request: ApiRequest) -> dict[str, Any]:
        if contract.operation_id == "customersRegistration" and not self.switches.password_required:
            return contract.read(request, {"password": _MADE_UP_PASSWORD})
        return contract.read(request)
