import pytest

SIZES = [{"nome": "Taglia", "valori": ["S", "M", "L"]}, {"nome": "Colore", "valori": ["Blu", "Nero"]}]


def variant(size, colour, **fields):
    return {"attributi": {"Taglia": size, "Colore": colour}, **fields}


@pytest.fixture
def shirt(site):
    return site.added(
        attributi=SIZES,
        varianti=[
            variant("S", "Blu", sku="S-B", prezzo=10, prezzo_promo=8, quantita=3, ean="8000000000017", peso=0.2),
            variant("M", "Nero", sku="M-N", prezzo=12.5),
        ],
    )


def ids(product):
    return [entry["id"] for entry in product["varianti"]]


def test_a_new_product_is_published_and_complete(site):
    product = site.added(nome="  Tazza blu ")
    assert product["nome"] == "Tazza blu"
    assert (product["attivo"], product["slug"], product["imposta"]) == (1, "tazza-blu", "default")
    assert (product["attributi"], product["varianti"], product["immagini"]) == ([], [], [])
    assert product == site.product(product["id"])


@pytest.mark.parametrize(
    ("given", "tracked"),
    [({}, 0), ({"quantita": 4}, 1), ({"quantita": 0}, 1), ({"quantita": 4, "gestione_magazzino": 0}, 0)],
)
def test_stock_is_counted_only_when_it_is_given(site, given, tracked):
    assert site.added(**given)["gestione_magazzino"] == tracked
    product = site.added(attributi=SIZES, varianti=[variant("S", "Blu", **given)])
    assert product["varianti"][0]["gestione_magazzino"] == tracked


def test_giving_stock_later_does_not_turn_counting_on(site):
    product = site.added()
    assert site.changed(product, quantita=4)["gestione_magazzino"] == 0


def test_an_update_leaves_absent_keys_alone(site):
    product = site.added(
        descrizione="<p>a</p>",
        marca="Forlì",
        tags=["a", "b"],
        sku="X",
        prezzo=9,
        seo_titolo="t",
        extraFields={"a": "1"},
    )
    after = site.changed(product, nome="Felpa")
    changed = {key for key in product if product[key] != after[key]}
    assert changed <= {"nome", "data_modifica"}


@pytest.mark.parametrize("empty", ["", None])
def test_texts_can_be_emptied(site, empty):
    product = site.added(descrizione="<p>a</p>", marca="Forlì", sku="X", seo_titolo="t")
    after = site.changed(product, descrizione=empty, marca=empty, sku=empty, seo_titolo=empty)
    assert [after[key] for key in ("descrizione", "marca", "sku", "seo_titolo")] == ["", "", "", ""]


def test_tags_and_categories_replace_their_set(site):
    first, second = (site.post("/products/categories/create", {"nome": name})["data"]["id"] for name in ("Uno", "Due"))
    product = site.added(tags=["a", "b"], categorie=[first])
    after = site.changed(product, tags=["c", " c ", ""], categorie=[second])
    assert (after["tags"], [str(found) for found in after["categorie"]]) == (["c"], [second])
    assert site.changed(product, tags=[], categorie=[])["tags"] == []


def test_custom_fields_merge_by_key(site):
    product = site.added(extraFields={"a": "1", "b": "2"})
    assert site.changed(product, extraFields={"a": "", "c": "3"})["extraFields"] == {"b": "2", "c": "3"}


def test_an_offer_ends_with_null(site):
    product = site.added(prezzo=10, prezzo_promo=8)
    assert site.changed(product, prezzo_promo=None)["prezzo_promo"] is None


def test_prices_are_rounded_half_up_to_cents(site):
    product = site.added(prezzo="19.995", prezzo_acquisto=0.125)
    assert (product["prezzo"], product["prezzo_acquisto"]) == (20.0, 0.13)


@pytest.mark.parametrize(
    "fields",
    [
        {"nome": " a "},
        {"prezzo": -1},
        {"categorie": [999]},
        {"imposta": "999"},
        {"immagini": [{"id": 999}]},
        {"immagini": [{"alt": "nothing"}]},
        {"attributi": SIZES},
        {"varianti": [variant("S", "Blu")]},
        {"attributi": SIZES, "varianti": [variant("XL", "Blu")]},
        {"attributi": SIZES, "varianti": [{"attributi": {"Taglia": "S"}}]},
        {"attributi": SIZES, "varianti": [variant("S", "Blu"), variant("S", "Blu")]},
        {"attributi": [SIZES[0], SIZES[0]], "varianti": [variant("S", "Blu")]},
        {"attributi": [{"nome": "Taglia", "valori": ["S", "S"]}], "varianti": [{"attributi": {"Taglia": "S"}}]},
        {"attributi": SIZES, "varianti": [variant("S", "Blu", immagine_id=999)]},
        {"attributi": SIZES, "varianti": [variant("S", "Blu", id=999)]},
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(site, fields):
    before = site.control.state()["records"]
    assert site.post("/products/create", {"nome": "Maglia", **fields})["error"] == "invalid_field"
    assert site.control.state()["records"] == before


def test_a_sku_belongs_to_one_product(site, shirt):
    assert site.post("/products/create", {"nome": "Felpa", "sku": " S-B "})["error"] == "duplicate_sku"
    other = site.added(sku="OTHER")
    rows = [variant("S", "Blu", sku="OTHER"), variant("M", "Nero")]
    assert site.post("/products/update", {"id": shirt["id"], "varianti": rows})["error"] == "duplicate_sku"
    assert site.changed(other, sku="S-B2")["sku"] == "S-B2"
    assert site.changed(shirt, varianti=rows)["varianti"][0]["sku"] == "OTHER"


def test_skus_are_unique_inside_a_product_too(site):
    rows = [variant("S", "Blu", sku="A"), variant("M", "Blu", sku="A ")]
    answer = site.post("/products/create", {"nome": "Felpa", "attributi": SIZES, "varianti": rows})
    assert answer["error"] == "duplicate_sku"


def test_skus_can_be_swapped_between_variants(site, shirt):
    rows = [variant("S", "Blu", sku="M-N"), variant("M", "Nero", sku="S-B")]
    after = site.changed(shirt, varianti=rows)
    assert [entry["sku"] for entry in after["varianti"]] == ["M-N", "S-B"]
    assert site.get("/products/get", sku="S-B")["data"] == after


def test_a_sku_may_be_long(site):
    assert site.added(sku="X" * 400)["sku"] == "X" * 400


def test_a_price_on_a_product_with_variants_is_ignored(site, shirt):
    after = site.changed(shirt, prezzo=99, sku="NO", quantita=7)
    assert after["varianti"] == shirt["varianti"]
    assert site.get("/products/get", sku="NO")["error"] == "not_found"


def test_variants_without_a_key_keep_its_value(site, shirt):
    rows = [variant("S", "Blu", prezzo=11), variant("M", "Nero")]
    after = site.changed(shirt, varianti=rows)
    assert after["varianti"] == [{**shirt["varianti"][0], "prezzo": 11}, shirt["varianti"][1]]


def test_variants_not_given_are_removed_and_new_ones_get_an_id(site, shirt):
    after = site.changed(shirt, varianti=[variant("M", "Nero"), variant("L", "Blu", prezzo=5)])
    assert ids(after)[0] == ids(shirt)[1]
    assert ids(after)[1] not in ids(shirt)
    assert site.get("/products/get", sku="S-B")["error"] == "not_found"


def test_a_variant_is_matched_by_id_before_its_option_values(site, shirt):
    rows = [variant("M", "Nero", id=ids(shirt)[0]), variant("S", "Blu", id=ids(shirt)[1])]
    after = site.changed(shirt, varianti=rows)
    assert [(entry["id"], entry["sku"]) for entry in after["varianti"]] == [
        (ids(shirt)[0], "S-B"),
        (ids(shirt)[1], "M-N"),
    ]


def test_a_renamed_option_keeps_variants_that_come_with_their_id(site, shirt):
    options = [{"nome": "Size", "valori": ["S", "M"]}, SIZES[1]]
    rows = [
        {"id": found, "attributi": {"Size": size, "Colore": colour}}
        for found, size, colour in zip(ids(shirt), ("S", "M"), ("Blu", "Nero"), strict=True)
    ]
    after = site.changed(shirt, attributi=options, varianti=rows)
    assert ids(after) == ids(shirt)
    assert [entry["sku"] for entry in after["varianti"]] == ["S-B", "M-N"]


def test_a_variant_of_another_product_is_refused(site, shirt):
    other = site.added(attributi=SIZES, varianti=[variant("S", "Blu")])
    rows = [variant("S", "Blu", id=ids(other)[0])]
    assert site.post("/products/update", {"id": shirt["id"], "varianti": rows})["error"] == "invalid_field"


def test_options_cannot_change_without_the_variants_that_use_them(site, shirt):
    answer = site.post("/products/update", {"id": shirt["id"], "attributi": [{"nome": "Size", "valori": ["S"]}]})
    assert answer["error"] == "invalid_field"


def test_options_and_variants_stand_in_the_order_of_their_positions(site):
    options = [{**SIZES[0], "posizione": 2}, {**SIZES[1], "posizione": 1}]
    product = site.added(
        attributi=options, varianti=[variant("S", "Blu", posizione=2), variant("M", "Nero", posizione=1)]
    )
    assert [entry["nome"] for entry in product["attributi"]] == ["Colore", "Taglia"]
    assert [entry["attributi"]["Taglia"] for entry in product["varianti"]] == ["M", "S"]
    assert [entry["posizione"] for entry in product["varianti"]] == [1, 2]


def test_a_product_gains_and_loses_its_variants(site):
    product = site.added(sku="ONE", prezzo=5)
    sized = site.changed(product, attributi=SIZES, varianti=[variant("S", "Blu", sku="ONE", prezzo=6)])
    assert sized["varianti"][0]["sku"] == "ONE"
    plain = site.changed(product, attributi=[], varianti=[], sku="ONE", prezzo=7)
    assert (plain["varianti"], plain["sku"], plain["prezzo"]) == ([], "ONE", 7)


def test_four_options_and_a_hundred_variants_are_fine(site):
    options = [{"nome": name, "valori": ["a", "b", "c", "d"]} for name in ("Uno", "Due", "Tre", "Quattro")]
    rows = [
        {"attributi": {"Uno": a, "Due": b, "Tre": c, "Quattro": d}, "sku": a + b + c + d}
        for a in "abcd"
        for b in "abcd"
        for c in "abcd"
        for d in "ab"
    ]
    assert len(site.added(attributi=options, varianti=rows)["varianti"]) == 128


def test_slugs_are_unique(site):
    assert [site.added(nome="Blu!")["slug"], site.added(nome="blu")["slug"]] == ["blu", "blu-2"]


def test_a_form_can_write_a_product(site):
    answer = site.form(
        "/products/create",
        "nome=Felpa&prezzo=12.50&attributi[0][nome]=Taglia&attributi[0][valori][]=S"
        "&varianti[0][attributi][Taglia]=S&varianti[0][quantita]=4&varianti[0][prezzo]=12.50&tags[]=a",
    )
    entry = answer["data"]["varianti"][0]
    assert (entry["quantita"], entry["prezzo"], answer["data"]["tags"]) == (4, 12.5, ["a"])


def test_fields_of_a_product_can_be_accepted_and_never_stored(site):
    site.control.set_options(not_writable=["marca", "ean"])
    product = site.added(marca="Forlì", attributi=SIZES, varianti=[variant("S", "Blu", ean="1", sku="A")])
    assert (product["marca"], product["varianti"][0]["ean"], product["varianti"][0]["sku"]) == ("", "", "A")


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("<B>Ciao</B> <i>mondo</i><br>", "<strong>Ciao</strong> <em>mondo</em><br />"),
        ('<p onclick="x()" class="a&b">Perch&eacute; &lt;3</p><!-- n -->', '<p class="a&amp;b">Perché &lt;3</p>'),
        ("<script>alert(1)</script><iframe src='x'></iframe>Testo", "<p>Testo</p>"),
        ("solo testo", "<p>solo testo</p>"),
        ("", ""),
    ],
)
def test_a_site_may_rewrite_html(site, given, stored):
    assert site.added(descrizione=given)["descrizione"] == given
    site.control.set_options(html="tidied")
    assert site.added(descrizione=given)["descrizione"] == stored


@pytest.mark.parametrize("text", ["<B>a</B><br>b", "a & b", "<p>Perch&eacute;", "1 < 2", "<script>x</script>ciao"])
def test_rewriting_html_twice_changes_nothing_more(site, text):
    site.control.set_options(html="tidied")
    once = site.added(descrizione=text)["descrizione"]
    assert site.added(descrizione=once)["descrizione"] == once
