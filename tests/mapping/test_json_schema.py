"""Editors complete and check mapping files by a JSON Schema that is made from the model."""

import json

import jsonschema
import pytest
import yaml

from shopify_fw360.mapping.json_schema import FILE_NAME, build_schema, schema_text
from shopify_fw360.mapping.registry import FUNCTIONS


def load(file):
    return yaml.load(file.read_text(encoding="utf-8").replace(" on: ", " 'on': "), Loader=yaml.SafeLoader)


def test_the_committed_schema_is_current(mappings_directory):
    committed = (mappings_directory / FILE_NAME).read_text(encoding="utf-8")
    assert committed == schema_text(), "run: python -m shopify_fw360.mapping refresh include/mappings docs/mappings.md"


def test_shipped_mappings_fit_the_schema_and_name_it(mappings_directory):
    validator = jsonschema.Draft202012Validator(build_schema())
    for file in mappings_directory.glob("*.yaml"):
        assert file.read_text(encoding="utf-8").startswith(f"# yaml-language-server: $schema={FILE_NAME}\n")
        assert [error.message for error in validator.iter_errors(load(file))] == []


@pytest.mark.parametrize(
    "rule",
    [
        {"from": "x", "apply": ["lowr"]},
        {"from": "x", "apply": [{"truncate": "x"}]},
        {"from": "x", "merge": "unite"},
        {"frm": "x"},
        {"from": {"first_of": []}},
    ],
)
def test_the_schema_refuses_what_the_language_refuses(rule):
    mapping = {"entity": "customer", "source": "shopify", "target": "framework360", "fields": {"nome": rule}}
    assert not jsonschema.Draft202012Validator(build_schema()).is_valid(mapping)


def test_every_function_is_offered_for_completion():
    text = json.dumps(build_schema())
    for name in FUNCTIONS:
        assert f'"{name}"' in text
