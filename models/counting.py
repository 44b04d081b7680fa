"""How many: of a list, and for the summary bar. Counts stop at a cap; each is one question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.appeals import Appeal
from models.filters import DueWindow, TicketFilter, View, may_see, may_see_unread, segments
from models.lines import COUNT_CAP, Count
from models.outbox import registered_by_hand
from models.queries import Ask, prepare, segment_where
from models.searching import Finder
from models.tickets import Ticket
from models.vocab import AppealState

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.filters import Day, Viewer
    from models.viewing import Decides

#: Today's arrivals are counted further: they are a day's work.
ARRIVALS_CAP: Final = 9_999


async def count_tickets(session: AsyncSession, ask: Ask, *, cap: int = COUNT_CAP) -> Count:
    """How many rows the list has, counted to a cap; for phrases this counts what the index matches."""
    ask, search = await prepare(session, ask)
    if search is not None:
        return await Finder(session, ask, search).count(cap=cap)
    if ask.filters.query.strip():
        return Count(0, more=False)
    return _capped(await session.scalar(sa.select(_counted(ask, cap))) or 0, cap)


def _counted(ask: Ask, cap: int) -> sa.ScalarSelect[int]:
    """The number of rows in a list without a search, up to one more than the cap.

    Each segment is read in its own order, so that the plan is the page's: rows are dense there. The LIMIT
    around them all lets the database leave out the later ones.
    """
    stretches = [
        sa.select(Ticket.id)
        .where(*segment_where(ask, segment))
        .order_by(*segment.order(Ticket, backwards=False))
        .limit(cap + 1)
        .subquery()
        for segment in segments(ask.filters)
    ]
    rows = sa.union_all(*(sa.select(part.c.id) for part in stretches)).limit(cap + 1).subquery()
    return sa.select(sa.func.count()).select_from(rows).scalar_subquery()


@dataclass(frozen=True, slots=True)
class Today:
    """The summary bar: to review, sent back, to decide, due today, overdue, received today; appeals unread.

    To decide: wishes that wait for the viewer's own answer (待我审批).
    Sent back: 异议审核 waits for the ruling on an objection, 待改派 for another unit.
    """

    review: Count
    objected: Count
    to_reassign: Count
    to_decide: Count
    due_today: Count
    overdue: Count
    received: Count
    waiting: Count
    dead: Count


async def today(session: AsyncSession, viewer: Viewer, day: Day, decides: tuple[Decides, ...] = ()) -> Today:
    """Count for the summary bar, each to a cap; `decides`: what the viewer may."""

    def of(filters: TicketFilter) -> sa.ScalarSelect[int]:
        return _counted(Ask(viewer, filters, day, decides=decides), COUNT_CAP)

    arrived = (
        sa.select(Ticket.id)
        .where(may_see(viewer), Ticket.opened_at >= day.starts)
        .limit(ARRIVALS_CAP + 1)
        .subquery()
    )
    review, objected, to_reassign, to_decide, due_today, overdue, received, waiting, dead = (
        await session.execute(
            sa.select(
                of(TicketFilter(view=View.REVIEW)),
                of(TicketFilter(view=View.OBJECTED)),
                of(TicketFilter(view=View.TO_REASSIGN)),
                of(TicketFilter(view=View.DECIDE)),
                of(TicketFilter(due=DueWindow.TODAY)),
                of(TicketFilter(due=DueWindow.OVERDUE)),
                sa.select(sa.func.count()).select_from(arrived).scalar_subquery(),
                _without_ticket(viewer, AppealState.WAITING),
                _without_ticket(viewer, AppealState.DEAD),
            )
        )
    ).one()
    return Today(
        review=_capped(review, COUNT_CAP),
        objected=_capped(objected, COUNT_CAP),
        to_reassign=_capped(to_reassign, COUNT_CAP),
        to_decide=_capped(to_decide, COUNT_CAP),
        due_today=_capped(due_today, COUNT_CAP),
        overdue=_capped(overdue, COUNT_CAP),
        received=_capped(received, ARRIVALS_CAP),
        waiting=_capped(waiting, ARRIVALS_CAP),
        dead=_capped(dead, ARRIVALS_CAP),
    )


def _without_ticket(viewer: Viewer, state: AppealState) -> sa.ScalarSelect[int]:
    """How many appeals have no ticket and stand so. The state is written out: its index is partial."""
    left = ~registered_by_hand(Appeal.id) if state is AppealState.DEAD else sa.true()
    found = (
        sa.select(Appeal.id)
        .where(Appeal.state == sa.literal_column(f"'{state.value}'"), may_see_unread(viewer), left)
        .limit(ARRIVALS_CAP + 1)
        .subquery()
    )
    return sa.select(sa.func.count()).select_from(found).scalar_subquery()


def _capped(value: int, cap: int) -> Count:
    return Count(min(value, cap), more=value > cap)
