"""The translation of docker-compose.yaml to processes of this machine."""

import pytest

from scripts.local.compose_env import read_env, render
from scripts.proof.compose import ComposeError, interpolate, read_services
from tests.project.test_compose import ROOT

VALUES = read_env(render())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("a${A}b", "a1b"),
        ("$A$A", "11"),
        ("${B}", ""),
        ("${B:-two}", "two"),
        ("${A:-two}", "1"),
        ("${B:-${C:-${A}}}/x", "1/x"),
        ("${A:?needed}", "1"),
        ("$$A $${HOSTNAME}", "$A ${HOSTNAME}"),
    ],
)
def test_variables_are_put_in_as_compose_does(text, expected):
    assert interpolate(text, {"A": "1"}) == expected


@pytest.mark.parametrize("text", ["${A:?run the command}", "${A", "${}", "5 $ each"])
def test_what_compose_refuses_is_refused(text):
    with pytest.raises(ComposeError):
        interpolate(text, {})


def test_a_missing_secret_stops_with_what_to_do():
    with pytest.raises(ComposeError, match=r"is not set: run python3 -m scripts\.local\.compose_env"):
        read_services(ROOT / "docker-compose.yaml", {}, {})


def test_addresses_of_containers_become_those_of_this_machine():
    places = {"postgres:5432": "127.0.0.1:1", "redis:6379": "127.0.0.1:2", "localhost:8974": "127.0.0.1:3"}
    services = read_services(ROOT / "docker-compose.yaml", VALUES, places)
    scheduler = services["airflow-scheduler"]
    assert "@127.0.0.1:1/airflow" in scheduler.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    assert scheduler.environment["AIRFLOW__CELERY__BROKER_URL"].endswith("@127.0.0.1:2/0")
    assert scheduler.health[-1] == "http://127.0.0.1:3/health"
    assert scheduler.command == ("scheduler",)
    assert services["airflow-worker"].health[:2] == ("sh", "-c")
    assert services["airflow-worker"].health[2].endswith('"celery@${HOSTNAME}"')


def test_each_service_starts_after_what_it_needs():
    services = read_services(ROOT / "docker-compose.yaml", VALUES, {})
    assert set(services["airflow-worker"].needs) == {"postgres", "redis", "airflow-init", "airflow-apiserver"}
    assert all(set(service.needs) <= services.keys() for service in services.values())
