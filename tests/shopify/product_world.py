"""Products as a person at the other end makes and sees them, for the tests of the product gateway."""

import time
from decimal import Decimal

from sandbox.shopify.tokens import STATIC_TOKEN
from shopify_fw360.records import ChildList, ChildWrite, Entity
from shopify_fw360.shopify.auth import StaticToken
from shopify_fw360.shopify.product_fields import PRODUCT_FIELDS
from shopify_fw360.shopify.products import ShopifyProducts
from shopify_fw360.shopify.schema import SCHEMA
from tests.shopify.helpers import client_for

METAFIELDS = ("metafields.custom.materiale",)
TARGETS = dict(PRODUCT_FIELDS) | {name: SCHEMA.target(Entity.PRODUCT, name) for name in METAFIELDS}
PATHS = frozenset(
    {path for target in TARGETS.values() for path in target.reads}
    | {"variants[].id", "images[].id", "images[].url", "category.fullName"}
)


def shop_client(sandbox, **options):
    return client_for(sandbox.url, StaticToken(STATIC_TOKEN), **options)


def gateway(client, paths=PATHS, targets=TARGETS, **options):
    options.setdefault("sleep", briefly)
    return ShopifyProducts(client, paths, targets, **options)


def briefly(seconds):
    """Sleep a tenth of what is asked: the sandbox is faster than a shop."""
    time.sleep(seconds / 10)


def call(client, text, variables=None):
    """Do something in the shop as another app or the admin does, refusing user errors."""
    data = client.execute(text, variables or {}, operation_name="Person", idempotent=False)
    for payload in data.values():
        if isinstance(payload, dict):
            assert not [*(payload.get("userErrors") or ()), *(payload.get("mediaUserErrors") or ())], payload
    return data


def make_product(client, **given):
    """Make a product in the shop; returns its id."""
    text = (
        "mutation Person($input: ProductSetInput!)"
        " { productSet(input: $input) { product { id } userErrors { field message code } } }"
    )
    return call(client, text, {"input": given})["productSet"]["product"]["id"]


def sized(*sizes, option="Taglia", **fields):
    """Return productOptions and variants of a product with one option."""
    return {
        "productOptions": [{"name": option, "values": [{"name": size} for size in sizes]}],
        "variants": [
            {"optionValues": [{"optionName": option, "name": size}], "sku": f"SKU-{size}", "price": "10.00", **fields}
            for size in sizes
        ],
    }


def crossed(first, second):
    """Return productOptions and variants of a product with two options of so many values."""
    names = {"Taglia": [f"T{number}" for number in range(first)], "Colore": [f"C{number}" for number in range(second)]}
    return {
        "productOptions": [{"name": name, "values": [{"name": one} for one in ones]} for name, ones in names.items()],
        "variants": [
            {
                "optionValues": [{"optionName": "Taglia", "name": a}, {"optionName": "Colore", "name": b}],
                "sku": f"SKU-{a[1:]}-{b[1:]}",
                "price": "10.00",
            }
            for a in names["Taglia"]
            for b in names["Colore"]
        ],
    }


def picture_urls(client):
    """Return addresses of images that exist, all different."""
    text = 'query Person { files(first: 50, query: "status:READY") { nodes { preview { image { url } } } } }'
    return [node["preview"]["image"]["url"] for node in call(client, text)["files"]["nodes"]]


def until(check, seconds=5.0):
    """Wait until something holds; returns what the check returned."""
    end = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.02)
    return found


def new_children(*rows):
    """Return a child list of children that only the source has."""
    kept = (
        ChildWrite(row.get("source_id", f"s{number}"), None, _values(row), _values(row))
        for number, row in enumerate(rows, 1)
    )
    return ChildList(tuple(kept))


def _values(row):
    return {name: value for name, value in row.items() if name != "source_id"}


def kept_children(products, record, name, changes=None, sources=None):
    """Return the list a record holds as it shall be: unchanged but for the changes by target id."""
    rows = []
    for item in record.raw[name]:
        held = {
            target.name.partition("].")[2]: value_at(item, target.reads[0].partition("].")[2])
            for target in TARGETS.values()
            if target.name.startswith(f"{name}[].") and target.reads
        }
        changed = (changes or {}).get(item["id"], {})
        source = f"s{item['id'].rpartition('/')[2]}" if sources is None else sources.get(item["id"])
        rows.append(ChildWrite(source, item["id"], held | changed, changed))
    return rows


def value_at(item, path):
    for step in path.split("."):
        item = (item or {}).get(step)
    return item


def brief(record):
    """Return what matters of a product's variants: options, sku, price, quantity."""
    return [
        (
            " / ".join(value for _, value in variant["options"]),
            variant["sku"],
            Decimal(variant["price"]),
            variant["quantity"],
        )
        for variant in record.raw["variants"]
    ]
