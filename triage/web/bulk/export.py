"""The results of a bulk job as CSV and Excel."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from aiohttp import web

from connectors import office_csv
from connectors.office_xlsx import Column, Sheet, workbook
from models.vocab import Move
from models.vocab_bulk import BulkState
from triage.clock import show
from triage.errors import NotFound
from triage.services.bulk import results
from triage.services.identities.showing import shown_text
from triage.web.bulk import asks
from triage.web.exporting import note_export
from triage.web.keys import DEPS, VIEWER

if TYPE_CHECKING:
    from triage.services.bulk.results import Report, Row

_COLUMNS: Final = (
    Column("序号", width=8), Column("工单编号", width=22), Column("标题", width=44, left=True),
    Column("承办单位", width=26, left=True), Column("结果", width=14), Column("原因", width=70, left=True),
    Column("办理后版本", width=12), Column("时间", width=18),
)  # fmt: skip


async def exported(request: web.Request) -> web.Response:
    """GET /desk/bulk/{id}/results.csv and .xlsx. Raises NotFound."""
    deps, number, kind = request.app[DEPS], asks.job_id(request), request.match_info["kind"]
    if kind not in _KINDS:
        raise NotFound("没有这种导出格式：可以是 csv 或 xlsx。")
    async with deps.db.reads() as session:
        found = await results.report(session, request[VIEWER], number)
        rows = [row async for row in results.every_row(session, request[VIEWER], number)]
    make, content_type = _KINDS[kind]
    body = await asyncio.to_thread(make, found, rows)
    name = f"bulk-{number}.{kind}"
    await note_export(request, name, rows=len(rows))
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return web.Response(body=body, content_type=content_type, headers=headers)


def _line(row: Row) -> list[str | int | None]:
    at = show(row.at) if row.at else None
    title, reason = shown_text(None, row.title), shown_text(None, row.reason or "")
    return [row.seq, row.no, title, row.unit, row.state.label, reason, row.version, at]


def _csv(found: Report, rows: list[Row]) -> bytes:
    del found
    return office_csv.table([[column.name for column in _COLUMNS], *map(_line, rows)])


def _xlsx(found: Report, rows: list[Row]) -> bytes:
    job = found.job
    return workbook([
        Sheet(
            name="办理结果",
            title=f"批量{Move(job.move).label}结果（第 {job.id} 批）",
            period=f"{job.name}，{show(job.made_at)}，{BulkState(job.state).label}",
            measure="单位：张",
            columns=_COLUMNS,
            rows=[_line(row) for row in rows],
        )
    ])  # fmt: skip


_KINDS: Final = {
    "csv": (_csv, "text/csv"),
    "xlsx": (_xlsx, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}
