"""`jiesu trends rebuild`: make the sums anew."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from triage.services.trends import refreshing
from triage.wiring import build

if TYPE_CHECKING:
    from triage.settings import Settings

_SAY_EVERY = 100_000


def rebuild(settings: Settings) -> None:
    """Rebuild and say how many tickets were counted."""

    def told(count: int) -> None:
        if count % _SAY_EVERY == 0:
            click.echo(f"已汇总 {count} 件")

    async def work() -> int:
        deps = build(settings)
        try:
            return await refreshing.rebuild(deps, told=told)
        finally:
            await deps.close()

    click.echo(f"汇总完成：{asyncio.run(work())} 件诉求")
