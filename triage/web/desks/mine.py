"""在办地图: the open cases of one's own unit on our own map, and the same as a list by place.

Drawn by the server as SVG, over the outlines that the citizen's page has: no tiles, nothing from elsewhere.
A point is a link into the list beside it. Late ones are squares, not only red.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from markupsafe import Markup

from models.vocab import State, Urgency
from models.vocab_staff import Permission
from triage.clock import local, show
from triage.errors import BadInput
from triage.services import keeping
from triage.services.desks import open_places
from triage.web import access, acting, asking, guard, present
from triage.web.citizen import maps
from triage.web.desk import render
from triage.web.keys import DEPS, NAMES, VIEWER
from triage.web.place_picking import GROUND
from triage.web.reports.tabs import Tab
from triage.web.ticket_page import acting_of, acting_view

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aiohttp import web

    from models.filters import Day
    from triage.services.desks.open_places import OpenCase
    from triage.web.ticket_page import ActingView
    from triage.web.views import Due, Term

#: Cases nearer than this (units of the picture) are one point.
_TOGETHER: Final = 18


@dataclass(frozen=True, slots=True)
class CaseLine:
    """A case in the list beside the map."""

    no: str
    title: str
    urgency: Term
    state: Term
    due: Due | None
    keeper: str | None


@dataclass(frozen=True, slots=True)
class Place:
    """Cases at one point, or without one; `number` is what stands on the map."""

    number: int | None
    name: str
    late: int
    lines: tuple[CaseLine, ...]


@dataclass(frozen=True, slots=True)
class MapPage:
    """Everything the page shows."""

    whose: str
    picture: Markup
    places: tuple[Place, ...]
    count: int
    full: bool
    tabs: tuple[Tab, ...]
    as_of: str
    acting: ActingView
    here: str
    token: str


@dataclass(slots=True)
class _Spot:
    x: float
    y: float
    cases: list[OpenCase]


async def page(request: web.Request) -> web.Response:
    """GET /desk/map: of the unit one acts for, of `unit` or `district`. Raises BadInput."""
    asking.refuse_others(request.query, ("unit", "district"))
    deps, names, who = request.app[DEPS], request.app[NAMES], acting_of(request)
    unit, district = request.query.get("unit") or None, request.query.get("district") or None
    if unit:
        unit = acting.unit_code(deps.tables, unit.strip(), on=local(deps.clock.now()).date())
        if unit not in deps.tables.units:
            raise BadInput("参数 unit 不是单位名录里的单位")
    if district and district not in names.districts:
        raise BadInput("参数 district 不是区编码")
    own = None
    if not unit and not district and who.unit:
        mine = deps.tables.units[who.unit]
        unit, own = (None, mine.code) if mine.governs else (mine.code, None)
    row, chosen = deps.tables.units.get(unit or ""), district or own
    area = chosen or (row.district_code if row else None) or maps.CITY
    atlas = await request.app[GROUND].atlas()
    async with deps.db.reads() as session:
        cases = await open_places.open_cases(
            session, request[VIEWER], atlas, unit=unit, district=district, own=own
        )
        day = asking.day_of(deps.clock.now())
        kept = await keeping.of_tickets(session, deps.tables, [case.id for case in cases], now=day.now)
    names_of = {case.id: keeping.told(kept.get(case.id, {}), case.unit, request[VIEWER]) for case in cases}
    # The outlines are read from a package and thinned out: once, and not in the loop.
    picture, spots, rest = await asyncio.to_thread(_drawn, area, cases, day)
    places = [
        _place(request, number, spot.cases, day, names_of) for number, spot in enumerate(spots, start=1)
    ]
    if rest:
        places.append(_place(request, None, rest, day, names_of))
    token = guard.token_of(request)
    return render(
        request, "desks/map.html",
        page=MapPage(
            whose=row.name if row else names.district(chosen) if chosen else "全市",
            picture=picture, places=tuple(places), count=len(cases), full=len(cases) == open_places.MOST,
            tabs=tuple(
                Tab(name, f"/desk/map?{urlencode({'district': code})}", code == chosen and not unit)
                for code, name in names.districts.items()
            ),
            as_of=show(day.now), acting=acting_view(request, who), here="/desk/map", token=token,
        ),
    )  # fmt: skip


def _drawn(area: str, cases: Iterable[OpenCase], day: Day) -> tuple[Markup, list[_Spot], list[OpenCase]]:
    """The map with its points, the points, and the cases that have none on it."""
    shown = maps.view(area)
    spots: list[_Spot] = []
    rest: list[OpenCase] = []
    for case in cases:
        if case.lon is None or case.lat is None:
            rest.append(case)
            continue
        x, y = shown.place(case.lon, case.lat)
        if not (0 <= x <= maps.SIZE and 0 <= y <= maps.SIZE):
            rest.append(case)
            continue
        near = next((s for s in spots if abs(s.x - x) < _TOGETHER and abs(s.y - y) < _TOGETHER), None)
        if near is None:
            spots.append(_Spot(x, y, [case]))
        else:
            near.cases.append(case)
    marks = "".join(_mark(number, spot, day) for number, spot in enumerate(spots, start=1))
    whole = maps.picture(area).removesuffix("</svg>")
    return Markup(f"{whole}{marks}</svg>"), spots, rest  # noqa: S704  (figures and our own outlines only)


def _mark(number: int, spot: _Spot, day: Day) -> str:
    late = sum(case.due_at is not None and case.due_at < day.now for case in spot.cases)
    words = f"{number} 号地点，{len(spot.cases)} 件" + (f"，{late} 件已超期" if late else "")
    side = 13
    shape = (
        f'<rect x="{spot.x - side:g}" y="{spot.y - side:g}" width="{2 * side}" height="{2 * side}"'
        ' stroke="#fff" fill="#a3211a"/>'
        if late
        else f'<circle cx="{spot.x:g}" cy="{spot.y:g}" r="{side}" stroke="#fff" fill="#0f5d57"/>'
    )
    label = (
        f'<text x="{spot.x:g}" y="{spot.y:g}" font-size="15" fill="#fff" dominant-baseline="central">'
        f"{number}</text>"
    )
    return f'<a href="#place-{number}" aria-label="{words}">{shape}{label}</a>'


def _place(
    request: web.Request,
    number: int | None,
    cases: list[OpenCase],
    day: Day,
    keepers: Mapping[int, str | None],
) -> Place:
    codes = dict.fromkeys(case.street for case in cases if case.street)
    names = request.app[NAMES]
    streets = [names.street(code) for code in codes if code in names.streets]
    return Place(
        number=number,
        name="、".join(streets[:3]) or ("地点不明" if number is None else "街道不明"),
        late=sum(case.due_at is not None and case.due_at < day.now for case in cases),
        lines=tuple(
            CaseLine(
                case.no, case.title, present.term(Urgency, case.urgency), present.term(State, case.state),
                present.due(case.due_at, case.due_clock, day), keepers[case.id],
            )
            for case in cases
        ),
    )  # fmt: skip


ROUTES: Final = (access.get("/desk/map", page, needs=Permission.SEE_CASES),)
