"""工单列表导出: what a filter has, as CSV and Excel, in the order of the list.

Called from the list. The same question as the list's, asked page by page at one moment, so that nobody
exports a case that the list would not show. What is reported in confidence (保密) stays: a file has no lock.
A ticket without a title has the first words of the appeal, masked, as the list shows.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

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
    from connectors.office_xlsx import Cell
    from models.filters import Day
    from models.lines import TicketRow
    from models.queries import Ask
    from triage.web.names import Names

#: Tickets of one file: what an office program still opens at once.
MOST: Final = 10_000
_A_PAGE: Final = 500
#: Pages that are asked for at most: a search may find little on many.
_ROUNDS: Final = 40
#: Where a page of the list begins is no part of what is exported.
_FILTER: Final = tuple(name for name in asking.PARAMETERS if name not in {"after", "before", "limit"})
_COLUMNS: Final = (
    Column("序号", width=8), Column("工单编号", width=22), Column("标题", width=44, left=True),
    Column("状态", width=12), Column("紧急程度", width=12), Column("种类", width=26, left=True),
    Column("区", width=12), Column("承办单位", width=28, left=True), Column("层级", width=12),
    Column("来源时间", width=18), Column("到期时间", width=18), Column("距到期", width=18),
    Column("需复核", width=8),
)  # fmt: skip
_CONFIDENTIAL: Final = "要求保密的诉求不在其中。"


class _Found(NamedTuple):
    """The lines of a list; `why_not_all` says why these may not be all."""

    rows: tuple[TicketRow, ...]
    why_not_all: str | None
    by_number: bool


class _File(NamedTuple):
    """What goes into a file, in words."""

    found: _Found
    names: Names
    day: Day
    filter: str
    made: str

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader of the file must know."""
        return (_CONFIDENTIAL, *((self.found.why_not_all,) if self.found.why_not_all else ()))


async def exported(request: web.Request) -> web.Response:
    """GET /desk/list.csv and .xlsx. Raises BadInput, NotFound."""
    deps, names, kind = request.app[DEPS], request.app[NAMES], request.match_info["kind"]
    if kind not in _KINDS:
        raise NotFound("没有这种导出格式：可以是 csv 或 xlsx。")
    asking.refuse_others(request.query, _FILTER)
    asked = asking.read(request.query, names)
    ask = await listing.ask_of(request, asked)
    found = await _find(request, _openly(ask))
    if not found.rows:
        raise BadInput("没有符合条件的工单可导出（要求保密的诉求不导出）")
    now = deps.clock.now()
    words = f"按编号 {asked.filters.query}" if found.by_number else spelled(asked.filters, names)
    make, content_type = _KINDS[kind]
    body = await asyncio.to_thread(make, _File(found, names, ask.day, words, f"生成时间：{show(now)}"))
    name = f"tickets-{local(now):%Y%m%d-%H%M%S}.{kind}"
    await note_export(request, name, rows=len(found.rows), filters=_told(asked, found))
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return web.Response(body=body, content_type=content_type, headers=headers)


def _told(asked: asking.Asked, found: _Found) -> dict[str, str]:
    """The filter for the ledger: not the words searched for, which may be a name and stand there for good."""
    if found.by_number:
        return {"q": "按编号"}
    given = {key: value for key, value in asked.parameters().items() if key != "limit"}
    return {**given, "q": "有搜索词"} if "q" in given else given


def _openly(ask: Ask) -> Ask:
    """The same question by the same person, as one who is shown nothing that is reported in confidence."""
    scope = ask.viewer.scope
    open_scope = replace(scope, secret=False, units=scope.units | scope.own, own=frozenset())
    # What they deal with stays theirs: 我经办的 goes by the units that they act for.
    return replace(ask, viewer=replace(ask.viewer, scope=open_scope), keeps=scope.own)


async def _find(request: web.Request, ask: Ask) -> _Found:
    """The lines of the whole list, all of one moment."""
    rows: list[TicketRow] = []
    after = None
    by_number = False
    async with request.app[DEPS].db.snapshots() as session:
        for _ in range(_ROUNDS):
            page = await queries.ticket_page(session, ask, after=after, limit=_A_PAGE)
            rows += page.rows
            after, by_number = page.after, by_number or page.by_number
            if after is None or len(rows) >= MOST:
                break
    why = None
    if len(rows) > MOST or (after is not None and len(rows) == MOST):
        why = f"这里是列表中最前的 {MOST} 张，符合条件的可能不止这些：请缩小条件再导出。"
    elif after is not None:
        why = f"匹配的字词很多，没有找完：这里是先找到的 {len(rows)} 张，请换更长的词或缩小条件。"
    return _Found(tuple(rows[:MOST]), why, by_number)


def _lines(file: _File) -> list[list[Cell]]:
    found: list[list[Cell]] = []
    for at, row in enumerate(file.found.rows, start=1):
        item = present.item(row, file.names, file.day)
        due = item.due
        found.append([
            at, item.no, item.title, item.state.label, f"{item.urgency.code} {item.urgency.label}",
            item.kind.label if item.kind else "非环境类", item.district.label if item.district else "未明",
            item.unit.label if item.unit else "未定", item.level.label if item.level else "",
            show(item.received_at), show(due.at) if due else "", due.words if due else "",
            "是" if item.flagged else "",
        ])  # fmt: skip
    return found


def _csv(file: _File) -> bytes:
    notes = (f"条件：{file.filter}", *file.notes, file.made)
    return office_csv.table([
        [column.name for column in _COLUMNS], *_lines(file), *([note] for note in notes)
    ])  # fmt: skip


def _xlsx(file: _File) -> bytes:
    return workbook([
        Sheet(
            name="工单",
            title="工单列表",
            period=file.filter,
            measure="单位：张",
            columns=_COLUMNS,
            rows=_lines(file),
            notes=file.notes,
            made=file.made,
        )
    ])  # fmt: skip


_KINDS: Final = {
    "csv": (_csv, "text/csv"),
    "xlsx": (_xlsx, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}

ROUTES: Final = (access.file("/desk/list.{kind}", exported, needs=MAY_EXPORT),)
