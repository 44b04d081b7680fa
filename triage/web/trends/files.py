"""A chart's table as a file, CSV or Excel, with its definition; noted in the ledger before it leaves."""

from __future__ import annotations

import asyncio
import csv
import io
from typing import TYPE_CHECKING, Final

from aiohttp import web

from connectors.office_xlsx import Column, Sheet, workbook
from triage.clock import show
from triage.web.exporting import note_export
from triage.web.keys import DEPS

if TYPE_CHECKING:
    from triage.web.trends.views import Panel

_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FORMULA: Final = ("=", "+", "-", "@")


async def answer(request: web.Request, panel: Panel, *, period: str, name: str, as_of: str) -> web.Response:
    """The file that the route's `kind` (csv or xlsx) asks for; `name` without its ending."""
    if request.match_info["kind"] == "csv":
        body, content = _csv(panel, f"{panel.title}（{period}）", as_of), "text/csv"
    else:
        sheet = Sheet(
            panel.title[:31], panel.title, period, "件", tuple(Column(head, width=16) for head in panel.head),
            [[cell.value for cell in row] for row in panel.rows], notes=(panel.definition, as_of),
            made=f"导出时间 {show(request.app[DEPS].clock.now())}",
        )  # fmt: skip
        body, content = await asyncio.to_thread(workbook, [sheet]), _XLSX
    file = f"{name}.{request.match_info['kind']}"
    await note_export(request, file)
    headers = {
        "Content-Disposition": f'attachment; filename="{file}"',
        "Cache-Control": "no-store",
    }
    return web.Response(body=body, content_type=content, charset="utf-8" if content == "text/csv" else None,
                        headers=headers)  # fmt: skip


def _csv(panel: Panel, title: str, as_of: str) -> bytes:
    """With a byte order mark, so that office programs read it as what it is."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(panel.head)
    for row in panel.rows:
        writer.writerow([_harmless(cell.value) for cell in row])
    writer.writerows([[], [title], [panel.definition], [as_of]])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _harmless(value: str | float | None) -> str | float | None:
    """A text that an office program would take for a formula is shown as text."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
