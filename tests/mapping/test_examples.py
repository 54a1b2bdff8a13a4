"""The examples in the mapping files come out as stated."""

from pathlib import Path

import pytest

from shopify_fw360.mapping.examples import run_example
from shopify_fw360.mapping.loader import load_file

MAPPINGS = Path(__file__).parents[2] / "include" / "mappings"
CASES = [
    pytest.param(document.flow, case, id=f"{document.flow.name}: {case.name}")
    for document in map(load_file, sorted(MAPPINGS.glob("*.yaml")))
    for case in document.model.examples
]


@pytest.mark.parametrize(("flow", "case"), CASES)
def test_example(shipped, flow, case):
    assert run_example(shipped[flow], case) == []


def test_every_shipped_mapping_has_examples_of_both_kinds(shipped):
    for flow in shipped:
        cases = [param.values[1] for param in CASES if param.values[0] == flow]
        assert len(cases) >= 5
        assert {case.parked is None for case in cases} == {True, False}


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        (
            {"output": {"email": "b@x.it", "nome": "Cliente", "cognome": "Non indicato"}},
            "email is 'a@x.it' instead of 'b@x.it'",
        ),
        ({"output": {"email": "a@x.it"}}, "nome is 'a.' instead of left out"),
        ({"defaulted": []}, "defaults are ['cognome', 'nome'] instead of []"),
        ({"output": None, "parked": {"code": "SYNC-201", "field": "email"}}, "it is not parked"),
        ({"input": {}}, "parked with SYNC-201 on email: there is no value"),
    ],
)
def test_a_difference_is_told_in_words(to_framework360, change, difference):
    from shopify_fw360.mapping.model import Case

    right = {
        "name": "x",
        "input": {"defaultEmailAddress": {"emailAddress": "a@x.it"}},
        "output": {"email": "a@x.it", "nome": "a.", "cognome": "Non indicato"},
        "defaulted": ["nome", "cognome"],
    }
    assert run_example(to_framework360, Case.model_validate(right)) == []
    assert difference in run_example(to_framework360, Case.model_validate({**right, **change}))
