"""The two forms of an Open311 answer, made from one description: XML, and JSON by the Spark convention.

A list's wrapper name vanishes in JSON, and a list stays a list with one member; an empty element is null.
Codes and ids are text in both, degrees are numbers, truth is `true` and `false`. What XML cannot hold is
left out of both, so that they carry the same values.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

import orjson
from aiohttp import web

from triage.services.open311.posting import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

BASE: Final = "/open311/"
_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_UNTOLD: Final = re.compile("[^\\t\\n\\r\\u0020-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
XML: Final = "xml"
JSON: Final = "json"
CONTENT_TYPES: Final = {XML: "text/xml", JSON: "application/json"}


@dataclass(frozen=True, slots=True)
class Many:
    """A list: the name around it and the name of each member, for XML."""

    wrapper: str
    member: str
    items: Sequence[Any]


@dataclass(frozen=True, slots=True)
class One:
    """An object with its name, for XML."""

    name: str
    fields: Mapping[str, Any]


def moment(at: datetime | None) -> str | None:
    """`2026-11-26T02:00:00Z`: W3C's profile of ISO 8601; some clients know no other zone than Z."""
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def answer(fmt: str, told: Many | One, *, status: int = 200) -> web.Response:
    """The answer in the form that was asked for."""
    text = as_xml(told) if fmt == XML else as_json(told)
    return web.Response(text=text, status=status, content_type=CONTENT_TYPES[fmt], charset="utf-8")


def errors(fmt: str, faults: Iterable[Fault], *, status: int) -> web.Response:
    """The error list. The status is real, the codes may be finer."""
    items = [{"code": fault.code, "description": fault.description} for fault in faults]
    return answer(fmt, Many("errors", "error", items), status=status)


def format_of(path: str) -> str:
    """The form of an answer, by the suffix; XML is what the standard asks of everyone."""
    suffix = path.rpartition(".")[2]
    return suffix if suffix in CONTENT_TYPES else XML


def refusal(path: str, status: int, detail: str) -> web.Response:
    """Any error of this API as its error list."""
    return errors(format_of(path), [Fault(status, detail)], status=status)


def as_json(told: Many | One) -> str:
    """By the Spark convention."""
    return orjson.dumps(_plain(told)).decode()


def _plain(value: Any) -> Any:  # noqa: ANN401  (any of the values above)
    match value:
        case Many():
            return [_plain(item) for item in value.items]
        case One():
            return _plain(value.fields)
        case dict():
            return {name: _plain(inner) for name, inner in value.items()}
        case str():
            return _UNTOLD.sub("", value) or None
        case _:
            return value


def as_xml(told: Many | One) -> str:
    """As the standard prints it."""
    parts = [_DECLARATION]
    _write(parts, told.wrapper if isinstance(told, Many) else told.name, told)
    return "".join(parts)


def _write(parts: list[str], name: str, value: Any) -> None:  # noqa: ANN401
    match value:
        case Many():
            parts.append(f"<{name}>")
            for item in value.items:
                _write(parts, value.member, item)
        case One() | dict():
            fields = value.fields if isinstance(value, One) else value
            parts.append(f"<{name}>")
            for inner, found in fields.items():
                _write(parts, inner, found)
        case None | "":
            parts.append(f"<{name}/>")
            return
        case _:
            parts.append(f"<{name}>{_text(value)}")
    parts.append(f"</{name}>")


def _text(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, bool):
        return "true" if value else "false"
    # A bare carriage return would be read back as a line feed.
    return escape(_UNTOLD.sub("", str(value)), {"\r": "&#13;"})
