"""What may stand in the way of a reward, found by itself: media before the report, known before, rewarded.

`certain` where a person had already tied the two together (a lead merged into the case); everything else is
a hint for whoever verifies, with what it rests on, and never a word of a citizen.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from models.appeals import Appeal
from models.leads import Lead, MediaExposure
from models.parties import PartyMention
from models.rewards import Reward, RewardInspection
from models.tickets import Ticket
from models.vocab_leads import LeadState
from models.vocab_rewards import Exclusion, RewardState
from triage.clock import local, show
from triage.rules.rewards.rows import LimitName
from triage.services.rewards import reports

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.rules.rows import Tables
    from triage.services.rewards.reports import Said

_MOST: Final = 5
_GONE: Final = (RewardState.REFUSED.value, RewardState.JOINED.value)


async def found(
    session: AsyncSession,
    tables: Tables,
    ticket: Ticket,
    winner: Said,
    said: list[Said],
    *,
    answered: Sequence[str],
) -> list[dict[str, Any]]:
    """Every hint, the certain ones first. `answered`: states of a ticket that has its answer."""
    kind = reports.kind_of(ticket, said)
    at = winner.appeal.received_at
    exposed = await exposed_before(session, [one.appeal.id for one in said], at)
    hints = []
    if exposed is not None:
        hints.append(
            _hint(Exclusion.EXPOSED_BY_MEDIA, f"媒体线索并入本案，{show(exposed)} 曝光", certain=True)
        )
    earlier = [one for one in said if one.appeal.received_at < at and one.appeal.id != winner.appeal.id]
    hints += [
        _hint(
            Exclusion.ALREADY_KNOWN,
            f"同一事项的{one.type} {one.ticket.no}，{show(one.appeal.received_at)} 提出",
        )
        for one in earlier
    ][:_MOST]
    hints += await _answered(session, tables, ticket, winner, said, states=answered)
    hints += await _leads(session, ticket, kind, winner)
    hints += await _listed(session, ticket, kind, winner)
    return [*hints, *await _rewarded(session, ticket, kind)]


async def exposed_before(session: AsyncSession, appeals: Sequence[int], at: datetime) -> datetime | None:
    """When media, as a person tied them to one of these appeals, first told of it before `at`."""
    found: datetime | None = await session.scalar(
        sa.select(sa.func.min(MediaExposure.exposed_at)).where(
            MediaExposure.appeal_id.in_(appeals), MediaExposure.exposed_at < at
        )
    )
    return found


def _hint(which: Exclusion, text: str, *, certain: bool = False) -> dict[str, Any]:
    return {"exclusion": which.value, "text": text, "certain": certain}


async def _answered(
    session: AsyncSession,
    tables: Tables,
    ticket: Ticket,
    winner: Said,
    said: list[Said],
    *,
    states: Sequence[str],
) -> list[dict[str, Any]]:
    """Cases before the report that were answered here: of a party that was read, or the kind in the street.

    Nothing of a confidential one.
    """
    at, numbers = winner.appeal.received_at, [one.ticket.id for one in said]
    since = at - timedelta(days=tables.rewards.limit(LimitName.KNOWN, local(at).date()).days)
    names = sa.select(PartyMention.name_id).where(
        PartyMention.ticket_id.in_(numbers), PartyMention.name_id.is_not(None)
    )
    party = Ticket.id.in_(
        sa.select(PartyMention.ticket_id).where(
            PartyMention.name_id.in_(names), PartyMention.received_at >= since, PartyMention.received_at < at
        )
    )
    alike: dict[str, sa.ColumnElement[bool]] = {"同一对象": party}
    if ticket.street_code is not None:  # else every case of the district whose street nobody knows is meant
        alike["同一街道、同一种类"] = sa.and_(
            Ticket.district_code == ticket.district_code, Ticket.kind == reports.kind_of(ticket, said),
            Ticket.street_code == ticket.street_code,
        )  # fmt: skip
    found: dict[int, dict[str, Any]] = {}
    for what, same in alike.items():
        rows = await session.execute(
            sa.select(Ticket.id, Ticket.no, Appeal.received_at)
            .join(Appeal, Appeal.id == Ticket.appeal_id)
            .where(
                same, Ticket.id.not_in(numbers), Ticket.state.in_(states), ~reports.diverted(),
                Appeal.received_at >= since, Appeal.received_at < at, Appeal.confidential.is_(False),
            )
            .order_by(Appeal.received_at.desc(), Ticket.id)
            .limit(_MOST)
        )  # fmt: skip
        for number, no, told in rows:
            found.setdefault(
                number, _hint(Exclusion.ALREADY_KNOWN, f"此前已答复的{what}工单 {no}，{show(told)} 提出")
            )
    return list(found.values())[:_MOST]


async def _leads(
    session: AsyncSession, ticket: Ticket, kind: str | None, winner: Said
) -> list[dict[str, Any]]:
    """Reports of media of the same kind in the same street before."""
    if ticket.street_code is None:
        return []
    rows = await session.execute(
        sa.select(Lead.id, Lead.exposed_at)
        .where(
            Lead.kind == kind,
            Lead.street_code == ticket.street_code,
            Lead.exposed_at < winner.appeal.received_at,
            Lead.state.not_in([LeadState.DROPPED.value, LeadState.UNREAD.value]),
        )
        .order_by(Lead.exposed_at)
        .limit(_MOST)
    )
    return [
        _hint(Exclusion.EXPOSED_BY_MEDIA, f"同一街道、同一种类的媒体线索 {number}，{show(at)} 曝光")
        for number, at in rows
    ]


async def _listed(
    session: AsyncSession, ticket: Ticket, kind: str | None, winner: Said
) -> list[dict[str, Any]]:
    """Lines of inspection lists: the party that was read, or the kind in the street."""
    if ticket.district_code is None:
        return []
    party = str((winner.reading.detail if winner.reading else {}).get("party") or "")
    same = sa.and_(RewardInspection.kind == kind, RewardInspection.street_code == (ticket.street_code or ""))
    rows = await session.scalars(
        sa.select(RewardInspection)
        .where(
            RewardInspection.district_code == ticket.district_code,
            RewardInspection.listed_on <= local(winner.appeal.received_at).date(),
            sa.or_(same, RewardInspection.party == party) if party else same,
        )
        .order_by(RewardInspection.listed_on, RewardInspection.id)
        .limit(_MOST)
    )
    told = "检查清单“{}”第 {} 行，{} 列入"
    return [
        _hint(Exclusion.ALREADY_KNOWN, told.format(row.list, row.line, row.listed_on.isoformat()))
        for row in rows
    ]


async def _rewarded(session: AsyncSession, ticket: Ticket, kind: str | None) -> list[dict[str, Any]]:
    """Other rewards of the same kind in the same street: the same violation again?"""
    if ticket.street_code is None:
        return []
    rows = await session.execute(
        sa.select(Reward.no)
        .join(Ticket, Ticket.id == Reward.root_ticket_id)
        .where(
            Reward.kind == kind, Ticket.street_code == ticket.street_code, Ticket.id != ticket.id,
            Reward.state.not_in(_GONE),
        )
        .order_by(Reward.id)
        .limit(_MOST)
    )  # fmt: skip
    told = "同一街道、同一种类另有奖励 {}，核对是否同一违法行为"
    return [{"exclusion": None, "text": told.format(no), "certain": False} for (no,) in rows]
