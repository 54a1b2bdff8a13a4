"""The DAGs that serve the queue, through Airflow's own task runner."""

import asyncio
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import TaskDeferred

from shopify_fw360.airflow.queue_sensor import QueueSensor
from shopify_fw360.airflow.queue_trigger import QueueTrigger
from shopify_fw360.records import QUEUE_CONSUMER, Entity, Event, System
from shopify_fw360.store import Store
from shopify_fw360.sync.inbox import accept
from shopify_fw360.sync.serve import AWAKE
from tests.airflow.world import INTO_SITE

pytestmark = pytest.mark.airflow


@pytest.fixture
def deployment(deployment):
    deployment.configure(near_real_time={"linger_seconds": 0})
    return deployment


def told(deployment, customer, key="1"):
    accept(deployment.store, [Event(System.SHOPIFY, key, "customers/update", Entity.CUSTOMER, customer)])


def ada(deployment):
    return deployment.shop.create(firstName="Ada", lastName="Neri", email="ada@example.com")


class TestWebhookQueue:
    def test_a_run_started_by_the_bell_carries_over_what_was_told(self, deployment):
        told(deployment, ada(deployment))
        run = deployment.run("webhook_queue", kind="asset_triggered")
        assert run.tasks == {"serve_queue": "success"}
        assert run.xcom("serve_queue")[INTO_SITE.name]["created"] == 1
        assert deployment.site.all()[0]["email"] == "ada@example.com"

    def test_its_ledger_can_be_looked_up_by_run_and_flow(self, deployment):
        told(deployment, ada(deployment))
        run = deployment.run("webhook_queue", kind="asset_triggered")
        with deployment.store.read() as tx:
            assert tx.run(INTO_SITE.part_of(run.ledger_id)).certificate.explained

    def test_a_bell_for_nothing_is_a_success(self, deployment):
        run = deployment.run("webhook_queue", kind="asset_triggered")
        assert (run.state, run.xcom("serve_queue")) == ("success", {"event_tasks": 0, "more": False})

    def test_a_scheduled_run_does_not_wait_if_something_is_there(self, deployment):
        told(deployment, ada(deployment))
        run = deployment.run("webhook_queue", kind="scheduled")
        assert run.xcom("serve_queue")[INTO_SITE.name]["created"] == 1

    def test_a_run_in_which_a_flow_was_stopped_is_red_and_says_what_to_do(self, deployment):
        told(deployment, ada(deployment))
        deployment.framework360.control.set_options(keys={"sandbox-key": ["createcustomer"]})
        run = deployment.run("webhook_queue", kind="asset_triggered")
        assert run.tasks == {"serve_queue": "failed"}
        with deployment.store.read() as tx:
            assert tx.paused() == {INTO_SITE.name}
            assert tx.pending(INTO_SITE).pending == 1


class TestSensor:
    def execute(self, run_type):
        row = SimpleNamespace(
            dag_id="webhook_queue", run_id="r", run_type=run_type, data_interval_start=None, data_interval_end=None
        )
        context = {"dag_run": row, "params": {}, "ti": SimpleNamespace(try_number=1)}
        return QueueSensor(task_id="serve_queue").execute(context)

    def test_a_scheduled_run_waits_in_the_triggerer(self, deployment):
        with pytest.raises(TaskDeferred) as deferred:
            self.execute("scheduled")
        assert deferred.value.method_name == "woken"
        path, arguments = deferred.value.trigger.serialize()
        assert path == "shopify_fw360.airflow.queue_trigger.QueueTrigger"
        assert INTO_SITE.name in arguments["flows"]

    def test_flows_that_are_off_are_not_watched(self, deployment):
        deployment.configure(flows={"customers": {"shopify_to_framework360": False}})
        with pytest.raises(TaskDeferred) as deferred:
            self.execute("scheduled")
        assert INTO_SITE.name not in deferred.value.trigger.flows

    def test_woken_for_nothing_it_ends(self, deployment):
        assert QueueSensor(task_id="serve_queue").woken({}, {"needed": False}) == {}

    def test_it_can_be_poked_like_any_sensor(self, deployment):
        sensor = QueueSensor(task_id="serve_queue")
        assert not sensor.poke({})
        told(deployment, ada(deployment))
        assert sensor.poke({})


class TestTrigger:
    def fire(self, deployment, *, meanwhile=None, seconds=0.5, flows=(INTO_SITE.name,)):
        """Run the trigger until it fires; do something while it watches."""
        first = QueueTrigger("default", flows, seconds, 0.05)
        path, arguments = first.serialize()
        assert path.endswith(".QueueTrigger")

        async def watch():
            running = QueueTrigger(**arguments).run()
            task = asyncio.create_task(anext(running))
            if meanwhile is not None:
                await asyncio.sleep(0.2)
                await asyncio.to_thread(meanwhile)
            return (await task).payload

        return asyncio.run(watch())

    def test_it_fires_as_soon_as_something_urgent_is_staged(self, deployment):
        customer = ada(deployment)
        fired = self.fire(deployment, meanwhile=lambda: told(deployment, customer), seconds=30)
        assert fired == {"needed": True}

    def test_it_gives_up_after_its_time(self, deployment):
        assert self.fire(deployment) == {"needed": False}

    def test_it_does_not_fire_for_a_flow_that_is_off(self, deployment):
        told(deployment, ada(deployment))
        assert self.fire(deployment, flows=()) == {"needed": False}

    def test_it_does_not_fire_while_somebody_is_awake(self, deployment):
        told(deployment, ada(deployment))
        with deployment.store.begin() as tx:
            tx.stay_awake(QUEUE_CONSUMER, "consumer", AWAKE)
        assert self.fire(deployment) == {"needed": False}

    def test_it_survives_a_store_that_is_away(self, deployment, monkeypatch):
        def gone(self):
            raise_unavailable()

        def raise_unavailable():
            from shopify_fw360.errors import STORE_UNAVAILABLE, SyncError

            raise SyncError(STORE_UNAVAILABLE, "restarting")

        monkeypatch.setattr(Store, "read", gone)
        assert self.fire(deployment) == {"needed": False}


class TestSyncOne:
    def run(self, deployment, **params):
        return deployment.run("sync_one", **params)

    def test_the_record_is_carried_over(self, deployment):
        customer = ada(deployment)
        other = deployment.shop.create(firstName="Eva", lastName="Neri", email="eva@example.com")
        told(deployment, other)
        run = self.run(deployment, entity="customer", source="shopify", id=customer.rpartition("/")[2])
        assert run.tasks == {"sync_record": "success"}
        assert run.xcom("sync_record")["certificate"]["outcomes"] == {"created": 1}
        assert [row["email"] for row in deployment.site.all()] == ["ada@example.com"]
        assert deployment.ledger(run).certificate.explained

    def test_a_record_that_cannot_be_carried_over_makes_it_red(self, deployment):
        customer = deployment.shop.create(firstName="Ugo", lastName="Blu", phone="+393337654321")
        assert self.run(deployment, entity="customer", source="shopify", id=customer).state == "failed"

    @pytest.mark.parametrize(
        "params",
        [
            {"entity": "order", "source": "framework360", "id": "5"},
            {"entity": "customer", "source": "shopify", "id": "ada"},
            {"entity": "customer", "source": "shopify"},
        ],
    )
    def test_wrong_parameters_make_it_red(self, deployment, params):
        assert self.run(deployment, **params).state == "failed"

    def test_a_flow_that_is_off_is_skipped(self, deployment):
        deployment.configure(flows={"customers": {"shopify_to_framework360": False}})
        run = self.run(deployment, entity="customer", source="shopify", id=ada(deployment))
        assert run.tasks == {"sync_record": "skipped"}
