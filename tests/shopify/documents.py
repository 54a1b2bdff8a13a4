"""What GraphQL documents hold, judged against the pinned schema: faults, root fields, and everything deprecated."""

import ast
import re
from pathlib import Path

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    build_schema,
    get_named_type,
    parse,
    type_from_ast,
    validate,
    visit,
)

import shopify_fw360
from shopify_fw360.shopify.client import ShopifyClient
from shopify_fw360.shopify.schema_index import SDL

NOTED = "Deprecated in the real schema"


class RecordingClient(ShopifyClient):
    """A client that keeps every document it sends, with its variables."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.documents = []

    def execute(self, document, variables=None, **options):
        self.documents.append((options["operation_name"], document, dict(variables or {})))
        return super().execute(document, variables, **options)


class Judge:
    """Judges documents against the pinned schema."""

    def __init__(self):
        self.schema = build_schema(SDL.read_text(encoding="utf-8"), assume_valid=True)
        self.roots = {*self.schema.query_type.fields, *self.schema.mutation_type.fields}

    def faults(self, document):
        return [error.message for error in validate(self.schema, parse(document))]

    def fields_of(self, document):
        """Names of all fields a document selects, at any depth."""
        names = set()

        class Collector(Visitor):
            def enter_field(self, node, *_):
                names.add(node.name.value)

        visit(parse(document), Collector())
        return names

    def deprecated(self, document, variables):
        """Everything deprecated that a document selects, or that it or its variables give."""
        info = TypeInfo(self.schema)
        found = set()

        class Finder(Visitor):
            def enter_field(self, node, *_):
                field = info.get_field_def()
                note(found, f"{info.get_parent_type().name}.{node.name.value}", field)

            def enter_argument(self, node, *_):
                note(found, f"argument {node.name.value}", info.get_argument())

            def enter_object_field(self, node, *_):
                parent = get_named_type(info.get_parent_input_type())
                note(found, f"{parent.name}.{node.name.value}", parent.fields[node.name.value])

            def enter_enum_value(self, node, *_):
                note(found, f"value {node.value}", info.get_enum_value())

        parsed = parse(document)
        visit(parsed, TypeInfoVisitor(info, Finder()))
        for operation in parsed.definitions:
            for variable in operation.variable_definitions or ():
                kind = type_from_ast(self.schema, variable.type)
                self._in_value(found, kind, variables.get(variable.variable.name.value))
        return found

    def _in_value(self, found, kind, value):
        if isinstance(kind, GraphQLNonNull):
            self._in_value(found, kind.of_type, value)
        elif isinstance(kind, GraphQLList):
            for item in value or ():
                self._in_value(found, kind.of_type, item)
        elif isinstance(kind, GraphQLInputObjectType):
            for name, inner in (value or {}).items():
                note(found, f"{kind.name}.{name}", kind.fields[name])
                self._in_value(found, kind.fields[name].type, inner)
        elif isinstance(kind, GraphQLEnumType) and value is not None:
            note(found, f"{kind.name}.{value}", kind.values[value])


def note(found, name, definition):
    reason = definition.deprecation_reason or (NOTED in (definition.description or "") and definition.description)
    if reason:
        found.add(f"{name}: {reason}")


def root_fields_in_source(roots):
    """Root fields of the schema that any text of the package calls, with the file; a guard that no test was forgotten.

    A root field is followed by arguments or comes first in an operation; names the package puts together of parts are
    not found.
    """
    names = "|".join(sorted(roots, key=len, reverse=True))
    called = re.compile(rf"\b({names})\(\w+: ?[$\w\[{{]|(?:query|mutation) \w+[^{{]*\{{\s*({names})\b")
    found = {}
    folder = Path(shopify_fw360.__file__).parent
    for path in sorted(folder.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docs = {
            id(node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
                for match in called.finditer(node.value):
                    found.setdefault(match[1] or match[2], path.relative_to(folder).as_posix())
    return found
