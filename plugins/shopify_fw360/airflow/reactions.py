"""How Airflow reacts to the error taxonomy: retry, fail at once, or skip quietly."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from airflow.sdk.definitions.retry_policy import RetryDecision, RetryPolicy
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from shopify_fw360.errors import QUIET, Reaction, SyncError

log = logging.getLogger(__name__)


class SyncRetryPolicy(RetryPolicy):
    """Waits as long as the other side asked; everything else follows the retries of the task."""

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,  # noqa: ARG002 - the protocol's arguments
        max_tries: int,  # noqa: ARG002
        context: Any = None,  # noqa: ARG002
    ) -> RetryDecision:
        """Decide about one failure; Airflow asks in the task's process.

        Args:
            exception: what the task raised.
            try_number: of this try, from 1.
            max_tries: the last one.
            context: of the task.

        Returns:
            A retry after the wait that was asked for, else the task's own retry.
        """
        if isinstance(exception, SyncError) and exception.retry_after is not None:
            return RetryDecision.retry(timedelta(seconds=exception.retry_after), exception.code.title)
        return RetryDecision.default()


@contextmanager
def reacting() -> Iterator[None]:
    """Turn errors of a block into what Airflow understands.

    Raises:
        AirflowSkipException: the flow is switched off, or the site lacks what it needs.
        AirflowFailException: trying again would not help; the message ends with the next step.
        SyncError: trying again may help.
    """
    try:
        yield
    except SyncError as error:
        if error.code in QUIET:
            raise AirflowSkipException(str(error)) from error
        if error.reaction is Reaction.RETRY:
            log.warning("%s", error)
            raise
        log.error("%s", error)  # noqa: TRY400 - the message names the cause and the next step; the trace would bury it
        raise AirflowFailException(str(error)) from error
