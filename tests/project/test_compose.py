"""The compose file by what it promises; without a Docker engine its containers are not started here."""

from pathlib import Path

import pytest
import yaml

from scripts.local.compose_env import render
from shopify_fw360.shopify.address import shop_address

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())
SERVICES = COMPOSE["services"]
VALUES = dict(line.split("=", 1) for line in render().splitlines() if not line.startswith("#"))


def test_every_service_that_keeps_running_has_a_health_check():
    assert [name for name, service in SERVICES.items() if "healthcheck" not in service] == ["airflow-init"]


def test_nothing_is_published_beyond_loopback():
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    assert all(str(port).startswith("127.0.0.1:") for port in published)


def test_all_airflow_components_share_one_set_of_secrets():
    airflow = [service for name, service in SERVICES.items() if name.startswith("airflow-")]
    assert {service["env_file"] for service in airflow} == {".env"}


@pytest.mark.parametrize("name", ["POSTGRES_PASSWORD", "AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__API_AUTH__JWT_SECRET"])
def test_secrets_are_new_in_each_file(name):
    again = dict(line.split("=", 1) for line in render().splitlines() if not line.startswith("#"))
    assert VALUES[name] != again[name]


def test_the_shop_address_has_the_form_the_connection_takes():
    assert shop_address(VALUES["SHOPIFY_URL"]).shop == VALUES["SHOPIFY_URL"]
