"""What a bulk job tells units: one notice each for the whole job, in place of one a ticket.

Whom a move tells is what `notices.yaml` says of its event. Where that is a unit's standing part in the ticket
(主办, 协办, 抄送, its district), the job counts and tells once; others (被吹哨的单位) are told ticket
by ticket as always, and bundled by their window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.bulk import BulkResult
from models.filters import may_see
from models.sums import in_sums
from models.tickets import Ticket, TicketUnit
from models.vocab import TAG_OF, Level, Move, Role, Urgency
from models.vocab_bulk import BulkRow
from models.vocab_notices import NoticeTo, RecipientKind
from triage.rules.calendar import beijing
from triage.rules.rows import OWN
from triage.services.notices.noting import NewNotice, Recipient, note
from triage.services.notices.sight import viewer_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import date, datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.bulk import BulkJob
    from triage.rules.rows import Tables

TEMPLATE: Final = "bulk"
_ROLES: Final = {NoticeTo.LEAD: Role.LEAD, NoticeTo.ASSIST: Role.ASSIST, NoticeTo.COPY: Role.COPY}


def _told(tables: Tables, move: Move, day: date) -> set[NoticeTo]:
    return {whom for row in tables.notices.of_event(TAG_OF[move], day) for whom in row.tells}


def digested(tables: Tables, move: Move, *, at: datetime) -> bool:
    """Whether the job tells of its moves at its end, so that a single one of them tells nothing."""
    return _told(tables, move, beijing(at).date()) <= {*_ROLES, NoticeTo.DISTRICT}


async def tell(session: AsyncSession, tables: Tables, job: BulkJob, *, now: datetime) -> None:
    """One notice a unit, in the transaction that ends the job. Written twice it is one notice."""
    move, day = Move(job.move), beijing(now).date()
    told = _told(tables, move, day)
    if not told or not digested(tables, move, at=now):
        return
    counts: dict[str, tuple[int, Urgency]] = {}
    roles = [_ROLES[whom].value for whom in told if whom in _ROLES]
    done = (BulkResult.job_id == job.id, BulkResult.state == BulkRow.DONE.value)
    # What was merged before it was sent out was taken from nobody, as with a single one (`events.moved`).
    had = sa.true() if move is not Move.MERGE else Ticket.dispatched_at.is_not(None)
    by_unit = await session.execute(
        sa.select(TicketUnit.unit_code, sa.func.count(), sa.func.min(Ticket.urgency))
        .select_from(BulkResult)
        .join(Ticket, Ticket.id == BulkResult.ticket_id)
        .join(TicketUnit, TicketUnit.ticket_id == Ticket.id)
        # Whom a confidential report is only copied to, and who stands above, does not hear of it.
        .where(*done, had, TicketUnit.role.in_(roles), sa.or_(TicketUnit.role != Role.COPY.value, in_sums()))
        .group_by(TicketUnit.unit_code)
        .order_by(TicketUnit.unit_code)
    )
    _add(counts, ((code, count, grade) for code, count, grade in by_unit))
    if NoticeTo.DISTRICT in told:
        _add(counts, await _by_district(session, tables, done, day))
    await note(
        session,
        tables,
        [
            NewNotice(
                key=f"bulk:{job.id}:{unit}",
                to=Recipient(RecipientKind.UNIT, unit),
                template=TEMPLATE,
                urgency=grade,
                facts={"told": f"批量{move.label} {count} 张工单（批量办理第 {job.id} 批）"},
            )
            for unit, (count, grade) in counts.items()
        ],
        now=now,
    )


async def _by_district(
    session: AsyncSession, tables: Tables, done: Collection[sa.ColumnElement[bool]], day: date
) -> list[tuple[str, int, str]]:
    """Each district's government, and of its cases in the job those that it may see: count, gravest grade."""
    of_job = sa.select(Ticket.district_code).join(BulkResult, Ticket.id == BulkResult.ticket_id).where(*done)
    codes = await session.scalars(of_job.distinct().order_by(Ticket.district_code))
    found = []
    for code in codes.all():
        unit = tables.unit(Level.DISTRICT, OWN, code or "", day)
        if unit is None:
            continue
        seen = (Ticket.district_code == code, in_sums(), may_see(viewer_of(tables, unit.code, day)))
        row = await session.execute(
            of_job.with_only_columns(sa.func.count(), sa.func.min(Ticket.urgency)).where(*seen)
        )
        count, grade = row.one()
        if count:
            found.append((unit.code, count, grade))
    return found


def _add(counts: dict[str, tuple[int, Urgency]], rows: Iterable[tuple[str, int, str]]) -> None:
    """The greater count and the graver grade of a unit: 主办 in some and 协办 in others is one notice."""
    for code, count, grade in rows:
        before, gravest = counts.get(code, (0, Urgency(grade)))
        counts[code] = (max(before, count), min(gravest, Urgency(grade)))
