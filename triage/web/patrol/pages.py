"""巡查上报: the form, and the page that leads to the ticket once it is read. Without a script too."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import orjson
from aiohttp import web

from models.vocab import Post
from models.vocab_staff import Permission
from triage.errors import BadInput, NotFound, NotReady
from triage.rules.access import PostNotYours
from triage.services import attachments
from triage.services.patrol import form as forms
from triage.services.patrol import reporting
from triage.services.patrol.form import Typed
from triage.services.patrol.reporting import Photos, ReportReused
from triage.web import access, filestore, guard
from triage.web.acting import Acting
from triage.web.asking import number_of, refuse_others
from triage.web.attachments import limits_of, uploads
from triage.web.citizen import pressed
from triage.web.citizen.page import new_key, text_of
from triage.web.desk import render
from triage.web.keys import CACHES, DEPS, NAMES, VIEWER
from triage.web.patrol.around import NOTHING, Around, around, elsewhere_in, own_street
from triage.web.ticket_page import acting_of, acting_view

if TYPE_CHECKING:
    from collections.abc import Mapping

    from triage.rules.rows import UnitRow
    from triage.services.attachments import FileLimits, Prepared, Upload
    from triage.services.patrol.form import Report
    from triage.services.patrol.reporting import Progress
    from triage.web.ticket_page import ActingView

    #: As it was found, and as it is now.
    _Both = tuple[tuple[Prepared, ...], tuple[Prepared, ...]]

PAGE: Final = "/desk/patrol"
_SEE_OTHER: Final = 303
_CONFLICT: Final = 409
#: What is read of a field; more than that is told as too long.
_LONGEST: Final = 20_000
_MOST_ID: Final = 10**18 - 1
_AGAIN: Final = "请重新选一次照片：浏览器不会替您保留。"
_NOT_KEPT: Final = "照片暂时存不进去：请过一会儿再上报，或先不带照片上报。"
_SAME_PHOTO: Final = "两处是同一张照片：处理后的照片请另拍。"
_OUTSIDE: Final = "这个位置不在本市范围内，请重新点，或用文字写明。"
_NO_UNIT: Final = "巡查上报由承办单位的人填：请先在下面选“承办单位”和您的单位。"


@dataclass(frozen=True, slots=True)
class Form:
    """A form as it was typed, with the map's part of it. `seen`: what the page had shown."""

    typed: Typed
    area: str = ""
    lat: str = field(default="", repr=False)
    lon: str = field(default="", repr=False)
    seen: str = ""


@dataclass(frozen=True, slots=True)
class PatrolPage:
    """The form with what was typed and what is wrong with it."""

    typed: Typed
    area: str
    lat: str
    lon: str
    seen: str
    faults: dict[str, str]
    map: pressed.MapView
    unit: str | None
    acting: ActingView
    token: str
    here: str
    limits: FileLimits
    again: bool
    around: Around
    most_note: int


@dataclass(frozen=True, slots=True)
class SentPage:
    """How far it is."""

    case: Progress
    unit: str | None
    changed: bool


async def blank(request: web.Request) -> web.Response:
    """A new form. Raises BadInput."""
    refuse_others(request.query, ())
    return await _form(request, Form(Typed(key=new_key())), {})


def as_unit(request: web.Request) -> Acting | None:
    """Whoever asks as their unit's; None: they have to choose one first."""
    who, viewer = acting_of(request), request[VIEWER]
    if who.post is Post.UNIT and who.unit:
        return who
    if Post.UNIT in viewer.posts and viewer.unit_code:
        return Acting(viewer, Post.UNIT, viewer.unit_code, who.name)
    return None


def _unit(request: web.Request) -> tuple[Acting, UnitRow] | None:
    who = as_unit(request)
    row = request.app[DEPS].tables.units.get((who and who.unit) or "")
    return (who, row) if who is not None and row is not None else None


def _typed_of(posted: Mapping[str, Any], *, key: str) -> Form:
    """A form's fields as text; the key of a new form when it has none."""
    return Form(
        Typed(
            key=text_of(posted, "key", 200) or key, text=text_of(posted, "text", _LONGEST),
            place=text_of(posted, "place", _LONGEST), handled=text_of(posted, "handled", 8) == "1",
            note=text_of(posted, "note", _LONGEST),
        ),
        area=text_of(posted, "area", 12), lat=text_of(posted, "lat", 24), lon=text_of(posted, "lon", 24),
        seen=text_of(posted, "seen", 2000),
    )  # fmt: skip


async def sent(request: web.Request) -> web.Response:
    """The form was sent, or the map pressed. Leads to how far it is, or shows the form again."""
    posted = await request.post()
    form = _typed_of(posted, key=new_key())
    if "spot.x" in posted:
        return await _pressed(request, form, posted)
    if text_of(posted, "do") == "map":
        return await _form(request, form, {}, again=True)
    return await _sent(request, form, posted)


def _photos(posted: Mapping[str, Any], name: str) -> list[Upload]:
    """The photos of a field by their place alone: phones and people put names into the names of files."""
    called = {"files": "现场照片", "after": "处理后照片"}[name]
    return [replace(one, name=f"{called} {n}") for n, one in enumerate(uploads(posted, field=name), start=1)]


async def _sent(request: web.Request, form: Form, posted: Mapping[str, Any]) -> web.Response:
    mine = _unit(request)
    try:
        before, after = _photos(posted, "files"), _photos(posted, "after")
    except BadInput as error:
        return await _form(request, form, {"files": error.detail}, status=error.status)
    form = replace(form, typed=replace(form.typed, before=len(before), after=len(after)))
    found, faults = await _judged(request, form, mine[1] if mine else None)
    if mine is None:
        faults["form"] = _NO_UNIT
    limits, status = limits_of(request), BadInput.status
    photos: _Both = ((), ())
    if len(before) + len(after) > limits.files:
        faults["files"] = f"照片太多：两处合起来最多 {limits.files} 张。"
    if not faults:
        photos, wrong = await _prepared(request, before, after)
        faults |= wrong
    there = NOTHING
    if mine is not None and found is not None and not faults:
        there = await around(
            request, mine[1], text=found.text, place=found.place or "", point=found.point
        )  # fmt: skip
        if there.unseen(form.seen) and not await _stored(request, form):
            faults["around"] = "请先看下面这些，再按一次“上报”。"
            form, status = replace(form, seen=there.mark), _CONFLICT
    if mine is None or found is None or faults:
        if before or after:
            faults.setdefault("files", _AGAIN)
        return await _form(request, form, faults, status=status, there=there)
    return await _reported(request, form, found, mine[0], photos)


async def _prepared(
    request: web.Request, before: list[Upload], after: list[Upload]
) -> tuple[_Both, dict[str, str]]:
    """The photos that are kept, or what is wrong with them, by field."""
    made, faults, limits = [], {}, limits_of(request)
    for name, given in (("files", before), ("after", after)):
        try:
            made.append(await attachments.prepare_all(given, limits))
        except BadInput as error:
            made.append(())
            faults[name] = error.detail
    if {one.content for one in made[0]} & {one.content for one in made[1]}:
        faults["after"] = _SAME_PHOTO
    return (made[0], made[1]), faults


async def _stored(request: web.Request, form: Form) -> bool:
    """Whether this form was stored before: sent twice is no surprise."""
    async with request.app[DEPS].db.reads() as session:
        known = await reporting.sent_before(
            session, request.app[DEPS].vault, request[VIEWER], form.typed.key
        )  # fmt: skip
    return known is not None


async def _judged(
    request: web.Request, form: Form, unit: UnitRow | None
) -> tuple[Report | None, dict[str, str]]:
    """What can be reported, with the place that was pressed, or what is wrong with it."""
    spot = await pressed.spot(form.lon, form.lat)
    found, faults = forms.check(form.typed, placed=spot is not None)
    if form.lat and form.lon and spot is None:
        faults["place"] = _OUTSIDE
    if found is None or faults:
        return None, faults
    if spot is not None:
        point, filed = (spot.lon, spot.lat), spot.filed(found.place)
        home = await own_street(unit, request.app[NAMES], point) if unit else None
        if unit is not None and home is not None and not found.place:
            # No guess of a street outvotes words: neither of the place nor what was seen.
            other = await elsewhere_in(request.app[DEPS].settings, unit, found.text)
            filed = filed if other else home
        place = "，".join(p for p in (filed, found.place) if p)
        found = replace(found, place=place, point=point, away=home is None)
    return found, faults


async def _reported(
    request: web.Request,
    form: Form,
    found: Report,
    who: Acting,
    photos: _Both,
) -> web.Response:
    deps = request.app[DEPS]
    try:
        before, after = [await filestore.store(request, some, sorry=_NOT_KEPT) for some in photos]
        async with deps.db.writes.begin() as session:
            made = await reporting.report(
                session, deps, request[VIEWER], found, who.person(deps.tables),
                photos=Photos(photos[0], before, photos[1], after), now=deps.clock.now(),
            )  # fmt: skip
    except ReportReused as error:
        return _leads_to(f"{PAGE}/{error.appeal_id}?changed=1")
    except (NotReady, NotFound, PostNotYours) as error:
        return await _form(request, form, {"form": error.detail, "files": _AGAIN}, status=error.status)
    request.app[CACHES].forget_today(request[VIEWER])
    return _leads_to(f"{PAGE}/{made.appeal_id}")


def _leads_to(path: str) -> web.Response:
    return web.Response(status=_SEE_OTHER, headers={"Location": path})


async def _pressed(request: web.Request, form: Form, posted: Mapping[str, Any]) -> web.Response:
    """The map was pressed without a script: the city's leads to a district's, that one says where."""
    found = await pressed.pressed(await pressed.point(posted, form.area), form.area)
    if found is None:
        return await _form(request, form, {"map": pressed.OUTSIDE}, again=True)
    moved = replace(form, area=found.area, lon=found.lon or form.lon, lat=found.lat or form.lat)
    return await _form(request, moved, {}, again=True)


async def _form(
    request: web.Request,
    form: Form,
    faults: dict[str, str],
    *,
    status: int = 200,
    again: bool = False,
    there: Around = NOTHING,
) -> web.Response:
    mine, token = _unit(request), guard.token_of(request)
    view = await pressed.view(form.area, await pressed.spot(form.lon, form.lat), faults.get("map"))
    page = PatrolPage(
        typed=form.typed, area=view.area, lat=form.lat, lon=form.lon, seen=form.seen, faults=faults,
        map=view, unit=mine[1].name if mine else None, acting=acting_view(request, acting_of(request)),
        token=token, here=PAGE, limits=limits_of(request), again=again, around=there,
        most_note=forms.LONGEST_NOTE,
    )  # fmt: skip
    response = render(request, "patrol/form.html", status=status, page=page)
    guard.keep(response, token)
    return response


async def where(request: web.Request) -> web.Response:
    """What a press on the map means, for the page's script. Raises NotFound outside the city."""
    return await pressed.where(pressed.degrees(await request.post()))


async def look(request: web.Request) -> web.Response:
    """POST /desk/patrol/look: what to see before sending, and whether this form came in already."""
    form = _typed_of(await request.post(), key="")
    mine, spot = _unit(request), await pressed.spot(form.lon, form.lat)
    there = NOTHING
    if mine is not None and form.typed.text.strip():
        point = (spot.lon, spot.lat) if spot else None
        there = await around(request, mine[1], text=form.typed.text, place=form.typed.place, point=point)
    deps = request.app[DEPS]
    async with deps.db.reads() as session:
        known = await reporting.sent_before(session, deps.vault, request[VIEWER], form.typed.key)
    body = {"sent": known, **there.told}
    headers = {"Cache-Control": "no-store"}
    return web.Response(body=orjson.dumps(body), content_type="application/json", headers=headers)


async def shown(request: web.Request) -> web.Response:
    """How far a report is; leads to its ticket as soon as there is one. Raises NotFound."""
    refuse_others(request.query, ("changed",))
    changed = request.query.get("changed") == "1"
    number = number_of(request.match_info["id"], most=_MOST_ID)
    if number is None:
        raise NotFound("没有这件巡查上报，或您无权查看。")
    async with request.app[DEPS].db.reads() as session:
        case = await reporting.progress(session, request[VIEWER], number)
    if case.no is not None:
        return _leads_to(f"/desk/tickets/{case.no}?done={'registered-before' if changed else 'patrolled'}")
    unit = request.app[NAMES].units.get(case.unit or "")
    return render(request, "patrol/sent.html", page=SentPage(case, unit, changed))


ROUTES: Final = (
    access.get(PAGE, blank, needs=Permission.HANDLE),
    access.post(PAGE, sent, needs=Permission.HANDLE),
    access.post(f"{PAGE}/where", where, needs=Permission.HANDLE),
    access.post(f"{PAGE}/look", look, needs=Permission.HANDLE),
    access.get(f"{PAGE}/{{id}}", shown, needs=Permission.HANDLE),
)
