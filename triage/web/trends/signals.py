"""态势信号: what was noticed, with its numbers in words; adopted or dismissed with a reason; the forecast."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import urlencode

import sqlalchemy as sa
from aiohttp import web

from models.signals import SignalDay
from models.vocab import Labelled
from models.vocab_staff import Permission
from models.vocab_trends import SignalKind, SignalState
from triage.clock import local, show
from triage.errors import BadInput, NotFound
from triage.rules.access import districts_of
from triage.services.trends import figures, judging
from triage.services.trends.judging import SignalAsk
from triage.web import asking, guard
from triage.web.desk import render
from triage.web.keys import DEPS, NAMES, VIEWER
from triage.web.reports.tabs import Tab
from triage.web.trends import files, forecasting, signal_views
from triage.web.trends.views import Panel, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from models.signals import Signal
    from triage.services.trends.judging import Fate
    from triage.web.names import Names
    from triage.web.trends.signal_views import SignalView, Words

L = TypeVar("L", bound=Labelled)

_FILTER: Final = ("state", "what", "district")
_ALL: Final = "all"
_NO_DISTRICT: Final = "本单位不属于哪个区"
_FATES: Final = timedelta(days=365)
_MOST: Final = 20
_FORMS: Final = (("CSV", "csv"), ("Excel", "xlsx"))


@dataclass(frozen=True, slots=True)
class SignalsPage:
    """Everything the template shows."""

    signals: tuple[SignalView, ...]
    count: int
    first: int  # number of the first signal shown, from 1
    more: str | None
    back: str | None
    lists: tuple[tuple[str, str], ...]  # files of all signals of the filter
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


@dataclass(frozen=True, slots=True)
class StepLine:
    """What somebody made of a signal."""

    words: str
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class SignalPage:
    """One signal with where it is and what was made of it."""

    signal: SignalView
    picture: Markup | None
    steps: tuple[StepLine, ...]
    token: str
    error: str | None
    typed: str
    """The reason as it was written, where the form was refused; `back`: that of 撤回."""
    back: bool


async def page(request: web.Request) -> web.Response:
    """GET /desk/signals. Raises BadInput."""
    asking.refuse_others(request.query, (*_FILTER, "skip"))
    deps, names = request.app[DEPS], request.app[NAMES]
    ask, area = _ask(request)
    skip = asking.form_number(request.query.get("skip") or "0")
    own, asked = ask.districts, request.query.get("state", "")
    today = local(deps.clock.now()).date()
    async with deps.db.reads() as session:
        found = await judging.listed(session, ask, skip=skip)
        count = await judging.count(session, ask)
        fates = await judging.fates(session, since=today - _FATES, districts=own)
        looked = await session.scalar(sa.select(sa.func.max(SignalDay.day)))
        month, told = await forecasting.panel(
            session, names, area, today=today, office=own is None,
            drill=request[VIEWER].may(Permission.SEE_CASES),
        )  # fmt: skip
    words = await _words(request, found)
    export = request[VIEWER].may(Permission.EXPORT)
    what, district = ask.what, ask.district
    here = urlencode({name: request.query[name] for name in _FILTER if request.query.get(name)})

    def turned(to: int) -> str:
        skipped = urlencode({"skip": to}) if to else ""
        return "/desk/signals" + _asked("&".join(part for part in (here, skipped) if part))

    view = SignalsPage(
        signals=tuple(words.view(s) for s in found),
        count=count,
        first=skip + 1,
        more=turned(skip + judging.PAGE) if skip + judging.PAGE < count else None,
        back=turned(max(skip - judging.PAGE, 0)) if skip else None,
        lists=tuple((label, f"/desk/signals.{kind}{_asked(here)}") for label, kind in _FORMS)
        if export and count
        else (),
        states=(
            *(
                Tab(s.label, _address(state=s, what=what, district=district), ask.state is s)
                for s in SignalState
            ),
            Tab("全部", _address(state=_ALL, what=what, district=district), ask.state is None),
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
        files=tuple((label, _address(f"/desk/forecast.{kind}", district=area)) for label, kind in _FORMS)
        if export and area is not None
        else (),
        districts=tuple(
            (code, name, code == district)
            for code, name in names.districts.items()
            if own is None or code in own
        ),
        kept=tuple((name, request.query[name]) for name in ("state", "what") if request.query.get(name)),
        token=guard.token_of(request),
        district=_of(names, area),
    )
    return render(request, "trends/signals.html", page=view)


async def one(request: web.Request) -> web.Response:
    """GET /desk/signals/{number}: with its map and what was made of it. Raises NotFound."""
    asking.refuse_others(request.query, ())
    return await _shown(request)


async def _shown(
    request: web.Request, error: BadInput | None = None, typed: str = "", *, back: bool = False
) -> web.Response:
    """The page of one; with `error` what was written stays in its form."""
    deps, number = request.app[DEPS], int(request.match_info["number"])
    own = districts_of(deps.tables, request[VIEWER])
    async with deps.db.reads() as session:
        found = await judging.one(session, number, districts=own)
        steps = await judging.history(session, number)
    words = await _words(request, [found])
    signal = words.view(found)
    picture = (
        await asyncio.to_thread(signal_views.drawn, found.district, found.place) if signal.square else None
    )
    told = tuple(
        StepLine(
            "撤回处置" if step.state is SignalState.NEW else step.state.label, step.reason,
            f"{step.by} {show(step.at)}",
        )
        for step in steps
    )  # fmt: skip
    view = SignalPage(
        signal=signal, picture=picture, steps=told, token=guard.token_of(request),
        error=error.detail if error else None, typed=typed, back=back,
    )  # fmt: skip
    return render(request, "trends/signal.html", page=view, status=error.status if error else 200)


async def listed(request: web.Request) -> web.Response:
    """GET /desk/signals.csv or .xlsx: every signal of the filter, within sight. Raises BadInput."""
    asking.refuse_others(request.query, _FILTER)
    deps, names = request.app[DEPS], request.app[NAMES]
    ask, _ = _ask(request)
    async with deps.db.reads() as session:
        found = await judging.listed(session, ask, limit=judging.MOST)
        count = await judging.count(session, ask)
        fresh = await figures.as_of(session)
    words = await _words(request, found)
    rows = []
    for s in found:
        view = words.view(s)
        cells = (
            str(s.id), view.what, view.where, view.kind, str(s.first_day), str(s.last_day),
            "".join(view.why), view.rule, view.state.label, view.decided, view.reason,
        )  # fmt: skip
        rows.append(tuple(text(cell) for cell in cells))
    cut = f"共 {count} 条，文件里是最近的 {len(found)} 条。" if count > len(found) else f"共 {count} 条。"
    panel = Panel(
        "signals", "态势信号", f"每天夜里从汇总里查看出来的信号及其处置。{cut}",
        ("编号", "信号", "地点", "类别", "首日", "末日", "说明", "依据", "处置", "处置人和时间", "理由"),
        tuple(rows),
    )  # fmt: skip
    told = (
        ask.state.label if ask.state else "全部处置",
        ask.what.label if ask.what else "各类信号",
        names.district(ask.district) if ask.district else "全部地区",
    )
    as_of = f"数据截至 {show(fresh.at)}，汇总版本 {fresh.version}" if fresh.at else "还没有汇总"
    name = f"signals-{local(deps.clock.now()):%Y%m%d}"
    return await files.answer(request, panel, period="，".join(told), name=name, as_of=as_of, measure="条")


async def exported(request: web.Request) -> web.Response:
    """GET /desk/forecast.csv or .xlsx: of the city or a district, every kind. Raises BadInput, NotFound."""
    asking.refuse_others(request.query, ("district",))
    deps, names = request.app[DEPS], request.app[NAMES]
    ask, area = _ask(request)
    if area is None:
        raise NotFound(f"{_NO_DISTRICT}，没有预计可导出。")
    async with deps.db.reads() as session:
        month, told = await forecasting.panel(
            session, names, area, today=local(deps.clock.now()).date(), office=ask.districts is None
        )
        fresh = await figures.as_of(session)
    if month is None:
        raise NotFound("还没有预计。")
    period = f"{month:%Y-%m} {_of(names, area)}"
    as_of = f"数据截至 {show(fresh.at)}，汇总版本 {fresh.version}" if fresh.at else "还没有汇总"
    name = f"forecast-{area or 'city'}-{month:%Y-%m}"
    return await files.answer(request, told, period=period, name=name, as_of=as_of)


async def _words(request: web.Request, found: Sequence[Signal]) -> Words:
    deps, viewer = request.app[DEPS], request[VIEWER]
    return await signal_views.words_of(
        deps.tables, request.app[NAMES], found, drill=viewer.may(Permission.SEE_CASES),
        office=districts_of(deps.tables, viewer) is None,
    )  # fmt: skip


def _of(names: Names, area: str | None) -> str:
    """Whose forecast it is, in words: who works for a unit of no district (a city bureau) has none."""
    if area is None:
        return _NO_DISTRICT
    return names.district(area) if area else "全市"


def _ask(request: web.Request) -> tuple[SignalAsk, str | None]:
    """What is asked for within what one may ask for (others than the office: their own district).

    The second is the district of the forecast; 全市 ('') is the office's; None: there is none.

    Raises BadInput.
    """
    asked = request.query.get("state", "")
    state = None if asked == _ALL else _one(SignalState, asked, "state") or SignalState.NEW
    what = _one(SignalKind, request.query.get("what", ""), "what")
    district = request.query.get("district") or None
    if district is not None and district not in request.app[NAMES].districts:
        raise BadInput("参数 district 不是本市的区")
    own = districts_of(request.app[DEPS].tables, request[VIEWER])
    if own is not None and district is not None and district not in own:
        raise BadInput("参数 district 只能是本单位所在的区")
    area = district or (min(own, default=None) if own is not None else "")
    return SignalAsk(state, what, district, own), area


def _address(path: str = "/desk/signals", **given: str | None) -> str:
    return path + _asked(urlencode({name: str(value) for name, value in given.items() if value}))


def _asked(query: str) -> str:
    return f"?{query}" if query else ""


def _one(kind: type[L], value: str, name: str) -> L | None:
    if not value:
        return None
    try:
        return kind(value)
    except ValueError:
        raise BadInput(f"参数 {name} 只能是：{'、'.join(member.value for member in kind)}") from None


async def decided(request: web.Request) -> web.Response:
    """POST /desk/signals/{number}: 采纳 or 排除; refused, its page with what was written. Raises NotFound."""
    form = await request.post()
    deps, reason = request.app[DEPS], str(form.get("reason", ""))
    try:
        state = _state(str(form.get("state", "")))
        async with deps.db.writes.begin() as session:
            await judging.decide(
                session, int(request.match_info["number"]), state, reason,
                by=request[VIEWER].login, now=deps.clock.now(),
                districts=districts_of(deps.tables, request[VIEWER]),
            )  # fmt: skip
    except BadInput as error:
        return await _shown(request, error, reason)
    return web.Response(status=303, headers={"Location": "/desk/signals"})


def _state(given: str) -> SignalState:
    state = _one(SignalState, given, "state")
    if state is None:
        raise BadInput("请选择采纳或排除")
    return state


async def taken_back(request: web.Request) -> web.Response:
    """POST /desk/signals/{number}/back: 撤回处置; refused, its page as above. Raises NotFound."""
    form, deps, number = await request.post(), request.app[DEPS], int(request.match_info["number"])
    reason = str(form.get("reason", ""))
    try:
        async with deps.db.writes.begin() as session:
            await judging.take_back(
                session, number, reason, by=request[VIEWER].login, now=deps.clock.now(),
                districts=districts_of(deps.tables, request[VIEWER]),
            )  # fmt: skip
    except BadInput as error:
        return await _shown(request, error, reason, back=True)
    return web.Response(status=303, headers={"Location": f"/desk/signals/{number}"})
