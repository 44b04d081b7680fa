"""`jiesu report day|week|month|open`: draft a report and write its files; publish a month's open data."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from models.vocab_reports import ReportKind, ReportState
from triage.services.open_data import publishing
from triage.services.reporting import drafting, rendering, wording
from triage.services.reporting.periods import period_of
from triage.wiring import build

if TYPE_CHECKING:
    from models.reports import Report
    from triage.settings import Settings


def draft(settings: Settings, kind: str, name: str, *, out: str | None, new: bool = False) -> None:
    """Draft, print, and write the files; a signed edition as it is, unless `new`.

    Raises BadInput, NotReady.
    """
    period = period_of(ReportKind(kind), name)

    async def work() -> Report:
        deps = build(settings)
        try:
            async with deps.db.writes.begin() as session:
                signed = None if new else await drafting.signed(session, period)
                return signed or await drafting.draft(session, deps.tables, period, now=deps.clock.now())
        finally:
            await deps.close()

    report = asyncio.run(work())
    state = ReportState(report.state).label
    click.echo(f"{wording.title_of(period)}（{state}，第 {report.edition} 版）")
    click.echo(drafting.as_text(report.sections))
    if out is None:
        return
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    for form, (make, _) in rendering.FORMS.items():
        path = folder / f"report-{report.period}-{report.edition}.{form}"
        try:
            path.write_bytes(make(report))
        except rendering.NoPango as missing:
            click.echo(missing.detail, err=True)
        else:
            click.echo(f"已写入 {path}")


def publish(settings: Settings, month: str) -> None:
    """Publish a month. Raises BadInput, NotReady."""

    async def work() -> None:
        deps = build(settings)
        try:
            async with deps.db.writes.begin() as session:
                row = await publishing.publish(session, deps.tables, month, now=deps.clock.now())
            hidden = sum(1 for cell in row.cells if cell["count"] is None)
            click.echo(f"{month} 已公布：{len(row.cells)} 格，其中隐去 {hidden} 格，校验码 {row.sha256[:16]}")
        finally:
            await deps.close()

    asyncio.run(work())
