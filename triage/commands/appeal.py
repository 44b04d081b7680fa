"""`jiesu appeal import FILE`, `jiesu appeal retry`."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import orjson
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from connectors import files
from connectors.file_rows import listed
from connectors.file_text import clean
from connectors.records import DEFAULT_LIMITS
from models.filters import all_seeing
from triage.commands import schema
from triage.errors import BadInput
from triage.services import importing, retrying
from triage.wiring import build

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from connectors.records import BadRow, RowRecord
    from triage.services.importing import ImportReport
    from triage.services.retrying import GivenUp
    from triage.settings import Settings

#: Hexadecimal digits that keep two long file names apart once they are shortened.
_MARK_DIGITS: Final = 8

#: Whoever has the terminal.
_OPERATOR: Final = all_seeing("terminal")
#: On screen; `--json` lists them all.
SHOWN_BAD_ROWS: Final = 50
SHOWN_NOTES: Final = 10
SHOWN_OLD: Final = 10


def import_file(
    settings: Settings,
    *,
    file: str,
    source: str | None,
    map_name: str | None,
    sheet: str | None,
    encoding: str | None,
    dry_run: bool,
    dispatch_old: bool,
    as_json: bool,
) -> int:
    """Import and report. Gives exit status 0, or 1 when some row was bad or too old.

    Raises BadInput, NotReady.
    """
    path = Path(file)
    named = None if source is None else _source_name(source)
    try:
        guess = None if map_name else files.guess_file_map(path, sheet=sheet, encoding=encoding)
        column_map = guess.column_map if guess else files.load_map(map_name or "")
        out = guess.left_out if guess else files.left_out(path, column_map, sheet=sheet, encoding=encoding)
        rows = files.read_file(path, column_map, sheet=sheet, encoding=encoding)
        report = asyncio.run(
            _import(
                settings,
                rows,
                file=path.name,
                source=named,
                fallback=_fallback_name(path),
                dry_run=dry_run,
                dispatch_old=dispatch_old,
            )
        )
    except files.FileRefused as refusal:
        raise BadInput(str(refusal)) from None
    if as_json:
        file_told = {
            "map": column_map.name,
            "map_reason": guess.reason if guess else None,
            "unused_columns": out.columns,
            "other_sheets": out.sheets,
        }
        click.echo(orjson.dumps(file_told | asdict(report)).decode())
    else:
        _print_file(guess, out)
        _print(report, dry_run=dry_run)
    return 1 if report.bad or report.old or report.broken else 0


def _print_file(guess: files.MapGuess | None, out: files.LeftOut) -> None:
    """How the file was understood, and what of it was not: a column that nobody read may be 是否匿名."""
    if guess:
        click.echo(guess.reason, err=True)
    if out.columns:
        click.echo(f"未使用的列（只随原文密封保存）：{listed(out.columns)}", err=True)
    if out.sheets:
        names = "、".join(f"“{name}”" for name in out.sheets)
        click.echo(f"另有工作表{names}未导入；要导入请用 --sheet 指定", err=True)


def _source_name(given: str) -> str:
    """The source that was asked for. Raises BadInput when it is empty or too long to be stored."""
    name = clean(given)
    if not name:
        raise BadInput("来源名称（--source）是空的")
    if len(name) > DEFAULT_LIMITS.source_max:
        raise BadInput(f"来源名称（--source）有 {len(name)} 个字符，超过上限 {DEFAULT_LIMITS.source_max}")
    return name


def _fallback_name(path: Path) -> str:
    """The file's name as a source; one that is too long gives its beginning and a mark of the whole."""
    name = clean(path.stem) or "文件"
    if len(name) <= DEFAULT_LIMITS.source_max:
        return name
    mark = hashlib.sha256(name.encode()).hexdigest()[:_MARK_DIGITS]
    return f"{name[: DEFAULT_LIMITS.source_max - _MARK_DIGITS - 1]}-{mark}"


async def _import(
    settings: Settings,
    rows: Iterator[RowRecord | BadRow],
    *,
    file: str,
    source: str | None,
    fallback: str,
    dry_run: bool,
    dispatch_old: bool,
) -> ImportReport:
    deps = build(settings)
    try:
        if not dry_run:
            await schema.check(deps.db)
        with Progress(
            SpinnerColumn(),
            TextColumn("导入"),
            MofNCompleteColumn(),
            TextColumn("入库 {task.fields[stored]}　重复 {task.fields[repeated]}　有误 {task.fields[bad]}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
        ) as progress:
            task = progress.add_task("", total=None, stored=0, repeated=0, bad=0)

            def show(report: ImportReport) -> None:
                progress.update(
                    task,
                    completed=report.rows,
                    stored=report.stored,
                    repeated=report.repeated,
                    bad=len(report.bad),
                )

            return await importing.import_rows(
                deps,
                rows,
                file=file,
                source=source,
                fallback_source=fallback,
                dry_run=dry_run,
                dispatch_old=dispatch_old,
                progress=show,
            )
    finally:
        await deps.close()


def _print(report: ImportReport, *, dry_run: bool) -> None:
    for bad in report.bad[:SHOWN_BAD_ROWS]:
        click.echo(bad.sentence(), err=True)
    if len(report.bad) > SHOWN_BAD_ROWS:
        click.echo(f"……还有 {len(report.bad) - SHOWN_BAD_ROWS} 行有误，用 --json 查看全部", err=True)
    for note in report.notes[:SHOWN_NOTES]:
        click.echo(f"提示 {note}", err=True)
    if len(report.notes) > SHOWN_NOTES:
        click.echo(f"……还有 {len(report.notes) - SHOWN_NOTES} 条提示，用 --json 查看全部", err=True)
    for other, count in report.held.items():
        click.echo(
            f"注意：{count} 行已在来源“{other}”登记过（编号和内容相同），没有重复登记；"
            "确是另一来源的，请用 --source 写明来源再导入",
            err=True,
        )
    for other, count in report.doubled.items():
        click.echo(f"注意：{count} 行与来源“{other}”的诉求编号和内容相同；来源已写明，仍分别登记", err=True)
    if report.broken:
        click.echo(f"{report.broken}。之前的行照常处理；修好后重新导入，不会重复登记。", err=True)
    if report.old:
        _print_old(report.old, dry_run=dry_run)
    old = f"，过久未入库 {len(report.old)}" if report.old else ""
    good = report.rows - len(report.bad) - len(report.old)
    if dry_run:
        click.echo(f"试读 {report.rows} 行：可入库 {good}，有误 {len(report.bad)}{old}。没有写入。")
    else:
        click.echo(
            f"读到 {report.rows} 行：新入库 {report.stored}，已有 {report.repeated}，"
            f"有误 {len(report.bad)}{old}。"
        )


def _print_old(lines: Sequence[int], *, dry_run: bool) -> None:
    """What was not taken in, and what would become of it: nobody can take back a dispatch that was told."""
    where = "、".join(map(str, lines[:SHOWN_OLD])) + ("……" if len(lines) > SHOWN_OLD else " ")
    what = "不会入库（已登记过的除外）" if dry_run else "没有入库"
    click.echo(
        f"注意：{len(lines)} 行（第 {where}行）的时间在 {importing.OLD.days} 天以前，{what}：入库的都按新来的"
        "诉求办理，会派单、计时、通知、督办，并计入三率。确要当新诉求办理的，加 --dispatch-old 再导入",
        err=True,
    )


def retry(settings: Settings, *, dry_run: bool) -> None:
    """List the appeals that were given up and, unless dry, put them back to be read."""

    async def work() -> list[GivenUp]:
        deps = build(settings)
        try:
            async with deps.db.writes.begin() as session:
                found = await retrying.given_up(session, _OPERATOR)
                if not dry_run:
                    await retrying.retry(session, _OPERATOR, now=deps.clock.now())
                return found
        finally:
            await deps.close()

    found = asyncio.run(work())
    for item in found:
        click.echo(f"诉求 {item.id}（原编号 {item.external_id or '无'}）：{item.reason or '原因未记录'}")
    if dry_run:
        click.echo(f"处理失败的诉求 {len(found)} 条。没有改动。")
    else:
        click.echo(f"已放回 {len(found)} 条，将重新处理。")
