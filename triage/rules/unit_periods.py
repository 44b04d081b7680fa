"""承办单位 by their dates: offices that end before their area, posts nobody has on some day, equal names.

A unit that closes with a wrong or forgotten date sends cases to somebody who is gone, or to the fallback,
and nobody is asked.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import combinations
from typing import TYPE_CHECKING, Final

from models.vocab import Level
from triage.rules.check_tools import EPOCH, overlap, say
from triage.rules.rows import OWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from triage.rules.parsing import Parsed
    from triage.rules.rows import FunctionalAreaRow, Problem, Row, Tables, UnitRow

_DAY: Final = timedelta(days=1)
#: So many are named of those that a warning is about.
_SHOWN: Final = 5


def same_post(one: UnitRow, other: UnitRow) -> bool:
    """Whether one unit takes the other's place once that is closed."""
    return (one.level, one.function, one.district_code, one.street_code) == (
        other.level, other.function, other.district_code, other.street_code
    )  # fmt: skip


def check(rows: Parsed, problems: list[Problem]) -> None:
    """A functional area is no street of the same days, and has an office on each of its own."""
    for area in rows.functional_areas:
        _office(area, rows.units, problems)
        for unit in rows.units:
            if unit.level is Level.STREET and unit.street_code == area.id and overlap(unit, area):
                say(problems, area, f"这个代码同时是街道乡镇 {unit.id}（{unit.where}），两者的有效期重叠")


def _office(area: FunctionalAreaRow, units: Sequence[UnitRow], problems: list[Problem]) -> None:
    if area.unit is None:
        return
    named = next((unit for unit in units if unit.id == area.unit), None)
    if named is None:
        say(problems, area, f"没有这个承办单位：{area.unit}")
        return
    day = _unheld([unit for unit in units if same_post(unit, named)], area)
    if day is not None:
        say(problems, area, f"{named.name}在 {day} 没有生效，也没有接替它的单位：功能区不能比承办单位长")


def lint(tables: Tables, found: list[Problem]) -> None:
    """What is told of units and not refused."""
    _names(tables, found)
    _grounds(tables, found)
    _posts(tables, found)


def _names(tables: Tables, found: list[Problem]) -> None:
    """A name that is typed means the first of two."""
    by_name: dict[str, list[UnitRow]] = defaultdict(list)
    for unit in tables.units.values():
        by_name[unit.name].append(unit)
    for group in by_name.values():
        for one, other in combinations(group, 2):
            if overlap(one, other):
                say(found, other, f"与 {one.id}（{one.where}）同名且同时有效：写名字时认作 {one.id}")


def _grounds(tables: Tables, found: list[Problem]) -> None:
    """Ground whose street or district is closed and that nobody else answers for (撤并)."""
    grounds: dict[str, list[Row]] = defaultdict(list)
    for unit in tables.units.values():
        code = unit.street_code if unit.level is Level.STREET else unit.district_code
        if code and unit.function == OWN and unit.level in {Level.STREET, Level.DISTRICT}:
            grounds[code].append(unit)
    for area in tables.functional_areas.values():
        grounds[area.id].append(area)
    for code, rows in grounds.items():
        first = min(rows, key=lambda row: row.valid_from)
        day = _first_without(rows, first.valid_from, None)
        if day is not None:
            words = "没有承办单位，也没有功能区接管，那里的诉求都要人工派单"
            say(found, max(rows, key=lambda row: row.valid_from), f"{code} 自 {day} 起{words}")
    for zone in tables.zones:
        streets = tables.by_post.get((Level.STREET, OWN, zone.street_code), ())
        if (day := _unheld(streets, zone)) is not None:
            say(found, zone, f"“{zone.zone}”的街道乡镇 {zone.street_code} 在 {day} 没有承办单位")


@dataclass(slots=True)
class _Gap:
    """A function that has nobody from a day on: where, and which rows ask for it."""

    first: Row
    rows: set[str] = field(default_factory=set)
    areas: set[str] = field(default_factory=set)


def _posts(tables: Tables, found: list[Problem]) -> None:
    """Rows of 派单目录 and 收回事项 that name a post nobody has on one of their days."""
    governments = [unit for unit in tables.units.values() if unit.governs]
    districts = {unit.district_code or "": unit.name.removesuffix("人民政府") for unit in governments}
    gaps: dict[tuple[str, Level, str, date], _Gap] = {}
    wanted: list[tuple[Row, Level, str, Iterable[str]]] = [
        (row, row.level, row.function, districts if row.level is Level.BUREAU else ("",))
        for row in tables.catalogue
        if row.level in {Level.BUREAU, Level.CITY}
    ]
    wanted += [(row, Level.BUREAU, row.function, row.districts) for row in tables.reclaimed]
    for row, level, function, areas in wanted:
        for area in areas:
            day = _unheld(tables.by_post.get((level, function, area), ()), row)
            if day is not None:
                gap = gaps.setdefault((row.where.file, level, function, day), _Gap(row))
                gap.rows.add(row.id)
                gap.areas.add(districts.get(area, ""))
    for (_, _, function, day), gap in gaps.items():
        where = f"（{_some(gap.areas)}）" if any(gap.areas) else ""
        title = tables.functions.get(function, function)
        words = f"“{title}”{where}在 {day} 没有单位，这些条目找不到单位：{_some(gap.rows)}"
        say(found, gap.first, words)


def _some(words: Iterable[str]) -> str:
    told = sorted(words)
    more = f" 等 {len(told)} 个" if len(told) > _SHOWN else ""
    return "、".join(told[:_SHOWN]) + more


def _unheld(rows: Iterable[Row], period: Row) -> date | None:
    """The first day of a row's own period on which none of `rows` holds."""
    return _first_without(rows, period.valid_from, period.valid_to)


def _first_without(rows: Iterable[Row], start: date, end: date | None) -> date | None:
    day = max(start, EPOCH)
    for row in sorted(rows, key=lambda row: row.valid_from):
        if row.valid_from > day:
            break
        if row.valid_to is None or row.valid_to == date.max:
            return None
        day = max(day, row.valid_to + _DAY)
    return day if end is None or day <= end else None
