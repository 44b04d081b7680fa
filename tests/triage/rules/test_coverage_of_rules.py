"""Every verified rule that a row of any table stands on has a case that a legal officer can read."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any, Final

from tests.triage.rules.helpers import CASES, cases, tables
from triage.rules.rows import Row, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_RULE: Final = re.compile(r"R\d+\.\d+")
#: Cases of bad tables, of masking and of rewards (whose sources are other laws) name no rules of these.
_NO_RULES: Final = ("bad_tables", "masking", "rewards")


def _inside(value: object) -> Iterator[Row]:
    """Every row of a table, wherever it stands."""
    match value:
        case Row():
            yield value
        case tuple() | list() | frozenset():
            for item in value:
                yield from _inside(item)
        case dict():
            yield from _inside(list(value.values()))
        case _ if dataclasses.is_dataclass(value):
            yield from _inside([getattr(value, field.name) for field in dataclasses.fields(value)])


def wanted() -> dict[str, set[str]]:
    """Rule → the verified rows that stand on it."""
    found: dict[str, set[str]] = {}
    for row in _inside(tables()):
        if row.status is Status.VERIFIED:
            for rule in _RULE.findall(" ".join((row.source, *getattr(row, "rules", ())))):
                found.setdefault(rule, set()).add(row.id)
    return found


def named(read: Iterable[dict[str, Any]]) -> set[str]:
    """The rules that cases name."""
    return {rule for case in read for key in ("依据", "规则") for rule in case.get(key, ())}


ALL: Final = [
    case
    for path in sorted(CASES.glob("*.yaml"))
    if not path.name.startswith(_NO_RULES)
    for case in cases(path.name)
]


def test_every_verified_rule_has_a_case() -> None:
    have = named(ALL)
    assert {rule: sorted(rows)[:3] for rule, rows in wanted().items() if rule not in have} == {}


def test_a_rule_whose_cases_are_taken_away_is_missed() -> None:
    for rule in wanted():
        without = [case for case in ALL if rule not in named([case])]
        assert len(without) < len(ALL)
        assert rule not in named(without)


def test_there_are_as_many_cases_as_were_promised() -> None:
    assert len(ALL) >= 80
