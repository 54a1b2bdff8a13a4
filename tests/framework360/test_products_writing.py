"""Creating and updating products: complete lists, known ids, nothing overwritten that was not meant."""

from decimal import Decimal

import pytest

from shopify_fw360 import errors
from shopify_fw360.errors import SyncError
from shopify_fw360.framework360 import wire
from shopify_fw360.records import NewChild
from tests.framework360.goods import GID, by_size, everything, kept, new, plain, same, sized

TOP = {
    "nome": "Maglia girocollo 👕",
    "descrizione": "<p>Lana &amp; seta</p>",
    "descrizione_breve": "Calda",
    "marca": "Forlì",
    "tipo": "Maglia",
    "slug": "maglia-girocollo",
    "attivo": False,
    "categoria": "Abbigliamento > Maglieria > Lana",
    "tags": ("inverno", "lana"),
    "imposta": "default",
    "seo_titolo": "Maglia | Negozio",
    "seo_descrizione": "Reso gratuito",
    "extraFields.stagione": "2026",
}
ITEM = {
    "sku": "MAG-1",
    "ean": "8000000000019",
    "prezzo": Decimal("24.90"),
    "prezzo_promo": Decimal("19.90"),
    "prezzo_acquisto": Decimal("9.50"),
    "gestione_magazzino": True,
    "quantita": 12,
    "vendi_senza_giacenza": True,
    "peso": Decimal("0.3"),
}


@pytest.fixture
def pictures(site):
    """URLs of two images that the site can fetch."""
    images = [image["url"] for record in everything(site.products()) for image in record.raw["immagini"]]
    return images[:4]


@pytest.fixture
def shirt(site, pictures):
    """A product in two sizes with two images, the first variant shows the second one."""
    return site.products().create(
        {
            "nome": "Maglia",
            "immagini": kept(new("i1", url=pictures[0], alt="davanti"), new("i2", url=pictures[1], alt="dietro")),
            "varianti": kept(
                new("S", attributi=[["Taglia", "S"]], **{**ITEM, "sku": "M-S"}, immagine=NewChild("i2")),
                new("M", attributi=[["Taglia", "M"]], **{**ITEM, "sku": "M-M", "ean": None}),
            ),
        },
        GID,
    )


def count(site):
    return site.control.state()["records"]["products"]


def sizes(record, *changes):
    """The complete list of variants of the shirt, with changes by size."""
    wanted = dict(changes)
    return kept(*(same(child, size, **wanted.get(size, {})) for size, child in by_size(record).items()))


# Creating ------------------------------------------------------------------------------------------------------------


def test_a_complete_product_takes_two_requests(site):
    products = site.products()
    products.create({"nome": "Apre la categoria", "categoria": TOP["categoria"]}, "gid://shopify/Product/1")
    site.forget_calls()
    result = products.create({**TOP, "varianti": plain(**ITEM)}, GID)
    raw = result.record.raw
    extra = raw["extraFields"]
    assert {name: raw.get(name) for name in TOP if name in raw} == {
        name: value for name, value in TOP.items() if name in raw
    }
    assert (extra["stagione"], extra["shopify_id"]) == ("2026", "77")
    assert {name: raw["varianti"][0][name] for name in ITEM} == ITEM
    assert (result.created, result.requests, result.unwritable) == (True, 2, frozenset())
    assert result.children == {"varianti": {"v1": f"p{result.record.id}"}}
    assert site.control.metrics()["requests"] == 2
    assert site.control.refused() == []


@pytest.mark.parametrize(
    "quirk",
    [
        {"ids_as": "text"},
        {"ids_as": "number"},
        {"new_id_at": "top"},
        {"flags_as": "text"},
        {"flags_as": "boolean"},
        {"money_as": "text"},
        {"empty_text_as": "none_word"},
        {"empty_map_as_list": False},
        {"html": "tidied"},
        {"modified_time": False},
        {"site_ids": "other"},
        {"opaque_ids": True},
    ],
    ids=str,
)
def test_a_product_with_variants_and_images_is_created_in_one_go_whatever_the_site_is_like(site, pictures, quirk):
    site.quirk(**quirk)
    result = site.products().create(
        {
            **TOP,
            "descrizione": "<B>Ciao</B><br>",
            "immagini": kept(new("i1", url=pictures[0])),
            "varianti": sized("S", "M", prezzo=Decimal("5.00"), immagine=NewChild("i1")),
        },
        GID,
    )
    assert result.unwritable == frozenset()
    assert site.calls("productsCreate") == 1
    assert site.calls("productsUpdate") == 0
    assert {variant["immagine"] for variant in by_size(result.record).values()} == {result.children["immagini"]["i1"]}
    assert site.control.refused() == []


def test_forms_create_the_same_product(site, pictures):
    fields = {**TOP, "immagini": kept(new("i1", url=pictures[0])), "varianti": sized("S", "M", prezzo=Decimal(5))}
    result = site.products(encoding={"post": "form"}).create(fields, GID)
    assert list(by_size(result.record)) == ["S", "M"]
    assert site.control.refused() == []


def test_forms_update_the_same_product_except_for_what_only_json_can_empty(site, shirt):
    products = site.products(encoding={"post": "form"})
    changes = {"varianti": sizes(shirt.record, ("M", {"prezzo": Decimal("30.00")}))}
    result = products.update(shirt.record, changes, GID)
    assert by_size(result.record)["M"] == {**by_size(shirt.record)["M"], "prezzo": Decimal("30.00")}
    with pytest.raises(SyncError, match="a form cannot carry"):
        products.update(shirt.record, {"varianti": sizes(shirt.record, ("M", {"prezzo_promo": None}))}, GID)
    assert site.control.refused() == []


def test_children_are_told_apart_by_options_and_by_their_order(shirt, pictures):
    raw = shirt.record.raw
    assert shirt.children == {
        "varianti": {size: child["id"] for size, child in by_size(shirt.record).items()},
        "immagini": {"i1": raw["immagini"][0]["id"], "i2": raw["immagini"][1]["id"]},
    }
    assert [image["alt"] for image in raw["immagini"]] == ["davanti", "dietro"]
    assert [image["nome"] for image in raw["immagini"]] == [url.rpartition("/")[2][:-4] for url in pictures[:2]]
    assert by_size(shirt.record)["S"]["immagine"] == shirt.children["immagini"]["i2"]
    assert by_size(shirt.record)["M"]["immagine"] is None


def test_options_follow_from_the_variants(site):
    pairs = [("Taglia", "S"), ("Colore", "Blu")], [("Taglia", "M"), ("Colore", "Blu")]
    variants = kept(*(new(str(number), attributi=[*map(list, own)]) for number, own in enumerate(pairs)))
    record = site.products().create({"nome": "Maglia", "varianti": variants}, GID).record
    assert record.raw["attributi"] == [["Taglia", ["S", "M"]], ["Colore", ["Blu"]]]
    assert record.raw["varianti"][1]["attributi"] == [["Taglia", "M"], ["Colore", "Blu"]]


def test_a_hundred_variants_ten_images_and_a_huge_description_are_fine(site, pictures):
    options = [[["Uno", a], ["Due", b]] for a in "abcdefghij" for b in "0123456789"]
    result = site.products(limits={"slow_timeout": 30}).create(
        {
            "nome": "🎁" * 60,
            "descrizione": "<p>" + "Перевод & «цитата» 🧵 " * 4_000 + "</p>",
            "immagini": kept(*(new(f"i{n}", url=pictures[n % 4], alt=f"n. {n}") for n in range(10))),
            "varianti": kept(*(new(f"v{n}", attributi=pairs, sku=f"H-{n}") for n, pairs in enumerate(options))),
        },
        GID,
    )
    assert (len(result.children["varianti"]), len(result.children["immagini"])) == (100, 10)
    assert [image["alt"] for image in result.record.raw["immagini"]] == [f"n. {n}" for n in range(10)]
    assert (result.requests, result.unwritable) == (2, frozenset())


def test_a_long_sku_and_four_options_are_fine(site):
    pairs = [["Uno", "a"], ["Due", "b"], ["Tre", "c"], ["Quattro", "d"]]
    variants = kept(new("1", attributi=pairs, sku="X" * 400))
    record = site.products().create({"nome": "Maglia", "varianti": variants}, GID).record
    assert (record.raw["varianti"][0]["sku"], record.raw["varianti"][0]["attributi"]) == ("X" * 400, pairs)


@pytest.mark.parametrize("quantity", [None, 0, 7])
def test_stock_is_tracked_only_if_the_shop_tracks_it(site, quantity):
    untracked = {"gestione_magazzino": False, "quantita": quantity}
    result = site.products().create({"nome": "Maglia", "varianti": plain(**untracked)}, GID)
    assert result.record.raw["varianti"][0]["gestione_magazzino"] is False
    assert result.unwritable == frozenset()


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"nome": None}, errors.REQUIRED_MISSING, "nome"),
        ({"nome": "a"}, errors.VALUE_INVALID, "nome"),
        ({"nome": "None"}, errors.REQUIRED_MISSING, "nome"),
        ({"categoria": "A > B"}, errors.VALUE_INVALID, "categoria"),
        ({"varianti": plain(prezzo=Decimal(-1))}, errors.VALUE_INVALID, "varianti[1].prezzo"),
        ({"varianti": sized("S", "None")}, errors.VALUE_INVALID, "varianti[2].attributi"),
        ({"immagini": kept(new("i1", alt="senza"))}, errors.REQUIRED_MISSING, "immagini[1].url"),
        ({"immagini": kept(new("i1", url="file:///etc/passwd"))}, errors.VALUE_INVALID, "immagini[1].url"),
        (
            {"varianti": kept(new("1", attributi=[["T", "S"]], sku="A"), new("2", attributi=[["T", "M"]], sku=" A "))},
            errors.VALUE_INVALID,
            "varianti[2].sku",
        ),
        (
            {"varianti": kept(new("1", attributi=[["T", "S"]]), new("2", attributi=[]))},
            errors.VALUE_INVALID,
            "varianti[2].attributi",
        ),
    ],
)
def test_what_breaks_the_contract_is_refused_with_its_place_before_anything_is_written(site, fields, code, field):
    site.forget_calls()
    before = site.control.state()
    with pytest.raises(SyncError) as caught:
        site.products().create({"nome": "Maglia", **fields}, GID)
    assert (caught.value.code, caught.value.field) == (code, field)
    assert caught.value.record == f"product shopify:{GID}"
    assert site.calls("productsCreate") == 0
    assert site.control.state() == before


def test_variants_without_sku_are_fine(site):
    variants = kept(new("1", attributi=[["T", "S"]], sku=None), new("2", attributi=[["T", "M"]]))
    result = site.products().create({"nome": "Maglia", "varianti": variants}, GID)
    assert [variant["sku"] for variant in result.record.raw["varianti"]] == [None, None]


def test_an_image_that_the_site_cannot_fetch_parks_the_product_and_is_named(site, pictures):
    before = count(site)
    broken = f"{site.server.url}/media/none.png"
    images = kept(new("i1", url=pictures[0]), new("i2", url=broken))
    with pytest.raises(SyncError, match=r"immagini\[2\] .*/media/none.png") as caught:
        site.products().create({"nome": "Maglia", "immagini": images}, GID)
    assert (caught.value.code, caught.value.field) == (errors.FW360_REJECTED, "immagini[2].url")
    assert count(site) == before


def test_a_sku_that_belongs_to_another_product_needs_a_person_and_names_it(site):
    products = site.products()
    other = products.create({"nome": "Felpa", "varianti": plain(sku="TAKEN")}, "gid://shopify/Product/1").record
    with pytest.raises(SyncError, match=f"the SKU TAKEN belongs to Framework360 product {other.id}") as caught:
        products.create({"nome": "Maglia", "varianti": plain(sku="TAKEN ")}, GID)
    assert caught.value.code is errors.AMBIGUOUS
    assert caught.value.reaction is errors.Reaction.NEEDS_PERSON


def test_nothing_is_written_where_writing_is_not_confirmed(site):
    products = site.products(products={})
    record = everything(products)[0]
    site.forget_calls()
    for write in (lambda: products.create(TOP, GID), lambda: products.update(record, {"nome": "Altro"}, GID)):
        with pytest.raises(SyncError, match="SYNC-413"):
            write()
    assert (site.calls("productsCreate"), site.calls("productsUpdate")) == (0, 0)


# Updating ------------------------------------------------------------------------------------------------------------


def test_an_update_takes_two_requests_and_touches_nothing_else(site, shirt):
    site.forget_calls()
    result = site.products(capabilities={"products": "on"}).update(shirt.record, {"marca": "Altra"}, GID)
    assert {**shirt.record.raw, "marca": "Altra", "data_modifica": None} == {
        **result.record.raw,
        "data_modifica": None,
    }
    assert (result.created, result.requests, result.unwritable) == (False, 2, frozenset())
    assert site.control.metrics()["requests"] == 2 + site.calls("siteSettings") + site.calls("productsCategories")


def test_a_changed_price_leaves_the_other_variant_and_all_ids_alone(site, shirt):
    record = shirt.record
    changes = {"varianti": sizes(record, ("S", {"prezzo": Decimal("30.00")}))}
    result = site.products().update(record, changes, GID)
    expected = {**by_size(record)["S"], "prezzo": Decimal("30.00")}
    assert by_size(result.record) == {"S": expected, "M": by_size(record)["M"]}
    assert result.children["varianti"] == shirt.children["varianti"]
    assert result.record.raw["immagini"] == record.raw["immagini"]


def test_stock_that_was_sold_meanwhile_is_not_put_back(site, shirt):
    item = {"id": shirt.record.id, "variante_id": shirt.children["varianti"]["S"], "quantita": 3}
    site.client(capabilities={"products_stock": "on"}).call(wire.PRODUCTS_UPDATE_STOCK, {"items": [item]})
    changes = {"varianti": sizes(shirt.record, ("S", {"prezzo": Decimal("30.00")}))}
    result = site.products().update(shirt.record, changes, GID)
    assert by_size(result.record)["S"]["quantita"] == 3


def test_a_variant_is_added_and_another_removed(site, shirt):
    record = shirt.record
    small, medium = by_size(record)["S"], by_size(record)["M"]
    large = new("L", attributi=[["Taglia", "L"]], sku="M-L", prezzo=Decimal("26.00"))
    variants = kept(same(medium, "M"), large, removed=[small["id"]])
    result = site.products().update(record, {"varianti": variants}, GID)
    assert list(by_size(result.record)) == ["M", "L"]
    assert by_size(result.record)["M"]["id"] == medium["id"]
    assert result.children["varianti"] == {"M": medium["id"], "L": by_size(result.record)["L"]["id"]}
    assert result.record.raw["attributi"] == [["Taglia", ["M", "L"]]]


def test_the_last_variant_is_not_removed(site, shirt):
    with pytest.raises(SyncError, match="a product has at least one variant") as caught:
        site.products().update(shirt.record, {"varianti": kept(removed=shirt.children["varianti"].values())}, GID)
    assert (caught.value.code, caught.value.field) == (errors.VALUE_INVALID, "varianti")


def test_a_variant_that_only_the_site_has_survives(site, shirt):
    record = shirt.record
    own, known = by_size(record)["S"], by_size(record)["M"]
    variants = kept(same(own), same(known, "M", prezzo=Decimal(1)))
    result = site.products().update(record, {"varianti": variants}, GID)
    assert by_size(result.record)["S"] == own
    assert result.children["varianti"] == {"M": known["id"]}


def test_a_renamed_option_keeps_every_id(site, shirt):
    record = shirt.record
    variants = sizes(record, *((size, {"attributi": [["Size", size]]}) for size in "SM"))
    result = site.products().update(record, {"varianti": variants}, GID)
    assert result.children["varianti"] == shirt.children["varianti"]
    assert result.record.raw["attributi"] == [["Size", ["S", "M"]]]
    assert [variant["sku"] for variant in result.record.raw["varianti"]] == ["M-S", "M-M"]


def test_a_renamed_option_is_renamed_in_a_variant_that_only_the_site_has(site, shirt):
    own, known = by_size(shirt.record)["S"], by_size(shirt.record)["M"]
    variants = kept(same(own), same(known, "M", attributi=[["Size", "M"]]))
    result = site.products().update(shirt.record, {"varianti": variants}, GID)
    assert [variant["attributi"] for variant in result.record.raw["varianti"]] == [[["Size", "S"]], [["Size", "M"]]]


def test_swapped_option_values_and_skus_stay_with_their_ids(site, shirt):
    variants = sizes(
        shirt.record,
        ("S", {"attributi": [["Taglia", "M"]], "sku": "M-M"}),
        ("M", {"attributi": [["Taglia", "S"]], "sku": "M-S"}),
    )
    result = site.products().update(shirt.record, {"varianti": variants}, GID)
    assert result.children["varianti"] == shirt.children["varianti"]
    assert by_size(result.record)["M"]["id"] == shirt.children["varianti"]["S"]


def test_variants_are_put_into_another_order(site, shirt):
    small, medium = by_size(shirt.record)["S"], by_size(shirt.record)["M"]
    variants = kept(same(medium, "M", posizione=1), same(small, "S", posizione=2))
    result = site.products().update(shirt.record, {"varianti": variants}, GID)
    assert [variant["sku"] for variant in result.record.raw["varianti"]] == ["M-M", "M-S"]
    assert result.unwritable == frozenset()


def test_numbers_of_the_source_that_mean_the_same_order_write_nothing(site, shirt):
    products = site.products(capabilities={"products": "on"})
    variants = sizes(shirt.record, ("S", {"posizione": 10}), ("M", {"posizione": 20}))
    site.forget_calls()
    result = products.update(shirt.record, {"varianti": variants}, GID)
    assert (result.requests, site.control.metrics()["requests"]) == (0, 0)
    assert result.children["varianti"] == shirt.children["varianti"]


def test_an_offer_ends_and_texts_are_emptied(site, shirt):
    changes = {
        "descrizione": None,
        "tags": (),
        "categoria": None,
        "varianti": sizes(shirt.record, ("S", {"prezzo_promo": None, "peso": None, "ean": None, "immagine": None})),
    }
    result = site.products().update(shirt.record, changes, GID)
    small = by_size(result.record)["S"]
    assert [small[name] for name in ("prezzo_promo", "peso", "ean", "immagine")] == [None] * 4
    assert [result.record.raw[name] for name in ("descrizione", "tags", "categoria")] == [None, (), None]
    assert result.unwritable == frozenset()


def test_what_cannot_be_emptied_keeps_its_value_and_sends_nothing(site, shirt):
    products = site.products(capabilities={"products": "on"})
    site.forget_calls()
    changes = {"nome": None, "slug": None, "attivo": None, "varianti": sizes(shirt.record, ("S", {"prezzo": None}))}
    result = products.update(shirt.record, changes, GID)
    assert (result.requests, result.unwritable, result.record.raw["nome"]) == (0, frozenset(), "Maglia")
    assert site.control.metrics()["requests"] == 0


def test_further_categories_of_the_site_stay(site):
    client = site.client()
    main, further = (
        client.call(wire.PRODUCTS_CATEGORIES_CREATE, {"nome": name})["data"]["id"] for name in ("Uno", "Due")
    )
    created = client.call(wire.PRODUCTS_CREATE, {"nome": "Tazza", "categorie": [main, further]})["data"]["id"]
    products = site.products()
    record = products.fetch([str(created)])[str(created)]
    result = products.update(record, {"categoria": "uno > Sotto"}, GID)
    assert result.record.raw["categoria"] == "Uno > Sotto"
    assert result.record.raw["categorie"][1:] == (str(further),)


def test_a_category_is_made_once_however_many_products_need_it(site):
    products = site.products()
    made = [
        products.create(
            {"nome": f"Tazza {number}", "categoria": "Casa nuova > Tazze"}, f"gid://shopify/Product/{number}"
        )
        for number in range(3)
    ]
    assert len({result.record.raw["categorie"] for result in made}) == 1
    assert site.calls("productsCategoriesCreate") == 2


# With and without variants -------------------------------------------------------------------------------------------


def test_a_product_gains_variants_and_loses_nothing_of_what_it_was(site):
    products = site.products()
    created = products.create({"nome": "Maglia", "varianti": plain(**ITEM)}, GID)
    (virtual,) = created.record.raw["varianti"]
    variants = kept(
        same(virtual, "v1", attributi=[["Taglia", "S"]]),
        new("v2", attributi=[["Taglia", "M"]], sku="MAG-2", prezzo=Decimal("25.00")),
    )
    result = products.update(created.record, {"varianti": variants}, GID)
    small = by_size(result.record)["S"]
    assert {name: small[name] for name in ITEM} == ITEM
    assert result.children["varianti"] == {"v1": small["id"], "v2": by_size(result.record)["M"]["id"]}
    assert result.unwritable == frozenset()
    assert site.control.refused() == []


def test_a_product_loses_its_variants_and_keeps_what_the_last_one_was(site, shirt):
    products = site.products()
    small, medium = by_size(shirt.record)["S"], by_size(shirt.record)["M"]
    variants = kept(same(small, "S", attributi=[]), removed=[medium["id"]])
    result = products.update(shirt.record, {"varianti": variants}, GID)
    (virtual,) = result.record.raw["varianti"]
    assert {name: virtual[name] for name in ITEM} == {**ITEM, "sku": "M-S"}
    assert result.children["varianti"] == {"S": f"p{shirt.record.id}"}
    assert (result.record.raw["attributi"], result.unwritable) == ([], frozenset())


def test_a_product_without_variants_is_updated_by_its_changed_keys_only(site):
    products = site.products()
    created = products.create({"nome": "Maglia", "attivo": False, "varianti": plain(**ITEM)}, GID)
    (virtual,) = created.record.raw["varianti"]
    changes = {"varianti": kept(same(virtual, "v1", prezzo=Decimal("30.00"), attivo=True, immagine="1"))}
    result = products.update(created.record, changes, GID)
    assert result.record.raw["varianti"] == [{**virtual, "prezzo": Decimal("30.00")}]
    assert (result.record.raw["attivo"], result.unwritable) == (False, frozenset())


# Images --------------------------------------------------------------------------------------------------------------


def test_known_images_are_not_fetched_again(site, shirt, pictures):
    first, second = shirt.record.raw["immagini"]
    images = kept(same(second, "i2"), new("i3", url=pictures[2]), same(first, "i1", alt="fronte"))
    site.forget_calls()
    result = site.products().update(shirt.record, {"immagini": images}, GID)
    assert site.calls("mediaFile") == 1
    assert result.children["immagini"]["i1"] == first["id"]
    assert result.children["immagini"]["i2"] == second["id"]
    assert [image["id"] for image in result.record.raw["immagini"]] == [
        result.children["immagini"][name] for name in ("i2", "i3", "i1")
    ]
    assert [image["alt"] for image in result.record.raw["immagini"]] == ["dietro", None, "fronte"]


def test_a_variant_shows_an_image_that_the_same_write_adds(site, shirt, pictures):
    images = kept(
        *(same(image, f"i{n}") for n, image in enumerate(shirt.record.raw["immagini"], 1)), new("i3", url=pictures[3])
    )
    variants = sizes(shirt.record, ("M", {"immagine": NewChild("i3")}))
    result = site.products().update(shirt.record, {"immagini": images, "varianti": variants}, GID)
    assert by_size(result.record)["M"]["immagine"] == result.children["immagini"]["i3"]
    assert (result.requests, result.unwritable) == (2, frozenset())


def test_a_removed_image_leaves_the_variants_that_showed_it(site, shirt):
    first, second = shirt.record.raw["immagini"]
    images = kept(same(first, "i1"), removed=[second["id"]])
    result = site.products().update(shirt.record, {"immagini": images, "varianti": sizes(shirt.record)}, GID)
    assert [image["id"] for image in result.record.raw["immagini"]] == [first["id"]]
    assert by_size(result.record)["S"]["immagine"] is None


def test_a_name_that_differs_is_no_reason_to_write(site, shirt):
    products = site.products(capabilities={"products": "on"})
    first, second = shirt.record.raw["immagini"]
    site.forget_calls()
    result = products.update(shirt.record, {"immagini": kept(same(first, "i1", nome="x"), same(second, "i2"))}, GID)
    assert (result.requests, site.control.metrics()["requests"]) == (0, 0)


def test_a_site_that_does_not_know_image_urls_on_variants_is_told_the_id(site, pictures):
    site.quirk(not_writable=["immagine_url"])
    fields = {
        "nome": "Maglia",
        "immagini": kept(new("i1", url=pictures[0])),
        "varianti": sized("S", "M", immagine=NewChild("i1")),
    }
    result = site.products().create(fields, GID)
    assert {variant["immagine"] for variant in by_size(result.record).values()} == {result.children["immagini"]["i1"]}
    assert (result.requests, result.unwritable) == (4, frozenset())


# Stock ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("switch", "updates", "stock"), [("on", 0, 1), ("off", 1, 0)])
def test_stock_goes_one_way_chosen_by_the_capability(site, shirt, switch, updates, stock):
    site.forget_calls()
    products = site.products(capabilities={"products_stock": switch})
    changes = {"varianti": sizes(shirt.record, ("S", {"quantita": 5}), ("M", {"quantita": -1}))}
    result = products.update(shirt.record, changes, GID)
    assert {size: child["quantita"] for size, child in by_size(result.record).items()} == {"S": 5, "M": -1}
    assert (site.calls("productsUpdate"), site.calls("productsUpdateStock")) == (updates, stock)
    assert result.unwritable == frozenset()


def test_stock_of_a_product_without_variants_goes_the_same_way(site):
    products = site.products(capabilities={"products_stock": "on"})
    created = products.create({"nome": "Maglia", "varianti": plain(**ITEM)}, GID)
    (virtual,) = created.record.raw["varianti"]
    site.forget_calls()
    result = products.update(created.record, {"varianti": kept(same(virtual, "v1", quantita=4))}, GID)
    assert result.record.raw["varianti"][0]["quantita"] == 4
    assert (site.calls("productsUpdate"), site.calls("productsUpdateStock")) == (0, 1)


def test_stock_and_price_together_take_both_calls(site, shirt):
    products = site.products(capabilities={"products_stock": "on"})
    changes = {"varianti": sizes(shirt.record, ("S", {"quantita": 5, "prezzo": Decimal(7)}))}
    result = products.update(shirt.record, changes, GID)
    assert (by_size(result.record)["S"]["quantita"], by_size(result.record)["S"]["prezzo"]) == (5, Decimal("7.00"))
    assert result.requests == 3


def test_stock_of_more_than_100_variants_goes_in_batches(site):
    products = site.products(capabilities={"products_stock": "on"})
    variants = [new(f"v{n}", attributi=[["Numero", str(n)]], quantita=1, gestione_magazzino=True) for n in range(130)]
    record = products.create({"nome": "Maglia", "varianti": kept(*variants)}, GID).record
    site.forget_calls()
    changed = kept(*(same(child, f"v{n}", quantita=2) for n, child in enumerate(record.raw["varianti"])))
    result = products.update(record, {"varianti": changed}, GID)
    assert {child["quantita"] for child in result.record.raw["varianti"]} == {2}
    assert site.calls("productsUpdateStock") == 2
    assert site.control.refused() == []


def test_stock_of_a_variant_that_was_deleted_meanwhile_parks_the_product(site, shirt):
    record = shirt.record
    gone, left = by_size(record)["S"], by_size(record)["M"]
    site.products().update(record, {"varianti": kept(same(left, "M"), removed=[gone["id"]])}, GID)
    products = site.products(capabilities={"products_stock": "on"})
    with pytest.raises(SyncError, match="not_found for item 0 of 1") as caught:
        products.update(record, {"varianti": sizes(record, ("S", {"quantita": 5}))}, GID)
    assert (caught.value.code, caught.value.field) == (errors.FW360_REJECTED, "varianti.quantita")


# Tax -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("site_includes", "shop_includes", "stored"),
    [(True, True, "24.90"), (False, False, "24.90"), (False, True, "20.41"), (True, False, "30.38")],
)
def test_prices_are_stored_as_the_site_quotes_them(site, site_includes, shop_includes, stored):
    site.quirk(prices_include_tax=site_includes)
    result = site.products(shop_includes_tax=shop_includes).create({"nome": "Maglia", "varianti": plain(**ITEM)}, GID)
    row = site.client().call(wire.PRODUCTS_GET, {"id": result.record.id})["data"]
    assert Decimal(str(row["prezzo"])) == Decimal(stored)
    assert Decimal(str(row["prezzo_acquisto"])) == ITEM["prezzo_acquisto"]
    assert result.unwritable == frozenset()


def test_a_new_rate_in_the_same_write_is_the_one_that_counts(site):
    site.quirk(prices_include_tax=False)
    taxes = site.client().call(wire.PAYMENTS_TAXES)["data"]
    reduced = next(str(row["id"]) for row in taxes if Decimal(str(row["aliquota"])) == 10)
    variants = plain(prezzo=Decimal("11.00"))
    result = site.products().create({"nome": "Maglia", "imposta": reduced, "varianti": variants}, GID)
    row = site.client().call(wire.PRODUCTS_GET, {"id": result.record.id})["data"]
    assert (Decimal(str(row["prezzo"])), result.record.raw["imposta"]) == (10, reduced)


def test_a_price_that_does_not_survive_the_conversion_is_no_field_the_site_refuses(site):
    """Without tax 0.03 is 0.02 to the cent, as 0.02 is: it reads as before although the site took it."""
    site.quirk(prices_include_tax=False)
    products = site.products(shop_includes_tax=True)
    created = products.create({"nome": "Maglia", "varianti": plain(prezzo=Decimal("0.02"))}, GID)
    (virtual,) = created.record.raw["varianti"]
    result = products.update(created.record, {"varianti": kept(same(virtual, "v1", prezzo=Decimal("0.03")))}, GID)
    assert result.record.raw["varianti"][0]["prezzo"] == Decimal("0.02")
    assert result.unwritable == frozenset()


def test_unchanged_prices_are_written_back_to_the_cent(site):
    """Without tax 0.97 shows as 0.80 in the shop, and 0.80 converted back would be 0.98."""
    site.quirk(prices_include_tax=True)
    products = site.products(shop_includes_tax=False)
    amounts = [Decimal(cents).scaleb(-2) for cents in range(95, 145)]
    variants = [
        {"attributi": {"Numero": str(n)}, "prezzo": str(amount), "prezzo_promo": str(amount)}
        for n, amount in enumerate(amounts)
    ]
    options = [{"nome": "Numero", "valori": [str(n) for n in range(len(amounts))]}]
    client = site.client()
    made = client.call(wire.PRODUCTS_CREATE, {"nome": "Maglia", "attributi": options, "varianti": variants})
    record_id = str(made["data"]["id"])
    record = products.fetch([record_id])[record_id]
    changed = kept(*(same(child, str(n), peso=Decimal("0.1")) for n, child in enumerate(record.raw["varianti"])))
    products.update(record, {"varianti": changed}, GID)
    rows = client.call(wire.PRODUCTS_GET, {"id": record_id})["data"]["varianti"]
    assert [Decimal(str(row["prezzo"])) for row in rows] == amounts
    assert [Decimal(str(row["prezzo_promo"])) for row in rows] == amounts


def test_a_price_without_a_known_rate_is_not_written(scripted, site):
    site.quirk(prices_include_tax=False)
    with pytest.raises(SyncError, match="no rate for the tax '999'") as caught:
        site.products().create({"nome": "Maglia", "imposta": "999", "varianti": plain()}, GID)
    assert (caught.value.code, caught.value.field) == (errors.VALUE_INVALID, "imposta")


# What does not stick -------------------------------------------------------------------------------------------------


def test_fields_the_site_does_not_keep_are_reported_after_two_tries(site, shirt):
    site.quirk(not_writable=["marca", "peso"])
    first, second = shirt.record.raw["immagini"]
    changes = {
        "marca": "Altra",
        "tipo": "Felpa",
        "varianti": sizes(shirt.record, ("S", {"peso": Decimal("0.9"), "prezzo": Decimal(1)})),
    }
    site.forget_calls()
    result = site.products().update(shirt.record, changes, GID)
    assert result.unwritable == {"marca", "varianti.peso"}
    assert site.calls("productsUpdate") == 2
    assert (result.record.raw["tipo"], by_size(result.record)["S"]["prezzo"]) == ("Felpa", Decimal("1.00"))
    assert result.record.raw["immagini"] == [first, second]


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("marca", {"marca": "Forlì"}),
        ("attivo", {"attivo": False}),
        ("varianti.prezzo", {"varianti": plain(prezzo=Decimal(5))}),
        ("varianti.gestione_magazzino", {"varianti": plain(gestione_magazzino=True)}),
        ("varianti.ean", {"varianti": sized("S", ean="1")}),
    ],
)
def test_a_new_product_shows_what_the_site_does_not_keep(site, field, fields):
    site.quirk(not_writable=[field.rpartition(".")[2]])
    result = site.products().create({"nome": "Maglia", **fields}, GID)
    assert result.unwritable == {field}
    assert site.calls("productsUpdate") == 1


def test_a_site_that_forgets_the_shopify_id_is_not_told_again_and_again(site):
    site.quirk(not_writable=["extraFields"])
    products = site.products()
    first = products.create({"nome": "Maglia", "varianti": plain()}, GID)
    assert first.unwritable == {"extraFields.shopify_id"}
    second = products.update(first.record, {"marca": "Altra"}, GID)
    assert (second.requests, second.unwritable) == (2, frozenset())


def test_html_that_an_editor_rewrites_is_written(site, shirt):
    site.quirk(html="tidied")
    result = site.products().update(shirt.record, {"descrizione": "<B>Nuova</B> <i>lana</i><br>"}, GID)
    assert result.record.raw["descrizione"] == "<strong>Nuova</strong> <em>lana</em><br />"
    assert (result.requests, result.unwritable) == (2, frozenset())


def test_an_update_of_a_deleted_product_says_that_it_is_gone(site, shirt):
    gone = type(shirt.record)("999999", {**shirt.record.raw, "id": "999999"})
    with pytest.raises(SyncError) as caught:
        site.products().update(gone, {"marca": "Altra"}, GID)
    assert caught.value.code is errors.FW360_NOT_FOUND


def test_the_sku_of_another_product_needs_a_person_on_update_too(site, shirt):
    products = site.products()
    other = products.create({"nome": "Felpa", "varianti": plain(sku="TAKEN")}, "gid://shopify/Product/1").record
    with pytest.raises(SyncError, match=f"belongs to Framework360 product {other.id}") as caught:
        products.update(shirt.record, {"varianti": sizes(shirt.record, ("S", {"sku": "TAKEN"}))}, GID)
    assert caught.value.code is errors.AMBIGUOUS
    assert products.fetch([shirt.record.id])[shirt.record.id].raw["varianti"] == shirt.record.raw["varianti"]


def test_a_product_that_is_published_no_more_stays_otherwise(site, shirt):
    result = site.products().update(shirt.record, {"attivo": False}, GID)
    assert result.record.raw["attivo"] is False
    assert result.record.raw["varianti"] == shirt.record.raw["varianti"]
