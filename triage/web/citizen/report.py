"""反映问题: the form, the map, and the page that says what was understood. Works without a script."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from models.unit_queries import area_names
from models.vocab_citizen import Asked, Manner
from triage.errors import BadInput, NotFound, NotReady
from triage.services import attachments, limiting
from triage.services.citizen import cases, filing, urges
from triage.services.citizen.filing import Full, Typed
from triage.web import filestore
from triage.web.attachments import limits_of
from triage.web.citizen import maps, pressed, session
from triage.web.citizen.page import leads_to, new_key, photos, shown, text_of
from triage.web.citizen.words import CaseView, case_view
from triage.web.keys import DEPS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from triage.services.attachments import FileLimits, Prepared
    from triage.services.citizen.told import Case

#: Forms with pictures that one address may send for each report it may make: some come back with a fault.
FORMS_A_REPORT: Final = 3
#: Presses on the map that one address may send for each report it may make: each is looked up.
_PRESSES_A_REPORT: Final = 20
#: How long the receipt waits for what was understood; it is on the case's page later.
_PATIENCE_SECONDS: Final = 1.5
_POLL_SECONDS: Final = 0.15
_NOT_KEPT: Final = "照片暂时存不进去，请过一会儿再提交，或先不带照片提交。"
_MANNERS: Final = {
    Manner.NAMED: "留姓名和电话，办理单位会联系您，办完会回访。",
    Manner.ANONYMOUS: "不留姓名和电话，用编号和查询码看进度；不会有人联系您。",
    Manner.CONFIDENTIAL: "留电话便于核实，您的信息对被反映的单位和个人保密，也不会公开。",
}


@dataclass(frozen=True, slots=True)
class Way:
    """One manner of sending, with what it means."""

    code: str
    label: str
    what: str


@dataclass(frozen=True, slots=True)
class ReportPage:
    """The form with what was typed and what is wrong with it."""

    typed: Typed
    faults: dict[str, str]
    map: pressed.MapView
    ways: tuple[Way, ...]
    limits: FileLimits
    shortest: int
    longest: int
    again: bool


@dataclass(frozen=True, slots=True)
class DonePage:
    """The receipt."""

    case: CaseView
    code: str | None


async def home(request: web.Request) -> web.Response:
    """The two ways in."""
    return shown(request, "home")


async def blank(request: web.Request) -> web.Response:
    """A new form."""
    return await _form(request, Typed(key=new_key()), {})


async def sent(request: web.Request) -> web.Response:
    """The form was sent, or the map pressed. Leads to the receipt, or shows the form again."""
    form = await request.post()
    typed = filing.typed_of(form, key=new_key())
    if "spot.x" in form:
        return await _pressed(request, typed, form)
    if text_of(form, "do") == "map":
        return await _form(request, typed, {}, again=True)
    found, faults = filing.check(typed)
    spot = await pressed.spot(typed.lon, typed.lat)
    if typed.lat and typed.lon and spot is None:
        faults["place"] = "地图上点的位置不在本市范围内，请重新点，或用文字写明。"
    files: tuple[Prepared, ...] = ()
    try:
        given = photos(form)
        if given and faults:
            faults["files"] = "请重新选一次照片：浏览器不会替您保留。"
        elif given:
            # Decoding costs: only for a form that can be taken, and so often an hour.
            await _count_pictures(request)
            files = await attachments.prepare_all(given, limits_of(request))
    except BadInput as error:
        faults["files"] = error.detail
    except limiting.TooOften as error:
        return await _form(request, typed, {"form": error.detail}, status=error.status)
    if found is None or faults:
        return await _form(request, typed, faults, status=400)
    return await _taken(request, typed, found, spot.filed(found.place) if spot else None, files)


async def _taken(
    request: web.Request,
    typed: Typed,
    found: filing.Filing,
    where: str | None,
    files: tuple[Prepared, ...],
) -> web.Response:
    """File what can be filed. Leads to the receipt, or shows the form again."""
    try:
        filed = await _file(request, found, where, files)
    except NotReady as error:
        return await _form(request, typed, {"files": error.detail}, status=error.status)
    except (limiting.TooOften, Full) as error:
        return await _form(request, typed, {"form": error.detail}, status=error.status)
    response = leads_to("/citizen/done")
    session.start(request, response, filed.appeal_id, code=filed.code)
    return response


async def _count_pictures(request: web.Request) -> None:
    """Count a form with pictures, for good. Raises TooOften."""
    await _count(request, "pictures", FORMS_A_REPORT)


async def _count(request: web.Request, what: str, a_report: int) -> None:
    deps, place = request.app[DEPS], limiting.place_of(request.remote or "")
    most = deps.settings.citizen_reports_per_address * a_report
    async with deps.db.writes.begin() as opened:
        await limiting.count(
            opened, deps.vault, Asked.REPORT, f"{what}:{place}", most=most, now=deps.clock.now()
        )


async def _file(
    request: web.Request, found: filing.Filing, where: str | None, files: tuple[Prepared, ...]
) -> filing.Filed:
    """Keep the files, then everything else in one transaction. Raises NotReady (files), TooOften, Full."""
    deps = request.app[DEPS]
    hashes = await filestore.store(request, files, sorry=_NOT_KEPT)
    async with deps.db.writes.begin() as opened:
        filed = await filing.file(
            opened, deps, found, where=where, address=request.remote or "", files=files, hashes=hashes,
            now=deps.clock.now(),
        )  # fmt: skip
        await filing.source_named(opened)
    return filed


async def _pressed(request: web.Request, typed: Typed, form: Mapping[str, Any]) -> web.Response:
    """The map was pressed without a script: the city's leads to a district's, that one says where."""
    at = await pressed.point(form, typed.area)
    try:
        await _count(request, "map", _PRESSES_A_REPORT)
    except limiting.TooOften as error:
        return await _form(request, typed, {"map": error.detail}, status=error.status, again=True)
    found = await pressed.pressed(at, typed.area)
    if found is None:
        return await _form(request, typed, {"map": pressed.OUTSIDE}, again=True)
    moved = replace(typed, area=found.area, lon=found.lon or typed.lon, lat=found.lat or typed.lat)
    return await _form(request, moved, {}, again=True)


async def _form(
    request: web.Request, typed: Typed, faults: dict[str, str], *, status: int = 200, again: bool = False
) -> web.Response:
    spot = await pressed.spot(typed.lon, typed.lat)
    view = await pressed.view(typed.area, spot, faults.get("map"))
    page = ReportPage(
        typed=replace(typed, area=view.area),
        faults=faults,
        map=view,
        ways=tuple(Way(manner.value, manner.label, words) for manner, words in _MANNERS.items()),
        limits=limits_of(request),
        shortest=filing.SHORTEST_TEXT,
        longest=filing.LONGEST_TEXT,
        again=again,
    )
    return shown(request, "report", status=status, page=page)


async def picture(request: web.Request) -> web.Response:
    """The map of a district, or of the city. Raises NotFound."""
    try:
        svg = await asyncio.to_thread(maps.picture, request.query.get("area", maps.CITY))
    except KeyError:
        raise NotFound("没有这个区的地图。") from None
    return web.Response(text=svg, content_type="image/svg+xml")


async def where(request: web.Request) -> web.Response:
    """What a press on the map means, for the page's script. Raises NotFound outside the city, TooOften."""
    at = pressed.degrees(await request.post())
    await _count(request, "map", _PRESSES_A_REPORT)
    return await pressed.where(at)


async def done(request: web.Request) -> web.Response:
    """The receipt, with what was understood if that is known by now. The code is shown this once."""
    opened = session.current(request)
    if opened is None:
        return leads_to("/citizen/track")
    case = await _understood(request, opened.appeal_id)
    view = await view_of(request, case)
    response = shown(request, "done", page=DonePage(view, opened.code))
    if opened.code:
        session.start(request, response, opened.appeal_id, after=opened)
    return response


async def _understood(request: web.Request, appeal_id: int) -> Case:
    """The case, read by now if a worker is quick. Raises NotFound when it is gone."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _PATIENCE_SECONDS
    while True:
        async with request.app[DEPS].db.reads() as opened:
            case = await cases.read(opened, appeal_id)
        if case is None:
            raise NotFound("没有这件诉求。")
        if case.state is not None or loop.time() >= until:
            return case
        await asyncio.sleep(_POLL_SECONDS)


async def view_of(request: web.Request, case: Case) -> CaseView:
    """The case in words."""
    deps = request.app[DEPS]
    codes = [code for code in (case.district, case.street) if code]
    async with deps.db.reads() as opened:
        areas = await area_names(opened, codes)
        above = await urges.above(opened, deps.vault, case)
    return case_view(case, deps.tables, areas, urges=above, now=deps.clock.now())
