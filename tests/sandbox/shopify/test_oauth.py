"""Getting and losing tokens."""

import hashlib
import hmac
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

APP = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}


@pytest.fixture
def token(shop):
    def ask(**given):
        answer = shop.session.post(f"{shop.url}/admin/oauth/access_token", data={**APP, **given}, timeout=5)
        return answer.status_code, answer.json()

    return ask


def works(shop, value):
    return shop.post("{ shop { id } }", token=value).status_code == 200


def install(shop, answer="install", origin=None, **changes):
    given = {
        "client_id": "sandbox-client",
        "scope": "write_customers,read_products",
        "redirect_uri": "http://127.0.0.1:9/callback?next=1",
        "state": "n0nce",
        **changes,
    }
    return shop.session.post(
        f"{shop.url}/admin/oauth/authorize",
        data={**given, "answer": answer},
        headers={"Origin": origin or shop.url},
        allow_redirects=False,
        timeout=5,
    )


def callback(answer):
    assert answer.status_code == 302, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


def code(shop):
    return callback(install(shop))["code"]


def test_client_credentials_live_a_day(shop, token):
    status, answer = token(grant_type="client_credentials")
    assert (status, answer["expires_in"]) == (200, 86_399)
    assert "refresh_token" not in answer
    assert works(shop, answer["access_token"])


def test_the_token_endpoint_takes_json_too(shop):
    body = {**APP, "grant_type": "client_credentials"}
    assert shop.session.post(f"{shop.url}/admin/oauth/access_token", json=body, timeout=5).status_code == 200


def test_the_install_page_shows_the_scopes_as_text(shop):
    query = urlencode(
        {"client_id": "sandbox-client", "scope": "<b>x</b>", "redirect_uri": "http://127.0.0.1:9/", "state": "s"}
    )
    page = shop.session.get(f"{shop.url}/admin/oauth/authorize?{query}", timeout=5)
    assert "&lt;b&gt;x&lt;/b&gt;" in page.text
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]


def test_the_callback_is_signed(shop):
    given = callback(install(shop))
    assert given["shop"] == "sandbox-shop.myshopify.com"
    assert given["state"] == "n0nce"
    signed = {name: value for name, value in given.items() if name not in ("hmac", "next")}
    text = urlencode(sorted(signed.items()))
    assert given["hmac"] == hmac.new(b"sandbox-secret", text.encode(), hashlib.sha256).hexdigest()


def test_cancel_sends_back_without_a_code(shop):
    given = callback(install(shop, answer="cancel"))
    assert given["error"] == "access_denied"
    assert "code" not in given


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"client_id": "other"}, 400),
        ({"redirect_uri": "javascript:alert(1)"}, 400),
        ({"origin": "http://evil.example"}, 403),
    ],
)
def test_the_install_form_is_refused(shop, changes, status):
    assert install(shop, **changes).status_code == status


def test_a_code_makes_a_lasting_token_once(shop, token):
    value = code(shop)
    status, answer = token(code=value)
    assert status == 200
    assert set(answer) == {"access_token", "scope"}
    assert answer["scope"] == "write_customers,read_products"
    assert token(code=value)[1]["error"] == "invalid_grant"


def test_an_expiring_token_comes_with_a_refresh_token(shop, token):
    _, answer = token(code=code(shop), expiring="1")
    assert answer["expires_in"] in (3599, 3600)
    assert answer["refresh_token_expires_in"] == 7_776_000
    shop.control.set_options(expire_access_tokens=True)
    assert not works(shop, answer["access_token"])
    _, renewed = token(grant_type="refresh_token", refresh_token=answer["refresh_token"])
    assert works(shop, renewed["access_token"])
    assert renewed["refresh_token"] != answer["refresh_token"]


def test_the_previous_refresh_token_works_until_its_successor_is_used(shop, token):
    _, first = token(code=code(shop), expiring="1")
    _, lost = token(grant_type="refresh_token", refresh_token=first["refresh_token"])
    _, second = token(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert token(grant_type="refresh_token", refresh_token=lost["refresh_token"])[1]["error"] == "invalid_grant"
    assert token(grant_type="refresh_token", refresh_token=second["refresh_token"])[0] == 200
    assert token(grant_type="refresh_token", refresh_token=first["refresh_token"])[1]["error"] == "invalid_grant"


def test_a_new_expiring_token_ends_the_one_before(shop, token):
    _, first = token(code=code(shop), expiring="1")
    _, second = token(code=code(shop), expiring="1")
    assert not works(shop, first["access_token"])
    assert works(shop, second["access_token"])


def test_a_lasting_token_is_migrated(shop, token):
    _, old = token(code=code(shop))
    kind = "urn:shopify:params:oauth:token-type:offline-access-token"
    _, new = token(
        grant_type="urn:ietf:params:oauth:grant-type:token-exchange",
        subject_token=old["access_token"],
        subject_token_type=kind,
        requested_token_type=kind,
        expiring="1",
    )
    assert works(shop, new["access_token"])
    assert not works(shop, old["access_token"])


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"client_secret": "wrong", "grant_type": "client_credentials"}, "invalid_client"),
        ({"client_id": "wrong", "grant_type": "client_credentials"}, "invalid_client"),
        ({"grant_type": "refresh_token", "refresh_token": "wrong"}, "invalid_grant"),
        ({"code": "wrong"}, "invalid_grant"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_the_token_endpoint_refuses(token, given, error):
    status, answer = token(**given)
    assert (status, answer["error"]) == (400, error)


def test_an_uninstallation_ends_every_token_until_the_app_is_installed_again(shop, token):
    _, answer = token(grant_type="client_credentials")
    assert shop.session.delete(
        f"{shop.url}/admin/api_permissions/current.json", headers={"X-Shopify-Access-Token": "sandbox-token"}, timeout=5
    ).ok
    assert not works(shop, "sandbox-token")
    assert token(grant_type="client_credentials")[1]["error"] == "app_not_installed"
    shop.control.set_options(revoked=False)
    assert works(shop, "sandbox-token")
    assert not works(shop, answer["access_token"])


def test_scopes_follow_the_option(shop, token):
    shop.control.set_options(token_scopes="read_customers")
    assert token(grant_type="client_credentials")[1]["scope"] == "read_customers"
