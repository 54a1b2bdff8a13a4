"""The Framework360 backend: key, path, capability, rights, contract, then the operation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import orjson

from sandbox.common.backend import ApiRequest, ApiResponse, Operation, Seed
from sandbox.common.diary import Diary
from sandbox.common.pages import PersonDesk
from sandbox.common.refusals import Refusals
from sandbox.framework360 import (
    customers,
    marketing,
    media,
    order_writes,
    orders,
    payments,
    products,
    search,
    system,
    webhooks,
)
from sandbox.framework360.answers import Answers
from sandbox.framework360.calls import Call, Context
from sandbox.framework360.contract import PREFIX, ContractError, OperationContract, operations
from sandbox.framework360.courier import Courier, courier_client
from sandbox.framework360.desk import Framework360Desk
from sandbox.framework360.errors import RefusedError
from sandbox.framework360.library import FOLDER
from sandbox.framework360.lookups import Lookups
from sandbox.framework360.options import Options
from sandbox.framework360.seeding import seeded
from sandbox.framework360.store import Action, Kind

_GROUPS = (
    system, customers, marketing, products, orders, order_writes, payments, media, search, webhooks,
)  # fmt: skip
CALLS: Mapping[str, Call] = {name: call for group in _GROUPS for name, call in group.CALLS.items()}
_UNKNOWN = Operation("unknown", write=False)
_FILE = Operation("mediaFile", write=False)
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
        self.diary = Diary()
        self._start_options = Options().changed(options)
        self._routes = {
            (contract.method, PREFIX + contract.path): (contract, CALLS[name])
            for name, contract in operations().items()
        }
        self._operations = {contract.operation_id: (contract, call) for contract, call in self._routes.values()}
        self._client = courier_client()
        self._courier = Courier(seed.seed, self._client)
        self.reset(seed)

    def reset(self, seed: Seed) -> None:
        """Start again from the seed with the start options."""
        self._courier.close()
        self._courier = Courier(seed.seed, self._client)
        self.store = seeded(seed)
        self._use(self._start_options)

    def describe(self, request: ApiRequest) -> Operation:
        """Name the operation by its id in the contract; "unknown" for everything else."""
        if request.path.startswith(FOLDER):
            return _FILE
        route = self._routes.get((request.method, request.path))
        return Operation(route[0].operation_id, route[1].write) if route else _UNKNOWN

    async def handle(self, request: ApiRequest) -> ApiResponse:
        """Execute a request."""
        if request.path.startswith(FOLDER) and request.method == "GET":
            return media.served(self.store.library, request.path) or self._answers.unknown_call()
        if not request.path.startswith(PREFIX + "/"):
            return self._answers.unknown_call()
        key = request.headers.get("x-fw360-key", "")
        if key not in self.switches.keys:
            return self._answers.failure(RefusedError("invalid_api_key"))
        route = self._routes.get((request.method, request.path))
        if route is None:
            self.refusals.add(_UNKNOWN.name, "no such operation", f"{request.method} {request.path}")
            return self._answers.unknown_call()
        contract, call = route
        if contract.capability in self.switches.capabilities_off:
            return self._answers.unknown_call()
        if call.function in self.switches.keys[key]:
            return self._answers.failure(RefusedError("permission_denied", call.function or ""))
        return await self._run(contract, call, request, key)

    async def _run(self, contract: OperationContract, call: Call, request: ApiRequest, key: str) -> ApiResponse:
        context = self._context(key, request.base_url)
        try:
            answer = call.run(context, self._read(contract, request))
            response = answer if isinstance(answer, ApiResponse) else await answer
        except ContractError as problem:
            self.refusals.add(contract.operation_id, problem.rule, problem.where)
            return self._answers.failure(RefusedError(problem.code, str(problem)))
        except RefusedError as refused:
            return self._answers.failure(refused)
        if call.write:
            changes = self._changes()
            if self.switches.webhook_echo:
                webhooks.announce(context, changes)
        return response

    async def act(self, name: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Let a person do in the back office what an operation does: `operation` names it, `parameters` are its own.

        Raises:
            ValueError: it was refused; the text says why.
        """
        contract, call = self._operations[params["operation"]] if name == "back_office" else (None, None)
        if contract is None or call is None:
            raise ValueError(f"There is no act {name!r}; there is: back_office.")
        method, path = contract.method, PREFIX + contract.path
        body = orjson.dumps(params["parameters"])
        request = ApiRequest(method, path, b"", {"content-type": "application/json"}, body, "")
        try:
            answer = call.run(self._context("", ""), self._read(contract, request))
            if not isinstance(answer, ApiResponse):
                await answer
        except (ContractError, RefusedError) as problem:
            raise ValueError(str(problem)) from problem
        self.announce()
        return {}

    def announce(self) -> None:
        """Send what a person changed in the back office to the webhooks."""
        webhooks.announce(self._context("", ""), self._changes())

    def _changes(self) -> list[tuple[Kind, int, Action]]:
        changes = list(self.store.changes())
        for kind, record_id, action in changes:
            self.diary.note(f"{kind}.{action}", str(record_id))
        return changes

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
                "products": len(self.store.goods.products),
                "variants": sum(len(entry.varianti) for entry in self.store.goods.products.values()),
                "media": len(self.store.library.files),
            },
            "webhooks": self._courier.state(),
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

    def _context(self, key: str, base_url: str) -> Context:
        return Context(self.store, self.switches, self._answers, self._lookups, self._courier, key, base_url)

    def _use(self, options: Options) -> None:
        self.switches = options
        self._answers = Answers(options)
        self._lookups = Lookups(options)
        self._courier.use(options)

    def _read(self, contract: OperationContract, request: ApiRequest) -> dict[str, Any]:
        if contract.operation_id == "customersRegistration" and not self.switches.password_required:
            return contract.read(request, {"password": _MADE_UP_PASSWORD})
        return contract.read(request)
