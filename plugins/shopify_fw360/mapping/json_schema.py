"""The JSON Schema of a mapping file, by which editors complete and check while typing."""

from __future__ import annotations

import json
from typing import Any, Final

from shopify_fw360.mapping.model import MappingModel
from shopify_fw360.mapping.registry import CALL_MARK, call_schema

FILE_NAME: Final = "mapping.schema.json"


def build_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the mapping language, functions and their arguments included."""
    schema = _with_calls(MappingModel.model_json_schema(by_alias=True))
    schema["$defs"]["Call"] = call_schema()
    _drop_titles(schema)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Shopify <-> Framework360 mapping",
    }


def schema_text() -> str:
    """Return the schema as the text of the file that is committed beside the mappings."""
    return json.dumps(build_schema(), indent=2, ensure_ascii=False) + "\n"


def _with_calls(node: Any) -> Any:
    if isinstance(node, dict):
        if CALL_MARK in node:
            return {"$ref": "#/$defs/Call"}
        return {key: _with_calls(value) for key, value in node.items()}
    return [_with_calls(value) for value in node] if isinstance(node, list) else node


def _drop_titles(node: Any) -> None:
    """Titles that pydantic makes of key names tell an editor nothing."""
    if isinstance(node, dict):
        if isinstance(node.get("title"), str):
            del node["title"]
        for value in node.values():
            _drop_titles(value)
    elif isinstance(node, list):
        for value in node:
            _drop_titles(value)
