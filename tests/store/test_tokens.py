from __future__ import annotations

import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select

from shopify_fw360.errors import CONNECTION_INVALID, LEASE_LOST, SyncError
from shopify_fw360.shopify.auth import StoredToken, TokenStore
from shopify_fw360.store import Store, TokenVault
from shopify_fw360.store.tables import shop_token
from tests.store.processes import finish, workers
from tests.store.worker_process import KEY

SHOP = "shop.myshopify.com"
TOKEN = StoredToken("shpat_secret", datetime(2026, 3, 1, tzinfo=UTC), "shprt_secret", None, ("read_customers",))


def load(data) -> StoredToken:
    moments = {
        name: None if data[name] is None else datetime.fromisoformat(data[name])
        for name in ("expires_at", "refresh_expires_at")
    }
    return StoredToken(**{**data, **moments, "scopes": tuple(data["scopes"])})


@pytest.fixture
def vault_with(url, pair_id, clock):
    stores = []

    def make(keys=KEY, **options) -> TokenVault[StoredToken]:
        stores.append(Store.open(url, pair_id=pair_id, encryption_key=keys, clock=clock))
        return TokenVault(stores[-1], dump=asdict, load=load, **options)

    yield make
    for store in stores:
        store.close()


@pytest.fixture
def vault(vault_with) -> TokenVault[StoredToken]:
    return vault_with()


def raw_secret(vault) -> str:
    with vault.store.read() as tx:
        return tx.scope.connection.scalar(select(shop_token.c.secret).where(tx.scope.mine(shop_token)))


def test_it_fits_what_the_shopify_client_asks_for(vault):
    store: TokenStore = vault
    assert store.get(SHOP) is None
    with store.lock(SHOP) as lock:
        assert lock.get() is None
        lock.replace(TOKEN)
        assert lock.get() == TOKEN
    assert store.get(SHOP) == TOKEN


def test_the_database_holds_no_readable_secret(vault):
    vault.put(SHOP, TOKEN)
    assert "secret" not in raw_secret(vault)


def test_the_key_never_shows(vault):
    assert KEY not in repr(vault)


def test_a_replaced_token_is_durable_before_the_lock_ends(vault, vault_with):
    with vault.lock(SHOP) as lock:
        lock.replace(TOKEN)
        assert vault_with().get(SHOP) == TOKEN


def test_a_new_authorization_needs_no_lock(vault):
    with vault.lock(SHOP):
        vault.put(SHOP, TOKEN)
    assert vault.get(SHOP) == TOKEN
    vault.remove(SHOP)
    assert vault.get(SHOP) is None


def test_the_lock_is_free_after_a_failed_refresh(vault):
    with pytest.raises(RuntimeError), vault.lock(SHOP):
        raise RuntimeError
    with vault.lock(SHOP) as lock:
        assert lock.get() is None


def test_who_lost_the_lock_cannot_overwrite_the_newer_token(vault, clock):
    newer = StoredToken("newer")
    with vault.lock(SHOP) as slow:
        clock.move(hours=1)
        with vault.lock(SHOP) as quick:
            quick.replace(newer)
            with pytest.raises(SyncError) as error:
                slow.replace(TOKEN)
    assert error.value.code is LEASE_LOST
    assert vault.get(SHOP) == newer


class TestKeys:
    def test_none_is_refused(self, vault_with):
        with pytest.raises(SyncError, match="no encryption key") as error:
            vault_with(None)
        assert error.value.code is CONNECTION_INVALID

    def test_nonsense_is_refused_without_showing_it(self, vault_with):
        with pytest.raises(SyncError, match="not a Fernet key") as error:
            vault_with("hunter2")
        assert "hunter2" not in str(error.value)

    def test_a_newer_key_reads_old_tokens_and_rotation_leaves_the_old_key_behind(self, vault, vault_with):
        newer = Fernet.generate_key().decode()
        vault.put(SHOP, TOKEN)
        both = vault_with(f"{newer}, {KEY}")
        assert both.get(SHOP) == TOKEN
        assert both.rotate() == 1
        assert vault_with(newer).get(SHOP) == TOKEN
        with pytest.raises(SyncError, match=f"stored token of {SHOP}"):
            vault.get(SHOP)


def test_four_processes_refresh_one_after_the_other(url, pair_id):
    with workers(4, "refresh", url, pair_id) as started:
        finish(started)
    store = Store.open(url, pair_id=pair_id, encryption_key=KEY)
    assert TokenVault(store, dump=dict, load=dict).get("shop") == {"n": 40}
    store.close()


def test_the_lock_of_a_killed_process_ends_by_itself(url, pair_id):
    store = Store.open(url, pair_id=pair_id, encryption_key=KEY)
    with workers(1, "hold_token", url, pair_id) as [holder]:
        assert holder.stdout.readline() == "holding\n"
        holder.kill()
        holder.wait()
    deadline = time.monotonic() + 30
    with TokenVault(store, dump=dict, load=dict, lock_seconds=1).lock("shop") as lock:
        assert time.monotonic() < deadline
        assert lock.get() is None
    store.close()


def test_the_lock_of_one_shop_leaves_others_and_the_queue_free(vault, clock):
    with vault.lock(SHOP), vault.lock("other.myshopify.com") as lock:
        lock.replace(TOKEN)
        with vault.store.begin() as tx:
            assert tx.claim(1, "worker", timedelta(minutes=1)) == []
