"""The sensor on the staging table. Imported whenever a DAG file is parsed, so the heavy imports wait for the work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from airflow.sdk import BaseSensorOperator

WATCH_SECONDS: Final = 290.0
"""How long the staging table is watched by one run; a little less than the time between two scheduled runs."""

POLL_SECONDS: Final = 1.0
"""How often the trigger looks at the staging table; one short query each time."""


class QueueSensor(BaseSensorOperator):
    """Waits in the triggerer until something urgent is in the staging table, and works it off in the same task.

    It is the net under the receiver's bell: it finds what was staged while the bell did not reach Airflow, and what is
    due for another attempt, which no bell tells. A run that was started by the bell or by hand does not wait. Working
    in the same task saves the start of a second one, about a second (measured on Airflow 3.3).

    Args:
        watch_seconds: how long to wait at most; nothing found is a success.
        poll_seconds: seconds between two looks.
        options: of the base class.
    """

    def __init__(
        self, *, watch_seconds: float = WATCH_SECONDS, poll_seconds: float = POLL_SECONDS, **options: Any
    ) -> None:
        super().__init__(poke_interval=poll_seconds, **options)
        self.watch_seconds = watch_seconds
        self.poll_seconds = poll_seconds

    def poke(self, context: Any) -> bool:  # noqa: ARG002 - the base class's signature
        """Whether something urgent waits and nobody is awake to see it."""
        from shopify_fw360.airflow.near_real_time import look

        return look().needed

    def execute(self, context: Any) -> dict[str, Any]:
        """Work the queue off, or hand the wait over to the triggerer."""
        from shopify_fw360.airflow.near_real_time import is_scheduled, look, serve_queue

        if not is_scheduled(context):
            return serve_queue(context)
        found = look()
        if found.needed:
            return serve_queue(context)
        from shopify_fw360.airflow.queue_trigger import QueueTrigger

        self.defer(
            trigger=QueueTrigger(found.pair_id, found.flows, self.watch_seconds, self.poll_seconds),
            method_name="woken",
        )
        raise AssertionError("defer() does not return")

    def woken(self, context: Any, event: Mapping[str, Any]) -> dict[str, Any]:
        """Go on when the triggerer has found something, or has watched long enough."""
        if not event["needed"]:
            self.log.info("nothing urgent has come that somebody else did not see")
            return {}
        from shopify_fw360.airflow.near_real_time import serve_queue

        return serve_queue(context)
