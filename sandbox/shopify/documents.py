"""Query texts: parsed and validated once, with errors in Shopify's words and codes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSyntaxError,
    Node,
    OperationDefinitionNode,
    parse,
    validate,
)

from sandbox.shopify.schema import shopify_schema

ErrorDict = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Document:
    """A query text, ready to run or refused.

    Args:
        node: the parsed document; None when it does not parse.
        operations: operations by name, "" for an anonymous one.
        fragments: fragments by name.
        errors: formatted validation errors.
    """

    node: DocumentNode | None
    operations: Mapping[str, OperationDefinitionNode]
    fragments: Mapping[str, FragmentDefinitionNode]
    errors: tuple[ErrorDict, ...]


@lru_cache(maxsize=1024)
def read_document(text: str) -> Document:
    """Parse and validate a query text against the pinned schema."""
    try:
        node = parse(text, max_tokens=20_000)
    except GraphQLSyntaxError as problem:
        message = "syntax error, " + problem.message.removeprefix("Syntax Error: ")
        places = [{"line": place.line, "column": place.column} for place in problem.locations or []]
        return Document(None, {}, {}, ({"message": message, "locations": places},))
    operations: dict[str, OperationDefinitionNode] = {}
    fragments: dict[str, FragmentDefinitionNode] = {}
    for definition in node.definitions:
        if isinstance(definition, OperationDefinitionNode):
            operations[definition.name.value if definition.name else ""] = definition
        elif isinstance(definition, FragmentDefinitionNode):
            fragments[definition.name.value] = definition
    errors = tuple(_translate(node, error) for error in validate(shopify_schema(), node))
    return Document(node, operations, fragments, errors)


def _translate(document: DocumentNode, error: GraphQLError) -> ErrorDict:
    message, extensions = error.message, dict(error.extensions or {})
    for pattern, code, text, names in _RULES:
        match = pattern.search(error.message)
        if match:
            found = {name: value or "" for name, value in match.groupdict().items()}
            message = text.format(**found) if text else error.message
            extensions = {"code": code, **{name: found[key] for name, key in names.items()}}
            break
    answer: ErrorDict = {"message": message}
    if error.locations:
        answer["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.nodes:
        answer["path"] = _path(document, error.nodes[0])
    answer["extensions"] = extensions
    return answer


def _path(document: DocumentNode, wanted: Node) -> list[str]:
    """Return where a node stands, as Shopify's validation errors say it: operation, then fields."""

    def search(node: Node, path: list[str]) -> list[str] | None:
        here = [*path, label] if (label := _label(node)) else path
        if node is wanted:
            return here
        for key in node.keys:
            value = getattr(node, key, None)
            for child in value if isinstance(value, tuple | list) else (value,):
                if isinstance(child, Node):
                    found = search(child, here)
                    if found is not None:
                        return found
        return None

    return search(document, []) or []


def _label(node: Node) -> str:
    name = getattr(getattr(node, "name", None), "value", "")
    match node.kind:
        case "operation_definition":
            return f"{getattr(node, 'operation').value} {name}".strip()  # noqa: B009 - Node does not declare it
        case "fragment_definition":
            return f"fragment {name}"
        case "inline_fragment":
            condition = getattr(node, "type_condition", None)
            return f"... on {condition.name.value}" if condition else ""
        case "field":
            alias = getattr(node, "alias", None)
            return str(alias.value) if alias else str(name)
        case "argument" | "object_field":
            return str(name)
    return ""


def _rule(pattern: str, code: str, text: str = "", **names: str) -> tuple[re.Pattern[str], str, str, dict[str, str]]:
    return re.compile(pattern, re.DOTALL), code, text, names


_RULES = (
    _rule(
        r"^Cannot query field '(?P<field>\w+)' on type '(?P<type>\w+)'",
        "undefinedField",
        "Field '{field}' doesn't exist on type '{type}'",
        typeName="type",
        fieldName="field",
    ),
    _rule(
        r"^Unknown argument '(?P<arg>\w+)' on field '\w+\.(?P<field>\w+)'",
        "argumentNotAccepted",
        "Field '{field}' doesn't accept argument '{arg}'",
        name="field",
        argumentName="arg",
    ),
    _rule(
        r"^Argument '\w+\.(?P<field>\w+)\((?P<arg>\w+):\)' of type '[^']+' is required",
        "missingRequiredArguments",
        "Field '{field}' is missing required arguments: {arg}",
        name="field",
        arguments="arg",
    ),
    _rule(
        r"^Argument '@(?P<field>\w+)\((?P<arg>\w+):\)' of type '[^']+' is required",
        "missingRequiredArguments",
        "Directive '{field}' is missing required arguments: {arg}",
        name="field",
        arguments="arg",
    ),
    _rule(
        r"^Field '(?P<field>\w+)' of type '(?P<type>[^']+)' must have a selection",
        "selectionMismatch",
        "Field must have selections (field '{field}' returns {type} but has no selections. "
        "Did you mean '{field} {{ ... }}'?)",
        nodeName="field",
        typeName="type",
    ),
    _rule(
        r"^Field '(?P<field>\w+)' must not have a selection since type '(?P<type>[^']+)'",
        "selectionMismatch",
        "Selections can't be made on scalars (field '{field}' returns {type} but has selections)",
        nodeName="field",
        typeName="type",
    ),
    _rule(
        r"^Variable '\$(?P<name>\w+)' is never used(?: in operation '(?P<operation>\w+)')?",
        "variableNotUsed",
        "Variable ${name} is declared by {operation} but not used",
        variableName="name",
    ),
    _rule(
        r"^Variable '\$(?P<name>\w+)' is not defined(?: by operation '(?P<operation>\w+)')?",
        "variableNotDefined",
        "Variable ${name} is used by {operation} but not declared",
        variableName="name",
    ),
    _rule(
        r"^Variable '\$(?P<name>\w+)' of type '(?P<given>[^']+)' used in position expecting type '(?P<type>[^']+)'",
        "variableMismatch",
        "Type mismatch on variable ${name} ({given} / {type})",
        variableName="name",
        typeName="given",
        errorMessage="type",
    ),
    _rule(
        r"^Unknown type '(?P<type>\w+)'", "undefinedType", "No such type {type}, so it can't be used", typeName="type"
    ),
    _rule(
        r"^Unknown fragment '(?P<name>\w+)'",
        "useAndDefineFragment",
        "Fragment {name} was used, but not defined",
        fragmentName="name",
    ),
    _rule(
        r"^Fragment '(?P<name>\w+)' is never used",
        "useAndDefineFragment",
        "Fragment {name} was defined, but not used",
        fragmentName="name",
    ),
    _rule(
        r"^Unknown directive '@(?P<name>\w+)'",
        "undefinedDirective",
        "Directive @{name} is not defined",
        directiveName="name",
    ),
    _rule(
        r"^Fragment .*cannot be spread here as objects of type '(?P<parent>\w+)' can never be of type '(?P<type>\w+)'",
        "cannotSpreadFragment",
        "Fragment on {type} can't be spread inside {parent}",
        typeName="type",
        parentName="parent",
    ),
    _rule(
        r"^Fields '(?P<field>\w+)' conflict",
        "fieldConflict",
        "Field '{field}' has an argument or field conflict",
        fieldName="field",
    ),
    _rule(
        r"^Expected value of type '(?P<type>\w+)' not to include unknown field '(?P<field>\w+)'",
        "argumentNotAccepted",
        "InputObject '{type}' doesn't accept argument '{field}'",
        name="type",
        argumentName="field",
    ),
    _rule(
        r"^Expected value of type '(?P<type>\w+)' to include required field '(?P<field>\w+)'",
        "missingRequiredInputObjectAttribute",
        "Argument '{field}' on InputObject '{type}' is required.",
        argumentName="field",
        inputObjectType="type",
    ),
    _rule(r"exactly one field must be specified", "invalidOneOfInputObject"),
    _rule(
        r"^This anonymous operation must be the only",
        "uniquelyNamedOperations",
        "Operation name is required when multiple operations are present",
    ),
    _rule(
        r"(cannot represent|does not exist in '\w+' enum|^Expected value of type|^Enum )",
        "argumentLiteralsIncompatible",
    ),
)
