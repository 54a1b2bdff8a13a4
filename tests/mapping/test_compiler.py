"""A mapping is checked against both systems before anything runs."""

from decimal import Decimal

import pytest

from shopify_fw360.mapping.problems import MappingError
from shopify_fw360.records import Entity, FieldType, Flow, System
from shopify_fw360.settings import Customers, SyncSettings

EMAIL = "email: {from: defaultEmailAddress.emailAddress, apply: [strip, lower]}"


@pytest.fixture
def faults(compiled):
    def of(fields, **more):
        with pytest.raises(MappingError) as caught:
            compiled(fields, **more)
        return [f"{p.code.code} {p.line} {p.field} {p.rule}: {p.message}" for p in caught.value.problems]

    return of


def test_a_compiled_mapping_says_what_it_reads_and_writes(compiled):
    mapping = compiled(
        f"""
        {EMAIL}
        telefono:
          from: {{first_of: [defaultPhoneNumber.phoneNumber, defaultAddress.phone]}}
          apply: [{{e164: {{country: defaultAddress.countryCodeV2}}}}]
        comune: {{from: defaultAddress.city, required: true, on: create, merge: ask, group: address}}
        """,
        top="match: [email]\nmerge: shopify\n",
    )
    assert mapping.flow == Flow(Entity.CUSTOMER, System.SHOPIFY)
    assert list(mapping.fields) == ["email", "telefono", "comune"]
    assert mapping.match == ("email",)
    phone = mapping.fields["telefono"]
    assert phone.merge == "shopify"
    assert phone.paths == {"defaultPhoneNumber.phoneNumber", "defaultAddress.phone", "defaultAddress.countryCodeV2"}
    assert phone.main_paths == {"defaultPhoneNumber.phoneNumber", "defaultAddress.phone"}
    assert phone.reads == ("telefono",)
    city = mapping.fields["comune"]
    assert (city.required, city.create_only, city.merge, city.group) == (True, True, "ask", "address")
    assert mapping.paths == phone.paths | {"defaultEmailAddress.emailAddress", "defaultAddress.city"}
    assert mapping.protected == mapping.paths - {"defaultAddress.city", "defaultAddress.countryCodeV2"}
    assert mapping.read_paths == {"email", "telefono", "comune"}


def test_unknown_fields_are_named_all_at_once_with_near_names(faults):
    found = faults(
        """
        nome: {from: {first_of: [frstName, displayNam]}, default: {first_of: [lastNam]}}
        tagz: {from: tags}
        """
    )
    assert [line.split(":")[0] for line in found] == [
        "SYNC-102 5 nome from", "SYNC-102 5 nome from", "SYNC-102 6 tagz target field",
    ]  # fmt: skip
    assert "did you mean firstName" in found[0]
    assert "did you mean tags?" in found[2]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("nome: {from: tags}", 'SYNC-101 5 nome type: tags cannot become text; make one text of it with {join: ", "}'),
        (
            "tags: {from: firstName}",
            'SYNC-101 5 tags type: text cannot become tags; make a list of it with {split: ","}',
        ),
        ("nome: {from: taxExempt}", "SYNC-101 5 nome type: flag cannot become text; translate it with map"),
        ("nome: {from: firstName, apply: [first]}", 'first works on a list; make one of the text with {split: ","}'),
        ("tags: {from: tags, apply: [decimal]}", "decimal works on one value, and the value is a list here"),
        ("tags: {from: tags, apply: [{split: x}]}", "split works on one text, and the value is a list here"),
        ("nome: {from: {join: [tags, firstName]}}", "a list stands beside texts"),
        ("nome: {from: firstName, merge: union}", "union works on tags, and this field is text"),
        ("nome: {from: firstName, merge: most_restrictive}", "most_restrictive works on flag"),
        ("tags: {from: tags, pattern: x}", "SYNC-101 5 tags pattern: works on text, and this field is tags"),
        ("marketing_active: {from: state, map: {A: maybe}}", 'map A: "maybe" breaks the rule type: a text where true'),
        ("marketing_active: {from: state, map: {A: true}, map_default: x}", 'map_default: "x" breaks the rule type'),
        ("nome: {from: firstName, max_length: 3, default: Cliente}", '"Cliente" breaks the rule max_length: 7'),
        ("nome: {from: firstName, metafield_type: json}", "metafield_type: this field is no metafield"),
        ("tags: {from: tags, type: text}", "the system fixes the type of this field: tags"),
        ("nome: {from: firstName, default: {first_of: [email_local_part]}}", "email_local_part needs a field 'email'"),
        ("nome: {from: firstName, default: {first_of: [cliente]}}", "write {value: cliente} for the text itself"),
        ("marketing_active: {from: taxExempt, omit: [x]}", "omit: works on text"),
    ],
)
def test_rules_that_cannot_work_are_refused(faults, fields, expected):
    assert any(expected in found for found in faults(fields)), faults(fields)


def test_a_natural_key_is_a_text(faults):
    (found,) = faults("tags: {from: tags}", top="match: [tags]\n")
    assert found == "SYNC-101 4 tags match: a natural key is a text field"


def test_missing_scopes_are_named(faults, compiled):
    (found,) = faults("nome: {from: firstName}", granted=["read_products"])
    assert found.startswith("SYNC-104 5 nome from: firstName needs the scope read_customers")
    assert compiled("nome: {from: firstName}", granted=["write_customers"])


def test_scopes_also_count_where_the_present_value_is_read(faults):
    (found,) = faults("firstName: {from: nome}", source="framework360", granted=[])
    assert found.startswith("SYNC-104 5 firstName target field: firstName needs the scope")


def test_deprecated_fields_are_warnings(compiled):
    mapping = compiled("email: {from: email}")
    (warning,) = mapping.warnings
    assert "email is deprecated: Use `defaultEmailAddress.emailAddress` instead." in str(warning)


def test_the_metafield_type_gives_the_field_its_type(compiled):
    mapping = compiled(
        "metafields.custom.points: {from: orders_count, metafield_type: number_integer, merge: max}",
        source="framework360",
    )
    target = mapping.fields["metafields.custom.points"].target
    assert (target.type, target.metafield_type) == (FieldType.INTEGER, "number_integer")


def test_free_fields_can_be_given_a_type(compiled):
    mapping = compiled("extraFields.spent: {from: amountSpent.amount, type: decimal, merge: max}")
    target = mapping.fields["extraFields.spent"].target
    assert target.type is FieldType.DECIMAL
    assert target.same(Decimal("1.50")) == target.same(Decimal("1.5"))


def test_the_digest_follows_the_meaning_only(compiled):
    first = compiled(f"{EMAIL}\ntags: {{from: tags}}").digest
    same = compiled(f"# a comment\ntags:   {{from: tags}}\n{EMAIL}").digest
    other = compiled(
        f"{EMAIL}\ntags: {{from: tags, apply: [unique_]}}".replace("unique_", "{omit_tags: x}".replace("x", "[x]"))
    )
    assert first == same
    assert len({first, other.digest, compiled(EMAIL).digest}) == 3


def test_the_digest_follows_the_settings_only_where_they_count(compiled):
    settings = SyncSettings(customers=Customers(placeholder_email_domain="no-mail.example"))
    assert compiled(EMAIL).digest == compiled(EMAIL, settings=settings).digest
    invented = EMAIL.replace("}", ", default: {first_of: [placeholder_email]}}")
    assert compiled(invented).digest != compiled(invented, settings=settings).digest


def test_the_display_name_is_the_first_entry_with_a_value(compiled):
    mapping = compiled(
        f"{EMAIL}\nnome: {{from: firstName}}\ncognome: {{from: lastName}}",
        top="display_name: [[nome, cognome], email]\n",
    )
    assert mapping.name_of({"nome": "Anna", "cognome": "Rossi", "email": "a@b.it"}) == "Anna Rossi"
    assert mapping.name_of({"nome": None, "cognome": "Rossi"}) == "Rossi"
    assert mapping.name_of({"nome": None, "email": "a@b.it"}) == "a@b.it"
    assert mapping.name_of({}) == ""
