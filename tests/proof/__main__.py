"""Tell thousands of histories: ``python -m tests.proof --histories 10000`` (``make prove``).

Whatever breaks is shortened and told as a story, with the seed that repeats it.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from tests.proof.history import FOCUS, Event, Story, draw_history, tell
from tests.proof.shrinking import shrink

_NUMBERS = ("requests", "writes", "rests", "workers", "deaths", "struck")
_WORDS = (
    "{requests:,} requests, {writes:,} writes, {rests:,} rests, {workers:,} workers, {deaths:,} deaths, "
    "{struck:,} faults"
)


class Told(NamedTuple):
    """What came of one seed."""

    seed: int
    focus: str
    rule: str
    numbers: dict[str, int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make prove", description=__doc__)
    parser.add_argument("--histories", type=int, default=10_000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--seed", type=int, help="only this one, told as a story whether it breaks or not")
    parser.add_argument("--focus", choices=sorted(FOCUS), help="only histories of these records")
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    chosen = parser.parse_args(arguments)
    if os.environ.get("PYTHONHASHSEED") != "0":
        # The order within sets is part of a history.
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "tests.proof", *(arguments or sys.argv[1:])])
    logging.disable(logging.CRITICAL)
    if chosen.seed is not None:
        return _tell_one(chosen.seed, chosen.focus)
    return _tell_all(range(chosen.first, chosen.first + chosen.histories), chosen.focus, chosen.processes)


def _tell_one(seed: int, only: str | None) -> int:
    focus, events = draw_history(seed, only)
    story = tell(seed, focus, events)
    print("\n".join(story.lines))
    if story.broken is not None:
        _explain(seed, focus, events, story)
    return int(story.broken is not None)


def _tell_all(seeds: range, only: str | None, processes: int) -> int:
    print(f"{len(seeds):,} histories, seeds {seeds[0]} to {seeds[-1]}, {processes} processes", flush=True)
    began = time.monotonic()
    sums: Counter[str] = Counter()
    focuses: Counter[str] = Counter()
    broken: list[Told] = []
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        told = pool.imap_unordered(_one, ((seed, only) for seed in seeds), chunksize=5)
        for number, each in enumerate(told, 1):
            sums.update(each.numbers)
            focuses[each.focus] += 1
            if each.rule:
                broken.append(each)
                print(f"seed {each.seed} ({each.focus}) broke: {each.rule}", flush=True)
            if number % 100 == 0:
                print(f"{number:,} told, {len(broken)} broken, {time.monotonic() - began:,.0f} s", flush=True)
    for each in sorted(broken)[:10]:
        focus, events = draw_history(each.seed, only)
        _explain(each.seed, focus, events, tell(each.seed, focus, events))
    kinds = ", ".join(f"{count:,} of {focus}" for focus, count in sorted(focuses.items()))
    print(f"\n{len(seeds):,} histories ({kinds}), seeds {seeds[0]} to {seeds[-1]}: {len(broken)} broken")
    print(f"{_WORDS.format(**{name: sums[name] for name in _NUMBERS})}; {(time.monotonic() - began) / 60:.1f} minutes")
    return int(bool(broken))


def _one(task: tuple[int, str | None]) -> Told:
    seed, only = task
    focus, events = draw_history(seed, only)
    story = tell(seed, focus, events)
    rule = "" if story.broken is None else story.broken.rule
    return Told(seed, focus, rule, {name: getattr(story, name) for name in _NUMBERS})


def _explain(seed: int, focus: str, events: Sequence[Event], story: Story) -> None:
    if story.broken is None:
        print(f"\nseed {seed} broke only after others of its process; tell all again from the same first seed")
        return
    rule = story.broken.rule

    def breaks(shorter: Sequence[Event]) -> bool:
        found = tell(seed, focus, shorter).broken
        return found is not None and found.rule == rule

    left = shrink(events, breaks)
    print(f"\nSeed {seed}, {focus}: {len(events)} events, shortened to {len(left)}. It is told again by")
    print(f'make prove PROVE="--seed {seed}"')
    print("\n".join(f"  {line}" for line in tell(seed, focus, left).lines), flush=True)


if __name__ == "__main__":
    sys.exit(main())
