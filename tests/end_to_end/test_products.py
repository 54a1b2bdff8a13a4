"""Stories of products, told end to end: what a person does on one side is seen on the other."""

from __future__ import annotations

from decimal import Decimal

import pytest

from shopify_fw360.records import Entity, Event, Operation, System
from shopify_fw360.sync.inbox import accept
from shopify_fw360.sync.run import Mode
from shopify_fw360.sync.serve import Patience, serve
from tests.end_to_end.catalogue import CATALOGUE_INTO_SHOP, CATALOGUE_INTO_SITE, Catalogue

SHIRT = [
    {"options": {"Taglia": "M"}, "sku": "SHIRT-M", "price": "39.90", "compareAtPrice": "49.90", "barcode": "8001"},
    {"options": {"Taglia": "L"}, "sku": "SHIRT-L", "price": "49.90"},
]


def shirt(world, **fields):
    return world.keeper.create_product(
        "Camicia",
        [dict(variant) for variant in SHIRT],
        descriptionHtml="<p>Lino</p>",
        vendor="Lanificio",
        productType="Camicie",
        tags=["estate"],
        **fields,
    )


def site_shirt(world, **fields):
    return world.manager.create_product(
        **{
            "nome": "Maglia",
            "descrizione": "<p>Lana</p>",
            "marca": "Lanificio",
            "attributi": [{"nome": "Taglia", "valori": ["M", "L"], "posizione": 1}],
            "varianti": [
                {"attributi": {"Taglia": "M"}, "sku": "MAGLIA-M", "prezzo": "60.00", "prezzo_promo": "45.00"},
                {"attributi": {"Taglia": "L"}, "sku": "MAGLIA-L", "prezzo": "60.00"},
            ],
            **fields,
        }
    )


def money(value):
    return None if value in (None, "") else Decimal(str(value)).quantize(Decimal("0.01"))


def by_sku(product):
    variants = product["varianti"] if "varianti" in product else product["variants"]["nodes"]
    return {variant["sku"]: variant for variant in variants}


class TestArrival:
    def test_a_shop_product_arrives_complete_in_the_site(self, catalogue: Catalogue):
        product = shirt(catalogue)
        catalogue.into_site()
        found = catalogue.in_site(product)
        assert (found["nome"], found["descrizione"], found["marca"]) == ("Camicia", "<p>Lino</p>", "Lanificio")
        assert (found["tipo"], found["tags"]) == ("Camicie", ["estate"])
        assert [option["nome"] for option in found["attributi"]] == ["Taglia"]
        variants = by_sku(found)
        assert (money(variants["SHIRT-M"]["prezzo"]), money(variants["SHIRT-M"]["prezzo_promo"])) == (
            Decimal("49.90"),
            Decimal("39.90"),
        )
        assert money(variants["SHIRT-L"]["prezzo_promo"]) is None
        assert variants["SHIRT-M"]["ean"] == "8001"

    def test_a_site_product_arrives_complete_in_the_shop(self, catalogue: Catalogue):
        product = site_shirt(catalogue)
        catalogue.into_shop()
        found = catalogue.in_shop(product)
        assert (found["title"], found["descriptionHtml"], found["vendor"]) == ("Maglia", "<p>Lana</p>", "Lanificio")
        assert found["fw360_id"]["value"] == product
        assert found["resourcePublicationsCount"]["count"] > 0
        variants = by_sku(found)
        assert (money(variants["MAGLIA-M"]["price"]), money(variants["MAGLIA-M"]["compareAtPrice"])) == (
            Decimal("45.00"),
            Decimal("60.00"),
        )
        assert money(variants["MAGLIA-L"]["compareAtPrice"]) is None

    @pytest.mark.parametrize("first", [CATALOGUE_INTO_SITE, CATALOGUE_INTO_SHOP], ids=lambda flow: flow.name)
    def test_nothing_is_written_twice(self, catalogue: Catalogue, first):
        shirt(catalogue)
        site_shirt(catalogue)
        catalogue.sync(first)
        catalogue.sync(first.reverse)
        with catalogue.counting_writes() as writes:
            catalogue.settle()
        assert writes == {"shopify": 0, "framework360": 0}

    def test_a_product_without_options_has_no_variants_in_the_site(self, catalogue: Catalogue):
        product = catalogue.keeper.create_product("Tazza", [{"sku": "TAZZA", "price": "9.00"}])
        catalogue.into_site()
        found = catalogue.in_site(product)
        assert (found["varianti"], found["attributi"], found["sku"]) == ([], [], "TAZZA")
        assert money(found["prezzo"]) == Decimal("9.00")

    def test_and_one_without_variants_has_none_in_the_shop(self, catalogue: Catalogue):
        product = catalogue.manager.create_product(nome="Piatto", sku="PIATTO", prezzo="7.50")
        catalogue.into_shop()
        found = catalogue.in_shop(product)
        assert found["hasOnlyDefaultVariant"]
        assert by_sku(found)["PIATTO"]["price"] == "7.50"

    def test_products_with_the_same_sku_are_linked_not_doubled(self, catalogue: Catalogue):
        product = shirt(catalogue)
        other = catalogue.manager.create_product(nome="Camicia", sku="SHIRT-L", prezzo="49.90")
        catalogue.settle()
        assert catalogue.product_link(System.SHOPIFY, product).framework360_id == other
        assert len(catalogue.manager.products()) == len(catalogue.keeper.products()) == 1

    @pytest.mark.parametrize("first", [CATALOGUE_INTO_SITE, CATALOGUE_INTO_SHOP], ids=lambda flow: flow.name)
    def test_products_that_meet_with_other_variants_and_prices_agree_on_all_of_them(self, catalogue: Catalogue, first):
        rows = [{"options": {"Taglia": size}, "sku": f"MAGLIA-{size}", "price": "30.00"} for size in ("M", "S")]
        product = catalogue.keeper.create_product("Maglia", rows)
        there = [{"attributi": {"Taglia": size}, "sku": f"MAGLIA-{size}", "prezzo": "60.00"} for size in ("M", "L")]
        other = site_shirt(catalogue, varianti=there)
        for flow in (first, first.reverse, first):
            catalogue.sync(flow)
        here, there = by_sku(catalogue.keeper.product(product)), by_sku(catalogue.manager.product(other))
        assert here.keys() == there.keys() == {"MAGLIA-M", "MAGLIA-S", "MAGLIA-L"}
        assert money(here["MAGLIA-M"]["price"]) == money(there["MAGLIA-M"]["prezzo"]) == Decimal("30.00")
        assert money(here["MAGLIA-L"]["price"]) == money(there["MAGLIA-L"]["prezzo"]) == Decimal("60.00")


class TestEdits:
    def linked(self, world):
        product = shirt(world)
        world.settle()
        return product, world.product_link(System.SHOPIFY, product).framework360_id

    def site_variants(self, world, other, change):
        """A person edits the list of variants in the back office, which sends it back whole."""
        rows = world.manager.product(other)["varianti"]
        change(rows)
        world.manager.update_product(other, varianti=rows)

    def test_price_here_and_description_there_both_survive(self, catalogue: Catalogue):
        product, other = self.linked(catalogue)
        variant = by_sku(catalogue.keeper.product(product))["SHIRT-L"]["id"]
        catalogue.keeper.update_variants(product, {"id": variant, "price": "44.00"})
        catalogue.manager.update_product(other, descrizione="<p>Lino italiano</p>")
        catalogue.settle()
        here, there = catalogue.keeper.product(product), catalogue.manager.product(other)
        assert money(by_sku(here)["SHIRT-L"]["price"]) == money(by_sku(there)["SHIRT-L"]["prezzo"]) == Decimal("44.00")
        assert here["descriptionHtml"] == there["descrizione"] == "<p>Lino italiano</p>"

    def test_a_price_changed_in_the_site_reaches_the_shop(self, catalogue: Catalogue):
        product, other = self.linked(catalogue)

        def cheaper(rows):
            next(row for row in rows if row["sku"] == "SHIRT-L")["prezzo"] = "41.00"

        self.site_variants(catalogue, other, cheaper)
        catalogue.settle()
        assert money(by_sku(catalogue.keeper.product(product))["SHIRT-L"]["price"]) == Decimal("41.00")

    def test_different_fields_of_one_variant_changed_on_both_sides_both_survive(self, catalogue: Catalogue):
        product, other = self.linked(catalogue)
        variant = by_sku(catalogue.keeper.product(product))["SHIRT-L"]["id"]
        catalogue.keeper.update_variants(product, {"id": variant, "price": "44.00"})

        def barcode(rows):
            next(row for row in rows if row["sku"] == "SHIRT-L")["ean"] = "9999"

        self.site_variants(catalogue, other, barcode)
        catalogue.settle()
        here, there = catalogue.keeper.product(product), catalogue.manager.product(other)
        assert by_sku(here)["SHIRT-L"]["barcode"] == by_sku(there)["SHIRT-L"]["ean"] == "9999"
        assert money(by_sku(here)["SHIRT-L"]["price"]) == money(by_sku(there)["SHIRT-L"]["prezzo"]) == Decimal("44.00")

    def test_a_variant_added_in_the_shop_arrives_in_the_site(self, catalogue: Catalogue):
        product, other = self.linked(catalogue)
        before = catalogue.variant_links(System.SHOPIFY, product)
        catalogue.keeper.add_variant(product, {"Taglia": "XL"}, price="52.00", inventoryItem={"sku": "SHIRT-XL"})
        catalogue.settle()
        assert set(by_sku(catalogue.manager.product(other))) == {"SHIRT-M", "SHIRT-L", "SHIRT-XL"}
        assert catalogue.variant_links(System.SHOPIFY, product).items() >= before.items()

    def test_a_variant_added_in_the_site_arrives_in_the_shop(self, catalogue: Catalogue):
        product, other = self.linked(catalogue)
        before = catalogue.variant_links(System.SHOPIFY, product)
        held = catalogue.manager.product(other)
        options = [{**held["attributi"][0], "valori": [*held["attributi"][0]["valori"], "XL"]}]
        added = {"attributi": {"Taglia": "XL"}, "sku": "SHIRT-XL", "prezzo": "52.00"}
        catalogue.manager.update_product(other, attributi=options, varianti=[*held["varianti"], added])
        catalogue.settle()
        assert set(by_sku(catalogue.keeper.product(product))) == {"SHIRT-M", "SHIRT-L", "SHIRT-XL"}
        assert catalogue.variant_links(System.SHOPIFY, product).items() >= before.items()

    def test_a_variant_removed_in_the_shop_is_removed_in_the_site(self, catalogue: Catalogue):
        product, other = self.linked(catalogue)
        catalogue.keeper.remove_variants(product, by_sku(catalogue.keeper.product(product))["SHIRT-L"]["id"])
        catalogue.settle()
        assert set(by_sku(catalogue.manager.product(other))) == {"SHIRT-M"}
        assert set(by_sku(catalogue.keeper.product(product))) == {"SHIRT-M"}

    @pytest.mark.parametrize("first", [CATALOGUE_INTO_SITE, CATALOGUE_INTO_SHOP], ids=lambda flow: flow.name)
    def test_a_variant_removed_in_the_site_is_removed_in_the_shop(self, catalogue: Catalogue, first):
        product, other = self.linked(catalogue)
        self.site_variants(catalogue, other, lambda rows: rows.pop())
        catalogue.sync(first)
        catalogue.sync(first.reverse)
        assert len(by_sku(catalogue.keeper.product(product))) == len(by_sku(catalogue.manager.product(other))) == 1

    def test_a_renamed_option_loses_no_link(self, catalogue: Catalogue):
        product, other = self.linked(catalogue)
        before = catalogue.variant_links(System.SHOPIFY, product)
        catalogue.keeper.rename_option(product, catalogue.keeper.product(product)["options"][0]["id"], "Misura")
        catalogue.settle()
        assert [option["nome"] for option in catalogue.manager.product(other)["attributi"]] == ["Misura"]
        assert catalogue.variant_links(System.SHOPIFY, product) == before

    def test_a_simple_product_that_gets_options_gets_variants_in_the_site(self, catalogue: Catalogue):
        product = catalogue.keeper.create_product("Tazza", [{"sku": "TAZZA", "price": "9.00"}])
        catalogue.settle()
        other = catalogue.product_link(System.SHOPIFY, product).framework360_id
        catalogue.keeper.ask(
            "mutation Options($id: ID!, $options: [OptionCreateInput!]!) { productOptionsCreate(productId: $id,"
            " options: $options, variantStrategy: LEAVE_AS_IS) { userErrors { field message } } }",
            id=product,
            options=[{"name": "Colore", "values": [{"name": "Rosso"}]}],
        )
        catalogue.keeper.add_variant(product, {"Colore": "Blu"}, price="9.50", inventoryItem={"sku": "TAZZA-BLU"})
        catalogue.settle()
        found = catalogue.manager.product(other)
        assert {row["attributi"]["Colore"]: row["sku"] for row in found["varianti"]} == {
            "Rosso": "TAZZA",
            "Blu": "TAZZA-BLU",
        }
        with catalogue.counting_writes() as writes:
            catalogue.settle()
        assert writes == {"shopify": 0, "framework360": 0}

    def test_both_sides_change_the_same_price_and_the_journal_says_who_won(self, catalogue: Catalogue):
        product, other = self.linked(catalogue)
        variant = by_sku(catalogue.keeper.product(product))["SHIRT-L"]["id"]
        catalogue.keeper.update_variants(product, {"id": variant, "price": "44.00"})

        def cheaper(rows):
            next(row for row in rows if row["sku"] == "SHIRT-L")["prezzo"] = "41.00"

        self.site_variants(catalogue, other, cheaper)
        catalogue.settle()
        assert money(by_sku(catalogue.manager.product(other))["SHIRT-L"]["prezzo"]) == Decimal("44.00")
        link = catalogue.product_link(System.SHOPIFY, product)
        with catalogue.store.read() as tx:
            story = tx.story(link.entity, {System.SHOPIFY: product, System.FRAMEWORK360: other})
        reasons = [reason for entry in story for reason in entry.reasons.values()]
        assert any("both sides changed it" in reason and "shopify wins" in reason for reason in reasons)


class TestDeletions:
    def test_deleted_in_the_site_removes_all_links_and_leaves_the_shop_alone(self, catalogue: Catalogue):
        product = shirt(catalogue)
        catalogue.settle()
        link = catalogue.product_link(System.SHOPIFY, product)
        catalogue.manager.delete_product(link.framework360_id)
        catalogue.into_shop()
        with catalogue.counting_writes() as writes:
            catalogue.into_shop()
            catalogue.into_site()
        assert writes == {"shopify": 0, "framework360": 0}
        after = catalogue.product_link(System.SHOPIFY, product)
        assert (after.status, after.framework360_id) == ("unlinked", None)
        assert catalogue.variant_links(System.SHOPIFY, product) == {}
        assert catalogue.keeper.product(product)["status"] == "ACTIVE"
        assert catalogue.manager.products() == []

    @pytest.mark.parametrize(("setting", "active"), [("keep", True), ("unpublish", False)])
    def test_deleted_in_the_shop_unlinks_and_unpublishes_only_if_wanted(self, catalogue: Catalogue, setting, active):
        catalogue.configure(products={"on_delete": setting})
        product = shirt(catalogue)
        catalogue.settle()
        other = catalogue.product_link(System.SHOPIFY, product).framework360_id
        catalogue.keeper.delete_product(product)
        for _ in range(2):
            catalogue.into_site(mode=Mode.FULL)
        assert bool(int(catalogue.manager.product(other)["attivo"])) is active
        after = catalogue.product_link(System.FRAMEWORK360, other)
        assert (after.status, after.shopify_id) == ("unlinked", None)
        catalogue.into_shop()
        assert catalogue.keeper.products() == []

    def test_an_event_of_a_deletion_is_enough_on_either_side(self, catalogue: Catalogue):
        products = [shirt(catalogue), catalogue.keeper.create_product("Gonna", [{"sku": "GONNA", "price": "9.00"}])]
        catalogue.settle()
        others = [catalogue.product_link(System.SHOPIFY, product).framework360_id for product in products]
        catalogue.keeper.delete_product(products[0])
        catalogue.manager.delete_product(others[1])
        gone = (System.SHOPIFY, "products/delete", products[0]), (System.FRAMEWORK360, "product.deleted", others[1])
        events = [Event(system, name, name, Entity.PRODUCT, ident, Operation.DELETE) for system, name, ident in gone]
        accept(catalogue.store, events)
        serve(catalogue.pair, "webhook_queue/test", "consumer", Patience(linger=0.0, look=0.01))
        assert catalogue.product_link(System.FRAMEWORK360, others[0]).status == "unlinked"
        assert catalogue.product_link(System.SHOPIFY, products[1]).status == "unlinked"
        assert [row["id"] for row in catalogue.manager.products()] == [others[0]]
        assert [row["id"] for row in catalogue.keeper.products()] == [products[1]]


class TestTrouble:
    def test_bad_products_are_parked_with_a_reason_and_the_others_arrive(self, catalogue: Catalogue):
        good = site_shirt(catalogue)
        long_code = catalogue.manager.create_product(nome="Lungo", sku="x" * 400, prezzo="1")
        no_price = catalogue.manager.create_product(nome="Gratis", sku="GRATIS")
        values = dict.fromkeys(("A", "B", "C", "D"), "1")
        options = catalogue.manager.create_product(
            nome="Quattro",
            attributi=[{"nome": n, "valori": ["1"], "posizione": p} for p, n in enumerate(values, 1)],
            varianti=[{"attributi": values, "sku": "Q1", "prezzo": "1"}],
        )
        catalogue.into_shop()
        assert catalogue.in_shop(good)["title"] == "Maglia"
        with catalogue.store.read() as tx:
            parked = {row.source_id: (row.error_field, row.error_rule) for row in tx.parked(CATALOGUE_INTO_SHOP)}
        assert parked == {
            long_code: ("variants[1].sku", "max_length"),
            no_price: ("variants[1].price", "required"),
            options: ("variants[1].options", "max_items"),
        }

    def test_products_that_share_a_sku_are_reported_not_guessed(self, catalogue: Catalogue):
        for title in ("Uno", "Due"):
            catalogue.keeper.create_product(title, [{"sku": "GEMELLO", "price": "1.00"}])
        catalogue.into_site()
        assert set(catalogue.parked(CATALOGUE_INTO_SITE).values()) == {"SYNC-204"}
