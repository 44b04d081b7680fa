"""What one ticket adds to the sums (`Fact`), from events and corrections; and the cells it is counted in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from models.vocab import Corrected, Outcome, Precision, Satisfaction, State, Tag, YesNo
from models.vocab_mood import Mood
from models.vocab_trends import SUMMED, Ending
from triage.rules.rows import UNCLEAR_KIND
from triage.rules.trends.grid import grid_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from triage.rules.replay import Event
    from triage.rules.standing import FollowUp

#: Only such places are known well enough to fall into one square kilometre; the rest stand for an area.
_POINTS: Final = frozenset({Precision.DOOR, Precision.POINT, Precision.COMPOUND, Precision.STOP})
_STREET_DIGITS: Final = 9
_DISTRICT_DIGITS: Final = 6
_PLAIN: Final = {
    State.REVIEW: Ending.REVIEW, State.DIVERTED: Ending.DIVERTED, State.HANDED_OVER: Ending.HANDED_OVER,
    State.MERGED: Ending.MERGED,
}  # fmt: skip
_OVER: Final = frozenset({State.FOLLOWED_UP, State.CLOSED, State.ARCHIVED})
_CONTENT: Final = frozenset({Satisfaction.SATISFIED.value, Satisfaction.MOSTLY.value})


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read, and where the ticket was opened to; None where it is not known."""

    kind: str | None
    district: str | None
    street: str | None
    community: str | None
    point: tuple[float, float] | None
    precision: str
    model: str
    confidence: float
    review: bool
    mood: str | None = None
    angry: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    """A ticket's part in the sums; '' where something is not known. Fields as in `rollup_ticket`."""

    day: date
    hour: int
    kind: str
    district: str
    street: str
    channel: str
    ending: str
    community: str
    grid: str
    model: str
    band: int
    reached: int
    satisfied: int
    reviewed: int
    corrected: int
    mood: str = ""
    angry: int = 0


def state_told(state: State, events: Sequence[Event]) -> State:
    """The state that tells what has come of a demand: 归档 only puts away what had come of it before."""
    if state is not State.ARCHIVED:
        return state
    before = next((event.data.get("from") for event in reversed(events) if event.tag == Tag.ARCHIVE), None)
    return State(before) if before else state


def ending_of(
    state: State, follow_ups: Sequence[FollowUp], *, at_once: bool = False, withdrawn: bool = False
) -> Ending:
    """What has come of a demand. Solved or not is what the last 回访 that reached the citizen says.

    `at_once`: 当场答复, which nobody is asked about. `withdrawn`: 撤诉, which is never counted as solved.
    """
    if state in _PLAIN:
        return _PLAIN[state]
    if state not in _OVER:
        return Ending.OPEN
    if withdrawn:
        return Ending.WITHDRAWN
    if at_once:
        return Ending.ANSWERED
    said = _last_reached(follow_ups)
    if said is None or said.solved is None:
        return Ending.ENDED
    return Ending.SOLVED if said.solved is YesNo.YES else Ending.UNSOLVED


def _last_reached(follow_ups: Sequence[FollowUp]) -> FollowUp | None:
    return next((f for f in reversed(follow_ups) if f.outcome is Outcome.REACHED), None)


def as_corrected(
    kind: str | None, district: str | None, street: str | None, corrections: Sequence[tuple[str, str]]
) -> tuple[str, str, str]:
    """Kind ('': not environmental), district and street as people say they are; oldest correction first.

    Who says that it is environmental, without a kind, says the kind that was named or read before; where
    there is none it is one that nobody can tell yet (归属不清), and no matter of others.
    """
    named, found = kind or "", (kind or "", district or "", street or "")
    for field, new in corrections:
        match field:
            case Corrected.KIND:
                named, found = new, (new, *found[1:])
            case Corrected.ENVIRONMENTAL:
                found = ((found[0] or named or UNCLEAR_KIND) if new == "true" else "", *found[1:])
            case Corrected.PLACE:
                found = (found[0], new[:_DISTRICT_DIGITS], new if len(new) == _STREET_DIGITS else "")
    return found


def fact_of(
    reading: Reading,
    spoken: datetime,
    channel: str,
    *,
    corrections: Sequence[tuple[str, str]],
    state: State,
    follow_ups: Sequence[FollowUp],
    community: str | None = None,
    at_once: bool = False,
    withdrawn: bool = False,
) -> Fact:
    """The part of a ticket. `spoken` is Beijing time; `corrections` are (field, new value), oldest first.

    `community` is what the last correction of the place says of it ('': none); None: nothing.
    """
    kind, district, street = as_corrected(reading.kind, reading.district, reading.street, corrections)
    found = reading.community or ""
    grid = grid_of(*reading.point) if reading.point and reading.precision in _POINTS else ""
    moved = (district, street) != (reading.district or "", reading.street or "")
    if moved and any(field == Corrected.PLACE for field, _ in corrections):
        # What was read more exactly was read of another place.
        found = grid = ""
    if community is not None:
        # A point that was read is of the community that was read.
        found, grid = community, ""
    said = _last_reached(follow_ups)
    return Fact(
        day=spoken.date(), hour=spoken.hour, kind=kind, district=district, street=street, channel=channel,
        ending=ending_of(state, follow_ups, at_once=at_once, withdrawn=withdrawn).value,
        community=found, grid=grid,
        model=reading.model, band=min(int(reading.confidence * 10), 9),
        reached=int(said is not None), satisfied=int(said is not None and said.satisfaction in _CONTENT),
        reviewed=int(reading.review), corrected=int(bool(corrections)),
        mood=reading.mood or "", angry=int(reading.angry),
    )  # fmt: skip


Cell = tuple[str, tuple[object, ...]]
Amounts = dict[str, int]


def cells(fact: Fact) -> list[tuple[Cell, Amounts]]:
    """Every cell the fact is counted in: (table, key), and what it adds there."""
    merged = int(fact.ending == Ending.MERGED)
    counts = {
        "demands": 1, "cases": 1 - merged, **{ending.value: int(fact.ending == ending) for ending in SUMMED},
        "reached": fact.reached, "satisfied": fact.satisfied, "reviewed": fact.reviewed,
        "corrected": fact.corrected, "mood_read": int(fact.mood != ""),
        "negative": int(fact.mood == Mood.NEGATIVE), "positive": int(fact.mood == Mood.POSITIVE),
        "angry": fact.angry,
    }  # fmt: skip
    f, month = fact, fact.day.replace(day=1)
    found: list[tuple[Cell, Amounts]] = [
        (("rollup_day", (f.day, f.district, f.street, f.kind, f.channel)), counts),
        (("rollup_channel", (f.day, f.district, f.channel)), counts),
        (("rollup_kind", (f.day, f.kind, f.channel)), counts),
        (("rollup_street", (f.day, f.district, f.street)), counts),
        (("rollup_month", (month, f.district, f.street, f.kind, f.channel)), counts),
        (("rollup_district", (f.day, f.district, f.kind)), counts),
        (("rollup_month_district", (month, f.district, f.kind)), counts),
        (("rollup_month_kind", (month, f.district, f.kind, f.channel)), counts),
        (("rollup_month_street", (month, f.district, f.street, f.channel)), counts),
        (("rollup_hour", (month, f.district, f.kind, f.day.isoweekday(), f.hour)), {"demands": 1}),
        (("rollup_month_hour", (month, f.district, f.day.isoweekday(), f.hour)), {"demands": 1}),
        (
            ("rollup_model", (f.day, f.model, f.band)),
            {"demands": 1, "reviewed": f.reviewed, "corrected": f.corrected},
        ),
    ]
    if f.community or f.grid:
        placed = {"demands": 1, "cases": 1 - merged, "unsolved": int(f.ending == Ending.UNSOLVED)}
        key = (f.day, f.district, f.street, f.community, f.grid, f.kind)
        found.append((("rollup_place", key), placed))
        if f.community:
            place = (f.district, f.street, f.community)
            found += [
                (("rollup_month_community", (month, *place)), placed),
                (("rollup_month_place", (f.kind, month, *place)), placed),
            ]
    return found
