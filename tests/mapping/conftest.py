"""Both systems' real schemas, and a short way to a compiled mapping."""

from pathlib import Path
from textwrap import dedent

import pytest

from shopify_fw360.framework360.schema import Framework360Schema
from shopify_fw360.mapping.compiler import compile_mapping
from shopify_fw360.mapping.directory import load_directory
from shopify_fw360.mapping.loader import load_text
from shopify_fw360.records import Entity, Flow, System
from shopify_fw360.shopify.schema import ShopifySchema

MAPPINGS = Path(__file__).parents[2] / "include" / "mappings"


@pytest.fixture(scope="session")
def schemas():
    return {System.SHOPIFY: ShopifySchema(), System.FRAMEWORK360: Framework360Schema()}


@pytest.fixture(scope="session")
def mappings_directory():
    return MAPPINGS


@pytest.fixture(scope="session")
def shipped(schemas):
    """The mappings in include/mappings, by flow."""
    return load_directory(MAPPINGS, schemas)


@pytest.fixture(scope="session")
def to_framework360(shipped):
    return shipped[Flow(Entity.CUSTOMER, System.SHOPIFY)]


@pytest.fixture(scope="session")
def to_shopify(shipped):
    return shipped[Flow(Entity.CUSTOMER, System.FRAMEWORK360)]


@pytest.fixture(scope="session")
def compiled(schemas):
    """Compile the lines of `fields` (and other keys before them) of a customer mapping."""

    def build(fields, *, source="shopify", top="", granted=None, settings=None):
        target = System(source).other.value
        text = f"entity: customer\nsource: {source}\ntarget: {target}\n{dedent(top)}fields:\n"
        text += "".join(f"  {line}\n" for line in dedent(fields).strip().splitlines())
        document = load_text(text, "customer.yaml")
        return compile_mapping(document, schemas[System(source)], schemas[System(target)], granted, settings)

    return build
