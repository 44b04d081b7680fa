"""链路追踪 beyond appeals: what a worker does with leads and bulk jobs goes on with what began them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from opentelemetry.sdk.trace import TracerProvider

import triage.tables
from connectors.fakes import MemoryQueue
from connectors.feeds.items import FeedItem
from connectors.vault import Vault
from models.bulk import BulkJob, BulkResult
from models.leads import Lead
from models.tickets import Ticket
from models.vocab import Move, Post
from models.vocab_bulk import BulkRow, BulkState
from models.vocab_sources import SourceKind
from tests.factories import NOW, TicketIn, add_tickets
from triage import tracing
from triage.clock import FixedClock
from triage.rules.moves import Actor
from triage.services.bulk import running as bulk
from triage.services.deps import Deps
from triage.services.leads import reading, taking
from triage.services.moving import Person
from triage.services.sources import editing, registry
from triage.services.sources.ports import FieldType, Outcome, SettingField, Task, Work
from triage.services.sources.running import Runner
from triage.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.db import Database

CLERK = Person(Actor(Post.HOTLINE, None, "hotline.a"), "热线甲")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def deps(db: Database) -> Deps:
    return Deps(Settings(), FixedClock(NOW), triage.tables.load(), db, Vault({1: bytes(32)}))


@pytest.fixture
def _traced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spans are made, and sent to nobody."""
    monkeypatch.setattr(tracing._Tracing, "tracer", TracerProvider().get_tracer("test"))


def news(*numbers: int) -> list[FeedItem]:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    texts = ("望京街道工地夜间施工噪声大", "通州区一处小河水体发黑发臭", "海淀区餐馆油烟直排居民楼")
    return [FeedItem(f"https://news.example/{n}", "新闻", texts[n], at) for n in numbers]


async def take(deps: Deps, *numbers: int) -> None:
    async with deps.db.writes.begin() as session:
        await taking.take(session, deps.tables, "daily", news(*numbers), now=NOW)


async def leads_handed(deps: Deps) -> MemoryQueue:
    queue = MemoryQueue()
    async with deps.db.writes.begin() as session:
        await reading.hand_out(session, queue, now=NOW + MINUTE, batch=50, again=MINUTE)
    return queue


async def bulk_handed(deps: Deps, *, name: str) -> MemoryQueue:
    """A draft of one ticket that is confirmed below the step `name`, then handed out."""
    await add_tickets(deps.db, TicketIn())
    async with deps.db.writes.begin() as session:
        job = BulkJob(
            move=Move.URGE.value, values={}, picked={}, post=Post.HOTLINE.value, login="hotline.a",
            name="热线甲", state=BulkState.DRAFT.value, total=1, made_at=NOW,
        )  # fmt: skip
        session.add(job)
        await session.flush()
        ticket_id = await session.scalar(sa.select(Ticket.id))
        row = {"job_id": job.id, "seq": 1, "ticket_id": ticket_id, "seen": 1, "state": BulkRow.WAITING.value}
        await session.execute(sa.insert(BulkResult), row)
    queue = MemoryQueue()
    with tracing.span(name):
        async with deps.db.writes.begin() as session:
            await bulk.start(session, job.id, CLERK, now=NOW)
    async with deps.db.writes.begin() as session:
        await bulk.hand_out(session, queue, now=NOW, resend=MINUTE)
    return queue


def trace_ids(carried: Sequence[str | None]) -> set[str]:
    return {str(one).split("-")[1] for one in carried}


@pytest.mark.usefixtures("_traced")
async def test_leads_go_on_with_the_trace_that_took_them_in(deps: Deps) -> None:
    with tracing.span("source pull"):
        began = tracing.trace_id()
        await take(deps, 0, 1)
    queue = await leads_handed(deps)
    assert trace_ids([*queue.traces.values()]) == {began}


@pytest.mark.usefixtures("_traced")
async def test_leads_of_several_traces_are_a_step_of_their_own(deps: Deps) -> None:
    began = []
    for number in (0, 1):
        with tracing.span("source pull"):
            began.append(tracing.trace_id())
            await take(deps, number)
    (carried,) = (await leads_handed(deps)).traces.values()
    assert carried is not None
    assert not trace_ids([carried]) & set(began)


@pytest.mark.usefixtures("_traced")
async def test_a_bulk_job_goes_on_with_the_request_that_confirmed_it(deps: Deps) -> None:
    queue = await bulk_handed(deps, name="POST /desk/bulk")
    async with deps.db.reads() as session:
        kept = await session.scalar(sa.select(BulkJob.trace))
    assert trace_ids([*queue.traces.values()]) == trace_ids([kept])


async def test_off_nothing_of_it_is_kept(deps: Deps) -> None:
    await take(deps, 2)
    queues = [await leads_handed(deps), await bulk_handed(deps, name="x")]
    assert [[*queue.traces.values()] for queue in queues] == [[None], [None]]
    async with deps.db.reads() as session:
        assert await session.scalar(sa.select(Lead.trace)) is None


class Pulls:
    """A source whose task notes the trace it runs in: what it takes in carries that."""

    fields = (SettingField("url", "地址", type=FieldType.URL, required=True),)

    def __init__(self) -> None:
        self.seen: list[str | None] = []
        self.tasks = (Task("pull", "拉取", self.pull, limit_seconds=5),)

    def check(self, settings: Any) -> None:  # noqa: ANN401
        del settings

    async def trial(self, work: Work) -> str:
        return work.source.key

    async def pull(self, work: Work) -> Outcome:
        del work
        self.seen.append(tracing.current())
        return Outcome(said="好", seen=0, stored=0, lag=timedelta(0))


@pytest.mark.usefixtures("_traced")
async def test_what_a_source_brings_begins_a_trace(deps: Deps, monkeypatch: pytest.MonkeyPatch) -> None:
    pulls, kind = Pulls(), SourceKind.FEED
    monkeypatch.setitem(registry.PULLERS, kind, pulls)
    given = editing.SourceIn("x", 60, {"url": "https://x.example"}, {})
    async with deps.db.writes.begin() as session:
        await editing.add(session, deps.vault, kind.value, "xx", given, by="t", now=NOW)
        await editing.switch(session, "xx", on=True, by="t", now=NOW)
    one = Runner(deps, pullers={kind: pulls}, name="one")
    assert await one.start_due() == 1
    await one.finish()
    (seen,) = pulls.seen
    assert seen is not None
