"""The commands for the people who edit mappings."""

import json
import shutil

import pytest

from shopify_fw360.mapping.__main__ import main

FORTH = "customer.shopify_to_framework360.yaml"


@pytest.fixture
def copy(tmp_path, mappings_directory):
    for file in mappings_directory.iterdir():
        shutil.copy(file, tmp_path)
    return tmp_path


def test_check_is_content_with_the_shipped_mappings(mappings_directory, capsys):
    assert main(["check", str(mappings_directory)]) == 0
    assert f"{FORTH}: 16 fields, 12 examples, digest " in capsys.readouterr().out


def test_check_names_file_line_and_next_step(copy, capsys):
    file = copy / FORTH
    file.write_text(file.read_text(encoding="utf-8").replace("from: lastName", "from: lstName"), encoding="utf-8")
    assert main(["check", str(copy)]) == 1
    line = file.read_text(encoding="utf-8").splitlines().index("    from: lstName") + 1
    out = capsys.readouterr().out
    assert f"{file}:{line}: SYNC-102 field cognome, from: lstName: " in out
    assert "1 problem(s). Next step: Use one of the fields the message suggests." in out


def test_check_runs_the_examples(copy, capsys):
    file = copy / FORTH
    file.write_text(file.read_text(encoding="utf-8").replace("cognome: D'Angelo", "cognome: DAngelo"), encoding="utf-8")
    assert main(["check", str(copy)]) == 1
    assert "'a private customer in Rome' comes out differently: cognome is \"D'Angelo\" instead of 'DAngelo'" in (
        capsys.readouterr().out
    )


def test_show_prints_the_fields(mappings_directory, capsys):
    assert main(["show", str(mappings_directory / FORTH)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].split() == ["FIELD", "TYPE", "FROM", "APPLY", "MERGE", "NOTES"]
    (tags,) = [line for line in out if line.startswith("tags ")]
    assert tags.split() == ["tags", "tags", "tags", "union"]


def test_show_of_a_file_that_is_not_there_says_so(mappings_directory, capsys):
    assert main(["show", str(mappings_directory / "none.yaml")]) == 1
    assert "there is no such mapping file" in capsys.readouterr().out


@pytest.mark.parametrize("form", ["list", "lines"])
def test_try_shows_what_becomes_of_records(mappings_directory, tmp_path, capsys, form):
    records = [
        {"defaultEmailAddress": {"emailAddress": "A@x.it"}, "defaultAddress": {"phone": "0"}},
        {"defaultEmailAddress": None},
    ]
    text = json.dumps(records) if form == "list" else "\n".join(map(json.dumps, records))
    (tmp_path / "records.json").write_text(text, encoding="utf-8")
    assert main(["try", str(mappings_directory / FORTH), str(tmp_path / "records.json")]) == 0
    out = capsys.readouterr().out
    assert "a@x.it" in out
    assert "SYNC-201 email: there is no value" in out
    assert "telefono of record 0 left out" in out


def test_try_shows_the_items_of_lists(mappings_directory, tmp_path, capsys):
    product = {"title": "Tazza", "variants": [{"id": "1", "price": "5"}, {"id": "2", "sku": "B", "price": "7"}]}
    (tmp_path / "records.json").write_text(json.dumps([product]), encoding="utf-8")
    assert (
        main(["try", str(mappings_directory / "product.shopify_to_framework360.yaml"), str(tmp_path / "records.json")])
        == 0
    )
    shown = {line.split()[0]: line.split()[1] for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert (shown["nome"], shown["varianti[1].prezzo"], shown["varianti[2].sku"]) == ("Tazza", "5.00", "B")


def test_refresh_rewrites_schema_and_reference(copy, tmp_path):
    from shopify_fw360.mapping.reference import BEGIN, END, functions_section

    reference = tmp_path / "mappings.md"
    reference.write_text(f"before\n{BEGIN}\nOUTDATED\n{END}\nafter\n", encoding="utf-8")
    (copy / "mapping.schema.json").write_text("{}", encoding="utf-8")
    assert main(["refresh", str(copy), str(reference)]) == 0
    assert functions_section() in reference.read_text(encoding="utf-8")
    assert "OUTDATED" not in reference.read_text(encoding="utf-8")
    assert len((copy / "mapping.schema.json").read_text(encoding="utf-8")) > 1000
