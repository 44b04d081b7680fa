"""A platform of the reference server over a real socket, and our side with a source that speaks to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

import triage.tables
from connectors.vault import Vault
from models.appeals import Appeal, Source
from models.hotline import HotlineOrder
from models.sources import SourceTask
from models.vocab_sources import SourceKind
from triage.services.deps import Deps
from triage.services.sources import editing
from triage.services.sources.editing import SourceIn
from triage.services.sources.running import Runner
from triage.settings import Settings

if TYPE_CHECKING:
    from connectors.hotline.reference.server import Platform
    from models.db import Database

KEY = "city"


@dataclass
class Ahead:
    """The machine's clock, which a test moves on: what is due later is due now."""

    by: timedelta = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.by


@dataclass
class Bed:
    """Both sides."""

    deps: Deps
    clock: Ahead
    platform: Platform
    url: str
    runner: Runner = field(init=False)

    def __post_init__(self) -> None:
        self.runner = Runner(self.deps, name="test")

    async def add_source(self, credentials: dict[str, str] | None = None, **settings: str) -> None:
        """The platform as a source, switched on."""
        given = SourceIn(
            "测试平台",
            60,
            {"url": self.url, "timeout": "2", "page_size": "10", **settings},
            credentials or {},
        )
        now = self.clock.now()
        async with self.deps.db.writes.begin() as session:
            kind = SourceKind.HOTLINE.value
            await editing.add(session, self.deps.vault, kind, KEY, given, by="t", now=now)
            await editing.switch(session, KEY, on=True, by="t", now=now)

    async def only(self, *tasks: str) -> None:
        """Let the other tasks rest."""
        far = self.clock.now() + timedelta(days=30)
        async with self.deps.db.writes.begin() as session:
            await session.execute(
                sa.update(SourceTask).where(SourceTask.task.not_in(tasks)).values(next_at=far)
            )

    async def run(self, rounds: int = 1) -> None:
        """Run what is due, then what became due by it, so many times."""
        for _ in range(rounds):
            await self.runner.start_due()
            await self.runner.finish()

    async def until_done(self, rounds: int = 200) -> None:
        """Run on, time passing between rounds, until nothing is behind and nothing fails."""
        for _ in range(rounds):
            await self.run()
            row = await self.task("pull")
            if row.failures == 0 and row.next_at > self.clock.now():
                return
            self.clock.by += max(row.next_at - self.clock.now(), timedelta(0))
        raise AssertionError(f"not done after {rounds} rounds: {(await self.task('pull')).error}")

    async def task(self, name: str) -> SourceTask:
        async with self.deps.db.reads() as session:
            query = sa.select(SourceTask).join(Source, Source.id == SourceTask.source_id)
            return (await session.scalars(query.where(SourceTask.task == name, Source.key == KEY))).one()

    async def numbers(self) -> list[str]:
        """The numbers of the appeals stored."""
        async with self.deps.db.reads() as session:
            return list(await session.scalars(sa.select(Appeal.external_id).order_by(Appeal.external_id)))

    async def order(self, number: str) -> HotlineOrder:
        async with self.deps.db.reads() as session:
            query = sa.select(HotlineOrder).where(HotlineOrder.order_no == number)
            return (await session.scalars(query)).one()

    def fault(self, **shares: float) -> None:
        """What goes wrong from now on."""
        self.platform.faults = self.platform.faults.change(shares)


def make_deps(db: Database, clock: Any, url: str) -> Deps:  # noqa: ANN401  (any clock)
    """What services work with."""
    settings = Settings(hotline_private_hosts=url.removeprefix("http://"))
    return Deps(settings, clock, triage.tables.load(), db, Vault({1: bytes(32)}))
