"""收拢被反映对象: for each new ticket the spelling of who it names, and likely other spellings of the same.

Run by the timetable, bounded, and not while intake is busy: a batch of tickets nobody looked at yet, one
transaction. What is cut off is looked at again; what is looked at twice changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.appeals import Reading
from models.parties import Party, PartyKey, PartyMention, PartyName, PartyPair
from models.sums import in_sums
from models.tickets import Ticket
from models.vocab_parties import PartyPairState
from nlp import party_names
from triage.services import backlog, storing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.services.deps import Deps

BATCH: Final = 200
#: How often, and how many tickets back, those that were missed are looked for.
GAPS_EVERY: Final = timedelta(minutes=10)
GAPS_BACK: Final = 20_000
#: Other spellings taken from each pair of characters, the newest first, and how many are weighed.
PER_KEY: Final = 30
WEIGHED: Final = 8
EVERYWHERE: Final = ""
UNKNOWN: Final = "?"
LONGEST_WRITTEN: Final = 120


@dataclass(frozen=True, slots=True)
class Named:
    """A ticket with what its reading says of the party."""

    ticket_id: int
    written: str | None
    district: str | None
    street: str | None
    received_at: datetime


class Gatherer:
    """Gathers batch by batch. One per process."""

    def __init__(self, deps: Deps) -> None:
        """Begin with what was missed while no process ran."""
        self._deps = deps
        self._gaps_at = deps.clock.now()

    async def catch_up(self) -> bool:
        """Look at tickets nobody looked at yet; whether there may be more."""
        now = self._deps.clock.now()
        gaps = now >= self._gaps_at
        async with self._deps.db.reads() as session:
            if await backlog.is_long(session):
                return False
            ids = await _unseen(session, gaps=gaps)
        if ids:
            async with self._deps.db.writes.begin() as session:
                await gather(session, ids, now=now)
        more = len(ids) == BATCH
        if gaps and not more:
            self._gaps_at = now + GAPS_EVERY
        return more


async def _unseen(session: AsyncSession, *, gaps: bool) -> list[int]:
    """Tickets not looked at yet, the oldest first: those after the last one; with `gaps` some before it."""
    newest = await session.scalar(sa.select(sa.func.max(PartyMention.ticket_id))) or 0
    found = sa.select(Ticket.id).order_by(Ticket.id).limit(BATCH)
    if gaps:
        seen = sa.exists().where(PartyMention.ticket_id == Ticket.id)
        found = found.where(Ticket.id > newest - GAPS_BACK, ~seen)
    else:
        found = found.where(Ticket.id > newest)
    return list(await session.scalars(found))


async def gather(session: AsyncSession, ids: Sequence[int], *, now: datetime) -> int:
    """Tie these tickets to their parties, in the caller's transaction. Gives how many name one."""
    if not ids:
        return 0
    rows = await session.execute(
        sa.select(
            Ticket.id, Ticket.district_code, Ticket.street_code, Ticket.received_at,
            # Who is named in confidence is named to those who handle it, not on a list.
            sa.case((in_sums(), Reading.detail["party"].as_string())).label("party"),
        )
        .outerjoin(Reading, Reading.id == Ticket.reading_id)
        .where(Ticket.id.in_(ids))
        .order_by(Ticket.id)
    )  # fmt: skip
    named = [Named(r.id, r.party, r.district_code, r.street_code, r.received_at) for r in rows]
    mentions: list[dict[str, object]] = []
    for item in named:
        found = party_names.party_name(item.written) if item.written else None
        name_id = await _name_id(session, found, item, now=now) if found else None
        mentions.append({
            "ticket_id": item.ticket_id, "name_id": name_id, "received_at": item.received_at
        })  # fmt: skip
    await storing.insert_new(session, PartyMention, mentions)
    return sum(1 for row in mentions if row["name_id"] is not None)


async def _name_id(session: AsyncSession, name: party_names.PartyName, item: Named, *, now: datetime) -> int:
    """The spelling's row: a registered name of the same form goes before one of the district."""
    form = name.form[:80]
    scope = EVERYWHERE if name.legal else item.district or UNKNOWN
    rows = await session.execute(
        sa.select(PartyName.id, PartyName.scope)
        .where(PartyName.form == form, PartyName.scope.in_([EVERYWHERE, scope]))
        .order_by(PartyName.scope)
    )
    known = rows.first()
    if known is not None:
        return int(known.id)
    written = name.written[:LONGEST_WRITTEN]
    party = Party(name=written, district_code=item.district, street_code=item.street, version=1, made_at=now)
    session.add(party)
    await session.flush()
    row = PartyName(
        party_id=party.id, form=form, scope=scope, written=written, street_code=item.street, made_at=now
    )
    session.add(row)
    await session.flush()
    await _propose(session, name, row, now=now)
    keys: list[dict[str, object]] = [{"key": key, "name_id": row.id} for key in party_names.keys_of(name)]
    await storing.insert_new(session, PartyKey, keys)
    return row.id


async def _propose(
    session: AsyncSession, name: party_names.PartyName, row: PartyName, *, now: datetime
) -> None:
    """Keep the earlier spellings that may be the same party: of this district, or registered ones."""
    parts = [
        sa.select(
            sa.select(PartyKey.name_id)
            .join(PartyName, PartyName.id == PartyKey.name_id)
            .where(PartyKey.key == key, PartyName.scope.in_([row.scope, EVERYWHERE]))
            .order_by(PartyKey.name_id.desc())
            .limit(PER_KEY)
            .subquery()
            .c.name_id
        )
        for key in party_names.keys_of(name)
    ]
    if not parts:
        return
    shared = sa.union_all(*parts).subquery()
    counted = (
        sa.select(shared.c.name_id, sa.func.count().label("keys"))
        .group_by(shared.c.name_id)
        .order_by(sa.desc("keys"), shared.c.name_id.desc())
        .limit(WEIGHED)
        .subquery()
    )
    others = await session.scalars(sa.select(PartyName).join(counted, counted.c.name_id == PartyName.id))
    pairs: list[dict[str, object]] = []
    for other in others:
        theirs = party_names.party_name(other.written)
        if theirs is None or other.id == row.id:
            continue
        both = row.street_code is not None and other.street_code is not None
        same_street = row.street_code == other.street_code if both else None
        score, why = party_names.likeness(theirs, name, same_street=same_street)
        if score >= party_names.LEAST_LIKE:
            pairs.append({
                "a_id": min(other.id, row.id), "b_id": max(other.id, row.id), "score": score,
                "why": list(why), "state": PartyPairState.PROPOSED.value, "by": None, "at": now,
            })  # fmt: skip
    await storing.insert_new(session, PartyPair, pairs)
