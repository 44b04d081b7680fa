"""`jiesu ticket due`: what is overdue or due soon, by unit."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import click

from models.filters import all_seeing
from triage.clock import show
from triage.services.supervising import due_by_unit
from triage.wiring import build

if TYPE_CHECKING:
    from triage.services.supervising import UnitDue
    from triage.settings import Settings

#: Whoever sits at this machine.
_VIEWER: Final = all_seeing("local")


def due(settings: Settings, *, within: int) -> None:
    """Print a line a unit, and the sums."""

    async def read() -> list[UnitDue]:
        deps = build(settings)
        try:
            async with deps.db.reads() as session:
                return await due_by_unit(
                    session, _VIEWER, now=deps.clock.now(), within=timedelta(hours=within)
                )
        finally:
            await deps.close()

    rows = asyncio.run(read())
    for row in rows:
        click.echo(
            f"{row.name}：已超期 {row.overdue} 件，{within} 小时内到期 {row.soon} 件，最早 {show(row.oldest)}"
        )
    click.echo(
        f"共已超期 {sum(r.overdue for r in rows)} 件，{within} 小时内到期 {sum(r.soon for r in rows)} 件"
    )
