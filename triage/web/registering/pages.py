"""登记诉求: the clerk's form, and the page that leads to the ticket once it is read. Without a script too."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from connectors.vault import normal_phone
from models.vocab import Channel, Post, Told
from models.vocab_staff import Permission
from triage.clock import local
from triage.errors import BadInput, NotFound, NotReady
from triage.rules.access import PostNotYours
from triage.services import attachments, callers, registered, registering, registration, taking_over
from triage.services.limiting import TooOften
from triage.services.registering import FormReused, NotGivenUp
from triage.services.registration import Typed
from triage.web import access, filestore
from triage.web.acting import Acting
from triage.web.asking import number_of, refuse_others
from triage.web.attachments import limits_of
from triage.web.callers import views as caller_views
from triage.web.citizen import pressed
from triage.web.citizen.page import new_key, photos, text_of
from triage.web.desk import render
from triage.web.keys import CACHES, DEPS, NAMES, VIEWER
from triage.web.registering import api
from triage.web.ticket_page import acting_of
from triage.web.views import Term

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from triage.services.attachments import FileLimits, Prepared
    from triage.services.registered import Progress, Same
    from triage.services.registering import Failed
    from triage.services.registration import Registration
    from triage.web.callers.views import CallerCases

PAGE: Final = "/desk/register"
_SEE_OTHER: Final = 303
_CONFLICT: Final = 409
#: What is read of a field; more than that is told as too long.
_LONGEST: Final = 20_000
#: The same where a given-up appeal filled it in: sources have longer measures than a form.
_WHOLE: Final = 1_000_000
_MOST_ID: Final = 10**18 - 1
#: How `input type=datetime-local` writes a moment.
_MINUTE: Final = "%Y-%m-%dT%H:%M"
_GONE: Final = (
    "这条处理失败的诉求已经有人重试或登记，请先看“处理失败”和工单列表；仍要登记的，再按一次，就作为另外一件。"
)
_AGAIN: Final = "请重新选一次照片：浏览器不会替您保留。"
_CALLED: Final = (
    "这个电话已经有下面的诉求。问的是其中一件的，告知进展、记催办，不另登记；是另外的事，再按一次“登记”。"
)
_NOT_KEPT: Final = "照片暂时存不进去：请过一会儿再登记，或先不带照片登记。"
_KNOWN: Final = "这个编号已经有下面的诉求。是同一件事的，请到那里办；确要另登记一件，再按一次“登记”。"


@dataclass(frozen=True, slots=True)
class Form:
    """A form as it was typed, with the map's part of it.

    `seen`: the number whose cases the page showed; `called`: the phone whose cases it did.
    """

    typed: Typed
    area: str = ""
    lat: str = field(default="", repr=False)
    lon: str = field(default="", repr=False)
    seen: str = ""
    called: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class RegisterPage:
    """The form with what was typed and what is wrong with it."""

    typed: Typed
    area: str
    lat: str
    lon: str
    faults: dict[str, str]
    map: pressed.MapView
    hows: tuple[Term, ...]
    same: tuple[Same, ...]
    caller: CallerCases | None
    """The cases of the phone, where they were looked up just now."""
    called: str = field(repr=False)
    """The phone, once its cases were looked up."""
    failed: Failed | None
    limits: FileLimits
    again: bool
    ways: tuple[Term, ...]
    most_answered: int


@dataclass(frozen=True, slots=True)
class RegisteredPage:
    """How far it is."""

    case: Progress
    how: str
    same: tuple[Same, ...]
    changed: bool


async def blank(request: web.Request) -> web.Response:
    """A new form, begun with an outside `number` or a given-up appeal (`failed`).

    Raises BadInput, NotFound.
    """
    refuse_others(request.query, ("number", "failed"))
    number = registration.line(request.query.get("number", ""))[: registration.LONGEST_NUMBER]
    typed = _new(request, number=number)
    if given := request.query.get("failed"):
        appeal_id = number_of(given, most=_MOST_ID)
        if appeal_id is None:
            raise BadInput("参数 failed 应是数字")
        typed = await _begun(request, typed, appeal_id)
    return await _form(request, Form(typed, seen=typed.number), {})


def _new(request: web.Request, *, number: str = "", phone: str = "") -> Typed:
    now = local(request.app[DEPS].clock.now())
    return Typed(key=new_key(), received=now.strftime(_MINUTE), number=number, phone=phone)


async def _begun(request: web.Request, typed: Typed, appeal_id: int) -> Typed:
    """The form as a given-up appeal fills it in: masked; who it is from stays sealed. Raises NotFound."""
    async with request.app[DEPS].db.reads() as session:
        old = await registering.failed(session, request[VIEWER], appeal_id)
    known = {how.value for how in registration.HOW}
    return replace(
        typed, how=old.channel if old.channel in known else Channel.OTHER.value, title=old.title,
        text=old.text, place=old.place, anonymous=not old.identity, carry=old.identity,
        confidential=old.confidential, received=local(old.received_at).strftime(_MINUTE),
        number=old.number, failed=appeal_id,
    )  # fmt: skip


def typed_of(form: Mapping[str, object], *, key: str) -> Form:
    """A form's fields as text; the key of a new form when it has none."""

    def ticked(name: str) -> bool:
        return text_of(form, name, 8) == "1"

    failed = number_of(form.get("failed"), most=_MOST_ID)
    most = _LONGEST if failed is None else _WHOLE
    return Form(
        Typed(
            key=text_of(form, "key", registration.LONGEST_KEY) or key, how=text_of(form, "how", 16),
            title=text_of(form, "title", most), text=text_of(form, "text", most),
            place=text_of(form, "place", most),
            name=text_of(form, "name", 200), phone=text_of(form, "phone", 200),
            anonymous=ticked("anonymous"), confidential=ticked("confidential"),
            received=text_of(form, "received", 40), number=text_of(form, "number", 200),
            failed=failed, carry=ticked("carry"),
            answered=ticked("answered"), answer=text_of(form, "answer", _LONGEST),
            told=text_of(form, "told", 16),
        ),
        area=text_of(form, "area", 12), lat=text_of(form, "lat", 24), lon=text_of(form, "lon", 24),
        seen=text_of(form, "seen", 200), called=text_of(form, "called", 200),
    )  # fmt: skip


async def sent(request: web.Request) -> web.Response:
    """The form was sent, or the map pressed. Leads to how far it is, or shows the form again."""
    posted = await request.post()
    form = typed_of(posted, key=new_key())
    if "spot.x" in posted:
        return await _pressed(request, form, posted)
    match text_of(posted, "do"):
        case "map":
            return await _form(request, form, {}, again=True)
        case "caller":
            return await _looked_up(request, form)
        case "begin":
            typed = _new(request, phone=form.typed.phone)
            return await _form(request, Form(typed, called=normal_phone(typed.phone)), {})
        case _:
            return await _sent(request, form, posted)


async def _sent(request: web.Request, form: Form, posted: Mapping[str, Any]) -> web.Response:
    found, faults = await _judged(request, form)
    number = registration.line(form.typed.number)
    files: tuple[Prepared, ...] = ()
    try:
        files = await _photos(request, posted, wanted=not faults)
    except BadInput as error:
        faults["files"] = error.detail
    surprised = await _surprises(request, form, number)
    # Last of all: what is shown is a look, and without it the form is registered. Where that may fail (a
    # given-up appeal may be gone), that there is nothing to show is a look as well.
    always = surprised or form.typed.failed is not None
    caller = None if found is None or faults else await _calling(request, form, found, always=always)
    status = BadInput.status
    if (surprised or caller) and files:
        faults["files"] = _AGAIN
    if surprised:
        form, faults, status = replace(form, seen=number), {"number": _KNOWN, **faults}, _CONFLICT
    if caller:
        called = normal_phone(form.typed.phone)
        form, faults, status = replace(form, called=called), {"phone": _CALLED, **faults}, _CONFLICT
    if found is None or faults:
        return await _form(request, form, faults, status=status, caller=caller)
    return await _registered(request, form, found, files)


async def _looked_up(request: web.Request, form: Form) -> web.Response:
    """来电查件 before the form is sent: what was typed stays."""
    deps, phone = request.app[DEPS], form.typed.phone
    try:
        found = await callers.look(deps, request[VIEWER], phone, besides=form.typed.failed)
    except (BadInput, TooOften) as error:
        why = error.detail if phone.strip() else "请先写电话，再查。"
        return await _form(request, form, {"phone": why}, status=error.status)
    form = replace(form, called=normal_phone(phone))
    return await _form(request, form, {}, caller=caller_views.view(found, request.app[NAMES]))


async def _calling(
    request: web.Request, form: Form, found: Registration, *, always: bool
) -> CallerCases | None:
    """The cases of the form's phone, unless the page showed them or the form was sent before; None: none."""
    if found.phone is None or form.called == found.phone:
        return None
    deps, viewer = request.app[DEPS], request[VIEWER]
    async with deps.db.reads() as session:
        if await registering.sent_before(session, deps.vault, viewer, form.typed.key):
            return None
    cases = await callers.known(deps, viewer, found.phone, besides=form.typed.failed, always=always)
    return caller_views.view(cases, request.app[NAMES]) if cases.cases else None


async def _judged(request: web.Request, form: Form) -> tuple[Registration | None, dict[str, str]]:
    """What can be registered, with the place that was pressed, or what is wrong with it."""
    deps = request.app[DEPS]
    async with deps.db.reads() as session:
        filled = await taking_over.filled_in(session, request[VIEWER], form.typed.failed)
    found, faults = registration.check(form.typed, now=deps.clock.now(), shown=filled)
    spot = await pressed.spot(form.lon, form.lat)
    if form.lat and form.lon and spot is None:
        faults["place"] = "地图上点的位置不在本市范围内，请重新点，或用文字写明。"
    if found is None:
        return None, faults
    async with deps.db.reads() as session:
        if wrong := await registering.number_fault(session, found.number):
            faults["number"] = wrong
    if spot is not None:
        found = replace(found, place="，".join(p for p in (spot.filed(found.place), found.place) if p))
    return found, faults


async def _surprises(request: web.Request, form: Form, number: str) -> bool:
    """Whether other cases bear this number and the form has not shown them; sent twice is no surprise."""
    if form.seen == number:
        return False
    deps, viewer = request.app[DEPS], request[VIEWER]
    async with deps.db.reads() as session:
        if await registering.sent_before(session, deps.vault, viewer, form.typed.key):
            return False
        return await registered.bearing(session, viewer, number) != ()


async def _photos(request: web.Request, posted: Mapping[str, Any], *, wanted: bool) -> tuple[Prepared, ...]:
    """The photos of a form that can be taken. Raises BadInput."""
    given = photos(posted)
    if given and not wanted:
        raise BadInput(_AGAIN)
    return await attachments.prepare_all(given, limits_of(request))


async def _registered(
    request: web.Request, form: Form, found: Registration, files: Sequence[Prepared]
) -> web.Response:
    try:
        return _leads_to(f"{PAGE}/{await _register(request, found, files)}")
    except FormReused as error:
        return _leads_to(f"{PAGE}/{error.appeal_id}?changed=1")
    except NotReady as error:
        return await _form(request, form, {"files": error.detail}, status=error.status)
    except (NotFound, NotGivenUp) as error:
        return await _form(request, form, {"form": _GONE}, status=error.status)
    except PostNotYours as error:
        return await _form(request, form, {"answered": error.detail}, status=error.status)


def _leads_to(path: str) -> web.Response:
    return web.Response(status=_SEE_OTHER, headers={"Location": path})


async def _register(request: web.Request, found: Registration, files: Sequence[Prepared]) -> int:
    """Keep the files, then everything else in one transaction. Raises what `register` does, and NotReady."""
    deps = request.app[DEPS]
    hashes = await filestore.store(request, files, sorry=_NOT_KEPT)
    async with deps.db.writes.begin() as session:
        made = await registering.register(
            session, deps, request[VIEWER], found, files=files, hashes=hashes,
            by=as_clerk(acting_of(request)).person(deps.tables), now=deps.clock.now(),
        )  # fmt: skip
    request.app[CACHES].forget_today(request[VIEWER])
    return made.appeal_id


def as_clerk(who: Acting) -> Acting:
    """The same person as the hotline's: an answer at once is hers."""
    return who if who.post is Post.HOTLINE else Acting(who.who, Post.HOTLINE, None, who.name)


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
    caller: CallerCases | None = None,
) -> web.Response:
    viewer, typed, old = request[VIEWER], form.typed, None
    async with request.app[DEPS].db.reads() as session:
        same = await registered.bearing(session, viewer, form.seen)
        if typed.failed is not None:
            try:
                old = await registering.failed(session, viewer, typed.failed)
            except NotFound:
                # Somebody else was faster: what was typed stays, for a case of its own.
                typed, faults = replace(typed, failed=None, carry=False), {"form": _GONE, **faults}
    view = await pressed.view(form.area, await pressed.spot(form.lon, form.lat), faults.get("map"))
    called = form.called if form.called == normal_phone(typed.phone) else ""
    page = RegisterPage(
        typed=typed, area=view.area, lat=form.lat, lon=form.lon, faults=faults, map=view,
        hows=tuple(Term(how.value, how.label) for how in registration.HOW), same=same, caller=caller,
        called=called, failed=old, limits=limits_of(request), again=again,
        ways=tuple(Term(one.value, one.label) for one in Told),
        most_answered=registration.LONGEST_ANSWER,
    )  # fmt: skip
    return render(request, "desk/register.html", status=status, page=page, seen=form.seen)


async def where(request: web.Request) -> web.Response:
    """What a press on the map means, for the page's script. Raises NotFound outside the city."""
    return await pressed.where(pressed.degrees(await request.post()))


async def shown(request: web.Request) -> web.Response:
    """How far a registered appeal is; leads to its ticket as soon as there is one. Raises NotFound."""
    refuse_others(request.query, ("changed",))
    changed = request.query.get("changed") == "1"
    async with request.app[DEPS].db.reads() as session:
        case = await registered.progress(session, request[VIEWER], api.id_of(request))
        same = await registered.bearing(session, request[VIEWER], case.number, besides=case.appeal_id)
    if case.no is not None:
        return _leads_to(f"/desk/tickets/{case.no}?done={'registered-before' if changed else 'registered'}")
    how = Channel(case.channel).label
    return render(request, "desk/registered.html", page=RegisteredPage(case, how, same, changed))


ROUTES: Final = (
    access.get(PAGE, blank, needs=Permission.INTAKE),
    access.post(PAGE, sent, needs=Permission.INTAKE),
    access.post(f"{PAGE}/where", where, needs=Permission.INTAKE),
    access.get(f"{PAGE}/{{id}}", shown, needs=Permission.INTAKE),
    *api.ROUTES,
)
