"""The registry of functions a mapping may apply: name, meaning, arguments, types and examples, all in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from shopify_fw360.records import FieldType


class Args(BaseModel):
    """Arguments of a function.

    ``shorthand`` names the argument that may be given alone (``{truncate: 120}``), ``paths`` those that name a further
    source path, whose value of the same record the function receives as text, and ``carried`` those of them whose value
    becomes part of the result, so that the field counts as made of it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    shorthand: ClassVar[str | None] = None
    paths: ClassVar[tuple[str, ...]] = ()
    carried: ClassVar[tuple[str, ...]] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """What functions know about the installation.

    Args:
        placeholder_domain: domain of invented e-mail addresses, None if none are invented.
    """

    placeholder_domain: str | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """One line of the reference, tested against the implementation.

    Args:
        call: as it stands in a mapping (YAML decoded).
        value: what goes in.
        result: what comes out; the class Invalid if the value breaks the rule.
        given: values of the path arguments, in their order.
    """

    call: str | dict[str, Any]
    value: Any
    result: Any
    given: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the mapping language.

    Args:
        name: as written in a mapping.
        summary: one sentence for the reference.
        takes: TEXT (on a list it works on each entry), TAGS (a list), or None for any value.
        gives: type of the result, None for the type that went in.
        build: makes the function of one value (and of one value per path argument) from arguments and context; it
            returns None for "known to be empty", UNSET for "leave the field out", and raises Invalid.
        args: model of the arguments, None if there are none.
        examples: for reference and tests.
        total: a C function that returns a text for each text and never fails, so that it may run without a guard.
        standing_for: in ``default`` and ``omit`` the bare name stands for the function applied to this field
            (``field:email``: the mapping's own target field) or source path (``path:id``); None if it may not.
        needs_context: whether the result depends on the installation's settings.
    """

    name: str
    summary: str
    takes: FieldType | None
    gives: FieldType | None
    build: Callable[[Any, Context], Callable[..., Any]]
    args: type[Args] | None = None
    examples: Sequence[Example] = ()
    total: bool = False
    standing_for: str | None = None
    needs_context: bool = False


FUNCTIONS: dict[str, Function] = {}


def register(function: Function) -> None:
    """Add a function to the language; a name is given once."""
    if function.name in FUNCTIONS:
        raise ValueError(f"function {function.name} is defined twice")
    FUNCTIONS[function.name] = function


def fixed(function: Callable[..., Any]) -> Callable[[Any, Context], Callable[..., Any]]:
    """Return the builder of a function that knows neither arguments nor context."""
    return lambda _args, _context: function


@dataclass(frozen=True, slots=True)
class Call:
    """One entry of ``apply``: a function with its arguments, checked when the file is read."""

    function: Function
    args: Args | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        """Source paths whose values the function receives besides the value itself."""
        if self.args is None:
            return ()
        return tuple(path for path in (getattr(self.args, name) for name in type(self.args).paths) if path is not None)

    @property
    def carried(self) -> frozenset[str]:
        """Those of the paths whose value becomes part of the result."""
        names = () if self.args is None else type(self.args).carried
        return frozenset(getattr(self.args, name) for name in names)

    def plain(self) -> Any:
        """Return the call in its long YAML form, for the digest and for display."""
        if self.args is None:
            return self.function.name
        return {self.function.name: self.args.model_dump(mode="json", exclude_defaults=True)}

    @classmethod
    def parse(cls, value: Any) -> Call:
        """Read a call as it stands in YAML.

        Args:
            value: ``lower``, ``{truncate: 120}`` or ``{e164: {country: stato}}``.

        Returns:
            The call.

        Raises:
            ValueError: unknown function or wrong arguments, with suggestions.
        """
        if isinstance(value, Call):
            return value
        if isinstance(value, str):
            name, given = value, None
        elif isinstance(value, Mapping) and len(value) == 1:
            ((name, given),) = value.items()
        else:
            raise ValueError("write a function name, or one name with its arguments such as {truncate: 120}")
        function = FUNCTIONS.get(name)
        if function is None:
            raise ValueError(f"there is no function '{name}'{suggest(str(name), FUNCTIONS)}")
        if function.args is None:
            if given is not None:
                raise ValueError(f"{name} takes no arguments")
            return cls(function)
        return cls(function, _read_args(function.name, function.args, given))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.parse, serialization=core_schema.plain_serializer_function_ser_schema(lambda call: call.plain())
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {CALL_MARK: True}


CALL_MARK = "x-call"
"""Stands in generated JSON Schemas where a call may stand, so that the long list of functions is written only once."""


def call_schema() -> JsonSchemaValue:
    """Return the JSON Schema of a call: every function by name, with its arguments."""
    options: list[JsonSchemaValue] = []
    for name, function in sorted(FUNCTIONS.items()):
        if function.args is None or not _needs_args(function.args):
            options.append({"const": name, "description": function.summary})
        if function.args is not None:
            options.append(
                {
                    "type": "object",
                    "properties": {name: _args_schema(function.args)},
                    "required": [name],
                    "additionalProperties": False,
                    "description": function.summary,
                }
            )
    return {"anyOf": options}


def suggest(name: str, known: Any) -> str:
    """Return `; did you mean x?` for a near name, or nothing."""
    near = get_close_matches(name, [str(item) for item in known], n=2, cutoff=0.6)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def _read_args(name: str, model: type[Args], given: Any) -> Args:
    if given is not None and model.shorthand is not None and not (isinstance(given, Mapping) and _fits(model, given)):
        given = {model.shorthand: given}
    if given is not None and not isinstance(given, Mapping):
        raise ValueError(f"{name} needs named arguments: {', '.join(model.model_fields)}")
    try:
        return model.model_validate(given or {})
    except ValidationError as error:
        parts = []
        for problem in error.errors(include_url=False, include_input=False):
            where = ".".join(str(part) for part in problem["loc"][:1])
            if problem["type"] == "extra_forbidden":
                parts.append(f"has no argument '{where}'{suggest(where, model.model_fields)}")
            elif problem["type"] == "missing":
                parts.append(f"needs the argument '{where}'")
            else:
                parts.append(f"argument '{where}': {problem['msg'].removeprefix('Value error, ')}")
        raise ValueError(f"{name} {'; '.join(parts)}") from error


def _fits(model: type[Args], given: Mapping[Any, Any]) -> bool:
    """A mapping is the shorthand's own value only if the shorthand takes one and no argument name occurs."""
    return any(key in model.model_fields for key in given) or not _shorthand_takes_mapping(model)


def _shorthand_takes_mapping(model: type[Args]) -> bool:
    schema: JsonSchemaValue = model.model_json_schema()["properties"][model.shorthand]
    return bool(schema.get("type") == "object")


def _needs_args(model: type[Args]) -> bool:
    return any(field.is_required() for field in model.model_fields.values())


def _args_schema(model: type[Args]) -> JsonSchemaValue:
    full = model.model_json_schema()
    full.pop("title", None)
    full.pop("description", None)
    for schema in full["properties"].values():
        schema.pop("title", None)
    if model.shorthand is None:
        return full
    return {"anyOf": [full["properties"][model.shorthand], full]}
