from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopify_fw360.records import Choice, FieldType, System
from shopify_fw360.sync.merge import Decision, MergeInput, changes_of, conflicts_of, merge
from tests.sync.rules import rule

EARLIER = datetime(2026, 11, 1, tzinfo=UTC)
LATER = datetime(2026, 11, 2, tzinfo=UTC)


def decide(field, incoming, present, base=None, source=System.SHOPIFY, **more):
    record = MergeInput(
        source=source,
        incoming={"f": incoming},
        present={"f": present},
        base={} if base is None else {"f": base},
        **more,
    )
    return merge({"f": field}, record)["f"]


def test_a_change_on_the_source_only_is_written():
    decision = decide(rule(), "new", "old", base=["old"])
    assert (decision.decision, decision.value) == (Decision.WRITE, "new")


def test_a_change_on_the_target_only_is_left_for_the_other_direction_and_stays_unsettled():
    decision = decide(rule(), "old", "new", base=["old"])
    assert decision.decision is Decision.LEAVE
    assert not decision.settled


def test_the_same_change_on_both_sides_needs_no_write():
    assert decide(rule(), "new", "new", base=["old"]).decision is Decision.AGREE


@pytest.mark.parametrize(
    ("policy", "source", "expected"),
    [
        ("shopify", System.SHOPIFY, Decision.WRITE),
        ("shopify", System.FRAMEWORK360, Decision.LEAVE),
        ("framework360", System.SHOPIFY, Decision.LEAVE),
        ("framework360", System.FRAMEWORK360, Decision.WRITE),
        ("ask", System.SHOPIFY, Decision.CONFLICT),
    ],
)
def test_different_changes_on_both_sides_are_settled_by_the_policy_of_the_field(policy, source, expected):
    decision = decide(rule(merge=policy), "mine", "theirs", base=["old"], source=source)
    assert decision.decision is expected


@given(st.sampled_from(["shopify", "framework360", "most_restrictive"]), st.booleans(), st.booleans())
def test_both_directions_name_the_same_winner(policy, first, second):
    """Whichever direction runs first, the other one must not turn its decision around."""
    kind = FieldType.FLAG
    forward = decide(rule(kind, merge=policy), first, second, base=[None], source=System.SHOPIFY)
    backward = decide(rule(kind, merge=policy), second, first, base=[None], source=System.FRAMEWORK360)
    if first == second:
        assert forward.decision is backward.decision is Decision.AGREE
    else:
        assert {forward.decision, backward.decision} == {Decision.WRITE, Decision.LEAVE}


def test_policy_newest_takes_the_later_side():
    times = {"source_time": LATER, "target_time": EARLIER}
    assert decide(rule(merge="newest"), "mine", "theirs", base=["old"], **times).decision is Decision.WRITE
    times = {"source_time": EARLIER, "target_time": LATER}
    assert decide(rule(merge="newest"), "mine", "theirs", base=["old"], **times).decision is Decision.LEAVE


def test_policy_newest_asks_when_a_time_is_not_known():
    decision = decide(rule(merge="newest"), "mine", "theirs", base=["old"], source_time=LATER)
    assert decision.decision is Decision.CONFLICT


def test_policy_max_takes_the_larger_number():
    field = rule(FieldType.DECIMAL, merge="max")
    assert decide(field, Decimal("10.00"), Decimal("9.5"), base=["1"]).decision is Decision.WRITE
    assert decide(field, Decimal("9.5"), Decimal("10.00"), base=["1"]).decision is Decision.LEAVE


@pytest.mark.parametrize(("mine", "theirs", "expected"), [(False, True, Decision.WRITE), (True, False, Decision.LEAVE)])
def test_the_refusal_wins_when_both_sides_changed_or_meet_first(mine, theirs, expected):
    field = rule(FieldType.FLAG, merge="most_restrictive")
    assert decide(field, mine, theirs).decision is expected
    assert decide(field, mine, theirs, base=["other"]).decision is expected


def test_an_opt_in_on_one_side_only_is_carried_over():
    field = rule(FieldType.FLAG, merge="most_restrictive")
    assert decide(field, True, False, base=[False]).decision is Decision.WRITE


def test_an_unknown_source_value_changes_nothing():
    record = MergeInput(source=System.SHOPIFY, incoming={}, present={"f": "kept"}, base={"f": ["old"]})
    assert merge({"f": rule()}, record)["f"].decision is Decision.LEAVE


def test_a_known_empty_source_value_empties_the_target_when_only_the_source_changed():
    decision = decide(rule(), None, "old", base=["old"])
    assert (decision.decision, decision.value) == (Decision.WRITE, None)


def test_a_field_that_cannot_be_emptied_keeps_its_value():
    assert decide(rule(can_empty=False), None, "old", base=["old"]).decision is Decision.LEAVE


def test_on_the_first_meeting_an_empty_source_clears_nothing():
    assert decide(rule(), None, "kept").decision is Decision.LEAVE


def test_on_the_first_meeting_an_empty_target_is_filled():
    assert decide(rule(), "new", None).decision is Decision.WRITE


@pytest.mark.parametrize("present", ["Ada", None])
def test_a_default_is_for_new_records_and_never_changes_an_existing_one(present):
    assert decide(rule(), "Cliente", present, defaulted=frozenset({"f"})).decision is Decision.LEAVE


def test_values_that_differ_only_in_form_are_the_same():
    field = rule(same=lambda value: value.strip().casefold())
    assert decide(field, "ADA@example.com ", "ada@example.com", base=["old"]).decision is Decision.AGREE


def test_a_field_written_on_creation_only_is_left_on_update():
    assert decide(rule(create_only=True), "6", "7", base=["old"]).decision is Decision.LEAVE


def test_a_field_the_site_does_not_keep_never_triggers_a_write():
    decision = decide(rule(), "new", "old", base=["old"], unwritable=frozenset({"f"}))
    assert decision.decision is Decision.LEAVE


def test_on_creation_everything_known_is_written_and_nothing_empty():
    rules = {"a": rule(), "b": rule(), "c": rule()}
    decisions = merge(rules, MergeInput(source=System.SHOPIFY, incoming={"a": "1", "b": None}, present=None))
    assert changes_of(decisions) == {"a": "1"}


def test_conflicts_are_named():
    assert conflicts_of({"f": decide(rule(merge="ask"), "mine", "theirs", base=["old"])}) == ["f"]


class TestTags:
    field = rule(FieldType.TAGS, merge="union", same=lambda tags: sorted(tag.casefold() for tag in tags))

    def test_tags_of_both_sides_are_joined_on_the_first_meeting(self):
        assert decide(self.field, ("vip",), ("new",)).value == ("new", "vip")

    def test_a_tag_removed_on_the_source_is_removed_on_the_target(self):
        decision = decide(self.field, (), ("shop-only", "vip"), base=[["vip"], ["shop-only", "vip"]])
        assert decision.value == ("shop-only",)

    def test_a_tag_that_exists_on_the_target_only_survives(self):
        assert decide(self.field, ("vip", "new"), ("vip", "mine"), base=[["vip"], ["vip", "mine"]]).value == (
            "mine",
            "new",
            "vip",
        )

    def test_case_makes_no_difference(self):
        assert decide(self.field, ("VIP",), ("vip",)).decision is Decision.AGREE

    def test_tags_that_cannot_be_read_are_not_replaced(self):
        record = MergeInput(source=System.SHOPIFY, incoming={"f": ("vip",)}, present={}, base={})
        assert merge({"f": self.field}, record)["f"].decision is Decision.LEAVE

    @given(
        st.frozensets(st.sampled_from("abcdef")),
        st.frozensets(st.sampled_from("abcdef")),
        st.frozensets(st.sampled_from("abcdef")),
    )
    def test_exactly_the_source_s_edits_are_carried(self, base, mine, theirs):
        decision = decide(self.field, tuple(mine), tuple(theirs), base=[sorted(base)])
        expected = (theirs | (mine - base)) - (base - mine)
        held = set(decision.value) if decision.decision is Decision.WRITE else theirs
        assert held == expected


def chosen(wins, compared=("mine", "theirs")):
    return {"choices": {"f": Choice(wins, compared, "anna")}}


class TestAConflictThatAPersonSettled:
    def test_for_the_source_is_written_with_the_name_of_the_person(self):
        decision = decide(rule(), "mine", "theirs", base=["old"], **chosen(System.SHOPIFY))
        assert (decision.decision, decision.value) == (Decision.WRITE, "mine")
        assert "anna" in decision.reason

    def test_for_the_target_is_left_and_counts_as_agreed(self):
        decision = decide(rule(), "mine", "theirs", base=["old"], **chosen(System.FRAMEWORK360))
        assert (decision.decision, decision.settled, decision.kept) == (Decision.LEAVE, True, True)

    @pytest.mark.parametrize("compared", [("mine once", "theirs"), ("mine", "theirs once")])
    def test_is_a_conflict_again_when_one_side_has_changed_since(self, compared):
        decision = decide(rule(), "mine", "theirs", base=["old"], **chosen(System.SHOPIFY, compared))
        assert decision.decision is Decision.CONFLICT
        assert "anew" in decision.reason

    def test_does_not_outlive_the_conflict(self):
        decision = decide(rule(), "old", "theirs", base=["old"], **chosen(System.SHOPIFY, ("old", "theirs")))
        assert decision.decision is Decision.LEAVE
        assert not decision.settled
