"""本单位数据 as a file: the months, and kinds and places. Figures alone: no case, no person, nobody else's.

One's own figures need no 导出: that is for figures and lists of others. Each file is noted in the ledger. A
file has no lock: it counts nothing that is in confidence, but for what was published with it: rates of closed
months.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from aiohttp import web

from connectors import office_csv
from connectors.office_xlsx import Column, Sheet, workbook
from triage.clock import local, show
from triage.errors import BadInput, NotFound
from triage.rules.rate_rows import Rate
from triage.web.exporting import note_export
from triage.web.keys import DEPS, NAMES, VIEWER
from triage.web.own import asks, present

if TYPE_CHECKING:
    from connectors.office_xlsx import Cell
    from models.filters import Viewer
    from triage.web.own.asks import Own
    from triage.web.own.views import OwnArea, OwnMonthView

#: What the page offers: the words, and the ending.
KINDS: Final = (("Excel", "xlsx"), ("CSV", "csv"))
_CONTENT: Final = {
    "csv": "text/csv", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}  # fmt: skip
_MONTHS: Final = (
    Column("月份", width=12),
    Column("受理量", width=9),
    Column("其中自建", width=10),
    Column("考核件数", width=10),
    *(
        Column(name, rate.label, 9)
        for rate in Rate
        for name in ("得分件数", "计入件数", "不计入", rate.label)
    ),
    Column("综合分", width=9),
    Column("比上月", width=9),
    Column("名次", width=12),
    Column("口径", width=18, left=True),
)
_AREA: Final = (
    Column("看什么", width=16, left=True), Column("种类或地点", width=40, left=True),
    Column("当月", width=9), Column("上月同期", width=10), Column("去年同期", width=10),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    period: str
    months: list[list[Cell]]
    area: list[list[Cell]]
    notes: tuple[str, ...]
    made: str


async def exported(request: web.Request) -> web.Response:
    """GET /desk/own.csv and .xlsx. Raises BadInput, NotFound."""
    kind = request.match_info["kind"]
    if kind not in _CONTENT:
        raise NotFound("没有这种导出格式：可以是 csv 或 xlsx。")
    own = await asks.read(request)
    if own is None:
        raise BadInput("您的角色没有授给哪个单位，没有可导出的本单位数据。")
    file = await _file(request, own)
    body = await asyncio.to_thread(_csv if kind == "csv" else _xlsx, file)
    asked, now = own.asked, request.app[DEPS].clock.now()
    name = f"own-{asked.unit}-{asked.month}-{local(now):%Y%m%d-%H%M%S}.{kind}"
    told = {"unit": asked.unit, "month": asked.month}
    await note_export(request, name, rows=len(file.months) + len(file.area), filters=told)
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return web.Response(body=body, content_type=_CONTENT[kind], headers=headers)


async def _file(request: web.Request, own: Own) -> _File:
    asked = own.asked
    found = await asks.load(request, own, _openly(request[VIEWER]))
    lines = [present.month(own, one) for one in found.months]
    told = await present.area(own, found.area, request.app[NAMES])
    return _File(
        name=request.app[NAMES].units.get(asked.unit, asked.unit),
        period=f"{lines[-1].month} 至 {asked.month}",
        months=[_month(one, running=asked.now < asked.last and one is lines[0]) for one in lines],
        area=_area(told),
        notes=(
            "三率、综合分同考核口径。已发布的月份是发布的数，要求保密的诉求计在内。",
            "没有结月发布的月份是到生成时的数，还会变，不含要求保密的诉求，与网页上的可能不同。",
            "受理量、种类和地点按受理日期、本单位主办的计，不含要求保密的诉求；同期指到同一天同一时刻。",
            "自建：巡查发现的工单（未诉先办），没有诉求人，计在受理量、种类和地点里，不计三率。",
        ),
        made=f"生成时间：{show(asked.now)}",
    )


def _openly(viewer: Viewer) -> Viewer:
    """The same person, as one who is shown nothing that is reported in confidence."""
    scope = viewer.scope
    return replace(viewer, scope=replace(scope, secret=False, units=scope.units | scope.own, own=frozenset()))


def _month(one: OwnMonthView, *, running: bool) -> list[Cell]:
    rates: list[Cell] = []
    for rate in one.rates:
        rates += [rate.points, rate.tickets, rate.out, rate.percent]
    how = f"已发布第 {one.version} 版" if one.version else "到现在" if running else "没有发布"
    return [
        one.month, one.received, one.received_patrol, one.assessed if one.told else "—",
        *(rates or ["—"] * 4 * len(Rate)),
        one.composite, one.change, f"{one.place} / {one.ranked}" if one.place else "—", how,
    ]  # fmt: skip


def _area(told: OwnArea) -> list[list[Cell]]:
    sorts = (
        ("合计", (told.total,)), ("种类", told.kinds), ("地点", told.places), ("同一地点同一类", told.again),
    )  # fmt: skip
    return [[what, line.name, line.now, line.before, line.year] for what, lines in sorts for line in lines]


def _csv(file: _File) -> bytes:
    head = [f"{one.group}{one.name}" if one.name in {"计入件数", "得分件数", "不计入"} else one.name
            for one in _MONTHS]  # fmt: skip
    return office_csv.table([
        head, *file.months, [], [one.name for one in _AREA], *file.area, [],
        [f"{file.name} 本单位数据，{file.period}"], *([note] for note in file.notes), [file.made],
    ])  # fmt: skip


def _xlsx(file: _File) -> bytes:
    return workbook([
        Sheet("各月三率", f"{file.name}本单位数据", file.period, "单位：件、%、分", _MONTHS, file.months,
              notes=file.notes, made=file.made),
        Sheet("种类和地点", f"{file.name}受理的诉求", file.period, "单位：件", _AREA, file.area,
              notes=file.notes, made=file.made),
    ])  # fmt: skip
