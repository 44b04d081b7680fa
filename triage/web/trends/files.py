"""A chart's table as a file, CSV or Excel, with its definition; noted in the ledger before it leaves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from aiohttp import web

from connectors import office_csv
from connectors.office_xlsx import Column, Sheet, workbook
from triage.clock import show
from triage.web.exporting import note_export
from triage.web.keys import DEPS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from triage.web.trends.views import Panel

_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


async def answer(
    request: web.Request,
    panel: Panel,
    *,
    period: str,
    name: str,
    as_of: str,
    measure: str = "件",
    filters: Mapping[str, str] | None = None,
) -> web.Response:
    """The file that the route's `kind` (csv or xlsx) asks for; `name` without its ending.

    `period` says what it is of, `filters` the same to the ledger.
    """
    if request.match_info["kind"] == "csv":
        body, content = _csv(panel, f"{panel.title}（{period}）", as_of), "text/csv"
    else:
        sheet = Sheet(
            panel.title[:31], panel.title, period, measure,
            tuple(Column(head, width=16) for head in panel.head),
            [[cell.value for cell in row] for row in panel.rows], notes=(panel.definition, as_of),
            made=f"导出时间 {show(request.app[DEPS].clock.now())}",
        )  # fmt: skip
        body, content = await asyncio.to_thread(workbook, [sheet]), _XLSX
    file = f"{name}.{request.match_info['kind']}"
    await note_export(request, file, rows=len(panel.rows), filters=filters)
    headers = {
        "Content-Disposition": f'attachment; filename="{file}"',
        "Cache-Control": "no-store",
    }
    return web.Response(body=body, content_type=content, charset="utf-8" if content == "text/csv" else None,
                        headers=headers)  # fmt: skip


def _csv(panel: Panel, title: str, as_of: str) -> bytes:
    rows = [[cell.value for cell in row] for row in panel.rows]
    return office_csv.table([panel.head, *rows, [], [title], [panel.definition], [as_of]])
