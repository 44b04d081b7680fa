"""Leads as lists show them, and the exposure of a case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from models import merged
from models.appeals import Source
from models.bounded import bounded
from models.filters import may_see
from models.lead_matters import LeadPair
from models.leads import Lead, MediaExposure
from models.tickets import Ticket
from models.vocab import Tag
from models.vocab_leads import LeadState
from models.vocab_matters import Proposal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.filters import Viewer
    from models.ticket_detail import WholeTicket


@dataclass(frozen=True, slots=True)
class Found:
    """A lead, the name of its source, and the number of the ticket that came of it."""

    lead: Lead
    source: str
    ticket_no: str | None


async def leads(
    session: AsyncSession,
    *,
    state: LeadState | None,
    before: int | None = None,
    limit: int = 50,
    ids: Sequence[int] | None = None,
) -> list[Found]:
    """Leads, newest first: of a state, before an id, or these."""
    wanted = (
        sa.select(Lead, sa.func.coalesce(Source.name, Lead.source), Ticket.no)
        .outerjoin(Source, Source.key == Lead.source)
        .outerjoin(Ticket, Ticket.appeal_id == Lead.appeal_id)
        .order_by(Lead.id.desc())
        .limit(limit)
    )
    if state is not None:
        wanted = wanted.where(Lead.state == state.value)
    if before is not None:
        wanted = wanted.where(Lead.id < before)
    if ids is not None:
        wanted = wanted.where(Lead.id.in_(ids))
    return [Found(*row) for row in await session.execute(wanted)]


async def counts(session: AsyncSession) -> dict[LeadState, int]:
    """How many stand in each state, bounded."""
    return {
        state: await bounded(session, sa.select(Lead.id).where(Lead.state == state.value))
        for state in LeadState
    }


@dataclass(frozen=True, slots=True)
class Exposure:
    """媒体曝光 of a case: the lead, its source and address, and since when it was public.

    `proposed`: nobody said yet that the report tells of the case; the search for the same matter found it.
    """

    lead_id: int
    source: str
    title: str | None
    url: str | None
    exposed_at: datetime
    proposed: bool = False


async def of_case(session: AsyncSession, viewer: Viewer, whole: WholeTicket) -> list[Exposure]:
    """The same of a case and of all that is merged into it, as far as this viewer may see those."""
    # The page has its events at hand: most cases were never joined, and need no query more.
    joined = any(event.tag == Tag.JOINED.value for event in whole.events)
    behind = await merged.behind_ids(session, [whole.ticket.id]) if joined else set()
    seen = sa.select(Ticket.appeal_id).where(Ticket.id.in_(behind), may_see(viewer))
    appeals = list(await session.scalars(seen)) if behind else []
    return await exposures(session, whole.appeal.id, *appeals)


async def exposures(session: AsyncSession, *appeal_ids: int) -> list[Exposure]:
    """The reports of cases and what may be one, earliest first: the first report is the 曝光时间."""
    waiting = aliased(Lead)
    found = (
        sa.select(LeadPair.lead_id)
        .join(waiting, waiting.id == LeadPair.lead_id)
        .where(
            LeadPair.ticket_id.in_(sa.select(Ticket.id).where(Ticket.appeal_id.in_(appeal_ids))),
            LeadPair.state == Proposal.PROPOSED.value,
            waiting.state == LeadState.WAITING.value,
        )
    )
    kept = (
        sa.select(MediaExposure.lead_id, sa.func.min(MediaExposure.exposed_at).label("exposed_at"))
        .where(MediaExposure.appeal_id.in_(appeal_ids))
        .group_by(MediaExposure.lead_id)
        .subquery()
    )
    exposed_at = sa.func.coalesce(kept.c.exposed_at, Lead.exposed_at)
    rows = await session.execute(
        sa.select(
            Lead.id,
            sa.func.coalesce(Source.name, Lead.source),
            Lead.title,
            Lead.url,
            exposed_at,
            kept.c.lead_id.is_(None),
        )
        .outerjoin(kept, kept.c.lead_id == Lead.id)
        .outerjoin(Source, Source.key == Lead.source)
        # One list of few ids: under an OR of two every lead there is would be looked at.
        .where(Lead.id.in_(sa.union(sa.select(kept.c.lead_id), found)))
        .order_by(exposed_at, Lead.id)
    )
    return [Exposure(*row) for row in rows]
