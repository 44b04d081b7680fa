"""线索与来电: media leads and tickets about one matter find each other, by the keys of repeats.

A lead that waits is held against open tickets once, and every new ticket against the leads that wait: both by
index, at most six weighed each. What is called the same is proposed on both pages; what a person
refused is not proposed again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models import lead_matters, matters
from models.filters import may_see
from models.lead_matters import LeadKey, LeadPair, LeadSeen
from models.tickets import Ticket
from models.vocab_matters import Proposal
from nlp.repeat_keys import keys_of
from triage.errors import NotFound
from triage.services import near
from triage.services.processing import SAME_MATTER
from triage.services.storing import insert_new

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.leads import Lead
    from models.matters import Told
    from models.viewing import Viewer
    from nlp.repeat_profile import Profile
    from nlp.repeats import PairReader
    from triage.services.deps import Deps

BATCH: Final = 20
#: Later than every ticket: a lead is held against all of them.
_LAST: Final = 2**62


async def catch_up(deps: Deps, pairs: PairReader) -> bool:
    """Look for the matters of leads nobody looked at yet; whether there may be more."""
    now = deps.clock.now()
    since = now - SAME_MATTER
    async with deps.db.reads() as session:
        waiting = await lead_matters.unseen(session, since=since, limit=BATCH)
    for lead in waiting:
        mine = await asyncio.to_thread(_profile, pairs, lead)
        keys = keys_of(mine)
        # First, so that a ticket that comes meanwhile finds the lead, if the lead does not find the ticket.
        async with deps.db.writes.begin() as session:
            await insert_new(session, LeadKey, [{"key": key, "lead_id": lead.id} for key in keys])
        async with deps.db.reads() as session:
            found = await near.cases(session, _LAST, keys, since=since)
            told = await matters.told_of(session, found)
        rows = await asyncio.to_thread(_of_lead, pairs, lead.id, mine, told, now=now)
        async with deps.db.writes.begin() as session:
            await insert_new(session, LeadPair, rows)
            await insert_new(session, LeadSeen, [{"lead_id": lead.id, "at": now}])
    return len(waiting) == BATCH


def _of_lead(
    pairs: PairReader, lead_id: int, mine: Profile, told: Mapping[int, Told], *, now: datetime
) -> list[dict[str, object]]:
    """The rows of a lead's pairs with open tickets."""
    rows = []
    for number, ticket in told.items():
        other = pairs.profile(ticket.title, ticket.text, ticket.received_at)
        rows += _row(pairs, lead_id, number, mine, other, now=now)
    return rows


async def waiting(session: AsyncSession, keys: Sequence[int], *, now: datetime) -> Sequence[Lead]:
    """The leads that wait and share keys with a new ticket."""
    return await lead_matters.candidates(session, keys, since=now - SAME_MATTER)


def of_ticket(
    pairs: PairReader, ticket_id: int, mine: Profile, leads: Sequence[Lead], *, now: datetime
) -> list[dict[str, object]]:
    """The rows of a new ticket's pairs with these leads."""
    rows = []
    for lead in leads:
        rows += _row(pairs, lead.id, ticket_id, _profile(pairs, lead), mine, now=now)
    return rows


def _profile(pairs: PairReader, lead: Lead) -> Profile:
    return pairs.profile(lead.title, lead.text, lead.exposed_at)


def _row(
    pairs: PairReader, lead_id: int, ticket_id: int, lead: Profile, ticket: Profile, *, now: datetime
) -> list[dict[str, object]]:
    """A proposal, when they are called the same."""
    likeness = pairs.likeness(lead, ticket)
    if not likeness.same:
        return []
    return [
        {
            "lead_id": lead_id, "ticket_id": ticket_id, "p": likeness.p, "why": list(likeness.why),
            "state": Proposal.PROPOSED.value, "by": None, "at": now,
        }
    ]  # fmt: skip


async def refuse(session: AsyncSession, viewer: Viewer, lead_id: int, no: str, *, now: datetime) -> None:
    """不是同一件事: kept, and not proposed again. Raises NotFound."""
    ticket = sa.select(Ticket.id).where(Ticket.no == no, may_see(viewer)).scalar_subquery()
    changed = await session.execute(
        sa.update(LeadPair)
        .where(LeadPair.lead_id == lead_id, LeadPair.ticket_id == ticket)
        .values(state=Proposal.REFUSED.value, by=viewer.login, at=now)
        .returning(LeadPair.lead_id)
        .execution_options(synchronize_session=False)
    )
    if changed.one_or_none() is None:
        raise NotFound("没有这条提示，或您无权查看。")
