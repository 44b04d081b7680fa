"""JSONL in, JSONL out: what `jiesu read` and `jiesu route` share. Each line is answered in its place.

Python's own json: it gives long numbers and half characters back as they came; orjson rounds or refuses them.
"""

from __future__ import annotations

import codecs
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from triage.errors import TriageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO, Protocol

    class Readable(Protocol):
        """A buffered binary stream: gives what is there, waiting only when nothing is."""

        def read1(self, size: int, /) -> bytes: ...  # noqa: D102


#: Lines to a batch, when so many are there: models answer many faster than one by one.
BATCH: Final = 64
_CHUNK: Final = 1 << 16
#: Keys that tell an error: a good answer has none, whatever came in.
_RESERVED: Final = frozenset({"error", "line"})
_HALF_CHARACTER: Final = re.compile("[\ud800-\udfff]")

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Noted:
    """An answer, and what of its line could not be used: said on stderr with the line's number."""

    answer: Answer
    words: str


Result = Answer | Noted | ValueError | TriageError


def plain(text: str) -> str:
    """A text with U+FFFD for half characters (lone surrogates): legal in JSON, but no text."""
    return _HALF_CHARACTER.sub("\ufffd", text)


def words_of(row: Answer) -> tuple[str | None, str]:
    """Title and text of a row of labels, as a line of `jiesu read` would have them."""
    title = row.get("title")
    return plain(title) if title else None, plain(row.get("text") or "")


def each_line(
    source: Readable,
    sink: BinaryIO,
    answer: Callable[[list[Answer]], list[Result]],
    *,
    given_back: frozenset[str] | None = None,
) -> int:
    """Answer every line that is not blank; a bad one gets an error in its place and the rest go on.

    What came in is given back with the answer, or, of it, the keys `given_back` alone.

    Whatever lines are there are answered before more are waited for: who writes one line and waits gets its
    answer. Gives exit status 0, or 1 when a line was bad.
    """
    status = 0
    for batch in _batches(source):
        parsed = [(number, _parsed(number, line)) for number, line in batch if line.strip()]
        given = iter(answer([asked for _, asked in parsed if isinstance(asked, dict)]))
        for number, asked in parsed:
            result = asked if isinstance(asked, ValueError) else next(given)
            if isinstance(result, Noted):
                click.echo(f"第 {number} 行：{result.words}", err=True)
                result = result.answer
            told = _told(number, asked, result, given_back)
            status = 1 if "error" in told else status
            sink.write(_written(number, told))
        sink.flush()
    return status


def _told(
    number: int,
    asked: Answer | ValueError,
    result: Answer | ValueError | TriageError,
    given_back: frozenset[str] | None,
) -> Answer:
    """What is said of a line: what came in with the answer, or the error with the line's id."""
    if isinstance(asked, ValueError):
        return {"line": number, "error": str(asked)}
    if isinstance(result, Exception):
        known = {"id": asked["id"]} if "id" in asked else {}
        return {**known, "line": number, "error": f"第 {number} 行：{result}"}
    kept = {
        name: value
        for name, value in asked.items()
        if name not in _RESERVED and (given_back is None or name in given_back)
    }
    return {**kept, **result}


def _batches(source: Readable) -> Iterator[list[tuple[int, bytes]]]:
    """The lines that are there, numbered from 1, at most BATCH at once."""
    number = 0
    for lines in _available(source):
        for at in range(0, len(lines), BATCH):
            batch = lines[at : at + BATCH]
            yield list(enumerate(batch, start=number + 1))
            number += len(batch)


def _available(source: Readable) -> Iterator[list[bytes]]:
    """The whole lines of each piece that the stream gives; the last line may lack its end."""
    begun: list[bytes] = []
    first = True
    while piece := source.read1(_CHUNK):
        *ended, rest = piece.split(b"\n")
        if not ended:
            begun.append(rest)
            continue
        ended[0] = b"".join((*begun, ended[0]))
        begun = [rest] if rest else []
        yield _without_mark(ended) if first else ended
        first = False
    if begun:
        last = [b"".join(begun)]
        yield _without_mark(last) if first else last


def _without_mark(lines: list[bytes]) -> list[bytes]:
    """The first lines of a stream without the byte order mark that Windows programs put there."""
    return [lines[0].removeprefix(codecs.BOM_UTF8), *lines[1:]]


def _constant(name: str) -> NoReturn:
    raise ValueError(name)


def _float(text: str) -> float:
    """A number with a fraction or exponent. Raises ValueError when it is too large to be given back."""
    value = float(text)
    if value in {float("inf"), float("-inf")}:
        raise ValueError(text)
    return value


def _parsed(number: int, line: bytes) -> Answer | ValueError:
    """The object of a line, or what is wrong with it."""
    try:
        asked = json.loads(line.decode(), parse_constant=_constant, parse_float=_float)
    except UnicodeDecodeError:
        return ValueError(f"第 {number} 行不是 UTF-8 文字")
    except json.JSONDecodeError as error:
        return ValueError(f"第 {number} 行不是合法的 JSON（第 {error.colno} 个字符处）")
    except (ValueError, RecursionError):  # NaN, a number of thousands of digits, thousands of brackets
        return ValueError(f"第 {number} 行不是合法的 JSON（数值或嵌套超出范围）")
    return asked if isinstance(asked, dict) else ValueError(f"第 {number} 行应是一个 JSON 对象")


def _written(number: int, told: Answer) -> bytes:
    try:
        text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:  # it could just be read
        return _written(number, {"line": number, "error": f"第 {number} 行嵌套超出范围"})
    # A half character is written as it came: as an escape.
    return text.encode(errors="backslashreplace") + b"\n"
