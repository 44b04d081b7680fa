"""态势信号: what was noticed, with its numbers in words; adopted or dismissed with a reason; the forecast."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlencode

import sqlalchemy as sa
from aiohttp import web

from models.counted import Counted
from models.signals import SignalDay
from models.units import Area
from models.vocab import Labelled
from models.vocab_staff import Permission
from models.vocab_trends import SignalKind, SignalState
from triage.clock import local, show
from triage.errors import BadInput, NotFound
from triage.rules.access import districts_of
from triage.rules.trends.grid import middle
from triage.services.trends import figures, judging
from triage.web import asking, guard
from triage.web.desk import render
from triage.web.keys import DEPS, NAMES, VIEWER
from triage.web.names import plain_area
from triage.web.reports.tabs import Tab
from triage.web.trends import files, forecasting
from triage.web.trends.views import LESS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.signals import Signal
    from triage.services.trends.judging import Fate
    from triage.web.names import Names
    from triage.web.trends.views import Panel

L = TypeVar("L", bound=Labelled)

_PARAMETERS: Final = ("state", "what", "district")
_ALL: Final = "all"
_FATES: Final = timedelta(days=365)
_MOST: Final = 20


@dataclass(frozen=True, slots=True)
class SignalView:
    """A signal in words."""

    id: int
    what: str
    title: str
    days: str
    why: tuple[str, ...]
    rule: str
    state: SignalState
    decided: str
    reason: str
    tickets: str | None


@dataclass(frozen=True, slots=True)
class SignalsPage:
    """Everything the template shows."""

    signals: tuple[SignalView, ...]
    states: tuple[Tab, ...]
    whats: tuple[Tab, ...]
    fates: tuple[Fate, ...]
    looked: str
    month: str
    forecast: Panel
    most: int
    files: tuple[tuple[str, str], ...]
    districts: tuple[tuple[str, str, bool], ...]
    kept: tuple[tuple[str, str], ...]
    token: str
    district: str


async def page(request: web.Request) -> web.Response:
    """GET /desk/signals. Raises BadInput."""
    asking.refuse_others(request.query, _PARAMETERS)
    deps, names = request.app[DEPS], request.app[NAMES]
    asked = request.query.get("state", "")
    state = None if asked == _ALL else _one(SignalState, asked, "state") or SignalState.NEW
    what = _one(SignalKind, request.query.get("what", ""), "what")
    district, own, area = _district(request)
    today = local(deps.clock.now()).date()
    async with deps.db.reads() as session:
        found = await judging.listed(session, state=state, what=what, district=district, districts=own)
        fates = await judging.fates(session, since=today - _FATES, districts=own)
        looked = await session.scalar(sa.select(sa.func.max(SignalDay.day)))
        month, told = await forecasting.panel(session, names, area, today=today, office=own is None)
        places = [s.place for s in found if s.what == SignalKind.HOT_COMMUNITY]
        rows = await session.execute(sa.select(Area.code, Area.name).where(Area.code.in_(places)))
        areas = {row.code: row.name for row in rows}
    drill = request[VIEWER].may(Permission.SEE_CASES)
    rules = {row.id: f"{row.title}（{row.source}；{row.status.label}）" for row in deps.tables.signals}
    view = SignalsPage(
        signals=tuple(_view(s, names, areas, rules, drill=drill, office=own is None) for s in found),
        states=(
            *(Tab(s.label, _address(state=s, what=what, district=district), state is s) for s in SignalState),
            Tab("全部", _address(state=_ALL, what=what, district=district), state is None),
        ),
        whats=(
            Tab("各类信号", _address(state=asked, district=district), what is None),
            *(Tab(w.label, _address(state=asked, what=w, district=district), what is w) for w in SignalKind),
        ),
        fates=tuple(fates),
        looked=str(looked) if looked else "",
        month=f"{month:%Y-%m}" if month else "",
        forecast=told,
        most=_MOST,
        files=tuple(
            (label, f"/desk/forecast.{kind}" + (f"?{urlencode({'district': area})}" if area else ""))
            for label, kind in (("CSV", "csv"), ("Excel", "xlsx"))
        )
        if request[VIEWER].may(Permission.EXPORT)
        else (),
        districts=tuple(
            (code, name, code == district)
            for code, name in names.districts.items()
            if own is None or code in own
        ),
        kept=tuple((name, request.query[name]) for name in ("state", "what") if request.query.get(name)),
        token=guard.token_of(request),
        district=names.district(area) if area else "全市",
    )
    return render(request, "trends/signals.html", page=view)


async def exported(request: web.Request) -> web.Response:
    """GET /desk/forecast.csv or .xlsx: of the city or a district, every kind. Raises BadInput, NotFound."""
    asking.refuse_others(request.query, ("district",))
    deps, names = request.app[DEPS], request.app[NAMES]
    _, own, area = _district(request)
    async with deps.db.reads() as session:
        month, told = await forecasting.panel(
            session, names, area, today=local(deps.clock.now()).date(), office=own is None
        )
        fresh = await figures.as_of(session)
    if month is None:
        raise NotFound("还没有预计。")
    period = f"{month:%Y-%m} {names.district(area) if area else '全市'}"
    as_of = f"数据截至 {show(fresh.at)}，汇总版本 {fresh.version}" if fresh.at else "还没有汇总"
    name = f"forecast-{area or 'city'}-{month:%Y-%m}"
    return await files.answer(request, told, period=period, name=name, as_of=as_of)


def _district(request: web.Request) -> tuple[str | None, frozenset[str] | None, str | None]:
    """The district that is asked for, those one may ask for (None: all), and that of the forecast.

    全市 ('') is the office's; others are told of their own district. Raises BadInput.
    """
    district = request.query.get("district") or None
    if district is not None and district not in request.app[NAMES].districts:
        raise BadInput("参数 district 不是本市的区")
    own = districts_of(request.app[DEPS].tables, request[VIEWER])
    if own is not None and district is not None and district not in own:
        raise BadInput("参数 district 只能是本单位所在的区")
    return district, own, district or (min(own, default=None) if own is not None else "")


def _address(**given: str | None) -> str:
    query = urlencode({name: str(value) for name, value in given.items() if value})
    return f"/desk/signals?{query}" if query else "/desk/signals"


def _one(kind: type[L], value: str, name: str) -> L | None:
    if not value:
        return None
    try:
        return kind(value)
    except ValueError:
        raise BadInput(f"参数 {name} 只能是：{'、'.join(member.value for member in kind)}") from None


def _view(
    s: Signal,
    names: Names,
    areas: Mapping[str, str],
    rules: Mapping[str, str],
    *,
    drill: bool,
    office: bool,
) -> SignalView:
    what, numbers = SignalKind(s.what), s.told["numbers"]
    street = plain_area(names.units.get(numbers.get("street", ""), ""))
    place = areas.get(s.place, s.place)
    if what in {SignalKind.HOT_GRID, SignalKind.CHRONIC}:
        lon, lat = middle(s.place)
        place = f"网格 {s.place}（中心东经 {lon:.3f}°、北纬 {lat:.3f}°）"
    where = [names.district(s.district) if s.district else "全市", street, place]
    days = f"{s.first_day}" if s.first_day == s.last_day else f"{s.first_day} 至 {s.last_day}"
    at = show(s.decided_at) if s.decided_at else ""
    return SignalView(
        id=s.id,
        what=what.label,
        title=f"{''.join(part for part in where if part)} · {names.kind(s.kind) if s.kind else '环境诉求'}",
        days=days,
        why=tuple(s.told["why"] if office else _why(what, s.told)),
        rule=rules.get(s.row_id, s.row_id),
        state=SignalState(s.state),
        decided=f"{s.by} {at}" if s.by else "",
        reason=s.reason or "",
        tickets=_tickets(s, what, names) if drill else None,
    )


def _why(what: SignalKind, told: Mapping[str, Any]) -> Sequence[str]:
    """The sentences as they are told outside the office: none with a count from 1 to 4 in it."""
    numbers = told["numbers"]
    counts = numbers.get("windows", [numbers.get("before", 0)])
    hidden = [figures.shown(count, office=False) for count in counts]
    if None not in hidden:
        return tuple(told["why"])
    if what is SignalKind.CHRONIC:
        words = "、".join(LESS if count is None else str(count) for count in hidden)
        return (f"同一地点同一类别，由远到近每段时间分别 {words} 件。",)
    return (f"{numbers['from']} 至 {numbers['to']} 共 {numbers['now']} 件；此前的基期里少于 5 件。",)


def _tickets(s: Signal, what: SignalKind, names: Names) -> str:
    """The list of the tickets behind a signal, as `noticing` counted them.

    Hot places are of every environmental kind; a square is counted whole, though it may lie across a border.
    """
    numbers = s.told["numbers"]
    hot = what in {SignalKind.HOT_GRID, SignalKind.HOT_COMMUNITY}
    counted = Counted(
        date.fromisoformat(numbers["from"]),
        date.fromisoformat(numbers["to"]),
        kinds=tuple(names.kinds) if hot else (s.kind,),
        district=None if hot or what is SignalKind.CHRONIC else s.district or None,
        grid=s.place if what in {SignalKind.HOT_GRID, SignalKind.CHRONIC} else None,
        community=s.place if what is SignalKind.HOT_COMMUNITY else None,
    )
    return f"/desk?{urlencode({'state': 'all', 'counted': counted.encode()})}"


async def decided(request: web.Request) -> web.Response:
    """POST /desk/signals/{number}: 采纳 or 排除. Raises NotFound, BadInput."""
    form = await request.post()
    state = _one(SignalState, str(form.get("state", "")), "state")
    if state is None:
        raise BadInput("请选择采纳或排除")
    deps = request.app[DEPS]
    async with deps.db.writes.begin() as session:
        await judging.decide(
            session, int(request.match_info["number"]), state, str(form.get("reason", "")),
            by=request[VIEWER].login, now=deps.clock.now(),
            districts=districts_of(deps.tables, request[VIEWER]),
        )  # fmt: skip
    return web.Response(status=303, headers={"Location": "/desk/signals"})
