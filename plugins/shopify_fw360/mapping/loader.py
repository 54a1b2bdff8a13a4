"""Read a mapping file: YAML with a line for every key, every fault of the file at once."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel, ValidationError

from shopify_fw360.errors import MAPPING_INVALID
from shopify_fw360.mapping import model
from shopify_fw360.mapping.model import MappingModel
from shopify_fw360.mapping.problems import MappingError, Problem
from shopify_fw360.mapping.registry import suggest
from shopify_fw360.records import Flow

Place = tuple[str | int, ...]
"""Keys and list positions from the top of a file to a node."""


@dataclass(frozen=True, slots=True)
class MappingDocument:
    """A mapping file that obeys the language, not yet checked against the systems' schemas.

    Args:
        model: its content.
        file: as the caller named it.
        lines: for each node its 1-based line.
    """

    model: MappingModel
    file: str
    lines: Mapping[Place, int] = field(default_factory=dict)

    @property
    def flow(self) -> Flow:
        """The flow the file describes."""
        return Flow(self.model.entity, self.model.source)

    def line(self, *place: str | int) -> int:
        """Return the line of a node, or of the nearest node around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


class _Loader(yaml.SafeLoader):
    """YAML 1.2 scalars: with those of 1.1 the key `on` and the country code NO would be booleans."""


class _FastLoader(yaml.CSafeLoader):
    """The same by libyaml, in a twentieth of the time."""


_Loader.yaml_implicit_resolvers = {}
_FastLoader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("tag:yaml.org,2002:null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("tag:yaml.org,2002:bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("tag:yaml.org,2002:int", r"^[-+]?(?:0|[1-9][0-9]{0,17})$", list("-+0123456789")),
    ("tag:yaml.org,2002:float", r"^[-+]?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,12}$", list("-+0123456789")),
):
    for _each in (_Loader, _FastLoader):
        _each.add_implicit_resolver(_tag, re.compile(_pattern), _first)

DEEPEST: Final = 100
"""Levels of a mapping file; those of the language are less than ten."""

_PLAIN_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str", "map", "seq")}


def load_file(path: Path, name: str | None = None) -> MappingDocument:
    """Read one mapping file.

    Args:
        path: the file.
        name: how problems name it, by default the path.

    Returns:
        The document.

    Raises:
        MappingError: SYNC-101 with every fault of the file.
    """
    document, problems = read_file(path, name)
    if document is None or problems:
        raise MappingError(problems)
    return document


def read_file(path: Path, name: str | None = None) -> tuple[MappingDocument | None, list[Problem]]:
    """Read as much of a mapping file as obeys the language; returns as read_text."""
    shown = name or str(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        return None, [Problem(MAPPING_INVALID, shown, 1, None, "file", f"cannot be read: {error}")]
    return read_text(text, shown)


def load_text(text: str, file: str = "mapping") -> MappingDocument:
    """Read a mapping from text; arguments, returns and errors as in load_file."""
    document, problems = read_text(text, file)
    if document is None or problems:
        raise MappingError(problems)
    return document


def read_text(text: str, file: str) -> tuple[MappingDocument | None, list[Problem]]:
    """Read as much of a mapping as obeys the language, so that a check can also look at the sound fields.

    Args:
        text: the YAML.
        file: how problems name it.

    Returns:
        The document without the faulty fields and examples (None if the rest is no mapping), and every fault.
    """
    reader = _Reader(file)
    data = reader.read(text)
    if reader.problems or not isinstance(data, dict):
        return None, reader.problems
    problems = _check_names(data, file, reader.lines)
    try:
        return MappingDocument(MappingModel.model_validate(data), file, reader.lines), problems
    except ValidationError as error:
        problems += _problems_of(error, file, reader.lines)
        faulty = {place[:2] for detail in error.errors() if (place := _real_place(detail["loc"], reader.lines))}
    try:
        return MappingDocument(MappingModel.model_validate(_without(data, faulty)), file, reader.lines), problems
    except ValidationError:
        return None, problems


def _without(data: dict[Any, Any], faulty: set[Place]) -> dict[Any, Any]:
    sound = {key: value for key, value in data.items() if (key,) not in faulty and key != "examples"}
    for key in ("fields", "children"):
        if isinstance(sound.get(key), dict):
            sound[key] = {name: rule for name, rule in sound[key].items() if (key, name) not in faulty}
    return sound


def _check_names(data: Mapping[Any, Any], file: str, lines: Mapping[Place, int]) -> list[Problem]:
    """Check what the keys at the top say about each other, also in a file with other faults."""
    problems = []
    if data.get("source") is not None and data.get("source") == data.get("target"):
        line = lines[("target",)]
        problems.append(Problem(MAPPING_INVALID, file, line, None, "target", "source and target are the same system"))
    fields = data.get("fields")
    if not isinstance(fields, dict):
        return problems
    children = {name: child for name, child in _dict(data.get("children")).items() if isinstance(child, dict)}
    of_children = [f"{name}.{field}" for name, child in children.items() for field in _dict(child.get("fields"))]
    problems += _unknown_names(data, (), "match", [*fields, *of_children], file, lines)
    problems += _unknown_names(data, (), "display_name", fields, file, lines)
    for name in _dict(data.get("on_delete")):
        if name not in fields:
            message = f"'{name}' is not in fields{suggest(name, fields)}"
            problems.append(Problem(MAPPING_INVALID, file, lines["on_delete", name], None, "on_delete", message))
    for name, child in children.items():
        known = _dict(child.get("fields"))
        problems += _unknown_names(child, ("children", name), "match", known, file, lines)
        order = child.get("order")
        if isinstance(order, str) and order not in known:
            message = f"'{order}' is not in fields{suggest(order, known)}"
            problems.append(Problem(MAPPING_INVALID, file, lines["children", name, "order"], name, "order", message))
    for key in ("kind", "from"):
        problems += _repeated(children, key, file, lines)
    return problems


def _dict(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def _unknown_names(
    data: Mapping[Any, Any],
    place: Place,
    key: str,
    known: Collection[str],
    file: str,
    lines: Mapping[Place, int],
) -> list[Problem]:
    """Names in a list (or a list of lists) that are no fields."""
    entries = data.get(key)
    problems = []
    for position, entry in enumerate(entries if isinstance(entries, list) else ()):
        for name in entry if isinstance(entry, list) else [entry]:
            if isinstance(name, str) and name not in known:
                message = f"'{name}' is not in fields{suggest(name, known)}"
                line = lines[(*place, key, position)]
                problems.append(Problem(MAPPING_INVALID, file, line, _field_of((*place, key)), key, message))
    return problems


def _repeated(children: Mapping[str, Any], key: str, file: str, lines: Mapping[Place, int]) -> list[Problem]:
    first: dict[Any, str] = {}
    problems = []
    for name, child in children.items():
        value = child.get(key)
        if not isinstance(value, str):
            continue
        if value in first:
            message = f"'{value}' is that of {first[value]} already"
            problems.append(Problem(MAPPING_INVALID, file, lines["children", name, key], name, key, message))
        first.setdefault(value, name)
    return problems


class _AliasError(Exception):
    """The text has an alias."""


def _composed(text: str) -> yaml.Node | None:
    try:
        return _composed_by(_FastLoader, text)
    except yaml.YAMLError:
        # Python's own parser says better what is wrong, and where.
        return _composed_by(_Loader, text)


def _composed_by(kind: type[_Loader | _FastLoader], text: str) -> yaml.Node | None:
    depth = 0
    for event in yaml.parse(text, Loader=kind):
        if isinstance(event, yaml.AliasEvent):
            raise _AliasError
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            # libyaml would go on until the stack of the process is used up.
            raise ValueError("nested too deeply")
    loader = kind(text)
    try:
        node: yaml.Node | None = loader.get_single_node()
    finally:
        loader.dispose()
    return node


class _Reader:
    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[Place, int] = {}
        self.problems: list[Problem] = []

    def read(self, text: str) -> Any:
        try:
            node = _composed(text)
        except _AliasError:
            self._report(1, None, "alias", "anchors and aliases (& and *) are not part of the language")
            return None
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            self._report(line, None, "YAML", " ".join(filter(None, (error.problem, error.context))))
            return None
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            self._report(1, None, "YAML", str(error).splitlines()[0] if str(error) else "nested too deeply")
            return None
        if not isinstance(node, yaml.MappingNode):
            self._report(1, None, "file", "a mapping file starts with keys such as entity, source, target and fields")
            return None
        return self._build(node, ())

    def _build(self, node: yaml.Node, place: Place) -> Any:
        self.lines.setdefault(place, node.start_mark.line + 1)
        if node.tag not in _PLAIN_TAGS:
            self._report(node.start_mark.line + 1, place, "tag", f"{node.tag} is not part of the language")
            return None
        if isinstance(node, yaml.MappingNode):
            return self._build_mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [self._build(item, (*place, index)) for index, item in enumerate(node.value)]
        return _scalar(node.tag, str(node.value))

    def _build_mapping(self, node: yaml.MappingNode, place: Place) -> dict[Any, Any]:
        result: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._report(line, place, "key", "a key is a single word or number")
                continue
            # Keys are texts, also 1 and true: a map is looked up by text, and Python holds 1, true and 1.0 for one key.
            text = str(key_node.value)
            key = text.lower() if key_node.tag.endswith(":bool") else text
            here = (*place, key)
            if key in result:
                first = self.lines[here]
                self._report(
                    line, (*place, str(key)), "key", f"'{key_node.value}' stands here twice, first in line {first}"
                )
                continue
            self.lines[here] = line
            result[key] = self._build(value_node, here)
        return result

    def _report(self, line: int, place: Place | None, rule: str, message: str) -> None:
        self.problems.append(Problem(MAPPING_INVALID, self.file, line, _field_of(place or ()), rule, message))


def _scalar(tag: str, text: str) -> Any:
    kind = tag.rpartition(":")[2]
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind == "int":
        return int(text)
    return Decimal(text) if kind == "float" else text


def _field_of(place: Place) -> str | None:
    if len(place) > 1 and place[0] == "fields":
        return str(place[1])
    if len(place) > 1 and place[0] == "children":
        return f"{place[1]}.{place[3]}" if len(place) > 3 and place[2] == "fields" else str(place[1])
    return None


def _problems_of(error: ValidationError, file: str, lines: Mapping[Place, int]) -> list[Problem]:
    problems = []
    for detail in error.errors(include_url=False):
        place = _real_place(detail["loc"], lines)
        last = str(detail["loc"][-1]) if detail["loc"] else ""
        rule = next((str(part) for part in reversed(place) if isinstance(part, str)), "file")
        message = detail["msg"].removeprefix("Value error, ")
        if detail["type"] == "extra_forbidden":
            message = f"there is no such key here{suggest(last, _keys_beside(place))}"
        elif detail["type"] == "missing":
            rule, message = last, f"the key '{last}' is missing"
        elif detail["type"] == "enum" or detail["type"] == "literal_error":
            given = detail["input"]
            expected = str(detail.get("ctx", {}).get("expected", ""))
            known = [part.strip("' ") for part in expected.replace(" or ", ",").split(",")]
            message = f"'{given}' is none of {', '.join(known)}{suggest(str(given), known)}"
        problems.append(Problem(MAPPING_INVALID, file, lines.get(place, 1), _field_of(place), rule, message))
    return problems


def _real_place(location: tuple[int | str, ...], lines: Mapping[Place, int]) -> Place:
    """Drop the parts of an error's location that name alternatives of the model, not keys of the file."""
    place: Place = ()
    for part in location:
        if (*place, part) in lines:
            place = (*place, part)
    return place


def _keys_beside(place: Place) -> list[str]:
    """Return the keys that may stand where an unknown one stands."""
    depth = len(place)
    models: dict[int, type[BaseModel]] = {1: MappingModel, 3: model.Rule}
    if place and place[0] == "children":
        models = {3: model.Children, 5: model.Rule}
    if place and place[0] == "examples":
        return _names(model.Parked if "parked" in place[:-1] else model.Case)
    if depth in models:
        return _names(models[depth])
    return ["from", "apply", "first_of", "join", "with", "value"]


def _names(kind: type[BaseModel]) -> list[str]:
    return [info.alias or name for name, info in kind.model_fields.items()]
