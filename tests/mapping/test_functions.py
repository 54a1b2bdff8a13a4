"""Every function does what its line in the reference says; phone numbers are those of the library."""

from decimal import Decimal

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopify_fw360.mapping.functions.contact import REGIONS, e164
from shopify_fw360.mapping.functions.prices import compare_at_price, list_price, offer_price, selling_price
from shopify_fw360.mapping.functions.text import clean_name, slug, strip_html
from shopify_fw360.mapping.registry import FUNCTIONS, Call, Context
from shopify_fw360.mapping.values import Invalid

CONTEXT = Context(placeholder_domain="no-mail.example")
EXAMPLES = [(function, example) for function in FUNCTIONS.values() for example in function.examples]


@pytest.mark.parametrize(("function", "example"), EXAMPLES, ids=lambda item: getattr(item, "name", None))
def test_examples_of_the_reference_are_true(function, example):
    call = Call.parse(example.call)
    assert call.function is function
    run = function.build(call.args, CONTEXT)
    if example.result is Invalid:
        with pytest.raises(Invalid):
            run(example.value, *example.given)
    else:
        assert run(example.value, *example.given) == example.result


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=lambda function: function.name)
def test_every_function_has_an_example_and_a_sentence(function):
    assert function.examples
    assert function.summary.endswith(".")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("lowr", "there is no function 'lowr'; did you mean lower?"),
        ({"lower": 1}, "lower takes no arguments"),
        ({"truncate": 0}, "truncate argument 'length'"),
        ({"e164": {"countri": "x"}}, "e164 has no argument 'countri'; did you mean country?"),
        ({"e164": {"default": "ZZ"}}, "ZZ is no country code"),
        ("truncate", "truncate needs the argument 'length'"),
        ({"omit_tags": {"pattern": "("}}, "no regular expression"),
        ({"date": "Mars/Base"}, "there is no time zone Mars/Base"),
        ({"strip": None, "lower": None}, "write a function name"),
        ({"omit_tags": {}}, "give texts, a prefix or a pattern"),
    ],
)
def test_a_wrong_call_is_refused_with_a_hint(call, message):
    with pytest.raises(ValueError, match=r".") as caught:
        Call.parse(call)
    assert message in str(caught.value)


def test_placeholder_addresses_need_a_domain():
    function = FUNCTIONS["placeholder_email"]
    assert not function.build(None, Context())("gid://shopify/Customer/7")
    omit = FUNCTIONS["omit_placeholder_email"].build(None, Context())
    assert omit("shopify-7@no-mail.example") == "shopify-7@no-mail.example"


@given(st.text(max_size=40))
def test_a_clean_name_stays_as_it_is_and_holds_only_what_the_contract_allows(text):
    name = clean_name(text)
    if name is not None:
        assert clean_name(name) == name
        assert len(name) >= 2
        assert any(character.isalnum() for character in name)


def test_marks_stay_with_their_letters():
    assert clean_name("हिन्दी") == "हिन्दी"
    assert clean_name("e\u0301lise") == "élise"


def by_library(number, region):
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return Invalid
    if not phonenumbers.is_possible_number(parsed):
        return Invalid
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)


@given(
    region=st.sampled_from(["IT", "DE", "FR", "GB", "US", "SM", *sorted(REGIONS)]),
    prefix=st.one_of(st.just(""), st.sampled_from(CODES).map("+{}".format), st.sampled_from(CODES).map("{}".format)),
    rest=st.text(alphabet="0123456789 .-()/", min_size=3, max_size=15),
)
def test_phone_numbers_that_need_no_parsing_come_out_as_the_library_writes_them(region, prefix, rest):
    number = prefix + rest
    if number.strip().startswith("00"):
        return
    try:
        result = e164(number, region)
    except Invalid:
        result = Invalid
    assert result == by_library(number.strip(), region)


@given(st.text(alphabet="<>&!-[]/ab \n\"'=", max_size=60))
def test_html_is_stripped_of_whatever_it_is(text):
    try:
        result = strip_html(text)
    except Invalid as fault:
        result = fault.message
    assert "\n" not in result


@given(st.text(max_size=40))
def test_a_slug_stays_as_it_is(text):
    made = slug(text)
    if made is not None:
        assert slug(made) == made
        assert not any(character.isspace() or character in "/?#" for character in made)


cents = st.integers(-100, 5_000).map(lambda number: Decimal(number).scaleb(-2))


@given(cents, st.one_of(st.none(), cents))
def test_prices_that_went_to_framework360_and_back_ask_the_same_amount(price, compare_at):
    listed, offered = list_price(price, compare_at), offer_price(price, compare_at)
    assert selling_price(listed, offered) == price
    assert compare_at_price(listed, offered) == (compare_at if offered is not None else None)


@given(cents, st.one_of(st.none(), cents))
def test_prices_that_went_to_shopify_and_back_are_the_same(listed, offered):
    price, compare_at = selling_price(listed, offered), compare_at_price(listed, offered)
    assert list_price(price, compare_at) == listed
    assert offer_price(price, compare_at) == (offered if compare_at is not None else None)


def test_the_other_price_of_an_offer_may_be_nonsense():
    assert list_price("5", "molto") == Decimal(5)
    assert selling_price("5", None) == Decimal(5)
