"""The OpenAPI document as compiled checks: one validator per operation and side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import fastjsonschema
import orjson
import yaml

from sandbox.common.backend import ApiRequest
from sandbox.framework360 import forms, multipart

DOCUMENT = Path(__file__).parent / "contract" / "framework360.openapi.yaml"
PREFIX = "/m/api"
FORBIDDEN_TEXTS = frozenset({"None", "null", "undefined"})
_JSON, _FORM = "application/json", "application/x-www-form-urlencoded"
_FILE = "multipart/form-data"

Check = Callable[[Any], Any]


class ContractError(Exception):
    """A request that breaks the contract.

    Args:
        code: "missing_parameter" or "invalid_field".
        where: place, e.g. "body.tags".
        rule: the broken rule in words.
    """

    def __init__(self, code: str, where: str, rule: str) -> None:
        super().__init__(f"{where}: {rule}")
        self.code = code
        self.where = where
        self.rule = rule


@dataclass(frozen=True, slots=True)
class OperationContract:
    """One operation of the document.

    Args:
        operation_id: its id in the document.
        method: upper-case HTTP method.
        path: path below the API prefix, e.g. "/customers/get".
        capability: the switch that turns it off, None for the base groups.
        query: check of the typed query parameters.
        query_schema: schema that types them.
        body: check of the typed body; None when the operation takes none.
        body_schema: schema that types a form body.
        file_body: check of the fields of a body with a file; None when the operation takes no file.
        encodings: content types the body may have.
    """

    operation_id: str
    method: str
    path: str
    capability: str | None
    query: Check
    query_schema: Mapping[str, Any]
    body: Check | None
    body_schema: Mapping[str, Any]
    file_body: Check | None
    encodings: frozenset[str]

    def read(self, request: ApiRequest, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Check a request and return its typed parameters, query or body.

        Args:
            request: the request of this operation.
            given: body parameters the request may leave out.

        Raises:
            ContractError: the request breaks the contract.
        """
        query = _checked("query", self.query, self._typed("query", request.query, self.query_schema))
        if self.body is None:
            return query
        encoding = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if encoding not in self.encodings:
            raise ContractError("invalid_field", "header.content-type", f"must be one of {sorted(self.encodings)}")
        if encoding == _FILE and self.file_body is not None:
            return self._file(request, self.file_body)
        body = self._body(request, encoding)
        _refuse_forbidden_texts(body, "body")
        return _checked("body", self.body, {**(given or {}), **body})

    def _file(self, request: ApiRequest, check: Check) -> dict[str, Any]:
        try:
            parts = multipart.parse(request.headers["content-type"], request.body)
        except ValueError as problem:
            raise ContractError("invalid_field", "body", str(problem)) from problem
        uploads = {name: part for name, part in parts.items() if isinstance(part, multipart.Upload)}
        # The contract types a file as text, which its bytes are not: the rest of the schema holds for its name.
        fields = {name: part for name, part in parts.items() if name not in uploads or name != "file"}
        if "file" in fields:
            raise ContractError("invalid_field", "body.file", "must be a file with a file name")
        _refuse_forbidden_texts(fields, "body")
        names = {name: upload.filename for name, upload in uploads.items()}
        _checked("body", check, {**fields, **names})
        return {**fields, **uploads}

    def _body(self, request: ApiRequest, encoding: str) -> Any:
        if encoding == _FORM:
            return self._typed("body", request.body, self.body_schema)
        try:
            body = orjson.loads(request.body)
        except orjson.JSONDecodeError as problem:
            raise ContractError(
                "invalid_field", "body", f"is not JSON although its content type says so: {problem}"
            ) from problem
        if not isinstance(body, dict):
            raise ContractError("invalid_field", "body", "must be a JSON object")
        return body

    def _typed(self, where: str, encoded: bytes, schema: Mapping[str, Any]) -> Any:
        if not encoded:
            return {}
        try:
            return forms.typed(forms.parse(encoded), schema, _resolve)
        except ValueError as problem:
            raise ContractError("invalid_field", where, str(problem)) from problem


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document."""
    loaded: dict[str, Any] = yaml.load(DOCUMENT.read_bytes(), Loader=yaml.CSafeLoader)
    return loaded


@cache
def operations() -> Mapping[str, OperationContract]:
    """Return every operation of the document by its id."""
    found = {}
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            contract = _operation(path, method.upper(), operation)
            found[contract.operation_id] = contract
    return found


@cache
def written_fields() -> frozenset[str]:
    """Return the name of every field that a write of customers or products can carry, nested ones included."""
    schemas = document()["components"]["schemas"]
    names = ("CustomerRegistration", "CustomerUpdate", "DatiFatturazione", "ProductInput", "ProductVariantInput")
    return frozenset(field for name in names for field in schemas[name]["properties"])


@cache
def answer_check(operation_id: str) -> Check:
    """Return the check of an operation's JSON answer; it raises fastjsonschema.JsonSchemaValueException."""
    for methods in document()["paths"].values():
        for operation in methods.values():
            if operation["operationId"] == operation_id:
                return _compile(operation["responses"]["200"]["content"][_JSON]["schema"])
    raise KeyError(operation_id)


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> OperationContract:
    content = operation.get("requestBody", {}).get("content", {})
    body_schema = content.get(_JSON, {}).get("schema")
    parameters = operation.get("parameters", [])
    query_schema = {
        "type": "object",
        "properties": {entry["name"].removesuffix("[]"): entry["schema"] for entry in parameters},
        "required": [entry["name"] for entry in parameters if entry.get("required")],
        "additionalProperties": False,
    }
    return OperationContract(
        operation_id=operation["operationId"],
        method=method,
        path=path,
        capability=operation.get("x-capability"),
        query=_compile(query_schema),
        query_schema=query_schema,
        body=_compile(body_schema) if body_schema else None,
        body_schema=body_schema or {},
        file_body=_compile(content[_FILE]["schema"]) if _FILE in content else None,
        encodings=frozenset(content) & {_JSON, _FORM, _FILE},
    )


def _compile(schema: Mapping[str, Any]) -> Check:
    # References point into the document, so what they need comes along: the whole document would take 20 times as long.
    needed: dict[str, Any] = {}
    _collect(schema, needed)
    # Defaults are the server's business, not the check's.
    check: Check = fastjsonschema.compile({**schema, "components": {"schemas": needed}}, use_default=False)
    return check


def _collect(part: Any, needed: dict[str, Any]) -> None:
    """Add every schema that a part of a schema refers to, directly or not."""
    if isinstance(part, list):
        for entry in part:
            _collect(entry, needed)
    elif isinstance(part, dict):
        name = str(part.get("$ref", "")).rpartition("/")[2]
        if name and name not in needed:
            needed[name] = document()["components"]["schemas"][name]
            _collect(needed[name], needed)
        for entry in part.values():
            _collect(entry, needed)


def _resolve(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if len(schema.get("allOf", ())) == 1:
        return _resolve(schema["allOf"][0])
    return schema


def _checked(where: str, check: Check, value: Any) -> dict[str, Any]:
    try:
        check(value)
    except fastjsonschema.JsonSchemaValueException as problem:
        code = "missing_parameter" if problem.rule == "required" else "invalid_field"
        place = ".".join([where, *map(str, problem.path[1:])])
        rule = problem.message.removeprefix(problem.name or "").strip()
        raise ContractError(code, place, rule) from problem
    checked: dict[str, Any] = value
    return checked


def _refuse_forbidden_texts(value: Any, where: str) -> None:
    if isinstance(value, dict):
        for key, entry in value.items():
            _refuse_forbidden_texts(entry, f"{where}.{key}")
    elif isinstance(value, list):
        for position, entry in enumerate(value):
            _refuse_forbidden_texts(entry, f"{where}.{position}")
    elif isinstance(value, str) and value in FORBIDDEN_TEXTS:
        raise ContractError(
            "invalid_field", where, f"the word {value!r} stands for an empty value and is never written"
        )
