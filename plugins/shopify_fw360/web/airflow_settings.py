"""The Variable that holds the settings, inside Airflow's API server: the only module that writes Variables."""

from __future__ import annotations

import os
from typing import Final

from shopify_fw360.web.i18n import N_
from shopify_fw360.web.keeping import Kept

NAME: Final = "sync_settings"
ENVIRONMENT: Final = f"AIRFLOW_VAR_{NAME.upper()}"


class AirflowVariable:
    """Keeps the settings in the Variable ``sync_settings``."""

    def read(self) -> Kept:
        """Return the settings in force.

        An environment variable or a secrets backend is asked before Airflow's database, so a Variable that is written
        while one of them has a value would have no effect.
        """
        from airflow.models.variable import Variable

        text = Variable.get(NAME, default_var=None)
        if ENVIRONMENT in os.environ:
            return Kept(text, ENVIRONMENT)
        if text is not None and text != _stored():
            return Kept(text, N_("the secrets backend of Airflow"))
        return Kept(text)

    def replace(self, before: Kept, text: str) -> bool:
        """Write the Variable unless it changed meanwhile; return whether it was written."""
        from airflow.models.variable import Variable
        from airflow.utils.session import create_session
        from sqlalchemy import select

        with create_session() as session:
            row = session.scalar(select(Variable).where(Variable.key == NAME).with_for_update())
            if (None if row is None else row.get_val()) != before.text:
                return False
            Variable.set(NAME, text, description=None if row is None else row.description, session=session)
        return True


def _stored() -> str | None:
    from airflow.models.variable import Variable
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        row = session.scalar(select(Variable).where(Variable.key == NAME))
        return None if row is None else row.get_val()
