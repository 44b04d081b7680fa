"""Store what feeds bring: each item once, near-same reports as repeats of the lead that is there.

One transaction a batch. Nothing is read here: a worker does that, asked by `handing`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from models.db import ALL_TOGETHER, insert_of
from models.leads import Lead, LeadBand, LeadEvent, LeadItem, MediaExposure
from models.vocab_leads import DropReason, LeadAct, LeadState
from nlp.text import mask_identity
from triage import tracing
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
_CANDIDATES: Final = 200
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
    """The items that were never taken, each once: only these are worth fetching their pages.

    Those without a word come last: what says nothing is not stored, and must not stand before the others.
    """
    hashes = {item_hash(source, item): item for item in reversed(items)}
    new = [hashes[found] for found in await _unseen(session, list(hashes))][::-1]
    # Taken while a relative address counted as none.
    before = {item_hash(source, item.unlinked): item for item in new if item.relative}
    gone = before.keys() - set(await _unseen(session, list(before)))
    new = [item for item in new if item_hash(source, item.unlinked) not in gone]
    return sorted(new, key=lambda item: not _speaks(item.title + item.text))


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
    said = [_said(source, item, now) for item in items]
    spoken = {one.digest: one for one in reversed(said) if one.spoken}
    # In one order, whoever takes them: two processes with the same items never wait for each other crosswise.
    mine = [spoken[digest] for digest in await _claim(session, sorted(spoken), source, now=now)]
    fresh, repeats = await _sort(session, row, mine, now=now)
    ids = await _store(session, fresh, now=now)
    found = [(lead if isinstance(lead, int) else ids[lead.digest], one) for one, lead in repeats]
    # By number, as whoever decides on leads locks them: the two never wait in a circle.
    for lead_id, one in sorted(found, key=lambda pair: pair[0]):
        await _repeat(session, lead_id, one, now=now, back=timedelta(days=row.oldest_days))
    empty = sum(not one.spoken for one in said)
    return Taken(tuple(ids.values()), len(repeats), len(said) - empty - len(mine), empty)


@dataclass(frozen=True, slots=True)
class _Said:
    """An item as it is stored."""

    source: str
    url: str | None
    digest: str
    title: str
    text: str
    published: datetime | None
    exposed: datetime
    runs: frozenset[int]

    @property
    def spoken(self) -> bool:
        """Whether it says anything."""
        return _speaks(self.title + self.text)


def _speaks(text: str) -> bool:
    return any(character.isalnum() for character in text)


def _said(source: str, item: FeedItem, now: datetime) -> _Said:
    title, text = mask_identity(item.title), mask_identity(item.text)
    exposed = min(item.published, now) if item.published else now
    words = runs(f"{title}\n{text}")
    return _Said(source, item.url, item_hash(source, item), title, text, item.published, exposed, words)


async def _claim(session: AsyncSession, digests: Sequence[str], source: str, *, now: datetime) -> list[str]:
    """Those that nobody has taken. Whoever stores an item's row decides what it is; others give way."""
    if not digests:
        return []
    made = await session.execute(
        insert_of(session, LeadItem)
        .on_conflict_do_nothing(index_elements=["url_hash"])
        .returning(LeadItem.url_hash),
        [{"url_hash": digest, "source": source, "lead_id": None, "seen_at": now} for digest in digests],
        execution_options=ALL_TOGETHER,
    )
    return sorted(row.url_hash for row in made)


async def _sort(
    session: AsyncSession, row: LeadRow, mine: Sequence[_Said], *, now: datetime
) -> tuple[list[_Said], list[tuple[_Said, int | _Said]]]:
    """What is new, and what says nearly the same as a lead that is there, or as a new one of the batch."""
    oldest = now - timedelta(days=row.oldest_days)
    known = await _candidates(session, row, mine, now=now, oldest=oldest)
    fresh: list[_Said] = []
    repeats: list[tuple[_Said, int | _Said]] = []
    for one in mine:
        others = [*known, *(_Other(new.runs, new, old=new.exposed < oldest) for new in fresh)]
        # What is screened out for its date, a wrong one perhaps, takes nothing of today with it.
        alike = [
            (likeness(one.runs, other.runs), other.lead)
            for other in others
            if not other.old or one.exposed < oldest
        ]
        share, best = max(alike, key=lambda pair: pair[0], default=(0.0, None))
        if best is None or len(one.runs) < row.shortest or share * 100 < row.same_percent:
            fresh.append(one)
        else:
            repeats.append((one, best))
    return fresh, repeats


@dataclass(frozen=True, slots=True)
class _Other:
    """What an item may be a repeat of: a lead, or a new one of the batch. `old`: nobody is shown it."""

    runs: frozenset[int]
    lead: int | _Said
    old: bool


async def _candidates(
    session: AsyncSession, row: LeadRow, mine: Sequence[_Said], *, now: datetime, oldest: datetime
) -> list[_Other]:
    """The leads of late that share a piece of a fingerprint with one of these, newest first."""
    pieces = {value for one in mine for value in bands(one.runs)}
    if not pieces:
        return []
    screened = sa.and_(
        # By nobody: what an analyst dropped as old was looked at.
        Lead.state == LeadState.DROPPED.value,
        Lead.screened == DropReason.OLD.value,
        Lead.decided_by.is_(None),
    )
    # By its own date, as it will be screened: not by that of a repeat.
    dated = sa.func.coalesce(Lead.published_at, Lead.seen_at)
    will_be = sa.and_(Lead.state == LeadState.UNREAD.value, dated < oldest)
    rows = await session.execute(
        sa.select(Lead.id, Lead.title, Lead.text, sa.or_(screened, will_be).label("old"))
        .where(
            Lead.id.in_(sa.select(LeadBand.lead_id).where(LeadBand.value.in_(pieces))),
            Lead.seen_at >= now - timedelta(days=row.same_days),
        )
        .order_by(Lead.id.desc())
        .limit(_CANDIDATES)
    )
    return [_Other(runs(f"{title or ''}\n{text}"), lead_id, bool(old)) for lead_id, title, text, old in rows]


async def _store(session: AsyncSession, fresh: Sequence[_Said], *, now: datetime) -> dict[str, int]:
    """New leads with their fingerprints and first events. Gives their ids by the hash of their address."""
    if not fresh:
        return {}
    trace = tracing.current()
    made = await session.execute(
        sa.insert(Lead).returning(Lead.url_hash, Lead.id),
        [
            {
                "version": 1, "source": one.source, "url": one.url, "url_hash": one.digest,
                "title": one.title or None, "text": one.text, "published_at": one.published, "seen_at": now,
                "exposed_at": one.exposed, "state": LeadState.UNREAD.value, "repeats": 0, "attempts": 0,
                "hand_out_at": now, "trace": trace,
            }
            for one in fresh
        ],
        execution_options=ALL_TOGETHER,
    )  # fmt: skip
    ids: dict[str, int] = {row.url_hash: row.id for row in made}
    pieces = [
        {"value": value, "lead_id": ids[one.digest]}
        for one in fresh
        for value in dict.fromkeys(bands(one.runs))
    ]
    if pieces:
        await session.execute(sa.insert(LeadBand), pieces)
    await session.execute(
        sa.insert(LeadEvent),
        [
            {
                "lead_id": ids[one.digest], "seq": 1, "at": now, "act": LeadAct.TAKEN.value, "by": None,
                "data": {"source": one.source},
            }
            for one in fresh
        ],
    )  # fmt: skip
    lead_id = sa.select(Lead.id).where(Lead.url_hash == LeadItem.url_hash).scalar_subquery()
    await session.execute(
        sa.update(LeadItem)
        .where(LeadItem.url_hash.in_(list(ids)))
        .values(lead_id=lead_id)
        .execution_options(synchronize_session=False)
    )
    return ids


async def _repeat(session: AsyncSession, lead_id: int, one: _Said, *, now: datetime, back: timedelta) -> None:
    """One more report of a lead; who was first public decides the exposure.

    Not by more than `back`: a feed's wrong date would take a reward away. The event keeps what was said.
    """
    moment = sa.literal(one.exposed, Lead.exposed_at.type)
    latest = one.exposed + back
    await session.execute(
        sa.update(Lead)
        .where(Lead.id == lead_id)
        .values(
            repeats=Lead.repeats + 1,
            exposed_at=sa.case(
                (sa.and_(Lead.exposed_at > moment, Lead.exposed_at <= latest), moment),
                else_=Lead.exposed_at,
            ),
        )
        .execution_options(synchronize_session=False)
    )
    # The case that the lead became, or was merged into, was public as early.
    await session.execute(
        sa.update(MediaExposure)
        .where(
            MediaExposure.lead_id == lead_id,
            MediaExposure.exposed_at > moment,
            MediaExposure.exposed_at <= latest,
        )
        .values(exposed_at=moment)
        .execution_options(synchronize_session=False)
    )
    await session.execute(
        sa.update(LeadItem)
        .where(LeadItem.url_hash == one.digest)
        .values(lead_id=lead_id)
        .execution_options(synchronize_session=False)
    )
    data = {"source": one.source, "url": one.url, "exposed_at": one.exposed.isoformat()}
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
