"""From stored events and corrections to facts: what each ticket adds to the sums. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from models.appeals import Appeal
from models.appeals import Reading as ReadingRow
from models.corrections import Correction
from models.sums import in_demands
from models.tickets import Ticket
from models.vocab import Corrected, State
from triage.clock import local
from triage.rules.replay import replay
from triage.rules.trends.facts import Fact, Reading, fact_of, state_told
from triage.services import standings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True)
class Counted:
    """A ticket's fact, and how far its events and corrections were read for it."""

    fact: Fact
    seq: int
    correction_id: int


async def facts(session: AsyncSession, ids: Sequence[int]) -> dict[int, Counted]:
    """The facts of those that take part in sums, by id, from what is append-only and the reading."""
    if not ids:
        return {}
    events = await standings.events_of(session, ids)
    corrections = await _corrections(session, ids)
    found: dict[int, Counted] = {}
    for row in await session.execute(_tickets(ids)):
        mine = events.get(row.id, [])
        # Tickets opened before events told how stand as their row says, until their first move tells it.
        standing = replay(mine)
        said = corrections.get(row.id, [])
        known = row.model_version is not None
        point = (row.lon, row.lat) if known and row.lon is not None and row.lat is not None else None
        reading = Reading(
            # The kind in force: the corrections that made it one lead to it again.
            kind=row.kind if row.environmental else None,
            district=row.read_district if known else row.district_code,
            street=row.read_street if known else row.street_code,
            community=row.community_code if known and row.community_code else None,
            point=point,
            precision=row.place_precision or "",
            model=row.model_version or "",
            confidence=row.kind_confidence or 0.0,
            review=bool(row.review),
            mood=row.mood,
            angry=bool(row.angry),
        )
        fact = fact_of(
            reading,
            local(row.received_at),
            row.channel,
            corrections=[(item.field, item.new) for item in said],
            community=next(
                (item.community for item in reversed(said) if item.field == Corrected.PLACE), None
            ),
            state=state_told(standing.state if standing else State(row.state), mine),
            follow_ups=standing.follow_ups if standing else (),
            at_once=standing is not None and standing.answered_now,
            withdrawn=standing is not None and standing.withdrawn is not None,
        )
        found[row.id] = Counted(fact, mine[-1].seq if mine else 0, said[-1].id if said else 0)
    return found


def _tickets(ids: Sequence[int]) -> sa.Select[*tuple[Any, ...]]:
    return (
        sa.select(
            Ticket.id, Ticket.kind, Ticket.environmental, Ticket.district_code, Ticket.street_code,
            # The ticket's own place is the one in force: what a correction went away from is the reading's.
            ReadingRow.district_code.label("read_district"), ReadingRow.street_code.label("read_street"),
            Ticket.state, Ticket.received_at, Appeal.channel, ReadingRow.community_code, ReadingRow.lon,
            ReadingRow.lat, ReadingRow.place_precision, ReadingRow.model_version, ReadingRow.kind_confidence,
            ReadingRow.review, ReadingRow.mood, ReadingRow.angry,
        )
        .join(Appeal, Appeal.id == Ticket.appeal_id)
        .outerjoin(ReadingRow, ReadingRow.id == Ticket.reading_id)
        .where(Ticket.id.in_(ids), in_demands())
    )  # fmt: skip


async def _corrections(
    session: AsyncSession, ids: Sequence[int]
) -> dict[int, list[sa.Row[int, int, str, str, str | None]]]:
    found: dict[int, list[sa.Row[int, int, str, str, str | None]]] = {}
    rows = await session.execute(
        sa.select(Correction.ticket_id, Correction.id, Correction.field, Correction.new, Correction.community)
        .where(Correction.ticket_id.in_(ids))
        .order_by(Correction.ticket_id, Correction.id)
    )
    for row in rows:
        found.setdefault(row.ticket_id, []).append(row)
    return found
