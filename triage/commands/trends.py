"""`jiesu trends rebuild`, `notice`, `archive`, `cold`: sums and signals made anew, sums in files."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from models.vocab_trends import Axis
from triage.services.trends import archiving, looking_again, refreshing, tidying
from triage.wiring import build

if TYPE_CHECKING:
    from datetime import date

    from triage.settings import Settings

_SAY_EVERY = 100_000


def rebuild(settings: Settings) -> None:
    """Rebuild and say how many tickets were counted."""

    def told(count: int) -> None:
        if count % _SAY_EVERY == 0:
            click.echo(f"已汇总 {count} 件")

    async def work() -> list[str]:
        deps = build(settings)
        try:
            click.echo(f"汇总完成：{await refreshing.rebuild(deps, told=told)} 件诉求")
            return await tidying.tidy(deps.db)
        finally:
            await deps.close()

    if busy := asyncio.run(work()):
        click.echo(f"以下表正在使用，没有整理，请在空闲时执行 VACUUM FULL：{'、'.join(busy)}")


def archive(settings: Settings, folder: str, *, before: date) -> None:
    """Write the months and say what was written."""

    async def work() -> list[archiving.Archived]:
        deps = build(settings)
        try:
            return await archiving.archive(deps, Path(folder), before=before)
        finally:
            await deps.close()

    for done in asyncio.run(work()):
        click.echo(f"{done.month:%Y-%m}：{done.rows} 行，{done.demands} 件诉求，{done.file}")


def notice(settings: Settings, day: date) -> None:
    """Look through a day anew and say so."""

    async def work() -> bool:
        deps = build(settings)
        try:
            return await looking_again.again(deps, day)
        finally:
            await deps.close()

    click.echo(f"{day} 已重看" if asyncio.run(work()) else f"{day} 正由定时任务查看")


def cold(folder: str, first: date, last: date, by: str) -> None:
    """Print the figures of the files."""
    for code, found in archiving.told_by(Path(folder), first, last, Axis(by)).items():
        click.echo(f"{code or '未明'}：诉求 {found.demands}，工单 {found.cases}，已解决 {found.solved}")
