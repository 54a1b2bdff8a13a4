import re

import pytest


def everybody(site, **query):
    rows, page = [], 1
    while batch := site.get("/customers/list", page=page, **query)["data"]:
        rows += batch
        page += 1
        assert page < 100
    return [row["id"] for row in rows]


def test_a_wrong_key_is_status_0(site):
    assert site.get("/check", key="wrong") == {
        "status": 0,
        "error": "invalid_api_key",
        "message": "Chiave API non valida",
    }


def test_a_wrong_key_can_be_http_401(site):
    site.control.set_options(denied_as="http")
    assert site.raw("GET", "/check", key="wrong").status_code == 401


def test_a_key_may_lack_functions(site):
    site.control.set_options(keys={"sandbox-key": [], "reader": ["createcustomer", "read_tag"]})
    assert "createcustomer" not in site.get("/check", key="reader")["data"]["permissions"]
    assert site.get("/customers/list", key="reader")["status"] == 1
    assert site.get("/marketing/tags", key="reader")["error"] == "permission_denied"
    person = {"nome": "Ada", "cognome": "Rossi", "email": "ada@example.com", "password": "x"}
    before = site.count()
    assert site.post("/customers/registration", person, key="reader")["error"] == "permission_denied"
    assert site.count() == before


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/customers/everything"), ("GET", "/customers/update"), ("POST", "/check"), ("GET", "/Customers/List")],
)
def test_an_unknown_path_or_wrong_method_is_an_html_404(site, method, path):
    answer = site.raw(method, path)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/html")


def test_an_unknown_path_can_be_status_0(site):
    site.control.set_options(unknown_endpoint="envelope")
    assert site.raw("GET", "/nowhere").json()["error"] == "endpoint_not_found"


def test_a_capability_can_be_missing(site):
    site.control.set_options(capabilities_off=["marketing_lists"])
    assert site.raw("GET", "/marketing/lists").status_code == 404
    assert site.get("/marketing/tags")["status"] == 1


@pytest.mark.parametrize(
    ("choice", "expected"),
    [("null", {"status": 1, "data": None}), ("list", {"status": 1, "data": []}), ("object", {"status": 1, "data": {}})],
)
def test_an_unknown_record_can_be_an_empty_success(site, choice, expected):
    site.control.set_options(unknown_record=choice)
    assert site.get("/customers/get", email="nobody@example.com") == expected
    assert site.get("/orders/get", id="99999") == expected


def test_an_unknown_record_is_not_found_by_default(site):
    assert site.get("/customers/get", id="99999")["error"] == "not_found"


def test_errors_can_be_human_text_only_or_nested(site):
    site.control.set_options(error_style="text")
    assert site.get("/customers/get", id="99999") == {"status": 0, "error": "Elemento non trovato"}
    site.control.set_options(error_style="nested")
    assert site.get("/customers/get", id="99999")["data"] == {"message": "Elemento non trovato"}


@pytest.mark.parametrize(("choice", "expected"), [("number", 1), ("text", "1"), ("boolean", True)])
def test_success_and_flags_come_in_three_types(site, choice, expected):
    site.control.set_options(status_as=choice, flags_as=choice)
    answer = site.get("/customers/get", id=site.get("/customers/list")["data"][0]["id"])
    assert answer["status"] is expected or answer["status"] == expected
    assert type(answer["status"]) is type(expected)
    assert type(answer["data"]["marketing_active"]) is type(expected)


@pytest.mark.parametrize(("choice", "read", "written"), [("mixed", str, int), ("text", str, str), ("number", int, int)])
def test_ids_are_numbers_or_text(site, choice, read, written):
    site.control.set_options(ids_as=choice)
    assert type(site.register()["data"]["id"]) is written
    assert type(site.get("/customers/list")["data"][0]["id"]) is read


def test_a_new_id_can_stand_at_the_top(site):
    site.control.set_options(new_id_at="top")
    answer = site.register()
    assert "data" not in answer
    assert site.customer(answer["id"])["email"] == "ada@example.com"


@pytest.mark.parametrize(
    ("choice", "phone", "street"),
    [("mixed", "None", ""), ("none_word", "None", "None"), ("null", None, None), ("empty", "", "")],
)
def test_empty_text_comes_in_several_spellings(site, choice, phone, street):
    site.control.set_options(empty_text_as=choice)
    customer = site.customer(site.created())
    assert (customer["telefono_casa"], customer["indirizzo"]) == (phone, street)


@pytest.mark.parametrize(("choice", "expected"), [(True, []), (False, {})])
def test_an_empty_map_is_an_array_on_php_sites(site, choice, expected):
    site.control.set_options(empty_map_as_list=choice)
    customer = site.customer(site.created())
    assert (customer["extraFields"], customer["dati_fatturazione"]) == (expected, expected)


def test_the_sdi_code_reads_under_either_name(site):
    customer_id = site.created(dati_fatturazione={"sdi": "ABC1234"})
    assert site.customer(customer_id)["dati_fatturazione"]["cod_univoco"] == "ABC1234"
    site.control.set_options(sdi_reads_as="sdi")
    billing = site.customer(customer_id)["dati_fatturazione"]
    assert billing["sdi"] == "ABC1234"
    assert "cod_univoco" not in billing


def test_times_can_be_missing(site):
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", site.customer(site.created())["data_modifica"])
    site.control.set_options(modified_time=False)
    assert "data_modifica" not in site.get("/customers/list")["data"][0]


@pytest.mark.parametrize(
    ("choice", "ids", "error"),
    [
        ("id", {"id": 1}, None),
        ("customer_id", {"id": 1}, "missing_parameter"),
        ("customer_id", {"id": 1, "customer_id": 1}, None),
    ],
)
def test_a_site_may_insist_on_one_of_the_two_ids(site, choice, ids, error):
    customer_id = site.created()
    site.control.set_options(update_id_key=choice)
    answer = site.post("/customers/update", {**dict.fromkeys(ids, customer_id), "nome": "Adele"})
    assert answer.get("error") == error


@pytest.mark.parametrize(
    ("choice", "flat", "billing"),
    [("both", "Flat 1", "Object 1"), ("flat", "Flat 1", "Flat 1"), ("object", "Old 1", "Object 1")],
)
def test_a_site_may_store_only_one_form_of_the_address(site, choice, flat, billing):
    customer_id = site.created(indirizzo="Old 1", dati_fatturazione={"indirizzo": "Old 1", "piva": "1"})
    site.control.set_options(billing_update=choice)
    update = {
        "id": customer_id,
        "indirizzo": "Flat 1",
        "piva": "2",
        "dati_fatturazione": {"indirizzo": "Object 1", "piva": "3"},
    }
    site.post("/customers/update", update)
    customer = site.customer(customer_id)
    assert (customer["indirizzo"], customer["dati_fatturazione"]["indirizzo"]) == (flat, billing)
    assert customer["dati_fatturazione"]["piva"] == ("2" if choice == "flat" else "3")


@pytest.mark.parametrize(
    ("choice", "fields"),
    [
        ("mobile", {"telefono_cellulare"}),
        ("landline", {"telefono_casa"}),
        ("either", {"telefono_cellulare", "telefono_casa"}),
    ],
)
def test_a_phone_reads_back_in_one_of_two_fields(site, choice, fields):
    site.control.set_options(phone_reads_as=choice)
    seen = set()
    for number in range(2):
        customer = site.customer(site.created(email=f"p{number}@example.com", telefono="+393470000001"))
        seen |= {key for key in ("telefono_cellulare", "telefono_casa") if customer[key] == "+393470000001"}
    assert seen == fields


def test_a_new_phone_never_leaves_the_old_one_in_the_other_field(site):
    customer_id = site.created(telefono="+393470000001")
    for choice in ("landline", "mobile"):
        site.control.set_options(phone_reads_as=choice)
        site.post("/customers/update", {"id": customer_id, "telefono": "+393470000002"})
        customer = site.customer(customer_id)
        assert sorted((customer["telefono_cellulare"], customer["telefono_casa"])) == ["+393470000002", "None"]


@pytest.mark.parametrize(
    ("choice", "street", "email", "phone"),
    [
        ("none", " Via <b>Roma</b>  1 ", "Ada@Example.com", "+39 347-1"),
        ("trim", "Via <b>Roma</b>  1", "Ada@Example.com", "+393471"),
        ("full", "Via Roma 1", "ada@example.com", "+393471"),
    ],
)
def test_a_site_may_clean_what_is_written(site, choice, street, email, phone):
    site.control.set_options(normalise=choice, phone_reads_as="mobile")
    customer = site.customer(
        site.created(indirizzo=" Via <b>Roma</b>  1 ", email="Ada@Example.com", telefono="+39 347-1")
    )
    assert (customer["indirizzo"], customer["email"], customer["telefono_cellulare"]) == (street, email, phone)


def test_fields_can_be_accepted_and_never_stored(site):
    customer_id = site.created(tags=["a"], dati_fatturazione={"pec": "a@pec.example.it"})
    site.control.set_options(not_writable=["tags", "pec"])
    update = {
        "id": customer_id,
        "tags": ["b"],
        "pec": "b@pec.example.it",
        "nome": "Adele",
        "dati_fatturazione": {"pec": "c@pec.example.it"},
    }
    assert site.post("/customers/update", update)["status"] == 1
    customer = site.customer(customer_id)
    assert (customer["nome"], customer["tags"], customer["dati_fatturazione"]["pec"]) == (
        "Adele",
        ["a"],
        "a@pec.example.it",
    )


def test_names_can_be_taken_as_they_are(site):
    site.control.set_options(name_rules="off")
    assert site.customer(site.created(nome="<i>--</i>"))["nome"] == "<i>--</i>"


def test_list_names_can_be_unknown(site):
    site.control.set_options(list_names_accepted=False)
    assert site.register(marketing_list=["Newsletter"])["error"] == "invalid_field"


def test_tags_can_be_rows(site):
    site.control.set_options(tags_as="object")
    assert set(site.get("/marketing/tags")["data"][0]) == {"id", "nome"}


def test_pages_are_capped_and_end_with_an_empty_one(site):
    site.control.set_options(page_cap=7)
    assert len(site.get("/customers/list", limit=100)["data"]) == 7
    ids = everybody(site, limit=100)
    assert len(ids) == len(set(ids)) == site.count()


def test_page_0_is_page_1_and_limit_0_the_default_size(site):
    assert site.get("/customers/list", page=0)["data"] == site.get("/customers/list", page=1)["data"]
    assert len(site.get("/customers/list", limit=0)["data"]) == 20


def test_the_last_page_can_repeat_for_ever(site):
    site.control.set_options(last_page_repeats=True)
    last = -(-site.count() // 20)
    assert site.get("/customers/list", page=last + 5)["data"] == site.get("/customers/list", page=last)["data"] != []


def test_rows_shift_when_somebody_registers_between_two_pages(site):
    first = site.get("/customers/list", page=1, limit=10)["data"]
    site.created()
    assert site.get("/customers/list", page=2, limit=10)["data"][0] == first[-1]


def test_oldest_first_does_not_shift(site):
    site.control.set_options(sort="oldest_first")
    ids = everybody(site)
    assert ids == sorted(ids, key=int)


@pytest.mark.parametrize(("shift", "repeats"), [(2, True), (-2, False)])
def test_rows_can_shift_by_themselves(site, shift, repeats):
    site.control.set_options(shift_rows=shift)
    ids = everybody(site, limit=10)
    assert (len(ids) > len(set(ids))) == repeats
    assert (len(set(ids)) == site.count()) == repeats


def test_the_vendors_own_plugin_can_be_active(site):
    def shopify():
        return next(plugin for plugin in site.get("/site/plugins")["data"] if plugin["id"] == "shopify")["active"]

    assert shopify() == 0
    site.control.set_options(shopify_plugin_active=True)
    assert shopify() == 1


def test_site_settings_follow_the_options(site):
    site.control.set_options(prices_include_tax=False, currency="CHF", timezone="Europe/Zurich")
    expected = {"valuta": "CHF", "lingua": "it", "timezone": "Europe/Zurich", "prezzi_iva_inclusa": 0}
    assert site.get("/site/settings")["data"] == expected


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"capabilities_off": ["teleport"]}, "unknown \\['teleport'\\]"),
        ({"not_writable": ["pecc"]}, "not_writable"),
        ({"keys": {"k": ["fly"]}}, "keys.k"),
        ({"keys": []}, "keys"),
        ({"timezone": "Europe/Roma"}, "timezone"),
        ({"page_cap": 0}, "at least 1"),
        ({"modified_time": 1}, "modified_time"),
        ({"webhook_lost": 1.5}, "shares"),
        ({"image_seconds": 0}, "positive"),
        ({"webhook_minute_seconds": "1"}, "webhook_minute_seconds"),
        ({"cart_price": "both"}, "cart_price"),
    ],
)
def test_an_impossible_option_changes_nothing(site, changes, reason):
    before = site.control.options()
    with pytest.raises(ValueError, match=reason):
        site.control.set_options(currency="USD", **changes)
    assert site.control.options() == before
