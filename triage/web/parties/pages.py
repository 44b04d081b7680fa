"""被反映对象 at the desk: the list inspectors pick from, and its file."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003  (shown by the template)
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from aiohttp import web

from connectors.office_xlsx import workbook
from models.sums import sums_only
from models.vocab_staff import Permission
from triage.clock import local
from triage.errors import BadInput
from triage.services.parties import listing, sheets
from triage.services.parties.listing import PartyAsk
from triage.web import access, guard
from triage.web.asking import form_number, refuse_others
from triage.web.desk import render
from triage.web.exporting import note_export
from triage.web.keys import DEPS, NAMES, VIEWER
from triage.web.parties import one
from triage.web.parties.names import area, place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from multidict import MultiMapping

    from triage.services.parties.listing import PartyLine
    from triage.web.names import Names

_FILTER: Final = ("q", "district", "kind", "months", "least")
_PARAMETERS: Final = (*_FILTER, "skip")
_LONGEST: Final = 40
#: Of how many months the list can be.
MONTHS: Final = (1, 3, 6, 12)


@dataclass(frozen=True, slots=True)
class Option:
    """A choice of a field."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A party on the list."""

    id: int
    name: str
    place: str
    cases: int
    open: int
    last: datetime


@dataclass(frozen=True, slots=True)
class PartiesPage:
    """The list with its filter."""

    lines: tuple[Line, ...]
    query: str
    districts: tuple[Option, ...]
    kinds: tuple[Option, ...]
    months: tuple[Option, ...]
    least: int
    more: str | None
    back: str | None
    kept: tuple[tuple[str, str], ...]  # the filter, for the file of all that it has
    narrowed: bool
    sees: bool  # any cases at all, or sums: parties are those of the cases that one sees
    sums: bool  # sums alone
    may_export: bool
    field: str
    token: str


async def listed(request: web.Request) -> web.Response:
    """被反映对象, most cases first. Raises BadInput."""
    deps, names = request.app[DEPS], request.app[NAMES]
    refuse_others(request.query, _PARAMETERS)
    ask, months = _ask(request.query, deps.clock.now(), names)
    async with deps.db.reads() as session:
        found = await listing.parties(session, request[VIEWER], ask, limit=listing.PAGE + 1)
    given = {name: request.query[name] for name in _PARAMETERS if request.query.get(name)}
    more = urlencode({**given, "skip": str(ask.skip + listing.PAGE)})
    back = urlencode({**given, "skip": str(max(ask.skip - listing.PAGE, 0))})
    page = PartiesPage(
        lines=tuple(_line(line, request) for line in found[: listing.PAGE]),
        query=ask.query,
        districts=tuple(Option(code, name, code == ask.district) for code, name in names.districts.items()),
        kinds=tuple(Option(code, name, code == ask.kind) for code, name in names.kinds.items()),
        months=tuple(Option(str(n), f"近 {n} 个月", n == months) for n in MONTHS),
        least=ask.least,
        more=f"/desk/parties?{more}" if len(found) > listing.PAGE else None,
        back=f"/desk/parties?{back}" if ask.skip else None,
        kept=tuple((name, request.query[name]) for name in _FILTER if request.query.get(name)),
        narrowed=bool(given),
        sees=request[VIEWER].may(Permission.SEE_CASES) or sums_only(request[VIEWER]),
        sums=sums_only(request[VIEWER]),
        may_export=request[VIEWER].may(Permission.EXPORT),
        field=guard.FIELD,
        token=guard.token_of(request),
    )
    return render(request, "parties/list.html", page=page)


async def exported(request: web.Request) -> web.Response:
    """检查备选名单 as Excel: what was ticked, or (`all`) what the filter has. Raises BadInput."""
    deps, form = request.app[DEPS], await request.post()
    now = deps.clock.now()
    every = bool(form.get("all"))
    ids = [] if every else [form_number(value) for value in form.getall("id", [])]
    if not every and not 0 < len(ids) <= listing.MOST:
        raise BadInput(f"请先勾选要列入名单的对象，最多 {listing.MOST} 个")
    told = {name: str(form.get(name, "")) for name in (_FILTER if every else ("months",))}
    ask, _ = _ask(told, now, request.app[NAMES])
    most = listing.MOST_ALL if every else listing.MOST
    async with deps.db.reads() as session:
        found = await listing.parties(session, request[VIEWER], ask, limit=most + 1, ids=ids)
        lines = found[:most]
        named = await listing.names_of(session, [line.id for line in lines])
    areas = {code: area(request, code) for line in lines for code in (line.district, line.street) if code}
    sheet = sheets.sheet(lines, named, areas, since=ask.since, now=now, whole=len(found) <= most)
    body = await asyncio.to_thread(workbook, [sheet])
    await note_export(request, f"parties-{local(now):%Y%m%d}.xlsx", rows=len(lines))
    return web.Response(
        body=body,
        content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        headers={"Content-Disposition": f'attachment; filename="parties-{local(now):%Y%m%d}.xlsx"'},
    )


def _line(line: PartyLine, request: web.Request) -> Line:
    where = place(request, line.district, line.street)
    return Line(line.id, line.name, where, line.cases, line.open, line.last)


def _ask(query: MultiMapping[str] | Mapping[str, str], now: datetime, names: Names) -> tuple[PartyAsk, int]:
    """Read the filter. Raises BadInput naming the parameter."""
    months = query.get("months") or "12"
    if months not in {str(n) for n in MONTHS}:
        raise BadInput(f"参数 months 只能是：{'、'.join(str(n) for n in MONTHS)}")
    district, kind = query.get("district") or None, query.get("kind") or None
    if district and district not in names.districts:
        raise BadInput("参数 district 不是区的代码")
    if kind and kind not in names.kinds:
        raise BadInput("参数 kind 不是种类的代码")
    text = (query.get("q") or "").replace("\0", "").strip()[:_LONGEST]
    day = local(now)
    back = day.year * 12 + day.month - 1 - (int(months) - 1)
    since = day.replace(
        year=back // 12, month=back % 12 + 1, day=1, hour=0, minute=0, second=0, microsecond=0
    )
    least, skip = form_number(query.get("least") or "2"), form_number(query.get("skip") or "0")
    return PartyAsk(since, least, text, district, kind, skip), int(months)


ROUTES: Final = (
    access.get("/desk/parties", listed, needs=(Permission.TRENDS, Permission.HANDLE)),
    access.post("/desk/parties/export", exported, needs=Permission.EXPORT),
    access.get("/desk/parties/{id:[0-9]{1,10}}", one.page, needs=(Permission.TRENDS, Permission.HANDLE)),
    access.post("/desk/parties/{id:[0-9]{1,10}}/merge", one.merged, needs=one.CHANGERS),
    access.post("/desk/parties/{id:[0-9]{1,10}}/split", one.split, needs=one.CHANGERS),
    access.post("/desk/parties/{id:[0-9]{1,10}}/refuse", one.refused, needs=one.CHANGERS),
    access.post("/desk/parties/{id:[0-9]{1,10}}/again", one.proposed_again, needs=one.CHANGERS),
    access.post("/desk/parties/{id:[0-9]{1,10}}/undo", one.undone, needs=one.CHANGERS),
)
