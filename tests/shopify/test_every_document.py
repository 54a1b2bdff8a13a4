"""Every GraphQL document the package can send is valid in the pinned API version and uses nothing deprecated.

The documents are those that are really sent: one story after the other makes the gateways send all they have. A guard
compares them with the texts in the source, so that a new document cannot be forgotten here.
"""

from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from sandbox.shopify.tokens import STATIC_TOKEN
from shopify_fw360.errors import SyncError
from shopify_fw360.records import ChildList, Entity, NewChild, System, Window
from shopify_fw360.sales.booking import Booking
from shopify_fw360.settings import SyncSettings
from shopify_fw360.shopify.address import shop_address
from shopify_fw360.shopify.auth import StaticToken
from shopify_fw360.shopify.budget import CostBudget
from shopify_fw360.shopify.client import Retries
from shopify_fw360.shopify.customers import ShopifyCustomers
from shopify_fw360.shopify.definitions import ensure_definitions
from shopify_fw360.shopify.fields import CUSTOMER_FIELDS, EXTERNAL_ID_PATH
from shopify_fw360.shopify.orders import ShopifyOrders
from shopify_fw360.shopify.products import ShopifyProducts
from shopify_fw360.shopify.schema import SCHEMA
from shopify_fw360.shopify.subscriptions import reconcile
from shopify_fw360.shopify.topics import TOPICS
from shopify_fw360.sync.wiring import load_mappings
from tests.shopify.documents import Judge, RecordingClient, root_fields_in_source
from tests.shopify.product_world import PATHS, TARGETS, kept_children, new_children, picture_urls, shop_client

MAPPINGS = Path(__file__).parents[2] / "include" / "mappings"
ALL = Window()


@pytest.fixture(scope="module")
def judge():
    return Judge()


@pytest.fixture(scope="module")
def sent(shopify_process):
    """Everything the package sends in the stories below."""
    shop = shopify_process
    shop.control.reset(seed=7, customers=60, products=30, orders=20)
    shop.control.set_options(
        bucket_size=1_000_000.0, restore_rate=100_000.0, media_seconds=0.0, job_seconds=0.3, product_set_seconds=0.1
    )
    address = shop_address(shop.url)
    client = RecordingClient(
        address,
        StaticToken(STATIC_TOKEN),
        CostBudget(address.shop),
        retries=Retries(first_wait=0.01),
        sleep=lambda _: None,
    )
    client.check()
    ensure_definitions(client)
    read_everything(client)
    customers(client)
    products(client, picture_urls(shop_client(shop)))
    webhooks(client)
    exports(client)
    return client.documents


def paths_of_mappings(entity):
    mappings = load_mappings(MAPPINGS, SyncSettings())
    found = set()
    for flow, mapping in mappings.items():
        if flow.entity is entity:
            found |= mapping.paths if flow.source is System.SHOPIFY else mapping.read_paths
    return found


def read_everything(client):
    orders = ShopifyOrders(
        client,
        paths_of_mappings(Entity.ORDER),
        booking=lambda: Booking("EUR", with_tax=True, zone=ZoneInfo("Europe/Rome")),
    )
    people = ShopifyCustomers(client, paths_of_mappings(Entity.CUSTOMER), {})
    catalogue = ShopifyProducts(client, paths_of_mappings(Entity.PRODUCT) | PATHS, {})
    for gateway in (orders, people, catalogue):
        records = [record for page in gateway.scan(ALL) for record in page.records]
        gateway.fetch([records[0].id])
    people.find("email", ["a@example.com"])
    people.find("phone", ["+390612345678"])
    catalogue.find("variants.sku", ["A"])
    catalogue.find("variants.barcode", ["A"])
    catalogue.find("handle", ["a"])
    catalogue.facts.taxes_included()


def exports(client):
    catalogue = ShopifyProducts(client, paths_of_mappings(Entity.PRODUCT) | PATHS, {})
    started = catalogue.exports.start(ALL, "Every")
    catalogue.exports.look(started.id)
    catalogue.exports.cancel(started.id)


def customers(client):
    names = ("metafields.$app.orders_count", "metafields.custom.piva")
    targets = dict(CUSTOMER_FIELDS) | {name: SCHEMA.target(Entity.CUSTOMER, name) for name in names}
    gateway = ShopifyCustomers(client, {EXTERNAL_ID_PATH, "addressesV2[].city"}, targets)
    ada = {
        "email": "ada.every@example.com",
        "phone": "+390612345670",
        "firstName": "Ada",
        "lastName": "L",
        "note": "n",
        "locale": "it",
        "taxExempt": True,
        "tags": ("a", "b"),
        "emailMarketingConsent": True,
        "metafields.$app.orders_count": 1,
        "metafields.custom.piva": "IT1",
    }
    made = gateway.create(ada, "1").record
    place = {"defaultAddress.city": "Roma", "defaultAddress.countryCode": "IT"}
    made = gateway.update(made, {**place, "tags": ("b", "c"), "metafields.custom.piva": None}, "1").record
    gateway.update(made, {"defaultAddress.city": "Milano", "lastName": "B", "emailMarketingConsent": False}, "1")
    gateway.find_counterpart("1")
    for number in range(60):
        address = {"address1": f"Via {number}", "countryCode": "IT"}
        text = (
            "mutation Person($id: ID!, $a: MailingAddressInput!)"
            " { customerAddressCreate(customerId: $id, address: $a) { userErrors { message } } }"
        )
        super(RecordingClient, client).execute(
            text, {"id": made.id, "a": address}, operation_name="Person", idempotent=False
        )
    gateway.fetch([made.id])


def products(client, urls):
    gateway = ShopifyProducts(client, PATHS, TARGETS, location="Negozio Bologna")
    made = gateway.create(
        {
            "title": "Camicia",
            "descriptionHtml": "<p></p>",
            "vendor": "V",
            "productType": "T",
            "tags": ("a",),
            "status": "ACTIVE",
            "handle": "every-camicia",
            "seo.title": "S",
            "seo.description": "D",
            "metafields.custom.materiale": "lino",
            "images": new_children(
                {"source_id": "i1", "url": urls[0], "alt": "a", "position": 1},
                {"source_id": "i2", "url": urls[1], "alt": "b", "position": 2},
            ),
            "variants": new_children(row("S", image=NewChild("i1")), row("M", image=NewChild("i2"))),
        },
        "1",
    ).record
    fields = {"title": "T", "category": None, "tags": ("b",), "metafields.custom.materiale": None, "seo.title": None}
    made = gateway.update(made, fields, "1").record
    first, second = (variant["id"] for variant in made.raw["variants"])
    made = gateway.update(
        made,
        {
            "variants": listed(made, {first: {"quantity": 1, "price": "2", "image": None}, second: {"weightKg": "1"}}),
            "images": listed(made, {made.raw["images"][0]["id"]: {"alt": "x"}}, name="images"),
        },
        "1",
    ).record
    picture = {"source_id": "i3", "url": urls[2], "alt": "c", "position": 1}
    places = {one["id"]: {"position": number} for number, one in enumerate(made.raw["images"], 2)}
    order = listed(made, places, name="images").kept
    made = gateway.update(made, {"images": ChildList((*new_children(picture).kept, *order))}, "1").record
    gone = made.raw["images"][-1]["id"]
    made = gateway.update(made, {"images": listed(made, {}, name="images", without=gone)}, "1").record
    broken = new_children(
        {"source_id": "i4", "url": f"{urls[2]}x".replace("/cdn/", "/none/"), "alt": "", "position": 9}
    )
    with pytest.raises(SyncError):
        gateway.update(made, {"images": ChildList((*listed(made, {}, name="images").kept, *broken.kept))}, "1")
    colours = {
        one["id"]: {"options": [["Size", one["options"][0][1]], ["Colore", "Blu"]]} for one in made.raw["variants"]
    }
    made = gateway.update(made, {"variants": listed(made, colours)}, "1").record
    sizes = {one["id"]: {"options": [["Size", f"{one['options'][0][1]}!"]]} for one in made.raw["variants"]}
    made = gateway.update(made, {"variants": listed(made, sizes)}, "1").record
    added = new_children(row("L", options=[["Size", "L"]], quantity=2))
    made = gateway.update(made, {"variants": ChildList((*listed(made, {}).kept, *added.kept))}, "1").record
    turned = listed(made, {one["id"]: {"position": 9 - n} for n, one in enumerate(made.raw["variants"])})
    made = gateway.update(made, {"variants": ChildList(tuple(reversed(turned.kept)))}, "1").record
    gateway.update(made, {"variants": listed(made, {}, without=made.raw["variants"][0]["id"])}, "1")
    gateway.update(gateway.find_counterpart("1"), {"title": "Again"}, "1")
    many = [row(options=[["A", f"a{a}"], ["B", f"b{b}"]]) for a in range(20) for b in range(6)]
    gateway.create({"title": "Many", "variants": new_children(*many)}, "2")


def webhooks(client):
    some = [topic for topic in TOPICS.values() if topic.subscribed][:2]
    reconcile(client, "https://sync.example.com/sync/webhooks/shopify", some)
    assert reconcile(client, "https://sync.example.com/sync/webhooks/shopify", some[:1]).removed


def row(size="S", **values):
    given = {
        "options": [["Taglia", size]],
        "sku": f"EVERY-{size}",
        "barcode": "8",
        "price": "10.00",
        "compareAtPrice": Decimal(12),
        "cost": "1",
        "weightKg": "0.1",
        "tracked": True,
        "inventoryPolicy": "DENY",
        "taxable": True,
        "quantity": 3,
    }
    return given | values


def listed(record, changes, *, name="variants", without=None):
    kept = [child for child in kept_children(None, record, name, changes) if child.target_id != without]
    return ChildList(tuple(kept), (without,) if without else ())


def test_every_document_is_valid_in_the_pinned_schema(judge, sent):
    faults = {operation: found for operation, text, _ in sent if (found := judge.faults(text))}
    assert faults == {}


def test_no_document_uses_anything_deprecated(judge, sent):
    found = {operation: names for operation, text, given in sent if (names := judge.deprecated(text, given))}
    assert found == {}


def test_the_judge_knows_what_is_deprecated(judge):
    text = (
        "mutation M($input: ProductInput) { productUpdate(input: $input) { product { bodyHtml"
        " variants(first: 1, sortKey: TITLE) { nodes { image { src } } } } } }"
    )
    found = judge.deprecated(text, {"input": {"title": "x"}})
    assert {name.partition(":")[0] for name in found} >= {"Product.bodyHtml", "argument input", "ProductVariant.image"}


def test_no_document_of_the_source_was_left_out(judge, sent):
    used = {name for _, text, _ in sent for name in judge.fields_of(text)}
    left_out = {name: path for name, path in root_fields_in_source(judge.roots).items() if name not in used}
    assert left_out == {}, "tell a story above that makes the package send these"


def test_the_guard_finds_the_calls_in_the_source(judge):
    found = root_fields_in_source(judge.roots)
    assert {
        "productSet",
        "inventorySetQuantities",
        "publishablePublish",
        "customerSet",
        "metafieldsSet",
        "shop",
    } <= set(found)
