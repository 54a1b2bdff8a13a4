"""Connecting: consent through the sandbox's own page, what its callback must prove, own credentials, the site."""

import json
import time
from datetime import timedelta
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
import requests
from fastapi.testclient import TestClient

from sandbox.shopify.oauth import sign_query
from sandbox.shopify.shop import DOMAIN
from sandbox.shopify.tokens import CLIENT_ID, CLIENT_SECRET, STATIC_TOKEN
from shopify_fw360.records import Entity, Link
from shopify_fw360.settings import SyncSettings
from shopify_fw360.shopify.budget import MemoryBudget
from shopify_fw360.store import Store
from shopify_fw360.sync.connect import LIFETIME
from shopify_fw360.sync.connections import (
    FRAMEWORK360,
    SHOPIFY,
    EnvironmentConnection,
    shop_of,
    shopify_client,
    token_vault,
)
from shopify_fw360.web.app import create_app
from shopify_fw360.web.console import Console

pytestmark = pytest.mark.airflow

ADDRESS = "https://airflow.example.com"


class InMemory:
    """Keeps connections as Airflow's database does."""

    def __init__(self):
        self.kept = {}
        self.places = {}

    def get(self, conn_id):
        return self.kept.get(conn_id)

    def elsewhere(self, conn_id):
        return self.places.get(conn_id)

    def save(self, connection):
        self.kept[connection.conn_id] = connection


@pytest.fixture
def connections():
    return InMemory()


@pytest.fixture
def application(store, connections):
    return create_app(Console(lambda: store, connections=connections, address=lambda: ADDRESS))


class Merchant:
    """Somebody who connects a shop: in our pages by one browser, in Shopify's by the same."""

    def __init__(self, client, shop_url):
        self.client = client
        self.shop_url = shop_url
        self.session = requests.Session()
        self.session.trust_env = False

    def enter(self, **changes):
        form = {
            "shop": self.shop_url,
            "auth": "oauth",
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "domain": DOMAIN,
            **changes,
        }
        return self.client.post("/api/connect/shop", json=form)

    def begin(self):
        """Press the button and return where Shopify is asked for consent; the cookie is kept as over https."""
        answer = self.client.post("/oauth/start", json={})
        assert answer.status_code == 200, answer.text
        name, value = answer.headers["set-cookie"].partition(";")[0].split("=", 1)
        self.client.cookies.set(name, value)
        return answer.json()["url"]

    def consent(self, url, answer="install"):
        """Answer Shopify's page and return the query it sends the browser back with."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        page = self.session.get(url, timeout=10)
        assert page.status_code == 200
        assert "Install" in page.text
        sent = self.session.post(
            url.partition("?")[0],
            data={**asked, "answer": answer},
            headers={"Origin": self.shop_url},
            allow_redirects=False,
            timeout=10,
        )
        location = sent.headers["location"]
        assert location.startswith(f"{ADDRESS}/sync/oauth/callback?")
        return urlsplit(location).query

    def back(self, query):
        """Follow Shopify's redirection to our callback, as a browser does: from another site."""
        return self.client.get(
            f"/oauth/callback?{query}", headers={"Sec-Fetch-Site": "cross-site"}, follow_redirects=False
        )

    def connect(self):
        self.enter()
        return self.back(self.consent(self.begin()))


@pytest.fixture
def merchant(browser, shopify_sandbox):
    return Merchant(browser("op"), shopify_sandbox.url)


def token_of(store, connections):
    return token_vault(store).get(shop_of(connections.get(SHOPIFY)).shop)


def signed(query, **changes):
    """Return a query with other parameters, signed as only Shopify can."""
    parameters = {**dict(parse_qsl(query)), **changes}
    parameters.pop("hmac", None)
    return urlencode({**parameters, "hmac": sign_query(parameters)})


def shop_answers(store, connections):
    return shopify_client(connections.get(SHOPIFY), token_vault(store), MemoryBudget()).check().domain


class TestConsent:
    def test_a_shop_is_connected_with_an_expiring_token(self, merchant, store, connections):
        answer = merchant.connect()
        assert (answer.status_code, answer.headers["location"]) == (303, "../connect?done=connected")
        token = token_of(store, connections)
        assert token.refresh_token
        assert token.expires_at
        assert shop_answers(store, connections) == DOMAIN

    def test_only_the_scopes_of_what_is_switched_on_are_asked_for(self, merchant):
        merchant.enter()
        scopes = parse_qs(urlsplit(merchant.begin()).query)["scope"][0].split(",")
        assert "write_products" in scopes
        assert "read_all_orders" not in scopes

    def test_who_connected_is_noted_and_no_secret_is(self, merchant, store):
        merchant.connect()
        with store.read() as tx:
            entries = tx.audit_entries(prefix="shop.")
        assert [(entry.action, entry.person) for entry in entries] == [("shop.connect", "a op"), ("shop.save", "a op")]
        assert CLIENT_SECRET not in repr(entries)

    def test_the_page_shows_that_it_is_connected_and_no_secret(self, merchant, store, connections):
        merchant.connect()
        text = merchant.client.get("/connect").text
        token = token_of(store, connections)
        assert "connected" in text
        assert not any(secret in text for secret in (CLIENT_SECRET, token.access_token, token.refresh_token))

    def test_the_log_tells_who_connected_and_no_secret(self, merchant, store, connections, caplog):
        caplog.set_level("DEBUG", "shopify_fw360")
        merchant.connect()
        token = token_of(store, connections)
        ours = " ".join(record.getMessage() for record in caplog.records if record.name.startswith("shopify_fw360"))
        assert "connected by user a op" in ours
        assert not any(secret in ours for secret in (CLIENT_SECRET, token.access_token, token.refresh_token))

    def test_declining_changes_nothing(self, merchant, store, connections):
        merchant.enter()
        answer = merchant.back(merchant.consent(merchant.begin(), "cancel"))
        assert answer.headers["location"] == "../connect?done=declined"
        assert token_of(store, connections) is None

    def test_the_cookie_is_for_the_callback_only_and_out_of_reach_of_scripts(self, merchant):
        merchant.enter()
        cookie = merchant.client.post("/oauth/start", json={}).headers["set-cookie"].lower()
        for part in ("httponly", "samesite=lax", "secure", "path=/oauth"):
            assert part in cookie


class TestCallback:
    """Each refusal leaves the shop unconnected."""

    @pytest.fixture
    def query(self, merchant):
        merchant.enter()
        return merchant.consent(merchant.begin())

    @pytest.fixture(autouse=True)
    def _not_connected(self, store, connections):
        yield
        assert token_of(store, connections) is None

    @pytest.mark.parametrize(
        "forged",
        [
            lambda query: query.replace("hmac=", "hmac=0"),
            lambda query: query.partition("&hmac=")[0],
            lambda query: query + "&hmac=" + "0" * 64,
            lambda query: query.replace("code=", "code=x"),
            lambda query: query + "&extra=1",
        ],
    )
    def test_a_query_that_is_not_signed_as_it_is_is_refused(self, merchant, query, forged):
        assert merchant.back(forged(query)).status_code in (400, 401)

    def test_a_forged_query_does_not_use_the_state_up(self, merchant, query, store, connections):
        merchant.back(query.replace("code=", "code=x"))
        assert merchant.back(query).status_code == 303
        token_vault(store).remove(shop_of(connections.get(SHOPIFY)).shop)

    def test_a_state_nobody_began_is_refused(self, merchant, query):
        assert merchant.back(signed(query, state="another")).status_code == 400

    def test_a_state_is_good_for_the_browser_that_began_only(self, merchant, query, browser):
        stranger = Merchant(browser("op"), merchant.shop_url)
        assert stranger.back(query).status_code == 400
        assert merchant.back(query).status_code == 400

    def test_a_state_is_good_once(self, merchant, query, store, connections):
        assert merchant.back(query).status_code == 303
        token_vault(store).remove(shop_of(connections.get(SHOPIFY)).shop)
        merchant.client.cookies.set("sync_oauth", "kept by somebody")
        assert merchant.back(query).status_code == 400

    def test_a_state_ends(self, merchant, query, store):
        now = store.clock
        object.__setattr__(store, "clock", lambda: now() + LIFETIME + timedelta(seconds=1))
        assert merchant.back(query).status_code == 400

    @pytest.mark.parametrize("seconds", [-3600, 3600])
    def test_an_answer_of_another_time_is_refused(self, merchant, query, seconds):
        assert merchant.back(signed(query, timestamp=str(int(time.time()) + seconds))).status_code == 400

    @pytest.mark.parametrize(
        "changes",
        [
            {"shop": "other-shop.myshopify.com"},
            {"shop": "evil.example"},
            {"shop": f"{DOMAIN}.evil.example"},
            {"host": "ZXZpbC5leGFtcGxlL2FkbWlu"},
        ],
    )
    def test_another_shop_is_refused(self, merchant, query, changes):
        assert merchant.back(signed(query, **changes)).status_code == 400

    @pytest.mark.parametrize("query_of", [lambda q: q + "&x=" + "a" * 5000, lambda q: q + "&shop=" + DOMAIN])
    def test_what_is_too_long_or_ambiguous_is_refused(self, merchant, query, query_of):
        assert merchant.back(query_of(query)).status_code == 400

    def test_a_shop_that_was_changed_meanwhile_is_not_given_the_token(self, merchant, query, connections):
        connections.kept[SHOPIFY].host = "another-shop.myshopify.com"
        assert merchant.back(query).status_code == 400
        connections.kept[SHOPIFY].host = merchant.shop_url

    def test_a_code_shopify_does_not_know_is_told_with_the_next_step(self, merchant, query):
        answer = merchant.back(signed(query, code="0" * 32))
        assert answer.status_code == 502
        assert "SYNC-313" in answer.text


class TestRights:
    @pytest.mark.parametrize("role", ["viewer", "user"])
    def test_who_may_not_edit_connections_neither_sees_nor_connects(self, browser, connections, role):
        client = browser(role)
        assert client.get("/connect").status_code == 403
        assert client.post("/oauth/start", json={}).status_code == 403
        assert client.post("/api/connect/shop", json={"shop": "x"}).status_code == 403
        assert client.post("/api/connect/site", json={"site": "x"}).status_code == 403
        assert client.get("/api/connect/checks").status_code == 403
        assert connections.kept == {}


class TestLifeOfAnInstallation:
    def test_after_an_uninstallation_the_shop_is_connected_again_by_consent(
        self, merchant, store, connections, shopify_sandbox
    ):
        merchant.connect()
        shopify_sandbox.control.set_options(revoked=True)
        with store.begin() as tx:
            tx.disconnect(shop_of(connections.get(SHOPIFY)).shop, "the app was uninstalled")
            tx.raise_alert("shop.disconnected", "uninstalled")
        token_vault(store).remove(shop_of(connections.get(SHOPIFY)).shop)
        assert "the app was uninstalled" in merchant.client.get("/connect").text
        assert merchant.connect().status_code == 303
        assert shop_answers(store, connections) == DOMAIN
        with store.read() as tx:
            assert tx.disconnected() is None

    def test_a_refresh_whose_answer_was_lost_is_asked_again(self, merchant, store, connections, shopify_sandbox):
        merchant.connect()
        before = token_of(store, connections)
        shopify_sandbox.control.set_options(expire_access_tokens=True)
        shopify_sandbox.control.add_fault(
            "lost_answer", match={"path_prefix": "/admin/oauth/access_token"}, times=1, params={"how": "reset"}
        )
        assert shop_answers(store, connections) == DOMAIN
        assert shopify_sandbox.control.faults()[0]["struck"] == 1
        assert token_of(store, connections).refresh_token != before.refresh_token

    def test_a_person_disconnects_and_connects_again(self, merchant, store, connections):
        merchant.connect()
        assert merchant.client.post("/api/connect/shop/disconnect", json={}).status_code == 200
        assert token_of(store, connections) is None
        assert "disconnected by a op" in merchant.client.get("/connect").text
        assert merchant.connect().status_code == 303
        with store.read() as tx:
            assert tx.disconnected() is None


class TestEntering:
    @pytest.mark.parametrize(
        "shop",
        ["www.my-shop.com", "https://evil.example/?x=.myshopify.com", "shop.myshopify.com.evil.example", "a b", "//x"],
    )
    def test_an_address_that_is_no_shop_is_refused_with_field_and_next_step(self, merchant, connections, shop):
        answer = merchant.enter(shop=shop)
        assert (answer.status_code, answer.json()["code"]) == (422, "SYNC-106")
        assert answer.json()["fix"]
        assert connections.kept == {}

    @pytest.mark.parametrize(
        "shop",
        [
            "my-shop",
            "My-Shop.myshopify.com",
            " https://my-shop.myshopify.com/admin/products?x=1 ",
            "https://admin.shopify.com/store/my-shop/orders",
        ],
    )
    def test_an_address_is_taken_as_people_copy_it(self, merchant, connections, shop):
        assert merchant.enter(shop=shop).status_code == 200
        assert connections.get(SHOPIFY).host == "my-shop.myshopify.com"

    def test_client_credentials_are_tried_before_they_are_kept(self, merchant, store, connections):
        wrong = merchant.enter(auth="client_credentials", client_secret="wrong")
        assert (wrong.status_code, wrong.json()["code"]) == (422, "SYNC-313")
        assert connections.kept == {}
        assert merchant.enter(auth="client_credentials").json()["domain"] == DOMAIN
        assert shop_answers(store, connections) == DOMAIN

    def test_a_fixed_token_is_tried_before_it_is_kept(self, merchant, store, connections):
        assert merchant.enter(auth="token", access_token="wrong").json()["code"] == "SYNC-301"
        assert merchant.enter(auth="token", access_token=STATIC_TOKEN).json()["domain"] == DOMAIN
        assert shop_answers(store, connections) == DOMAIN

    def test_an_empty_secret_leaves_the_one_that_is_kept(self, merchant, connections):
        merchant.enter()
        merchant.enter(client_secret="")
        assert connections.get(SHOPIFY).password == CLIENT_SECRET

    def test_a_new_client_secret_keeps_the_one_before_for_what_it_still_signs(self, merchant, connections):
        merchant.enter()
        merchant.enter(client_secret="rotated")
        kept = connections.get(SHOPIFY)
        assert (kept.password, kept.extra["previous_secret"]) == ("rotated", CLIENT_SECRET)

    def test_a_pair_with_linked_records_is_not_pointed_at_another_shop(self, merchant, store, connections):
        merchant.enter()
        with store.begin() as tx:
            tx.save_link(Link(Entity.CUSTOMER, shopify_id="1", framework360_id="2"))
        answer = merchant.enter(shop="another-shop.myshopify.com")
        assert answer.status_code == 422
        assert "pair_id" in answer.json()["detail"]
        assert connections.get(SHOPIFY).host == merchant.shop_url

    def test_a_connection_of_the_environment_is_shown_and_not_changed(self, merchant, connections):
        connections.places[SHOPIFY] = "AIRFLOW_CONN_SHOPIFY_DEFAULT"
        assert "AIRFLOW_CONN_SHOPIFY_DEFAULT" in merchant.client.get("/connect").text
        answer = merchant.enter()
        assert answer.status_code == 409
        assert connections.kept == {}

    def test_what_shopify_sends_to_the_apps_address_must_be_signed(self, merchant):
        merchant.enter()
        query = signed("", shop="my-shop.myshopify.com", timestamp=str(int(time.time())))
        answer = merchant.client.get(f"/oauth/start?{query}", follow_redirects=False)
        assert answer.headers["location"] == "../connect?shop=my-shop.myshopify.com"
        assert merchant.client.get("/oauth/start?shop=my-shop.myshopify.com").status_code == 400


class TestSite:
    @pytest.fixture
    def enter(self, browser, framework360_sandbox):
        client = browser("op")

        def post(key="sandbox-key", site=None):
            return client.post("/api/connect/site", json={"site": site or framework360_sandbox.url, "key": key})

        return post

    def test_a_site_that_answers_is_kept(self, enter, connections, store):
        assert enter().json()["warning"] is None
        assert connections.get(FRAMEWORK360).password == "sandbox-key"
        with store.read() as tx:
            (entry,) = tx.audit_entries(prefix="site.")
        assert entry.after["password"] == "a secret"
        assert "sandbox-key" not in repr(entry)

    def test_a_wrong_key_is_not_kept(self, enter, connections):
        answer = enter(key="wrong")
        assert (answer.status_code, answer.json()["code"]) == (422, "SYNC-401")
        assert connections.kept == {}

    def test_plain_http_beyond_this_machine_is_refused(self, enter):
        assert enter(site="http://demo.framework360.site").json()["code"] == "SYNC-106"

    def test_the_vendors_own_plugin_is_warned_of(self, enter, connections, framework360_sandbox):
        framework360_sandbox.control.set_options(shopify_plugin_active=True)
        assert "plugin" in enter().json()["warning"]
        assert connections.get(FRAMEWORK360) is not None


class TestChecklist:
    @pytest.fixture
    def checks(self, merchant, framework360_sandbox):
        merchant.connect()
        merchant.client.post("/api/connect/site", json={"site": framework360_sandbox.url, "key": "sandbox-key"})

        def ask():
            return {one["topic"]: one for one in merchant.client.get("/api/connect/checks").json()}

        return ask

    def test_all_points_are_asked_and_none_must_be_settled(self, checks):
        found = checks()
        assert {"shop", "scopes", "site", "plugin", "capability", "currency", "webhooks"} <= set(found)
        assert "bad" not in {one["verdict"] for one in found.values()}

    def test_a_missing_scope_is_named_with_its_next_step(self, checks, shopify_sandbox):
        shopify_sandbox.control.set_options(token_scopes="read_customers")
        assert "write_products" in checks()["scopes"]["text"]
        assert checks()["scopes"]["fix"]

    def test_the_vendors_own_plugin_must_be_settled_and_hides_nothing_else(self, checks, framework360_sandbox):
        framework360_sandbox.control.set_options(shopify_plugin_active=True)
        found = checks()
        assert (found["plugin"]["verdict"], found["plugin"]["code"]) == ("bad", "SYNC-411")
        assert found["site"]["verdict"] == "good"

    def test_a_system_that_does_not_answer_does_not_hide_the_other(self, checks, connections):
        connections.kept[FRAMEWORK360].password = "wrong"
        found = checks()
        assert (found["site"]["verdict"], found["site"]["code"]) == ("bad", "SYNC-401")
        assert found["shop"]["verdict"] == "good"


def test_without_an_encryption_key_nothing_is_begun(tmp_path, browser, connections, shopify_sandbox):
    bare = Store.open(f"sqlite:///{tmp_path / 'bare.db'}")
    bare.upgrade()
    application = create_app(Console(lambda: bare, connections=connections, settings=SyncSettings))
    client = TestClient(application, cookies=browser("op").cookies, raise_server_exceptions=False)
    extra = {"auth": "oauth", "domain": DOMAIN}
    connections.save(EnvironmentConnection(SHOPIFY, "shopify", shopify_sandbox.url, "id", "secret", extra=extra))
    answer = client.post("/oauth/start", json={})
    assert (answer.status_code, answer.json().get("code")) == (422, "SYNC-106")
    bare.close()


class TestAirflowConnections:
    @pytest.fixture
    def kept(self, metadata):
        from airflow.models.connection import Connection
        from airflow.utils.session import create_session
        from sqlalchemy import delete

        from shopify_fw360.web.airflow_connections import AirflowConnections

        yield AirflowConnections()
        with create_session() as session:
            session.execute(delete(Connection).where(Connection.conn_id == SHOPIFY))

    def wanted(self, secret="a secret"):
        return EnvironmentConnection(SHOPIFY, "shopify", "http://127.0.0.1:8361", "id", secret, extra={"auth": "oauth"})

    def test_what_is_written_is_what_is_read(self, kept):
        kept.save(self.wanted())
        kept.save(self.wanted("another secret"))
        found = kept.get(SHOPIFY)
        assert (found.conn_type, found.login, found.password) == ("shopify", "id", "another secret")
        assert found.extra_dejson == {"auth": "oauth"}
        assert shop_of(found).base_url == "http://127.0.0.1:8361"
        assert kept.elsewhere(SHOPIFY) is None

    def test_secrets_are_encrypted(self, kept):
        from airflow.models.connection import Connection
        from airflow.utils.session import create_session
        from sqlalchemy import select

        kept.save(self.wanted())
        with create_session() as session:
            row = session.scalar(select(Connection).where(Connection.conn_id == SHOPIFY))
            assert "a secret" not in f"{row._password} {row._extra}"
            assert row.is_encrypted
            assert row.is_extra_encrypted

    def test_a_connection_that_is_not_there_is_none(self, kept):
        assert kept.get(SHOPIFY) is None

    def test_a_connection_of_the_environment_is_told_as_its_place(self, kept, monkeypatch):
        monkeypatch.setenv("AIRFLOW_CONN_SHOPIFY_DEFAULT", json.dumps({"conn_type": "shopify", "host": "x"}))
        assert kept.elsewhere(SHOPIFY) == "AIRFLOW_CONN_SHOPIFY_DEFAULT"
