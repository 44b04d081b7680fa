"""Two versions of the tables: which rows differ, and how the same facts would be decided by each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Final

from models.vocab import Level, State
from triage.errors import NoRule
from triage.rules.clocks import Clock, due_at
from triage.rules.decision import decide
from triage.rules.rows import ClockName, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date, datetime

    from models.vocab import Urgency
    from triage.rules.decision import Decision, Facts
    from triage.rules.rows import Tables, UnitRow

_MARKS: Final = ("id", "where")


@dataclass(frozen=True, slots=True)
class RowChange:
    """A row that is new, gone or different; `what` names the fields that differ."""

    file: str
    line: int
    id: str
    verb: str
    what: tuple[str, ...] = ()

    def __str__(self) -> str:
        about = f"（{'、'.join(self.what)}）" if self.what else ""
        return f"{self.file}:{self.line} {self.verb} {self.id}{about}"


def rows_of(tables: Tables) -> dict[tuple[str, str], Row]:
    """Every row by file and id, wherever in the tables it is kept: a table added later is compared too."""
    return {(row.where.file, row.id): row for row in _rows_in(tables)}


def _rows_in(value: object) -> Iterator[Row]:
    if isinstance(value, Row):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _rows_in(item)
    elif isinstance(value, tuple):
        for item in value:
            yield from _rows_in(item)
    elif is_dataclass(value):
        for own in fields(value):
            yield from _rows_in(getattr(value, own.name))


def row_changes(old: Tables, new: Tables) -> tuple[RowChange, ...]:
    """What differs, in order of file and line."""
    before, after = rows_of(old), rows_of(new)
    found = [
        RowChange(row.where.file, row.where.line, row.id, "新增")
        for key, row in after.items()
        if key not in before
    ]
    found += [
        RowChange(row.where.file, row.where.line, row.id, "删除")
        for key, row in before.items()
        if key not in after
    ]
    for key, row in after.items():
        other = before.get(key)
        what = tuple(_different(other, row)) if other is not None else ()
        if what:
            found.append(RowChange(row.where.file, row.where.line, row.id, "改动", what))
    if old.calendar != new.calendar:
        found.append(RowChange("holidays.yaml", 1, "节假日表", "改动"))
    return tuple(sorted(found, key=lambda change: (change.file, change.line, change.id)))


def _different(one: Row, other: Row) -> Iterable[str]:
    for own in fields(other):
        if own.name not in _MARKS and getattr(one, own.name, None) != getattr(other, own.name):
            yield own.name


def newest_start(old: Tables, new: Tables) -> date | None:
    """The last day on which a new or changed row begins: from then on all of them hold."""
    before = rows_of(old)
    starts = [row.valid_from for key, row in rows_of(new).items() if before.get(key) != row]
    return max(starts, default=None)


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing that would be different for a ticket: what, from, to, and the rows that come in."""

    what: str
    old: str
    new: str
    rows: tuple[str, ...] = ()


class Replay:
    """Decides by both tables as if everything came in at the moment `at`."""

    def __init__(self, old: Tables, new: Tables, at: datetime) -> None:
        """Keep the two versions; limits are worked out once for each grade."""
        self._old, self._new, self._at = old, new, at
        self._limits: dict[tuple[int, ClockName, Urgency], str] = {}

    def effects(self, before: Facts, after: Facts) -> tuple[Effect, ...]:
        """What the new tables would do differently; the facts as each version sees them, received at `at`."""
        one, other = self._decided(self._old, before), self._decided(self._new, after)
        if isinstance(one, str) or isinstance(other, str):
            same = one == other
            return () if same else (Effect("能否判定", _said(one), _said(other)),)
        rows = tuple(sorted(set(other.row_ids) - set(one.row_ids)))
        pairs = [
            ("处理", one.state.label, other.state.label),
            ("主办", *_leads(self._old, one, self._new, other)),
            ("协办", _names(one.assist), _names(other.assist)),
            ("抄送", _names(one.cc), _names(other.cc)),
            ("等级", one.urgency.value, other.urgency.value),
            ("建议分流", _divert(one), _divert(other)),
        ]
        if State.HANDED_OVER not in {one.state, other.state}:
            pairs += [
                (
                    f"{clock.label}时限",
                    self._limit(0, clock, one.urgency),
                    self._limit(1, clock, other.urgency),
                )
                for clock in ClockName
            ]
        return tuple(Effect(what, a, b, rows) for what, a, b in pairs if a != b)

    def _decided(self, tables: Tables, facts: Facts) -> Decision | str:
        try:
            return decide(tables, facts, at=self._at)
        except NoRule as refusal:
            return refusal.detail

    def _limit(self, which: int, clock: ClockName, urgency: Urgency) -> str:
        key = (which, clock, urgency)
        if key not in self._limits:
            self._limits[key] = _length(self._new if which else self._old, clock, urgency, self._at)
        return self._limits[key]


def _length(tables: Tables, name: ClockName, urgency: Urgency, at: datetime) -> str:
    """A limit as it is written, and when it would end: two rows may say the same in other words."""
    try:
        row = tables.deadline(name, urgency, at.date())
        due = due_at(Clock(row, at, tables.calendar))
    except NoRule as refusal:
        return refusal.detail
    unit = {"minute": "分钟", "hour": "小时", "day": "日"}[row.unit.value]
    kind = "工作" if row.day_type.value == "working" else ""
    return f"{urgency.value} {row.length} {kind}{unit}（{due:%m-%d %H:%M} 到期）" if due else row.id


def _said(decided: Decision | str) -> str:
    return decided if isinstance(decided, str) else decided.state.label


def _leads(old: Tables, one: Decision, new: Tables, other: Decision) -> tuple[str, str]:
    """Who leads, told by role; by name where the roles are the same and the units are not."""
    units = _lead(one), _lead(other)
    roles = [role_of(tables, unit) if unit else "无" for tables, unit in zip((old, new), units, strict=True)]
    codes = [unit.code if unit else "" for unit in units]
    if codes[0] != codes[1] and roles[0] == roles[1]:
        return units[0].name if units[0] else "无", units[1].name if units[1] else "无"
    return roles[0], roles[1]


def _lead(decision: Decision) -> UnitRow | None:
    """The unit that leads, or that is proposed while a person looks."""
    return decision.proposed.unit if decision.proposed is not None else decision.unit


def role_of(tables: Tables, unit: UnitRow) -> str:
    """A unit told by level and function, so that 343 streets are one answer."""
    if unit.level in {Level.STREET, Level.DISTRICT, Level.DESK}:
        return unit.level.label
    return f"{unit.level.label}（{tables.functions.get(unit.function, unit.function)}）"


def _names(units: Iterable[UnitRow]) -> str:
    return "、".join(sorted(unit.name for unit in units)) or "无"


def _divert(decision: Decision) -> str:
    return decision.divert.divert.label if decision.divert else "无"
