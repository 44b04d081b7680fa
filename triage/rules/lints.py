"""Warnings about tables that are legal but look wrong: rows that never decide, rows that contradict.

`checks` refuses what would leave somebody without an answer; here a person is told what to look at.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Final

from models.vocab import Urgency
from triage.rules import unit_periods
from triage.rules.check_tools import overlap, say
from triage.rules.clocks import span_of
from triage.rules.rows import ClockName, DayType, Problem, Row, Where

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from triage.rules.rows import DeadlineRow, EscalationRow, SituationRow, Tables

_DAY: Final = timedelta(days=1)
_GRADES: Final = tuple(Urgency)


def lint(tables: Tables) -> list[Problem]:
    """Every warning, in order of file and line."""
    found: list[Problem] = []
    _words(tables, found)
    _situations(tables, found)
    _diversions(tables, found)
    _escalations(tables, found)
    _catalogue(tables, found)
    _limits(tables, found)
    _unused(tables, found)
    unit_periods.lint(tables, found)
    return sorted(found, key=lambda problem: (problem.where, problem.message))


def _words(tables: Tables, found: list[Problem]) -> None:
    """A word that holds a shorter one of its own list is met by the shorter one first."""
    for situation in tables.situations.values():
        _longer(situation, "words", [situation.words], found)
        _longer(situation, "unless", [situation.unless], found)
        _longer(situation, "passing", [situation.passing], found)
        _idle(situation, found)
    for diversion in tables.diversions:
        _longer(diversion, "words", diversion.words, found)
        _longer(diversion, "unless", [diversion.unless], found)
    for escalation in tables.escalations:
        _longer(escalation, "words", escalation.words, found)


def _longer(row: Row, key: str, groups: Iterable[Sequence[str]], found: list[Problem]) -> None:
    for group in groups:
        for word in group:
            short = next((other for other in group if other != word and other in word), None)
            if short is not None:
                say(found, row, f"{key} 里的“{word}”永远轮不到：总是先被“{short}”命中")


def _idle(situation: SituationRow, found: list[Problem]) -> None:
    """A phrase that holds no word of its row takes nothing back."""
    for phrase in situation.passing:
        if not any(word in phrase for word in situation.words):
            say(found, situation, f"passing 里的“{phrase}”不含 words 的任何一个词，不起作用")


def _situations(tables: Tables, found: list[Problem]) -> None:
    """The first situation that is met decides: later words that hold an earlier one's are dead."""
    for one, other in combinations(tables.situations.values(), 2):
        shared = sorted(set(one.kinds) & set(other.kinds))
        if not shared or one.unless or not overlap(one, other):
            continue
        certain = [word for word in one.words if not any(word in phrase for phrase in one.passing)]
        dead = [word for word in other.words if any(short in word for short in certain)]
        if dead:
            _dead_words(one, other, shared, dead, found)


def _dead_words(
    one: SituationRow, other: SituationRow, kinds: Sequence[str], dead: Sequence[str], found: list[Problem]
) -> None:
    words = "、".join(f"“{word}”" for word in dead)
    say(found, other, f"对种类 {'、'.join(kinds)}，{words}总是先被 {one.id}（{one.where}）命中")


def _diversions(tables: Tables, found: list[Problem]) -> None:
    for one, other in combinations(tables.diversions, 2):
        same = bool(one.words) and one.words == other.words and one.fact == other.fact
        if same and one.divert is not other.divert and overlap(one, other):
            say(found, other, f"与 {one.id}（{one.where}）词语相同而分流不同，先写的生效")


def _escalations(tables: Tables, found: list[Problem]) -> None:
    for one, other in combinations(tables.escalations, 2):
        kinds = not one.kinds or not other.kinds or set(one.kinds) & set(other.kinds)
        if kinds and one.to is not other.to and overlap(one, other):
            _both(one, other, found)


def _both(one: EscalationRow, other: EscalationRow, found: list[Problem]) -> None:
    """The same word alone raises to two grades: the lower of them never decides."""
    if len(one.words) != 1 or len(other.words) != 1:
        return
    shared = sorted(set(one.words[0]) & set(other.words[0]))
    if shared:
        words = "、".join(f"“{word}”" for word in shared)
        say(
            found, other, f"{words}在 {one.id}（{one.where}）里升到 {one.to.value}，这里升到 {other.to.value}"
        )


def _catalogue(tables: Tables, found: list[Problem]) -> None:
    """A row of a kind or situation that is not in force in any of its days never decides."""
    for row in tables.catalogue:
        kind = tables.kinds[row.kind]
        if not overlap(row, kind):
            say(found, row, f"种类 {kind.id} 在这段时间没有生效，此条永远轮不到")
        situation = tables.situations.get(row.situation)
        if situation is not None and not overlap(row, situation):
            say(found, row, f"情形 {situation.id} 在这段时间没有生效，此条永远轮不到")


def _limits(tables: Tables, found: list[Problem]) -> None:
    """On every day: a graver grade is never slower, and contact comes before the answer."""
    days = sorted(
        {row.valid_from for row in tables.deadlines}
        | {row.valid_to + _DAY for row in tables.deadlines if row.valid_to}
    )
    told: set[tuple[str, str]] = set()
    for day in days:
        limits = {
            (clock, grade): _limit(tables, clock, grade, day) for clock in ClockName for grade in _GRADES
        }
        pairs = [((c, a), (c, b)) for c in ClockName for a, b in pairwise(_GRADES)]
        pairs += [((ClockName.CONTACT, g), (ClockName.ANSWER, g)) for g in _GRADES]
        for first, second in pairs:
            quick, slow = limits[first], limits[second]
            if quick is None or slow is None or (quick.id, slow.id) in told:
                continue
            if _length(tables, quick) > _length(tables, slow):
                told.add((quick.id, slow.id))
                say(found, quick, f"比 {slow.id}（{slow.where}）的时限还长")


def _limit(tables: Tables, clock: ClockName, grade: Urgency, day: date) -> DeadlineRow | None:
    rows = tables.by_clock.get((clock, grade), ())
    return next((row for row in rows if row.holds(day)), None)


def _length(tables: Tables, row: DeadlineRow) -> timedelta:
    """About how long it is on the wall: five days of seven work."""
    counted = span_of(row, tables.calendar, row.length)
    if row.day_type is DayType.NATURAL and not row.segments:
        return counted
    day = span_of(row, tables.calendar, 1) if row.unit.value == "day" else _DAY
    worked = 7 / 5 if row.day_type is DayType.WORKING else 1
    return counted / day * _DAY * worked


def _unused(tables: Tables, found: list[Problem]) -> None:
    """Laws no kind cites, functions no unit has."""
    cited = {basis.law for kind in tables.kinds.values() for basis in kind.bases}
    cited |= {law.replaced_by for law in tables.laws.values() if law.replaced_by}
    for law in tables.laws.values():
        if law.id not in cited:
            say(found, law, "没有任何种类引用")
    had = {unit.function for unit in tables.units.values()}
    for name, title in tables.functions.items():
        if name not in had:
            found.append(Problem(Where("functions.yaml", 1), f"{name}：没有任何单位承担“{title}”"))
