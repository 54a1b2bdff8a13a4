"""Client of the control API, for tests and scripts."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

import requests


class Control:
    """Steers one running server.

    Args:
        url: base URL of the server without a trailing slash.
    """

    def __init__(self, url: str) -> None:
        self._base = f"{url}/_sandbox/"
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy of the environment must not stand between loopback addresses

    def ready(self, timeout: float) -> None:
        """Wait until the server answers.

        Raises:
            TimeoutError: it did not answer within `timeout` seconds.
        """
        end = time.monotonic() + timeout
        while True:
            try:
                self._call("GET", "health")
            except requests.ConnectionError as problem:
                if time.monotonic() > end:
                    raise TimeoutError(f"{self._base} did not answer within {timeout} s") from problem
                time.sleep(0.02)
            else:
                return

    def state(self) -> dict[str, Any]:
        """Return counts and seed."""
        return self._object("GET", "state")

    def reset(self, **seed: Any) -> dict[str, Any]:
        """Start from fresh data, without faults, metrics, refusals and changed options; returns the state."""
        return self._object("POST", "reset", json=seed)

    def metrics(self) -> dict[str, Any]:
        """Return the request metrics since start or the last reset."""
        return self._object("GET", "metrics")

    def reset_metrics(self) -> None:
        """Count from zero."""
        self._call("POST", "metrics/reset")

    def add_fault(self, kind: str, *, match: Mapping[str, str] | None = None, **rule: Any) -> None:
        """Add one fault rule, see `faults.py`; `rule` takes id, times, skip, every_nth, probability, seed, params."""
        self._call("POST", "faults", json={"kind": kind, "match": dict(match or {}), **rule})

    def add_faults(self, rules: Iterable[Mapping[str, Any]]) -> None:
        """Add several fault rules."""
        self._call("POST", "faults", json=[dict(rule) for rule in rules])

    def faults(self) -> list[dict[str, Any]]:
        """Return the fault rules with their counters `matched` and `struck`."""
        rules: list[dict[str, Any]] = self._call("GET", "faults")
        return rules

    def clear_faults(self, rule_id: str | None = None) -> None:
        """Remove one fault rule, or all."""
        self._call("DELETE", "faults", params={"id": rule_id} if rule_id else None)

    def set_latency(self, ms: float) -> None:
        """Set the simulated network latency in milliseconds."""
        self._call("POST", "latency", json={"ms": ms})

    def options(self) -> dict[str, Any]:
        """Return all quirk switches."""
        return self._object("GET", "options")

    def set_options(self, **changes: Any) -> dict[str, Any]:
        """Change quirk switches; returns all of them."""
        return self._object("POST", "options", json=changes)

    def refused(self) -> list[dict[str, Any]]:
        """Return the newest requests that broke the contract, oldest first."""
        refused: list[dict[str, Any]] = self._object("GET", "refused")["refused"]
        return refused

    def changes(self, after: int = 0) -> list[tuple[int, float, str, str]]:
        """Return what has changed since an entry of the diary: number, seconds since the epoch, what, id."""
        entries: list[tuple[int, float, str, str]] = self._call("GET", "changes", params={"after": str(after)})
        return entries

    def admin(self, query: str, **variables: Any) -> dict[str, Any]:
        """Let a person do in the Shopify admin what a GraphQL document says; it costs the app no points.

        Raises:
            ValueError: it was refused; the text says why.
        """
        return self.act("admin", query=query, variables=variables)

    def back_office(self, operation: str, **parameters: Any) -> None:
        """Let a person do in the Framework360 back office what an operation of the API does, whatever faults are on.

        Raises:
            ValueError: it was refused; the text says why.
        """
        self.act("back_office", operation=operation, parameters=parameters)

    def act(self, name: str, **params: Any) -> dict[str, Any]:
        """Let a person do something by hand.

        Raises:
            ValueError: it cannot be done; the text says why.
        """
        return self._object("POST", f"acts/{name}", json=params)

    def place_order(self, *lines: Mapping[str, Any], **cart: Any) -> dict[str, Any]:
        """Buy something in the Shopify shop; returns id, name, states, totals and lines of the order.

        Args:
            lines: `{"variant": id}` or `{"sku": text}` or `{"title": text, "price": amount}`, each with `quantity`.
            cart: email, phone, address, customer, code, charge, gateway, paid, tip, currency, note, tags and more,
                see `sandbox.shopify.checkout.Cart`.
        """
        return self.act("place_order", lines=[dict(line) for line in lines], **cart)

    def pay_order(self, order: str, gateway: str | None = None) -> dict[str, Any]:
        """Pay what is open of an order, captures of held money included; `order` is an id or a name."""
        return self.act("pay_order", order=order, gateway=gateway)

    def fulfil_order(self, order: str, lines: Mapping[str, int] | None = None, **tracking: str) -> dict[str, Any]:
        """Send an order, or units of its lines (id or place to units); tracking takes company, number, url."""
        return self.act("fulfil_order", order=order, lines=lines, **tracking)

    def track_order(self, order: str, **changes: Any) -> dict[str, Any]:
        """Change a parcel: display ("DELIVERED", ...), company, number, url, parcel (place, the last by default)."""
        return self.act("track_order", order=order, **changes)

    def refund_order(self, order: str, lines: Mapping[str, int] | str | None = None, **how: Any) -> dict[str, Any]:
        """Refund units of lines ("all" for everything); how takes restock, shipping, money, note, reason, pending."""
        return self.act("refund_order", order=order, lines=lines, **how)

    def edit_order(self, order: str, **changes: Any) -> dict[str, Any]:
        """Edit an order: add (lines as for `place_order`), remove (line to units), note."""
        return self.act("edit_order", order=order, **changes)

    def cancel_order(self, order: str, reason: str = "CUSTOMER", **how: Any) -> dict[str, Any]:
        """Cancel an order; how takes refund, restock (both true by default) and note."""
        return self.act("cancel_order", order=order, reason=reason, **how)

    def return_order(self, order: str, lines: Mapping[str, int], **how: Any) -> dict[str, Any]:
        """Open a return of sent units; how takes status, reason, note. `settle_return` ends the last one."""
        return self.act("return_order", order=order, lines=lines, **how)

    def delete_order(self, order: str) -> dict[str, Any]:
        """Delete an order."""
        return self.act("delete_order", order=order)

    def _object(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._call(method, path, **arguments)
        return answer

    def _call(self, method: str, path: str, **arguments: Any) -> Any:
        response = self._session.request(method, self._base + path, timeout=120, **arguments)
        if response.status_code == 400:
            raise ValueError(response.json()["error"])
        response.raise_for_status()
        return response.json()
