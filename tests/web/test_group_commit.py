import asyncio
import threading
import time

import pytest

from shopify_fw360.errors import STORE_UNAVAILABLE, SyncError
from shopify_fw360.web.group_commit import BusyError, GroupCommit


class Writer:
    """Writes items, and remembers which of them shared a commit."""

    def __init__(self):
        self.batches = []
        self.may_go = threading.Event()
        self.may_go.set()

    def __call__(self, items):
        self.may_go.wait(10)
        self.batches.append(list(items))
        if "poison" in items:
            raise ValueError("this item is wrong")
        if "no store" in items:
            raise SyncError(STORE_UNAVAILABLE, "gone")
        return [item.upper() for item in items]


@pytest.fixture
def writer():
    return Writer()


def run(work):
    return asyncio.run(work)


def test_each_sender_gets_its_own_result(writer):
    async def story():
        commits = GroupCommit(writer)
        return await asyncio.gather(*(commits.add(text) for text in "abc"))

    assert run(story()) == ["A", "B", "C"]


def test_what_arrives_during_a_commit_shares_the_next(writer):
    async def story():
        commits = GroupCommit(writer)
        writer.may_go.clear()
        first = asyncio.create_task(commits.add("first"))
        await asyncio.sleep(0.05)
        others = [asyncio.create_task(commits.add(f"other{number}")) for number in range(20)]
        await asyncio.sleep(0.05)
        writer.may_go.set()
        await asyncio.gather(first, *others)

    run(story())
    assert [len(batch) for batch in writer.batches] == [1, 20]


def test_no_commit_is_larger_than_allowed(writer):
    async def story():
        commits = GroupCommit(writer, most_together=3)
        await asyncio.gather(*(commits.add(str(number)) for number in range(10)))

    run(story())
    assert max(len(batch) for batch in writer.batches) == 3
    assert [item for batch in writer.batches for item in batch] == [str(number) for number in range(10)]


def test_one_wrong_item_does_not_reach_the_others(writer):
    async def story():
        commits = GroupCommit(writer)
        return await asyncio.gather(*(commits.add(text) for text in ("a", "poison", "b")), return_exceptions=True)

    good, bad, also_good = run(story())
    assert (good, also_good) == ("A", "B")
    assert isinstance(bad, ValueError)


def test_without_a_store_all_are_told_at_once(writer):
    async def story():
        commits = GroupCommit(writer)
        return await asyncio.gather(*(commits.add(text) for text in ("a", "no store", "b")), return_exceptions=True)

    assert [type(result) for result in run(story())] == [SyncError] * 3
    assert len(writer.batches) == 1


def test_too_many_are_sent_away(writer):
    async def story():
        commits = GroupCommit(writer, most_waiting=2)
        writer.may_go.clear()
        waiting = [asyncio.create_task(commits.add("a"))]
        await asyncio.sleep(0.05)
        waiting += [asyncio.create_task(commits.add("b")), asyncio.create_task(commits.add("c"))]
        await asyncio.sleep(0)
        with pytest.raises(BusyError):
            await commits.add("d")
        writer.may_go.set()
        assert await asyncio.gather(*waiting) == ["A", "B", "C"]

    run(story())


def test_a_commit_that_hangs_is_not_waited_for_and_does_not_block_for_ever(writer):
    async def story():
        commits = GroupCommit(writer, seconds=0.1)
        writer.may_go.clear()
        began = time.monotonic()
        late = [asyncio.create_task(commits.add("a"))]
        await asyncio.sleep(0.01)
        late.append(asyncio.create_task(commits.add("b")))
        results = await asyncio.gather(*late, return_exceptions=True)
        assert [type(result) for result in results] == [TimeoutError] * 2
        assert time.monotonic() - began < 5
        writer.may_go.set()
        assert await commits.add("c") == "C"

    run(story())


def test_a_sender_that_goes_away_takes_nobody_along(writer):
    async def story():
        commits = GroupCommit(writer)
        writer.may_go.clear()
        gone = asyncio.create_task(commits.add("a"))
        stays = asyncio.create_task(commits.add("b"))
        await asyncio.sleep(0.01)
        gone.cancel()
        writer.may_go.set()
        assert await stays == "B"

    run(story())


def test_it_serves_several_event_loops_one_after_the_other(writer):
    commits = GroupCommit(writer)
    assert [run(commits.add(text)) for text in "ab"] == ["A", "B"]
