"""What is known of exports outlives the process that asked for them."""

from datetime import timedelta


def known(store, run="run"):
    with store.read() as tx:
        return tx.export(run)


def save(store, state, **what):
    with store.begin() as tx:
        tx.save_export("run", state, **what)


def test_nothing_is_known_before_it_is_asked_for(store):
    assert known(store) is None


def test_a_name_once_given_stays_when_the_state_changes(store, clock):
    save(store, "waiting", note="about to be asked for")
    began = clock()
    clock.move(minutes=1)
    save(store, "running", remote_id="gid://shopify/BulkOperation/1", look_after=timedelta(seconds=10))
    save(store, "ready")
    found = known(store)
    assert (found.state, found.remote_id, found.note) == ("ready", "gid://shopify/BulkOperation/1", "")
    assert found.begun_at == began


def test_the_news_of_its_end_brings_the_next_look_forward(store, clock):
    save(store, "running", remote_id="gid://shopify/BulkOperation/1", look_after=timedelta(hours=1))
    assert known(store).look_at > clock()
    with store.begin() as tx:
        assert tx.export_ended("gid://shopify/BulkOperation/1")
        assert not tx.export_ended("gid://shopify/BulkOperation/2")
    assert known(store).look_at == clock()


def test_what_nobody_asks_for_any_more_is_forgotten(store, clock):
    save(store, "ready")
    with store.begin() as tx:
        assert tx.prune_exports() == 0
    clock.move(days=31)
    with store.begin() as tx:
        assert tx.prune_exports() == 1
    assert known(store) is None
