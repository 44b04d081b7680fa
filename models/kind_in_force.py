"""种类: the kind of a ticket that is in force, for lists, filters, exports, months and everything else.

`ticket.kind` and `ticket.environmental` are it: as read, until a person puts it right (更正), and then as
`rules.trends.facts.as_corrected` folds what people said. What was read stays with the reading. The clocks and
the moves go on by the kind that the ticket was opened with: that stands in its events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.appeals import Reading
from models.corrections import Correction, said_of
from models.tickets import Ticket
from models.vocab import Corrected

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

#: What a correction is of that may change the kind.
NAMING = frozenset({Corrected.KIND.value, Corrected.ENVIRONMENTAL.value})


def as_read(reading: Reading) -> str | None:
    """The kind that was read; None: no environmental matter."""
    return reading.kind if reading.environmental else None


def put(ticket: Ticket, kind: str | None) -> None:
    """Give a ticket the kind that people say it is; None: no environmental matter."""
    ticket.kind, ticket.environmental = kind or None, bool(kind)


async def heal(session: AsyncSession, unclear: str, *, batch: int) -> int:
    """Give tickets the kind of their corrections where they have another one; `unclear` is 归属不清.

    Code of before 2026-11-28 keeps a correction and leaves the ticket as it is. At most `batch` of them, so
    that no desk waits for it: gives how many that were, 0 where all agree.
    """
    last = (
        sa.select(sa.func.max(Correction.id))
        .where(Correction.field.in_(sorted(NAMING)))
        .group_by(Correction.ticket_id)
    )
    read = sa.case((Reading.environmental, Reading.kind))
    kind = sa.case(
        (Correction.field == Corrected.KIND.value, Correction.new),
        # Who says that it is environmental means the kind that was named or read before.
        (Correction.new == "true", sa.func.coalesce(said_of(Corrected.KIND), read, unclear)),
    )
    wrong = (
        Ticket.id == Correction.ticket_id,
        Reading.id == Ticket.reading_id,
        Correction.id.in_(last),
        sa.or_(Ticket.kind.is_distinct_from(kind), Ticket.environmental != kind.is_not(None)),
    )
    # Locked before their kind is worked out: what a clerk says meanwhile is not written over.
    found = sa.select(Ticket.id).where(*wrong).order_by(Ticket.id).limit(batch)
    ids = list(await session.scalars(found.with_for_update(of=Ticket)))
    if ids:
        await session.execute(
            sa.update(Ticket)
            .where(Ticket.id.in_(ids), *wrong)
            .values(kind=kind, environmental=kind.is_not(None))
            .execution_options(synchronize_session=False)
        )
    return len(ids)
