"""考核结论 of one ticket: the month it counts in, and for each rate its points or why it is left out.

Pure, from events alone. `as_of`: only what had happened before that moment is known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Final

from triage.rules.calendar import BEIJING, beijing
from triage.rules.rate_rows import Cause, Counts, Period, Rate
from triage.rules.rows import ClockName
from triage.rules.running import runs, standing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triage.rules.acts import Event, History
    from triage.rules.clock_rows import FollowUpRow
    from triage.rules.rate_rows import RateRules
    from triage.rules.rows import Tables

_YES: Final = 100
_SENT: Final = frozenset({"dispatch", "reassign", "arbitrate", "pass_on"})
#: What is done with a ticket that waits for review.
_LEFT: Final = frozenset({"dispatch", "divert", "merge"})
#: Exclusions of the whole ticket of a demand, in the order in which they are looked for.
WHOLE: Final = (
    Cause.DIVERTED, Cause.ANSWERED, Cause.MERGED, Cause.EXCLUDED, Cause.WITHDRAWN, Cause.LEDGER,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Out:
    """Left out: of which rate, why, by which row, and the words given."""

    rate: Rate
    cause: Cause
    row_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """One ticket in one month for one unit: points (0–100) per rate, and what it was left out of.

    A ticket taken from a unit that objected with success has a second one, for that unit, all left out.
    """

    no: str
    unit: str | None
    street: str | None
    district: str | None
    kind: str | None
    points: tuple[tuple[Rate, int], ...]
    outs: tuple[Out, ...]

    def of(self, rate: Rate) -> int | None:
        """The points for a rate; None: left out."""
        return next((points for found, points in self.points if found is rate), None)


@dataclass(frozen=True, slots=True)
class Called:
    """What the follow-ups gave: when there was a first result, and the last answer that was given."""

    concluded: datetime | None
    answer: Event | None


#: What lies before or after has no beginning or no end that can be told in UTC, and no month of ours.
_YEARS: Final = (1900, 9000)


@cache
def month_span(month: str) -> tuple[datetime, datetime]:
    """`2026-10` as [start, end), Beijing time. Raises ValueError on anything else."""
    first = datetime.strptime(month, "%Y-%m").replace(tzinfo=BEIJING)
    if not _YEARS[0] <= first.year <= _YEARS[1]:
        raise ValueError("no month of ours")
    return first, (first + timedelta(days=32)).replace(day=1)


def judge(
    tables: Tables, rules: RateRules, history: History, *, month: str, as_of: datetime
) -> tuple[Verdict, ...]:
    """The verdicts of a ticket in that month; none when it counts in another, or not yet."""
    known = standing([event for event in history.events if event.at < as_of])
    first, last = month_span(month)
    called = _called(known, tables.clocks.follow_up(first.date()))
    whole = _found_by_patrol(known) if history.patrol else _left_out(known, called)
    moment = _moment(rules, known, called, whole)
    if moment is None or not first <= beijing(moment) < last:
        return ()
    unit = _unit(known, history.unit_code)
    seen = replace(history, events=known)
    if rules.counts is Counts.DISPATCHED:
        district, street = history.place_at(_sent_at(known))
        seen = replace(seen, district_code=district, street_code=street)
    own = _verdict(tables, rules, seen, (called, whole), (unit, as_of))
    wrong = rules.exclusions[Cause.WRONG_UNIT]
    outs = tuple(Out(rate, Cause.WRONG_UNIT, wrong.id, wrong.title) for rate in Rate if rate in wrong.rates)
    others = [code for code in _wrong_units(known, history.unit_code) if code != unit]
    return own, *(_of(history, code, (), outs) for code in others)


def _of(
    history: History, unit: str | None, points: tuple[tuple[Rate, int], ...], outs: tuple[Out, ...]
) -> Verdict:
    return Verdict(history.no, unit, history.street_code, history.district_code, history.kind, points, outs)


def _verdict(
    tables: Tables,
    rules: RateRules,
    history: History,
    found: tuple[Called, tuple[Cause, Event] | None],
    whose: tuple[str | None, datetime],
) -> Verdict:
    called, whole = found
    unit, as_of = whose
    points: list[tuple[Rate, int]] = []
    outs: list[Out] = []
    for rate in Rate:
        cause, told = _measured(tables, rules, history, (rate, called.answer, as_of))
        if cause in {Cause.OPEN, Cause.UNSAID} and called.concluded and called.answer is None:
            cause = Cause.UNREACHABLE if rate is not Rate.RESPONSE else cause
        reason = ""
        if whole is not None and rate in rules.exclusions[whole[0]].rates and not _goes_on(whole[1], rate):
            cause, reason = whole[0], str(whole[1].data.get("reason") or "")
        if cause is None:
            points.append((rate, told))
            continue
        row = rules.exclusions[cause]
        if rate in row.rates:
            outs.append(Out(rate, cause, row.id, reason or row.title))
        else:
            points.append((rate, told))  # a row that does not excuse: it counts as it is
    return _of(history, unit, tuple(points), tuple(outs))


def _goes_on(event: Event, rate: Rate) -> bool:
    """Whether the unit still answers for that rate: one of several callers withdrew, the matter goes on."""
    return event.act == "withdraw_part" and rate is Rate.RESPONSE


def _measured(
    tables: Tables, rules: RateRules, history: History, asked: tuple[Rate, Event | None, datetime]
) -> tuple[Cause | None, int]:
    """Why a rate cannot be told, or None and its points."""
    rate, answer, as_of = asked
    if rate is Rate.RESPONSE:
        contact = runs(tables, history, ClockName.CONTACT)
        kept = contact[0].kept(as_of) if contact else None
        denied = rules.response.denied and answer is not None and answer.data.get("contacted") is False
        if denied:
            return None, 0
        return (Cause.OPEN, 0) if kept is None else (None, _YES if kept else 0)
    if answer is None:
        return Cause.OPEN, 0
    if rate is Rate.RESOLUTION:
        solved = answer.data.get("solved")
        return (Cause.UNSAID, 0) if solved is None else (None, _YES if solved else 0)
    step = answer.data.get("satisfaction")
    return (Cause.UNSAID, 0) if step is None else (None, rules.scores.scores[int(step)])


def _called(known: Sequence[Event], row: FollowUpRow) -> Called:
    """Go through the calls: one answered is a result, and so are `attempts` in vain, each apart enough.

    The person's last word stands: calls in vain after it change nothing. Who waits behind another case is
    asked of that one's answer.
    """
    concluded: datetime | None = None
    answer: Event | None = None
    tried: list[datetime] = []
    apart = timedelta(hours=row.apart_hours)
    for event in known:
        if event.act == "merge":
            break
        if event.act == "rehandle":
            tried = []
        if event.act != "follow_up":
            continue
        if not event.data.get("unreachable"):
            concluded, answer, tried = concluded or event.at, event, []
        elif not tried or event.at - tried[-1] >= apart:
            tried.append(event.at)
            if len(tried) == row.attempts:
                concluded = concluded or event.at
    return Called(concluded, answer)


def _found_by_patrol(known: Sequence[Event]) -> tuple[Cause, Event] | None:
    """自建工单 (巡查发现) counts by itself, in the month in which it was sent to somebody."""
    sent = next((event for event in known if event.act in _LEFT), None)
    return None if sent is None else (Cause.PATROL, sent)


def _left_out(known: Sequence[Event], called: Called) -> tuple[Cause, Event] | None:
    """Why the whole ticket is left out, and the event that says so.

    What came after its first follow-up with a result takes it out of no month in which it was counted.
    """
    last: dict[str, Event] = {event.act: event for event in known}
    order = {id(event): number for number, event in enumerate(known)}

    def after(one: str, *others: str) -> Event | None:
        found = last.get(one)
        if found is None or any(o in last and order[id(last[o])] > order[id(found)] for o in others):
            return None
        return found

    def unless_called(one: str, *others: str) -> Event | None:
        return after(one, *others) if called.concluded is None else None

    found = {
        Cause.DIVERTED: unless_called("divert", "accept", "dispatch"),
        Cause.ANSWERED: unless_called("answer_now", "accept", "dispatch"),
        Cause.MERGED: unless_called("merge", "split"),
        Cause.EXCLUDED: after("exclude_grant"),
        Cause.WITHDRAWN: unless_called("withdraw") or unless_called("withdraw_part"),
        Cause.LEDGER: unless_called("ledger_grant", "feedback", "close"),
    }
    return next(((cause, event) for cause in WHOLE if (event := found.get(cause)) is not None), None)


def _moment(
    rules: RateRules, known: Sequence[Event], called: Called, whole: tuple[Cause, Event] | None
) -> datetime | None:
    """The moment that decides the month; None: none yet."""
    dispatched = next((event.at for event in known if event.act == "dispatch"), None)
    if rules.period.by is Period.DISPATCH and dispatched is not None:
        return dispatched
    granted = next((event.at for event in known if event.act == "exclude_grant"), None)
    # What was left out on application before its result is listed then, and by that result not once more.
    told = called.concluded or (whole[1].at if whole is not None else None)
    return min((at for at in (granted, told) if at is not None), default=None)


def _unit(known: Sequence[Event], opened: str | None) -> str | None:
    """The unit that leads: the last it was sent to."""
    sent = [str(event.data["unit"]) for event in known if event.act in _SENT and event.data.get("unit")]
    return sent[-1] if sent else opened


def _sent_at(known: Sequence[Event]) -> datetime | None:
    """When it was sent to the unit that leads; None: it was not sent."""
    return next((event.at for event in reversed(known) if event.act in _SENT), None)


def _wrong_units(known: Sequence[Event], opened: str | None) -> tuple[str, ...]:
    """The units whose objection was upheld."""
    found: list[str] = []
    unit = opened
    for event in known:
        if event.act in _SENT:
            unit = str(event.data.get("unit") or unit or "") or None
        if event.act == "object_uphold" and unit is not None:
            found.append(unit)
    return tuple(dict.fromkeys(found))
