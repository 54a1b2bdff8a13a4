"""Work shared with copies of the process: each part is done once, and no failure of a copy is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shopify_fw360.errors import SHOPIFY_BULK, SyncError
from shopify_fw360.reach import CutOffError, require_reach
from shopify_fw360.sync.side_by_side import MOST_COPIES, MOST_PARTS, LostHelperError, copies_for, side_by_side

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="copies are made on Linux only")

ROOT = Path(__file__).parents[2]


def slowly(numbers):
    done = []
    for number in numbers:
        time.sleep(0.002)
        done.append(number)
    return os.getpid(), done


def test_each_part_is_done_once_whoever_does_it():
    results = side_by_side(100, 2, slowly)
    assert sorted(number for _, done in results for number in done) == list(range(100))
    assert results[0][0] == os.getpid()
    assert len({process for process, done in results if done}) == 3


def test_without_copies_this_process_does_everything():
    assert side_by_side(5, 0, slowly) == [(os.getpid(), [0, 1, 2, 3, 4])]


def test_the_failure_of_a_copy_is_raised_here_as_it_was():
    original = os.getpid()

    def work(numbers):
        for _ in numbers:
            time.sleep(0.001)
            if os.getpid() != original:
                raise SyncError(SHOPIFY_BULK, "torn", rule="JSONL")

    with pytest.raises(SyncError, match="torn") as caught:
        side_by_side(1_000, 1, work)
    assert (caught.value.code, caught.value.rule) == (SHOPIFY_BULK, "JSONL")


def test_a_failure_here_ends_the_copies(tmp_path):
    original = os.getpid()
    mark = tmp_path / "pid"

    def work(numbers):
        if os.getpid() != original:
            mark.write_text(str(os.getpid()))
            time.sleep(60)
        while not mark.exists() or not mark.read_text():
            time.sleep(0.005)
        raise ValueError("here")

    with pytest.raises(ValueError, match="here"):
        side_by_side(10, 1, work)
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)


def test_a_copy_that_is_killed_is_noticed():
    original = os.getpid()

    def work(numbers):
        for _ in numbers:
            if os.getpid() != original:
                os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(0.001)

    with pytest.raises(LostHelperError):
        side_by_side(300, 1, work)


def test_copies_are_cut_off_from_the_systems_and_the_original_is_not():
    def work(numbers):
        slowly(numbers)
        try:
            require_reach()
        except CutOffError:
            return "cut off"
        return "reaches"

    assert side_by_side(50, 2, work) == ["reaches", "cut off", "cut off"]


def test_copies_stop_when_the_original_was_killed(tmp_path):
    code = """
import os, sys, time
from shopify_fw360.sync.side_by_side import side_by_side
original, folder = os.getpid(), sys.argv[1]
def work(numbers):
    for number in numbers:
        if os.getpid() == original:
            time.sleep(60)
        open(f"{folder}/{number}", "w").write(str(os.getpid()))
        time.sleep(0.02)
side_by_side(5000, 1, work)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "plugins")}
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], env=environment)
    while not any(path.read_text() for path in tmp_path.iterdir()):
        time.sleep(0.01)
    process.kill()
    process.wait()
    before = -1
    while before != (now := len(list(tmp_path.iterdir()))):
        before = now
        time.sleep(0.5)
    assert now < 5_000


def test_small_work_makes_no_copies_and_large_work_few():
    assert copies_for(3) == 0
    assert copies_for(1_000) == min(MOST_COPIES, len(os.sched_getaffinity(0)) - 1)
    assert copies_for(MOST_PARTS + 1) == 0
