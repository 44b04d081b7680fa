"""`jiesu nlp drift`: the daily figures of drift, for people and for programs."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import click
import orjson
from rich.console import Console
from rich.table import Table

from models import drifting
from models.vocab_drift import DriftFigure, DriftLevel
from triage.clock import local
from triage.commands import schema
from triage.wiring import build

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.drifting import DriftFigureRow
    from triage.settings import Settings


def show(settings: Settings, *, days: int, as_json: bool) -> None:
    """Print the figures of the last days. Raises NotReady."""

    async def read() -> Sequence[DriftFigureRow]:
        deps = build(settings)
        try:
            await schema.check(deps.db)
            since = local(deps.clock.now()).date() - timedelta(days=days)
            async with deps.db.reads() as session:
                return await drifting.latest(session, since=since)
        finally:
            await deps.close()

    rows = asyncio.run(read())
    if as_json:
        click.echo(
            orjson.dumps(
                [
                    {
                        "day": row.day,
                        "figure": row.figure,
                        "psi": row.psi,
                        "chance": row.chance,
                        "level": row.level,
                        "texts": row.texts,
                        "texts_before": row.texts_before,
                        "row": row.row_id,
                        "model_versions": row.model_versions,
                    }
                    for row in rows
                ]
            ).decode()
        )
        return
    if not rows:
        click.echo(f"最近 {days} 天没有漂移数据：jiesu timetable 每天测一次前一天")
        return
    table = Table(title="识别漂移：当天与之前 28 天相比")
    for name in ("日期", "看什么", "PSI", "偶然的可能", "当天条数", "之前条数", "结论"):
        table.add_column(name, no_wrap=name != "看什么")
    for row in rows:
        table.add_row(
            row.day.isoformat(),
            DriftFigure(row.figure).label,
            f"{row.psi:.3f}",
            f"{row.chance:.3f}",
            str(row.texts),
            str(row.texts_before),
            DriftLevel(row.level).label,
        )
    Console().print(table)
