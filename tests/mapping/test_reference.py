"""docs/mappings.md cannot be out of date."""

import re
from pathlib import Path

import pytest

from shopify_fw360.mapping.compiler import compile_mapping
from shopify_fw360.mapping.examples import run_examples
from shopify_fw360.mapping.loader import load_text
from shopify_fw360.mapping.model import MappingModel, MergePolicy, Rule
from shopify_fw360.mapping.reference import functions_section, with_functions
from shopify_fw360.records import System

REFERENCE = Path(__file__).parents[2] / "docs" / "mappings.md"
HEAD = "entity: customer\nsource: {source}\ntarget: {target}\nfields:\n{lines}"


@pytest.fixture(scope="module")
def text():
    return REFERENCE.read_text(encoding="utf-8")


def yaml_blocks(text):
    return re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)


def test_the_table_of_functions_is_made_from_the_registry(text):
    assert functions_section() in text, "run: python -m shopify_fw360.mapping refresh include/mappings docs/mappings.md"
    assert with_functions(text) == text


def test_a_reference_without_the_marks_is_refused():
    with pytest.raises(ValueError, match="marks"):
        with_functions("nothing")


@pytest.mark.parametrize("model", [MappingModel, Rule])
def test_every_key_is_explained(text, model):
    for name, info in model.model_fields.items():
        assert f"`{info.alias or name}`" in text


def test_every_policy_is_explained(text):
    for policy in MergePolicy.__args__:
        assert f"`{policy}`" in text


def test_the_mapping_shown_works(text, schemas):
    document = load_text(next(block for block in yaml_blocks(text) if block.startswith("entity:")))
    mapping = compile_mapping(document, schemas[System.SHOPIFY], schemas[System.FRAMEWORK360])
    assert run_examples(mapping, document) == []


def test_the_lines_shown_compile(text, schemas):
    blocks = [block for block in yaml_blocks(text) if not block.startswith(("entity:", "children:"))]
    assert len(blocks) == 3
    for block in blocks:
        source = System.FRAMEWORK360 if block.startswith("  note:") else System.SHOPIFY
        document = load_text(HEAD.format(source=source.value, target=source.other.value, lines=block))
        assert compile_mapping(document, schemas[source], schemas[source.other]).fields


def test_the_forms_of_from_shown_compile(text, compiled):
    forms = re.findall(r"\| `(from: .*?)` \|", text)
    assert len(forms) == 4
    for form in forms:
        assert compiled(f"provenienza: {{{form}}}")


def test_the_lists_shown_compile(text, schemas):
    [block] = [block for block in yaml_blocks(text) if block.startswith("children:")]
    head = "entity: product\nsource: shopify\ntarget: framework360\n"
    document = load_text(f"{head}{block}fields:\n  nome: {{from: title}}\n")
    mapping = compile_mapping(document, schemas[System.SHOPIFY], schemas[System.FRAMEWORK360])
    assert list(mapping.children) == ["immagini", "varianti"]
