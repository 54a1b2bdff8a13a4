"""A mapping file is read with a line for every key, and every fault of it is named at once."""

import pickle
from decimal import Decimal

import pytest

from shopify_fw360.mapping.loader import load_file, load_text, read_text
from shopify_fw360.mapping.problems import MappingError

HEAD = "entity: customer\nsource: shopify\ntarget: framework360\n"


def faults(text):
    with pytest.raises(MappingError) as caught:
        load_text(text, "customer.yaml")
    return [(problem.line, problem.field, problem.rule, problem.message) for problem in caught.value.problems]


def test_every_fault_of_a_file_is_named_with_line_field_rule_and_suggestion():
    found = faults(
        HEAD
        + "match: [emial]\n"
        + "fields:\n"
        + "  email: {from: email, apply: [strip, lowr], requird: true}\n"
        + "  nome:\n"
        + "    from: firstName\n"
        + "    apply: [{truncate: many}]\n"
        + "  tags: {from: tags, merge: unite}\n"
    )
    assert [(line, field, rule) for line, field, rule, _message in found] == [
        (4, None, "match"), (6, "email", "apply"), (6, "email", "requird"), (9, "nome", "apply"), (10, "tags", "merge"),
    ]  # fmt: skip
    messages = [message for *_rest, message in found]
    assert "did you mean email?" in messages[0]
    assert "did you mean lower?" in messages[1]
    assert "did you mean required?" in messages[2]
    assert "truncate argument 'length'" in messages[3]
    assert "is none of shopify, framework360, newest, union" in messages[4]


def test_the_error_carries_the_next_step_and_survives_pickling():
    with pytest.raises(MappingError) as caught:
        load_text("entity: customer\n", "customer.yaml")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert copy.problems == caught.value.problems
    assert str(copy).startswith("SYNC-101 mapping is not valid: customer.yaml:1: SYNC-101 source: the key 'source' is")
    assert "Next step: Correct the named line" in str(copy)


def test_a_key_that_stands_twice_is_refused_with_both_lines():
    (found,) = faults(HEAD + "fields:\n  nome: {from: firstName}\n  nome: {from: lastName}\n")
    assert found == (6, "nome", "key", "'nome' stands here twice, first in line 5")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("a: [", "YAML"),
        ("a: &x 1\nb: *x\n", "alias"),
        ("a: !!python/name:os.system x\n", "tag"),
        ("? [1, 2]\n: 3\n", "key"),
        ("- 1\n", "file"),
        ("", "file"),
        ("a: \ud800", "YAML"),
        ("a: 1\n---\nb: 2\n", "YAML"),
        ("a: " + "[" * 900 + "]" * 900, "YAML"),
        ("a: " + "[" * 100_000, "YAML"),
    ],
)
def test_what_is_no_mapping_is_refused_without_running_anything(text, rule):
    assert [found[2] for found in faults(text)] == [rule]


def test_source_and_target_must_differ():
    (found,) = faults("entity: customer\nsource: shopify\ntarget: shopify\nfields: {nome: {from: firstName}}\n")
    assert found[:3] == (3, None, "target")


def test_words_that_older_yaml_takes_for_booleans_stay_words():
    text = HEAD + "fields:\n  stato: {from: x, on: create, map: {NO: Norway, on: y, 1: one, true: yes, 1.5: z}}\n"
    rule = load_text(text).model.fields["stato"]
    assert rule.on == "create"
    assert rule.map == {"NO": "Norway", "on": "y", "1": "one", "true": "yes", "1.5": "z"}


def test_numbers_with_a_dot_are_exact():
    rule = load_text(HEAD + "fields:\n  x: {from: {value: 0.10}}\n").model.fields["x"]
    assert rule.from_.value == Decimal("0.10")


def test_a_file_that_cannot_be_read_is_a_fault_of_the_file(tmp_path):
    with pytest.raises(MappingError, match=r"missing.yaml:1: SYNC-101 file: cannot be read"):
        load_file(tmp_path / "missing.yaml", "missing.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"entity: \xff")
    with pytest.raises(MappingError, match="cannot be read"):
        load_file(tmp_path / "latin.yaml")


def test_sound_fields_of_a_faulty_file_can_still_be_checked():
    document, problems = read_text(HEAD + "fields:\n  a: {from: x, mrge: y}\n  b: {from: y}\n", "f.yaml")
    assert [problem.field for problem in problems] == ["a"]
    assert list(document.model.fields) == ["b"]


def test_an_example_has_either_an_output_or_a_reason_to_be_parked():
    found = faults(HEAD + "fields: {nome: {from: firstName}}\nexamples:\n  - {name: x, input: {}}\n")
    assert found == [(6, None, "examples", "give either output or parked")]
