import heapq
import threading
import time
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopify_fw360.errors import SHOPIFY_THROTTLED, SyncError
from shopify_fw360.shopify.budget import (
    FORGOTTEN_AFTER,
    BudgetState,
    CostBudget,
    CostReport,
    MemoryBudget,
    SharedBudget,
    Turn,
    first_state,
    reserve,
    restored,
    settle,
)

SHOP = "one.myshopify.com"


class Bucket:
    """Shopify's side: refuses a call whose requested cost does not fit."""

    def __init__(self, maximum, restore_rate, level, now=0.0):
        self.maximum, self.restore_rate, self.level, self.now = maximum, restore_rate, level, now
        self.refused = 0

    def _restore(self, now):
        self.level = min(self.maximum, self.level + (now - self.now) * self.restore_rate)
        self.now = now

    def arrive(self, requested, now):
        self._restore(now)
        # A hair of tolerance for floating point; Shopify counts whole points.
        self.refused += requested > self.level + 1e-6
        self.level -= requested

    def leave(self, requested, actual, now):
        self._restore(now)
        self.level = min(self.maximum, self.level + requested - actual)
        return CostReport(requested, actual, self.maximum, self.level, self.restore_rate)


calls = st.lists(
    st.tuples(
        st.integers(1, 1000),  # requested
        st.floats(0.1, 1.0),  # share of it that is really spent
        st.floats(0.001, 3.0),  # seconds on the way and at work
        st.floats(0.0, 2.0),  # seconds the worker rests before
        st.floats(0.0, 2.0),  # seconds its answer takes to be noticed
    ),
    min_size=1,
    max_size=80,
)


@settings(max_examples=200, deadline=None)
@given(
    calls=calls,
    workers=st.integers(1, 8),
    plan=st.sampled_from([(2_000.0, 100.0), (4_000.0, 200.0), (20_000.0, 1_000.0)]),
    full=st.floats(0.25, 1.0),
)
def test_shopify_never_has_to_throttle_eight_workers(calls, workers, plan, full):
    bucket = Bucket(*plan, level=plan[0] * full)
    state, order, queue = first_state(0.0), count(), list(calls)
    events = [(0.0, next(order), "rest", None) for _ in range(workers)]
    heapq.heapify(events)
    while events:
        now, _, what, call = heapq.heappop(events)
        if what == "rest" and queue:
            call = queue.pop()
            heapq.heappush(events, (now + call[3], next(order), "reserve", call))
        elif what == "reserve":
            state, turn = reserve(state, call[0], now)
            heapq.heappush(events, (now + turn.wait, next(order), "arrive", (*call, turn)))
        elif what == "arrive":
            bucket.arrive(call[0], now)
            heapq.heappush(events, (now + call[2], next(order), "leave", call))
        elif what == "leave":
            report = bucket.leave(call[0], call[0] * call[1], now)
            heapq.heappush(events, (now + call[4], next(order), "settle", (call[5], report)))
        elif what == "settle":
            state = settle(state, *call, now)
            heapq.heappush(events, (now, next(order), "rest", None))
    assert bucket.refused == 0
    assert state.in_flight == pytest.approx(0.0, abs=1e-6)


def test_a_busy_bucket_is_used_up_and_not_left_idle():
    bucket, state, now = Bucket(2_000.0, 100.0, 2_000.0), first_state(0.0), 0.0
    for _ in range(200):
        state, turn = reserve(state, 120, now)
        now += turn.wait
        bucket.arrive(120, now)
        state = settle(state, turn, bucket.leave(120, 100, now), now)
    assert bucket.refused == 0
    # 200 calls of 100 points less a full bucket restore in 180 s.
    assert now <= 181


def test_a_call_that_does_not_fit_waits_for_the_rest():
    state, turn = reserve(BudgetState(available=100), 300, 0)
    assert turn.wait == pytest.approx(2.0)
    assert reserve(state, 100, 0)[1].wait == pytest.approx(3.0)


def test_a_call_dearer_than_the_bucket_waits_for_a_full_bucket_only():
    assert reserve(BudgetState(maximum=1_000, available=1_000, restore_rate=50), 5_000, 0)[1].wait == 0


def test_other_users_of_the_bucket_are_noticed():
    state, turn = reserve(BudgetState(available=1_500), 100, 0)
    state = settle(state, turn, CostReport(100, 100, 2_000, 40, 100), 0)
    assert state.available == 40


def test_a_larger_plan_is_learned():
    state, turn = reserve(first_state(0), 100, 0)
    state = settle(state, turn, CostReport(100, 100, 20_000, 19_900, 1_000), 0)
    assert (state.maximum, state.restore_rate, state.available) == (20_000, 1_000, 19_900)


def test_an_answer_that_was_overtaken_does_not_bring_spent_points_back():
    state, slow = reserve(first_state(0), 100, 0)
    state, fast = reserve(state, 1_000, 0)
    # Shopify answers the slow one first, but the other answer arrives before it.
    state = settle(state, fast, CostReport(1_000, 1_000, 2_000, 900, 100), 0)
    state = settle(state, slow, CostReport(100, 100, 2_000, 1_900, 100), 0)
    assert state.available == 900


def test_an_answer_without_status_gives_the_difference_back():
    state, turn = reserve(BudgetState(available=500), 300, 0)
    assert settle(state, turn, CostReport(actual=50), 0).available == 450


def test_reservations_of_processes_that_died_are_forgotten():
    state, _ = reserve(BudgetState(available=500), 300, 0)
    assert restored(state, FORGOTTEN_AFTER).in_flight == 300
    assert restored(state, FORGOTTEN_AFTER + 1).in_flight == 0


def test_a_clock_that_goes_back_restores_nothing():
    state = BudgetState(available=10, at=100)
    assert restored(state, 50).available == 10


@given(
    available=st.floats(-5_000, 2_000),
    reserved=st.floats(0, 1_000),
    in_flight=st.floats(0, 8_000),
    reported=st.none() | st.floats(0, 2_000),
    later=st.floats(0, 1_000),
)
def test_the_account_never_promises_more_than_the_bucket(available, reserved, in_flight, reported, later):
    state = BudgetState(available=available, in_flight=in_flight)
    state = settle(state, Turn(reserved, 0.0, 0.0), CostReport(actual=0.0, available=reported), later)
    assert state.available <= state.maximum
    assert state.in_flight >= 0
    if reported is not None:
        assert state.available <= reported


class DictStates:
    """A `LockedStates` as the store offers it."""

    def __init__(self):
        self.rows, self.lock = {}, threading.Lock()

    def with_state(self, shop, change):
        with self.lock:
            self.rows[shop], result = change(self.rows.get(shop))
            return result


@pytest.mark.parametrize("backend", [MemoryBudget, lambda: SharedBudget(DictStates())])
def test_eight_threads_share_one_bucket(backend):
    # Eight calls fit into the bucket at once: turns that a busy machine delays may arrive together.
    bucket, lock = Bucket(4_000.0, 20_000.0, 4_000.0, time.time()), threading.Lock()
    budget = CostBudget(SHOP, backend())

    def work():
        for _ in range(12):
            reservation = budget.acquire("Page", 400)
            with lock:
                bucket.arrive(reservation.turn.cost, time.time())
            with lock:
                report = bucket.leave(reservation.turn.cost, 350, time.time())
            budget.release(reservation, report)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bucket.refused == 0


def test_shops_do_not_share_a_bucket():
    backend = MemoryBudget()
    backend.reserve("a", 500, 0)
    assert backend.reserve("b", 500, 0).wait == 0
    assert backend.reserve("a", 500, 0).wait > 0


def test_the_cost_of_an_operation_is_learned_from_its_answers():
    budget = CostBudget(SHOP, clock=lambda: 0.0, sleep=lambda _: None)
    budget.release(budget.acquire("Page", 100), CostReport(requested=150, actual=120))
    assert budget.acquire("Page", 200).turn.cost == 300
    assert budget.acquire("Other", 200).turn.cost == 200


def test_a_lost_answer_counts_as_spent():
    backend = MemoryBudget()
    budget = CostBudget(SHOP, backend, clock=lambda: 0.0, sleep=lambda _: None)
    budget.release(budget.acquire("Page", 100), None)
    assert (backend.state(SHOP).available, backend.state(SHOP).in_flight) == (400, 0)


def test_a_wait_without_end_is_refused_and_leaves_no_reservation():
    backend, slept = MemoryBudget(), []
    budget = CostBudget(SHOP, backend, clock=lambda: 0.0, sleep=slept.append, longest_wait=10)
    budget.acquire("Page", 1_400)
    with pytest.raises(SyncError) as caught:
        budget.acquire("Page", 200)
    assert caught.value.code is SHOPIFY_THROTTLED
    assert caught.value.retry_after == pytest.approx(11)
    assert backend.state(SHOP).in_flight == 1_400
    assert slept == [pytest.approx(9, rel=0.06)]
