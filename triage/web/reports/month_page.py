"""三率: a published month by district, street, unit, kind; the ranking; the tickets behind a percentage."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from aiohttp import web

from connectors.office_xlsx import workbook
from models.citizens import ratings_between
from models.ticket_detail import seen_numbers
from models.vocab_staff import Permission
from triage.clock import show
from triage.errors import BadInput
from triage.rules.rate_rows import Rate
from triage.rules.rates import By, compare, drill, percent, rank, shown
from triage.rules.verdicts import month_span
from triage.services import months
from triage.services.month_sheets import left_out, name_of, sheets, streets_of
from triage.web import asking
from triage.web.desk import render
from triage.web.exporting import note_export
from triage.web.keys import DEPS, VIEWER
from triage.web.reports import web_ratings
from triage.web.reports.tabs import Tab

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from fractions import Fraction

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.filters import Viewer
    from triage.rules.rates import Drilled, Line, Ranked
    from triage.rules.rows import Tables
    from triage.rules.verdicts import Verdict
    from triage.services.months import Published

_RANKING: Final = "ranking"
_TABS: Final = (By.DISTRICT, By.STREET, By.UNIT, By.KIND)
_PARAMETERS: Final = ("month", "version", "by", "key", "rate", "group")
_VERSION: Final = re.compile(r"[0-9]{1,6}")
#: Ticket numbers shown of each sort.
MOST: Final = 500
#: Of how many it is asked at once whether they may be seen, where the first ones were others'.
_STEP: Final = 5000


@dataclass(frozen=True, slots=True)
class RateCell:
    """A percentage, what it is made of, and where its tickets are."""

    words: str
    made_of: str
    address: str | None


@dataclass(frozen=True, slots=True)
class MonthLine:
    """A line of the table; `group` is the ranking's."""

    rank: str
    name: str
    assessed: int
    out: int
    rates: tuple[RateCell, ...]
    composite: str
    change: str
    group: str
    #: Of `out`: 当场答复, 撤诉, 自建工单 (未诉先办).
    answered: int = 0
    withdrawn: int = 0
    patrol: int = 0


@dataclass(frozen=True, slots=True)
class Sort:
    """Tickets of one sort behind a percentage: those that are theirs to see, the first ones of many."""

    title: str
    count: int
    tickets: tuple[tuple[str, str], ...]
    cut: bool = False


@dataclass(frozen=True, slots=True)
class DrillView:
    """The tickets behind one percentage."""

    title: str
    words: str
    made_of: str
    sorts: tuple[Sort, ...]
    back: str


@dataclass(frozen=True, slots=True)
class VersionLine:
    """A version of the month."""

    number: int
    at: str
    reason: str
    address: str
    current: bool


@dataclass(frozen=True, slots=True)
class MonthPage:
    """Everything the template shows."""

    month: str
    months: tuple[Tab, ...]
    versions: tuple[VersionLine, ...]
    total: MonthLine | None
    tabs: tuple[Tab, ...]
    groups: tuple[Tab, ...]
    heading: str
    lines: tuple[MonthLine, ...]
    weights: str
    source: str
    sha: str
    earlier: str
    export: str | None
    ranking: bool
    drilled: DrillView | None


@dataclass(frozen=True, slots=True)
class _Asked:
    """What an address asks for."""

    month: str | None
    version: int | None
    tab: str
    key: str | None
    rate: Rate | None
    group: str


def _read(request: web.Request) -> _Asked:
    query = request.query
    asking.refuse_others(query, _PARAMETERS)
    version, rate, tab = query.get("version", ""), query.get("rate", ""), query.get("by", "")
    known = {*(by.value for by in _TABS), _RANKING}
    if version and not _VERSION.fullmatch(version):
        raise BadInput("参数 version 应是数字")
    if tab and tab not in known:
        raise BadInput(f"参数 by 只能是：{'、'.join(sorted(known))}")
    if rate and rate not in {found.value for found in Rate}:
        raise BadInput(f"参数 rate 只能是：{'、'.join(found.value for found in Rate)}")
    if bool(rate) != bool(query.get("key")):
        raise BadInput("参数 key 与 rate 要一起写")
    return _Asked(
        query.get("month") or None,
        int(version) if version else None,
        tab or By.DISTRICT.value,
        query.get("key") or None,
        Rate(rate) if rate else None,
        query.get("group", ""),
    )


async def page(request: web.Request) -> web.Response:
    """GET /desk/month. Raises NotFound, BadInput."""
    asked, deps = _read(request), request.app[DEPS]
    async with deps.db.reads() as session:
        known = await months.all_months(session)
        month = asked.month or (known[0] if known else None)
        if month is None:
            return render(request, "desk/month.html", page=None)
        found = await months.headline(session, month, asked.version)
        earlier = await months.headline_before(session, month)
        versions = await months.versions(session, month)
        drilled = None
        if asked.rate is not None and asked.key is not None:
            by = By.UNIT if asked.tab == _RANKING else By(asked.tab)
            verdicts = await months.verdicts_of(session, month, found.version, by, asked.key)
            drilled = _drilled(deps.tables, found, (by, asked.key, asked.rate), verdicts, asked)
            drilled = await _seen(session, request[VIEWER], drilled)
        span = month_span(month)
        ratings = web_ratings.summed(await ratings_between(session, request[VIEWER], *span))
    view = _View(deps.tables, found, earlier, asked)
    shown_page = view.page(known, versions, drilled)
    if not request[VIEWER].may(Permission.EXPORT):
        shown_page = replace(shown_page, export=None)
    return render(request, "desk/month.html", page=shown_page, web=ratings)


@dataclass(frozen=True, slots=True)
class _View:
    """A published month and how it is looked at."""

    tables: Tables
    found: Published
    earlier: Published | None
    asked: _Asked

    def address(self, **more: str | None) -> str:
        """This month and version, with other parameters."""
        month = self.found.figures.month
        given = {"month": month, "version": str(self.asked.version or ""), **more}
        return f"/desk/month?{urlencode({name: value for name, value in given.items() if value})}"

    def page(
        self,
        known: Sequence[str],
        versions: Sequence[tuple[int, datetime, str | None, str]],
        drilled: DrillView | None,
    ) -> MonthPage:
        """Everything the template shows."""
        figures, tab = self.found.figures, self.asked.tab
        total = figures.line(By.ALL, "")
        weights = figures.weights
        return MonthPage(
            month=figures.month,
            months=tuple(Tab(m, f"/desk/month?month={m}", m == figures.month) for m in known),
            versions=tuple(
                VersionLine(
                    number, show(at), why or "首次发布",
                    f"/desk/month?month={figures.month}&version={number}", number == self.found.version,
                )
                for number, at, why, _ in versions
            ),
            total=self.line(total, "合计", None) if total else None,
            tabs=(
                *(Tab(by.label, self.address(by=by.value), tab == by.value) for by in _TABS),
                Tab("街道乡镇排名", self.address(by=_RANKING), tab == _RANKING),
            ),
            groups=self.groups() if tab == _RANKING else (),
            heading="街道乡镇" if tab == _RANKING else By(tab).label,
            lines=self.ranking() if tab == _RANKING else self.lines(By(tab)),
            weights="、".join(f"{rate.label.removesuffix('率')} {weights.weights[rate]}%" for rate in Rate),
            source=f"{weights.id}：{weights.source}",
            sha=self.found.sha256[:16],
            earlier=self.earlier.figures.month if self.earlier else "",
            export=f"/desk/month/{figures.month}/{self.found.version}.xlsx",
            ranking=tab == _RANKING,
            drilled=drilled,
        )  # fmt: skip

    def lines(self, by: By) -> tuple[MonthLine, ...]:
        """The lines of one dimension, most tickets first."""
        own = sorted(
            (line for line in self.found.figures.lines if line.by is by),
            key=lambda line: (-line.assessed, line.key),
        )
        return tuple(self.line(line, name_of(self.tables, by, line.key), by) for line in own)

    def line(self, line: Line, name: str, by: By | None) -> MonthLine:
        """One line in words."""
        weights = self.found.figures.weights
        old = self.earlier.figures.line(line.by, line.key) if self.earlier else None
        change = compare(line, old, (weights, self.earlier.figures.weights)) if self.earlier else None
        return MonthLine(
            rank="",
            name=name,
            assessed=line.assessed,
            out=line.out,
            rates=tuple(self.cell(line, rate, by.value if by else None) for rate in Rate),
            composite=shown(line.composite(weights.weights)),
            change=signed(change.composite if change else None),
            group="",
            answered=line.answered,
            withdrawn=line.withdrawn,
            patrol=line.patrol,
        )

    def cell(self, line: Line, rate: Rate, tab: str | None) -> RateCell:
        """A percentage; without `tab` it leads nowhere."""
        tally = line.of(rate)
        made_of = f"{tally.points / 100:g}/{tally.tickets}，不计入 {tally.out}"
        address = self.address(by=tab, key=line.key, rate=rate.value) if tab else None
        return RateCell(percent(tally.share), made_of, address)

    def groups(self) -> tuple[Tab, ...]:
        """全部, then the four groups."""
        first = month_span(self.found.figures.month)[0].date()
        rows = self.tables.rates.on(first).groups
        return (
            Tab("全部", self.address(by=_RANKING), not self.asked.group),
            *(
                Tab(row.title, self.address(by=_RANKING, group=row.id), self.asked.group == row.id)
                for row in rows
            ),
        )

    def ranking(self) -> tuple[MonthLine, ...]:
        """The streets of the month, best first."""
        first = month_span(self.found.figures.month)[0].date()
        rules = self.tables.rates.on(first)
        streets = streets_of(self.tables, self.found.figures)
        titles = {row.id: row.title for row in rules.groups}
        before = self.earlier.figures if self.earlier else None
        rows = rank(rules, streets, self.found.figures, before)
        return tuple(
            self.ranked(row, titles.get(row.group or "", ""))
            for row in rows
            if not self.asked.group or row.group == self.asked.group
        )

    def ranked(self, row: Ranked, group: str) -> MonthLine:
        """A street of the ranking in words."""
        unit = self.tables.units[row.unit]
        district = name_of(self.tables, By.DISTRICT, unit.district_code or "")
        nothing = RateCell("—", "没有考核件", None)
        return MonthLine(
            rank=str(row.rank) if row.rank is not None else "—",
            name=f"{district} {unit.name}",
            assessed=row.line.assessed if row.line else 0,
            out=row.line.out if row.line else 0,
            rates=tuple(self.cell(row.line, rate, _RANKING) if row.line else nothing for rate in Rate),
            composite=shown(row.composite),
            change=signed(row.change),
            group=group,
            answered=row.line.answered if row.line else 0,
            withdrawn=row.line.withdrawn if row.line else 0,
            patrol=row.line.patrol if row.line else 0,
        )


def signed(value: Fraction | None) -> str:
    """`+1.25`, `-0.50`; `—` when there is none."""
    return f"+{shown(value)}" if value is not None and value > 0 else shown(value)


def _drilled(
    tables: Tables,
    found: Published,
    which: tuple[By, str, Rate],
    verdicts: Sequence[Verdict],
    asked: _Asked,
) -> DrillView:
    by, key, rate = which
    line = found.figures.line(by, key)
    if line is None:
        raise BadInput("这个月没有这一行")
    parts: Drilled = drill(verdicts, by, key, rate)
    tally = line.of(rate)
    view = _View(tables, found, None, asked)
    return DrillView(
        title=f"{name_of(tables, by, key)} · {rate.label}",
        words=percent(tally.share),
        made_of=f"{tally.points / 100:g}/{tally.tickets}，不计入 {tally.out}",
        sorts=(
            _sort("得满分", [(no, "") for no in parts.full]),
            _sort("得部分分", [(no, "") for no in parts.part]),
            _sort("不得分", [(no, "") for no in parts.none]),
            _sort("不计入", list(parts.out)),
        ),
        back=view.address(by=asked.tab, group=asked.group),
    )


async def _seen(session: AsyncSession, viewer: Viewer, view: DrillView) -> DrillView:
    """The same counts, naming only the tickets that the viewer may see, and of many the first."""
    return replace(view, sorts=tuple([await _first(session, viewer, sort) for sort in view.sorts]))


async def _first(session: AsyncSession, viewer: Viewer, sort: Sort) -> Sort:
    """First asked, then cut: a unit's own may stand behind many of others."""
    found: list[tuple[str, str]] = []
    start, step = 0, MOST
    while start < len(sort.tickets) and len(found) < MOST:
        part = sort.tickets[start : start + step]
        seen = await seen_numbers(session, viewer, [no for no, _ in part])
        found += [ticket for ticket in part if ticket[0] in seen]
        start, step = start + step, _STEP
    return replace(sort, tickets=tuple(found[:MOST]), cut=len(found) >= MOST)


def _sort(title: str, tickets: Sequence[tuple[str, str]]) -> Sort:
    return Sort(title, len(tickets), tuple(tickets))


async def exported(request: web.Request) -> web.Response:
    """GET /desk/month/{month}/{version}.xlsx: the workbook as offices lay it out. Raises NotFound."""
    deps = request.app[DEPS]
    month, version = request.match_info["month"], int(request.match_info["version"])
    async with deps.db.reads() as session:
        found = await months.with_outs(session, month, version)
        earlier = await months.headline_before(session, month)
        seen = await seen_numbers(session, request[VIEWER], left_out(found))
    made_at = deps.clock.now()
    body = await asyncio.to_thread(
        lambda: workbook(sheets(deps.tables, found, earlier, made_at=made_at, seen=seen))
    )
    name = f"month-{month}-v{version}.xlsx"
    await note_export(request, name)
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
    }
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return web.Response(body=body, content_type=kind, headers=headers)
