"""`jiesu tables check`, `jiesu tables diff`: are the tables sound, and what would new ones do."""

from __future__ import annotations

import asyncio
from datetime import datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

import triage.tables
from triage.clock import BEIJING, SystemClock, local, show
from triage.errors import TableError
from triage.rules.lints import lint
from triage.rules.table_diff import row_changes
from triage.services import replaying
from triage.wiring import build

if TYPE_CHECKING:
    from datetime import date

    from triage.rules.rows import Tables
    from triage.services.replaying import Ending, Replayed
    from triage.settings import Settings


#: The State Council tells the next year's days in November or so.
_SOON_DAYS: Final = 60


def check(settings: Settings, directory: str | None) -> int:
    """List every problem and warning of the rule tables. Gives 0 when there is no problem, else 1."""
    where = Path(directory) if directory else settings.tables_dir
    problems = triage.tables.check(where)
    for problem in problems:
        click.echo(str(problem))
    if problems:
        click.echo(f"规则表有 {len(problems)} 处问题")
        return 1
    tables = triage.tables.load(where)
    warned = _warn(tables) + _warn_of_the_end(tables, local(SystemClock().now()).date())
    click.echo(f"规则表没有问题，版本 {tables.version}" + (f"；提醒 {warned} 处" if warned else ""))
    return 0


def _warn(tables: Tables) -> int:
    warnings = lint(tables)
    for warning in warnings:
        click.echo(f"提醒：{warning}")
    return len(warnings)


def _warn_of_the_end(tables: Tables, today: date) -> int:
    """A table of holidays that ends soon: limits in working days that end after it count natural ones."""
    left = tables.calendar.days_left(today)
    if left >= _SOON_DAYS:
        return 0
    click.echo(
        f"提醒：holidays.yaml：节假日表还有 {left} 天用完。按工作日算或遇假日顺延的时限，到期日在这以后的"
        "暂按自然日算，工单转人工，催办停着；突增也认不出下一年的节假日。放假安排公布后请补上下一年"
    )
    return 1


def diff(settings: Settings, directory: str, *, day: datetime | None) -> int:
    """Tell what the tables of `directory` would do. Gives 0; 1 when they are refused."""
    try:
        new = triage.tables.load(Path(directory))
    except TableError as refused:
        click.echo(refused.detail)
        return 1
    asyncio.run(_diff(settings, new, day=day))
    return 0


async def _diff(settings: Settings, new: Tables, *, day: datetime | None) -> None:
    deps = build(settings)
    try:
        now = deps.clock.now()
        old = deps.tables
        changes = row_changes(old, new)
        click.echo(f"现行 {old.version} → 新表 {new.version}：条目变动 {len(changes)} 处")
        for change in changes:
            click.echo(f"  {change}")
        _warn(new)
        at = datetime.combine(day.date(), time(), BEIJING) if day else replaying.moment(old, new, now)
        click.echo(f"按 {show(at)} 收到计算，只比较规则表带来的差别")
        async with deps.db.reads() as session:
            for found in await replaying.replay(session, replaying.Question(old, new, at), now=now):
                _tell(found)
            for ending in await replaying.endings(session, replaying.Question(old, new, at)):
                _tell_ending(ending)
    finally:
        await deps.close()


def _tell(found: Replayed) -> None:
    click.echo(
        f"{found.title} {found.tickets} 件：{found.changed} 件会有变化，"
        f"其中 {found.rerouted} 件按新表应由别的单位主办（已派的不会自动改派）"
    )
    for moved in found.most:
        kind = f"种类 {moved.kind}，" if moved.kind else ""
        rows = f"，依据 {'、'.join(sorted(moved.rows))}" if moved.rows else ""
        click.echo(
            f"  {moved.count} 件：{kind}{moved.effect.what} {moved.effect.old} → {moved.effect.new}"
            f"（如 {'、'.join(moved.sample)}{rows}）"
        )


def _tell_ending(ending: Ending) -> None:
    last = f"{ending.last} 止" if ending.last else "新表里没有"
    kept = ending.tickets - ending.movable
    click.echo(
        f"{ending.name}（{ending.code}，{last}）未结 {ending.tickets} 件（如 {'、'.join(ending.sample)}）："
        f"{ending.movable} 件热线坐席还能改派，{kept} 件要以它的名义办完，"
        "请给接手的人授予这个单位的角色"
    )
