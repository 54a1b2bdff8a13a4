"""The YAML of a mapping as a strict model. docs/mappings.md explains every key to the people who write the files."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    Tag,
    field_validator,
    model_validator,
)

import shopify_fw360.mapping.functions  # noqa: F401 - calls are checked against the registry
from shopify_fw360.mapping.registry import Call, suggest
from shopify_fw360.mapping.values import METAFIELD_TYPES
from shopify_fw360.records import Entity, FieldType, System

MergePolicy: TypeAlias = Literal["shopify", "framework360", "newest", "union", "max", "most_restrictive", "ask"]

ExactNumber: TypeAlias = Annotated[Decimal, Field(strict=True)]
Scalar: TypeAlias = StrictBool | StrictInt | StrictStr | ExactNumber
Literals: TypeAlias = Scalar | list[StrictStr]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class FirstOf(_Model):
    """The first part that has a value."""

    first_of: Annotated[list[Expression], Field(min_length=1)]


class Join(_Model):
    """The parts that have a value, put together as one text."""

    join: Annotated[list[Expression], Field(min_length=2)]
    with_: Annotated[StrictStr, Field(alias="with")] = " "


class Value(_Model):
    """A fixed value."""

    value: Literals


class Applied(_Model):
    """A part with functions of its own."""

    from_: Annotated[Expression, Field(alias="from")]
    apply: list[Call] = []


def _kind_of(value: Any) -> str:
    if isinstance(value, str):
        return "path"
    keys = value if isinstance(value, dict) else type(value).model_fields if isinstance(value, BaseModel) else ()
    for key in ("first_of", "join", "value"):
        if key in keys:
            return key
    return "from"


Expression: TypeAlias = Annotated[
    Annotated[StrictStr, Tag("path"), Field(min_length=1, description="A path of the source system.")]
    | Annotated[FirstOf, Tag("first_of")]
    | Annotated[Join, Tag("join")]
    | Annotated[Value, Tag("value")]
    | Annotated[Applied, Tag("from")],
    Discriminator(_kind_of),
]


class FirstDefault(_Model):
    """Defaults tried in order: functions by their bare name, paths, fixed texts, or parts written out."""

    first_of: Annotated[list[Expression], Field(min_length=1)]


def _default_kind(value: Any) -> str:
    return "first_of" if isinstance(value, dict | FirstDefault) else "literal"


Default: TypeAlias = Annotated[
    Annotated[Literals, Tag("literal")] | Annotated[FirstDefault, Tag("first_of")], Discriminator(_default_kind)
]


class Rule(_Model):
    """What one target field is made of."""

    from_: Annotated[Expression, Field(alias="from", description="Where the value comes from.")]
    apply: Annotated[list[Call], Field(description="Functions, run in this order.")] = []
    omit: Annotated[
        list[StrictStr], Field(description="Values that mean nothing: the field is left out when it holds one.")
    ] = []
    map: Annotated[dict[str, Scalar] | None, Field(description="Table of values.")] = None
    map_default: Annotated[Scalar | None, Field(description="Result for values that are not in the table.")] = None
    default: Annotated[Default | None, Field(description="Used where the source has no value.")] = None
    required: Annotated[bool, Field(strict=True, description="Park the record if there is no value.")] = False
    max_length: Annotated[int | None, Field(strict=True, ge=1, description="Longest text, or entry of a list.")] = None
    min_length: Annotated[int | None, Field(strict=True, ge=1, description="Shortest text.")] = None
    min: Annotated[StrictInt | ExactNumber | None, Field(description="Smallest number.")] = None
    pattern: Annotated[str | None, Field(description="Regular expression the whole text must fit.")] = None
    type: Annotated[FieldType | None, Field(description="Type of a free field such as extraFields.x.")] = None
    on_invalid: Annotated[
        Literal["park", "omit"],
        Field(description="Park the record, or leave out the field, if the value breaks a rule."),
    ] = "park"
    merge: Annotated[MergePolicy | None, Field(description="Who wins if both sides changed the field.")] = None
    on: Annotated[
        Literal["create", "always"], Field(description="create: written only when the counterpart is created.")
    ] = "always"
    metafield_type: Annotated[str | None, Field(json_schema_extra={"enum": [*METAFIELD_TYPES]})] = None
    group: Annotated[
        str | None, Field(pattern=r"^[a-z][a-z0-9_]*$", description="Name under which settings replace the policy.")
    ] = None
    max_items: Annotated[int | None, Field(strict=True, ge=1, description="Most entries of a list.")] = None
    refers: Annotated[
        StrictStr | None,
        Field(description="The list, or of a field of the record the entity, to which the value refers by an id."),
    ] = None

    @field_validator("metafield_type")
    @classmethod
    def _known_type(cls, value: str | None) -> str | None:
        if value is not None and value not in METAFIELD_TYPES:
            raise ValueError(f"'{value}' cannot be written{suggest(value, METAFIELD_TYPES)}")
        return value

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                re.compile(value)
            except re.error as error:
                raise ValueError(f"no regular expression: {error}") from error
        return value

    @model_validator(mode="after")
    def _map_complete(self) -> Rule:
        if self.map_default is not None and self.map is None:
            raise ValueError("map_default needs a map")
        return self


def key_text(value: Any) -> str:
    """Return the text by which a value is looked up in a map."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


class Children(_Model):
    """What the items of a target list are made of: variants, images."""

    from_: Annotated[StrictStr, Field(alias="from", min_length=1, description="List of the source system.")]
    kind: Annotated[
        str,
        Field(pattern=r"^[a-z][a-z0-9_]*$", description="Name under which the pairs of ids are kept; never change it."),
    ]
    match: Annotated[
        list[StrictStr],
        Field(description="Fields that find the counterpart of an item without a link, tried in order."),
    ] = []
    order: Annotated[StrictStr | None, Field(description="Field that holds the place of an item in its list.")] = None
    min_items: Annotated[int | None, Field(strict=True, ge=1, description="Park records with fewer items.")] = None
    max_items: Annotated[int | None, Field(strict=True, ge=1, description="Park records with more items.")] = None
    fields: Annotated[dict[StrictStr, Rule], Field(min_length=1)]


class Parked(_Model):
    """How a parked record is recognised in an example."""

    code: Annotated[str, Field(pattern=r"^SYNC-[0-9]{3}$")]
    field: StrictStr


class Case(_Model):
    """A record and what must become of it; `make test` runs it."""

    name: Annotated[StrictStr, Field(min_length=1)]
    input: Annotated[dict[str, Any], Field(description="A record of the source as it is read.")]
    output: Annotated[dict[str, Any] | None, Field(description="All fields that come out.")] = None
    defaulted: Annotated[list[StrictStr], Field(description="Those of them that are defaults.")] = []
    parked: Parked | None = None

    @model_validator(mode="after")
    def _one_end(self) -> Case:
        if (self.output is None) == (self.parked is None):
            raise ValueError("give either output or parked")
        return self


class MappingModel(_Model):
    """One file: an entity in one direction."""

    entity: Entity
    source: System
    target: System
    match: Annotated[
        list[StrictStr], Field(description="Natural keys, tried in order: target fields, or list.field.")
    ] = []
    display_name: Annotated[
        list[StrictStr | list[StrictStr]],
        Field(description="Target fields a person knows the record by; the first that has a value is shown."),
    ] = []
    merge: Annotated[MergePolicy, Field(description="Policy of fields that name none.")] = "ask"
    on_delete: Annotated[
        dict[StrictStr, Scalar],
        Field(description="Written to the counterpart of a deleted record, if the settings want that."),
    ] = {}
    children: Annotated[dict[StrictStr, Children], Field(description="By target list what its items are made of.")] = {}
    fields: Annotated[dict[StrictStr, Rule], Field(min_length=1)]
    examples: list[Case] = []
