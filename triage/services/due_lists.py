"""到期清单: what is over or soon is, clock by clock, for a unit, a district or all; most pressing first.

A ticket's `due_at` is the nearest end of its running clocks, so the tickets found by it are exactly those
with a clock in the window; which clocks these are is read off their events. Calls (吹哨, 提级) have due times
of their own and are found by theirs. So are wishes (延期, 挂账, 剔除, 异议) that wait for the viewer's
answer: by the limit of the unit's answer, while that is still to come.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.filters import may_see
from models.keepers import keeps_part, kept_by
from models.tickets import CALLED, OPEN, Ticket, TicketUnit
from models.units import Unit
from models.vocab import Clock, State
from models.waiting import WAITS_TO_ANSWER, district_blind, district_having, may_decide, to_decide
from triage.rules import wishes
from triage.rules.calendar import beijing
from triage.services import keeping
from triage.services.citizen import unsolved
from triage.services.standings import stand_many

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.filters import Viewer
    from models.vocab_citizen import Unsolved
    from triage.rules.rows import Tables

#: Tickets looked at: a unit's and a district's whole day, of all the most pressing.
MOST: Final = 300
#: Beside the clocks of the vocabulary.
REPORT_IN: Final = "called"
REPORT_IN_LABEL: Final = "报到时限"
DECIDE: Final = "decide"
DECIDE_LABEL: Final = "待我审批"


@dataclass(frozen=True, slots=True)
class Window:
    """Whose, and up to when. Without unit and district: everyone's.

    `mine`: what the viewer deals with (我经办的).
    """

    unit: str | None
    district: str | None
    now: datetime
    within: timedelta
    mine: bool = False

    @property
    def until(self) -> datetime:
        """The end of the window."""
        return self.now + self.within


@dataclass(frozen=True, slots=True)
class DueLine:
    """One clock of one ticket that is over or soon is; `clock` is a `vocab.Clock`, `called` or `decide`.

    `what` is the wish where one waits.
    """

    no: str
    title: str
    unit: str | None
    urgency: str
    state: str
    clock: str
    label: str
    due: datetime
    what: str = ""
    unsolved: Unsolved | None = None
    """What the citizen said on the web, where the clock is that of the 回访."""
    keeper: str | None = None
    """经办人 of the viewer's own unit, else of the lead unit; under 报到时限 of the unit that was called."""
    fresh: bool = False
    """新: given to the viewer, who has not opened it."""
    unit_code: str | None = None


@dataclass(frozen=True, slots=True)
class UnitLines:
    """The lines of one unit under one clock, most pressing first."""

    unit: str | None
    lines: tuple[DueLine, ...]


@dataclass(frozen=True, slots=True)
class DueList:
    """The lines, most pressing first; how many of each clock; whether there are more tickets than `MOST`."""

    lines: tuple[DueLine, ...]
    counts: tuple[tuple[str, str, int], ...]
    more: bool


async def due_list(
    session: AsyncSession, tables: Tables, viewer: Viewer, window: Window, *, clock: str | None = None
) -> DueList:
    """Everything in the window; `clock` narrows the lines, not the counts."""
    found, more = await _clocks(session, tables, viewer, window)
    called, still = await _called(session, tables, viewer, window)
    # What waits for an answer is its decider's, whoever deals with the case.
    asked, further = ([], False) if window.mine else await _wishes(session, tables, viewer, window)
    found = sorted([*found, *called, *asked], key=lambda line: (line.due, line.no, line.clock))
    counted = Counter(line.clock for line in found)
    labels = {line.clock: line.label for line in found}
    # What only the viewer can do comes first.
    order = [DECIDE, *(one.value for one in Clock), REPORT_IN]
    return DueList(
        lines=tuple(line for line in found if clock in {None, line.clock}),
        counts=tuple((name, labels[name], counted[name]) for name in order if counted[name]),
        more=more or still or further,
    )


def by_unit(lines: Sequence[DueLine]) -> tuple[UnitLines, ...]:
    """Lines of a clock unit by unit: whose first line is the most pressing comes first."""
    found: dict[str | None, list[DueLine]] = {}
    for line in lines:
        found.setdefault(line.unit, []).append(line)
    return tuple(UnitLines(unit, tuple(own)) for unit, own in found.items())


async def _clocks(
    session: AsyncSession, tables: Tables, viewer: Viewer, window: Window
) -> tuple[list[DueLine], bool]:
    chosen = [may_see(viewer), Ticket.due_at < window.until]
    if window.unit:
        chosen.append(Ticket.unit_code == window.unit)
    if window.district:
        chosen.append(Ticket.district_code == window.district)
    if window.mine:
        chosen.append(kept_by(viewer.login, viewer.scope.own))
    rows = (
        await session.execute(
            sa.select(Ticket, Unit.name)
            .outerjoin(Unit, Unit.code == Ticket.unit_code)
            .where(*chosen)
            .order_by(Ticket.due_at, Ticket.id)
            .limit(MOST + 1)
        )
    ).all()
    found = rows[:MOST]
    standings = await stand_many(session, tables, [ticket for ticket, _ in found], now=window.now)
    told = await unsolved.waiting(session, {one.id: (one.appeal_id, one.state) for one, _ in found})
    kept = await keeping.of_tickets(session, tables, [one.id for one, _ in found], now=window.now)
    lines = [
        DueLine(
            ticket.no, ticket.title, name, ticket.urgency, ticket.state, clock.value, clock.label, run.due,
            unsolved=told.get(ticket.id) if clock is Clock.FOLLOW_UP else None,
            keeper=keeping.told(kept.get(ticket.id, {}), ticket.unit_code, viewer),
            fresh=keeping.is_new(kept.get(ticket.id, {}), viewer),
            unit_code=ticket.unit_code,
        )
        for ticket, name in found
        for clock, run in standings[ticket.id].clocks.items()
        if run.stopped is None and run.due is not None and run.due < window.until
    ]  # fmt: skip
    return lines, len(rows) > MOST


async def _called(
    session: AsyncSession, tables: Tables, viewer: Viewer, window: Window
) -> tuple[Sequence[DueLine], bool]:
    """Units called in that have not reported yet: theirs is the line, not the lead unit's."""
    chosen = [
        may_see(viewer),
        # Written out: only so does the partial index fit.
        sa.literal_column(CALLED),
        TicketUnit.due_at < window.until,
        sa.literal_column(OPEN),
        # Answered: there is nothing to report to any more.
        Ticket.state.not_in([State.FEEDBACK.value, State.FOLLOWED_UP.value]),
    ]
    if window.unit:
        chosen.append(TicketUnit.unit_code == window.unit)
    if window.district:
        chosen.append(Ticket.district_code == window.district)
    if window.mine:
        chosen += [keeps_part(viewer.login), TicketUnit.unit_code.in_(sorted(viewer.scope.own))]
    rows = (
        await session.execute(
            sa.select(
                Ticket.no, Ticket.title, Unit.name, Ticket.urgency, Ticket.state, TicketUnit.due_at,
                Ticket.id, TicketUnit.unit_code,
            )
            .select_from(TicketUnit)
            .join(Ticket, Ticket.id == TicketUnit.ticket_id)
            .outerjoin(Unit, Unit.code == TicketUnit.unit_code)
            .where(*chosen)
            .order_by(TicketUnit.due_at, TicketUnit.ticket_id)
            .limit(MOST + 1)
        )
    ).all()  # fmt: skip
    kept = await keeping.of_tickets(session, tables, [row.id for row in rows[:MOST]], now=window.now)
    lines = [
        DueLine(
            *row[:5], REPORT_IN, REPORT_IN_LABEL, row[5],
            keeper=keeping.told(
                {unit: one for unit, one in kept.get(row.id, {}).items() if unit == row.unit_code},
                row.unit_code, viewer,
            ),
            fresh=keeping.is_new(kept.get(row.id, {}), viewer),
            unit_code=row.unit_code,
        )
        for row in rows[:MOST] if row[5]
    ]  # fmt: skip
    return lines, len(rows) > MOST


async def _wishes(
    session: AsyncSession, tables: Tables, viewer: Viewer, window: Window
) -> tuple[list[DueLine], bool]:
    """What waits for an answer that the viewer may give, whoever's case it is: a line a wish."""
    decides = wishes.decides(tables, viewer, beijing(window.now).date())
    if not decides:
        return [], False
    chosen = [
        may_see(viewer),
        # Written out: only so do the indexes of what waits fit.
        sa.literal_column(WAITS_TO_ANSWER),
        may_decide(decides),
        Ticket.answer_by < window.until,
    ]
    if window.unit:
        chosen.append(Ticket.unit_code == window.unit)
    if window.district:
        chosen.append(Ticket.district_code == window.district)
    rows = (
        await session.execute(
            sa.select(
                Ticket.no,
                Ticket.title,
                Unit.name,
                Ticket.urgency,
                Ticket.state,
                Ticket.answer_by,
                Ticket.asked,
                Ticket.unit_code,
                district_having().label("district"),
                district_blind().label("blind"),
            )
            .outerjoin(Unit, Unit.code == Ticket.unit_code)
            .where(*chosen)
            .order_by(Ticket.answer_by, Ticket.id)
            .limit(MOST + 1)
        )
    ).all()
    lines = [
        DueLine(*row[:5], DECIDE, DECIDE_LABEL, row.answer_by, kind.label, unit_code=row.unit_code)
        for row in rows[:MOST]
        for kind in to_decide(decides, row.state, row.asked, row.district, blind=row.blind)
    ]  # fmt: skip
    return lines, len(rows) > MOST
