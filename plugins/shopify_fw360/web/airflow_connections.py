"""Airflow's connections, inside its API server: the only module that writes Connections."""

from __future__ import annotations

import json
import os

from shopify_fw360.sync.connections import AirflowConnection, EnvironmentConnection
from shopify_fw360.web.i18n import N_


class AirflowConnections:
    """Keeps connections in Airflow's database, encrypted with its Fernet key."""

    def get(self, conn_id: str) -> AirflowConnection | None:
        """Return a connection from wherever Airflow finds it, None if there is none."""
        from airflow.models.connection import Connection
        from airflow.sdk.exceptions import AirflowNotFoundException

        try:
            found: AirflowConnection = Connection.get_connection_from_secrets(conn_id)
        except AirflowNotFoundException:
            return None
        return found

    def elsewhere(self, conn_id: str) -> str | None:
        """Return what holds a connection and is asked before Airflow's database."""
        name = f"AIRFLOW_CONN_{conn_id.upper()}"
        if name in os.environ:
            return name
        found = self.get(conn_id)
        stored = _stored(conn_id)
        if found is None or (stored is not None and (stored.host, stored.password) == (found.host, found.password)):
            return None
        return N_("the secrets backend of Airflow")

    def save(self, connection: EnvironmentConnection) -> None:
        """Write a connection; its description stays."""
        from airflow.models.connection import Connection
        from airflow.utils.session import create_session
        from sqlalchemy import select

        with create_session() as session:
            row = session.scalar(
                select(Connection).where(Connection.conn_id == connection.conn_id).with_for_update()
            ) or Connection(conn_id=connection.conn_id)
            row.conn_type = connection.conn_type or ""
            row.host, row.login, row.port, row.schema = connection.host, connection.login, None, None
            row.set_password(connection.password)
            row.set_extra(json.dumps(dict(connection.extra)))
            session.add(row)


def _stored(conn_id: str) -> AirflowConnection | None:
    from airflow.models.connection import Connection
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        found: AirflowConnection | None = session.scalar(select(Connection).where(Connection.conn_id == conn_id))
        if found is not None:
            session.expunge(found)
        return found
