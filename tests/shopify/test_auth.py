import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from sandbox.shopify.tokens import CLIENT_ID, CLIENT_SECRET, STATIC_TOKEN
from shopify_fw360.errors import SHOPIFY_GRANT, SHOPIFY_TOKEN, SHOPIFY_UNAVAILABLE, SyncError
from shopify_fw360.shopify.address import shop_address
from shopify_fw360.shopify.auth import (
    ClientCredentials,
    MemoryTokenStore,
    OAuthToken,
    StaticToken,
    StoredToken,
    TokenEndpoint,
    token_from_json,
    token_to_json,
)
from tests.shopify.helpers import NOW, client_for, json_answer, plain_answer, scripted

PAIR = {
    "access_token": "new-access",
    "scope": "read_customers,write_customers",
    "expires_in": 3600,
    "refresh_token": "new-refresh",
    "refresh_token_expires_in": 7_776_000,
}


def stored(expires_in=timedelta(hours=1), access="old-access", refresh="old-refresh", now=NOW):
    return StoredToken(access, now + expires_in, refresh, now + timedelta(days=90))


def oauth(url, token, **options):
    address = shop_address(url)
    store = MemoryTokenStore({address.shop: token} if token else None)
    options.setdefault("clock", lambda: NOW)
    options.setdefault("sleep", lambda _: None)
    return OAuthToken(TokenEndpoint(address, "id", "secret", **options), store), store, address.shop


def error_of(call, *arguments):
    with pytest.raises(SyncError) as caught:
        call(*arguments)
    return caught.value


def test_a_token_that_lasts_is_used_without_asking():
    source, _, _ = oauth("http://127.0.0.1:1", stored())
    assert source.token() == "old-access"


def test_a_token_that_does_not_expire_is_used_as_it_is():
    source, _, _ = oauth("http://127.0.0.1:1", StoredToken("forever"))
    assert source.token() == "forever"
    assert error_of(source.renew, "forever").code is SHOPIFY_TOKEN


def test_a_token_is_refreshed_before_it_ends_and_stored_before_it_is_used():
    with scripted(json_answer(PAIR)) as server:
        source, store, shop = oauth(server.url, stored(timedelta(minutes=4)))
        assert source.token() == "new-access"
        sent = parse_qs(server.bodies[0].decode())
    assert sent["grant_type"] == ["refresh_token"]
    assert sent["refresh_token"] == ["old-refresh"]
    assert store.get(shop) == StoredToken(
        "new-access",
        NOW + timedelta(hours=1),
        "new-refresh",
        NOW + timedelta(days=90),
        ("read_customers", "write_customers"),
    )


def test_eight_threads_make_one_refresh():
    with scripted(json_answer(PAIR)) as server:
        source, _, _ = oauth(server.url, stored(timedelta(0)))
        tokens = []
        threads = [threading.Thread(target=lambda: tokens.append(source.token())) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(server.bodies) == 1
    assert Counter(tokens) == {"new-access": 8}


def test_a_refused_token_that_another_process_has_replaced_is_not_refreshed_again():
    source, store, shop = oauth("http://127.0.0.1:1", stored())
    assert source.token() == "old-access"
    with store.lock(shop) as lock:
        lock.replace(stored(access="fresh"))
    assert source.renew("old-access") == "fresh"
    assert source.token() == "fresh"


@pytest.mark.parametrize("fault", [plain_answer(500, ""), plain_answer(429, ""), plain_answer(200, "<html>")])
def test_a_lost_refresh_is_asked_again_with_the_same_refresh_token(fault):
    with scripted(fault, json_answer(PAIR)) as server:
        source, _, _ = oauth(server.url, stored(timedelta(0)))
        assert source.token() == "new-access"
        assert [parse_qs(body.decode())["refresh_token"] for body in server.bodies] == [["old-refresh"]] * 2


def test_a_refresh_that_never_succeeds_is_to_be_tried_later():
    with scripted(plain_answer(503, "")) as server:
        source, store, shop = oauth(server.url, stored(timedelta(0)))
        assert error_of(source.token).code is SHOPIFY_UNAVAILABLE
    assert store.get(shop).refresh_token == "old-refresh"


@pytest.mark.parametrize(
    ("status", "reason"), [(400, "invalid_grant"), (401, "invalid_request"), (400, "invalid_client")]
)
def test_a_dead_grant_needs_a_new_connection(status, reason):
    with scripted(json_answer({"error": reason, "error_description": "old-refresh"}, status)) as server:
        source, _, _ = oauth(server.url, stored(timedelta(0)))
        error = error_of(source.token)
        assert len(server.bodies) == 1
    assert (error.code, error.rule) == (SHOPIFY_GRANT, reason)
    assert "old-refresh" not in str(error)


def test_a_dead_grant_may_come_as_html():
    with scripted(plain_answer(400, "<html>Oauth error invalid_request</html>")) as server:
        source, _, _ = oauth(server.url, stored(timedelta(0)))
        assert error_of(source.token).code is SHOPIFY_GRANT


def test_a_shop_never_connected_is_told_so():
    source, _, _ = oauth("http://127.0.0.1:1", None)
    assert "never connected" in str(error_of(source.token))


def test_an_empty_static_token_is_told_so():
    assert error_of(StaticToken("").token).code is SHOPIFY_TOKEN


def test_secrets_do_not_show():
    texts = repr(stored()) + repr(StaticToken("old-access")) + repr(oauth("http://127.0.0.1:1", stored())[0])
    assert "old-access" not in texts
    assert "old-refresh" not in texts
    assert "'secret'" not in texts


@pytest.mark.parametrize("token", [stored(), StoredToken("a"), StoredToken("a", NOW, scopes=("read_orders",))])
def test_a_token_survives_being_stored(token):
    values = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in token_to_json(token).items()
    }
    assert token_from_json(values) == token


# Against the sandbox shop.


def endpoint(server):
    return TokenEndpoint(shop_address(server.url), CLIENT_ID, CLIENT_SECRET)


def granted(server):
    """Let the merchant install the app and return the first token pair."""
    form = {"client_id": CLIENT_ID, "scope": "read_customers", "state": "s", "answer": "install"}
    form["redirect_uri"] = "http://127.0.0.1/callback"
    answer = requests.post(
        f"{server.url}/admin/oauth/authorize",
        data=form,
        headers={"Origin": server.url},
        allow_redirects=False,
        timeout=10,
    )
    code = parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]
    return endpoint(server).ask({"code": code, "expiring": "1"})


def connected(server, token, **options):
    store = MemoryTokenStore({shop_address(server.url).shop: token})
    return OAuthToken(endpoint(server), store, **options), store


def test_a_static_token_works(shopify_sandbox):
    assert client_for(shopify_sandbox.url, StaticToken(STATIC_TOKEN)).check().name == "Sandbox Shop"


def test_client_credentials_are_asked_for_once(shopify_sandbox):
    store = MemoryTokenStore()
    client = client_for(shopify_sandbox.url, ClientCredentials(endpoint(shopify_sandbox), store))
    client.check()
    first = store.get(shop_address(shopify_sandbox.url).shop)
    client.check()
    assert store.get(shop_address(shopify_sandbox.url).shop) == first


def test_client_credentials_of_an_uninstalled_app_are_a_dead_grant(shopify_sandbox):
    shopify_sandbox.control.set_options(revoked=True)
    error = error_of(ClientCredentials(endpoint(shopify_sandbox), MemoryTokenStore()).token)
    assert (error.code, error.rule) == (SHOPIFY_GRANT, "app_not_installed")


def test_an_access_token_that_ended_early_is_refreshed_once_and_the_call_goes_on(shopify_sandbox):
    token = granted(shopify_sandbox)
    wrong = StoredToken("ended", datetime.now(UTC) + timedelta(hours=1), token.refresh_token)
    source, store = connected(shopify_sandbox, wrong)
    assert client_for(shopify_sandbox.url, source).check().scopes == ("read_customers",)
    assert store.get(shop_address(shopify_sandbox.url).shop).refresh_token != token.refresh_token


def test_a_refresh_whose_answer_was_lost_is_survived(shopify_sandbox):
    source, _ = connected(shopify_sandbox, granted(shopify_sandbox), early=timedelta(hours=2))
    shopify_sandbox.control.add_fault("lost_answer", match={"path_prefix": "/admin/oauth"}, times=1)
    assert client_for(shopify_sandbox.url, source).check().name == "Sandbox Shop"


def test_tokens_rotate_many_times(shopify_sandbox):
    source, store = connected(shopify_sandbox, granted(shopify_sandbox), early=timedelta(hours=2))
    client = client_for(shopify_sandbox.url, source)
    seen = set()
    for _ in range(5):
        client.check()
        seen.add(store.get(shop_address(shopify_sandbox.url).shop).refresh_token)
    assert len(seen) == 5


def test_a_revoked_app_is_told_so(shopify_sandbox):
    source, _ = connected(shopify_sandbox, granted(shopify_sandbox))
    shopify_sandbox.control.set_options(revoked=True)
    assert error_of(client_for(shopify_sandbox.url, source).check).code is SHOPIFY_GRANT
    assert error_of(client_for(shopify_sandbox.url, StaticToken(STATIC_TOKEN)).check).code is SHOPIFY_TOKEN
