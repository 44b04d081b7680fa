"""All reports of one violation: the tickets merged into one, as a person last said that they are.

A clerk's correction (更正) of the type or the kind stands over what was read. That somebody said 举报 when
they sent it, or asked for confidence, no correction of a reading takes away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models import merged
from models.appeals import Appeal, Appellant, Reading
from models.corrections import Correction, said_of
from models.files import Attachment
from models.narrowed import withdrawn
from models.tickets import Ticket
from models.vocab import Corrected, Precision
from triage.rules.rewards import first
from triage.rules.trends.facts import as_corrected

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.rules.rewards.rows import CandidateRow

#: Merges of merges are followed so far.
_MERGES: Final = 20
#: So exact a place tells which works, site or shop is meant.
_POINTED: Final = frozenset(p.value for p in (Precision.DOOR, Precision.POINT, Precision.COMPOUND))


@dataclass(frozen=True, slots=True)
class Said:
    """One appeal of a violation; `type`, `kind`: as corrected, no kind where it is not environmental.

    `withdrawn`: its sender asks for nothing any more (撤诉).
    """

    appeal: Appeal
    ticket: Ticket
    reading: Reading | None
    files: int
    named: bool
    kind: str | None
    type: str | None
    withdrawn: bool

    def is_report(self, row: CandidateRow) -> bool:
        """Whether it may be rewarded: a 举报, or confidential where the row says so."""
        told = {self.type, self.appeal.told_type}
        return not told.isdisjoint(row.appeal_types) or (row.confidential and self.appeal.confidential)


def are_reports(row: CandidateRow) -> sa.ColumnElement[bool]:
    """`Said.is_report` of the appeals and tickets of a statement."""
    # Only of those of which a clerk said a type it is asked which: they are few.
    typed = sa.select(Correction.ticket_id).where(Correction.field == Corrected.APPEAL_TYPE.value)
    said = sa.case((Ticket.id.in_(typed), said_of(Corrected.APPEAL_TYPE)), else_=Ticket.appeal_type)
    one_of = [said.in_(row.appeal_types), Appeal.told_type.in_(row.appeal_types)]
    if row.confidential:
        one_of.append(Appeal.confidential.is_(True))
    return sa.or_(*one_of)


def diverted() -> sa.ColumnElement[bool]:
    """Cases that were sent elsewhere (分流) and never dealt with here.

    What was proposed alone stays on a ticket (`divert`) that was dispatched after all.
    """
    return sa.and_(Ticket.divert.is_not(None), Ticket.dispatched_at.is_(None))


async def group(session: AsyncSession, root: Ticket) -> list[Said]:
    """The ticket and everything merged into it, with what was read and said of each; by number."""
    numbers, frontier = {root.id}, {root.id}
    for _ in range(_MERGES):
        frontier = await merged.inside(session, frontier) - numbers
        if not frontier:
            break
        numbers |= frontier
    files = (
        sa.select(sa.func.count())
        .where(Attachment.appeal_id == Appeal.id, Attachment.owner == "appeal")
        .scalar_subquery()
    )
    named = sa.exists().where(
        Appellant.appeal_id == Appeal.id, Appellant.name.is_not(None), Appellant.phone.is_not(None)
    )
    rows = await session.execute(
        sa.select(Appeal, Ticket, Reading, files, named, withdrawn(Ticket.id))
        .join(Ticket, Ticket.appeal_id == Appeal.id)
        .outerjoin(Reading, Reading.id == Ticket.reading_id)
        .where(Ticket.id.in_(numbers))
        .order_by(Appeal.id)
    )
    said = await _corrections(session, numbers)
    found = []
    for appeal, ticket, reading, count, has_name, gone in rows:
        kind, type_ = _as_said(ticket, said.get(ticket.id, ()))
        found.append(Said(appeal, ticket, reading, count, has_name, kind, type_, bool(gone)))
    return found


def kind_of(ticket: Ticket, said: Sequence[Said]) -> str | None:
    """The kind of one of them."""
    return next(one.kind for one in said if one.ticket.id == ticket.id)


async def _corrections(session: AsyncSession, tickets: Collection[int]) -> dict[int, list[tuple[str, str]]]:
    """What was corrected of each, as (field, new), the oldest first."""
    rows = await session.execute(
        sa.select(Correction.ticket_id, Correction.field, Correction.new)
        .where(Correction.ticket_id.in_(tickets))
        .order_by(Correction.id)
    )
    found: dict[int, list[tuple[str, str]]] = {}
    for ticket, field, new in rows:
        found.setdefault(ticket, []).append((field, new))
    return found


def _as_said(ticket: Ticket, said: Sequence[tuple[str, str]]) -> tuple[str | None, str | None]:
    """Kind and type."""
    kind, _, _ = as_corrected(ticket.kind, None, None, said)
    return kind or None, dict(said).get(Corrected.APPEAL_TYPE, ticket.appeal_type)


def report_of(one: Said) -> first.Report:
    """An appeal as the order of reports takes it: what was read of it, not its words."""
    detail = one.reading.detail if one.reading else {}
    place = one.reading.place_precision if one.reading else Precision.NONE.value
    return first.Report(
        appeal_id=one.appeal.id,
        received_at=one.appeal.received_at,
        registered_at=one.appeal.stored_at,
        words=len("".join(one.appeal.text.split())),
        names_object=bool(detail.get("party")) or place in _POINTED,
        names_place=place != Precision.NONE or bool(one.appeal.address),
        names_facts=one.kind is not None,
        files=one.files,
    )
