"""What an analyst does with a lead: 转为诉求, 丢弃, 合并, 撤销. Each one transaction, one event.

A confirmed lead goes through intake like every appeal (channel 媒体): from then on it is one, and counts.
What is merged or dropped counts nowhere. The case keeps the exposure (`media_exposure`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import sqlalchemy as sa

from models.appeals import Appeal, Appellant
from models.filters import may_see
from models.lead_matters import LeadSeen
from models.leads import Lead, LeadEvent, MediaExposure
from models.outbox import Outbox
from models.sums import in_sums
from models.tickets import Ticket
from models.vocab import AppealState, Channel
from models.vocab_leads import DropReason, LeadAct, LeadState
from models.vocab_ledger import LedgerAct, SubjectKind
from triage.errors import BadInput, NotFound, TriageError
from triage.services import intake, ledger
from triage.services.leads.taking import tell
from triage.services.storing import insert_new

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.filters import Viewer
    from triage.services.deps import Deps

_DECIDED: Final = {
    LeadAct.CONFIRM: LeadState.CONFIRMED,
    LeadAct.DROP: LeadState.DROPPED,
    LeadAct.MERGE: LeadState.MERGED,
}
#: A number that is not this long is a lead's; tickets' have a dash in them.
_LEAD_DIGITS: Final = 18


class LeadMoved(TriageError):
    """别人刚刚处理过这条线索，请刷新后再看。"""

    code: ClassVar[str] = "lead_moved"
    status: ClassVar[int] = 409


class LeadRefused(TriageError):
    """这条线索现在不能这样处理。"""

    code: ClassVar[str] = "lead_refused"
    status: ClassVar[int] = 422


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be done with a lead as seen: `reason` of a drop, `into` (lead or ticket) of a merge."""

    lead_id: int
    version: int
    act: LeadAct
    reason: str | None = None
    into: str | None = None


@dataclass(frozen=True, slots=True)
class Acted:
    """A lead after it."""

    lead_id: int
    version: int
    state: LeadState
    appeal_id: int | None


async def act(session: AsyncSession, deps: Deps, viewer: Viewer, wish: Wish, *, now: datetime) -> Acted:
    """Do it. Raises NotFound, LeadMoved, LeadRefused, BadInput."""
    lead = await _lock(session, wish.lead_id, _lead_number(wish))
    if lead.version != wish.version:
        raise LeadMoved
    if wish.act is LeadAct.UNDO:
        after = await _undo(session, lead)
    else:
        if lead.state != LeadState.WAITING:
            raise LeadRefused(f"线索{LeadState(lead.state).label}，先撤销才能改")
        match wish.act:
            case LeadAct.CONFIRM:
                after = await _confirm(session, deps, lead, now=now)
            case LeadAct.DROP:
                after = {"reason": _reason(wish)}
            case LeadAct.MERGE:
                after = await _merge(session, viewer, lead, wish)
            case _:
                raise BadInput("线索只能转为诉求、丢弃、合并或撤销")
        after |= {"state": _DECIDED[wish.act].value, "decided_at": now, "decided_by": viewer.login}
    for name, value in after.items():
        setattr(lead, name, value)
    lead.version += 1
    await session.flush()
    data = {"state": lead.state, "reason": lead.reason, "into": wish.into, "appeal_id": lead.appeal_id}
    await tell(session, lead.id, wish.act, at=now, data=data, by=viewer.login)
    ledger.write(
        session, who=viewer.login, act=LedgerAct.LEAD_DECIDED, now=now, reason=lead.reason,
        subject=ledger.Subject(SubjectKind.LEAD, str(lead.id)),
        detail={"act": wish.act.value, "into": wish.into, "appeal": lead.appeal_id},
    )  # fmt: skip
    return Acted(lead.id, lead.version, LeadState(lead.state), lead.appeal_id)


async def _lock(session: AsyncSession, lead_id: int, other: int | None) -> Lead:
    """The lead, locked with the one it is merged into and those merged into it, by id: no circle."""
    rows = await session.scalars(
        sa.select(Lead)
        .where(sa.or_(Lead.id.in_([lead_id] if other is None else [lead_id, other]), _merged(lead_id)))
        .order_by(Lead.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    locked = {lead.id: lead for lead in rows}
    if lead_id not in locked:
        raise NotFound("没有这条线索。")
    return locked[lead_id]


def _lead_number(wish: Wish) -> int | None:
    """The number of the lead to merge into; None where it is no lead's."""
    into = (wish.into or "").strip()
    is_lead = wish.act is LeadAct.MERGE and into.isascii() and into.isdigit() and len(into) <= _LEAD_DIGITS
    return int(into) if is_lead else None


def _reason(wish: Wish) -> str:
    if wish.reason not in {reason.value for reason in DropReason}:
        raise BadInput(f"丢弃要选原因：{'、'.join(reason.label for reason in DropReason)}")
    return wish.reason or ""


async def _confirm(session: AsyncSession, deps: Deps, lead: Lead, *, now: datetime) -> dict[str, Any]:
    """Through intake; what says nothing but its title is its title."""
    appeal = intake.NewAppeal(
        source=lead.source,
        external_id=f"lead-{lead.id}",
        channel=Channel.MEDIA,
        title=lead.title,
        text=lead.text or lead.title or "",
        # The matter reaches us now; when it was public is the exposure.
        received_at=now,
    )
    received = await intake.receive(session, deps.vault, [appeal], now=now)
    if not received.stored:
        raise LeadRefused("这条线索已经转为诉求")
    (appeal_id,) = received.stored
    await _expose(session, appeal_id, await _exposures(session, lead))
    return {"appeal_id": appeal_id}


async def _exposures(session: AsyncSession, lead: Lead) -> dict[int, datetime]:
    """When the lead, and each that was merged into it, was public."""
    merged = await session.execute(
        # Locked with the lead, but for one that came to it while that was waited for.
        sa.select(Lead.id, Lead.exposed_at).where(_merged(lead.id)).order_by(Lead.id).with_for_update()
    )
    return {lead.id: lead.exposed_at} | {row.id: row.exposed_at for row in merged}


def _merged(lead_id: int) -> sa.ColumnElement[bool]:
    """Into this lead, and standing so."""
    return sa.and_(Lead.merged_lead_id == lead_id, Lead.state == LeadState.MERGED.value)


async def _expose(session: AsyncSession, appeal_id: int, exposures: Mapping[int, datetime]) -> None:
    rows: list[dict[str, object]] = [
        {"appeal_id": appeal_id, "lead_id": lead_id, "exposed_at": at} for lead_id, at in exposures.items()
    ]
    await insert_new(session, MediaExposure, rows)


async def _merge(session: AsyncSession, viewer: Viewer, lead: Lead, wish: Wish) -> dict[str, Any]:
    """Into another lead (its number) or a ticket (its number)."""
    if (number := _lead_number(wish)) is not None:
        return await _merge_lead(session, lead, number)
    into = (wish.into or "").strip()
    ticket = (
        await session.execute(
            # An analyst sees no cases, and says by its number which one a report is about: nothing of it is
            # shown for that. A confidential one is there for nobody who may not see it.
            sa.select(Ticket.no, Ticket.appeal_id).where(
                Ticket.no == into.replace("\0", ""), sa.or_(may_see(viewer), in_sums())
            )
        )
    ).one_or_none()
    if ticket is None:
        raise NotFound("没有这个编号的线索或工单，或您无权查看。")
    await _expose(session, ticket.appeal_id, await _exposures(session, lead))
    return {"merged_ticket_no": ticket.no}


async def _merge_lead(session: AsyncSession, lead: Lead, number: int) -> dict[str, Any]:
    if number == lead.id:
        raise LeadRefused("不能并入自己")
    head = await session.get(Lead, number)  # locked with this one
    if head is None:
        raise NotFound("没有这个编号的线索。")
    if head.state not in {LeadState.WAITING, LeadState.CONFIRMED}:
        raise LeadRefused(f"线索 {number} {LeadState(head.state).label}，不能并入")
    if await session.scalar(sa.select(sa.exists().where(Lead.merged_lead_id == lead.id))):
        raise LeadRefused("有别的线索并入了这条，请把它们也改并过去")
    if head.appeal_id is not None:
        await _expose(session, head.appeal_id, {lead.id: lead.exposed_at})
    return {"merged_lead_id": number}


async def _undo(session: AsyncSession, lead: Lead) -> dict[str, Any]:
    """Back before an analyst; an appeal goes with it while no worker has begun with it."""
    if lead.state not in {LeadState.CONFIRMED, LeadState.DROPPED, LeadState.MERGED}:
        raise LeadRefused("没有可以撤销的处理")
    with_it = sa.select(Lead.id).where(sa.or_(Lead.id == lead.id, Lead.merged_lead_id == lead.id))
    await session.execute(sa.delete(MediaExposure).where(MediaExposure.lead_id.in_(with_it)))
    # Tickets that came while it was decided are held against it now; what a person refused stays refused.
    await session.execute(sa.delete(LeadSeen).where(LeadSeen.lead_id == lead.id))
    if lead.appeal_id is not None:
        await _take_back(session, lead)
    return {
        "state": LeadState.WAITING.value, "reason": None, "decided_at": None, "decided_by": None,
        "appeal_id": None, "merged_lead_id": None, "merged_ticket_no": None,
    }  # fmt: skip


async def _take_back(session: AsyncSession, lead: Lead) -> None:
    """Remove the appeal of a lead. Raises LeadRefused once a worker holds it or a ticket is open."""
    appeal = await session.scalar(sa.select(Appeal).where(Appeal.id == lead.appeal_id).with_for_update())
    if appeal is None or appeal.state != AppealState.WAITING or appeal.attempts:
        raise LeadRefused("已经生成工单或正在识别，不能撤销；请在工单上处理")
    appeal_id = appeal.id
    lead.appeal_id = None
    await session.flush()
    await session.execute(sa.delete(MediaExposure).where(MediaExposure.appeal_id == appeal_id))
    await session.execute(sa.delete(Outbox).where(Outbox.key == appeal_id))
    await session.execute(sa.delete(Appellant).where(Appellant.appeal_id == appeal_id))
    await session.delete(appeal)
    await session.flush()


async def history(session: AsyncSession, lead_id: int) -> list[LeadEvent]:
    """What was done with a lead, in order."""
    rows = await session.scalars(
        sa.select(LeadEvent).where(LeadEvent.lead_id == lead_id).order_by(LeadEvent.seq)
    )
    return list(rows)
