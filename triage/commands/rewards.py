"""What `jiesu reward …` does."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from connectors.file_tables import read_table
from connectors.file_text import clean
from connectors.records import FileRefused
from triage.clock import local, show
from triage.commands.audit import run
from triage.errors import BadInput, NotFound
from triage.services.rewards import inspections

if TYPE_CHECKING:
    from connectors.records import BadRow
    from triage.services.deps import Deps
    from triage.services.rewards.inspections import Imported, ListView
    from triage.settings import Settings

#: Bad rows on screen.
_SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class Options:
    """How a file is to be read, and what its list is called."""

    name: str | None
    source: str
    sheet: str | None
    encoding: str | None
    dry_run: bool


def import_list(settings: Settings, file: str, options: Options) -> int:
    """Import and report. Gives exit status 0, or 1 when some row was bad. Raises BadInput, NotReady."""
    path = Path(file)
    name = clean(options.name or path.stem).strip()
    try:
        rows = read_table(path, inspections.COLUMNS, sheet=options.sheet, encoding=options.encoding)
    except FileRefused as refusal:
        raise BadInput(str(refusal)) from None

    async def work(deps: Deps) -> tuple[Imported, list[BadRow]]:
        now = deps.clock.now()
        good, bad = inspections.checked(
            deps.tables, path.name, rows, source=clean(options.source).strip(), today=local(now).date()
        )
        async with deps.db.writes() as session:
            made = await inspections.store(session, name, path.name, good, by=getpass.getuser(), now=now)
            await (session.rollback() if options.dry_run else session.commit())
        return made, sorted((*bad, *made.bad), key=lambda one: one.line)

    made, bad = run(settings, work)
    for one in bad[:_SHOWN]:
        click.echo(one.sentence(), err=True)
    if len(bad) > _SHOWN:
        click.echo(f"……还有 {len(bad) - _SHOWN} 行有误", err=True)
    told = f"新入 {made.stored}，已有 {made.repeated}，有误 {len(bad)}"
    end = "没有写入。" if options.dry_run else "尚未核验的候选在一小时内重新比对。"
    click.echo(f"清单“{name}”读到 {len(rows)} 行：{told}。{end}")
    return 1 if bad else 0


def listed(settings: Settings) -> None:
    """Print a line a list."""

    async def work(deps: Deps) -> list[ListView]:
        async with deps.db.reads() as session:
            return await inspections.lists(session)

    found = run(settings, work)
    for one in found:
        when = f"{one.added_by} {show(one.added_at)} 导入" if one.added_at else "导入时间没有登记"
        sources = "、".join(one.sources) or "没有写依据"
        click.echo(f"{one.name}：{one.lines} 行，{one.first} 至 {one.last}，依据 {sources}；{when}")
    if not found:
        click.echo("还没有清单：jiesu reward inspections import 文件")


def remove(settings: Settings, name: str, *, commit: bool) -> None:
    """Take a list away, or say what would go. Raises NotFound, NotReady."""

    async def work(deps: Deps) -> int:
        async with deps.db.writes.begin() as session:
            if commit:
                return await inspections.remove(session, name, by=getpass.getuser(), now=deps.clock.now())
            found = {one.name: one.lines for one in await inspections.lists(session)}
        if name not in found:
            raise NotFound(f"没有清单“{name}”。")
        return found[name]

    count = run(settings, work)
    click.echo(
        f"清单“{name}”有 {count} 行，" + ("已删除。" if commit else "没有删除；确要删除请加 --commit。")
    )
