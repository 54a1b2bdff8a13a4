"""Tells people of alerts where they are: by mail, or in Slack, Teams and whatever else takes a JSON message by HTTP.

The connection ``sync_alerts`` says where. Its type ``smtp`` sends mail through Airflow's SMTP provider, to the
addresses in ``to`` of its extra; any other type posts ``{"text": …}`` to the address in its host, or in its password
where the address itself is a secret (Slack: incoming webhooks). Without the connection nobody is told, and the
alerts stand on the console's page *Health* only.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from airflow.sdk import BaseNotifier
from airflow.sdk.definitions.callback import SyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from shopify_fw360.errors import CONNECTION_INVALID, SyncError
from shopify_fw360.sync.connections import AirflowConnection

log = logging.getLogger(__name__)

CONNECTION: Final = "sync_alerts"
TIMEOUT: Final = (5.0, 20.0)
SUBJECT: Final = "Shopify and Framework360"


class SyncNotifier(BaseNotifier):
    """Tells people something; for ``on_failure_callback`` of a DAG or task, and wherever Airflow takes a notifier.

    Args:
        message: template of the text, with Airflow's context: ``{{ dag_run.run_id }}``.
        conn_id: the connection that says where.
    """

    template_fields: Sequence[str] = ("message",)

    def __init__(
        self,
        message: str = "{{ dag.dag_display_name }} has failed: {{ dag_run.run_id }}",
        conn_id: str = CONNECTION,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.message = message
        self.conn_id = conn_id

    def notify(self, context: Any) -> None:  # noqa: ARG002 - it is in the rendered message already
        """Send the message; a place that cannot be reached is logged, because nothing may fail for it."""
        try:
            told = tell(self.message, self.conn_id)
        except (SyncError, requests.RequestException, OSError) as error:
            log.warning("nobody could be told through %s: %s", self.conn_id, type(error).__name__)
        else:
            log.info("through %s %s", self.conn_id, "people were told" if told else "nobody is told: there is none")


def deadline(interval: timedelta, conn_id: str = CONNECTION) -> DeadlineAlert:
    """Return what tells people that a run is not over in time: ``flow_dag(flow, __doc__, deadline=deadline(…))``.

    Args:
        interval: from the moment a run is queued.
        conn_id: the connection that says where.
    """
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=interval,
        callback=SyncCallback(
            f"{__name__}.deadline_missed", {"conn_id": conn_id, "minutes": interval.total_seconds() / 60}
        ),
    )


def deadline_missed(*, conn_id: str = CONNECTION, minutes: float = 0.0, context: Any = None, **_: Any) -> None:
    """Tell people that a run is late; Airflow calls it where tasks run.

    Args:
        conn_id: the connection that says where.
        minutes: how long the run was given.
        context: Airflow's, which names the run.
    """
    run = (context or {}).get("dag_run") or {}
    named = run if isinstance(run, Mapping) else {name: getattr(run, name, "") for name in ("dag_id", "run_id")}
    what = f"{named.get('dag_id') or 'A run'} {named.get('run_id') or ''}".strip()
    tell(f"{what} is not over {minutes:.0f} minutes after it was queued. The page Health shows what waits.", conn_id)


def tell(text: str, conn_id: str = CONNECTION) -> bool:
    """Send a text to where people are.

    Args:
        text: plain text.
        conn_id: the connection that says where.

    Returns:
        False if there is no such connection.

    Raises:
        SyncError: SYNC-106 if the connection says no place, or the place refuses the text.
        requests.RequestException: the place could not be reached.
        OSError: the mail server could not be reached.
    """
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        connection: AirflowConnection = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        return False
    if connection.conn_type == "smtp":
        _mail(connection, text)
    else:
        _post(connection, text)
    return True


def _post(connection: AirflowConnection, text: str) -> None:
    secret = connection.password or ""
    url = secret if "://" in secret else (connection.host or "")
    if urlsplit(url).scheme not in ("https", "http"):
        raise SyncError(
            CONNECTION_INVALID,
            f"connection {connection.conn_id} needs the https address that takes messages, as host or password",
            field="host",
        )
    answer = requests.post(url, json={"text": f"{SUBJECT}: {text}"}, timeout=TIMEOUT, allow_redirects=False)
    if not answer.ok:
        # The address is left out: whoever knows it may write there.
        raise SyncError(
            CONNECTION_INVALID, f"the place of connection {connection.conn_id} answered HTTP {answer.status_code}"
        )


def _mail(connection: AirflowConnection, text: str) -> None:
    from airflow.providers.smtp.hooks.smtp import SmtpHook

    to = connection.extra_dejson.get("to")
    if not to:
        raise SyncError(
            CONNECTION_INVALID,
            f"connection {connection.conn_id} needs the addresses to write to as to in its extra",
            field="to",
        )
    with SmtpHook(smtp_conn_id=connection.conn_id) as hook:
        hook.send_email_smtp(to=to, subject=f"{SUBJECT}: {text[:80]}", html_content=_html(text))


def _html(text: str) -> str:
    from html import escape

    return f"<p>{escape(text)}</p>"
