"""What is wrong with a mapping file, with file and line, and the one error that carries all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from shopify_fw360.errors import MAPPING_INVALID, ErrorCode, SyncError


def short_name(file: str) -> str:
    """Return a mapping file's path from the project's root on, for messages that people far from the server read."""
    parts = PurePath(file).parts
    start = len(parts) - 1 - parts[::-1].index("include") if "include" in parts else max(0, len(parts) - 2)
    return "/".join(parts[start:])


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault or warning.

    Args:
        code: class of the failure; its ``fix`` is the next step.
        file: as the caller named it.
        line: 1-based line in the file.
        field: target field the fault belongs to, None for the file as a whole.
        rule: key of the mapping language that is broken.
        message: what is wrong, with suggestions.
    """

    code: ErrorCode
    file: str
    line: int
    field: str | None
    rule: str
    message: str

    def __str__(self) -> str:
        where = f"field {self.field}, " if self.field else ""
        return f"{self.file}:{self.line}: {self.code.code} {where}{self.rule}: {self.message}"


class MappingError(SyncError):
    """All faults of one or more mapping files at once.

    Args:
        problems: at least one.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.file, problem.line)))
        codes = {problem.code.code: problem.code for problem in self.problems}
        first = self.problems[0]
        super().__init__(
            next(iter(codes.values())) if len(codes) == 1 else MAPPING_INVALID,
            "\n".join(str(problem) for problem in self.problems),
            field=first.field,
            rule=first.rule,
        )

    def __reduce__(self) -> tuple[object, ...]:
        return (MappingError, (self.problems,))
