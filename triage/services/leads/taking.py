"""Store what feeds bring: each item once, near-same reports as repeats of the lead that is there.

One transaction a batch. Nothing is read here: a worker does that, asked by `handing`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from models.leads import Lead, LeadBand, LeadEvent, LeadItem
from models.vocab_leads import LeadAct, LeadState
from nlp.text import mask_identity
from triage.rules.calendar import beijing
from triage.rules.lead_rows import row_of
from triage.rules.nearness import bands, likeness, runs
from triage.services.leads.addresses import item_hash

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.feeds.items import FeedItem
    from triage.rules.lead_rows import LeadRow
    from triage.rules.rows import Tables

#: Leads that share a piece of the fingerprint and are looked at, newest first.
_CANDIDATES: Final = 20
#: One IN list takes this many.
_CHUNK: Final = 500


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a batch: new leads, repeats of others, items known already, items that say nothing."""

    leads: tuple[int, ...] = ()
    repeats: int = 0
    known: int = 0
    empty: int = 0


async def unknown(session: AsyncSession, source: str, items: Sequence[FeedItem]) -> list[FeedItem]:
    """The items that were never taken, each once: only these are worth fetching their pages."""
    hashes = {item_hash(source, item): item for item in reversed(items)}
    return [hashes[found] for found in await _unseen(session, list(hashes))][::-1]


async def _unseen(session: AsyncSession, hashes: Sequence[str]) -> list[str]:
    seen: set[str] = set()
    for start in range(0, len(hashes), _CHUNK):
        part = hashes[start : start + _CHUNK]
        seen.update(await session.scalars(sa.select(LeadItem.url_hash).where(LeadItem.url_hash.in_(part))))
    return [value for value in hashes if value not in seen]


async def take(
    session: AsyncSession, tables: Tables, source: str, items: Sequence[FeedItem], *, now: datetime
) -> Taken:
    """Store the items of a source, in the caller's transaction. Items of any number of calls count once."""
    row = row_of(tables.leads, beijing(now).date())
    leads: list[int] = []
    repeats = known = empty = 0
    # In one order, whoever takes them: two processes with the same items never wait for each other crosswise.
    for item in sorted(items, key=lambda one: item_hash(source, one)):
        title, text = mask_identity(item.title), mask_identity(item.text)
        if not any(character.isalnum() for character in title + text):
            empty += 1
            continue
        digest = item_hash(source, item)
        # Whoever stores the item's row decides what it is: another process that has the same gives way.
        if not await _claim(session, digest, source, now=now):
            known += 1
            continue
        exposed = min(item.published, now) if item.published else now
        like = await _like(session, row, f"{title}\n{text}", now=now)
        if like is None:
            said = _Said(source, item, digest, title, text, exposed)
            lead_id = await _store(session, said, now=now)
            leads.append(lead_id)
        else:
            repeats += 1
            lead_id = like
            await _repeat(session, lead_id, source, item, exposed, now=now)
        await session.execute(sa.update(LeadItem).where(LeadItem.url_hash == digest).values(lead_id=lead_id))
    return Taken(tuple(leads), repeats, known, empty)


async def _claim(session: AsyncSession, digest: str, source: str, *, now: datetime) -> bool:
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    made = await session.execute(
        insert(LeadItem)
        .values(url_hash=digest, source=source, lead_id=None, seen_at=now)
        .on_conflict_do_nothing(index_elements=["url_hash"])
        .returning(LeadItem.url_hash)
    )
    return made.one_or_none() is not None


async def _like(session: AsyncSession, row: LeadRow, words: str, *, now: datetime) -> int | None:
    """The lead that says nearly the same, when there is one."""
    mine = runs(words)
    if len(mine) < row.shortest:
        return None
    shared = (
        sa.select(LeadBand.lead_id)
        .where(LeadBand.value.in_(bands(mine)))
        .group_by(LeadBand.lead_id)
        .subquery()
    )
    rows = await session.execute(
        sa.select(Lead.id, Lead.title, Lead.text)
        .where(Lead.id.in_(sa.select(shared.c.lead_id)), Lead.seen_at >= now - timedelta(days=row.same_days))
        .order_by(Lead.id.desc())
        .limit(_CANDIDATES)
    )
    found = [(likeness(mine, runs(f"{title or ''}\n{text}")), lead_id) for lead_id, title, text in rows]
    best = max(found, default=None)
    return best[1] if best is not None and best[0] * 100 >= row.same_percent else None


@dataclass(frozen=True, slots=True)
class _Said:
    """An item as it is stored."""

    source: str
    item: FeedItem
    digest: str
    title: str
    text: str
    exposed: datetime


async def _store(session: AsyncSession, said: _Said, *, now: datetime) -> int:
    item = said.item
    values: dict[str, Any] = {
        "version": 1, "source": said.source, "url": item.url, "url_hash": said.digest,
        "title": said.title or None, "text": said.text, "published_at": item.published, "seen_at": now,
        "exposed_at": said.exposed,
        "state": LeadState.UNREAD.value, "repeats": 0, "attempts": 0, "hand_out_at": now,
    }  # fmt: skip
    lead_id = (await session.execute(sa.insert(Lead).returning(Lead.id), values)).scalar_one()
    pieces = bands(runs(f"{said.title}\n{said.text}"))
    if pieces:
        await session.execute(
            sa.insert(LeadBand), [{"value": value, "lead_id": lead_id} for value in dict.fromkeys(pieces)]
        )
    await tell(session, lead_id, LeadAct.TAKEN, at=now, data={"source": said.source})
    return lead_id


async def _repeat(
    session: AsyncSession, lead_id: int, source: str, item: FeedItem, exposed: datetime, *, now: datetime
) -> None:
    """One more report of a lead; who was first public decides the exposure."""
    earlier = sa.case(
        (Lead.exposed_at > exposed, sa.literal(exposed, Lead.exposed_at.type)), else_=Lead.exposed_at
    )
    await session.execute(
        sa.update(Lead)
        .where(Lead.id == lead_id)
        .values(repeats=Lead.repeats + 1, exposed_at=earlier)
        .execution_options(synchronize_session=False)
    )
    data = {"source": source, "url": item.url, "exposed_at": exposed.isoformat()}
    await tell(session, lead_id, LeadAct.REPEATED, at=now, data=data)


async def tell(
    session: AsyncSession,
    lead_id: int,
    act: LeadAct,
    *,
    at: datetime,
    data: dict[str, Any],
    by: str | None = None,
) -> int:
    """Write an event of a lead. Gives its number. The lead's row must be locked, or new, or just updated."""
    last = await session.scalar(sa.select(sa.func.max(LeadEvent.seq)).where(LeadEvent.lead_id == lead_id))
    seq = int(last or 0) + 1
    await session.execute(
        sa.insert(LeadEvent),
        {"lead_id": lead_id, "seq": seq, "at": at, "act": act.value, "by": by, "data": data},
    )
    return seq
