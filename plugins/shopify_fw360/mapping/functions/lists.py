"""Functions on lists."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Annotated, ClassVar

from pydantic import Field, field_validator, model_validator

from shopify_fw360.mapping.registry import Args, Context, Example, Function, fixed, register
from shopify_fw360.mapping.values import MAX_MATCHED
from shopify_fw360.records import FieldType

TEXT, TAGS = FieldType.TEXT, FieldType.TAGS


class Separator(Args):
    """Arguments of split and join."""

    by: Annotated[str, Field(min_length=1)]
    shorthand: ClassVar[str | None] = "by"


def _split(args: Separator, _context: Context) -> Callable[[str], tuple[str, ...]]:
    return lambda value: tuple(part for part in map(str.strip, value.split(args.by)) if part)


def _join(args: Separator, _context: Context) -> Callable[[Sequence[str]], str]:
    return args.by.join


register(
    Function(
        "split",
        "Makes a list of a text.",
        TEXT,
        TAGS,
        _split,
        args=Separator,
        examples=[Example({"split": ","}, "vip, wholesale,", ("vip", "wholesale"))],
    )
)
register(
    Function(
        "join",
        "Makes one text of a list.",
        TAGS,
        TEXT,
        _join,
        args=Separator,
        examples=[Example({"join": ", "}, ("vip", "wholesale"), "vip, wholesale")],
    )
)
register(
    Function(
        "first",
        "The first entry of a list.",
        TAGS,
        TEXT,
        fixed(lambda value: value[0] if value else None),
        examples=[Example("first", ("vip", "wholesale"), "vip")],
    )
)


class Selection(Args):
    """Arguments of omit_tags and keep_tags: an entry is selected if any of them fits it, compared without case."""

    texts: Annotated[tuple[str, ...], Field(description="Whole entries.")] = ()
    prefix: Annotated[str | None, Field(min_length=1, description="Beginning of an entry.")] = None
    pattern: Annotated[str | None, Field(description="Regular expression for the whole entry.")] = None
    shorthand: ClassVar[str | None] = "texts"

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
    def _not_empty(self) -> Selection:
        if not self.texts and self.prefix is None and self.pattern is None:
            raise ValueError("give texts, a prefix or a pattern")
        return self

    def selector(self) -> Callable[[str], bool]:
        """Return the test of one entry."""
        whole = {text.strip().casefold() for text in self.texts}
        prefix = None if self.prefix is None else self.prefix.casefold()
        pattern = None if self.pattern is None else re.compile(self.pattern, re.IGNORECASE)

        def selects(entry: str) -> bool:
            folded = entry.strip().casefold()
            if folded in whole or (prefix is not None and folded.startswith(prefix)):
                return True
            return pattern is not None and len(entry) <= MAX_MATCHED and bool(pattern.fullmatch(entry.strip()))

        return selects


def _omit_tags(args: Selection, _context: Context) -> Callable[[Sequence[str]], tuple[str, ...]]:
    selects = args.selector()
    return lambda value: tuple(entry for entry in value if not selects(entry))


def _keep_tags(args: Selection, _context: Context) -> Callable[[Sequence[str]], tuple[str, ...]]:
    selects = args.selector()
    return lambda value: tuple(entry for entry in value if selects(entry))


register(
    Function(
        "omit_tags",
        "Removes entries: whole ones, by their beginning, or by a regular expression.",
        TAGS,
        TAGS,
        _omit_tags,
        args=Selection,
        examples=[
            Example({"omit_tags": ["internal"]}, ("vip", "Internal"), ("vip",)),
            Example({"omit_tags": {"prefix": "sys:"}}, ("vip", "sys:x"), ("vip",)),
        ],
    )
)
register(
    Function(
        "keep_tags",
        "Keeps only the selected entries.",
        TAGS,
        TAGS,
        _keep_tags,
        args=Selection,
        examples=[Example({"keep_tags": {"pattern": "crm-.*"}}, ("vip", "crm-a"), ("crm-a",))],
    )
)
