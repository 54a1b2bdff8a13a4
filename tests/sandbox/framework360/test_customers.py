import pytest

BILLING = {"ragione_sociale": "Rossi", "piva": "01234567890", "cf": "01234567890", "pec": "rossi@pec.example.it"}


def test_a_registered_customer_reads_back(site):
    customer = site.customer(
        site.created(
            telefono="+39 347 000 0001",
            indirizzo="Via Roma 1", cap="20121", comune="Milano", citta="MI", stato="IT",
            dati_fatturazione={**BILLING, "sdi": "ABC1234", "cod_univoco": "ABC1234"},
            marketing_active=True, marketing_list=[3], tags=["vip", "è"], extraFields={"k": "7"}, provenienza=2,
        )
    )  # fmt: skip
    assert (customer["nome"], customer["cognome"], customer["email"]) == ("Ada", "Rossi", "ada@example.com")
    assert customer["formatted_name"] == "Ada Rossi"
    assert "+393470000001" in (customer["telefono_cellulare"], customer["telefono_casa"])
    assert [customer[key] for key in ("indirizzo", "cap", "comune", "citta", "stato")] == [
        "Via Roma 1",
        "20121",
        "Milano",
        "MI",
        "IT",
    ]
    assert customer["dati_fatturazione"] == {**BILLING, "cod_univoco": "ABC1234"}
    assert (customer["marketing_active"], customer["marketing_list"], customer["tags"]) == (1, [3], ["vip", "è"])
    assert (customer["extraFields"], customer["provenienza"]) == ({"k": "7"}, 2)


def test_a_form_registers_the_same_customer_as_json(site):
    body = (
        "nome=Ada&cognome=Rossi&email=ada%40example.com&password=x&marketing_active=1&marketing_list[]=3&tags[]=a&tags[]=b"
        "&provenienza=2&extraFields[size]=M&dati_fatturazione[piva]=01234567890"
    )
    as_form = site.customer(str(site.form("/customers/registration", body)["data"]["id"]))
    as_json = site.customer(
        site.created(
            email="ada2@example.com", marketing_active=True, marketing_list=[3], tags=["a", "b"], provenienza=2,
            extraFields={"size": "M"}, dati_fatturazione={"piva": "01234567890"},
        )
    )  # fmt: skip
    own = ("id", "email", "data_modifica", "data_registrazione")
    assert {k: v for k, v in as_form.items() if k not in own} == {k: v for k, v in as_json.items() if k not in own}


def test_a_boolean_in_a_form_is_one_or_zero(site):
    answer = site.form(
        "/customers/registration", "nome=Ada&cognome=Rossi&email=a@example.com&password=x&marketing_active=true"
    )
    assert answer["error"] == "invalid_field"


def test_one_plain_tag_is_one_tag(site):
    assert site.customer(site.created(tags="a,b"))["tags"] == ["a,b"]


def test_a_list_may_be_named(site):
    assert site.customer(site.created(marketing_list=["newsletter", "5"]))["marketing_list"] == [3, 5]


@pytest.mark.parametrize("fields", [{"marketing_list": [99]}, {"marketing_list": ["Nessuna"]}, {"provenienza": 77}])
def test_an_unknown_list_or_source_is_refused(site, fields):
    before = site.count()
    assert site.register(**fields)["error"] == "invalid_field"
    assert site.count() == before


@pytest.mark.parametrize("name", ["--", "..", "A\u00b6", "<b>Ada</b>", "Ada_Rossi", "Lin🎉", "x" * 121])
def test_an_odd_name_is_refused(site, name):
    assert site.register(nome=name)["error"] == "invalid_field"


@pytest.mark.parametrize(
    "name", ["D'Angelo", "X.", "Müller-Lüdenscheidt", "小林", "محمد", "Garci\u0301a", "St. John 2"]
)
def test_a_name_in_any_script_is_taken(site, name):
    assert site.customer(site.created(nome=name))["nome"] == name


def test_registering_a_known_email_again_updates_and_merges(site):
    first = site.created(telefono="+393470000001", tags=["a"], extraFields={"a": "1"}, dati_fatturazione=BILLING)
    before = site.count()
    second = site.created(
        email="ADA@example.com", nome="Adele", tags=["b"], extraFields={"b": "2"}, dati_fatturazione={"cf": "X"}
    )
    assert (second, site.count()) == (first, before)
    customer = site.customer(first)
    assert (customer["nome"], customer["tags"], customer["extraFields"]) == ("Adele", ["b"], {"a": "1", "b": "2"})
    assert customer["email"] == "ada@example.com"
    assert "+393470000001" in (customer["telefono_cellulare"], customer["telefono_casa"])
    assert customer["dati_fatturazione"]["cf"] == "X"
    assert customer["dati_fatturazione"]["piva"] == BILLING["piva"]


def test_a_site_may_refuse_a_known_email(site):
    site.created()
    site.control.set_options(registration="error")
    assert site.register(email=" ADA@example.com".strip())["error"] == "email_exists"


def test_a_site_may_not_ask_for_a_password(site):
    person = {"nome": "Ada", "cognome": "Rossi", "email": "ada@example.com"}
    assert site.post("/customers/registration", person)["error"] == "missing_parameter"
    site.control.set_options(password_required=False)
    assert site.post("/customers/registration", person)["status"] == 1


def test_an_update_keeps_what_it_does_not_name(site):
    customer_id = site.created(
        tags=["a"], telefono="+393470000001", dati_fatturazione=BILLING, extraFields={"a": "1", "b": "2"}
    )
    before = site.customer(customer_id)
    site.post(
        "/customers/update",
        {"id": customer_id, "customer_id": customer_id, "comune": "Torino", "pec": "x@pec.example.it"},
    )
    after = site.customer(customer_id)
    assert (after["comune"], after["dati_fatturazione"]["pec"]) == ("Torino", "x@pec.example.it")
    ignored = {"comune", "dati_fatturazione", "data_modifica"}
    assert {k: v for k, v in after.items() if k not in ignored} == {k: v for k, v in before.items() if k not in ignored}
    assert after["dati_fatturazione"]["piva"] == BILLING["piva"]


def test_an_update_replaces_tags_and_lists(site):
    customer_id = site.created(tags=["a", "b"], marketing_list=[3, 4])
    site.post("/customers/update", {"id": customer_id, "tags": ["c", "c"], "marketing_list": [5]})
    customer = site.customer(customer_id)
    assert (customer["tags"], customer["marketing_list"]) == (["c"], [5])
    site.post("/customers/update", {"id": customer_id, "tags": [], "marketing_list": []})
    customer = site.customer(customer_id)
    assert (customer["tags"], customer["marketing_list"]) == ([], [])


def test_empty_text_empties_and_deletes_extra_fields(site):
    customer_id = site.created(indirizzo="Via Roma 1", telefono="+393470000001", extraFields={"a": "1", "b": "2"})
    site.post("/customers/update", {"id": customer_id, "indirizzo": "", "telefono": "", "extraFields": {"a": ""}})
    customer = site.customer(customer_id)
    assert (customer["indirizzo"], customer["extraFields"]) == ("", {"b": "2"})
    assert (customer["telefono_cellulare"], customer["telefono_casa"]) == ("None", "None")


def test_the_email_of_another_customer_is_refused(site):
    site.created()
    other = site.created(email="bob@example.com")
    assert site.post("/customers/update", {"id": other, "email": "Ada@Example.com"})["error"] == "email_exists"
    assert site.post("/customers/update", {"id": other, "email": "BOB@example.com"})["status"] == 1
    assert site.customer(other)["email"] == "BOB@example.com"


def test_different_ids_in_one_update_are_refused(site):
    customer_id = site.created()
    assert site.post("/customers/update", {"id": customer_id, "customer_id": "1001"})["error"] == "invalid_field"


def test_an_unknown_customer_cannot_be_updated_or_deleted(site):
    assert site.post("/customers/update", {"id": "999999"})["error"] == "not_found"
    assert site.post("/customers/delete", {"id": 999999})["error"] == "not_found"


def test_a_deleted_customer_is_gone_but_the_orders_stay(site):
    order = site.get("/orders/list")["data"][0]
    customer_id = str(order["customer_id"])
    assert site.post("/customers/delete", {"id": customer_id, "customer_id": customer_id})["status"] == 1
    assert site.get("/customers/get", id=customer_id)["error"] == "not_found"
    assert site.get("/orders/get", id=order["id"])["data"]["billing_data"] is None


def test_get_takes_an_id_or_an_email_in_any_case(site):
    customer_id = site.created()
    assert site.get("/customers/get", email=" ADA@Example.COM ")["data"]["id"] == customer_id
    assert site.get("/customers/get")["error"] == "missing_parameter"
    assert site.get("/customers/get", id=customer_id, email="ada@example.com")["error"] == "invalid_field"


def test_search_finds_parts_of_names_emails_phones_and_companies(site):
    customer_id = site.created(
        nome="Niccolò", telefono="+393470000001", dati_fatturazione={"ragione_sociale": "Fabbrica Ü"}
    )
    for query in ("NICCOLÒ ros", "ada@exam", "3470000001", "fabbrica ü", customer_id):
        assert customer_id in [found["id"] for found in site.get("/customers/search", query=query)["data"]]
        assert customer_id in [found["id"] for found in site.post("/customers/search", {"query": query})["data"]]
    assert site.get("/customers/list", query="niemand-so")["data"] == []


def test_search_sees_a_change_at_once(site):
    customer_id = site.created()
    assert site.get("/customers/search", query="lovelace")["data"] == []
    site.post("/customers/update", {"id": customer_id, "cognome": "Lovelace"})
    assert [found["id"] for found in site.get("/customers/search", query="lovelace")["data"]] == [customer_id]


def test_search_finds_parts_of_an_email_wherever_they_stand_and_after_a_change(site):
    customer_id = site.created(email="Augusta.Lovelace@Example.com")

    def found(query):
        return [row["id"] for row in site.get("/customers/search", query=query)["data"]]

    for query in ("augusta.lovelace@example.com", "A.LOVELACE@EX", "lace@ex", "sta.lovelace@"):
        assert found(query) == [customer_id]
    company = {"ragione_sociale": "R@lovelace@hm"}
    changed = {"id": customer_id, "email": "countess.ada@example.it", "dati_fatturazione": company}
    assert site.post("/customers/update", changed)["status"] == 1
    assert found("augusta.lovelace@example.com") == []
    assert found("countess.ada@example.it") == found("lovelace@h") == [customer_id]
    assert site.post("/customers/delete", {"id": customer_id, "customer_id": customer_id})["status"] == 1
    assert found("countess.ada@example.it") == []


def test_history_is_kept(site):
    customer_id = site.created()
    entry = {"customer_id": customer_id, "title": "Rimborso", "content": "<b>10 EUR</b>", "date": "2026-03-02"}
    assert site.post("/customers/history/create", entry)["status"] == 1
    assert site.control.state()["records"]["history"] == 1
    assert site.post("/customers/history/create", {**entry, "customer_id": "9"})["error"] == "not_found"


def test_sources_lists_and_tags_can_be_looked_up(site):
    assert {"id": "6", "nome": "API"} in site.get("/customers/sources")["data"]
    assert {"id": "3", "nome": "Newsletter"} in site.get("/marketing/lists")["data"]
    site.created(tags=["nuovissimo"])
    assert "nuovissimo" in site.get("/marketing/tags")["data"]


def test_the_seed_holds_emails_that_differ_only_by_case(site):
    site.control.reset(customers=600)
    assert site.control.state()["shared_emails"] > 0
