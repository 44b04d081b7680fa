"""JSONL: one JSON object per line; each line stands alone, so each fault is reported with its own line."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NoReturn

from connectors.file_maps import Field
from connectors.file_rows import Fault, RawRow, header_names, require
from connectors.file_text import MARK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.file_maps import ColumnMap
    from connectors.file_text import Lines
    from connectors.records import Limits

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

_PEEK_OBJECTS: Final = 20
"""After so many objects without one required key the file has other keys altogether."""
_HELD_ROWS: Final = 1000  # faults kept back while no object has come yet

# Fields whose values are words: a number or an object there means that the keys are mixed up.
_WORDS: Final = frozenset({Field.SOURCE, Field.TITLE, Field.TEXT, Field.ADDRESS, Field.NAME})


class _Repeated(ValueError):
    """A key stands twice in one object."""


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _Repeated
    return made


def _constant(_name: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


def _as_text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def _pairs(row: dict[str, Json], column_map: ColumnMap) -> list[tuple[str, str]] | Fault:
    pairs = []
    for key, value in row.items():
        if value is None:
            continue
        hit = column_map.find(key)
        if hit and hit[0] in _WORDS and not isinstance(value, str):
            return Fault(key, "应为文字")
        if hit and isinstance(value, list | dict):
            return Fault(key, "应为单个值，而不是列表或对象")
        pairs.append((key, _as_text(value)))
    return pairs


def _parse(text: str) -> dict[str, Json] | Fault:
    if MARK in text:
        return Fault(None, "有无法解码的字节")
    if "\x00" in text:
        return Fault(None, "含有 NUL 字节，数据可能已损坏")
    try:
        row = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except json.JSONDecodeError as error:
        return Fault(None, f"不是有效的 JSON（第 {error.colno} 个字符处）")
    except _Repeated:
        return Fault(None, "同一个键出现了两次")
    except (ValueError, RecursionError):  # NaN, a number of thousands of digits, thousands of brackets
        return Fault(None, "不是有效的 JSON（数值或嵌套超出范围）")
    return _named(row) if isinstance(row, dict) else Fault(None, "不是 JSON 对象")


def _named(row: dict[str, Json]) -> dict[str, Json]:
    """The row under names that can be stored and shown, as a table's are: no controls, no half signs."""
    keys = tuple(row)
    names = _names(keys)
    return row if names == keys else dict(zip(names, row.values(), strict=True))


@lru_cache(maxsize=64)
def _names(keys: tuple[str, ...]) -> tuple[str, ...]:
    return header_names(keys)


def jsonl_objects(lines: Lines, limits: Limits) -> Iterator[tuple[int, dict[str, Json] | Fault]]:
    """Give each line that is not blank as its object, or as the fault that it has."""
    while (line := lines.take()) is not None:
        if line.text is None:
            yield line.number, Fault(None, f"行过长，超过 {limits.line_max} 个字符")
            continue
        text = line.text.removeprefix("\ufeff")
        if text and not text.isspace():
            yield line.number, _parse(text)


def jsonl_keys(lines: Lines, limits: Limits) -> tuple[str, ...]:
    """Give the keys of the first objects, in order of appearance: what a header is to a table."""
    keys: dict[str, None] = {}
    objects = 0
    for _, row in jsonl_objects(lines, limits):
        if isinstance(row, dict):
            keys |= dict.fromkeys(row)
            objects += 1
        if objects == _PEEK_OBJECTS:
            break
    return tuple(keys)


def jsonl_rows(lines: Lines, column_map: ColumnMap, limits: Limits, file: str) -> Iterator[RawRow]:
    """Give the rows of a JSONL file.

    Raises FileRefused when none of the first objects has the required keys: then every line would be bad.
    """
    held: list[RawRow] = []
    keys: dict[str, None] = {}
    objects = 0
    sure = False
    for number, row in jsonl_objects(lines, limits):
        content = row if isinstance(row, Fault) else _pairs(row, column_map)
        held.append(RawRow(number, content))
        if not sure and isinstance(row, dict):
            keys |= dict.fromkeys(row)
            objects += 1
            sure = not column_map.missing(tuple(keys))
            if not sure and objects == _PEEK_OBJECTS:
                require(column_map, tuple(keys), file)
        if sure or len(held) > _HELD_ROWS:
            yield from held
            held.clear()
    yield from held
