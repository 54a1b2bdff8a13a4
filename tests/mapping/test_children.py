"""Lists of children: variants and images in the mapping language."""

from __future__ import annotations

from decimal import Decimal
from textwrap import dedent

import pytest

from shopify_fw360.mapping.compiler import check_mapping, compile_mapping
from shopify_fw360.mapping.engine import ChildRow, Rejection, read_target_children, transform
from shopify_fw360.mapping.examples import run_examples
from shopify_fw360.mapping.loader import load_text, read_text
from shopify_fw360.records import FieldType, SourceField, TargetField, UnknownFieldError

TYPES = {
    "id": FieldType.TEXT,
    "title": FieldType.TEXT,
    "variants[].id": FieldType.TEXT,
    "variants[].sku": FieldType.TEXT,
    "variants[].price": FieldType.TEXT,
    "variants[].imageId": FieldType.TEXT,
    "images[].id": FieldType.TEXT,
    "images[].url": FieldType.TEXT,
    "images[].position": FieldType.INTEGER,
}
TARGETS = {
    "nome": FieldType.TEXT,
    "attivo": FieldType.FLAG,
    "varianti[].id": FieldType.TEXT,
    "varianti[].sku": FieldType.TEXT,
    "varianti[].prezzo": FieldType.DECIMAL,
    "varianti[].immagine": FieldType.TEXT,
    "immagini[].id": FieldType.TEXT,
    "immagini[].url": FieldType.TEXT,
    "immagini[].posizione": FieldType.INTEGER,
}


class Schema:
    """A system whose fields are read where they are written."""

    def __init__(self, types):
        self._types = types

    def source(self, entity, path):
        if path not in self._types:
            raise UnknownFieldError(path, "is unknown")
        accessor = tuple(part for step in path.split(".") for part in step.replace("[]", ".*").split("."))
        return SourceField(path, accessor, self._types[path])

    def target(self, entity, name):
        if name not in self._types:
            raise UnknownFieldError(name, "is unknown")
        return TargetField(name, self._types[name], (name,), lambda value: value)


HEAD = """\
entity: product
source: shopify
target: framework360
match: [varianti.sku]
on_delete: {attivo: false}
"""
CHILDREN = """\
children:
  immagini:
    from: images
    kind: image
    order: posizione
    fields:
      url: {from: url, on: create}
      posizione: {from: position}
  varianti:
    from: variants
    kind: variant
    match: [sku]
    min_items: 1
    max_items: 3
    fields:
      sku: {from: sku, apply: [strip], max_length: 5}
      prezzo: {from: price, required: true}
      immagine: {from: imageId, refers: images}
"""
FIELDS = """\
fields:
  nome: {from: title, required: true}
  attivo: {from: {value: true}}
"""


def document(children=CHILDREN, head=HEAD, tail=""):
    return load_text(head + dedent(children) + FIELDS + dedent(tail), "product.yaml")


def build(children=CHILDREN, head=HEAD):
    return compile_mapping(document(children, head), Schema(TYPES), Schema(TARGETS))


def problems(children=CHILDREN, head=HEAD):
    text = head + dedent(children) + FIELDS
    read, found = read_text(text, "product.yaml")
    if read is not None:
        found = [*found, *check_mapping(read, Schema(TYPES), Schema(TARGETS))[1]]
    return [f"{problem.line} {problem.field} {problem.rule}: {problem.message}" for problem in found]


@pytest.fixture(scope="module")
def mapping():
    return build()


def product(*variants, title="Shirt", **more):
    return {"id": "1", "title": title, "variants": list(variants), **more}


def variant(child_id, **values):
    return {"id": child_id, "price": "1.00", **values}


class TestCompiled:
    def test_paths_are_those_of_the_schema_so_that_selections_can_be_made_of_them(self, mapping):
        assert mapping.paths >= {"title", "variants[].id", "variants[].sku", "images[].id", "images[].url"}
        assert mapping.read_paths >= {"nome", "varianti[].id", "varianti[].sku", "immagini[].posizione"}

    def test_a_child_knows_its_lists_its_keys_and_its_place(self, mapping):
        child = mapping.children["varianti"]
        assert (child.source_list, child.kind, child.match, child.order) == ("variants", "variant", ("sku",), None)
        assert (child.source_accessor, child.target_accessor) == (("variants",), ("varianti",))
        assert mapping.children["immagini"].order == "posizione"

    def test_a_reference_names_the_list_it_refers_to(self, mapping):
        assert mapping.children["varianti"].fields["immagine"].refers == "images"

    def test_what_a_deletion_writes_is_typed(self, mapping):
        assert mapping.on_delete == {"attivo": False}

    def test_an_edited_child_rule_is_another_mapping(self, mapping):
        assert build(CHILDREN.replace("max_length: 5", "max_length: 6")).digest != mapping.digest

    def test_an_edited_list_is_another_mapping(self, mapping):
        assert build(CHILDREN.replace("max_items: 3", "max_items: 4")).digest != mapping.digest


class TestFaults:
    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("from: variants", "from: variantz", "15 varianti.*from: variantz[].id: is unknown"),
            ("varianti:", "variantoni:", "variantoni.*is unknown"),
            ("{from: sku,", "{from: skuu,", "variants[].skuu: is unknown"),
            ("prezzo:", "prezzone:", "varianti[].prezzone: is unknown"),
            ("match: [sku]", "match: [skuu]", "'skuu' is not in fields; did you mean sku"),
            ("order: posizione", "order: place", "'place' is not in fields"),
            ("refers: images", "refers: pictures", "a reference is to one of: images, variants"),
            ("kind: image", "kind: variant", "'variant' is that of immagini already"),
            ("max_items: 3", "max_itemz: 3", "there is no such key here; did you mean max_items"),
            ("max_length: 5", "max_lenght: 5", "there is no such key here; did you mean max_length"),
            ("max_length: 5", "max_items: 5", "works on lists, and this field is text"),
        ],
    )
    def test_a_fault_names_line_field_rule_and_a_near_name(self, old, new, message):
        found = problems(CHILDREN.replace(old, new))
        assert any(all(part in line for part in message.split(".*")) for line in found), found

    def test_a_natural_key_must_be_a_field_of_a_child(self):
        found = problems(head=HEAD.replace("varianti.sku", "varianti.skuu"))
        assert any("'varianti.skuu' is not in fields" in line for line in found), found

    def test_a_reference_of_the_record_itself_is_refused(self):
        text = HEAD + CHILDREN + FIELDS.replace("required: true", "refers: images")
        found = check_mapping(load_text(text), Schema(TYPES), Schema(TARGETS))[1]
        assert [problem.rule for problem in found] == ["refers"]

    def test_a_value_on_delete_that_breaks_its_type_is_refused(self):
        assert any("on_delete" in line for line in problems(head=HEAD.replace("false", "maybe")))

    def test_on_delete_names_a_field(self):
        found = problems(head=HEAD.replace("attivo", "active"))
        assert any("'active' is not in fields" in line for line in found), found

    def test_the_other_fields_are_still_checked_when_a_list_is_faulty(self):
        found = problems(CHILDREN.replace("from: images", "fron: images").replace("{from: sku,", "{from: skuu,"))
        assert any("skuu" in line for line in found)


class TestTransform:
    def rows(self, mapping, *records):
        return transform(mapping, list(records)).rows

    def test_children_come_with_their_ids_in_the_order_of_the_source(self, mapping):
        [row] = self.rows(mapping, product(variant("b", sku=" B "), variant("a", sku="A")))
        assert row.children["varianti"] == (
            ChildRow("b", {"sku": "B", "prezzo": Decimal("1.00")}),
            ChildRow("a", {"sku": "A", "prezzo": Decimal("1.00")}),
        )

    def test_records_keep_their_own_children(self, mapping):
        rows = self.rows(mapping, product(variant("a")), product(variant("b"), variant("c")), product(variant("d")))
        assert [[child.id for child in row.children["varianti"]] for row in rows] == [["a"], ["b", "c"], ["d"]]

    @pytest.mark.parametrize("images", [{}, {"images": None}])
    def test_an_untold_list_is_unknown(self, mapping, images):
        [row] = self.rows(mapping, product(variant("a"), **images))
        assert "immagini" not in row.children

    def test_an_empty_list_is_known_to_be_empty(self, mapping):
        [row] = self.rows(mapping, product(variant("a"), images=[]))
        assert row.children["immagini"] == ()

    def test_a_faulty_child_parks_its_record_only_and_is_named_by_its_place(self, mapping):
        first, second = self.rows(mapping, product(variant("a"), variant("b", sku="123456")), product(variant("c")))
        assert isinstance(first, Rejection)
        assert (first.index, first.field, first.rule) == (0, "varianti[2].sku", "max_length")
        assert second.children["varianti"][0].id == "c"

    def test_the_record_is_named_before_its_children(self, mapping):
        [row] = self.rows(mapping, product(variant("a", sku="123456"), title=None))
        assert row.field == "nome"

    def test_a_required_value_that_is_missing_leaves_the_rest_for_a_linked_record(self, mapping):
        [row] = self.rows(mapping, product({"id": "a", "sku": "A"}))
        assert (row.field, row.rule) == ("varianti[1].prezzo", "required")
        assert row.partial.children["varianti"] == (ChildRow("a", {"sku": "A"}),)

    @pytest.mark.parametrize(("number", "rule"), [(0, "min_items"), (4, "max_items")])
    def test_too_few_and_too_many_children_park_the_record(self, mapping, number, rule):
        [row] = self.rows(mapping, product(*(variant(str(n)) for n in range(number))))
        assert (row.field, row.rule) == ("varianti", rule)

    def test_a_child_without_id_parks_the_record(self, mapping):
        [row] = self.rows(mapping, product(variant("a"), {"sku": "B"}))
        assert (row.field, row.rule) == ("varianti[2].id", "id")

    def test_something_that_is_no_list_parks_the_record(self, mapping):
        [row] = self.rows(mapping, {"id": "1", "title": "x", "variants": "many"})
        assert (row.field, row.rule) == ("varianti", "type")

    def test_what_the_target_holds_is_read_in_its_own_words(self, mapping):
        target = {"varianti": [{"id": 7, "sku": "A", "prezzo": "1.0"}], "immagini": []}
        assert read_target_children(mapping, [target, {}]) == [
            {"varianti": (ChildRow("7", {"sku": "A", "prezzo": Decimal("1.0")}),), "immagini": ()},
            {},
        ]


class TestExamples:
    EXAMPLE = """\
    examples:
      - name: a shirt
        input: {id: "1", title: Shirt, variants: [{id: a, sku: A, price: "2"}]}
        output: {nome: Shirt, attivo: true, varianti: [{sku: A, prezzo: 2}]}
    """

    def run(self, tail):
        read = document(tail=tail)
        return [p.message for p in run_examples(compile_mapping(read, Schema(TYPES), Schema(TARGETS)), read)]

    def test_an_example_states_its_children(self):
        assert self.run(self.EXAMPLE) == []

    def test_a_different_child_is_named_by_its_place(self):
        [message] = self.run(self.EXAMPLE.replace("prezzo: 2", "prezzo: 3"))
        assert "varianti[1].prezzo is Decimal('2')" in message

    def test_a_missing_child_is_a_difference(self):
        [message] = self.run(self.EXAMPLE.replace("[{sku: A, prezzo: 2}]", "[]"))
        assert "varianti is 1 items instead of 0 items" in message
