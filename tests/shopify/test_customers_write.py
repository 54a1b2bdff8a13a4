from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from sandbox.shopify.tokens import STATIC_TOKEN
from shopify_fw360.errors import SHOPIFY_REJECTED, UNCLEAR_CREATE, VANISHED, SyncError
from shopify_fw360.records import Entity, Window
from shopify_fw360.shopify.auth import StaticToken
from shopify_fw360.shopify.customers import ShopifyCustomers
from shopify_fw360.shopify.definitions import ensure_definitions
from shopify_fw360.shopify.fields import CUSTOMER_FIELDS
from shopify_fw360.shopify.schema import SCHEMA
from tests.shopify.helpers import client_for, make

METAFIELDS = ("metafields.$app.orders_count", "metafields.$app.total_spent", "metafields.custom.piva")
TARGETS = dict(CUSTOMER_FIELDS) | {name: SCHEMA.target(Entity.CUSTOMER, name) for name in METAFIELDS}

ADA = {
    "email": "ada@example.com",
    "phone": "+390612345678",
    "firstName": "Ada",
    "lastName": "Lovelace",
    "note": "first",
    "locale": "it",
    "taxExempt": True,
    "tags": ("vip", "crm"),
    "emailMarketingConsent": True,
    "defaultAddress.address1": "Via Roma 1",
    "defaultAddress.city": "Roma",
    "defaultAddress.zip": "00100",
    "defaultAddress.provinceCode": "RM",
    "defaultAddress.countryCode": "IT",
    "defaultAddress.company": "Engine Srl",
    "defaultAddress.firstName": "Ada",
    "defaultAddress.lastName": "Lovelace",
    "metafields.$app.orders_count": 3,
    "metafields.$app.total_spent": Decimal("129.90"),
    "metafields.custom.piva": "IT01234567890",
}


@pytest.fixture
def shop(shopify_sandbox):
    shopify_sandbox.control.reset(seed=7, customers=0)
    shopify_sandbox.control.set_options(bucket_size=20_000.0, restore_rate=1_000.0)
    ensure_definitions(client_for(shopify_sandbox.url, StaticToken(STATIC_TOKEN)))
    return shopify_sandbox


@pytest.fixture
def client(shop):
    return client_for(shop.url, StaticToken(STATIC_TOKEN))


@pytest.fixture
def customers(client):
    return ShopifyCustomers(client, frozenset(), TARGETS)


def held(record):
    """What the customer holds, by target field, in comparable form."""
    values = {}
    for name, target in TARGETS.items():
        value = record.raw
        for step in SCHEMA.source(Entity.CUSTOMER, target.reads[0]).accessor:
            value = (value or {}).get(step)
        values[name] = target.same(value)
    return values


def wanted(fields):
    return {name: TARGETS[name].same(value) for name, value in fields.items()}


def count(shop):
    return shop.control.state()["records"]["Customer"]


def requests_of(shop, action):
    shop.control.reset_metrics()
    result = action()
    return result, shop.control.metrics()["requests"]


def error_of(call, *arguments):
    with pytest.raises(SyncError) as caught:
        call(*arguments)
    return caught.value


def test_a_customer_is_created_completely_in_two_requests(shop, customers):
    result, requests = requests_of(shop, lambda: customers.create(ADA, "4711"))
    assert result.created
    assert requests == result.requests == 2
    assert {name: value for name, value in held(result.record).items() if name in ADA} == wanted(ADA)
    assert result.record.raw["metafields"]["$app"]["fw360_id"] == "4711"
    assert customers.fetch([result.record.id])[result.record.id] == result.record


def test_a_customer_without_extras_is_created_in_one_request(shop, customers):
    result, requests = requests_of(shop, lambda: customers.create({"firstName": "Ada", "note": None}, "4711"))
    assert requests == result.requests == 1


def test_the_counterpart_is_found_by_the_other_systems_id(customers):
    record = customers.create(ADA, "4711").record
    assert customers.find_counterpart("4711") == record
    assert customers.find_counterpart("4712") is None


def test_creating_twice_with_the_same_id_makes_one_customer(shop, customers):
    first = customers.create(ADA, "4711").record
    second = customers.create(ADA | {"firstName": "Augusta"}, "4711").record
    assert (second.id, second.raw["firstName"], count(shop)) == (first.id, "Augusta", 1)


@pytest.mark.parametrize("fault", ["lost_answer", "apply_then_500", "truncate", "reset"])
def test_a_create_whose_answer_is_lost_makes_one_customer(shop, customers, fault):
    shop.control.add_fault(fault, match={"operation": "CustomerCreate"}, times=1)
    result = customers.create(ADA, "4711")
    assert count(shop) == 1
    assert {name: value for name, value in held(result.record).items() if name in ADA} == wanted(ADA)


@pytest.mark.parametrize(("field", "value"), [("email", "ADA@example.com"), ("phone", "+390612345678")])
def test_a_taken_key_can_be_told_apart(customers, field, value):
    customers.create(ADA, "4711")
    error = error_of(customers.create, {"firstName": "Other", field: value}, "4712")
    assert (error.code, error.rule, error.field) == (SHOPIFY_REJECTED, "taken", field)


@pytest.mark.parametrize(
    ("field", "value"), [("email", "no mail"), ("phone", "12"), ("defaultAddress.city", "x" * 300)]
)
def test_a_refused_value_names_record_and_field_and_hides_the_value(shop, customers, field, value):
    error = error_of(customers.create, {"firstName": "Ada", field: value}, "4711")
    assert error.code is SHOPIFY_REJECTED
    assert error.field == field
    assert error.record == "customer framework360:4711"
    assert count(shop) == 0


CHANGES = [
    {"firstName": "Augusta"},
    {"email": "countess@example.com"},
    {"phone": "+390699999999"},
    {"phone": None},
    {"note": None},
    {"lastName": None},
    {"taxExempt": False},
    {"locale": "de"},
    {"tags": ("vip", "new")},
    {"tags": ()},
    {"defaultAddress.city": "Milano"},
    {"defaultAddress.company": None},
    {"defaultAddress.countryCode": "DE", "defaultAddress.provinceCode": None},
    {"emailMarketingConsent": False},
    {"metafields.$app.orders_count": 4},
    {"metafields.$app.total_spent": None},
    {"metafields.custom.piva": None},
    {"email": "new@example.com", "tags": ("a",), "defaultAddress.zip": "00200", "metafields.$app.orders_count": 9},
]


@pytest.mark.parametrize("changes", CHANGES, ids=lambda changes: " ".join(f"{k}={v}" for k, v in changes.items()))
def test_an_update_writes_the_changed_fields_and_leaves_the_others(shop, customers, changes):
    before = customers.create(ADA, "4711").record
    result, requests = requests_of(shop, lambda: customers.update(before, changes, "4711"))
    expected = held(before) | wanted(changes)
    assert held(result.record) == expected
    assert held(customers.fetch([before.id])[before.id]) == expected
    assert requests == result.requests <= 2
    assert not result.created


def test_an_update_of_many_fields_is_one_request(shop, customers):
    before = customers.create(ADA, "4711").record
    changes = {
        "firstName": "Augusta",
        "tags": ("x",),
        "defaultAddress.city": "Milano",
        "emailMarketingConsent": False,
        "metafields.$app.orders_count": 9,
    }
    _, requests = requests_of(shop, lambda: customers.update(before, changes, "4711"))
    assert requests == 1


def test_an_update_without_changes_sends_nothing(shop, customers):
    before = customers.create(ADA, "4711").record
    result, requests = requests_of(shop, lambda: customers.update(before, {}, "4711"))
    assert (result.record, result.requests, requests) == (before, 0, 0)


@pytest.mark.parametrize("before_id", [None, "1"])
def test_the_external_id_is_written_if_it_is_missing_or_another(client, customers, before_id):
    if before_id:
        customer = customers.create({"firstName": "Ada"}, before_id).record
    else:
        customer = person(client, customers, firstName="Ada")
    after = customers.update(customer, {}, "4711").record
    assert after.raw["metafields"]["$app"]["fw360_id"] == "4711"
    assert customers.find_counterpart("4711").id == customer.id


def person(client, customers, **fields):
    """A customer a person has made in the shop, as the gateway reads it."""
    customer = make(client, **fields)
    return customers.fetch([customer])[customer]


def test_tags_the_merchant_adds_meanwhile_survive(client, customers):
    before = customers.create(ADA, "4711").record
    client.execute(
        'mutation M($id: ID!) { tagsAdd(id: $id, tags: ["merchant"]) { userErrors { message } } }',
        {"id": before.id},
        operation_name="M",
        idempotent=True,
    )
    after = customers.update(before, {"tags": ("vip", "new")}, "4711").record
    assert TARGETS["tags"].same(after.raw["tags"]) == ("merchant", "new", "vip")


def test_a_first_address_becomes_the_default(client, customers):
    before = person(client, customers, firstName="Ada")
    after = customers.update(before, {"defaultAddress.city": "Roma", "defaultAddress.countryCode": "IT"}, "4711").record
    assert after.raw["defaultAddress"]["city"] == "Roma"


def test_emptying_an_address_that_is_not_there_makes_none(client, customers):
    before = person(client, customers, firstName="Ada")
    after = customers.update(before, {"defaultAddress.city": None}, "4711").record
    assert after.raw["defaultAddress"] is None


def test_adding_an_address_is_never_repeated_blindly(shop, client, customers):
    before = person(client, customers, firstName="Ada")
    shop.control.add_fault("lost_answer", match={"operation": "CustomerUpdate"}, times=1)
    changes = {"defaultAddress.city": "Roma", "defaultAddress.countryCode": "IT"}
    assert error_of(customers.update, before, changes, "4711").code is UNCLEAR_CREATE
    gateway = ShopifyCustomers(client, {"addressesV2[].city"}, TARGETS)
    again = gateway.fetch([before.id])[before.id]
    after = gateway.update(again, {"defaultAddress.city": "Roma"}, "4711").record
    assert [address["city"] for address in after.raw["addressesV2"]] == ["Roma"]


@pytest.mark.parametrize("level", ["SINGLE_OPT_IN", "CONFIRMED_OPT_IN"])
def test_a_subscription_states_level_and_time(client, level):
    moment = datetime.now(UTC).replace(microsecond=0)
    paths = {"defaultEmailAddress.marketingOptInLevel", "defaultEmailAddress.marketingUpdatedAt"}
    customers = ShopifyCustomers(client, paths, TARGETS, opt_in_level=level, clock=lambda: moment)
    email = customers.create(ADA, "4711").record.raw["defaultEmailAddress"]
    assert (email["marketingState"], email["marketingOptInLevel"]) == ("SUBSCRIBED", level)
    assert datetime.fromisoformat(email["marketingUpdatedAt"]) == moment - timedelta(minutes=1)


def test_an_email_is_set_before_its_consent(client, customers):
    before = person(client, customers, firstName="Ada")
    after = customers.update(before, {"email": "ada@example.com", "emailMarketingConsent": True}, "4711").record
    assert after.raw["defaultEmailAddress"]["marketingState"] == "SUBSCRIBED"


def test_a_subscription_without_email_is_refused_before_anything_is_sent(shop, client, customers):
    before = person(client, customers, firstName="Ada")
    shop.control.reset_metrics()
    error = error_of(customers.update, before, {"firstName": "B", "emailMarketingConsent": True}, "4711")
    assert (error.code, error.field) == (SHOPIFY_REJECTED, "emailMarketingConsent")
    assert shop.control.metrics()["requests"] == 0


def test_no_subscription_without_email_is_nothing_to_do(client, customers):
    before = person(client, customers, firstName="Ada")
    after = customers.update(before, {"emailMarketingConsent": False}, "4711").record
    assert after.raw["defaultEmailAddress"] is None


@pytest.mark.parametrize("changes", [{"firstName": "A"}, {"tags": ("a",)}, {"metafields.$app.orders_count": 1}])
def test_a_customer_deleted_meanwhile_has_vanished(client, customers, changes):
    before = person(client, customers, firstName="Ada")
    client.execute(
        "mutation M($id: ID!) { customerDelete(input: {id: $id}) { deletedCustomerId userErrors { message } } }",
        {"id": before.id},
        operation_name="M",
        idempotent=True,
    )
    assert error_of(customers.update, before, changes, "4711").code is VANISHED


def test_an_update_names_the_field_shopify_refuses(customers):
    before = customers.create(ADA, "4711").record
    error = error_of(customers.update, before, {"metafields.$app.orders_count": "many", "note": "x"}, "4711")
    assert (error.code, error.field) == (SHOPIFY_REJECTED, "metafields.$app.orders_count")
    assert error.record == f"customer shopify:{before.id}"


def test_more_metafields_than_one_call_takes_are_written(client):
    names = [f"metafields.custom.field_{number}" for number in range(60)]
    targets = {name: SCHEMA.target(Entity.CUSTOMER, name) for name in names}
    customers = ShopifyCustomers(client, frozenset(), targets)
    record = customers.create({"firstName": "Ada"} | {name: f"v{name}" for name in names}, "4711").record
    assert record.raw["metafields"]["custom"] == {name.split(".")[2]: f"v{name}" for name in names}


def test_writing_moves_the_customer_into_the_next_window(customers):
    before = customers.create(ADA, "4711").record
    after = customers.update(before, {"note": "new"}, "4711").record
    ids = [record.id for page in customers.scan(Window(since=after.updated_at)) for record in page.records]
    assert ids == [before.id]


def test_eight_threads_write_without_being_throttled(shop):
    shop.control.set_options(bucket_size=2_000.0, restore_rate=1_500.0)
    client = client_for(shop.url, StaticToken(STATIC_TOKEN))
    customers = ShopifyCustomers(client, frozenset(), TARGETS)
    with ThreadPoolExecutor(8) as pool:
        fields = [ADA | {"email": f"a{n}@example.com", "phone": f"+3906123450{n:02}"} for n in range(80)]
        list(pool.map(lambda n: customers.create(fields[n], str(n)), range(80)))
    assert count(shop) == 80
    assert shop.control.state()["requests"]["throttled"] == 0
