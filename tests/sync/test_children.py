"""Children of a record: who belongs to whom, and what is written."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopify_fw360.mapping.engine import ChildRow
from shopify_fw360.mapping.rules import ChildMapping
from shopify_fw360.records import UNSET, FieldType, NewChild, System
from shopify_fw360.store.link_children import LinkChild
from shopify_fw360.sync.children import (
    child_name,
    held_by,
    ids_after,
    links_of,
    merge_children,
    pair_children,
    sources_of,
    values_of,
    without_lost,
)
from shopify_fw360.sync.merge import Decision, MergeInput
from tests.sync.rules import rule

VARIANTS = ChildMapping(
    name="varianti",
    source_list="variants",
    kind="variant",
    match=("sku", "ean", "attributi"),
    fields={
        "sku": rule(merge="shopify"),
        "ean": rule(merge="shopify"),
        "attributi": rule(FieldType.JSON, merge="shopify"),
        "prezzo": rule(FieldType.DECIMAL, merge="shopify"),
        "quantita": rule(FieldType.INTEGER, merge="shopify", group="stock"),
        "posizione": rule(FieldType.INTEGER, merge="shopify"),
        "immagine": rule(merge="shopify", refers="images"),
    },
    source_accessor=("variants",),
    target_accessor=("varianti",),
    order="posizione",
)
IMAGES = ChildMapping(
    name="immagini",
    source_list="images",
    kind="image",
    match=("nome",),
    fields={"nome": rule(create_only=True), "posizione": rule(FieldType.INTEGER, merge="shopify")},
    source_accessor=("images",),
    target_accessor=("immagini",),
    order="posizione",
)
CHILDREN = {"immagini": IMAGES, "varianti": VARIANTS}


def row(child_id, **values):
    return ChildRow(child_id, values)


def link(mine, theirs, kind="variant"):
    return LinkChild(kind, mine, theirs)


def pair(sources, targets, links=(), child=VARIANTS):
    return pair_children(child, System.SHOPIFY, sources, targets, links)


def partners(paired):
    return {(p.source and p.source.id, p.target and p.target.id) for p in paired.pairs}


def agreed(sources, targets, links):
    """The base of a record whose children agree as they are."""
    paired = pair(sources, targets, links)
    ids = ids_after([paired], {})
    held = held_by(CHILDREN, {"varianti": tuple(targets)}, ids)
    values = values_of(CHILDREN, {"varianti": tuple(sources)}, ids)
    return {name: [values[name], held.get(name)] for name in values}


def merged(paired, base=None, present=(), **more):
    lists = [paired] if not isinstance(paired, list) else paired
    known = {} if present is not None else None
    return merge_children(lists, MergeInput(System.SHOPIFY, {}, present=known, base=base or {}, **more))


class TestPairing:
    def test_a_link_decides_whatever_the_values_say(self):
        paired = pair([row("s1", sku="A"), row("s2", sku="B")], [row("f1", sku="B")], [link("s1", "f1")])
        assert partners(paired) == {("s1", "f1"), ("s2", None)}

    def test_without_a_link_the_sku_decides(self):
        assert partners(pair([row("s1", sku="A")], [row("f1", sku="A")])) == {("s1", "f1")}

    def test_the_next_key_decides_where_a_sku_occurs_twice(self):
        sources = [row("s1", sku="A", ean="1"), row("s2", sku="A", ean="2")]
        targets = [row("f2", sku="A", ean="2"), row("f1", sku="A", ean="1")]
        assert partners(pair(sources, targets)) == {("s1", "f1"), ("s2", "f2")}

    @pytest.mark.parametrize("empty", [None, "", UNSET])
    def test_an_empty_sku_decides_nothing(self, empty):
        values = {} if empty is UNSET else {"sku": empty}
        assert partners(pair([row("s1", **values)], [row("f1", **values)])) == {("s1", None), (None, "f1")}

    def test_option_values_decide_last(self):
        sources = [row("s1", attributi=[["Size", "M"]]), row("s2", attributi=[["Size", "L"]])]
        targets = [row("f2", attributi=[["Size", "L"]]), row("f1", attributi=[["Size", "M"]])]
        assert partners(pair(sources, targets)) == {("s1", "f1"), ("s2", "f2")}

    def test_the_variant_of_a_simple_product_is_known_by_having_no_options(self):
        assert partners(pair([row("s1", attributi=[])], [row("p17", attributi=[])])) == {("s1", "p17")}

    def test_a_child_that_got_a_new_id_is_found_again_by_its_key(self):
        assert partners(pair([row("s9", sku="A")], [row("f1", sku="A")], [link("s1", "f1")])) == {("s9", "f1")}

    def test_a_child_whose_counterpart_got_a_new_id_is_found_again_by_its_key(self):
        assert partners(pair([row("s1", sku="A")], [row("f9", sku="A")], [link("s1", "f1")])) == {("s1", "f9")}

    def test_renamed_options_and_another_order_lose_no_link(self):
        sources = [row("s2", attributi=[["Farbe", "rot"]]), row("s1", attributi=[["Farbe", "blau"]])]
        targets = [row("f1", attributi=[["Colore", "blu"]]), row("f2", attributi=[["Colore", "rosso"]])]
        links = [link("s1", "f1"), link("s2", "f2")]
        assert partners(pair(sources, targets, links)) == {("s1", "f1"), ("s2", "f2")}

    @given(
        st.lists(st.sampled_from(["A", "B", "C", ""]), max_size=6),
        st.lists(st.sampled_from(["A", "B", "C", ""]), max_size=6),
        st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=4),
    )
    def test_no_child_is_lost_or_paired_twice(self, mine, theirs, linked):
        sources = [row(f"s{number}", sku=sku) for number, sku in enumerate(mine)]
        targets = [row(f"f{number}", sku=sku) for number, sku in enumerate(theirs)]
        used = set()
        links = []
        for s, f in sorted(linked):
            if s not in {a for a, _ in used} and f not in {b for _, b in used}:
                used.add((s, f))
                links.append(link(f"s{s}", f"f{f}"))
        paired = pair(sources, targets, links)
        assert sorted(p.source.id for p in paired.pairs if p.source) == sorted(r.id for r in sources)
        assert sorted(p.target.id for p in paired.pairs if p.target) == sorted(r.id for r in targets)


class TestMerge:
    def test_a_new_record_gets_all_children_in_order(self):
        paired = pair([row("s1", sku="A", prezzo=1), row("s2", sku="B", prezzo=2)], [])
        written = merged(paired, present=None).changes["varianti"]
        assert [(w.source_id, w.target_id, w.values["sku"]) for w in written.kept] == [
            ("s1", None, "A"),
            ("s2", None, "B"),
        ]

    def test_agreeing_children_are_not_written(self):
        assert not merged(pair([row("s1", sku="A")], [row("f1", sku="A")])).changes

    def test_a_change_names_its_field_but_the_list_stays_complete(self):
        sources = [row("s1", sku="A", prezzo=3), row("s2", sku="B", prezzo=2)]
        targets = [row("f1", sku="A", prezzo=1), row("f2", sku="B", prezzo=2)]
        written = merged(pair(sources, targets)).changes["varianti"]
        assert [dict(w.changes) for w in written.kept] == [{"prezzo": 3}, {}]
        assert written.kept[1].values == {"sku": "B", "prezzo": 2}

    def test_price_changed_here_and_barcode_there_both_survive(self):
        links = [link("s1", "f1")]
        base = agreed([row("s1", prezzo=1, ean="1")], [row("f1", prezzo=1, ean="1")], links)
        paired = pair([row("s1", prezzo=2, ean="1")], [row("f1", prezzo=1, ean="9")], links)
        write = merged(paired, base).changes["varianti"].kept[0]
        assert write.changes == {"prezzo": 2}
        assert write.values == {"prezzo": 2, "ean": "9"}

    def test_a_child_only_the_source_has_is_added(self):
        paired = pair([row("s1", sku="A"), row("s2", sku="B")], [row("f1", sku="A")], [link("s1", "f1")])
        written = merged(paired).changes["varianti"]
        assert [(w.source_id, w.target_id) for w in written.kept] == [("s1", "f1"), ("s2", None)]

    def test_a_child_only_the_target_has_survives_a_write(self):
        paired = pair([row("s1", sku="A", prezzo=2)], [row("f1", sku="A", prezzo=1), row("f2", sku="X")])
        written = merged(paired).changes["varianti"]
        assert [(w.source_id, w.target_id) for w in written.kept] == [("s1", "f1"), (None, "f2")]
        assert written.removed == ()

    def test_a_child_removed_in_the_source_is_removed(self):
        links = [link("s1", "f1"), link("s2", "f2")]
        sources, targets = [row("s1", prezzo=1), row("s2", prezzo=2)], [row("f1", prezzo=1), row("f2", prezzo=2)]
        base = agreed(sources, targets, links)
        result = merged(pair(sources[:1], targets, links), base)
        assert result.changes["varianti"].removed == ("f2",)
        assert result.decisions[child_name("varianti", "s2")].reason == "removed on the source"

    def test_a_child_edited_in_the_target_survives_its_removal_in_the_source(self):
        links = [link("s2", "f2")]
        base = agreed([row("s2", prezzo=2)], [row("f2", prezzo=2)], links)
        result = merged(pair([], [row("f2", prezzo=5)], links), base)
        assert not result.changes
        assert "the edit wins" in result.decisions["varianti[s2]"].reason

    def test_goods_sold_in_the_target_are_no_edit(self):
        links = [link("s2", "f2")]
        base = agreed([row("s2", quantita=9)], [row("f2", quantita=9)], links)
        assert merged(pair([], [row("f2", quantita=8)], links), base).changes["varianti"].removed == ("f2",)

    def test_moving_up_into_the_place_of_another_is_no_edit(self):
        links = [link("s2", "f2"), link("s3", "f3")]
        sources = [row("s2", posizione=2), row("s3", posizione=3)]
        base = agreed(sources, [row("f2", posizione=2), row("f3", posizione=3)], links)
        moved = [row("f3", posizione=2)]
        assert merged(pair([row("s2", posizione=2)], moved, links), base).changes["varianti"].removed == ("f3",)
        assert merged(pair([row("s3", posizione=2)], [], links), base).changes == {}

    def test_a_child_removed_in_the_target_is_left_to_the_other_direction(self):
        links = [link("s1", "f1")]
        base = agreed([row("s1", prezzo=1)], [row("f1", prezzo=1)], links)
        paired = pair([row("s1", prezzo=1)], [], links)
        result = merged(paired, base)
        assert not result.changes
        assert result.decisions["varianti[s1]"].decision is Decision.LEAVE
        assert links_of([paired], System.SHOPIFY, {})["variant"] == [LinkChild("variant", "s1", "f1")]

    def test_a_child_removed_in_the_target_and_edited_in_the_source_is_added_again(self):
        links = [link("s1", "f1")]
        base = agreed([row("s1", prezzo=1)], [row("f1", prezzo=1)], links)
        written = merged(pair([row("s1", prezzo=2)], [], links), base).changes["varianti"]
        assert [(w.source_id, w.target_id) for w in written.kept] == [("s1", None)]

    def test_a_record_created_again_gets_all_its_children_again(self):
        written = merged(pair([row("s1", prezzo=1)], [], [link("s1", "f1")]), present=None).changes["varianti"]
        assert len(written.kept) == 1

    def test_a_field_the_site_does_not_keep_is_not_written(self):
        paired = pair([row("s1", sku="A", ean="2")], [row("f1", sku="A", ean="1")])
        assert not merged(paired, unwritable=frozenset({"varianti.ean"})).changes

    def test_children_are_ordered_by_their_place(self):
        sources = [row("s1", nome="a", posizione=2), row("s2", nome="b", posizione=1)]
        paired = pair(sources, [row("f1", nome="a", posizione=1)], child=IMAGES)
        written = merged(paired).changes["immagini"]
        assert [w.source_id for w in written.kept] == ["s2", "s1"]


class TestReferences:
    def images(self, targets, links=()):
        return pair_children(IMAGES, System.SHOPIFY, [row("i1", nome="a"), row("i2", nome="b")], targets, links)

    def test_a_reference_is_translated_to_the_id_in_the_target(self):
        images = self.images([row("7", nome="a")])
        variants = pair([row("s1", sku="A", immagine="i1")], [row("f1", sku="A", immagine=None)])
        assert merged([images, variants]).changes["varianti"].kept[0].changes == {"immagine": "7"}

    def test_an_equal_reference_is_no_change(self):
        images = self.images([row("7", nome="a"), row("8", nome="b")])
        variants = pair([row("s1", sku="A", immagine="i1")], [row("f1", sku="A", immagine="7")])
        assert "varianti" not in merged([images, variants]).changes

    def test_a_reference_to_an_image_added_by_the_same_write_is_marked(self):
        variants = pair([row("s1", sku="A", immagine="i2")], [row("f1", sku="A", immagine="7")])
        written = merged([self.images([row("7", nome="a")]), variants]).changes["varianti"]
        assert written.kept[0].changes == {"immagine": NewChild("i2")}

    def test_a_reference_to_an_image_that_is_left_out_is_unknown(self):
        images = self.images([row("7", nome="a")], [link("i2", "8", "image")])
        variants = pair([row("s1", sku="A", immagine="i2")], [row("f1", sku="A", immagine="7")])
        assert "varianti" not in merged([images, variants]).changes


class TestAfterTheWrite:
    def test_ids_of_added_children_come_from_the_write(self):
        paired = pair([row("s1", sku="A"), row("s2", sku="B")], [row("f1", sku="A")])
        assert ids_after([paired], {"varianti": {"s1": "f1", "s2": "f5"}}) == {"varianti": {"s1": "f1", "s2": "f5"}}
        rows = links_of([paired], System.SHOPIFY, {"varianti": {"s1": "f1", "s2": "f5"}})
        assert rows == {
            "variant": [LinkChild("variant", "s1", "f1", "sku:A"), LinkChild("variant", "s2", "f5", "sku:B")]
        }

    def test_the_sides_of_a_link_do_not_depend_on_the_direction(self):
        paired = pair_children(VARIANTS, System.FRAMEWORK360, [row("f1", sku="A")], [row("s1", sku="A")], ())
        assert links_of([paired], System.FRAMEWORK360, {}) == {"variant": [LinkChild("variant", "s1", "f1", "sku:A")]}

    def test_the_base_forgets_children_the_source_has_no_more(self):
        base = {"nome": ["x"], "varianti[1].sku": ["A"], "varianti[2].sku": ["B"]}
        kept = without_lost(base, {"varianti": (row("gid://shopify/ProductVariant/1"),)})
        assert kept == {"nome": ["x"], "varianti[1].sku": ["A"]}

    def test_sources_are_given_by_list(self):
        paired = pair([row("s1")], [row("f2")])
        assert sources_of([paired]) == {"varianti": (row("s1"),)}


@given(
    st.lists(st.tuples(st.sampled_from("ABC"), st.integers(1, 3)), unique_by=lambda v: v[0], max_size=3),
    st.lists(st.tuples(st.sampled_from("ABC"), st.integers(1, 3)), unique_by=lambda v: v[0], max_size=3),
)
def test_writing_what_was_planned_leaves_nothing_to_write(mine, theirs):
    """Put-get: after the planned lists are written, another merge has no changes."""
    sources = [row(f"s{sku}", sku=sku, prezzo=price) for sku, price in mine]
    targets = [row(f"f{sku}", sku=sku, prezzo=price) for sku, price in theirs]
    first = pair(sources, targets)
    changes = merged(first).changes.get("varianti")
    if changes is None:
        return
    numbers = itertools.count(100)
    held = [row(w.target_id or f"f{next(numbers)}", **w.values) for w in changes.kept]
    written = {w.source_id: r.id for w, r in zip(changes.kept, held, strict=True) if w.source_id}
    links = links_of([first], System.SHOPIFY, {"varianti": written})["variant"]
    assert not merged(pair(sources, held, links)).changes


def test_of_a_list_that_is_not_looked_at_the_base_keeps_everything():
    base = {"varianti[1].sku": ["A"], "immagini[2].nome": ["x"], "nome": ["y"]}
    rows = {"varianti": (row("gid/7", sku="A"),)}
    assert without_lost(base, rows) == {"immagini[2].nome": ["x"], "nome": ["y"]}
