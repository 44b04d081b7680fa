"""`jiesu topics find`: find topics now, of both levels, and print the largest."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import click

from models.vocab_topics import TopicLevel
from triage.services.topics import finding, listing
from triage.wiring import build

if TYPE_CHECKING:
    from triage.settings import Settings

_PRINTED: Final = 10


def find(settings: Settings, *, days: int | None, most: int | None) -> None:
    """Find and print."""

    async def work() -> None:
        deps = build(settings)
        try:
            for level in TopicLevel:
                found = await finding.find(deps, level, now=deps.clock.now(), days=days, most=most)
                async with deps.db.reads() as session:
                    run = await listing.last_run(session, level)
                    lines = await listing.lines(session, run) if run else []
                rest = f"，更早的 {found.left_out} 条没有读" if found.left_out else ""
                known = f"其中 {found.known} 个是上次就有的"
                click.echo(f"{level.label}：读了 {found.texts} 条{rest}，专题 {found.topics} 个，{known}")
                for line in lines[:_PRINTED]:
                    click.echo(f"  {line.topic.id}　{line.topic.title}　{line.state.size} 条")
        finally:
            await deps.close()

    asyncio.run(work())
