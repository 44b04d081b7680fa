"""Hypothesis over every parser: `python -m tests.fuzz.parsers [examples of each, 2000] [name …]`.

A parser may refuse in its own words; any other exception is a failure, and so is what it lets through that
cannot be stored: NUL and half characters, which PostgreSQL refuses, and moments that no column holds.
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from hypothesis import HealthCheck, Phase, given, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hypothesis.strategies import SearchStrategy


#: Of a line of what failed: an example may be thousands of digits.
_LONGEST: Final = 600


class NotStorable(AssertionError):
    """A parser let something through that no row can hold."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One parser: what it is sent, how it is called, and how it may refuse."""

    name: str
    sent: SearchStrategy[Any]
    parse: Callable[[Any], object]
    refuses: tuple[type[Exception], ...] = ()

    def feed(self, sent: object) -> bool:
        """Let it parse; whether it took it. Raises what it should not have raised, and NotStorable."""
        try:
            found = self.parse(sent)
        except self.refuses as refusal:
            str(refusal).encode()  # it is shown or printed
            return False
        storable(found)
        return True


def storable(value: object) -> None:
    """Raise NotStorable for what a row cannot hold, however deep it lies."""
    match value:
        case Enum() | None | bool() | int() | float() | bytes():
            pass
        case str():
            if "\0" in value:
                raise NotStorable("NUL")
            try:
                value.encode()
            except UnicodeEncodeError:
                raise NotStorable("half a character") from None
        case datetime():
            if value.tzinfo is None:
                raise NotStorable("a moment without its zone")
            value.astimezone(UTC)
        case date():
            pass
        case _:
            for part in _parts(value):
                storable(part)


def _parts(value: object) -> Iterator[object]:
    match value:
        case dict():
            yield from value
            yield from value.values()
        case list() | tuple() | set() | frozenset():
            yield from value
        case _ if is_dataclass(value):
            yield from (getattr(value, field.name) for field in fields(value))
        case _:
            pass


@dataclass(slots=True)
class Counted:
    """What a run of one parser came to."""

    examples: int = 0
    taken: int = 0
    failures: int = 0
    first: str = ""
    seconds: float = 0.0


def run(subject: Subject, examples: int, *, seed: int | None = None) -> Counted:
    """Feed a parser as many examples. Failures are counted by distinct place, the first is described."""
    counted = Counted()

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=seed is not None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    @given(subject.sent)
    def fuzz(sent: object) -> None:
        counted.examples += 1
        counted.taken += subject.feed(sent)

    begun = time.monotonic()
    try:
        fuzz()
    except Exception as error:  # noqa: BLE001  (whatever a parser throws is what is looked for)
        found = error.exceptions if isinstance(error, ExceptionGroup) else (error,)
        counted.failures = len(found)
        told = traceback.format_exception(found[0])
        counted.first = "".join(
            line if len(line) < _LONGEST else f"{line[:_LONGEST]}…\n" for line in told[-6:]
        )
    counted.seconds = time.monotonic() - begun
    return counted


def main(arguments: list[str]) -> int:
    """Run all or those named; a table, what failed, one JSON line last."""
    from tests.fuzz.subjects import SUBJECTS  # noqa: PLC0415  (they load the models)

    examples = int(arguments[0]) if arguments else 2000
    wanted = arguments[1:] or [subject.name for subject in SUBJECTS]
    told: dict[str, dict[str, float]] = {}
    for subject in SUBJECTS:
        if subject.name in wanted:
            counted = run(subject, examples)
            told[subject.name] = {
                "examples": counted.examples, "taken": counted.taken, "failures": counted.failures,
                "seconds": round(counted.seconds, 1),
            }  # fmt: skip
            print(f"{subject.name:24}", told[subject.name], flush=True)  # noqa: T201
            if counted.first:
                print(counted.first, flush=True)  # noqa: T201
    failures = sum(one["failures"] for one in told.values())
    total = {"examples": sum(one["examples"] for one in told.values()), "failures": failures}
    print(json.dumps({**total, "parsers": told}, ensure_ascii=False))  # noqa: T201
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
