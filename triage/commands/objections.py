"""`jiesu tables objections`: the catalogue rows that lose objections in a month."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import click

from models.filters import all_seeing
from triage.services import objections
from triage.wiring import build

if TYPE_CHECKING:
    from triage.services.objections import Report
    from triage.settings import Settings


def show(settings: Settings, month: str | None, *, as_json: bool) -> None:
    """Print the report. Raises BadInput."""

    async def read() -> Report:
        deps = build(settings)
        try:
            asked = month or objections.month_of(deps.clock.now())
            async with deps.db.reads() as session:
                return await objections.report(session, deps.tables, all_seeing("local"), asked)
        finally:
            await deps.close()

    found = asyncio.run(read())
    if as_json:
        click.echo(json.dumps(_plain(found), ensure_ascii=False))
        return
    ruled = f"成立 {found.lost}，不成立 {found.won}，待审 {found.waiting}"
    click.echo(f"{found.month}：退单 {found.raised} 次，{ruled}")
    for row in found.rows:
        ruled = f"成立 {row.lost}，不成立 {row.won}"
        share = "尚未审定" if row.share is None else f"{ruled}（成立 {row.share:.0%}）"
        proposed = "、".join(f"{name} {count}" for name, count in row.proposed)
        click.echo(f"{row.row} {row.title}：退单 {row.raised}，{share}；建议改派 {proposed}")


def _plain(found: Report) -> dict[str, Any]:
    return {
        "month": found.month,
        "raised": found.raised,
        "lost": found.lost,
        "won": found.won,
        "waiting": found.waiting,
        "longest_ruling_s": found.longest_ruling.total_seconds() if found.longest_ruling else None,
        "rows": [
            {
                "row": row.row, "title": row.title, "raised": row.raised, "lost": row.lost, "won": row.won,
                "waiting": row.waiting, "proposed": [{"unit": n, "count": c} for n, c in row.proposed],
            }
            for row in found.rows
        ],
    }  # fmt: skip
