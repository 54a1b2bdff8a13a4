"""Any query the schema allows is answered: random selections over Customer, Order and the query roots."""

import asyncio
import json

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    execute_sync,
    get_named_type,
    is_leaf_type,
    is_object_type,
)
from graphql.execution.values import get_variable_values
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.common.backend import ApiRequest, Seed
from sandbox.shopify import build
from sandbox.shopify.access import granted_scopes
from sandbox.shopify.documents import read_document
from sandbox.shopify.plans import Run, Selection
from sandbox.shopify.schema import is_connection, shopify_schema
from sandbox.shopify.shop import Context
from sandbox.shopify.tokens import ALL_SCOPES

BACKEND = build(Seed(customers=40, orders=180), {"max_cost": 10**9, "bucket_size": 1e12, "restore_rate": 1e12})
SCHEMA = shopify_schema()
LITERALS = {"Int": "2", "Float": "1.5", "Boolean": "true", "ID": '"gid://shopify/Customer/7000000000002"'}
NUMBERS = {
    "DateTime": '"2026-01-01T00:00:00Z"',
    "UnsignedInt64": '"1"',
    "Decimal": '"1.5"',
    "URL": '"https://a.example"',
}


def literal(kind):
    if isinstance(kind, GraphQLNonNull):
        return literal(kind.of_type)
    if isinstance(kind, GraphQLList):
        return f"[{literal(kind.of_type)}]"
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    if isinstance(kind, GraphQLScalarType):
        return LITERALS.get(kind.name) or NUMBERS.get(kind.name, '"x1"')
    assert isinstance(kind, GraphQLInputObjectType)
    fields = list(kind.fields.items())
    wanted = (
        fields[:1]
        if kind.is_one_of
        else [(name, entry) for name, entry in fields if isinstance(entry.type, GraphQLNonNull)]
    )
    return "{" + ", ".join(f"{name}: {literal(entry.type)}" for name, entry in wanted) + "}"


def arguments(field, returned):
    given = [
        f"{name}: {literal(argument.type)}"
        for name, argument in field.args.items()
        if isinstance(argument.type, GraphQLNonNull)
    ]
    if is_connection(returned):
        given = [*given, "first: 2"] if "first" in field.args and "first: 2" not in given else given
    return f"({', '.join(given)})" if given else ""


@st.composite
def selections(draw, kind, depth, fields=5):
    """Draw a selection set over a type, fields without subfields always among them."""
    if not isinstance(kind, GraphQLObjectType):
        possible = [entry for entry in SCHEMA.get_possible_types(kind) if is_object_type(entry)]
        chosen = draw(st.sampled_from(possible))
        return f"{{ __typename ... on {chosen.name} {draw(selections(chosen, depth, fields))} }}"
    usable = [
        (name, field) for name, field in kind.fields.items() if depth > 0 or is_leaf_type(get_named_type(field.type))
    ]
    chosen = (
        draw(st.lists(st.sampled_from(usable), min_size=1, max_size=fields, unique_by=lambda pair: pair[0]))
        if usable
        else []
    )
    parts = ["__typename"]
    for name, field in chosen:
        returned = get_named_type(field.type)
        below = "" if is_leaf_type(returned) else " " + draw(selections(returned, depth - 1, 4))
        parts.append(f"{name}{arguments(field, returned)}{below}")
    return "{ " + " ".join(parts) + " }"


def answer(query):
    request = ApiRequest(
        "POST",
        "/admin/api/2026-10/graphql.json",
        b"",
        {"x-shopify-access-token": "sandbox-token", "content-type": "application/json"},
        json.dumps({"query": query}).encode(),
        "http://127.0.0.1",
    )
    response = asyncio.run(BACKEND.handle(request))
    assert response.status == 200
    return json.loads(response.body)


ALLOWED = {"ACCESS_DENIED", "NOT_FOUND", "BAD_REQUEST", "argumentLiteralsIncompatible"}
COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}


@settings(**COMMON)
@given(selections(SCHEMA.type_map["Customer"], 3, 12))
def test_a_random_selection_over_customers_resolves(selection):
    got = answer(f"{{ customers(first: 3) {{ nodes {selection} }} }}")
    codes = {error["extensions"]["code"] for error in got.get("errors", [])}
    assert codes <= {"ACCESS_DENIED"}, got["errors"]
    assert codes or len(got["data"]["customers"]["nodes"]) == 3


@settings(**COMMON)
@given(selections(SCHEMA.type_map["Order"], 3, 8))
def test_a_random_selection_over_orders_of_every_kind_resolves(selection):
    got = answer(f"{{ orders(first: 180) {{ nodes {selection} }} }}")
    codes = {error["extensions"]["code"] for error in got.get("errors", [])}
    assert codes <= {"ACCESS_DENIED"}, got["errors"]
    assert codes or len(got["data"]["orders"]["nodes"]) == 180


@settings(**COMMON)
@given(selections(SCHEMA.query_type, 4, 3))
def test_a_random_query_resolves(selection):
    got = answer(selection)
    codes = {error["extensions"]["code"] for error in got.get("errors", [])}
    assert codes <= ALLOWED, got["errors"]


def by_plan_and_by_graphql_core(query):
    """Answer a query both ways; None for an answer with errors."""
    document = read_document(query)
    [operation] = document.operations.values()
    context = Context(BACKEND.shop, granted_scopes(ALL_SCOPES), frozenset())
    core = execute_sync(SCHEMA, document.node, {}, context)
    if core.errors:
        return None, None
    run = Run(context, document.fragments, get_variable_values(SCHEMA, (), {}))
    return Selection(SCHEMA.query_type, [operation.selection_set], run).read({}, "QueryRoot"), core.data


@settings(**COMMON)
@given(selections(SCHEMA.type_map["Order"], 3, 8))
def test_a_plan_answers_like_graphql_core(selection):
    planned, core = by_plan_and_by_graphql_core(f"{{ orders(first: 180) {{ nodes {selection} }} }}")
    assert planned == core


@settings(**COMMON)
@given(selections(SCHEMA.query_type, 4, 3))
def test_a_plan_of_any_root_answers_like_graphql_core(selection):
    planned, core = by_plan_and_by_graphql_core(selection)
    assert planned == core


def test_a_plan_merges_fields_and_unfolds_fragments():
    query = """
        query { orders(first: 3) { nodes { id ...A ... on Order { customer { firstName } name } ... on Node { id } } } }
        fragment A on Order { customer { lastName email } name @skip(if: true) again: name @include(if: true) }
    """
    planned, core = by_plan_and_by_graphql_core(query)
    assert planned == core
    assert set(planned["orders"]["nodes"][0]) == {"id", "customer", "name", "again"}
