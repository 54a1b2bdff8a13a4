import heapq
import json
import threading
import time
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopify_fw360.errors import SHOPIFY_THROTTLED, SyncError
from shopify_fw360.records import Origin
from shopify_fw360.shopify.bucket import (
    FORGOTTEN_AFTER,
    PATIENCE,
    RESERVED,
    TICKET_LIVES,
    BudgetState,
    CostReport,
    Flight,
    Ticket,
    Turn,
    ask,
    dumped,
    first_state,
    loaded,
    restored,
    settle,
    view,
    withdraw,
)
from shopify_fw360.shopify.budget import CostBudget, MemoryBudget, SharedBudget

SHOP = "one.myshopify.com"
URGENT, BULK = Origin.SYNC_NOW, Origin.BACKFILL
_ids = count()


def ticket(cost, lane=URGENT, asked_at=0.0):
    return Ticket(f"{next(_ids):06}", lane, cost, asked_at)


def go(state, cost, now=0.0, lane=URGENT):
    """A call that goes at once."""
    state, turn = ask(state, ticket(cost, lane, now), now)
    assert isinstance(turn, Turn)
    return state, turn


def known(**parts):
    """A bucket about which the shop has told."""
    return BudgetState(known=True, **parts)


class Time:
    """A clock that moves only while somebody sleeps."""

    def __init__(self):
        self.now, self.slept = 0.0, 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        self.slept += seconds


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
        st.sampled_from(Origin),
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
            heapq.heappush(events, (now + call[3], next(order), "ask", (call, ticket(call[0], call[5], now + call[3]))))
        elif what == "ask":
            state, answer = ask(state, call[1], now)
            if isinstance(answer, Turn):
                heapq.heappush(events, (now, next(order), "arrive", (*call[0], answer)))
            else:
                heapq.heappush(events, (now + min(answer, 0.5), next(order), "ask", call))
        elif what == "arrive":
            bucket.arrive(call[0], now)
            heapq.heappush(events, (now + call[2], next(order), "leave", call))
        elif what == "leave":
            report = bucket.leave(call[0], call[0] * call[1], now)
            heapq.heappush(events, (now + call[4], next(order), "settle", (call[6], report)))
        elif what == "settle":
            state = settle(state, *call, now)
            heapq.heappush(events, (now, next(order), "rest", None))
    assert bucket.refused == 0
    assert (state.in_flight, state.waiting) == (0.0, ())


@pytest.mark.parametrize("lane", Origin)
def test_a_busy_bucket_is_used_up_and_not_left_idle(lane):
    bucket, state, now = Bucket(2_000.0, 100.0, 2_000.0), first_state(0.0), 0.0
    for _ in range(200):
        call = ticket(120, lane, now)
        state, answer = ask(state, call, now)
        while not isinstance(answer, Turn):
            now += answer
            state, answer = ask(state, call, now)
        bucket.arrive(120, now)
        state = settle(state, answer, bucket.leave(120, 100, now), now)
    assert bucket.refused == 0
    # 200 calls of 100 points less what the lane may take of a full bucket restore in 180 s or a little more.
    assert now <= 181 + RESERVED[lane] * 20


def test_a_call_that_does_not_fit_waits_for_the_rest_and_the_next_one_for_it():
    state, first = ask(BudgetState(available=100), ticket(300), 0)
    assert first == pytest.approx(2.0)
    assert ask(state, ticket(100), 0)[1] == pytest.approx(3.0)


def test_a_call_dearer_than_the_bucket_waits_for_a_full_bucket_only():
    go(BudgetState(maximum=1_000, available=1_000, restore_rate=50), 5_000)


def test_bulk_work_leaves_points_to_urgent_work():
    state = known(available=700)
    state, wait = ask(state, ticket(84, BULK), 0)
    assert wait == pytest.approx(0.84)
    go(state, 84, lane=Origin.WEBHOOK)


@pytest.mark.parametrize("lane", [lane for lane in Origin if lane is not URGENT])
def test_each_lane_leaves_more_than_the_one_before_it(lane):
    before = max(other for other in Origin if other < lane)
    level = RESERVED[lane] * 2_000 + 50
    assert not isinstance(ask(known(available=level), ticket(100, lane), 0)[1], Turn)
    go(known(available=level), 100, lane=before)


def test_an_urgent_call_passes_bulk_work_that_came_before_it():
    state, _ = ask(known(available=50), ticket(84, BULK, asked_at=0), 0)
    urgent = ticket(84, URGENT, asked_at=1)
    state, wait = ask(state, urgent, 0)
    assert wait == pytest.approx(0.34)
    go_state, turn = ask(state, urgent, 0.4)
    assert isinstance(turn, Turn)
    assert [one.lane for one in go_state.waiting] == [BULK]


def test_bulk_work_that_was_passed_long_enough_goes_before_all():
    bulk = ticket(84, BULK, asked_at=0)
    late = PATIENCE[BULK] + 1
    state, _ = ask(known(available=0, at=late - 0.01), bulk, late - 0.01)
    state, wait = ask(state, ticket(84, URGENT, asked_at=late), late)
    assert wait > 1.0
    assert isinstance(ask(state, bulk, late + 1)[1], Turn)


def test_a_caller_that_died_is_not_waited_for():
    state, _ = ask(known(available=50), ticket(1_000), 0)
    assert ask(state, ticket(60), 0)[1] == pytest.approx(10.1)
    assert isinstance(ask(state, ticket(60), TICKET_LIVES + 1)[1], Turn)


def test_a_caller_that_gave_up_is_not_waited_for():
    patient = ticket(1_000)
    state, _ = ask(known(available=50), patient, 0)
    go(withdraw(state, patient), 50)


def test_what_the_lanes_used_and_who_waits_is_told():
    state, turn = go(known(available=2_000), 84, lane=Origin.WEBHOOK)
    state = settle(state, turn, CostReport(84, 60, 2_000, 1_500, 100), 0)
    state, _ = ask(state, ticket(1_999, BULK, asked_at=0), 1)
    told = view(state, 3, minutes=5)
    lanes = {lane.lane: lane for lane in told.lanes}
    assert (told.maximum, told.restore_rate, told.level) == (2_000, 100, 1_800)
    assert (lanes[Origin.WEBHOOK].calls, lanes[Origin.WEBHOOK].points) == (1, 60)
    waiting = lanes[BULK]
    assert (waiting.waiting, waiting.waiting_points, waiting.waiting_seconds, waiting.reserved) == (1, 1_999, 3, 700)


def test_use_is_told_for_the_last_minutes_only():
    state, turn = go(known(available=2_000), 84)
    state = settle(state, turn, CostReport(actual=84), 0)
    assert view(state, 299, minutes=5).lanes[0].points == 84
    assert view(state, 300, minutes=5).lanes[0].points == 0


def test_a_state_survives_the_database():
    state, _ = ask(known(available=2_000), ticket(84, Origin.POLL), 7)
    state, _ = ask(state, ticket(1_990, BULK), 7)
    assert loaded(json.loads(json.dumps(dumped(state))), 99) == state


def test_a_state_of_an_older_version_is_understood():
    old = {"maximum": 4000.0, "available": 5.0, "restore_rate": 200.0, "in_flight": 3.0, "at": 9.0, "reserved_at": 9.0}
    assert loaded(old, 9) == BudgetState(maximum=4000.0, available=5.0, restore_rate=200.0, at=9.0)


def test_other_users_of_the_bucket_are_noticed():
    state, turn = go(BudgetState(available=1_500), 100)
    state = settle(state, turn, CostReport(100, 100, 2_000, 40, 100), 0)
    assert state.available == 40


def test_a_larger_plan_is_learned():
    state, turn = go(first_state(0), 100)
    state = settle(state, turn, CostReport(100, 100, 20_000, 19_900, 1_000), 0)
    assert (state.maximum, state.restore_rate, state.available) == (20_000, 1_000, 19_900)


def test_an_answer_that_was_overtaken_does_not_bring_spent_points_back():
    state, slow = go(BudgetState(available=2_000), 100)
    state, fast = go(state, 1_000)
    # Shopify answers the slow one first, but the other answer arrives before it.
    state = settle(state, fast, CostReport(1_000, 1_000, 2_000, 900, 100), 0)
    state = settle(state, slow, CostReport(100, 100, 2_000, 1_900, 100), 0)
    assert state.available == 900


def test_an_answer_without_status_gives_the_difference_back():
    state, turn = go(BudgetState(available=500), 300)
    assert settle(state, turn, CostReport(actual=50), 0).available == 450


def test_reservations_of_processes_that_died_are_forgotten():
    state, _ = go(BudgetState(available=500), 300)
    assert restored(state, FORGOTTEN_AFTER).in_flight == 300
    assert restored(state, FORGOTTEN_AFTER + 1).in_flight == 0


def test_a_clock_that_goes_back_restores_nothing():
    state = BudgetState(available=10, at=100)
    assert restored(state, 50).available == 10


@given(
    available=st.floats(-5_000, 2_000),
    reserved=st.floats(0, 1_000),
    others=st.lists(st.floats(0, 2_000), max_size=4),
    reported=st.none() | st.floats(0, 2_000),
    later=st.floats(0, 1_000),
)
def test_the_account_never_promises_more_than_the_bucket(available, reserved, others, reported, later):
    flights = (Flight("mine", reserved, 0.0), *(Flight(str(n), cost, 0.0) for n, cost in enumerate(others)))
    state = BudgetState(available=available, flights=flights)
    state = settle(state, Turn("mine", reserved, 0.0, URGENT), CostReport(actual=0.0, available=reported), later)
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
    assert isinstance(backend.ask("a", ticket(500), 0), Turn)
    assert isinstance(backend.ask("b", ticket(500), 0), Turn)
    assert backend.ask("a", ticket(500), 0) > 0


def test_the_cost_of_an_operation_is_learned_from_its_answers():
    budget = CostBudget(SHOP, clock=lambda: 0.0)
    budget.release(budget.acquire("Page", 100), CostReport(requested=150, actual=120))
    assert budget.acquire("Page", 200).turn.cost == 300
    assert budget.acquire("Other", 50).turn.cost == 50


def test_what_one_call_requests_less_than_estimated_the_next_may_need():
    budget = CostBudget(SHOP, clock=lambda: 0.0)
    for _ in range(5):
        budget.release(budget.acquire("Page", 50), CostReport(requested=40, actual=0))
    assert budget.acquire("Page", 50).turn.cost == 50


def test_an_expensive_shape_of_an_operation_is_not_forgotten_over_cheap_ones():
    budget = CostBudget(SHOP, clock=lambda: 0.0)
    budget.release(budget.acquire("Page", 50), CostReport(requested=60, actual=0))
    for _ in range(20):
        budget.release(budget.acquire("Page", 50), CostReport(requested=50, actual=0))
    assert budget.acquire("Page", 50).turn.cost == 60


def test_a_lost_answer_counts_as_spent():
    backend = MemoryBudget()
    budget = CostBudget(SHOP, backend, clock=lambda: 0.0)
    budget.release(budget.acquire("Page", 100), None)
    assert (backend.state(SHOP).available, backend.state(SHOP).in_flight) == (400, 0)


def test_a_caller_waits_as_long_as_it_takes_and_looks_again_meanwhile():
    clock = Time()
    budget = CostBudget(SHOP, MemoryBudget(), clock=clock, sleep=clock.sleep)
    budget.acquire("Page", 500)
    budget.acquire("Page", 300)
    assert clock.slept == pytest.approx(3, rel=0.06)


def test_a_wait_without_end_is_refused_and_leaves_no_trace():
    backend, clock = MemoryBudget(), Time()
    budget = CostBudget(SHOP, backend, clock=clock, sleep=clock.sleep, longest_wait=10)
    budget.acquire("Page", 1_400)
    with pytest.raises(SyncError) as caught:
        budget.acquire("Page", 1_200)
    assert caught.value.code is SHOPIFY_THROTTLED
    assert (backend.state(SHOP).in_flight, backend.state(SHOP).waiting) == (1_400, ())
