"""工单列表导出: what a filter has, as CSV and Excel, in the order of the list.

Called from the list. The same question as the list's, asked page by page, so that nobody exports a case that
the list would not show; no word of the appeal but its masked title.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from aiohttp import web

from connectors import office_csv
from connectors.office_xlsx import Column, Sheet, workbook
from models import queries
from triage.clock import local, show
from triage.errors import BadInput, NotFound
from triage.web import access, asking, listing, present
from triage.web.bulk.forms import spelled
from triage.web.desk import MAY_EXPORT
from triage.web.exporting import note_export
from triage.web.keys import DEPS, NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connectors.office_xlsx import Cell
    from triage.web.views import TicketItem

#: Tickets of one file: what an office program still opens at once.
MOST: Final = 10_000
_A_PAGE: Final = 500
#: Where a page of the list begins is no part of what is exported.
_FILTER: Final = tuple(name for name in asking.PARAMETERS if name not in {"after", "before", "limit"})
_COLUMNS: Final = (
    Column("序号", width=8), Column("工单编号", width=22), Column("标题", width=44, left=True),
    Column("状态", width=12), Column("紧急程度", width=12), Column("种类", width=26, left=True),
    Column("区", width=12), Column("承办单位", width=28, left=True), Column("层级", width=12),
    Column("来源时间", width=18), Column("到期时间", width=18), Column("到期", width=18),
    Column("需复核", width=8),
)  # fmt: skip


async def exported(request: web.Request) -> web.Response:
    """GET /desk/list.csv and .xlsx. Raises BadInput, NotFound."""
    deps, names, kind = request.app[DEPS], request.app[NAMES], request.match_info["kind"]
    if kind not in _KINDS:
        raise NotFound("没有这种导出格式：可以是 csv 或 xlsx。")
    asking.refuse_others(request.query, _FILTER)
    asked = asking.read(request.query)
    items, whole = await _items(request, asked)
    words, now = spelled(asked.filters, names), deps.clock.now()
    rows = [_line(at, item) for at, item in enumerate(items, start=1)]
    if not rows:
        raise BadInput("没有符合条件的工单，无可导出")
    notes = (
        () if whole else (f"符合条件的工单不止这些：这里是列表中最前的 {len(rows)} 张，请缩小条件再导出。",)
    )
    make, content_type = _KINDS[kind]
    body = await asyncio.to_thread(make, rows, words, show(now), notes)
    name = f"tickets-{local(now):%Y%m%d-%H%M}.{kind}"
    await note_export(request, name, rows=len(rows))
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return web.Response(body=body, content_type=content_type, headers=headers)


async def _items(request: web.Request, asked: asking.Asked) -> tuple[list[TicketItem], bool]:
    """The lines of the whole list, and whether these are all of them."""
    ask = await listing.ask_of(request, asked)
    found: list[TicketItem] = []
    after = None
    async with request.app[DEPS].db.reads() as session:
        while True:
            page = await queries.ticket_page(session, ask, after=after, limit=_A_PAGE)
            found += (present.item(row, request.app[NAMES], ask.day) for row in page.rows)
            after = page.after
            if after is None or len(found) >= MOST:
                return found[:MOST], after is None and len(found) <= MOST


def _line(at: int, item: TicketItem) -> list[Cell]:
    due = item.due
    return [
        at, item.no, item.title, item.state.label, f"{item.urgency.code} {item.urgency.label}",
        item.kind.label if item.kind else "非环境类", item.district.label if item.district else "未明",
        item.unit.label if item.unit else "未定", item.level.label if item.level else "",
        show(item.received_at), show(due.at) if due else "", due.words if due else "",
        "是" if item.flagged else "",
    ]  # fmt: skip


def _csv(rows: Sequence[Sequence[Cell]], words: str, made: str, notes: tuple[str, ...]) -> bytes:
    del words, made
    return office_csv.table([[column.name for column in _COLUMNS], *rows, *([note] for note in notes)])


def _xlsx(rows: Sequence[Sequence[Cell]], words: str, made: str, notes: tuple[str, ...]) -> bytes:
    return workbook([
        Sheet(
            name="工单",
            title="工单列表",
            period=words,
            measure="单位：张",
            columns=_COLUMNS,
            rows=rows,
            notes=notes,
            made=f"生成时间：{made}",
        )
    ])  # fmt: skip


_KINDS: Final = {
    "csv": (_csv, "text/csv"),
    "xlsx": (_xlsx, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}

ROUTES: Final = (access.get("/desk/list.{kind}", exported, needs=MAY_EXPORT),)
