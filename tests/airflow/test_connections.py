"""Typed clients from Airflow connections."""

import json

import pytest
from airflow.sdk import Connection

from shopify_fw360.airflow.connections import (
    airflow_connection,
    framework360_client,
    shopify_client,
    store_url,
    token_vault,
)
from shopify_fw360.errors import CONNECTION_INVALID, SyncError
from shopify_fw360.shopify.auth import StoredToken
from shopify_fw360.shopify.budget import MemoryBudget
from shopify_fw360.store import Store

pytestmark = pytest.mark.airflow

SHOP = {"conn_type": "shopify", "host": "my-shop.myshopify.com"}
TOKEN = json.dumps({"auth": "token", "access_token": "secret"})
SITE = {"conn_type": "framework360", "host": "demo.framework360.site", "password": "key"}


def connection(**fields):
    return Connection(conn_id="the_connection", **fields)


def refusal(build, *arguments):
    with pytest.raises(SyncError) as caught:
        build(*arguments)
    assert caught.value.code is CONNECTION_INVALID
    assert "the_connection" in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        (
            {"conn_type": "postgres", "host": "db", "port": 5433, "login": "u", "password": "p@/", "schema": "sync"},
            "postgresql+psycopg://u:p%40%2F@db:5433/sync",
        ),
        (
            {"conn_type": "sync_store", "host": "db", "schema": "sync", "extra": '{"sslmode": "require"}'},
            "postgresql+psycopg://db/sync?sslmode=require",
        ),
        ({"conn_type": "sqlite", "host": "/var/lib/store.db"}, "sqlite:////var/lib/store.db"),
        ({"uri": "sqlite:////var/lib/store.db"}, "sqlite:////var/lib/store.db"),
        ({"uri": "postgresql://u:p@db:5433/sync"}, "postgresql+psycopg://u:p@db:5433/sync"),
        ({"conn_type": "generic", "host": "sqlite:////var/lib/store.db"}, "sqlite:////var/lib/store.db"),
        (
            {"conn_type": "generic", "host": "postgresql+psycopg://db/sync", "login": "u", "password": "p"},
            "postgresql+psycopg://u:p@db/sync",
        ),
    ],
)
def test_the_store_is_found_by_url_or_by_fields(fields, url):
    assert store_url(connection(**fields)) == url


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"conn_type": "postgres", "schema": "sync"}, "host"),
        ({"conn_type": "postgres", "host": "db"}, "schema"),
        ({"conn_type": "sqlite"}, "host"),
        ({"conn_type": "generic", "host": "not a url://"}, "host"),
    ],
)
def test_a_store_that_cannot_be_found_names_the_field(fields, field):
    assert refusal(store_url, connection(**fields)).field == field


def test_the_shop_with_a_fixed_token_needs_no_store():
    client = shopify_client(connection(**SHOP, extra=TOKEN), None, MemoryBudget())
    assert client.address.shop == "my-shop.myshopify.com"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"host": "my-shop.example.com", "extra": TOKEN}, "host"),
        ({"extra": '{"auth": "token"}'}, "access_token"),
        ({"extra": '{"auth": "magic"}'}, "auth"),
        ({"password": "s"}, "login"),
        ({"login": "id", "extra": '{"auth": "client_credentials"}'}, "password"),
        ({"login": "id", "password": "s"}, "auth"),
    ],
)
def test_a_shop_that_cannot_be_reached_names_the_field(changes, field):
    assert refusal(shopify_client, connection(**{**SHOP, **changes}), None, MemoryBudget()).field == field


def test_a_base_url_survives_airflows_own_uri_form():
    """The Test button of the UI hands a connection over as a URI, which moves the port into its own field."""
    original = connection(conn_type="shopify", host="http://127.0.0.1:8361", extra=TOKEN)
    again = Connection(conn_id="the_connection", uri=original.get_uri())
    assert shopify_client(again, None, MemoryBudget()).address.base_url == "http://127.0.0.1:8361"


@pytest.mark.parametrize(
    "changes",
    [{"host": ""}, {"password": ""}, {"host": "http://demo.framework360.site"}, {"extra": '{"limitz": 1}'}],
)
def test_a_site_that_cannot_be_reached_is_refused_by_name(changes):
    refusal(framework360_client, connection(**{**SITE, **changes}))


def test_no_refusal_shows_a_secret():
    error = refusal(framework360_client, connection(**{**SITE, "password": "hush hush"}))
    assert "hush" not in str(error)


def test_a_connection_that_does_not_exist_is_told_by_name(airflow_metadata):
    with pytest.raises(SyncError, match="connection nobody_made_it does not exist"):
        airflow_connection("nobody_made_it")


def test_tokens_are_kept_encrypted_and_come_back_as_they_were(tmp_path):
    from datetime import UTC, datetime

    from cryptography.fernet import Fernet

    path = tmp_path / "store.db"
    store = Store.open(f"sqlite:///{path}", encryption_key=Fernet.generate_key().decode())
    store.upgrade()
    token = StoredToken("shpat_secret", datetime(2026, 1, 1, tzinfo=UTC), "refresh", None, ("read_customers",))
    token_vault(store).put("my-shop.myshopify.com", token)
    assert token_vault(store).get("my-shop.myshopify.com") == token
    store.close()
    assert b"shpat_secret" not in path.read_bytes()
