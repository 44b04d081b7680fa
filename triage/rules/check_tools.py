"""What checks of rows against rows have in common: ids written twice, periods that overlap or leave a gap."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from itertools import combinations
from typing import TYPE_CHECKING, Final, TypeVar

from triage.rules.rows import Problem, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

#: From this day on the tables answer; before it nothing is decided (街道办事处条例 in force 2020-01-01).
EPOCH: Final = date(2020, 1, 1)
_DAY: Final = timedelta(days=1)

RowT = TypeVar("RowT", bound=Row)


def say(problems: list[Problem], row: Row, message: str) -> None:
    """Note what is wrong with a row."""
    problems.append(Problem(row.where, f"{row.id}：{message}"))


def ids(rows: Sequence[Row], problems: list[Problem]) -> None:
    """No id is written twice."""
    seen: dict[str, Row] = {}
    for row in rows:
        if row.id in seen:
            say(problems, row, f"编号重复，已在 {seen[row.id].where} 使用")
        seen.setdefault(row.id, row)


def overlap(one: Row, other: Row) -> bool:
    """Whether both hold on some day."""
    last = min(one.valid_to or date.max, other.valid_to or date.max)
    return max(one.valid_from, other.valid_from) <= last


def overlaps(
    rows: Iterable[RowT], key: Callable[[RowT], Hashable], what: str, problems: list[Problem]
) -> None:
    """No two rows of the same key may hold on the same day."""
    groups: dict[Hashable, list[RowT]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    for group in groups.values():
        for one, other in combinations(group, 2):
            if overlap(one, other):
                say(problems, other, f"{what}的有效期与 {one.id}（{one.where}）重叠")


def gaps(rows: Sequence[Row], what: str, problems: list[Problem]) -> None:
    """The rows together must hold on every day from EPOCH on; `rows` must not be empty."""
    wanted = EPOCH
    ordered = sorted(rows, key=lambda row: row.valid_from)
    for row in ordered:
        if row.valid_from > wanted:
            say(problems, row, f"{what}在 {wanted} 至 {row.valid_from - _DAY} 之间没有有效条目")
        if row.valid_to is None:
            return
        wanted = max(wanted, row.valid_to + _DAY)
    say(problems, ordered[-1], f"{what}自 {wanted} 起没有有效条目")
