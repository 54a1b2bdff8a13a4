"""The compose file by what it promises; without a Docker engine its containers are not started here."""

from pathlib import Path

import pytest
import yaml

from scripts.local.compose_env import read_env, render
from shopify_fw360.shopify.address import shop_address

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())
SERVICES = COMPOSE["services"]
VALUES = read_env(render())


def test_every_service_that_keeps_running_has_a_health_check():
    assert [name for name, service in SERVICES.items() if "healthcheck" not in service] == [
        "airflow-init",
        "airflow-cli",
    ]


def test_nothing_is_published_beyond_loopback():
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    assert all(str(port).startswith("127.0.0.1:") for port in published)


def test_all_airflow_components_share_one_set_of_secrets():
    airflow = [service for name, service in SERVICES.items() if name.startswith("airflow-")]
    assert {service["env_file"] for service in airflow} == {".env"}


def test_the_receiver_gets_nothing_but_what_it_needs():
    receiver = SERVICES["receiver"]
    assert "env_file" not in receiver
    given = " ".join(receiver["environment"].values())
    assert not any(secret in given for secret in ("ACCESS_TOKEN", "API_KEY", "FERNET", "JWT", "ADMIN", "POSTGRES_"))


@pytest.mark.parametrize("name", [name for name in VALUES if name.endswith(("PASSWORD", "SECRET_KEY", "JWT_SECRET"))])
def test_no_secret_has_a_value_that_works_without_being_set(name):
    text = (ROOT / "docker-compose.yaml").read_text()
    assert f"{name}:-" not in text
    assert VALUES[name] not in text


@pytest.mark.parametrize("name", ["POSTGRES_PASSWORD", "AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__API_AUTH__JWT_SECRET"])
def test_secrets_are_new_in_each_file(name):
    again = read_env(render())
    assert VALUES[name] != again[name]


def test_the_shop_address_has_the_form_the_connection_takes():
    assert shop_address(VALUES["SHOPIFY_URL"]).shop == VALUES["SHOPIFY_URL"]
