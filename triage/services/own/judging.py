"""A unit's month as it stands: its verdicts by the rules that close a month, and what pulls them down.

The verdicts are those of `rules.verdicts.judge` over the histories of the cases that the unit leads now, up
to this moment; once the month is published, those that were published. A case taken away by an objection is
not looked for: its line comes with the published month.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.filters import may_see
from models.tickets import ObjectionRow, Ticket, TicketEvent
from models.vocab_reports import Shortfall
from triage.clock import show
from triage.rules.rate_rows import Rate
from triage.rules.rates import By, lines_of
from triage.rules.rows import ClockName
from triage.rules.running import runs, standing
from triage.rules.verdicts import judge
from triage.services.histories import DECIDING, by_ids, tags_of
from triage.services.objections import won

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.filters import Viewer
    from triage.rules.acts import History
    from triage.rules.rates import Line
    from triage.rules.rows import Tables
    from triage.rules.verdicts import Verdict

#: Cases judged for a page: a street has some hundreds a month, a bureau of the city may have thousands.
MOST: Final = 3000
_AT_ONCE: Final = 500
_FULL: Final = 100
#: Beside what decides the month: when it was answered, and what was done again.
_ACTS: Final = (*DECIDING, "feedback", "supplement", "rehandle")
_RATES: Final = {
    Rate.RESPONSE: Shortfall.LATE_CONTACT, Rate.RESOLUTION: Shortfall.UNSOLVED,
    Rate.SATISFACTION: Shortfall.DISSATISFIED,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose month: the unit, the month and its ends [first, last), and the moment of asking."""

    unit: str
    month: str
    first: datetime
    last: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class Short:
    """A case that pulls the figures down, and in what way; `why` is what can be said beside it."""

    what: Shortfall
    no: str
    why: str


@dataclass(frozen=True, slots=True)
class Judged:
    """The month so far. `line`: None where no case has a result yet. `uncounted`: sorts nobody looked for."""

    line: Line | None
    short: tuple[Short, ...]
    verdicts: tuple[Verdict, ...] = ()
    uncounted: frozenset[Shortfall] = frozenset()

    @property
    def whole(self) -> bool:
        """Whether its cases were judged."""
        return not self.uncounted


async def unjudged(session: AsyncSession, viewer: Viewer, asked: Asked) -> Judged:
    """What is known of a month whose cases are not judged: objections stand in a table of their own."""
    lost = await _objections(session, viewer, asked)
    return Judged(None, tuple(lost), uncounted=frozenset(Shortfall) - {Shortfall.OBJECTION_LOST})


async def judged(session: AsyncSession, tables: Tables, viewer: Viewer, asked: Asked) -> Judged:
    """Count the month as it stands. Raises NoRule where the tables do not reach."""
    ids = list(
        await session.scalars(
            sa.select(TicketEvent.ticket_id)
            .join(Ticket, Ticket.id == TicketEvent.ticket_id)
            .where(
                Ticket.unit_code == asked.unit, may_see(viewer), TicketEvent.tag.in_(tags_of(_ACTS)),
                TicketEvent.at >= asked.first, TicketEvent.at < asked.last,
            )
            .distinct()
            .order_by(TicketEvent.ticket_id)
            .limit(MOST + 1)
        )
    )  # fmt: skip
    if len(ids) > MOST:
        return await unjudged(session, viewer, asked)
    rules = tables.rates.on(asked.first.date())
    verdicts: list[Verdict] = []
    found: list[Short] = []
    for start in range(0, len(ids), _AT_ONCE):
        for history in (await by_ids(session, ids[start : start + _AT_ONCE])).values():
            made = judge(tables, rules, history, month=asked.month, as_of=asked.now)
            verdicts += [verdict for verdict in made if verdict.unit == asked.unit]
            found += _of_history(tables, history, asked)
    line = next((one for one in lines_of(verdicts) if one.by is By.UNIT), None)
    lost = await _objections(session, viewer, asked)
    return Judged(line, (*of_verdicts(verdicts), *found, *lost), tuple(verdicts))


def of_verdicts(verdicts: Iterable[Verdict]) -> Iterator[Short]:
    """The cases that gave a rate less than all, the fewest points first."""
    found = [
        (points, Short(_RATES[rate], verdict.no, f"得 {points} 分" if points else "不得分"))
        for verdict in verdicts
        for rate, points in verdict.points
        if points < _FULL
    ]
    for _, short in sorted(found, key=lambda one: (one[0], one[1].no)):
        yield short


def _of_history(tables: Tables, history: History, asked: Asked) -> Iterator[Short]:
    """反馈超期, 退回补充 and 重办 of the month: by its clock, and by the events that stand."""
    events = standing(history.events)
    # Other acts stop that clock too: 合并 is no answer.
    answers = {event.at for event in events if event.act == "feedback"}
    for run in runs(tables, history, ClockName.ANSWER):
        # In time is what the first feedback says: 退回补充 has a short limit of its own, which is none.
        ended = run.stopped if run.stopped in answers and not run.supplement else None
        if ended is not None and asked.first <= ended < asked.last and run.kept(asked.now) is False:
            due = f"应在 {show(run.due)} 前" if run.due else ""
            yield Short(Shortfall.LATE_ANSWER, history.no, due)
    for act, what in (("supplement", Shortfall.SUPPLEMENTED), ("rehandle", Shortfall.REHANDLED)):
        again = [event.at for event in events if event.act == act and asked.first <= event.at < asked.last]
        if again:
            yield Short(what, history.no, f"{show(again[-1])} 起")


async def _objections(session: AsyncSession, viewer: Viewer, asked: Asked) -> Sequence[Short]:
    """退单未成立 of the month in which it was raised, as 退单分析 counts them."""
    rows = await session.execute(
        sa.select(ObjectionRow, Ticket.no)
        .join(Ticket, Ticket.id == ObjectionRow.ticket_id)
        .where(
            ObjectionRow.at >= asked.first, ObjectionRow.at < asked.last,
            ObjectionRow.unit_code == asked.unit, may_see(viewer),
        )
        .order_by(ObjectionRow.at, ObjectionRow.ticket_id)
    )  # fmt: skip
    return [
        Short(Shortfall.OBJECTION_LOST, no, f"{show(one.at)} 提出") for one, no in rows if won(one)
    ]  # fmt: skip


def as_published(found: Judged, line: Line | None, verdicts: Sequence[Verdict]) -> Judged:
    """The same of a published month: line and verdicts as published, the rest as the events say."""
    rates = frozenset(_RATES.values())
    rest = [one for one in found.short if one.what not in rates]
    return Judged(line, (*of_verdicts(verdicts), *rest), tuple(verdicts), found.uncounted - rates)
