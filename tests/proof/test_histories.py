"""Short random histories; whatever breaks is told as a story. `make prove` tells thousands of longer ones."""

import logging
from collections.abc import Iterator
from unittest.mock import patch

import pytest

from tests.proof.history import draw_history, tell
from tests.proof.shrinking import shrink

AT_ONCE = 10
HISTORIES = 50
MOST = 6


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    # The synchroniser logs each of the thousands of failures that a history makes it meet.
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize(
    "first", range(0, HISTORIES, AT_ONCE), ids=lambda first: f"seeds {first} to {first + AT_ONCE - 1}"
)
def test_everything_ends_in_agreement_and_no_edit_is_lost(first):
    for seed in range(first, first + AT_ONCE):
        focus, events = draw_history(seed, most=MOST)
        story = tell(seed, focus, events)
        assert story.broken is None, "\n".join([f"tests.proof.history.tell({seed}, {focus!r}, {events})", *story.lines])


def test_the_same_seed_tells_the_same_story():
    assert tell(4, *draw_history(4, most=MOST)).lines == tell(4, *draw_history(4, most=MOST)).lines


def test_a_defect_is_found_and_its_history_becomes_short():
    def everything_is_consumed(_previous, _was, now):
        return sorted(now or ()) or None

    # As it was once: what the target has besides the tags we wrote counted as carried.
    with patch("shopify_fw360.sync.base._consumed_of_set", everything_is_consumed):
        focus, events = draw_history(1, "customers", most=8)
        rule = tell(1, focus, events).broken.rule
        left = shrink(events, lambda shorter: getattr(tell(1, focus, shorter).broken, "rule", None) == rule)
    assert rule == "agreement"
    assert [event.kind for event in left] == ["person"]


def test_what_does_not_matter_is_left_out_of_a_broken_history():
    assert shrink(list("abcdefgh"), lambda left: "c" in left and "g" in left) == ["c", "g"]
