"""The read-back rule of the contract (10.1): what was written is read again, and what did not stick is written again.

A field that reads as before its write is written again, `readback.tries` times in all, and is then reported as not
writable on the site. A field that reads as a third value was normalised by the site and is fine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shopify_fw360.framework360.client import Framework360Client
from shopify_fw360.framework360.fields import held
from shopify_fw360.records import FieldType, Raw, TargetField


@dataclass(slots=True)
class Written:
    """A record after a write.

    Args:
        raw: the decoded record as it reads now.
        requests: number of calls made for it.
        unwritable: target fields the site did not take.
    """

    raw: Raw = field(default_factory=dict)
    requests: int = 0
    unwritable: set[str] = field(default_factory=set)


def not_taken(
    wanted: Mapping[str, Any], before: Raw | None, after: Raw, target: Callable[[str], TargetField]
) -> set[str]:
    """Return the fields that still read as before their write.

    A new record has nothing before: there a flag counts if it differs, anything else if it reads as empty or 0.

    Args:
        wanted: values that were sent, by target field.
        before: the decoded record, or child of one, before the write; None for a new one.
        after: the same as it reads now.
        target: target field by name.
    """
    missing = set()
    for name, value in wanted.items():
        entry = target(name)
        now = entry.same(held(entry, after))
        if now == entry.same(value):
            continue
        if before is not None:
            stuck = now == entry.same(held(entry, before))
        else:
            stuck = entry.type is FieldType.FLAG or now in (entry.same(None), 0)
        if stuck:
            missing.add(name)
    return missing


def insist(
    client: Framework360Client, missing: set[str], send_again: Callable[[set[str]], set[str] | None]
) -> set[str]:
    """Repeat what did not stick.

    Args:
        client: of the site, whose options tell how often and how long to wait.
        missing: fields that did not stick.
        send_again: writes them once more and returns those that still do not stick; None if none of them can be sent.

    Returns:
        The fields that the site does not take.
    """
    readback = client.options.readback
    for _ in range(readback.tries - 1):
        if not missing:
            break
        client.pause(readback.wait)
        left = send_again(missing)
        if left is None:
            break
        missing = left
    return missing
