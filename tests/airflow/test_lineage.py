"""OpenLineage events: derived from the mapping, sent by the tasks, off unless a transport is set."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from shopify_fw360.airflow import lineage
from shopify_fw360.records import Outcome
from shopify_fw360.settings import ALL_FLOWS, SyncSettings
from shopify_fw360.sync.drain import DrainReport
from tests.airflow.world import INTO_SITE
from tests.end_to_end.world import MAPPINGS, compiled_mappings

pytestmark = pytest.mark.airflow

ENDS = lineage.ends(INTO_SITE, shop="shop.myshopify.com", site="https://www.example.com/")


@pytest.fixture(scope="module")
def mappings():
    return compiled_mappings(MAPPINGS, SyncSettings().model_dump_json())


@pytest.fixture
def backend(monkeypatch):
    """A lineage backend on loopback; returns the events it has got."""
    from airflow.providers.openlineage import conf

    # Loaded while nothing is configured, so that the provider's own events of tasks, each in a process of its own, stay
    # away from this and all later tests of the process.
    from airflow.providers.openlineage.plugins import listener, openlineage

    assert openlineage.OpenLineageProviderPlugin.listeners == []

    events = []

    class Sink(BaseHTTPRequestHandler):
        def do_POST(self):
            events.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    transport = {"type": "http", "url": f"http://127.0.0.1:{server.server_port}"}
    # The provider reads its options once per process.
    cached = [value for value in vars(conf).values() if hasattr(value, "cache_clear")]
    cached += [listener.get_openlineage_listener] if hasattr(listener.get_openlineage_listener, "cache_clear") else []
    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__TRANSPORT", json.dumps(transport))
    for each in cached:
        each.cache_clear()
    yield events
    server.shutdown()
    server.server_close()
    monkeypatch.undo()
    for each in cached:
        each.cache_clear()


def columns(dataset):
    return dataset["facets"]["columnLineage"]["fields"]


def test_the_datasets_are_named_after_the_systems():
    assert (ENDS.source, ENDS.target, ENDS.name) == (
        "shopify://shop.myshopify.com",
        "framework360://www.example.com",
        "customers",
    )


def test_a_field_names_the_fields_it_comes_from_and_those_that_only_decide(mappings):
    found = lineage.origins(mappings[INTO_SITE])
    assert found["nome"].direct == ("firstName",)
    assert found["nome"].indirect == ("defaultEmailAddress.emailAddress",)
    assert found["nome"].changed
    assert found["tags"] == lineage.Origins(("tags",), (), changed=False, about=found["tags"].about)


@pytest.mark.parametrize("flow", ALL_FLOWS, ids=lambda flow: flow.name)
def test_every_field_with_a_source_has_its_lineage_and_only_with_fields_that_are_read(mappings, flow):
    mapping = mappings[flow]
    read, written = lineage.datasets(mapping, lineage.ends(flow, shop="s", site="w"), DrainReport())
    known = {field.name for field in read.facets["schema"].fields}
    found = written.facets["columnLineage"].fields
    assert set(found) == {name for name, rule in mapping.all_rules if rule.paths}
    used = {source.field for of in found.values() for source in of.inputFields}
    assert used
    assert used <= known


def test_the_natural_key_bears_on_the_whole_dataset(mappings):
    _, written = lineage.datasets(mappings[INTO_SITE], ENDS, DrainReport())
    [key] = written.facets["columnLineage"].dataset
    assert (key.field, key.transformations[0].subtype) == ("defaultEmailAddress.emailAddress", "JOIN")


def test_only_records_that_were_written_are_counted(mappings):
    report = DrainReport()
    report.outcomes.update({Outcome.CREATED: 2, Outcome.UPDATED: 1, Outcome.UNCHANGED: 5, Outcome.PARKED: 7})
    _, written = lineage.datasets(mappings[INTO_SITE], ENDS, report)
    assert written.outputFacets["outputStatistics"].rowCount == 3


def test_a_run_sends_its_lineage_to_the_backend(deployment, backend):
    deployment.shop.create(firstName="Ada", lastName="Neri", email="ada@example.com")
    run = deployment.run(INTO_SITE.name, kind="scheduled")
    assert run.state == "success"
    [event] = [event for event in backend if event.get("outputs")]
    assert event["job"]["name"] == f"{INTO_SITE.name}.drain_batch"
    [source], [target] = event["inputs"], event["outputs"]
    assert source["namespace"] == deployment.shopify.url.replace("http", "shopify")
    assert target["namespace"] == deployment.framework360.url.replace("http", "framework360")
    assert source["name"] == target["name"] == "customers"
    assert target["outputFacets"]["outputStatistics"]["rowCount"] == 1
    assert [field["field"] for field in columns(target)["cognome"]["inputFields"]] == ["lastName"]


def test_a_backend_that_is_away_fails_no_task(deployment, backend, monkeypatch):
    monkeypatch.setenv(
        "AIRFLOW__OPENLINEAGE__TRANSPORT", '{"type": "http", "url": "http://127.0.0.1:9", "retry": {"total": 0}}'
    )
    deployment.shop.create(firstName="Ada", lastName="Neri", email="ada@example.com")
    assert deployment.run(INTO_SITE.name, kind="scheduled").state == "success"
    assert backend == []


def test_without_a_transport_nothing_is_sent_or_loaded():
    assert not lineage.is_on()
