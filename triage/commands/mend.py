"""`jiesu ticket mend`: rows of an older version are brought to what their events say today."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from triage.services import mending
from triage.services.mending import Mended
from triage.wiring import build

if TYPE_CHECKING:
    from triage.settings import Settings


def mend(settings: Settings, *, commit: bool) -> None:
    """Go through all open and merged tickets; change them only with `commit`."""

    async def through() -> Mended:
        deps = build(settings)
        done = Mended()
        try:
            while True:
                async with deps.db.writes.begin() as session:
                    found = await mending.batch(
                        session, deps.tables, after=done.last, now=deps.clock.now(), commit=commit
                    )
                if found is None:
                    return done
                done += found
        finally:
            await deps.close()

    done = asyncio.run(through())
    click.echo(f"看过 {done.tickets} 张工单：时限要改 {done.dues} 张，要列入待回访 {done.callers} 张")
    click.echo("已经改好。" if commit else "只是预览，没有改动；加 --commit 再运行一次才会改。")
