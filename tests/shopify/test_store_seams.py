"""The budget and the tokens as the store room keeps them, so that several processes share them."""

import threading
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet

from shopify_fw360.errors import SyncError
from shopify_fw360.shopify.address import shop_address
from shopify_fw360.shopify.auth import OAuthToken, StoredToken, TokenEndpoint, token_from_json, token_to_json
from shopify_fw360.shopify.bucket import CostReport
from shopify_fw360.shopify.budget import CostBudget, SharedBudget
from shopify_fw360.store import LockedState, Store, TokenVault
from tests.shopify.helpers import NOW, json_answer, scripted


@pytest.fixture
def open_store(tmp_path):
    """Open the same database as another process would."""
    key, stores = Fernet.generate_key().decode(), []

    def open_one():
        stores.append(Store.open(f"sqlite:///{tmp_path / 'store.db'}", encryption_key=key))
        return stores[-1]

    open_one().upgrade()
    yield open_one
    for store in stores:
        store.close()


def test_two_processes_share_one_budget(open_store):
    mine, other = (
        CostBudget("s", SharedBudget(LockedState(open_store())), clock=lambda: 0.0, longest_wait=0.0) for _ in range(2)
    )
    held = mine.acquire("Page", 400)
    with pytest.raises(SyncError):
        other.acquire("Page", 200)
    mine.release(held, CostReport(400, 400, 2_000, 1_600, 100))
    assert other.acquire("Page", 200).turn.cost == 200


def test_two_processes_make_one_refresh(open_store):
    answer = {"access_token": "new", "expires_in": 3600, "refresh_token": "next"}
    with scripted(json_answer(answer)) as server:
        address = shop_address(server.url)
        vaults = [TokenVault(open_store(), token_to_json, token_from_json) for _ in range(4)]
        vaults[0].put(address.shop, StoredToken("old", NOW, "first", NOW + timedelta(days=90), ("read_customers",)))
        tokens = []

        def use(vault):
            tokens.append(OAuthToken(TokenEndpoint(address, "id", "secret", clock=lambda: NOW), vault).token())

        threads = [threading.Thread(target=use, args=(vault,)) for vault in vaults]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(server.bodies) == 1
    assert tokens == ["new"] * 4
    assert vaults[1].get(address.shop) == StoredToken("new", NOW + timedelta(hours=1), "next")
