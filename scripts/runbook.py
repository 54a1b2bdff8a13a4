"""Writes the generated parts of docs/runbook.md: `python -m scripts.runbook`.

The error codes come from errors.py and the metrics from airflow/metrics.py, so that the page cannot be out of date;
what stands outside of the marks is written by hand.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Final

from shopify_fw360.errors import CODES, QUIET, ErrorCode, Reaction

RUNBOOK: Final = Path(__file__).parents[1] / "docs" / "runbook.md"

ROOMS: Final[Mapping[str, str]] = {
    "1": "Configuration",
    "2": "One record",
    "3": "Shopify",
    "4": "Framework360",
    "5": "Store and runs",
}
"""First digit of a code to what it is about, as errors.py groups them."""

REACTIONS: Final[Mapping[Reaction, str]] = {
    Reaction.RETRY: "tries again by itself",
    Reaction.SKIP_RECORD: "parks this record, the others go on",
    Reaction.NEEDS_PERSON: "parks this record until a person decides, the others go on",
    Reaction.STOP_FLOW: "stops this flow, the other flows go on",
    Reaction.STOP_ALL: "stops all flows",
}


def codes_section() -> str:
    """Return every error code with cause and fix as Markdown, grouped by what it is about."""
    codes = sorted(CODES.values(), key=lambda code: code.code)
    parts = []
    for digit, group in groupby(codes, key=lambda code: code.code.removeprefix("SYNC-")[0]):
        parts += [
            f"### {ROOMS[digit]}",
            "",
            "| Code | What happened | Cause | What to do |",
            "| --- | --- | --- | --- |",
        ]
        parts += [_row(code) for code in group]
        parts.append("")
    return "\n".join(parts).rstrip()


def _row(code: ErrorCode) -> str:
    quiet = "; shown as skipped" if code in QUIET else ""
    does = f"{REACTIONS[code.reaction]}{quiet}"
    cells = (f'<a id="{code.code.lower()}"></a>{code.code}', f"{code.title} (*{does}*)", code.cause, code.fix)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def metrics_section() -> str:
    """Return every metric as a Markdown table."""
    from shopify_fw360.airflow.metrics import METRICS

    lines = ["| Metric | Kind | Tags | Meaning | Sent |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| `{metric.name}` | {metric.kind} | {', '.join(metric.tags) or '-'} | {metric.about} | {metric.sent} |"
        for metric in METRICS.values()
    ]
    return "\n".join(lines)


SECTIONS: Final[Mapping[str, Callable[[], str]]] = {"codes": codes_section, "metrics": metrics_section}


def with_sections(text: str) -> str:
    """Return the page with fresh sections between their marks.

    Raises:
        ValueError: the marks of a section are missing.
    """
    for name, make in SECTIONS.items():
        begin, end = f"<!-- {name}: begin, made by `python -m scripts.runbook` -->", f"<!-- {name}: end -->"
        head, found, rest = text.partition(begin)
        _old, closed, tail = rest.partition(end)
        if not found or not closed:
            raise ValueError(f"the marks of the section {name} are missing")
        text = f"{head}{begin}\n\n{make()}\n\n{end}{tail}"
    return text


def main() -> int:
    """Bring the page up to date and say whether anything changed."""
    old = RUNBOOK.read_text(encoding="utf-8")
    new = with_sections(old)
    RUNBOOK.write_text(new, encoding="utf-8")
    print(f"{RUNBOOK.name}: {'unchanged' if new == old else 'brought up to date'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
