from datetime import timedelta

from shopify_fw360.records import Entity, Event, EventTask, PrivacyKind, System
from tests.store.make import MINUTE


def event(key="1", topic="customers/update", record_id="gid://shopify/Customer/1", **fields) -> Event:
    return Event(System.SHOPIFY, key, topic, Entity.CUSTOMER, record_id, **fields)


def record(store, *events):
    with store.begin() as tx:
        return tx.record_events(events)


def counted(store, clock):
    with store.read() as tx:
        return {(row.topic, row.events, row.deliveries) for row in tx.count_events(clock() - MINUTE)}


def test_an_event_is_new_once(store):
    assert record(store, event()) == [event()]
    assert record(store, event()) == []


def test_repetitions_within_one_transaction_count_once(store, clock):
    assert record(store, event("1"), event("2"), event("1")) == [event("1"), event("2")]
    assert counted(store, clock) == {("customers/update", 2, 3)}


def test_deliveries_are_counted(store, clock):
    for _ in range(3):
        record(store, event(), event())
    assert counted(store, clock) == {("customers/update", 1, 6)}


def test_the_same_key_of_the_other_system_is_another_event(store):
    record(store, event())
    other = Event(System.FRAMEWORK360, "1", "customer.updated", Entity.CUSTOMER, "1")
    assert record(store, other) == [other]


def test_other_pairs_have_events_of_their_own(store):
    record(store, event())
    with store.begin() as tx:
        scope = type(tx.scope)(tx.scope.connection, "another pair", tx.scope.clock)
        assert type(tx)(scope).record_events([event()]) == [event()]


def test_new_events_come_back_in_order_of_arrival(store):
    arrived = [event(str(number)) for number in (9, 3, 7, 1)]
    assert record(store, *arrived) == arrived


def test_a_record_remembers_its_latest_event(store, clock):
    early, late = clock() - timedelta(hours=2), clock() - timedelta(hours=1)
    record(store, event("1", triggered_at=late), event("2", triggered_at=early))
    record(store, event("3", record_id="gid://shopify/Customer/2"))
    with store.read() as tx:
        ids = [f"gid://shopify/Customer/{number}" for number in (1, 2, 3)]
        last = tx.last_events(System.SHOPIFY, Entity.CUSTOMER, ids)
    assert last == {ids[0]: late, ids[1]: clock()}


def test_a_task_may_find_out_later_which_record_it_was(store, clock):
    stock = Event(System.SHOPIFY, "1", "inventory_levels/update", task=EventTask.STOCK, data={"inventory_item": "7"})
    with store.begin() as tx:
        tx.add_event_tasks(tx.record_events([stock]))
    with store.begin() as tx:
        (task,) = tx.claim_event_tasks(10, MINUTE)
        tx.name_record(task.event_key, Entity.PRODUCT, "gid://shopify/Product/5")
    with store.read() as tx:
        assert tx.last_events(System.SHOPIFY, Entity.PRODUCT, ["gid://shopify/Product/5"]) == {
            "gid://shopify/Product/5": clock()
        }


def test_old_events_are_forgotten_a_few_at_a_time(store, clock):
    record(store, *(event(str(number)) for number in range(5)))
    clock.move(days=15)
    record(store, event("new"))
    with store.begin() as tx:
        assert tx.prune_events(clock() - timedelta(days=14), limit=3) == 3
        assert tx.prune_events(clock() - timedelta(days=14), limit=3) == 2
    assert record(store, event("new")) == []
    assert record(store, event("0")) == [event("0")]


class TestTasks:
    def add(self, store, number=1):
        events = [
            Event(System.SHOPIFY, str(n), "app/uninstalled", task=EventTask.APP_UNINSTALLED, data={"n": n})
            for n in range(number)
        ]
        with store.begin() as tx:
            tx.add_event_tasks([*events, event("plain")])

    def claim(self, store):
        with store.begin() as tx:
            return tx.claim_event_tasks(10, MINUTE)

    def test_only_events_with_a_task_wait(self, store):
        self.add(store, 2)
        assert [(task.task, task.data) for task in self.claim(store)] == [
            (EventTask.APP_UNINSTALLED, {"n": 0}),
            (EventTask.APP_UNINSTALLED, {"n": 1}),
        ]

    def test_a_claimed_task_is_left_alone_until_its_lease_ends(self, store, clock):
        self.add(store)
        assert [task.attempts for task in self.claim(store)] == [0]
        assert self.claim(store) == []
        clock.move(minutes=1)
        assert [task.attempts for task in self.claim(store)] == [1]

    def test_a_finished_task_never_comes_back(self, store, clock):
        self.add(store)
        with store.begin() as tx:
            tx.finish_event_tasks(tx.claim_event_tasks(10, MINUTE), "done")
            assert tx.open_event_tasks() == 0
        clock.move(days=1)
        assert self.claim(store) == []

    def test_a_postponed_task_comes_back_at_its_time(self, store, clock):
        self.add(store)
        with store.begin() as tx:
            tx.postpone_event_tasks(tx.claim_event_tasks(10, MINUTE), clock() + 10 * MINUTE, "no answer")
        clock.move(minutes=9)
        with store.read() as tx:
            assert not tx.event_tasks_due()
            assert tx.open_event_tasks() == 1
        clock.move(minutes=1)
        with store.read() as tx:
            assert tx.event_tasks_due()

    def test_done_tasks_are_pruned_and_open_ones_never(self, store, clock):
        self.add(store, 2)
        with store.begin() as tx:
            tx.finish_event_tasks(tx.claim_event_tasks(1, MINUTE), "done")
        clock.move(days=30)
        with store.begin() as tx:
            assert tx.prune_event_tasks(clock()) == 1
            assert tx.open_event_tasks() == 1


class TestPrivacyRequests:
    REDACT = Event(
        System.SHOPIFY,
        "1",
        "customers/redact",
        privacy=PrivacyKind.CUSTOMER_REDACT,
        data={"customer_id": "gid://shopify/Customer/1", "orders": ["5"]},
    )

    def test_a_request_is_kept_with_the_time_by_which_it_must_be_done(self, store, clock):
        with store.begin() as tx:
            tx.add_privacy_requests([self.REDACT, event()])
            (request,) = tx.privacy_requests()
        assert (request.kind, request.customer_id) == (PrivacyKind.CUSTOMER_REDACT, "gid://shopify/Customer/1")
        assert request.data["orders"] == ["5"]
        assert request.due_at == clock() + timedelta(days=30)

    def test_a_closed_request_stays_as_proof(self, store, clock):
        with store.begin() as tx:
            tx.add_privacy_requests([self.REDACT])
            (request,) = tx.privacy_requests()
            assert tx.close_privacy_request(request.id, "redacted")
            assert not tx.close_privacy_request(request.id, "again")
            assert tx.privacy_requests() == []
            (closed,) = tx.privacy_requests(is_open=False)
        assert (closed.note, closed.done_at) == ("redacted", clock())
