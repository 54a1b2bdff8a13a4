"""Runs DAGs as Airflow does, in this process, and looks at what they left behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from unittest.mock import patch

import pytest

from sandbox.common.server import RunningServer
from shopify_fw360.records import Entity, Flow, System
from shopify_fw360.store import Store
from tests.airflow.environment import ROOT
from tests.end_to_end.world import ShopPerson, SitePerson

INTO_SITE = Flow(Entity.CUSTOMER, System.SHOPIFY)
INTO_SHOP = INTO_SITE.reverse


def dag_bag(only: str = ""):
    """Parse the DAG files: anew for each run, as each task process does, because a form changes the DAG object.

    Args:
        only: name of one file, all if empty.
    """
    from airflow.dag_processing.dagbag import DagBag

    folder = ROOT / "dags"
    return DagBag(dag_folder=str(folder / only), bundle_path=folder, bundle_name="dags-folder")


@dataclass
class FinishedRun:
    """A run that has ended."""

    row: Any

    @property
    def state(self) -> str:
        return str(self.row.state)

    @property
    def ledger_id(self) -> str:
        return f"{self.row.dag_id}/{self.row.run_id}"

    @property
    def tasks(self) -> dict[str, str]:
        return {ti.task_id: str(ti.state) for ti in self.row.get_task_instances()}

    def xcom(self, task_id: str, key: str = "return_value") -> Any:
        from airflow.models.xcom import XComModel
        from airflow.utils.session import create_session

        with create_session() as session:
            found = session.scalars(
                XComModel.get_many(
                    key=key, run_id=self.row.run_id, dag_ids=self.row.dag_id, task_ids=task_id
                ).with_only_columns(XComModel.value)
            ).first()
        return json.loads(found) if isinstance(found, str) else found


@dataclass
class Deployment:
    """Both systems, the store, and Airflow's view of them."""

    shopify: RunningServer
    framework360: RunningServer
    store: Store
    connect: Callable[..., None]
    monkeypatch: pytest.MonkeyPatch

    def __post_init__(self) -> None:
        self.shop = ShopPerson(self.shopify.url)
        self.site = SitePerson(self.framework360.url)

    def configure(self, **settings: Any) -> None:
        """Set the Variable sync_settings."""
        self.monkeypatch.setenv("AIRFLOW_VAR_SYNC_SETTINGS", json.dumps(settings))

    def run(
        self,
        dag_id: str,
        *,
        kind: str = "manual",
        interval: tuple[datetime, datetime] | None = None,
        **params: Any,
    ) -> FinishedRun:
        """Run a DAG to its end as a manual, scheduled or backfill run."""
        from airflow.models import dagrun

        create = dagrun.get_or_create_dagrun

        def create_of_kind(**arguments: Any) -> Any:
            row = create(**{**arguments, "data_interval": interval or arguments["data_interval"]})
            row.run_type = kind
            arguments["session"].commit()
            return row

        with patch.object(dagrun, "get_or_create_dagrun", create_of_kind):
            return FinishedRun(dag_bag(f"{dag_id}.py").dags[dag_id].test(run_conf=params))

    def writes(self) -> int:
        """Writing requests both systems have received since they were reset."""
        return sum(
            entry["writes"]
            for server in (self.shopify, self.framework360)
            for entry in server.control.metrics()["operations"].values()
        )

    def ledger(self, run: FinishedRun) -> Any:
        with self.store.read() as tx:
            return tx.run(run.ledger_id)

    def linked(self, system: System) -> set[str]:
        with self.store.read() as tx:
            return set(tx.link_ids(Entity.CUSTOMER, system))
