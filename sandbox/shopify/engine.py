"""One GraphQL request from body to answer: document, variables, limits, cost, throttle, execution."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, OperationType, execute_sync
from graphql.execution.values import VariableValues, get_variable_values

from sandbox.shopify.cost import Analysis
from sandbox.shopify.documents import Document, read_document
from sandbox.shopify.errors import LIMITS_PAGE, ShopifyError
from sandbox.shopify.plans import Run, Selection
from sandbox.shopify.schema import shopify_schema
from sandbox.shopify.shop import Context

log = logging.getLogger(__name__)
Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class GraphqlRequest:
    """The body of a request.

    Args:
        query: query text.
        variables: raw variables.
        operation_name: which operation of the text; None when there is one only.
        cost_debug: the caller wants the per-field cost list.
    """

    query: str
    variables: Mapping[str, Any]
    operation_name: str | None = None
    cost_debug: bool = False


def pick_operation(document: Document, name: str | None) -> OperationDefinitionNode | None:
    """Return the operation of a document: the named one, or the only one."""
    if name:
        return document.operations.get(name)
    return next(iter(document.operations.values())) if len(document.operations) == 1 else None


def run(request: GraphqlRequest, context: Context) -> Answer:
    """Answer a request as Shopify does; failures are in `errors`, the HTTP status stays 200."""
    document = read_document(request.query)
    if document.errors or document.node is None:
        return {"errors": list(document.errors)}
    operation = pick_operation(document, request.operation_name)
    if operation is None:
        if request.operation_name:
            return {"errors": [{"message": f'No operation named "{request.operation_name}"'}]}
        return {"errors": [{"message": "An operation name is required"}]}
    schema = shopify_schema()
    coerced = get_variable_values(schema, operation.variable_definitions or (), dict(request.variables))
    if not isinstance(coerced, VariableValues):
        return {"errors": [_variable_error(error) for error in coerced]}
    analysis = Analysis(schema, operation, document.fragments, coerced)
    if analysis.errors:
        return {"errors": [_formatted(error) for error in analysis.errors]}
    return _metered(request, context, document.node, operation, analysis)


def _metered(
    request: GraphqlRequest,
    context: Context,
    node: DocumentNode,
    operation: OperationDefinitionNode,
    analysis: Analysis,
) -> Answer:
    shop = context.shop
    requested = analysis.requested()
    if requested > shop.options.max_cost:
        error = ShopifyError(
            f"Query cost is {requested}, which exceeds the single query max cost limit ({shop.options.max_cost}).",
            "MAX_COST_EXCEEDED",
            cost=requested,
            maxCost=shop.options.max_cost,
            documentation=LIMITS_PAGE,
        )
        return {"errors": [_formatted(error)]}
    if context.metered and not shop.bucket.take(requested):
        shop.counts["throttled"] += 1
        return throttled(context, requested)
    mutation = operation.operation is OperationType.MUTATION
    shop.counts["mutations" if mutation else "queries"] += 1
    data = None if mutation else _planned(operation, Run(context, analysis.fragments, analysis.variables))
    errors: Sequence[GraphQLError] | None = None
    if data is None:
        result = execute_sync(
            shopify_schema(),
            node,
            {},
            context,
            variable_values=dict(request.variables),
            operation_name=request.operation_name,
        )
        data, errors = result.data, result.errors
    actual = analysis.actual(data)
    if context.metered:
        shop.bucket.give_back(requested - actual)
        shop.counts["points"] += actual
    answer: Answer = {"data": data}
    if errors:
        answer["errors"] = [_formatted(error) for error in errors]
    cost = _cost(context, requested, actual)
    if request.cost_debug:
        cost["fields"] = [entry for root in analysis.roots for entry in root.fields()]
    answer["extensions"] = {"cost": cost}
    if context.searches:
        answer["extensions"]["search"] = context.searches
    return answer


def _planned(operation: OperationDefinitionNode, run: Run) -> dict[str, Any] | None:
    """Return the data of a query by the shortest way; None when only graphql-core can give the answer."""
    query = shopify_schema().query_type
    if query is None:
        return None
    try:
        return Selection(query, [operation.selection_set], run).read({}, query.name)
    except Exception:  # noqa: BLE001 - whatever it is, graphql-core meets it again and words it as an error of a field
        run.context.searches.clear()
        return None


def throttled(context: Context, requested: int) -> Answer:
    """Return the answer to a request the bucket has no points for; nothing was executed."""
    error = {"message": "Throttled", "extensions": {"code": "THROTTLED", "documentation": LIMITS_PAGE}}
    return {"errors": [error], "extensions": {"cost": _cost(context, requested, None)}}


def _cost(context: Context, requested: int, actual: int | None) -> dict[str, Any]:
    cost: dict[str, Any] = {"requestedQueryCost": requested, "actualQueryCost": actual}
    if context.shop.options.throttle_status:
        cost["throttleStatus"] = context.shop.bucket.status()
    return cost


def _variable_error(error: GraphQLError) -> dict[str, Any]:
    answer = dict(error.formatted)
    answer["extensions"] = {"code": "INVALID_VARIABLE", "problems": [{"path": [], "explanation": error.message}]}
    return answer


def _formatted(error: GraphQLError) -> dict[str, Any]:
    original = error.original_error
    if original is not None and not isinstance(original, GraphQLError):
        log.error("a resolver failed\n%s", "".join(traceback.format_exception(original)))
        return {
            "message": "Internal error. Looks like something went wrong on our end.",
            "extensions": {"code": "INTERNAL_SERVER_ERROR"},
        }
    answer = dict(error.formatted)
    answer.setdefault("extensions", {"code": "INTERNAL_SERVER_ERROR"})
    return answer
