"""All mappings of an installation are checked alone and against their other direction."""

import shutil

import pytest

from shopify_fw360.mapping.compiler import compile_mapping
from shopify_fw360.mapping.directory import check_directory, corresponding, load_directory
from shopify_fw360.mapping.engine import read_targets, transform
from shopify_fw360.mapping.loader import load_file
from shopify_fw360.mapping.problems import MappingError
from shopify_fw360.records import Entity, Flow, System

TO_FRAMEWORK360 = Flow(Entity.CUSTOMER, System.SHOPIFY)


@pytest.fixture
def copy(tmp_path, mappings_directory):
    """A copy of the shipped mappings that a test may spoil."""
    for file in mappings_directory.glob("*.yaml"):
        shutil.copy(file, tmp_path)
    return tmp_path


def edit(directory, name, old, new):
    file = directory / name
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


FORTH, BACK = "customer.shopify_to_framework360.yaml", "customer.framework360_to_shopify.yaml"


def test_shipped_mappings_load(schemas, mappings_directory):
    mappings = load_directory(
        mappings_directory,
        schemas,
        granted_scopes=["write_customers", "write_products", "write_inventory", "read_orders"],
    )
    assert set(mappings) >= {TO_FRAMEWORK360, TO_FRAMEWORK360.reverse}
    assert not [warning for mapping in mappings.values() for warning in mapping.warnings]


def test_corresponding_fields_are_found_through_what_they_read_and_write(to_framework360, to_shopify):
    pairs = {(one.name, other.name) for one, other in corresponding(to_framework360, to_shopify)}
    assert pairs >= {
        ("email", "email"), ("nome", "firstName"), ("telefono", "phone"), ("comune", "defaultAddress.city"),
        ("citta", "defaultAddress.provinceCode"), ("indirizzo", "defaultAddress.address1"),
        ("indirizzo", "defaultAddress.address2"), ("ragione_sociale", "defaultAddress.company"),
        ("marketing_active", "emailMarketingConsent"), ("tags", "tags"), ("piva", "metafields.custom.piva"),
    }  # fmt: skip
    assert ("nome", "lastName") not in pairs


def test_both_directions_must_settle_conflicts_alike(copy, schemas):
    edit(
        copy,
        BACK,
        'piva, apply: [collapse_spaces, {remove: " .-/"}, upper], merge: framework360, group: billing',
        "piva, merge: newest, group: tax",
    )
    problems = [str(problem) for problem in check_directory(copy, schemas).problems]
    assert len(problems) == 2
    assert (
        "metafields.custom.piva, merge: is newest, but the same thing in the other direction has framework360"
        in problems[0]
    )
    assert "group: is tax" in problems[1]


def test_an_installation_can_replace_the_policy_of_a_group(copy, schemas):
    for name in (FORTH, BACK):
        edit(copy, name, "upper], merge: framework360, group: billing", "upper], merge: framework360, group: tax")
    mappings = load_directory(copy, schemas, policies={"tax": "ask"})
    assert mappings[TO_FRAMEWORK360].fields["piva"].merge == "ask"
    assert mappings[TO_FRAMEWORK360.reverse].fields["metafields.custom.piva"].merge == "ask"
    assert mappings[TO_FRAMEWORK360].fields["nome"].merge == "shopify"
    with pytest.raises(MappingError, match="no mapping has a group 'taxes'; did you mean tax"):
        load_directory(copy, schemas, policies={"taxes": "ask"})
    with pytest.raises(MappingError, match="union works on tags"):
        load_directory(copy, schemas, policies={"tax": "union"})


def test_faults_of_all_files_come_together(copy, schemas):
    edit(copy, FORTH, "from: firstName", "from: firstNme")
    edit(copy, BACK, "from: comune", "from: comun")
    (copy / "other.yaml").write_text("entity: customr\n", encoding="utf-8")
    with pytest.raises(MappingError) as caught:
        load_directory(copy, schemas)
    text = caught.value.message
    for part in ("firstNme", "did you mean comune", "other.yaml:1"):
        assert part in text


def test_the_file_name_tells_the_flow(copy, schemas):
    (copy / FORTH).rename(copy / "customers.yaml")
    (problem,) = check_directory(copy, schemas).problems
    assert f"must be {FORTH}" in problem.message


def test_a_directory_without_mappings_is_a_fault(tmp_path, schemas):
    with pytest.raises(MappingError, match="no mapping files"):
        load_directory(tmp_path, schemas)


def test_a_plain_field_in_both_directions_needs_only_yaml_lines(copy, schemas):
    tags = "  tags: {from: tags, merge: union, group: tags}\n"
    edit(copy, FORTH, tags, f"{tags}  extraFields.note: {{from: note, apply: [strip]}}\n")
    edit(copy, BACK, tags, f"{tags}  note: {{from: extraFields.note}}\n")
    mappings = load_directory(copy, schemas)
    there, back = mappings[TO_FRAMEWORK360], mappings[TO_FRAMEWORK360.reverse]
    assert "note" in there.paths
    assert "extraFields.note" in there.read_paths
    record = {"note": " call first ", "defaultEmailAddress": {"emailAddress": "a@x.it"}}
    (row,) = transform(there, [record]).rows
    assert row.values["extraFields.note"] == "call first"
    flat = {"email": "a@x.it", "extraFields": {"note": row.values["extraFields.note"]}}
    (returned,) = transform(back, [flat]).rows
    assert returned.values["note"] == "call first"
    assert read_targets(back, [record])[0]["note"] == " call first "


PRODUCT_BACK = "product.framework360_to_shopify.yaml"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("kind: variant", "kind: item", "kind: 'item' here, but 'variant' in the other direction"),
        ("{from: sku, apply: [strip], group: variants}", "{from: sku, merge: ask, group: variants}",
         "field variants.sku, merge: is ask, but the same thing in the other direction has shopify"),
    ],
)  # fmt: skip
def test_both_directions_must_agree_on_their_lists_too(copy, schemas, old, new, message):
    edit(copy, PRODUCT_BACK, old, new)
    assert any(message in str(problem) for problem in check_directory(copy, schemas).problems)


def test_examples_that_no_longer_hold_are_found(copy, schemas):
    from shopify_fw360.mapping.examples import run_examples

    edit(copy, FORTH, "apply: [collapse_spaces]\n  cap:", "apply: [collapse_spaces, upper]\n  cap:")
    document = load_file(copy / FORTH)
    mapping = compile_mapping(document, schemas[System.SHOPIFY], schemas[System.FRAMEWORK360])
    problems = run_examples(mapping, document)
    assert "indirizzo is 'VIA ROMA 1 / SCALA B, INTERNO 4' instead of 'Via Roma 1 / Scala B" in problems[0].message
    assert problems[0].line > 60
