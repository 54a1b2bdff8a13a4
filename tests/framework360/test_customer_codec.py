"""Customers between the wire and our flat record."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopify_fw360.errors import REQUIRED_MISSING, VALUE_INVALID, SyncError
from shopify_fw360.framework360 import wire
from shopify_fw360.framework360.customer_codec import customer_decoder, encode_customer
from shopify_fw360.framework360.fields import held
from shopify_fw360.framework360.options import SiteOptions
from shopify_fw360.framework360.rows import modified_at, new_id
from shopify_fw360.framework360.schema import Framework360Schema
from shopify_fw360.records import Entity

OPTIONS = SiteOptions()
decode = customer_decoder(OPTIONS)
KEYS = (
    *wire.CUSTOMER_TOP_TEXTS,
    *wire.CUSTOMER_BILLING_TEXTS,
    wire.ID,
    wire.SDI,
    wire.SDI_AS_READ,
    wire.BILLING,
    wire.MARKETING_ACTIVE,
    wire.MARKETING_LIST,
    wire.TAGS,
    wire.EXTRA_FIELDS,
    wire.REGISTERED_AT,
    wire.MODIFIED_AT,
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(KEYS), ANY_JSON))
def test_reading_never_raises_and_never_invents_empty_fields(row):
    record = decode(row)
    assert all(isinstance(key, str) for key in record)
    told = set(row) | (set(row[wire.BILLING]) if isinstance(row.get(wire.BILLING), dict) else set())
    if wire.BILLING not in row:
        assert set(record) <= told | {wire.PHONE, wire.SDI}


def test_a_missing_key_is_unknown_and_an_empty_one_is_none():
    record = decode({"id": 1, "nome": "None", "tags": []})
    assert record == {"id": "1", "nome": None, "tags": ()}


def test_billing_data_win_over_the_top_level_field_by_field():
    record = decode(
        {
            "indirizzo": "Via alta 1",
            "comune": "Roma",
            "cap": "00100",
            "dati_fatturazione": {"indirizzo": "Via bassa 2", "comune": "", "piva": "01234567890"},
        }
    )
    assert record["indirizzo"] == "Via bassa 2"
    assert record["comune"] == "Roma"
    assert record["cap"] == "00100"
    assert record["piva"] == "01234567890"
    assert "cf" not in record


@pytest.mark.parametrize("empty", [[], {}, None, "None"])
def test_without_a_billing_profile_its_fields_are_known_to_be_empty(empty):
    record = decode({"id": 1, "cap": "20100", "dati_fatturazione": empty})
    assert record["piva"] is None
    assert record["sdi"] is None
    assert record["cap"] == "20100"


@pytest.mark.parametrize(
    ("row", "phone"),
    [
        ({"telefono_cellulare": "+39333", "telefono_casa": "02"}, "+39333"),
        ({"telefono_cellulare": "None", "telefono_casa": "02"}, "02"),
        ({"telefono_cellulare": "", "telefono_casa": None}, None),
    ],
)
def test_the_phone_is_the_mobile_else_the_landline(row, phone):
    assert decode(row)["telefono"] == phone


@pytest.mark.parametrize("key", ["sdi", "cod_univoco"])
def test_the_sdi_code_reads_under_either_name(key):
    assert decode({"dati_fatturazione": {key: "ABC1234"}})["sdi"] == "ABC1234"


def test_an_extra_field_that_is_gone_is_known_to_be_empty_if_we_rely_on_it():
    relying = customer_decoder(OPTIONS, ["codice"])
    assert relying({"extraFields": []})["extraFields"] == {"codice": None}
    assert relying({"extraFields": {"codice": "1", "altro": 2}})["extraFields"] == {"codice": "1", "altro": "2"}
    assert "extraFields" not in relying({"id": 1})


def test_the_last_change_is_the_modification_else_the_registration():
    registered = {"data_registrazione": "2026-03-01 10:00:00"}
    at = datetime(2026, 3, 1, 9, tzinfo=UTC)
    assert modified_at(decode({**registered, "data_modifica": None}), wire.REGISTERED_AT) == at
    assert modified_at(
        decode({**registered, "data_modifica": "2026-03-02 10:00:00"}), wire.REGISTERED_AT
    ) == at.replace(day=2)
    assert modified_at(decode(registered), wire.REGISTERED_AT) is None


@pytest.mark.parametrize("body", [{"data": {"id": 7}}, {"data": {"id": "7"}}, {"id": 7}, {"id": "7", "data": []}])
def test_the_new_id_stands_in_data_or_on_top(body):
    assert new_id(body) == "7"


@pytest.mark.parametrize("body", [{}, {"data": {}}, {"data": None, "id": ""}, {"data": [7]}])
def test_a_reply_may_hold_no_id(body):
    assert new_id(body) is None


# Writing -------------------------------------------------------------------------------------------------------------

WHO = {"nome": "Ada", "cognome": "Rossi", "email": "ada@example.com"}


def body(fields, mode="update", **customers):
    options = SiteOptions.parse({"customers": customers})
    return dict(encode_customer(fields, mode, options).body)


def test_address_and_billing_go_to_both_places():
    assert body({"comune": "Milano", "sdi": "ABC1234"}) == {
        "comune": "Milano",
        "sdi": "ABC1234",
        "dati_fatturazione": {"comune": "Milano", "sdi": "ABC1234", "cod_univoco": "ABC1234"},
    }


def test_address_and_billing_can_go_to_one_place_only():
    fields = {"comune": "Milano", "telefono": "+39333"}
    assert body(fields, update_billing="flat") == {"comune": "Milano", "telefono": "+39333"}
    assert body(fields, update_billing="object") == {"telefono": "+39333", "dati_fatturazione": {"comune": "Milano"}}


def test_registration_knows_pec_and_sdi_only_in_the_billing_data():
    written = body({**WHO, "pec": "a@pec.it", "sdi": "ABC1234", "cap": "20100"}, "create")
    assert "pec" not in written
    assert "sdi" not in written
    assert written["cap"] == "20100"
    assert written["dati_fatturazione"] == {
        "pec": "a@pec.it",
        "sdi": "ABC1234",
        "cod_univoco": "ABC1234",
        "cap": "20100",
    }


def test_registration_sends_no_empty_values():
    empty = {"telefono": None, "cap": "", "tags": (), "marketing_active": None, "extraFields.x": None, "sdi": None}
    assert body({**WHO, **empty}, "create") == WHO


def test_update_empties_texts_and_lists():
    assert body({"telefono": None, "tags": (), "extraFields.x": None}) == {
        "telefono": "",
        "tags": [],
        "extraFields": {"x": ""},
    }


@pytest.mark.parametrize("nothing", [None, "", "None"])
def test_name_and_email_are_never_emptied(nothing):
    encoded = encode_customer({"nome": nothing, "email": nothing, "cap": "1"}, "update", OPTIONS)
    assert set(encoded.body) == {"cap", "dati_fatturazione"}
    assert encoded.sent == {"cap"}


@pytest.mark.parametrize("word", ["None", "null", "undefined", " None "])
def test_the_words_for_nothing_are_never_written(word):
    assert body({"comune": word})["comune"] == ""
    assert body({"tags": (word, "a")})["tags"] == ["a"]


@pytest.mark.parametrize("missing", ["nome", "cognome", "email"])
def test_registration_needs_name_and_email(missing):
    with pytest.raises(SyncError) as caught:
        body({**WHO, missing: None}, "create")
    assert caught.value.code is REQUIRED_MISSING
    assert caught.value.field == missing


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("nome", "A"),
        ("cognome", "--"),
        ("nome", "x" * 121),
        ("email", "ada"),
        ("email", "a@b"),
        ("email", "a b@c.it"),
        ("telefono", 39),
        ("marketing_active", "maybe"),
        ("tags", "vip"),
        ("tags", (1,)),
        ("provenienza", "6"),
        ("x", ""),
    ],
)
def test_a_value_that_breaks_the_contract_is_refused_before_it_is_sent(field, value):
    with pytest.raises(SyncError) as caught:
        body({field: value})
    assert caught.value.code is VALUE_INVALID
    assert caught.value.field == field
    assert len(str(value)) < 3 or str(value) not in caught.value.message


def test_the_source_is_a_number_and_for_registration_only():
    assert body({**WHO, "provenienza": "6"}, "create")["provenienza"] == 6
    with pytest.raises(SyncError, match="numeric id"):
        body({**WHO, "provenienza": "API"}, "create")


def test_list_ids_are_numbers_and_names_stay_names():
    assert body({"marketing_list": ("3", "Novità")})["marketing_list"] == [3, "Novità"]


def test_undocumented_fields_can_be_left_out_of_updates_but_not_of_registrations():
    options = SiteOptions.parse({"customers": {"update_extra": ["marketing_active"]}})
    encoded = encode_customer({"tags": ("a",), "marketing_active": True}, "update", options)
    assert encoded.body == {"marketing_active": True}
    assert encoded.left_out == {"tags"}
    assert encode_customer({**WHO, "tags": ("a",)}, "create", options).body["tags"] == ["a"]


# Both together -------------------------------------------------------------------------------------------------------

_texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
_names = st.from_regex(r"[A-Za-zà-ü]{2}[A-Za-zà-ü '.-]{0,20}", fullmatch=True)
_fields = st.fixed_dictionaries(
    {"nome": _names, "cognome": _names, "email": st.just("ada@example.com")},
    optional={
        **dict.fromkeys((*wire.CUSTOMER_BILLING_TEXTS, "sdi", "telefono", "extraFields.codice"), _texts),
        "tags": st.lists(_texts, max_size=4).map(tuple),
        "marketing_list": st.lists(st.integers(1, 99).map(str), max_size=3).map(tuple),
        "marketing_active": st.booleans(),
    },
)


def ideal_site(sent):
    """Store what was sent as a site that does everything right would show it."""
    row = {key: value for key, value in sent.items() if key not in ("telefono", "sdi")}
    row["telefono_cellulare"] = sent.get("telefono")
    return {"id": 1, **row}


@given(_fields, st.sampled_from(["create", "update"]), st.sampled_from(["flat", "object", "both"]))
def test_what_is_written_reads_back_the_same(fields, mode, way):
    if mode == "create" and way == "flat":
        fields = {key: value for key, value in fields.items() if key not in ("pec", "sdi")}
    options = SiteOptions.parse({"customers": {"update_billing": way}})
    sent = dict(encode_customer(fields, mode, options).body)
    row = ideal_site(sent)
    if "sdi" in sent:
        row["cod_univoco"] = sent["sdi"]
    record = customer_decoder(options, ["codice"])(row)
    for name, value in fields.items():
        target = Framework360Schema().target(Entity.CUSTOMER, name)
        assert target.same(held(target, record)) == target.same(value), name
