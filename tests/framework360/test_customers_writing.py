"""Creating and updating customers: nothing doubled, nothing silently lost."""

import orjson
import pytest

from shopify_fw360 import errors
from shopify_fw360.errors import SyncError
from shopify_fw360.framework360.customer_fields import ORDER_PATHS
from shopify_fw360.records import SourceRecord, Window

WHO = {"nome": "Ada", "cognome": "Rossi", "email": "ada.rossi@shop.example"}
FULL = {
    **WHO,
    "telefono": "+393331234567",
    "indirizzo": "Via Roma 1",
    "cap": "20100",
    "comune": "Milano",
    "citta": "MI",
    "stato": "IT",
    "ragione_sociale": "Rossi S.r.l.",
    "piva": "01234567890",
    "cf": "RSSDAA80A01F205X",
    "pec": "rossi@pec.example",
    "sdi": "ABC1234",
    "marketing_active": True,
    "marketing_list": ("3", "5"),
    "tags": ("vip", "b2b"),
    "extraFields.codice": "K-1",
    "provenienza": "6",
}
CHANGES = {
    "nome": "Adele",
    "email": "adele@shop.example",
    "telefono": "+39021234567",
    "comune": "Torino",
    "citta": "TO",
    "sdi": "XYZ9876",
    "pec": "adele@pec.example",
    "marketing_active": False,
    "marketing_list": ("4",),
    "tags": ("wholesale",),
    "extraFields.codice": "K-2",
}


def holds(record, fields):
    raw = {**record.raw, **{f"extraFields.{key}": value for key, value in record.raw["extraFields"].items()}}
    return {name: raw.get(name) for name in fields} == dict(fields)


def done(**data):
    return 200, {}, orjson.dumps({"status": 1, "data": data})


NOT_FOUND = (200, {}, b'{"status": 0, "error": "not_found"}')


def sent(server, path):
    """Bodies of the requests a scripted server got for a path."""
    return [orjson.loads(body) for _, asked, _, body in server.asked if asked == f"/m/api/{path}"]


def count(site):
    return site.control.state()["records"]["customers"]


# Creating ------------------------------------------------------------------------------------------------------------


def test_a_complete_customer_takes_two_requests(site):
    customers = site.customers(paths=ORDER_PATHS)
    site.forget_calls()
    result = customers.create(FULL, "gid")
    assert holds(result.record, FULL)
    assert (result.created, result.requests, result.unwritable) == (True, 2, frozenset())
    assert result.record.raw["orders_count"] == 0
    assert site.control.metrics()["requests"] - site.calls("siteSettings") - site.calls("ordersStatuses") == 2
    assert site.control.refused() == []


@pytest.mark.parametrize(
    "quirk",
    [
        {"ids_as": "text"},
        {"new_id_at": "top"},
        {"registration": "error"},
        {"password_required": False},
        {"phone_reads_as": "mobile"},
        {"phone_reads_as": "landline"},
        {"normalise": "none"},
        {"normalise": "full"},
        {"flags_as": "text"},
        {"sdi_reads_as": "sdi"},
        {"billing_update": "object"},
        {"empty_text_as": "none_word"},
    ],
    ids=str,
)
def test_a_customer_is_created_in_one_go_whatever_the_site_is_like(site, quirk):
    site.quirk(**quirk)
    result = site.customers().create(FULL, "gid")
    assert holds(result.record, FULL)
    assert (result.requests, result.unwritable) == (2, frozenset())
    assert site.control.refused() == []


def test_what_does_not_stick_at_registration_follows_by_update(site):
    site.quirk(billing_update="flat")
    result = site.customers().create(FULL, "gid")
    assert holds(result.record, FULL)
    assert (result.requests, result.unwritable) == (4, frozenset())


def test_forms_create_the_same_customer(site):
    result = site.customers(encoding={"post": "form"}).create(FULL, "gid")
    assert holds(result.record, FULL)
    assert site.control.refused() == []


def test_the_password_is_random_and_never_told(scripted, site):
    server = scripted(done(id=1), done(id=1, **WHO))
    customers = site.customers(url=server.url)
    results = [customers.create(WHO, "1"), customers.create(WHO, "2")]
    passwords = [body["password"] for body in sent(server, "customers/registration")]
    assert len(set(passwords)) == 2
    assert all(len(password) > 30 for password in passwords)
    assert not any(password in repr(results) for password in passwords)


@pytest.mark.parametrize("fault", ["lost_answer", "apply_then_500", "truncate"])
def test_a_lost_answer_makes_no_second_customer(site, fault):
    before = count(site)
    site.control.add_fault(fault, match={"operation": "customersRegistration"}, times=1)
    result = site.customers().create(FULL, "gid")
    assert holds(result.record, FULL)
    assert count(site) == before + 1
    assert site.calls("customersRegistration") == 1


def test_a_create_that_times_out_after_it_succeeded_makes_no_second_customer(site):
    before = count(site)
    match = {"operation": "customersRegistration"}
    site.control.add_fault("lost_answer", match=match, times=1, params={"how": "timeout", "seconds": 2})
    result = site.customers(limits={"timeout": 0.3}).create(WHO, "gid")
    assert result.created
    assert count(site) == before + 1


@pytest.mark.parametrize("fault", ["http_status", "reset", "garbage"])
def test_a_create_that_failed_unclearly_is_left_to_the_next_attempt(site, fault):
    before = count(site)
    site.control.add_fault(fault, match={"operation": "customersRegistration"}, times=1)
    with pytest.raises(SyncError) as caught:
        site.customers().create(WHO, "gid 5")
    assert caught.value.code is errors.UNCLEAR_CREATE
    assert caught.value.reaction is errors.Reaction.RETRY
    assert caught.value.record == "customer shopify:gid 5"
    assert count(site) == before
    assert site.calls("customersRegistration") == 1


def test_a_slow_site_gets_a_moment_to_show_the_customer(scripted, site):
    server = scripted((502, {}, b""), NOT_FOUND, NOT_FOUND, done(id=9, **WHO))
    result = site.customers(url=server.url).create(WHO, "gid")
    assert (result.record.id, result.requests) == ("9", 5)
    assert len(site.waits) == 2


def test_after_three_looks_the_queue_goes_on_looking(scripted, site):
    server = scripted((502, {}, b""), NOT_FOUND)
    with pytest.raises(SyncError, match="SYNC-209"):
        site.customers(url=server.url).create(WHO, "gid")
    assert len(server.asked) == 4


def test_a_throttled_create_is_made_once(site):
    before = count(site)
    site.control.add_fault("throttle", match={"operation": "customersRegistration"}, times=2)
    assert site.customers().create(WHO, "gid").created
    assert count(site) == before + 1


def test_a_reply_without_an_id_is_looked_up(scripted, site):
    server = scripted((200, {}, b'{"status": 1, "data": []}'), done(id=9, **WHO))
    assert site.customers(url=server.url).create(WHO, "gid").record.id == "9"


def test_a_taken_email_needs_a_person(site):
    site.quirk(registration="error")
    customers = site.customers()
    customers.create(WHO, "1")
    with pytest.raises(SyncError) as caught:
        customers.create({**WHO, "email": WHO["email"].upper()}, "2")
    assert caught.value.code is errors.FW360_EXISTS
    assert caught.value.record == "customer shopify:2"


@pytest.mark.parametrize(
    ("field", "value"), [("cognome", "Rossi €"), ("marketing_list", ("77",)), ("provenienza", "99")]
)
def test_a_refused_value_names_the_field_and_makes_no_customer(site, field, value):
    before = count(site)
    with pytest.raises(SyncError) as caught:
        site.customers().create({**WHO, field: value}, "gid")
    assert (caught.value.code, caught.value.field) == (errors.FW360_REJECTED, field)
    assert count(site) == before


def test_a_name_that_breaks_the_contract_is_not_even_sent(site):
    site.forget_calls()
    with pytest.raises(SyncError, match="SYNC-202"):
        site.customers().create({**WHO, "cognome": "-"}, "gid")
    assert site.calls("customersRegistration") == 0


# Updating ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def ada(site):
    return site.customers().create(FULL, "gid").record


def test_an_update_takes_two_requests(site, ada):
    site.forget_calls()
    result = site.customers().update(ada, CHANGES, "gid")
    assert holds(result.record, {**FULL, **CHANGES})
    assert (result.created, result.requests, result.unwritable) == (False, 2, frozenset())
    assert site.control.metrics()["requests"] == 2
    assert site.control.refused() == []


@pytest.mark.parametrize(
    "quirk",
    [
        {"update_id_key": "id"},
        {"update_id_key": "customer_id"},
        {"billing_update": "flat"},
        {"billing_update": "object"},
        {"phone_reads_as": "mobile"},
        {"phone_reads_as": "landline"},
        {"normalise": "full"},
        {"ids_as": "text"},
    ],
    ids=str,
)
def test_a_customer_is_updated_in_one_go_whatever_the_site_is_like(site, ada, quirk):
    site.quirk(**quirk)
    result = site.customers().update(ada, CHANGES, "gid")
    assert holds(result.record, {**FULL, **CHANGES})
    assert (result.requests, result.unwritable) == (2, frozenset())


def test_only_what_changed_is_sent(scripted, site):
    server = scripted(done(), done(id=7, cap="10100"))
    site.customers(url=server.url).update(SourceRecord("7", {"id": "7", "cap": "20100"}), {"cap": "10100"}, "gid")
    assert sent(server, "customers/update") == [
        {"id": "7", "customer_id": "7", "cap": "10100", "dati_fatturazione": {"cap": "10100"}}
    ]


def test_a_field_the_site_never_shows_is_not_writable(scripted, site):
    server = scripted(done(), done(id=7))
    result = site.customers(url=server.url).update(SourceRecord("7", {"id": "7"}), {"tags": ("a",)}, "gid")
    assert result.unwritable == {"tags"}


def test_fields_are_emptied(site, ada):
    empty = {"telefono": None, "comune": None, "piva": "", "sdi": None, "tags": (), "extraFields.codice": None}
    result = site.customers(paths={"extraFields.codice"}).update(ada, empty, "gid")
    raw = result.record.raw
    assert [raw[name] for name in ("telefono", "comune", "piva", "sdi", "tags")] == [None, None, None, None, ()]
    assert raw["extraFields"] == {"codice": None}
    assert result.unwritable == frozenset()


def test_names_are_never_emptied_and_nothing_is_sent_for_them(site, ada):
    site.forget_calls()
    result = site.customers().update(ada, {"nome": None, "email": ""}, "gid")
    assert (result.record, result.requests) == (ada, 0)
    assert site.control.metrics()["requests"] == 0


def test_a_field_that_stays_as_it_was_is_not_writable_after_two_tries(site, ada):
    site.quirk(not_writable=["pec", "tags"])
    result = site.customers().update(ada, {**CHANGES, "tags": ("wholesale",)}, "gid")
    # pec travels in dati_fatturazione too; the switch drops it in both places.
    assert result.unwritable == {"pec", "tags"}
    assert site.calls("customersUpdate") == 2
    assert holds(result.record, {**FULL, **CHANGES, "pec": FULL["pec"], "tags": FULL["tags"]})


def test_the_number_of_tries_is_an_option(site, ada):
    site.quirk(not_writable=["pec"])
    result = site.customers(readback={"tries": 3, "wait": 0.2}).update(ada, {"pec": "x@pec.example"}, "gid")
    assert result.unwritable == {"pec"}
    assert (site.calls("customersUpdate"), site.waits) == (3, [0.2, 0.2])


def test_a_value_that_the_site_normalises_is_written(site, ada):
    site.quirk(normalise="full")
    result = site.customers().update(ada, {"indirizzo": "Via <b>Po</b>   3", "telefono": "0039 02 555"}, "gid")
    assert result.record.raw["indirizzo"] == "Via Po 3"
    assert result.record.raw["telefono"] == "+3902555"
    assert (result.requests, result.unwritable) == (2, frozenset())


def test_a_site_that_reads_only_one_place_takes_only_its_own_form(site, ada):
    site.quirk(billing_update="object")
    result = site.customers(customers={"update_billing": "flat"}).update(ada, {"comune": "Torino"}, "gid")
    assert result.unwritable == {"comune"}
    assert site.customers().update(ada, {"comune": "Torino"}, "gid").unwritable == frozenset()


def test_fields_switched_off_for_updates_are_reported_without_a_request(site, ada):
    site.forget_calls()
    customers = site.customers(customers={"update_extra": ["marketing_active"]})
    result = customers.update(ada, {"tags": ("new",)}, "gid")
    assert (result.unwritable, result.requests) == ({"tags"}, 0)
    assert site.control.metrics()["requests"] == 0


def test_registration_never_stands_in_for_an_update_by_default(site, ada):
    site.quirk(not_writable=["tags"])
    site.forget_calls()
    site.customers().update(ada, {"tags": ("x",)}, "gid")
    assert site.calls("customersRegistration") == 0


def test_if_allowed_registration_writes_what_an_update_does_not_take(scripted, site):
    old, new = done(id=7, tags=["a"], **WHO), done(id=7, tags=["b"], **WHO)
    server = scripted(done(), old, done(), old, done(id=7), new)
    customers = site.customers(url=server.url, customers={"allow_registration_upsert": True})
    result = customers.update(SourceRecord("7", {"id": "7", "tags": ("a",)}), {"tags": ("b",)}, "gid")
    assert (result.unwritable, result.requests) == (frozenset(), 6)
    (registered,) = sent(server, "customers/registration")
    assert {key: registered[key] for key in registered if key != "password"} == {**WHO, "tags": ["b"]}


def test_if_that_does_not_help_either_the_field_is_not_writable(site, ada):
    site.quirk(not_writable=["tags"])
    before = count(site)
    customers = site.customers(customers={"allow_registration_upsert": True})
    assert customers.update(ada, {"tags": ("x",)}, "gid").unwritable == {"tags"}
    assert count(site) == before


def test_a_repeated_update_is_harmless(site, ada):
    site.control.add_fault("lost_answer", match={"operation": "customersUpdate"}, times=1)
    result = site.customers().update(ada, CHANGES, "gid")
    assert holds(result.record, {**FULL, **CHANGES})


def test_the_email_of_another_customer_needs_a_person(site, ada):
    customers = site.customers()
    customers.create({**WHO, "email": "other@shop.example"}, "2")
    with pytest.raises(SyncError) as caught:
        customers.update(ada, {"email": "Other@shop.example"}, "gid")
    assert caught.value.code is errors.FW360_EXISTS
    assert caught.value.record == f"customer framework360:{ada.id}"


def test_an_update_of_a_deleted_customer_says_that_it_is_gone(site, ada):
    gone = type(ada)("999999", ada.raw)
    with pytest.raises(SyncError) as caught:
        site.customers().update(gone, {"cap": "1"}, "gid")
    assert caught.value.code is errors.FW360_NOT_FOUND


def test_known_sales_are_kept_over_an_update(site):
    customers = site.customers(paths=ORDER_PATHS)
    buyer = next(record for page in customers.scan(Window()) for record in page.records if record.raw["orders_count"])
    site.forget_calls()
    after = customers.update(buyer, {"comune": "Aosta"}, "gid").record
    assert {path: after.raw[path] for path in ORDER_PATHS} == {path: buyer.raw[path] for path in ORDER_PATHS}
    assert site.control.metrics()["requests"] == 2
