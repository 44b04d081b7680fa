"""`jiesu report …`: the way in; see `commands.report`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from triage.commands.prepared import with_settings

# Nothing that is slow to load: see triage.cli.
if TYPE_CHECKING:
    from triage.settings import Settings


@click.group("report")
def report_group() -> None:
    """报告：日报、周报、月报，由数据起草，由人审签。"""


def _run(settings: Settings, kind: str, period: str, out: str | None, *, new: bool) -> None:
    from triage.commands import report as module  # noqa: PLC0415

    module.draft(settings, kind, period, out=out, new=new)


_OUT = click.option("--out", type=click.Path(file_okay=False), help="把 Word、PDF、Excel 写到这个目录")


_NEW = click.option("--new", is_flag=True, help="已签发的也重新起草，另成一版；不写则取已签发的那一版")


@report_group.command("day")
@click.argument("day")
@_OUT
@_NEW
@with_settings
def report_day(settings: Settings, *, day: str, out: str | None, new: bool) -> None:
    """起草一天的日报，DAY 形如 2026-11-25；已签发的取那一版。"""
    _run(settings, "daily", day, out, new=new)


@report_group.command("week")
@click.argument("week")
@_OUT
@_NEW
@with_settings
def report_week(settings: Settings, *, week: str, out: str | None, new: bool) -> None:
    """起草一周的周报，WEEK 形如 2026-W47；已签发的取那一版。"""
    _run(settings, "weekly", week, out, new=new)


@report_group.command("month")
@click.argument("month")
@_OUT
@_NEW
@with_settings
def report_month(settings: Settings, *, month: str, out: str | None, new: bool) -> None:
    """起草一个月的月报，MONTH 形如 2026-10；已签发的取那一版。"""
    _run(settings, "monthly", month, out, new=new)


@report_group.command("open")
@click.argument("month")
@with_settings
def report_open(settings: Settings, *, month: str) -> None:
    """公布一个月的开放数据，MONTH 形如 2026-10；公布后不再改动。"""
    from triage.commands import report as module  # noqa: PLC0415

    module.publish(settings, month)
