"""A bulk file is believed only if it is whole; what belongs together is found in whatever order it comes."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest

from shopify_fw360.errors import SHOPIFY_BULK, SyncError
from shopify_fw360.records import Entity
from shopify_fw360.shopify import bulk_file
from shopify_fw360.shopify.bulk_file import BulkFile
from shopify_fw360.shopify.bulk_shape import NotBulkError, bulk_shape
from shopify_fw360.shopify.selection import compile_selection

ROOT = Path(__file__).parents[2]
SELECTION = compile_selection(
    Entity.PRODUCT, {"title", "variants[].sku", "variants[].position", "variants[].imageId", "media[].MediaImage.alt"}
)
SHAPE = bulk_shape(SELECTION)


def family(number, variants=3, media=1):
    """The lines of one product, parent first."""
    product = f"gid://shopify/Product/{number}"
    found = [{"id": product, "title": f"P{number}"}]
    for place in range(1, media + 1):
        image = f"gid://shopify/MediaImage/{number}{place}"
        found.append(
            {"__typename": "MediaImage", "MediaImage_alt": f"{place}", "MediaImage_id": image, "__parentId": product}
        )
    for place in range(1, variants + 1):
        variant = f"gid://shopify/ProductVariant/{number}{place}"
        line = {"__typename": "ProductVariant", "id": variant, "sku": f"S{place}", "position": place}
        found.append({**line, "__parentId": product})
        # All variants show the same image, which therefore occurs once below each of them.
        found.append({"__typename": "MediaImage", "id": f"gid://shopify/MediaImage/{number}1", "__parentId": variant})
    return found


@pytest.fixture
def written(tmp_path):
    def write(lines):
        path = tmp_path / "file.jsonl"
        path.write_bytes(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
        return BulkFile(path)

    return write


def check(file, lines):
    roots = sum("__parentId" not in line for line in lines)
    return file.check(len(lines), roots)


def records(file, *, in_order=True):
    """Each record as the pages give it, by id, and whether it is whole."""
    found = {}
    for line, children in file.records():
        assembled = SHAPE.assemble(line, children, in_order=in_order)
        found[line["id"]] = (SELECTION.flatten(assembled.answer, []), assembled.whole)
    return found


def refusal(file, objects, roots):
    with pytest.raises(SyncError) as caught:
        file.check(objects, roots)
    assert caught.value.code is SHOPIFY_BULK
    return caught.value.message


class TestJoining:
    def test_children_that_follow_their_parent_are_put_below_it(self, written):
        lines = [line for number in range(3) for line in family(number)]
        file = written(lines)
        assert check(file, lines).strays == 0
        raw, whole = records(file)["gid://shopify/Product/1"]
        assert whole
        assert [variant["sku"] for variant in raw["variants"]] == ["S1", "S2", "S3"]
        assert [variant["picture"] for variant in raw["variants"]] == [
            {"nodes": [{"id": "gid://shopify/MediaImage/11"}]}
        ] * 3

    @pytest.mark.parametrize("order", ["shuffled", "reversed"])
    def test_no_order_of_the_lines_changes_what_belongs_together(self, written, order):
        lines = [line for number in range(40) for line in family(number)]
        grouped = written(lines)
        check(grouped, lines)
        expected = records(grouped)
        if order == "shuffled":
            random.Random(7).shuffle(lines)
        else:
            lines.reverse()
        file = written(lines)
        assert check(file, lines).strays > 0
        assert records(file, in_order=False) == expected

    def test_a_list_whose_order_the_lines_do_not_tell_makes_its_record_not_whole(self, written):
        lines = family(1, media=2) + family(2, media=1)
        found = records(written(lines), in_order=False) if check(written(lines), lines) else {}
        assert [whole for _, whole in found.values()] == [False, True]

    def test_variants_are_put_in_order_by_their_position(self, written):
        lines = family(1)
        file = written([lines[0], *reversed(lines[1:])])
        check(file, lines)
        raw, _ = records(file, in_order=False)["gid://shopify/Product/1"]
        assert [variant["position"] for variant in raw["variants"]] == [1, 2, 3]

    def test_memory_does_not_grow_with_the_file(self, tmp_path):
        peaks = []
        for products in (500, 5_000):
            path = tmp_path / f"{products}.jsonl"
            with path.open("w") as file:
                # The worst order there is: all children, then all parents.
                for number in range(products):
                    file.writelines(json.dumps(line) + "\n" for line in family(number)[1:])
                for number in range(products):
                    file.write(json.dumps(family(number)[0]) + "\n")
            bulk = BulkFile(path)
            tracemalloc.start()
            bulk.check(products * 8, products)
            count = sum(1 for _ in bulk.records())
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
            assert count == products
        assert peaks[1] - peaks[0] < 500_000


class TestParts:
    @pytest.mark.parametrize("size", [1, 60, 333, 5_000, 1_000_000])
    @pytest.mark.parametrize("shuffled", [False, True])
    def test_each_record_is_in_one_part_with_all_that_is_its_own(self, written, monkeypatch, size, shuffled):
        monkeypatch.setattr(bulk_file, "PART", size)
        lines = [line for number in range(12) for line in family(number)]
        if shuffled:
            random.Random(3).shuffle(lines)
        file = written(lines)
        check(file, lines)
        expected = records(file, in_order=False)
        found = []
        for span in file.parts():
            for line, children in file.records(span):
                answer = SHAPE.assemble(line, children, in_order=False).answer
                found.append((line["id"], SELECTION.flatten(answer, [])))
        assert len(found) == len(expected) == 12
        assert dict(found) == {record: raw for record, (raw, _) in expected.items()}

    def test_the_number_of_parts_has_a_limit(self, written, monkeypatch):
        monkeypatch.setattr(bulk_file, "PART", 1)
        monkeypatch.setattr(bulk_file, "MOST_PARTS", 7)
        file = written(family(1))
        assert len(file.parts()) == 7


class TestChecking:
    def test_a_short_but_valid_file_is_refused(self, written):
        lines = family(1) + family(2)
        message = refusal(written(lines[:-1]), len(lines), 2)
        assert "15 objects; the operation counted 16" in message

    def test_a_missing_record_is_noticed_though_the_number_of_objects_fits(self, written):
        lines = family(1)
        assert "records" in refusal(written(lines), len(lines), 2)

    def test_a_line_cut_in_the_middle_is_refused(self, written, tmp_path):
        file = written(family(1))
        path = tmp_path / "file.jsonl"
        path.write_bytes(path.read_bytes()[:-20])
        assert "no JSON object" in refusal(file, 8, 1)

    def test_a_line_whose_parent_is_missing_is_refused(self, written):
        lines = family(1)
        lines[2] = {**lines[2], "__parentId": "gid://shopify/Product/999"}
        assert "parent gid://shopify/Product/999" in refusal(written(lines), len(lines), 1)

    def test_a_record_that_occurs_twice_is_refused(self, written):
        lines = family(1) + family(2) + family(1)
        assert "twice" in refusal(written(lines), len(lines), 3)

    @pytest.mark.parametrize("place", [3, -1])
    def test_a_child_that_occurs_twice_is_refused_near_its_parent_or_far_from_it(self, written, place):
        lines = family(1) + family(2)
        twin = lines[2]
        lines.insert(place if place >= 0 else len(lines), twin)
        assert "twice" in refusal(written([*lines, twin]), len(lines) + 1, 2)

    def test_roots_are_counted_for_which_the_question_is_true(self, written):
        lines = [*family(1), *family(2)]
        assert written(lines).check(len(lines), 2, lambda root: root["title"] == "P2").marked == 1


class TestKilling:
    def test_a_join_killed_in_the_middle_is_done_anew_from_the_file(self, tmp_path):
        path = tmp_path / "file.jsonl"
        lines = [line for number in range(3_000) for line in family(number)]
        random.Random(7).shuffle(lines)
        path.write_bytes(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
        code = (
            "import sys; from pathlib import Path; from shopify_fw360.shopify.bulk_file import BulkFile\n"
            "while True: BulkFile(Path(sys.argv[1])).check(int(sys.argv[2]), 3000)\n"
        )
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}"}
        process = subprocess.Popen([sys.executable, "-c", code, str(path), str(len(lines))], env=environment)
        strays = path.with_name("file.jsonl.strays")
        while not strays.exists() or strays.stat().st_size < 20_000:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        file = BulkFile(path)
        assert check(file, lines).strays > 0
        assert len(records(file, in_order=False)) == 3_000
        file.remove()
        assert list(tmp_path.iterdir()) == []


class TestShape:
    def test_variables_become_values(self):
        selection = compile_selection(Entity.PRODUCT, {"variants[].quantity"})
        text = bulk_shape(selection).text("Name", "products", None, {"location": "gid://shopify/Location/1"})
        assert 'locationId: "gid://shopify/Location/1"' in text
        assert "$" not in text

    def test_connections_in_lists_are_left_out_and_named(self):
        selection = compile_selection(Entity.ORDER, {"refunds[].refundLineItems[].quantity", "name"})
        shape = bulk_shape(selection)
        assert shape.cut == ("refunds",)
        assert "refundLineItems" not in shape.node

    def test_two_lists_of_one_type_cannot_be_told_apart(self):
        paths = {"addressesV2[].city", "defaultAddress.city"}
        assert bulk_shape(compile_selection(Entity.CUSTOMER, paths)).node
        twins = compile_selection(Entity.ORDER, {"lineItems[].name", "nonFulfillableLineItems[].name"})
        with pytest.raises(NotBulkError, match="one type"):
            bulk_shape(twins)
