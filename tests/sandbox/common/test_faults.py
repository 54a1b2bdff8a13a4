import pytest

from sandbox.common.faults import Switchboard


def strikes(board, count, *, method="POST", path="/m/api/x", operation="write", body=b""):
    return [board.pick(method, path, operation, body) is not None for _ in range(count)]


def test_a_rule_strikes_so_often_and_no_more():
    board = Switchboard()
    board.add({"kind": "reset", "times": 2})
    assert strikes(board, 4) == [True, True, False, False]


def test_a_rule_can_let_requests_pass_first():
    board = Switchboard()
    board.add({"kind": "reset", "skip": 2, "times": 1})
    assert strikes(board, 4) == [False, False, True, False]


def test_a_rule_can_strike_every_third_request():
    board = Switchboard()
    board.add({"kind": "reset", "every_nth": 3})
    assert strikes(board, 6) == [False, False, True, False, False, True]


def test_a_share_of_requests_is_drawn_the_same_way_for_the_same_seed():
    draws = []
    for _ in range(2):
        board = Switchboard()
        board.add({"kind": "reset", "probability": 0.3, "seed": 5})
        draws.append(strikes(board, 200))
    assert draws[0] == draws[1]
    assert 30 < sum(draws[0]) < 90


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ({"operation": "write"}, True),
        ({"operation": "wri"}, False),
        ({"operation": "read|write"}, True),
        ({"path_prefix": "/m/api/"}, True),
        ({"path_prefix": "/admin"}, False),
        ({"method": "GET"}, False),
        ({"body_contains": "ada@"}, True),
        ({"body_contains": "bob@"}, False),
    ],
)
def test_a_rule_strikes_only_what_it_matches(match, expected):
    board = Switchboard()
    board.add({"kind": "reset", "match": match})
    assert strikes(board, 1, body=b"email=ada@example.com") == [expected]


def test_the_first_rule_wins_and_a_known_id_replaces():
    board = Switchboard()
    board.add({"id": "a", "kind": "reset"})
    board.add({"id": "b", "kind": "hang"})
    assert board.pick("GET", "/", "x", b"").id == "a"
    board.add({"id": "a", "kind": "slow"})
    assert [rule["kind"] for rule in board.as_list()] == ["slow", "hang"]
    assert board.remove("a") == 1
    assert board.pick("GET", "/", "x", b"").id == "b"


@pytest.mark.parametrize(
    "document",
    [
        {"kind": "explode"},
        {"kind": "reset", "tiems": 1},
        {"kind": "reset", "match": {"url": "/"}},
        {"kind": "reset", "match": {"operation": "("}},
    ],
)
def test_a_misspelt_rule_is_refused(document):
    with pytest.raises(ValueError, match="fault"):
        Switchboard().add(document)
