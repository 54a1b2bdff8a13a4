"""Reads docker-compose.yaml as far as it says what runs, and translates it to processes on loopback."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from scripts.local.errors import LocalError

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class ComposeError(LocalError):
    """The file cannot be translated; the message names the service and what is wrong."""


@dataclass(frozen=True, slots=True)
class Service:
    """What a service of the file runs.

    Args:
        name: of the service.
        command: program and arguments; without the entry point of the image.
        environment: variables, those of ``env_file`` included.
        health: command of the health check, in exec form; empty without one.
        needs: services that must be healthy, or have ended well, before it starts.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    health: tuple[str, ...] = ()
    needs: tuple[str, ...] = field(default=())


def interpolate(text: str, values: Mapping[str, str]) -> str:
    """Put variables into a text as Compose does.

    Args:
        text: with ``${NAME}``, ``${NAME:-default}`` (which may hold further ones), ``${NAME:?message}`` and ``$$``.
        values: of the variables.

    Returns:
        The text.

    Raises:
        ComposeError: a needed variable is missing or empty; the message is that of the file.
    """
    done, rest = "", text
    while rest:
        head, dollar, rest = rest.partition("$")
        done += head
        if not dollar:
            break
        if rest.startswith("$"):
            done, rest = f"{done}$", rest[1:]
        elif rest.startswith("{"):
            inner, rest = _braced(rest, text)
            done += _value(inner, values)
        else:
            name = _NAME.match(rest)
            if name is None:
                raise ComposeError(f"{text!r}: a $ that is no variable must be written $$")
            done, rest = done + values.get(name[0], ""), rest[name.end() :]
    return done


def _braced(rest: str, text: str) -> tuple[str, str]:
    depth = 0
    for place, character in enumerate(rest):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth == 0:
            return rest[1:place], rest[place + 1 :]
    raise ComposeError(f"{text!r}: a brace is not closed")


def _value(inner: str, values: Mapping[str, str]) -> str:
    name = _NAME.match(inner)
    if name is None:
        raise ComposeError(f"${{{inner}}} names no variable")
    operator, word = inner[name.end() :][:2], inner[name.end() :][2:]
    given = values.get(name[0], "")
    if given or not operator:
        return given
    if operator == ":-":
        return interpolate(word, values)
    raise ComposeError(f"{name[0]} is not set: {word}")


def read_services(file: Path, values: Mapping[str, str], places: Mapping[str, str]) -> dict[str, Service]:
    """Read the services.

    Args:
        file: docker-compose.yaml.
        values: variables of its `.env`.
        places: what stands for the addresses of containers, ``postgres:5432`` to ``127.0.0.1:54360`` and the like;
            replaced in commands, environments and health checks.

    Returns:
        The services by name; those of a profile are left out.

    Raises:
        ComposeError: as ``interpolate``.
    """
    document: dict[str, Any] = yaml.safe_load(file.read_text())
    return {
        name: _service(name, described, values, places)
        for name, described in document["services"].items()
        if not described.get("profiles")
    }


def _service(name: str, described: Mapping[str, Any], values: Mapping[str, str], places: Mapping[str, str]) -> Service:
    def put(text: object) -> str:
        placed = interpolate(str(text), values)
        for container, local in places.items():
            placed = re.sub(rf"(?<![\w.-]){re.escape(container)}(?![\w-])", local, placed)
        return placed

    entry, command = (_exec_form(described.get(key, ())) for key in ("entrypoint", "command"))
    environment = dict(values) if described.get("env_file") else {}
    environment |= {key: put(value) for key, value in (described.get("environment") or {}).items()}
    needs = described.get("depends_on") or {}
    test = _exec_form((described.get("healthcheck") or {}).get("test", ()))
    shell = ("sh", "-c") if test[:1] == ("CMD-SHELL",) else ()
    return Service(
        name,
        tuple(map(put, (*entry, *command))),
        environment,
        tuple(map(put, (*shell, *test[1:]))),
        tuple(needs),
    )


def _exec_form(value: str | Sequence[str]) -> tuple[str, ...]:
    return tuple(value.split()) if isinstance(value, str) else tuple(value)
