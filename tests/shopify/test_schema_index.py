from pathlib import Path

from shopify_fw360.shopify.schema_index import INDEX, SDL, build_index, load_index, main


def test_the_committed_index_is_that_of_the_committed_schema():
    assert load_index() == build_index(SDL.read_text(encoding="utf-8"))


def test_the_command_writes_what_is_committed(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("shopify_fw360.shopify.schema_index.INDEX", tmp_path / "index.json")
    main()
    assert (tmp_path / "index.json").read_bytes() == INDEX.read_bytes()


def test_the_index_holds_what_the_notes_of_the_schema_say():
    customer = load_index()["Customer"]
    assert customer["scopes"] == ["read_customers"]
    assert customer["fields"]["firstName"]["protected"] == "name"
    assert customer["fields"]["addressesV2"] == {"type": "MailingAddress", "connection": True}
    assert customer["fields"]["metafield"]["args"] == ["key"]
    assert customer["fields"]["email"]["deprecated"].startswith("Use `defaultEmailAddress.emailAddress`")
