"""`jiesu month close`, `show`, `export`: publish a month's three rates, read them, write them to Excel."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from connectors.office_xlsx import workbook
from triage.clock import show as when
from triage.errors import BadInput
from triage.rules.rate_rows import Rate
from triage.rules.rates import By, drill, percent, shown
from triage.services import months
from triage.services.month_sheets import name_of, sheets
from triage.wiring import build

if TYPE_CHECKING:
    from triage.rules.rates import Line
    from triage.rules.rows import Tables
    from triage.services.months import Closing, Published
    from triage.settings import Settings


def close(settings: Settings, month: str, *, reason: str | None) -> None:
    """Publish and say what was published. Raises BadInput."""

    async def work() -> tuple[Closing, Tables]:
        deps = build(settings)
        try:
            return await months.close(deps, month, reason=reason), deps.tables
        finally:
            await deps.close()

    closing, tables = asyncio.run(work())
    published = closing.published
    told = "已发布" if closing.new else "数字没有变化，仍是"
    click.echo(f"{month} {told}第 {published.version} 版，校验码 {published.sha256}")
    _print(published, tables, By.ALL)


def show(
    settings: Settings, month: str, *, version: int | None, by: str, key: str | None, rate: str | None
) -> None:
    """Print a published month by one dimension, or the tickets behind one percentage. Raises NotFound."""
    if rate is not None and key is None and By(by) is not By.ALL:
        raise BadInput("要看一个比率的工单，请用 --key 写明是哪一行")

    async def read() -> tuple[Published, list[str], Tables]:
        deps = build(settings)
        try:
            async with deps.db.reads() as session:
                published = await months.published(session, month, version)
                history = [
                    f"第 {number} 版 {when(at)} {sha[:16]} {why or '首次发布'}"
                    for number, at, why, sha in await months.versions(session, month)
                ]
            return published, history, deps.tables
        finally:
            await deps.close()

    published, history, tables = asyncio.run(read())
    click.echo(f"{month} 第 {published.version} 版，规则表版本 {published.figures.table_version}")
    for line in history:
        click.echo(f"  {line}")
    if rate is None:
        _print(published, tables, By(by), key)
        return
    found = drill(published.figures.verdicts, By(by), key or "", Rate(rate))
    for title, numbers in (("得满分", found.full), ("得部分分", found.part), ("不得分", found.none)):
        click.echo(f"{title} {len(numbers)} 件：{'、'.join(numbers)}")
    click.echo(f"不计入 {len(found.out)} 件：{'、'.join(f'{no}（{why}）' for no, why in found.out)}")


def export(settings: Settings, month: str, file: str, *, version: int | None) -> None:
    """Write a published month as an Excel workbook. Raises NotFound."""

    async def read() -> bytes:
        deps = build(settings)
        try:
            async with deps.db.reads() as session:
                published = await months.with_outs(session, month, version)
                earlier = await months.headline_before(session, month)
            return workbook(sheets(deps.tables, published, earlier, made_at=deps.clock.now()))
        finally:
            await deps.close()

    content = asyncio.run(read())
    path = Path(file)
    path.write_bytes(content)
    click.echo(f"已写入 {path}")


def _print(published: Published, tables: Tables, by: By, key: str | None = None) -> None:
    for line in published.figures.lines:
        if line.by is by and key in {None, line.key}:
            click.echo(_spelled(line, published, tables))


def _spelled(line: Line, published: Published, tables: Tables) -> str:
    rates = "，".join(
        f"{rate.label} {percent(t.share)}（{t.points / 100:g}/{t.tickets}，不计入 {t.out}）"
        for rate, t in line.tallies
    )
    score = shown(line.composite(published.figures.weights.weights))
    besides = f"，另有当场答复 {line.answered} 件" if line.answered else ""
    besides += f"，另有撤诉 {line.withdrawn} 件" if line.withdrawn else ""
    besides += f"，另有自建（未诉先办）{line.patrol} 件" if line.patrol else ""
    return f"{name_of(tables, line.by, line.key)}：考核 {line.assessed} 件，{rates}，综合分 {score}{besides}"
