"""JSONL in and out: what came is given back as it came, at once, and never mistaken for an answer."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from triage.commands.lines import BATCH, each_line, plain
from triage.errors import BadInput

if TYPE_CHECKING:
    from triage.commands.lines import Answer, Result


class Pieces:
    """A stream that gives one piece a call, as a pipe does."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    def read1(self, _size: int, /) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


def answer(asked: list[Answer]) -> list[Result]:
    """`{"bad": true}` is refused, all else is well."""
    return [BadInput("不行") if one.get("bad") else {"size": len(asked)} for one in asked]


def run(*pieces: bytes) -> tuple[int, list[dict[str, Any]]]:
    sink = io.BytesIO()
    status = each_line(Pieces(*pieces), sink, answer)
    return status, [json.loads(line) for line in sink.getvalue().splitlines()]


@pytest.mark.parametrize("line", [b'{"id": 1}', b'{"id": 1}\n', b'{"id": 1}\r\n'])
def test_a_byte_order_mark_costs_no_line(line: bytes) -> None:
    assert run(b"\xef\xbb\xbf" + line) == (0, [{"id": 1, "size": 1}])


def test_a_byte_order_mark_further_on_is_a_fault() -> None:
    status, answers = run(b'{"id": 1}\n\xef\xbb\xbf{"id": 2}\n')
    assert (status, answers[1]["line"]) == (1, 2)


@pytest.mark.parametrize(
    "value", [2**63, 2**64, -(2**70), 10**40, 1.5, True, None, "\ud800", ["\udfff", {"\ud801": 2**99}], "😀"]
)
def test_any_value_is_given_back_as_it_came(value: object) -> None:
    status, (told,) = run(json.dumps({"id": value, "mine": value}).encode())
    assert (status, told["id"], told["mine"]) == (0, value, value)


@pytest.mark.parametrize("word", [b"NaN", b"Infinity", b"1e999", b"1" * 5000, b"[" * 100_000, b"\xff"])
def test_what_is_no_json_is_refused_alone(word: bytes) -> None:
    status, answers = run(b'{"id": %b}\n{"id": 2}\n' % word)
    assert (status, [one.get("line") for one in answers]) == (1, [1, None])


def test_what_can_be_read_but_hardly_written_still_ends_in_json() -> None:
    told = [run(b'{"id": ' + b"[" * depth + b"]" * depth + b"}")[1][0] for depth in range(900, 1000)]
    assert {"id" in one or "error" in one for one in told} == {True}


def test_an_incoming_error_does_not_look_like_one() -> None:
    status, answers = run(b'{"id": 1, "error": "x", "line": 5}\n{"id": 2, "bad": true, "error": "x"}\n')
    assert status == 1
    assert answers == [{"id": 1, "size": 2}, {"id": 2, "line": 2, "error": "第 2 行：不行"}]


def test_lines_cut_anywhere_are_the_same_lines() -> None:
    whole = "\n".join(json.dumps({"id": number, "text": "河水"}, ensure_ascii=False) for number in range(9))
    pieces = [bytes([byte]) for byte in whole.encode()]
    status, answers = run(*pieces)
    assert (status, [one["id"] for one in answers]) == (0, list(range(9)))


def test_lines_that_are_there_are_answered_together() -> None:
    lines = b"".join(b'{"id": %d}\n' % number for number in range(BATCH + 6))
    _, answers = run(lines, b'{"id": 0}\n')
    assert [one["size"] for one in answers] == [BATCH] * BATCH + [6] * 6 + [1]


def test_half_a_character_is_replaced() -> None:
    assert plain("河\ud800水😀") == "河\ufffd水😀"


def test_who_writes_one_line_and_waits_gets_its_answer() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "triage.cli", "route"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "0"},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    told = []
    for number in range(3):
        process.stdin.write(b'{"id": %d, "kind": "AIR-07", "district_code": "110105"}\n' % number)
        process.stdin.flush()
        told.append(json.loads(process.stdout.readline())["id"])
    process.stdin.close()
    process.stdout.close()
    assert (told, process.wait(30)) == ([0, 1, 2], 0)
