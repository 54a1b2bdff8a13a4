"""Products as the sync core hands them to the gateway."""

from decimal import Decimal

from shopify_fw360.records import ChildList, ChildWrite, Window

GID = "gid://shopify/Product/77"


def everything(products, window=None):
    return [record for page in products.scan(window or Window()) for record in page.records]


def some(products, wanted):
    """The first product of the site that fits."""
    return next(record for record in everything(products) if wanted(record.raw))


def new(source_id, **values):
    """A child that the source has and the site does not have yet."""
    return ChildWrite(source_id, None, values, values)


def same(child, source_id=None, **changes):
    """A child of a record as it is read, with changes; it is known to the source unless no id is given."""
    values = {key: value for key, value in child.items() if key != "id"}
    return ChildWrite(source_id, child["id"], {**values, **changes}, changes)


def kept(*children, removed=()):
    return ChildList(tuple(children), tuple(removed))


def plain(**values):
    """The one variant of a product without variants."""
    return kept(new("v1", **{"attributi": [], "prezzo": Decimal("19.90"), **values}))


def sized(*sizes, **values):
    """One variant per size."""
    return kept(*(new(size, attributi=[["Taglia", size]], sku=f"T-{size}", **values) for size in sizes))


def by_size(record):
    return {dict(variant["attributi"])["Taglia"]: variant for variant in record.raw["varianti"]}
