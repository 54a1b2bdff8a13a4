"""The Test button of each connection, against the real sandboxes."""

from pathlib import Path

import pytest

from shopify_fw360.airflow.hooks import Framework360Hook, ShopifyHook, SyncStoreHook

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("connections", "airflow_metadata")]


def test_a_working_shop_says_its_name():
    works, message = ShopifyHook().test_connection()
    assert works
    assert "sandbox-shop.myshopify.com" in message


def test_a_revoked_token_is_told(connections):
    connections("shopify_default", extra={"auth": "token", "access_token": "revoked"})
    works, message = ShopifyHook().test_connection()
    assert (works, message.startswith("SYNC-301")) == (False, True)
    assert "revoked" not in message


def test_missing_scopes_are_listed(servers):
    servers[0].control.set_options(token_scopes="read_customers")
    works, message = ShopifyHook().test_connection()
    assert (works, "write_customers" in message, message.startswith("SYNC-302")) == (False, True, True)


CUSTOMERS_ONLY = """{"flows": {
  "products": {"shopify_to_framework360": false, "framework360_to_shopify": false},
  "orders": {"shopify_to_framework360": false}
}}"""


def test_only_the_scopes_of_flows_that_are_on_are_asked_for(servers, monkeypatch):
    servers[0].control.set_options(token_scopes="read_customers,write_customers")
    works, message = ShopifyHook().test_connection()
    assert (works, "write_products" in message, "write_publications" in message) == (False, True, True)
    monkeypatch.setenv("AIRFLOW_VAR_SYNC_SETTINGS", CUSTOMERS_ONLY)
    works, message = ShopifyHook().test_connection()
    assert works, message


def test_client_credentials_are_fetched_and_kept_in_the_store(connections):
    connections(
        "shopify_default",
        login="sandbox-client",
        password="sandbox-secret",
        extra={"auth": "client_credentials"},
    )
    works, message = ShopifyHook().test_connection()
    assert works, message


def test_a_shop_that_was_never_connected_is_told(connections):
    connections("shopify_default", login="sandbox-client", password="x", extra={"auth": "oauth"})
    works, message = ShopifyHook().test_connection()
    assert (works, "never connected" in message) == (False, True)


def test_a_working_site_says_what_it_lacks():
    works, message = Framework360Hook().test_connection()
    assert works
    assert "webhooks (switched off" in message


def test_a_wrong_key_is_told(connections):
    connections("framework360_default", password="wrong")
    works, message = Framework360Hook().test_connection()
    assert (works, message.startswith("SYNC-401")) == (False, True)


def test_the_vendors_own_plugin_is_told(servers):
    servers[1].control.set_options(shopify_plugin_active=True)
    works, message = Framework360Hook().test_connection()
    assert (works, message.startswith("SYNC-411")) == (False, True)


def test_a_misspelt_option_is_named(connections):
    connections("framework360_default", extra={"limitz": {}})
    works, message = Framework360Hook().test_connection()
    assert not works
    assert message.startswith("SYNC-106 connection is not valid: limitz: this option does not exist")


def test_a_new_store_is_fine_because_the_first_run_makes_its_tables():
    works, message = SyncStoreHook().test_connection()
    assert (works, "next run" in message) == (True, True)


def test_a_store_that_does_not_answer_is_told(connections):
    connections("sync_store", conn_type="postgres", host="127.0.0.1", port=1, schema="sync", password="hush-hush")
    works, message = SyncStoreHook().test_connection()
    assert (works, message.startswith("SYNC-501"), "hush" in message) == (False, True, False)


def test_mappings_that_need_more_scopes_name_file_and_line(servers, tmp_path, monkeypatch):
    for file in (Path(__file__).parents[2] / "include" / "mappings").glob("*.yaml"):
        # The name of the last order is nothing an app may see that may only see customers.
        lines = file.read_text().partition("examples:")[0].replace("from: firstName\n", "from: lastOrder.name\n")
        (tmp_path / file.name).write_text(lines)
    monkeypatch.setenv("SYNC_MAPPINGS_DIR", str(tmp_path))
    monkeypatch.setenv("AIRFLOW_VAR_SYNC_SETTINGS", CUSTOMERS_ONLY)
    servers[0].control.set_options(token_scopes="read_customers,write_customers")
    works, message = ShopifyHook().test_connection()
    assert (works, message.startswith("SYNC-104"), "read_orders" in message) == (False, True, True)
