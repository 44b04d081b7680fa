"""态势: the page with every chart's table, its charts as JSON, the map's outlines, exports."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeAlias

from aiohttp import web

from models.vocab import Channel
from triage.clock import show
from triage.errors import NotFound
from triage.services.trends import figures
from triage.web.desk import render
from triage.web.keys import DEPS, NAMES
from triage.web.trends import asks, files, mapping, mixes, moods, panels, patrolled, quality

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.web.cache import Cache
    from triage.web.names import Names
    from triage.web.trends.asks import TrendsAsk
    from triage.web.trends.views import Panel

Maker: TypeAlias = "Callable[[AsyncSession, TrendsAsk, Names], Awaitable[Panel]]"

_MAKERS: Final[dict[str, Maker]] = {
    "volume": panels.volume,
    "mix": mixes.mix,
    "kinds": panels.kinds,
    "areas": panels.areas,
    "hours": panels.hours,
    "channels": panels.channels,
    "endings": panels.endings,
    "rates": quality.rates,
    "repeats": quality.repeats,
    "moods": moods.moods,
    "angry": moods.angry,
    "words": quality.new_words,
    "communities": quality.communities,
    "parties": quality.parties,
    "patrol": patrolled.patrol,
    "model": quality.model,
}
#: The charts of a question, as long as the sums stand.
PANELS: Final[web.AppKey[Cache[tuple[Panel, ...]]]] = web.AppKey("trends_panels")
#: Charts of one page that are asked for side by side: the database has other askers.
_AT_ONCE: Final = 3


@dataclass(frozen=True, slots=True)
class TrendsPage:
    """Everything the template shows."""

    ask: TrendsAsk
    panels: tuple[Panel, ...]
    demands: str
    cases: str
    as_of: str
    version: int
    charts: str
    kinds: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    districts: tuple[tuple[str, str], ...]
    streets: tuple[tuple[str, str], ...]
    channels: tuple[tuple[str, str], ...]
    spans: tuple[tuple[str, str], ...]


async def page(request: web.Request) -> web.Response:
    """GET /desk/trends. Raises BadInput."""
    ask, names, deps = asks.read(request), request.app[NAMES], request.app[DEPS]
    found = await _panels(request, ask)
    async with deps.db.reads() as session:
        total = await figures.totals(session, ask.scope)
        fresh = await figures.as_of(session)
    demands, (cases, *_) = figures.shown(total.demands, office=ask.office), ask.cases([total])
    view = TrendsPage(
        ask=ask,
        panels=found,
        demands="＜5" if demands is None else f"{demands:,}",
        cases="＜5" if cases is None else f"{cases:,}",
        as_of=show(fresh.at) if fresh.at else "",
        version=fresh.version,
        charts=ask.address("/desk/trends/charts.json"),
        kinds=tuple(
            (parent, tuple((code, names.kind(code)) for code in codes))
            for parent, codes in names.parents.items()
        ),
        districts=tuple(names.districts.items()),
        streets=tuple(
            (code, names.street(code))
            for code, (_, district) in sorted(names.streets.items())
            if district == ask.scope.district
        ),
        # 巡查发现 is no demand: it has a chart of its own.
        channels=tuple((one.value, one.label) for one in Channel if one is not Channel.PATROL),
        spans=_spans(ask),
    )  # fmt: skip
    return render(request, "trends/trends.html", page=view)


async def _panels(request: web.Request, ask: TrendsAsk) -> tuple[Panel, ...]:
    """Every chart, made once for a question and a version of the sums: page and script both ask."""
    db, names = request.app[DEPS].db, request.app[NAMES]
    async with db.reads() as session:
        version = (await figures.as_of(session)).version

    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(make: Maker) -> Panel:
        async with gate, db.reads() as session:
            return await make(session, ask, names)

    async def made() -> tuple[Panel, ...]:
        async with asyncio.TaskGroup() as tasks:
            making = [tasks.create_task(one(make)) for make in _MAKERS.values()]
        return tuple(task.result() for task in making)

    return await request.app[PANELS].get((ask, version), made)


def _spans(ask: TrendsAsk) -> tuple[tuple[str, str], ...]:
    """Short ways to a period."""
    return tuple(
        (label, ask.address(**{"from": str(ask.today - timedelta(days=days - 1)), "to": str(ask.today)}))
        for label, days in (("近 7 天", 7), ("近 30 天", 30), ("近 12 个月", 365))
    )


async def charts(request: web.Request) -> web.Response:
    """GET /desk/trends/charts.json: the options of every chart, by its id. Raises BadInput."""
    found = await _panels(request, asks.read(request))
    body = {
        panel.id: {"option": panel.option, "links": panel.links, "title": panel.title}
        for panel in found
        if panel.option is not None
    }
    return web.json_response(body, headers={"Cache-Control": "no-store"})


async def outlines(request: web.Request) -> web.Response:
    """GET /desk/trends/map.json: GeoJSON of the city or one district, and the centres of its streets."""
    area = request.query.get("area", "city")
    if area != "city" and area not in request.app[NAMES].districts:
        raise NotFound("没有这个区。")
    body = await mapping.outlines(area, request.app[NAMES])
    headers = {"Cache-Control": "private, max-age=86400"}
    return web.Response(body=body, content_type="application/json", headers=headers)


async def exported(request: web.Request) -> web.Response:
    """GET /desk/trends/{panel}.csv or .xlsx: a chart's table and definition. Raises NotFound, BadInput."""
    ask, names, deps = asks.read(request), request.app[NAMES], request.app[DEPS]
    make = _MAKERS.get(request.match_info["panel"])
    if make is None:
        raise NotFound("没有这个图表。")
    async with deps.db.reads() as session:
        panel = await make(session, ask, names)
        fresh = await figures.as_of(session)
    name = f"trends-{panel.id}-{ask.scope.first}-{ask.scope.last}"
    as_of = f"数据截至 {show(fresh.at)}，汇总版本 {fresh.version}" if fresh.at else "还没有汇总"
    return await files.answer(
        request, panel, period=ask.spelled(names, panel.wide_of), name=name, as_of=as_of,
        filters=ask.narrowing(panel.wide_of),
    )  # fmt: skip
