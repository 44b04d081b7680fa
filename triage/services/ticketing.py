"""Write what was decided: reading, ticket, units, events, search words; the appeal is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from models.appeals import Appeal, Reading
from models.files import Attachment
from models.outbox import Outbox
from models.search import lexemes
from models.tickets import Ticket, TicketEvent, TicketUnit
from models.vocab import AppealState, Role, Tag, Urgency
from models.vocab_files import FileOwner
from models.vocab_notices import NoticeTo
from triage.clock import local
from triage.services import move_rows
from triage.services.notices import telling

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.rules.rows import Tables
    from triage.services.deciding import Answered, Decided

#: Text beyond this is not indexed: one endless text must not bloat the index.
SEARCHED_CHARACTERS: Final = 4000

_TOLD_AS: Final = {
    Role.LEAD.value: NoticeTo.LEAD,
    Role.ASSIST.value: NoticeTo.ASSIST,
    Role.COPY.value: NoticeTo.COPY,
}


def ticket_no(appeal_id: int, opened_at: datetime) -> str:
    """工单编号: the Beijing date it was opened and the appeal's own number, so no counter is needed."""
    return f"{local(opened_at):%Y%m%d}-{appeal_id:08d}"


async def settle(session: AsyncSession, tables: Tables, decided: Sequence[Decided], *, now: datetime) -> int:
    """Store the tickets of those appeals that still wait. Gives how many were stored.

    Rows go in by the connection, one statement a table: what the session does for every row of its own costs
    more than the database does. RETURNING makes it one statement where nothing is asked back, too.
    """
    if not decided:
        return 0
    connection = await session.connection()
    waiting = await connection.execute(
        sa.select(Appeal.id, Appeal.confidential)
        .where(
            Appeal.id.in_([item.appeal_id for item in decided]),
            Appeal.state == AppealState.WAITING.value,
        )
        .order_by(Appeal.id)
        .with_for_update()
    )
    still: dict[int, bool] = {row.id: row.confidential for row in waiting}
    # What was said to be 保密 while it was read is not ended by an answer.
    mine = [
        (still[item.appeal_id] and item.in_confidence) or item for item in decided if item.appeal_id in still
    ]
    if not mine:
        return 0
    readings = await connection.execute(
        sa.insert(Reading).returning(Reading.appeal_id, Reading.id),
        [{**item.reading, "appeal_id": item.appeal_id, "created_at": now} for item in mine],
    )
    reading_ids: dict[int, int] = {row.appeal_id: row.id for row in readings}
    on_postgresql = connection.dialect.name == "postgresql"
    insert = sa.insert(Ticket)
    if on_postgresql:
        words = sa.bindparam("words", type_=postgresql.ARRAY(sa.Text))
        insert = insert.values(search=sa.func.array_to_tsvector(words))
    tickets = await connection.execute(
        insert.returning(Ticket.appeal_id, Ticket.id),
        [
            {
                **item.ticket,
                **({"words": _words(item)} if on_postgresql else {}),
                "appeal_id": item.appeal_id,
                "reading_id": reading_ids[item.appeal_id],
                "no": ticket_no(item.appeal_id, now),
                "version": 1,
                "opened_at": now,
                # The statement has the columns of its first row: every row names all that a move may set.
                "urges": 0,
                "asked": None,
                "lon": item.point[0] if item.point else None,
                "lat": item.point[1] if item.point else None,
                **(move_rows.columns(tables, item.answered.after) if item.answered else {}),
            }
            for item in mine
        ],
    )
    ids: dict[int, int] = {row.appeal_id: row.id for row in tickets}
    if not on_postgresql:
        await connection.execute(
            sa.text("INSERT INTO ticket_search(rowid, words) VALUES (:id, :words)"),
            [{"id": ids[item.appeal_id], "words": " ".join(_words(item))} for item in mine],
        )
    units = [{"ticket_id": ids[item.appeal_id], **unit} for item in mine for unit in item.units]
    if units:
        await connection.execute(sa.insert(TicketUnit).returning(TicketUnit.ticket_id), units)
    await connection.execute(
        sa.insert(TicketEvent).returning(TicketEvent.id),
        [row for item in mine for row in _events(item, ids, now)],
    )
    for item in mine:
        if item.answered is not None:
            await _made(session, item.appeal_id, ids[item.appeal_id], item.answered, now=now)
    await telling.tell(session, tables, [event for item in mine for event in _happened(item, now)], now=now)
    done = [item.appeal_id for item in mine]
    await connection.execute(
        sa.update(Appeal).where(Appeal.id.in_(done)).values(state=AppealState.DONE.value, claimed_until=None)
    )
    await connection.execute(sa.delete(Outbox).where(Outbox.key.in_(done)))
    return len(mine)


async def _made(
    session: AsyncSession, appeal_id: int, ticket_id: int, answered: Answered, *, now: datetime
) -> None:
    """What was made with the ticket, as events of whoever registered it; its evidence is the last one's."""
    staff_id = await move_rows.staff_of(session, answered.actor, answered.name, now=now)
    rows = [
        {
            "ticket_id": ticket_id, "seq": event.seq, "at": now, "tag": event.tag, "staff_id": staff_id,
            "data": dict(event.data),
        }
        for event in answered.events
    ]  # fmt: skip
    await session.execute(sa.insert(TicketEvent), rows)
    if answered.files:
        await session.execute(
            sa.update(Attachment)
            .where(Attachment.id.in_(answered.files), Attachment.appeal_id == appeal_id)
            .values(owner=FileOwner.EVENT.value, event_seq=answered.events[-1].seq)
        )


def _events(item: Decided, ids: dict[int, int], now: datetime) -> list[dict[str, Any]]:
    return [
        {
            "ticket_id": ids[item.appeal_id],
            "seq": seq,
            "at": at or now,
            "tag": tag.value,
            "staff_id": None,
            "data": data,
        }
        for seq, (tag, at, data) in enumerate(item.events, start=1)
    ]


def _happened(item: Decided, now: datetime) -> list[telling.Happened]:
    """The dispatch of a ticket, for those who are told of it."""
    parts: dict[NoticeTo, list[str]] = {}
    taken = item.answered.actor.unit if item.answered else None
    for unit in item.units:
        # Who found it on patrol has signed it already.
        if unit["unit_code"] != taken:
            parts.setdefault(_TOLD_AS[unit["role"]], []).append(unit["unit_code"])
    ticket = item.ticket
    return [
        telling.Happened(
            no=ticket_no(item.appeal_id, now),
            seq=seq,
            tag=tag,
            kind=ticket["kind"],
            district=ticket["district_code"],
            street=ticket["street_code"],
            urgency=Urgency(ticket["urgency"]),
            due=ticket["answer_by"],
            parts=parts,
        )
        for seq, (tag, _, _) in enumerate(item.events, start=1)
        if tag is Tag.DISPATCHED
    ]


def _words(item: Decided) -> list[str]:
    """What the ticket is found by: the bigrams of its text."""
    return lexemes(item.searched[:SEARCHED_CHARACTERS])
