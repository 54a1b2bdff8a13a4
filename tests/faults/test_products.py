"""kill -9 and lost answers at every single step of writing a product: variants, stock, images, publication.

A product is written by several requests, so a crash may leave it half done; the retry must finish it.
"""

from __future__ import annotations

import shutil
import threading
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sandbox.common.pictures import png
from shopify_fw360.records import System
from shopify_fw360.store import Store
from shopify_fw360.sync.run import Mode
from tests.end_to_end.catalogue import CATALOGUE_INTO_SHOP, CATALOGUE_INTO_SITE, Catalogue
from tests.faults.killing import KINDS, every_request, every_step, killed_at
from tests.faults.test_kill_at_every_step import Clock, migrated  # noqa: F401 - a fixture
from tests.faults.test_lost_answers import run_until_green

pytestmark = pytest.mark.timeout(900)

BOTH = [CATALOGUE_INTO_SITE, CATALOGUE_INTO_SHOP]
CODES = {"HUT-S", "HUT-L"}


def open_catalogue(world: Catalogue, path, clock: Clock | None = None) -> Catalogue:
    store = Store.open(f"sqlite:///{path}", clock=clock or Clock(0))
    options = world.site_options | {"limits": world.site_options["limits"] | {"in_flight": 2}}
    return Catalogue(world.shopify, world.framework360, store, site_options=options)


def reset(world: Catalogue) -> None:
    for server in (world.shopify, world.framework360):
        server.control.reset(seed=7, customers=0, products=0, population="mixed")
    world.shopify.control.set_options(bucket_size=100_000, restore_rate=100_000)
    world.onboard()


def populate(world: Catalogue, flow, picture: str) -> str:
    """A hat in two sizes, one of them on stock, with a picture; returns its id."""
    if flow.source is System.FRAMEWORK360:
        return world.manager.create_product(
            nome="Hut",
            attributi=[{"nome": "Misura", "valori": ["S", "L"], "posizione": 1}],
            immagini=[{"url": picture, "alt": "Filz", "posizione": 1}],
            varianti=[
                {"attributi": {"Misura": "S"}, "sku": "HUT-S", "prezzo": "20.00", "quantita": 5},
                {"attributi": {"Misura": "L"}, "sku": "HUT-L", "prezzo": "22.00", "quantita": 6},
            ],
        )
    return world.keeper.create_product(
        "Hut",
        [
            {"options": {"Misura": "S"}, "sku": "HUT-S", "price": "20.00"},
            {"options": {"Misura": "L"}, "sku": "HUT-L", "price": "22.00"},
        ],
        files=[{"originalSource": picture, "alt": "Filz", "contentType": "IMAGE"}],
    )


def cheaper(world: Catalogue, flow, product: str) -> None:
    """Another price for one variant, and one more variant."""
    if flow.source is System.SHOPIFY:
        variants = {variant["sku"]: variant["id"] for variant in world.keeper.product(product)["variants"]["nodes"]}
        world.keeper.update_variants(product, {"id": variants["HUT-S"], "price": "18.00"})
        world.keeper.add_variant(product, {"Misura": "XL"}, price="25.00", inventoryItem={"sku": "HUT-XL"})
        return
    held = world.manager.product(product)
    options = [{**held["attributi"][0], "valori": [*held["attributi"][0]["valori"], "XL"]}]
    for variant in held["varianti"]:
        variant["prezzo"] = "18.00" if variant["sku"] == "HUT-S" else variant["prezzo"]
    added = {"attributi": {"Misura": "XL"}, "sku": "HUT-XL", "prezzo": "25.00"}
    world.manager.update_product(product, attributi=options, varianti=[*held["varianti"], added])


def assert_settled(world: Catalogue, flow, codes: set[str], price: str) -> None:
    """One product on each side with these variants, complete and linked, and nothing left to write."""
    [here], [there] = world.keeper.products(), world.manager.products()
    mine = {variant["sku"]: variant for variant in here["variants"]["nodes"]}
    theirs = {variant["sku"]: variant for variant in there["varianti"]}
    assert mine.keys() == theirs.keys() == codes
    assert Decimal(mine["HUT-S"]["price"]) == Decimal(str(theirs["HUT-S"]["prezzo"])) == Decimal(price)
    assert len(here["media"]["nodes"]) == len(there["immagini"]) == 1
    assert set(world.variant_links(System.SHOPIFY, here["id"])) == {variant["id"] for variant in mine.values()}
    world.sync(flow.reverse)
    with world.counting_writes() as writes:
        world.settle()
    assert writes == {"shopify": 0, "framework360": 0}


def assert_on_sale(world: Catalogue) -> None:
    """What follows productSet was done too: stock and publication."""
    [product] = world.keeper.products()
    assert product["resourcePublicationsCount"]["count"] > 0
    assert {v["sku"]: v["inventoryQuantity"] for v in product["variants"]["nodes"]} == {"HUT-S": 5, "HUT-L": 6}


class _Pictures(BaseHTTPRequestHandler):
    def do_GET(self):
        content = png("felt")
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        """Say nothing."""


@pytest.fixture(scope="module")
def picture():
    """Address of an image that belongs to neither system."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Pictures) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/felt.png"
        server.shutdown()


@pytest.mark.parametrize("flow", BOTH, ids=lambda flow: flow.name)
def test_creates_survive_a_kill_at_every_step(catalogue, migrated, tmp_path, flow, picture):  # noqa: F811
    for step in every_step():
        path = tmp_path / f"{step}.db"
        shutil.copy(migrated, path)
        reset(catalogue)
        populate(catalogue, flow, picture)
        killed = killed_at(step, lambda path=path: open_catalogue(catalogue, path, Clock(2)).sync(flow))
        world = open_catalogue(catalogue, path)
        world.sync(flow)
        if flow is CATALOGUE_INTO_SHOP:
            assert_on_sale(world)
        assert_settled(world, flow, CODES, "20.00")
        world.store.close()
        if not killed:
            break
    assert step > 12, "the work has fewer steps than it can have"


@pytest.mark.parametrize("flow", BOTH, ids=lambda flow: flow.name)
def test_updates_survive_a_kill_at_every_step(catalogue, migrated, tmp_path, flow, picture):  # noqa: F811
    for step in every_step():
        path = tmp_path / f"{step}.db"
        shutil.copy(migrated, path)
        reset(catalogue)
        product = populate(catalogue, flow, picture)
        world = open_catalogue(catalogue, path, Clock(4))
        world.sync(flow)
        world.sync(flow.reverse)
        cheaper(world, flow, product)
        world.store.close()
        killed = killed_at(step, lambda path=path: open_catalogue(catalogue, path, Clock(2)).sync(flow))
        world = open_catalogue(catalogue, path)
        world.sync(flow)
        assert_settled(world, flow, {*CODES, "HUT-XL"}, "18.00")
        world.store.close()
        if not killed:
            break
    assert step > 12, "the work has fewer steps than it can have"


@pytest.mark.parametrize("flow", BOTH, ids=lambda flow: flow.name)
@pytest.mark.parametrize(("kind", "params"), KINDS, ids=[kind for kind, _ in KINDS])
def test_a_lost_answer_at_any_request_doubles_nothing_and_loses_nothing(
    catalogue, tmp_path, flow, kind, params, picture
):
    target = catalogue.framework360 if flow.target is System.FRAMEWORK360 else catalogue.shopify
    for skip in every_request(kind):
        reset(catalogue)
        populate(catalogue, flow, picture)
        clock = Clock(8)
        world = open_catalogue(catalogue, tmp_path / f"{kind}-{skip}.db", clock)
        world.store.upgrade()
        target.control.add_fault(kind, skip=skip, times=1, params=params)
        run_until_green(world, flow, clock)
        struck = target.control.faults()[0]["struck"]
        target.control.clear_faults()
        if flow is CATALOGUE_INTO_SHOP:
            assert_on_sale(world)
        assert_settled(world, flow, CODES, "20.00")
        world.store.close()
        if not struck:
            break
    assert skip >= 3, "a run has more requests than that"


def test_a_product_whose_making_is_parked_keeps_no_run_of_the_other_direction_waiting(catalogue, picture):
    made = catalogue.manager.create_product(
        nome="Lampada", sku="LAMPADA", prezzo="9.00", immagini=[{"url": picture, "alt": "Lampada"}]
    )
    site = catalogue.framework360.control
    site.add_fault("http_status", match={"operation": "mediaFile"}, params={"status": 404})
    catalogue.into_shop()
    assert catalogue.parked(CATALOGUE_INTO_SHOP) == {made: "SYNC-312"}
    report = catalogue.into_site(mode=Mode.FULL)
    assert (report.retried, catalogue.parked(CATALOGUE_INTO_SITE)) == (0, {})
    site.clear_faults()
    with catalogue.store.begin() as tx:
        assert tx.release(flow=CATALOGUE_INTO_SHOP) == 1
    catalogue.into_shop()
    catalogue.settle()
    assert [row["title"] for row in catalogue.keeper.products()] == ["Lampada"]
    assert [row["nome"] for row in catalogue.manager.products()] == ["Lampada"]
    assert catalogue.product_link(System.FRAMEWORK360, made).status == "synced"
