"""Replies: what counts as success, and which error of the taxonomy a failure is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from shopify_fw360.errors import FW360_UNAVAILABLE, SyncError
from shopify_fw360.framework360 import wire
from shopify_fw360.framework360.options import SiteOptions
from shopify_fw360.framework360.values import mapping, text
from shopify_fw360.records import Unset

_FAILED_STATUS = (0, "0", False)
_NOT_WORD = re.compile(r"[^a-z0-9]+")
_EMAIL_LIKE = re.compile(r"[^\s@<>\"'(),;]+@[^\s@<>\"'(),;]+")
_NUMBER_LIKE = re.compile(r"\+?\d[\d ./-]{5,}\d")
_MAX_TEXT = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, as the transport received it.

    Args:
        status: HTTP status.
        content: body.
        retry_after: value of that header, None if absent.
        location: value of that header, None if absent.
    """

    status: int
    content: bytes
    retry_after: str | None = None
    location: str | None = None


class Reader:
    """Tells success from failure by the rules of one site.

    Args:
        options: the site's options, for its error table and the names of key functions.
    """

    def __init__(self, options: SiteOptions) -> None:
        self._keys = options.keys
        own = {_code(name): code for name, code in options.errors.table.items()}
        self._table = {**{name: name for name in wire.ERRORS}, **own}
        self._starts = tuple(f"{name}_" for name in sorted(own, key=len, reverse=True))

    def read(self, call: wire.Call, answer: Answer, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the body of a successful reply.

        Args:
            call: the call that was made.
            answer: what came back.
            parameters: what was sent, to name the refused field and to keep values out of the message.

        Returns:
            The JSON object, the payload under ``data``.

        Raises:
            SyncError: the class that the error table gives; SYNC-408 for anything unclear.
        """
        body = _json_object(answer.content)
        ok = 200 <= answer.status < 300
        if ok and body is not None and not _says_failure(body):
            return body
        if body is None:
            code = wire.HTTP_ERRORS.get(answer.status)
            said = f"HTTP {answer.status} with a body that is no JSON object"
        else:
            code = self._code_of(body) or wire.HTTP_ERRORS.get(answer.status)
            said = _quotable(call, _words(body), parameters) or f"HTTP {answer.status} without a text"
        raise self._error(call, answer, code, said, _field(body or {}, parameters))

    def _code_of(self, body: Mapping[str, Any]) -> str | None:
        for value in map(_code, _texts_of(body)):
            if value in self._table:
                return self._table[value]
            # A site's own text may go on with the name of the field: "Campo non valido: cognome".
            for start in self._starts:
                if value.startswith(start):
                    return self._table[start.rstrip("_")]
        return None

    def _error(self, call: wire.Call, answer: Answer, code: str | None, said: str, field: str | None) -> SyncError:
        if code is None:
            return SyncError(
                FW360_UNAVAILABLE,
                f"{call.path}: {said}",
                retry_after=seconds(answer.retry_after),
                rule="a reply is a JSON object with status 1; errors.table can name this text",
            )
        message = f"{call.path}: {said}"
        if code == wire.PERMISSION_DENIED:
            function = self._keys.of(call)
            message = f"{call.path} was refused ({said}); tick the function {function or 'of this call'} on the key"
        elif code == wire.NO_ENDPOINT:
            message = f"the site has no call {call.path} ({said})"
        return SyncError(
            wire.ERRORS[code],
            message,
            field=field if code in {wire.MISSING_PARAMETER, wire.INVALID_FIELD} else None,
            rule=code,
            retry_after=seconds(answer.retry_after),
        )


def seconds(retry_after: str | None) -> float | None:
    """Read a Retry-After header: seconds, or the seconds until a date; None if absent or unreadable."""
    if not retry_after:
        return None
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def _json_object(content: bytes) -> Mapping[str, Any] | None:
    try:
        body = orjson.loads(content)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _says_failure(body: Mapping[str, Any]) -> bool:
    status = body.get(wire.STATUS, 1)
    # `False == 0`, but an unhashable status must not raise: compare, do not look up.
    if any(status == failed for failed in _FAILED_STATUS):
        return True
    return text(body.get(wire.ERROR)) is not None


def _texts_of(body: Mapping[str, Any]) -> Iterable[str]:
    data = body.get(wire.DATA)
    nested = data.get(wire.MESSAGE) if isinstance(data, Mapping) else None
    for value in (body.get(wire.ERROR), body.get(wire.MESSAGE), nested):
        read = text(value)
        if isinstance(read, str):
            yield read


def _words(body: Mapping[str, Any]) -> str:
    return ": ".join(dict.fromkeys(_texts_of(body)))


def _code(value: str) -> str:
    return _NOT_WORD.sub("_", value.casefold()).strip("_")


def _field(body: Mapping[str, Any], parameters: Mapping[str, Any]) -> str | None:
    data = mapping(body.get(wire.DATA))
    for place in (body, {} if isinstance(data, Unset) else data):
        for key in wire.FIELD_HINTS:
            hint = text(place.get(key))
            if isinstance(hint, str) and hint in _names(parameters):
                return hint
    words = set(re.findall(r"\w+", _words(body)))
    named = [name for name in _names(parameters) if name in words]
    return max(named, key=len) if named else None


def _names(parameters: Mapping[str, Any]) -> set[str]:
    names = {*wire.CUSTOMER_IDENTITY, *map(str, parameters)}
    for value in parameters.values():
        if isinstance(value, Mapping):
            names |= set(map(str, value))
    return names


def _quotable(call: wire.Call, said: str, parameters: Mapping[str, Any]) -> str:
    return (said if call.public else _redacted(said, parameters))[:_MAX_TEXT]


def _redacted(said: str, parameters: Mapping[str, Any]) -> str:
    """Keep personal data that a site quotes back out of messages, logs and the store."""
    names = _names(parameters)
    for value in sorted(_leaves(parameters), key=len, reverse=True):
        if len(value) > 2 and value in said and value not in names:
            said = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "…", said)
    return _NUMBER_LIKE.sub("…", _EMAIL_LIKE.sub("…", said))


def _leaves(value: Any) -> Iterable[str]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(inner)
    elif isinstance(value, str):
        yield value
