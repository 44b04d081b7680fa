"""A made month of tickets with their whole lives, seeded: arrivals like volumes of the field, nothing real.

Shares are assumptions of the bench, not findings: returns, extensions, calls in vain, silent units.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from models.vocab import Level, Urgency
from triage.rules.acts import Event, History
from triage.rules.calendar import BEIJING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from triage.rules.rows import Tables

_HOURS: Final = (1, 1, 1, 1, 1, 1, 2, 4, 8, 11, 11, 10, 7, 7, 9, 9, 9, 8, 7, 7, 8, 8, 6, 3)
_GRADES: Final = {"U1": 1, "U2": 14, "U3": 78, "U4": 7}
_ANSWER_HOURS: Final = {"U1": 2, "U2": 24, "U3": 7 * 24, "U4": 15 * 24}
_KINDS: Final = {"NOI-": 60, "AIR-": 34, "WAT-": 3, "SOL-": 1, "OTH-": 2}
_STEPS: Final = (5, 5, 5, 5, 5, 5, 4, 4, 3, 2, 1)


class Life:
    """One ticket being lived through; each call adds an event."""

    def __init__(self, dice: random.Random, at: datetime) -> None:
        """Start with the call."""
        self.dice = dice
        self.at = at
        self.events: list[Event] = []

    def add(self, act: str, wait: timedelta, **data: Any) -> None:  # noqa: ANN401  (an event's JSON)
        """One more event, `wait` after the last."""
        self.at += wait
        self.events.append(Event(act, self.at, data))

    def hours(self, low: float, high: float) -> timedelta:
        """A wait, in whole minutes."""
        return timedelta(minutes=round(60 * self.dice.uniform(low, high)))

    def chance(self, share: float) -> bool:
        """Whether it happens."""
        return self.dice.random() < share


def simulate(tables: Tables, *, tickets: int, month: str, seed: int) -> Iterator[History]:
    """The tickets of a month, in order of their numbers."""
    dice = random.Random(seed)
    first = datetime.strptime(month, "%Y-%m").replace(tzinfo=BEIJING)
    days = (first + timedelta(days=32)).replace(day=1) - first
    streets = [unit for unit in tables.units.values() if unit.level is Level.STREET]
    busy = [dice.paretovariate(1.2) for _ in streets]
    kinds = {
        start: [code for code in tables.kinds if code.startswith(start)] or ["OTH-99"] for start in _KINDS
    }
    day_weights = [dice.lognormvariate(0, 0.35) for _ in range(days.days)]
    for number in range(tickets):
        day = dice.choices(range(days.days), day_weights)[0]
        hour = dice.choices(range(24), _HOURS)[0]
        at = first + timedelta(days=day, hours=hour, seconds=dice.randrange(3600))
        street = dice.choices(streets, busy)[0]
        grade = dice.choices(list(_GRADES), list(_GRADES.values()))[0]
        start = dice.choices(list(_KINDS), list(_KINDS.values()))[0]
        life = Life(dice, at)
        other = dice.choice(streets)
        _live(life, grade, street.code, other.code)
        yield History(
            f"{month.replace('-', '')}-{number:08d}",
            Urgency(grade),
            dice.choice(kinds[start]),
            street.district_code,
            street.street_code,
            street.code,
            tuple(life.events),
        )


def _live(life: Life, grade: str, unit: str, other: str) -> None:
    if not _opened(life, unit):
        return
    due = life.at + timedelta(hours=_ANSWER_HOURS[grade])
    if life.chance(0.97):
        life.add("sign", life.hours(0.01, 1.5 if grade > "U2" else 0.4))
        if life.chance(0.005):
            life.add("undo", timedelta(minutes=2))
    if life.chance(0.08):
        _object(life, other)
    if life.chance(0.985):
        life.add("contact", life.hours(0.01, {"U1": 0.5, "U2": 1.6}.get(grade, 18)))
    if life.chance(0.01):
        life.add("ledger_grant", life.hours(1, 30), reason="待条件具备", by="区级中心")
        if life.chance(0.5):
            return
        life.add("ledger_review", life.hours(100, 400))
    if grade > "U2" and life.chance(0.05) and life.at < due:
        due += _extend(life)
    _answer(life, due)


def _opened(life: Life, unit: str) -> bool:
    """Whether it came to a unit and stayed a ticket of its own."""
    life.add("receive", timedelta(0))
    if life.chance(0.04):
        life.add("divert", life.hours(0.05, 2), reason="告知法定渠道")
        if life.chance(0.9):
            return False
        life.add("accept", life.hours(1, 30))
    if life.chance(0.02):
        life.add("answer_now", life.hours(0.05, 1), note="夜间施工证明由街道受理")
        if life.chance(0.9):
            return False
        life.add("accept", life.hours(1, 30))
    life.add("dispatch", life.hours(0.02, 0.5), unit=unit)
    if life.chance(0.01):
        life.add("withdraw", life.hours(0.5, 40), to="closed", withdrawn_why="solved")
        if life.chance(0.8):
            return False
        life.add("take_up", life.hours(1, 20), reason="又要求办理")
    merged = life.chance(0.03)
    if merged:
        life.add("merge", life.hours(0.1, 20), reason="同一事项")
    return not merged


def _extend(life: Life) -> timedelta:
    """What was granted."""
    days = life.dice.randint(1, 7)
    life.add("extend_ask", life.hours(0.1, 2), length=days, reason="需要检测")
    granted = life.chance(0.8)
    life.add("extend_grant" if granted else "extend_deny", life.hours(0.5, 5), by="区级中心")
    return timedelta(days=days * granted)


def _answer(life: Life, due: datetime) -> None:
    left = max((due - life.at) / timedelta(hours=1), 0.2)
    life.add("progress", life.hours(0, left / 3))
    if life.chance(0.95):
        life.add("feedback", life.hours(left * 0.1, left * (0.65 if life.chance(0.96) else 1.5)))
    life.at = max(life.at, due)
    if life.chance(0.99):
        _follow_up(life, again=True)
    if life.chance(0.01):
        life.add("exclude_ask", life.hours(1, 40))
        granted = life.chance(0.5)
        life.add("exclude_grant" if granted else "exclude_deny", life.hours(5, 60), reason="经核不属实")


def _object(life: Life, other: str) -> None:
    life.add("object", life.hours(0.1, 3), proposed_unit=other)
    if life.chance(0.45):
        life.add("object_uphold", life.hours(0.5, 4))
        life.add("reassign", life.hours(0.05, 1), unit=other)
    else:
        life.add("object_reject", life.hours(0.5, 4))


def _follow_up(life: Life, *, again: bool) -> None:
    for _ in range(4):
        life.add("follow_up", life.hours(1, 30), **_call(life))
        if not life.events[-1].data["unreachable"]:
            break
    data = life.events[-1].data
    if again and data["solved"] is False and life.chance(0.5):
        life.add("rehandle", life.hours(0.1, 5))
        life.add("feedback", life.hours(2, 80))
        _follow_up(life, again=False)
        return
    life.add("close", life.hours(0.1, 20))


def _call(life: Life) -> dict[str, Any]:
    if life.chance(0.25):
        return {"unreachable": True, "contacted": None, "solved": None, "satisfaction": None}
    return {
        "unreachable": False,
        "contacted": life.chance(0.98),
        "solved": None if life.chance(0.02) else life.chance(0.9),
        "satisfaction": None if life.chance(0.04) else life.dice.choice(_STEPS),
    }
