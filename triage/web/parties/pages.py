"""被反映对象 at the desk: the list inspectors pick from, one with its history, merging and splitting."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003  (shown by the template)
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from aiohttp import web

from connectors.office_xlsx import workbook
from models.sums import sums_only
from models.vocab import CLOSED_STATES
from models.vocab_parties import PartyAct
from models.vocab_staff import Permission
from triage.clock import local
from triage.errors import BadInput, NotFound, TriageError
from triage.rules.rates import By
from triage.services.month_sheets import name_of
from triage.services.parties import changing, listing
from triage.services.parties.listing import PartyAsk
from triage.web import access, guard
from triage.web.asking import form_number, number_of, refuse_others
from triage.web.desk import render
from triage.web.exporting import note_export
from triage.web.keys import DEPS, NAMES, VIEWER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from multidict import MultiMapping

    from triage.services.parties.listing import PartyLine, PartyWhole
    from triage.web.names import Names

_SEE_OTHER: Final = 303
_PARAMETERS: Final = ("q", "district", "kind", "months", "least", "skip")
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
    narrowed: bool
    sees: bool  # any cases at all, or sums: parties are those of the cases that one sees
    sums: bool  # sums alone
    may_export: bool
    field: str
    token: str


@dataclass(frozen=True, slots=True)
class Row:
    """A kind with its cases month by month."""

    name: str
    counts: tuple[int, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Told:
    """A name with its count."""

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class CaseLine:
    """An open case."""

    no: str
    title: str
    kind: str
    state: str
    unit: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class PairLine:
    """A spelling that may be this party's."""

    party: int
    mine: str
    theirs: str
    score: float
    why: str
    a: int
    b: int


@dataclass(frozen=True, slots=True)
class StepLine:
    """A change."""

    id: int
    words: str
    reason: str
    by: str
    at: datetime
    undo: bool


@dataclass(frozen=True, slots=True)
class PartyPage:
    """One party."""

    id: int
    name: str
    place: str
    version: int
    merged_into: int | None
    may_change: bool
    names: tuple[tuple[int, str], ...]
    months: tuple[str, ...]
    rows: tuple[Row, ...]
    total: int
    open: int
    outcomes: tuple[Told, ...]
    units: tuple[Told, ...]
    places: tuple[Told, ...]
    cases: tuple[CaseLine, ...]
    pairs: tuple[PairLine, ...]
    steps: tuple[StepLine, ...]
    error: str | None
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
    page = PartiesPage(
        lines=tuple(_line(line, request) for line in found[: listing.PAGE]),
        query=ask.query,
        districts=tuple(Option(code, name, code == ask.district) for code, name in names.districts.items()),
        kinds=tuple(Option(code, name, code == ask.kind) for code, name in names.kinds.items()),
        months=tuple(Option(str(n), f"近 {n} 个月", n == months) for n in MONTHS),
        least=ask.least,
        more=f"/desk/parties?{more}" if len(found) > listing.PAGE else None,
        narrowed=bool(given),
        sees=request[VIEWER].may(Permission.SEE_CASES) or sums_only(request[VIEWER]),
        sums=sums_only(request[VIEWER]),
        may_export=request[VIEWER].may(Permission.EXPORT),
        field=guard.FIELD,
        token=guard.token_of(request),
    )
    return render(request, "parties/list.html", page=page)


async def exported(request: web.Request) -> web.Response:
    """检查备选名单: the parties that were picked, as Excel. Raises BadInput."""
    deps, names = request.app[DEPS], request.app[NAMES]
    form = await request.post()
    ids = [form_number(value) for value in form.getall("id", [])]
    if not ids or len(ids) > listing.MOST:
        raise BadInput(f"请先勾选要列入名单的对象，最多 {listing.MOST} 个")
    now = deps.clock.now()
    ask, _ = _ask({"months": str(form.get("months", "12"))}, now, names)
    async with deps.db.reads() as session:
        lines = await listing.parties(session, request[VIEWER], ask, limit=listing.MOST, ids=ids)
        named = await listing.names_of(session, [line.id for line in lines])
    areas = {code: _area(request, code) for line in lines for code in (line.district, line.street) if code}
    body = await asyncio.to_thread(workbook, [listing.sheet(lines, named, areas, since=ask.since, now=now)])
    await note_export(request, f"parties-{local(now):%Y%m%d}.xlsx", rows=len(lines))
    return web.Response(
        body=body,
        content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        headers={"Content-Disposition": f'attachment; filename="parties-{local(now):%Y%m%d}.xlsx"'},
    )


async def one(request: web.Request) -> web.Response:
    """One party with its history. Raises NotFound."""
    refuse_others(request.query, ())
    return await _page(request, _id(request), None)


async def merged(request: web.Request) -> web.Response:
    """归并 into another; what is refused is shown with its reason. Raises NotFound."""
    party_id, form, deps = _id(request), await request.post(), request.app[DEPS]
    try:
        into, version = form_number(form.get("into")), form_number(form.get("version"))
        async with deps.db.writes.begin() as session:
            await listing.must_see(session, request[VIEWER], party_id, into, now=deps.clock.now())
            await changing.merge(
                session, party_id, into, version=version, reason=_text(form, "reason"),
                by=request[VIEWER].login, now=deps.clock.now(),
            )  # fmt: skip
    except (BadInput, changing.PartyMoved) as error:
        return await _page(request, party_id, error)
    return _to(into)


async def split(request: web.Request) -> web.Response:
    """拆分: the chosen spellings become a party of their own. Raises NotFound."""
    party_id, form, deps = _id(request), await request.post(), request.app[DEPS]
    try:
        names = [form_number(value) for value in form.getall("name", [])]
        version = form_number(form.get("version"))
        async with deps.db.writes.begin() as session:
            await listing.must_see(session, request[VIEWER], party_id, now=deps.clock.now())
            await changing.split(
                session, party_id, names, version=version, reason=_text(form, "reason"),
                by=request[VIEWER].login, now=deps.clock.now(),
            )  # fmt: skip
    except (BadInput, changing.PartyMoved) as error:
        return await _page(request, party_id, error)
    return _to(party_id)


async def refused(request: web.Request) -> web.Response:
    """不是同一家. Raises NotFound, BadInput."""
    party_id, form, deps = _id(request), await request.post(), request.app[DEPS]
    pair = form_number(form.get("a")), form_number(form.get("b"))
    async with deps.db.writes.begin() as session:
        both = await listing.parties_of(session, pair)
        await listing.must_see(session, request[VIEWER], *both, now=deps.clock.now())
        await changing.refuse(session, *pair, by=request[VIEWER].login, now=deps.clock.now())
    return _to(party_id)


async def undone(request: web.Request) -> web.Response:
    """撤回 a step. Raises NotFound; what cannot be undone is shown with its reason."""
    party_id, form, deps = _id(request), await request.post(), request.app[DEPS]
    try:
        async with deps.db.writes.begin() as session:
            await listing.must_see(session, request[VIEWER], party_id, now=deps.clock.now())
            back = await changing.undo(
                session,
                form_number(form.get("change")),
                of=party_id,
                by=request[VIEWER].login,
                now=deps.clock.now(),
            )
    except BadInput as error:
        return await _page(request, party_id, error)
    return _to(back)


async def _page(request: web.Request, party_id: int, error: TriageError | None) -> web.Response:
    deps, names = request.app[DEPS], request.app[NAMES]
    now = deps.clock.now()
    async with deps.db.reads() as session:
        found = await listing.whole(session, request[VIEWER], party_id, now=now)
    months = listing.months_until(now)
    token = guard.token_of(request)
    page = PartyPage(
        id=party_id,
        name=found.party.name,
        place=_place(request, found.party.district_code, found.party.street_code),
        version=found.party.version,
        merged_into=found.party.merged_into,
        may_change=request[VIEWER].may(Permission.LEADS),
        names=tuple((row.id, row.written) for row in found.names),
        months=tuple(months),
        rows=_rows(found, months, names),
        total=found.total,
        open=sum(count for state, count in found.outcomes.items() if state not in CLOSED_STATES),
        outcomes=tuple(Told(state.label, count) for state, count in found.outcomes.most_common()),
        units=tuple(Told(names.units.get(code, code), n) for code, n in found.units.most_common(10)),
        places=tuple(Told(_place(request, *where), n) for where, n in found.places.most_common(10)),
        cases=tuple(
            CaseLine(
                case.no, case.title, names.kind(case.kind) if case.kind else "未识别", case.state.label,
                names.units.get(case.unit, case.unit) if case.unit else "无", case.received_at,
            )
            for case in found.open_cases
        ),
        pairs=tuple(
            PairLine(p.other_party, p.mine, p.theirs, p.score, "；".join(p.why), p.a_id, p.b_id)
            for p in found.pairs
        ),
        steps=tuple(
            StepLine(
                step.change.id, f"{PartyAct(step.change.act).label}：{step.from_name} → {step.to_name}",
                step.change.reason, step.change.by, step.change.at, not step.undone,
            )
            for step in found.steps
        ),
        error=error.detail if error else None, field=guard.FIELD, token=token,
    )  # fmt: skip
    response = render(request, "parties/one.html", page=page, status=error.status if error else 200)
    guard.keep(response, token)
    return response


def _rows(found: PartyWhole, months: list[str], names: Names) -> tuple[Row, ...]:
    kinds = {kind for kind, _ in found.months}
    rows = [
        Row(
            names.kind(kind) if kind else "未识别",
            tuple(found.months.get((kind, month), 0) for month in months),
            sum(count for (mine, _), count in found.months.items() if mine == kind),
        )
        for kind in kinds
    ]
    return tuple(sorted(rows, key=lambda row: (-row.total, row.name)))


def _line(line: PartyLine, request: web.Request) -> Line:
    place = _place(request, line.district, line.street)
    return Line(line.id, line.name, place, line.cases, line.open, line.last)


def _place(request: web.Request, district: str | None, street: str | None) -> str:
    return " ".join(_area(request, code) for code in (district, street) if code) or "地点未明"


def _area(request: web.Request, code: str) -> str:
    by = By.DISTRICT if code in request.app[NAMES].districts else By.STREET
    return name_of(request.app[DEPS].tables, by, code).removesuffix("办事处")


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


def _text(form: Mapping[str, object], name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""


def _id(request: web.Request) -> int:
    number = number_of(request.match_info["id"])
    if number is None:
        raise NotFound("没有这个对象。")
    return number


def _to(party_id: int) -> web.Response:
    return web.Response(status=_SEE_OTHER, headers={"Location": f"/desk/parties/{party_id}"})


ROUTES: Final = (
    access.get("/desk/parties", listed, needs=(Permission.TRENDS, Permission.HANDLE)),
    access.post("/desk/parties/export", exported, needs=Permission.EXPORT),
    access.get("/desk/parties/{id:[0-9]{1,10}}", one, needs=(Permission.TRENDS, Permission.HANDLE)),
    access.post("/desk/parties/{id:[0-9]{1,10}}/merge", merged, needs=Permission.LEADS),
    access.post("/desk/parties/{id:[0-9]{1,10}}/split", split, needs=Permission.LEADS),
    access.post("/desk/parties/{id:[0-9]{1,10}}/refuse", refused, needs=Permission.LEADS),
    access.post("/desk/parties/{id:[0-9]{1,10}}/undo", undone, needs=Permission.LEADS),
)
