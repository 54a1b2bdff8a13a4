import pytest

from shopify_fw360.store import LockedState, Store
from tests.store.processes import finish, workers


def test_the_first_change_finds_nothing_and_the_next_one_what_it_left(store):
    budget = LockedState(store)
    assert budget.state("shop") is None
    assert budget.with_state("shop", lambda state: ({"points": 5.5, "was": state}, "first")) == "first"
    assert budget.with_state("shop", lambda state: (state, state["points"])) == 5.5
    assert budget.state("shop") == {"points": 5.5, "was": None}
    assert budget.state("other") is None


def test_a_change_that_fails_leaves_the_state(store):
    budget = LockedState(store)
    budget.with_state("shop", lambda state: ({"points": 1}, None))
    with pytest.raises(ZeroDivisionError):
        budget.with_state("shop", lambda state: ({"points": 1 // 0}, None))
    assert budget.state("shop") == {"points": 1}


def test_no_change_of_another_process_is_lost(url, pair_id):
    with workers(3, "count", url, pair_id) as started:
        finish(started)
    store = Store.open(url, pair_id=pair_id)
    assert LockedState(store).state("shop") == {"n": 150}
    store.close()
