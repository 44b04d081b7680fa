"""撤诉: a report whose sender asks for nothing any more is no candidate, and no reward leads to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.tickets import Ticket, TicketEvent
from models.vocab import Tag
from tests.factories import NOW
from tests.triage.services.rewards import bed
from tests.triage.services.rewards.test_flow import aged

if TYPE_CHECKING:
    from triage.services.deps import Deps


async def happened(deps: Deps, no: str, tag: Tag) -> None:
    """As 撤诉 of a report that others wait with, and 取消撤诉, leave its ticket."""
    async with deps.db.writes.begin() as session:
        ticket = (await session.scalars(sa.select(Ticket).where(Ticket.no == no))).one()
        own = TicketEvent.ticket_id == ticket.id
        seq = (await session.scalar(sa.select(sa.func.max(TicketEvent.seq)).where(own)) or 0) + 1
        session.add(TicketEvent(ticket_id=ticket.id, seq=seq, at=NOW, tag=tag.value, data={}))
        ticket.version += 1


async def test_a_report_that_was_withdrawn_becomes_a_candidate_once_it_is_taken_up(deps: Deps) -> None:
    (no,) = await bed.reports(deps.db)
    await happened(deps, no, Tag.WITHDRAW)
    await bed.sweep(deps)
    assert await bed.rewards(deps) == []
    await happened(deps, no, Tag.TAKE_UP)
    await bed.sweep(deps)
    assert (await bed.the_reward(deps)).winner_appeal_id == await bed.appeal_of(deps, no)


async def test_the_first_that_was_not_withdrawn_wins(deps: Deps) -> None:
    head, early = await bed.reports(deps.db, aged(2), aged(5))
    await bed.merged(deps.db, early, head)
    await happened(deps, early, Tag.WITHDRAW)
    await bed.sweep(deps)
    reward, winner = await bed.the_reward(deps), await bed.appeal_of(deps, head)
    assert (reward.winner_appeal_id, [one["appeal"] for one in reward.proof]) == (winner, [winner])


async def test_of_a_head_that_was_withdrawn_the_report_behind_wins(deps: Deps) -> None:
    head, late = await bed.reports(deps.db, aged(5), aged(2))
    await bed.merged(deps.db, late, head)
    await happened(deps, head, Tag.WITHDRAW)
    await bed.sweep(deps)
    assert (await bed.the_reward(deps)).winner_appeal_id == await bed.appeal_of(deps, late)
