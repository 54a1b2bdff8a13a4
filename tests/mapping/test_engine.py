"""What the engine makes of records: unknown, empty and given values, defaults, parked records, present values."""

import math
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from shopify_fw360.mapping.engine import Rejection, Row, fingerprint, read_targets, transform
from shopify_fw360.settings import Customers, SyncSettings


@pytest.fixture
def run(compiled):
    def one(fields, record, **more):
        return transform(compiled(fields, **more), [record]).rows[0]

    return one


NAME = "nome: {from: firstName}"
CITY = "comune: {from: defaultAddress.city}"


@pytest.mark.parametrize(
    ("field", "record", "values"),
    [
        (CITY, {}, {}),
        (CITY, {"defaultAddress": None}, {}),
        (CITY, {"defaultAddress": {}}, {}),
        (CITY, {"defaultAddress": {"city": None}}, {"comune": None}),
        (CITY, {"defaultAddress": {"city": ""}}, {"comune": None}),
        (CITY, {"defaultAddress": {"city": " "}}, {"comune": " "}),
        (NAME, {"firstName": None}, {}),
        (NAME, {"firstName": ""}, {"nome": None}),
        ("tags: {from: tags}", {"tags": None}, {"tags": ()}),
        ("tags: {from: tags}", {"tags": []}, {"tags": ()}),
        ("tags: {from: tags}", {}, {}),
        ("nome: {from: firstName, apply: [strip]}", {"firstName": "  "}, {"nome": None}),
        ("extraFields.vip: {from: {value: si}}", {}, {"extraFields.vip": "si"}),
        ("extraFields.n: {from: numberOfOrders, type: integer}", {"numberOfOrders": "7"}, {"extraFields.n": 7}),
        ("cap: {from: defaultAddress.zip}", {"defaultAddress": {"zip": 20124}}, {"cap": "20124"}),
        ("extraFields.cities: {from: 'addressesV2[].city', type: json}",
         {"addressesV2": [{"city": "Roma"}, {"city": None}, {}]}, {"extraFields.cities": ["Roma"]}),
    ],
)  # fmt: skip
def test_absent_null_and_empty_are_told_apart(run, field, record, values):
    assert run(field, record) == Row(values)


@pytest.mark.parametrize(
    ("record", "values"),
    [
        ({"firstName": "A", "defaultAddress": {"city": "R"}}, {"nome": "A"}),
        ({"firstName": " ", "defaultAddress": {"city": "R"}}, {"nome": "R"}),
        ({"firstName": None, "defaultAddress": {"city": "R"}}, {"nome": "R"}),
        ({"firstName": None, "defaultAddress": {"city": None}}, {}),
        ({"firstName": "", "defaultAddress": {"city": None}}, {"nome": None}),
    ],
)
def test_first_of_takes_the_first_value_and_is_unknown_while_a_part_is(run, record, values):
    assert run("nome: {from: {first_of: [firstName, defaultAddress.city]}}", record) == Row(values)


@pytest.mark.parametrize(
    ("record", "values"),
    [
        ({"firstName": "A", "lastName": " B "}, {"nome": "A-B"}),
        ({"firstName": None, "lastName": "B"}, {"nome": "B"}),
        ({"firstName": " ", "lastName": "B"}, {"nome": "B"}),
        ({"firstName": None, "lastName": ""}, {}),
        ({"firstName": "", "lastName": ""}, {"nome": None}),
    ],
)
def test_join_leaves_out_missing_parts(run, record, values):
    assert run('nome: {from: {join: [firstName, lastName], with: "-"}}', record) == Row(values)


def test_parts_can_have_functions_of_their_own(run):
    fields = "nome: {from: {join: [{from: firstName, apply: [upper]}, {value: di}, {from: lastName, apply: [strip]}]}}"
    assert run(fields, {"firstName": "anna", "lastName": " Roma "}) == Row({"nome": "ANNA di Roma"})


def test_text_functions_on_a_list_work_on_each_entry(run):
    fields = "tags: {from: tags, apply: [lower, {omit_tags: {prefix: 'sys:'}}, {prefix: 'shop:'}], omit: ['shop:x']}"
    assert run(fields, {"tags": ["VIP", "SYS:1", "X"]}) == Row({"tags": ("shop:vip",)})


def test_a_map_translates_and_parks_what_is_not_in_it(run):
    fields = "nome: {from: state, map: {ENABLED: attivo, DISABLED: spento}}"
    assert run(fields, {"state": "ENABLED"}) == Row({"nome": "attivo"})
    rejection = run(fields, {"state": "INVITED"})
    assert (rejection.code.code, rejection.field, rejection.rule) == ("SYNC-203", "nome", "map")
    assert run(fields.replace("}}", "}, map_default: altro}"), {"state": "INVITED"}) == Row({"nome": "altro"})
    assert run(fields, {"state": None}) == Row({"nome": None})


def test_a_map_looks_flags_and_numbers_up_by_their_text(run):
    fields = "nome: {from: taxExempt, map: {true: esente, false: normale}}"
    assert run(fields, {"taxExempt": True}) == Row({"nome": "esente"})
    assert run("nome: {from: numberOfOrders, map: {1: uno}}", {"numberOfOrders": 1}) == Row({"nome": "uno"})


def test_defaults_fill_unknown_and_empty_and_are_marked(run):
    fields = """
        email: {from: defaultEmailAddress.emailAddress}
        nome: {from: firstName, apply: [clean_name], default: {first_of: [email_local_part, Cliente]}}
        cognome: {from: lastName, default: Non indicato}
        """
    record = {"firstName": "*", "lastName": "Rossi", "defaultEmailAddress": {"emailAddress": "mario_rossi@x.it"}}
    assert run(fields, record) == Row(
        {"email": "mario_rossi@x.it", "nome": "mariorossi", "cognome": "Rossi"}, frozenset({"nome"})
    )
    assert run(fields, {"defaultEmailAddress": {"emailAddress": "*@x.it"}}).values["nome"] == "Cliente"
    assert run(fields, {"lastName": ""}).defaulted == {"nome", "cognome"}


def test_defaults_can_be_paths_and_written_out_parts(run):
    fields = "nome: {from: firstName, default: {first_of: [lastName, {from: locale, apply: [upper]}, {value: x}]}}"
    assert run(fields, {"lastName": "L", "locale": "it"}).values == {"nome": "L"}
    assert run(fields, {"locale": "it"}).values == {"nome": "IT"}
    assert run(fields, {}).values == {"nome": "x"}


def test_a_default_that_breaks_a_rule_gives_way_to_the_next(run):
    fields = "nome: {from: firstName, max_length: 3, default: {first_of: [lastName, {value: ok}]}}"
    assert run(fields, {"lastName": "too long"}) == Row({"nome": "ok"}, frozenset({"nome"}))


def test_placeholder_addresses_are_invented_only_with_a_domain(run):
    fields = "email: {from: defaultEmailAddress.emailAddress, default: {first_of: [placeholder_email]}, required: true}"
    record = {"id": "gid://shopify/Customer/7", "defaultEmailAddress": None}
    assert run(fields, record).code.code == "SYNC-201"
    settings = SyncSettings(customers=Customers(placeholder_email_domain="no-mail.example"))
    row = run(fields, record, settings=settings)
    assert row == Row({"email": "shopify-7@no-mail.example"}, frozenset({"email"}))
    back = run(
        "email: {from: email, apply: [omit_placeholder_email]}", row.values, source="framework360", settings=settings
    )
    assert back == Row({})


def test_omitted_values_are_unknown_not_empty(run):
    fields = "email: {from: email}\nfirstName: {from: nome, omit: [Cliente, email_local_part]}"
    for name, expected in (("cliente ", {}), ("mario.rossi", {}), ("Mario.Rossi", {"firstName": "Mario.Rossi"})):
        row = run(fields, {"email": "mario.rossi@x.it", "nome": name}, source="framework360")
        assert row.values == {"email": "mario.rossi@x.it", **expected}


@pytest.mark.parametrize(
    ("fields", "value", "rule"),
    [
        ("nome: {from: firstName, max_length: 3}", "Anna", "max_length"),
        ("nome: {from: firstName}", "x" * 121, "max_length"),
        ("nome: {from: firstName, pattern: '[a-z]+'}", "Anna", "pattern"),
        ("email: {from: firstName, pattern: '(a*)*b'}", "a" * 1_001, "pattern"),
        ("nome: {from: firstName}", ["Anna"], "type"),
        ("nome: {from: firstName}", {"a": 1}, "type"),
        ("nome: {from: firstName}", True, "type"),
        ("nome: {from: firstName}", math.nan, "type"),
        ("nome: {from: firstName}", 10**30, "type"),
        ("nome: {from: firstName}", "half \ud83d", "type"),
        ("nome: {from: firstName}", "nul \0", "type"),
        ("nome: {from: firstName}", "x" * 10_000_000, "type"),
        ("telefono: {from: firstName, apply: [e164]}", "333 123", "apply e164"),
        ("nome: {from: firstName, min_length: 2}", "A", "min_length"),
        ("extraFields.n: {from: firstName, type: integer, min: 0}", "-1", "min"),
        ("extraFields.n: {from: firstName, type: decimal, min: 0.01}", "0.001", "min"),
        ("extraFields.n: {from: firstName, type: json, max_items: 2}", [1, 2, 3], "max_items"),
    ],
)
def test_a_bad_value_parks_its_record_with_field_rule_and_a_short_excerpt(compiled, fields, value, rule):
    result = transform(compiled(fields), [{"firstName": "+39333123456"[:3]}, {"firstName": value}][1:])
    (rejection,) = result.rows
    assert isinstance(rejection, Rejection)
    assert (rejection.code.code, rejection.rule) == ("SYNC-202", rule)
    assert len(rejection.value_excerpt) <= 120
    rejection.value_excerpt.encode()
    error = rejection.as_error("customer shopify:1")
    assert "customer shopify:1" in str(error)
    if isinstance(value, str):
        assert value not in str(error)


def test_on_invalid_omit_leaves_the_field_out_and_tells(compiled):
    mapping = compiled(f"{NAME}\ntelefono: {{from: note, apply: [e164], on_invalid: omit}}")
    result = transform(mapping, [{"firstName": "A", "note": "x"}, {"firstName": "B", "note": "+393331234567"}])
    assert result.rows == [Row({"nome": "A"}), Row({"nome": "B", "telefono": "+393331234567"})]
    (omission,) = result.omissions
    assert (omission.index, omission.field, omission.rule) == (0, "telefono", "apply e164")


def test_a_bad_record_does_not_stop_the_batch_and_order_is_kept(compiled):
    records = [{"firstName": f"N{number}" if number % 3 else 7.5} for number in range(5_000)]
    records[4_500] = {"firstName": [1]}
    rows = transform(compiled(NAME), records).rows
    assert [row.values["nome"] for row in rows if isinstance(row, Row)] == [
        f"N{number}" if number % 3 else "7.5" for number in range(5_000) if number != 4_500
    ]
    assert rows[4_500].index == 4_500


def test_equal_values_of_different_types_do_not_share_a_result(compiled):
    mapping = compiled("extraFields.f: {from: taxExempt, type: flag}\nextraFields.n: {from: note}")
    rows = transform(mapping, [{"taxExempt": v, "note": v} for v in (1, True, 1.0, "1", Decimal("1.00"))]).rows
    shown = [row.rule if isinstance(row, Rejection) else row.values["extraFields.n"] for row in rows]
    assert shown == ["1", "type", "type", "1", "type"]


def test_a_further_value_reaches_a_function_as_text_whatever_its_type(compiled):
    fields = "extraFields.n: {from: note, apply: [{only_if: taxExempt}]}"
    records = [{"note": "x", "taxExempt": flag} for flag in (True, "true", 1, "1", False, 0, None, [True], {})]
    rows = transform(compiled(fields), [*records, {"note": "x"}]).rows
    assert [bool(row.values) for row in rows] == [True] * 4 + [False] * 6


def test_equal_values_of_different_types_do_not_share_a_result_beside_further_values_either(compiled):
    mapping = compiled("extraFields.n: {from: note, apply: [{only_if: taxExempt}]}")
    rows = transform(mapping, [{"note": value, "taxExempt": True} for value in (1, True, "1", [1])]).rows
    assert [row.rule if isinstance(row, Rejection) else row.values["extraFields.n"] for row in rows] == [
        "1",
        "type",
        "1",
        "type",
    ]


def test_wrong_shapes_where_an_object_is_expected_are_parked(compiled):
    rows = transform(compiled(CITY), [{"defaultAddress": "x"}, {"defaultAddress": [1]}, [], "x", None]).rows
    assert [row.message if isinstance(row, Rejection) else row.values for row in rows] == [
        "a text where an object is expected", "a list where an object is expected",
        "a list where an object is expected", "a text where an object is expected", {},
    ]  # fmt: skip


def test_values_are_canonical(run):
    fields = """
        extraFields.t: {from: createdAt, type: time}
        extraFields.d: {from: amountSpent.amount, apply: [money], type: decimal}
        extraFields.j: {from: tags, type: json}
        """
    row = run(fields, {"createdAt": "2026-11-20T10:00:00+01:00", "amountSpent": {"amount": "10.005"}, "tags": ["a"]})
    assert row.values == {
        "extraFields.t": datetime(2026, 11, 20, 9, tzinfo=UTC),
        "extraFields.d": Decimal("10.01"),
        "extraFields.j": ["a"],
    }


def test_an_empty_batch_is_empty(to_shopify):
    assert transform(to_shopify, []).rows == []
    assert read_targets(to_shopify, []) == []


def test_present_values_are_read_as_canonical_as_made_ones(to_shopify):
    record = {
        "firstName": None,
        "defaultEmailAddress": {"emailAddress": "a@x.it", "marketingState": "SUBSCRIBED"},
        "defaultAddress": {"city": None, "countryCodeV2": "IT"},
        "metafields": {"$app": {"orders_count": "3", "total_spent": "10.50"}, "custom": {"piva": None}},
        "tags": ["b", "B", "a"],
    }
    assert read_targets(to_shopify, [record, {"tags": None, "metafields": None}]) == [
        {
            "email": "a@x.it", "emailMarketingConsent": True, "defaultAddress.city": None,
            "defaultAddress.countryCode": "IT", "metafields.custom.piva": None, "metafields.$app.orders_count": 3,
            "metafields.$app.total_spent": Decimal("10.50"), "tags": ("b", "a"),
        },
        {"tags": ()},
    ]  # fmt: skip


def test_a_present_value_that_makes_no_sense_is_unknown(to_shopify):
    record = {"metafields": {"$app": {"orders_count": "many"}}, "tags": 5, "firstName": {"a": 1}}
    assert read_targets(to_shopify, [record]) == [{}]


def test_fingerprints_follow_what_the_system_would_hold(to_framework360, compiled):
    first = fingerprint(to_framework360, {"email": "A@x.it", "tags": ("b", "A"), "nome": None})
    assert first == fingerprint(to_framework360, {"nome": None, "tags": ("a", "b"), "email": "a@x.it "})
    assert first != fingerprint(to_framework360, {"email": "A@x.it", "tags": ("b", "A")})
    assert first != fingerprint(to_framework360, {"email": "A@x.it", "tags": ("b",), "nome": None})
    # Stored fingerprints outlive a release: this one changes only together with compiler.LANGUAGE.
    assert fingerprint(compiled("email: {from: defaultEmailAddress.emailAddress}"), {"email": "a@x.it"}) == (
        "c170b656d6a3aa56da166c2b871f9e99"
    )


def test_a_record_that_only_lacks_a_required_value_keeps_its_other_values_for_a_linked_counterpart(run):
    fields = "email: {from: defaultEmailAddress.emailAddress, required: true}\nnome: {from: firstName}"
    rejection = run(fields, {"firstName": "Ada", "defaultEmailAddress": None})
    assert rejection.code.code == "SYNC-201"
    assert rejection.partial.values["nome"] == "Ada"
    assert run(fields, {"firstName": ["no text"], "defaultEmailAddress": None}).partial is None


def test_a_rejected_record_is_named_as_far_as_its_other_values_tell(to_framework360):
    (rejection,) = transform(to_framework360, [{"firstName": "Ada", "lastName": "Byron"}]).rows
    assert (rejection.field, rejection.display_name) == ("email", "Ada Byron")
