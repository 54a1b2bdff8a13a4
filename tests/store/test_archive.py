"""Backup and restore: between both kinds of database, with the encryption key, and of damaged files."""

import gzip
import secrets
import shutil
import stat
import subprocess

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select

from scripts.local.postgres import Database, binaries
from shopify_fw360.errors import BACKUP_INVALID, CONNECTION_INVALID, SyncError
from shopify_fw360.records import Entity, Link
from shopify_fw360.store import LinkChild, LockedState, Store, TokenVault, archive, schema
from shopify_fw360.store.__main__ import main
from shopify_fw360.store.tables import metadata
from tests.store.make import FORTH, Clock, change, claim, complete, stage
from tests.store.rows import fill as fill_every_table

KEY = Fernet.generate_key().decode()


@pytest.fixture
def database(postgres_server, migrated_sqlite, tmp_path):
    """Makes stores in databases of their own: a backup holds all pairs of a database."""
    names, stores = [], []

    def make(kind, key=KEY):
        name = f"archive_{secrets.token_hex(6)}"
        if kind == "sqlite":
            shutil.copy(migrated_sqlite, tmp_path / name)
            url = f"sqlite:///{tmp_path / name}"
        else:
            names.append(name)
            postgres_server.create([Database(name, "secret")])
            url = postgres_server.url(name, password="secret")
        stores.append(Store.open(url, encryption_key=key, clock=Clock()))
        return stores[-1]

    yield make
    for store in stores:
        store.close()
    for name in names:
        postgres_server.drop(name)


def fill(store):
    """Put rows into the tables that matter most."""
    store.upgrade()
    with store.begin() as tx:
        tx.open_run("run", FORTH, "poll")
        link = tx.save_link(Link(Entity.PRODUCT, "p1", "w1", base={"x": {"nome": ["Zoë", None]}}))
        tx.replace_children(link.id, "variant", [LinkChild("variant", "v1", "w1", "sku", {"price": "9.90"})])
        tx.advance_watermark(FORTH, store.clock())
        tx.raise_alert("webhooks.shopify", "gone ❤ é")
        tx.stage([change("1", raw={"firstName": "Ada"}, run_id="run"), change("2", run_id="run")])
    [held] = claim(store, limit=1)
    complete(store, held)
    vault(store).put("shop", {"access_token": "shpat_secret"})
    LockedState(store).with_state("shop", lambda _held: ({"available": 1.5}, None))
    return store


@pytest.fixture
def filled(database):
    return fill(database("sqlite"))


@pytest.fixture
def empty(database):
    return database("sqlite")


def vault(store):
    return TokenVault(store, dump=dict, load=dict)


def content(store):
    with store.connect(read_only=True) as connection:
        return {
            table.name: sorted(map(repr, connection.execute(select(table)).all())) for table in metadata.sorted_tables
        }


def refusal(store, file):
    with pytest.raises(SyncError) as caught:
        archive.restore(store, file)
    assert caught.value.code is BACKUP_INVALID
    return str(caught.value)


@pytest.mark.parametrize(
    ("source", "target"), [("sqlite", "postgresql"), ("postgresql", "sqlite"), ("postgresql", "postgresql")]
)
def test_a_restored_store_holds_every_row_and_goes_on_with_new_ids(database, tmp_path, source, target):
    filled, empty = fill(database(source)), database(target)
    counts = archive.backup(filled, tmp_path / "store.gz")
    assert archive.restore(empty, tmp_path / "store.gz") == counts
    assert content(empty) == content(filled)
    assert min(counts[name] for name in ("link", "link_child", "journal", "ledger_run", "shop_token", "alert")) == 1
    stage(empty, change("3"))
    held = claim(empty)
    assert sorted(one.change.source_id for one in held) == ["2", "3"]
    assert all(complete(empty, one) for one in held)


@pytest.mark.parametrize(("source", "target"), [("sqlite", "postgresql"), ("postgresql", "sqlite")])
def test_no_table_is_left_out(database, tmp_path, source, target):
    whole, empty = database(source), database(target)
    whole.upgrade()
    with whole.connect() as connection:
        fill_every_table(connection)
    assert set(archive.backup(whole, tmp_path / "store.gz").values()) == {1}
    archive.restore(empty, tmp_path / "store.gz")
    assert content(empty) == content(whole)


def test_the_tokens_in_a_backup_need_the_fernet_key(database, filled, empty, tmp_path):
    archive.backup(filled, tmp_path / "store.gz")
    assert b"shpat_secret" not in gzip.decompress((tmp_path / "store.gz").read_bytes())
    archive.restore(empty, tmp_path / "store.gz")
    assert vault(empty).get("shop") == {"access_token": "shpat_secret"}
    other = database("sqlite", Fernet.generate_key().decode())
    archive.restore(other, tmp_path / "store.gz")
    with pytest.raises(SyncError) as caught:
        vault(other).get("shop")
    assert caught.value.code is CONNECTION_INVALID


def test_a_backup_can_be_read_by_its_owner_only(filled, tmp_path):
    archive.backup(filled, tmp_path / "store.gz")
    assert stat.S_IMODE((tmp_path / "store.gz").stat().st_mode) == 0o600


def test_a_backup_that_breaks_off_leaves_the_one_before(filled, tmp_path, monkeypatch):
    archive.backup(filled, tmp_path / "store.gz")
    before = (tmp_path / "store.gz").read_bytes()
    monkeypatch.setattr(archive, "_dump", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        archive.backup(filled, tmp_path / "store.gz")
    assert (tmp_path / "store.gz").read_bytes() == before


def test_a_store_with_rows_is_never_overwritten(filled, tmp_path):
    archive.backup(filled, tmp_path / "store.gz")
    before = content(filled)
    assert "is not empty" in refusal(filled, tmp_path / "store.gz")
    assert content(filled) == before


@pytest.mark.parametrize("cut", ["bytes", "end", "rows"])
def test_a_damaged_backup_is_refused_and_leaves_no_row_behind(filled, empty, tmp_path, cut):
    file = tmp_path / "store.gz"
    archive.backup(filled, file)
    lines = gzip.decompress(file.read_bytes()).decode().splitlines(keepends=True)
    kept = {
        "bytes": lines,
        "end": lines[:-1],
        "rows": [line for line in lines if '"webhooks.shopify"' not in line],
    }
    packed = gzip.compress("".join(kept[cut]).encode())
    file.write_bytes(packed[: len(packed) // 2] if cut == "bytes" else packed)
    assert "cannot be read" in refusal(empty, file)
    assert not any(content(empty).values())


def test_a_file_that_is_no_backup(empty, tmp_path):
    (tmp_path / "other").write_text("hello")
    assert "cannot be read" in refusal(empty, tmp_path / "other")


def test_a_backup_of_another_schema_version_names_both(filled, empty, tmp_path, monkeypatch):
    archive.backup(filled, tmp_path / "store.gz")
    text = gzip.decompress((tmp_path / "store.gz").read_bytes()).decode()
    newest = schema.newest_version()
    (tmp_path / "old.gz").write_bytes(gzip.compress(text.replace(f'"schema":"{newest}"', '"schema":"0000"').encode()))
    assert f"schema version 0000, this program {newest}" in refusal(empty, tmp_path / "old.gz")


def test_the_commands_tell_what_they_did(filled, empty, tmp_path, capsys):
    file = str(tmp_path / "store.gz")
    url, empty_url = str(filled.engine.url), str(empty.engine.url)
    assert main(["backup", url, file]) == 0
    assert main(["restore", empty_url, file]) == 0
    assert "restored; now run each flow once with mode full" in capsys.readouterr().out
    assert main(["restore", empty_url, file]) == 1
    assert "SYNC-511" in capsys.readouterr().err


def test_a_dump_of_postgresql_itself_can_be_used_as_well(migrated_postgres, postgres_url, tmp_path):
    """`pg_dump` and `pg_restore` take over what the store has, version included."""
    dump = tmp_path / "store.dump"
    source, target = (url.replace("+psycopg", "") for url in (migrated_postgres, postgres_url))
    subprocess.run([binaries() / "pg_dump", "-Fc", "-f", dump, source], check=True, capture_output=True)
    subprocess.run([binaries() / "pg_restore", "--no-owner", "-d", target, dump], check=True, capture_output=True)
    store = Store.open(postgres_url)
    store.check()
    stage(store, change("1"))
    store.close()
