"""找专题: read the window's texts, group them, know old topics again, keep what they are.

Once a day by the timetable, or by command. Only environmental cases and waiting or confirmed leads; what was
sent in confidence is left out altogether.
Kinds and places are as people corrected them. The grouping runs outside any transaction and outside the loop;
what it gives is stored in one transaction.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models import corrected
from models.appeals import Appeal
from models.leads import Lead
from models.rollups import RollupTicket
from models.tickets import Ticket
from models.topics import Topic, TopicRun, TopicState, TopicText
from models.vocab import OPEN_STATES
from models.vocab_leads import LeadState
from models.vocab_topics import TextKind, TopicLevel
from nlp import topic_clusters
from triage import logs
from triage.clock import BEIJING, local
from triage.services import backlog
from triage.services.repeats.looking import pair_reader
from triage.services.topics.naming import Named, Shape, named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from nlp.repeat_grams import Rarity
    from triage.rules.rows import Tables
    from triage.services.deps import Deps

log = logs.get(__name__)

#: A topic is known again where this share of the smaller side is in both.
SAME_FROM: Final = 1 / 3
#: Fewer texts are no topic of a city's day.
LEAST: Final = {TopicLevel.LOCAL: 3, TopicLevel.CITY: 5}
#: Topics kept of a level.
MOST_TOPICS: Final = 300
#: The hour of the day (Beijing) from which the timetable looks.
HOUR: Final = time(3)
_OPEN: Final = frozenset(state.value for state in OPEN_STATES)
_READ_LEADS: Final = (LeadState.WAITING.value, LeadState.CONFIRMED.value, LeadState.MERGED.value)


@dataclass(frozen=True, slots=True)
class Read:
    """A text of the window."""

    what: TextKind
    ref: int
    title: str | None
    text: str
    at: datetime
    kind: str | None
    district: str | None
    street: str | None
    open: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What a run found."""

    run_id: int
    texts: int
    left_out: int
    topics: int
    known: int


class DailyFinder:
    """Finds topics once a day, at night, while intake is quiet. One per process."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def poke(self) -> bool:
        """Find today's topics when it is time and nobody did; never more at once."""
        deps, now = self._deps, self._deps.clock.now()
        if local(now).timetz().replace(tzinfo=None) < HOUR:
            return False
        midnight = datetime.combine(local(now).date(), time(), BEIJING)
        async with deps.db.reads() as session:
            done = set(await session.scalars(sa.select(TopicRun.level).where(TopicRun.at >= midnight)))
            if await backlog.is_long(session):
                return False
        # Each by itself: a process that was stopped between the two owes the second.
        for level in TopicLevel:
            if level.value not in done:
                looked = await _look(deps, level, now=now)
                async with deps.db.writes.begin() as session:
                    # Asked again: of two timetables that looked at once, the second would tell of no growth.
                    if not await _run_since(session, level, midnight):
                        await _store(session, deps.tables, looked, now=now)
        return False


async def find(
    deps: Deps, level: TopicLevel, *, now: datetime, days: int | None = None, most: int | None = None
) -> Found:
    """Find the topics of a level over the last days and keep them.

    Of more than `most` texts the newest are read: the run's `since` is then the moment of the oldest of them.
    """
    looked = await _look(deps, level, now=now, days=days, most=most)
    async with deps.db.writes.begin() as session:
        await _run_since(session, level, now)
        return await _store(session, deps.tables, looked, now=now)


@dataclass(frozen=True, slots=True)
class _Looked:
    """What a level's texts say, not yet kept."""

    level: TopicLevel
    since: datetime
    texts: list[Read]
    left_out: int
    shapes: list[Shape]
    version: str


async def _look(
    deps: Deps, level: TopicLevel, *, now: datetime, days: int | None = None, most: int | None = None
) -> _Looked:
    since = now - timedelta(days=days or deps.settings.topics_days)
    async with deps.db.reads() as session:
        limit = most or deps.settings.topics_most
        texts, left_out = await _texts(session, since=since, until=now, most=limit)
    if left_out:
        # Only as far back as was read: else all of it would be of the later half.
        since = texts[0].at
    halfway = since + (now - since) / 2
    reader = pair_reader(deps.settings)
    rarity, version = reader.rarity, reader.version
    shapes = await asyncio.to_thread(_shapes, rarity, texts, level, halfway)
    return _Looked(level, since, texts, left_out, shapes, version)


async def _run_since(session: AsyncSession, level: TopicLevel, since: datetime) -> bool:
    """Whether the level was looked through since then. Holds its last run: who stores waits for who does."""
    runs = sa.select(TopicRun.id).where(TopicRun.level == level.value)
    await session.execute(runs.order_by(TopicRun.id.desc()).limit(1).with_for_update())
    return await session.scalar(runs.where(TopicRun.at >= since).limit(1)) is not None


async def _store(session: AsyncSession, tables: Tables, looked: _Looked, *, now: datetime) -> Found:
    texts, shapes = looked.texts, looked.shapes
    run = TopicRun(
        level=looked.level.value, at=now, since=looked.since,
        tickets=sum(1 for text in texts if text.what is TextKind.TICKET),
        leads=sum(1 for text in texts if text.what is TextKind.LEAD),
        left_out=looked.left_out, topics=len(shapes),
        method=f"average-linkage {topic_clusters.EDGE}/{topic_clusters.AGREE} {looked.version}"[:80],
    )  # fmt: skip
    session.add(run)
    await session.flush()
    known = await _keep(session, tables, run, shapes, texts)
    log.info("topics_found", level=run.level, texts=len(texts), left_out=looked.left_out, topics=len(shapes))
    return Found(run.id, len(texts), looked.left_out, len(shapes), known)


async def _texts(
    session: AsyncSession, *, since: datetime, until: datetime, most: int
) -> tuple[list[Read], int]:
    """The newest `most` texts of the window, oldest first, and how many there are besides."""
    said = sa.and_(
        Ticket.received_at >= since, Ticket.received_at <= until, corrected.ENVIRONMENTAL,
        Appeal.confidential.is_(False),
    )  # fmt: skip
    tickets = await session.execute(
        sa.select(
            Ticket.id, Appeal.title, Appeal.text, Ticket.received_at, corrected.KIND.label("kind"),
            corrected.DISTRICT.label("district"), corrected.STREET.label("street"), Ticket.state,
        )
        .join(Appeal, Appeal.id == Ticket.appeal_id)
        .outerjoin(RollupTicket, corrected.beside())
        .where(said)
        .order_by(Ticket.received_at.desc(), Ticket.id.desc())
        .limit(most)
    )  # fmt: skip
    found = [
        Read(TextKind.TICKET, r.id, r.title, r.text, r.received_at, r.kind, r.district, r.street,
             r.state in _OPEN)
        for r in tickets
    ]  # fmt: skip
    # A confirmed lead is an appeal of its own: its ticket is there already.
    told = sa.and_(
        Lead.seen_at >= since, Lead.seen_at <= until, Lead.state.in_(_READ_LEADS), Lead.appeal_id.is_(None)
    )
    leads = await session.execute(
        sa.select(
            Lead.id, Lead.title, Lead.text, Lead.seen_at, Lead.kind, Lead.district_code, Lead.street_code
        )
        .where(told, Lead.environmental.is_(True))
        .order_by(Lead.seen_at.desc(), Lead.id.desc())
        .limit(most)
    )
    found += [
        Read(
            TextKind.LEAD,
            r.id,
            r.title,
            r.text,
            r.seen_at,
            r.kind,
            r.district_code,
            r.street_code,
            open=False,
        )
        for r in leads
    ]
    found.sort(key=lambda text: (text.at, text.what, text.ref))
    here = sa.select(sa.func.count()).select_from(Ticket).join(Appeal, Appeal.id == Ticket.appeal_id)
    here = here.outerjoin(RollupTicket, corrected.beside())
    every = (await session.scalar(here.where(said)) or 0) + (
        await session.scalar(sa.select(sa.func.count(Lead.id)).where(told, Lead.environmental.is_(True))) or 0
    )
    kept = found[-most:]
    return kept, max(0, every - len(kept))


def _shapes(rarity: Rarity, texts: Sequence[Read], level: TopicLevel, halfway: datetime) -> list[Shape]:
    """The groups of the texts with what is told of them."""
    told = [(text.title, text.text) for text in texts]
    given = topic_clusters.vectors(rarity, told, names=level is TopicLevel.LOCAL)
    groups = [g for g in topic_clusters.clusters(given) if len(g) >= LEAST[level]][:MOST_TOPICS]
    words = [topic_clusters.words_of(*pair) for pair in told]
    everything = Counter(word for one in words for word in one)
    return [
        Shape(
            members=tuple(group),
            middle=tuple(topic_clusters.middle(given, group)),
            later=sum(1 for at in group if texts[at].at >= halfway),
            words=tuple(
                word
                for word, _ in topic_clusters.significant([words[at] for at in group], everything, len(texts))
            ),
        )
        for group in groups
    ]


async def _keep(
    session: AsyncSession,
    tables: Tables,
    run: TopicRun,
    shapes: Sequence[Shape],
    texts: Sequence[Read],
) -> int:
    """Store the run's topics, known ones under their number. Gives how many were known."""
    level = TopicLevel(run.level)
    rows = await session.execute(
        sa.select(TopicText.kind, TopicText.ref, TopicText.topic_id).where(TopicText.level == level.value)
    )
    before = {(row.kind, row.ref): row.topic_id for row in rows}
    sizes = Counter(before.values())
    ids = _known_again(shapes, texts, before, sizes)
    await session.execute(sa.delete(TopicText).where(TopicText.level == level.value))
    for shape, old in zip(shapes, ids, strict=True):
        say = named(tables, level, shape, [texts[at] for at in shape.members], texts)
        topic = await session.get(Topic, old) if old is not None else None
        if topic is None:
            topic = Topic(level=level.value, title=say.title, first_run_id=run.id, last_run_id=run.id)
            session.add(topic)
            await session.flush()
        topic.title, topic.last_run_id = say.title, run.id
        session.add(_state(run.id, topic.id, say, shape))
        await session.flush()
        await session.execute(
            sa.insert(TopicText),
            [
                {
                    "level": level.value,
                    "kind": texts[at].what.value,
                    "ref": texts[at].ref,
                    "topic_id": topic.id,
                }
                for at in shape.members
            ],
        )
    return sum(1 for old in ids if old is not None)


def _state(run_id: int, topic_id: int, say: Named, shape: Shape) -> TopicState:
    return TopicState(
        run_id=run_id, topic_id=topic_id, size=len(shape.members), leads=say.leads, later=shape.later,
        open=say.open, kind=say.kind, words=list(shape.words[:12]), places=say.places, weeks=say.weeks,
        districts=say.districts, typical=say.typical,
    )  # fmt: skip


def _known_again(
    shapes: Sequence[Shape],
    texts: Sequence[Read],
    before: dict[tuple[str, int], int],
    sizes: Counter[int],
) -> list[int | None]:
    """Which old topic each group is: the pair that shares most first, each topic once."""
    shared: list[tuple[int, int, int]] = []
    for number, shape in enumerate(shapes):
        old = Counter(before.get((texts[at].what.value, texts[at].ref)) for at in shape.members)
        shared += [
            (count, -number, topic)
            for topic, count in old.items()
            if topic is not None and count >= SAME_FROM * min(sizes[topic], len(shape.members))
        ]
    found: list[int | None] = [None] * len(shapes)
    taken: set[int] = set()
    for _, minus, topic in sorted(shared, reverse=True):
        if found[-minus] is None and topic not in taken:
            found[-minus] = topic
            taken.add(topic)
    return found
