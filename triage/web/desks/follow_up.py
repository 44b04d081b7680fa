"""回访台: one case after the other to be rung, with all that the call needs, and the forms of its result.

Whoever opens a case here holds it for a while, so that no colleague is given it; 下一个, 跳过, a result and
leaving the page let go of it. The citizen's number is on no page that an address leads to: it answers a form,
looked at with a reason and written down (查看身份), and seen again only by another look.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from aiohttp import hdrs, web

from connectors.vault import VaultError
from models import holds, ticket_detail
from models.vocab import Move, Outcome, Post, Satisfaction, YesNo
from models.vocab_identities import IdentityField
from models.vocab_staff import Permission
from triage.errors import BadInput, NoRule, NotFound, TriageError
from triage.rules.calendar import beijing
from triage.rules.fields import Refusal
from triage.services import call_after as agreeing
from triage.services import moving
from triage.services.desks import next_call
from triage.services.identities import revealing
from triage.services.identities.holding import Holder
from triage.services.identities.revealing import Reason, Tally
from triage.web import access, asking, call_after
from triage.web import moves as moves_web
from triage.web.acting import Acting, posts_of
from triage.web.desks import follow_up_page
from triage.web.desks.follow_up_page import Shown, Tried
from triage.web.desks.follow_up_views import Phone, Said
from triage.web.desks.live import BOARD
from triage.web.keys import CACHES, DEPS, VIEWER
from triage.web.ticket_page import acting_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.ticket_detail import WholeTicket

_PAGE: Final = "/desk/followup"
_SEE_OTHER: Final = 303
_MOST_SKIPPED: Final = 20
_LONGEST_NO: Final = 32
_NUMBER: Final = re.compile(r"[0-9-]{1,32}")
_PARAMETERS: Final = ("but", "done", "how")
_ERRORS: Final = (Refusal, NoRule, BadInput, moving.Conflict, moving.KeyReused)
#: Of 查看身份: why whoever rings looks at the number.
_REASON: Final = "call_back"
_UNHAPPY: Final = frozenset({Satisfaction.DISSATISFIED.value, Satisfaction.VERY_DISSATISFIED.value})
#: What became of `done`, in `how`; each may be taken back on its ticket's page for ten minutes.
_SAID: Final = {
    "reached": ("已记录回访，可以办结；10 分钟内可在它的工单页撤销。", "good"),
    "unhappy": ("已记录回访：没有解决或不满意。重办，或写明理由办结，在它的工单页；10 分钟内可撤销。", ""),
    "missed": ("已记一次未接通，过几小时再轮到；10 分钟内可在它的工单页撤销。", "good"),
    "last": ("几次都未接通：记为未接通，不再打，可以办结；10 分钟内可在它的工单页撤销。", "good"),
    "agreed": ("已约定时间，到时间排在最前；更改、清除在它的工单页。", "good"),
    "cleared": ("已清除约定时间。", "good"),
}


async def following(request: web.Request) -> web.Response:
    """GET /desk/followup: lead to the next case, held from now on; a page that says when one may be rung.

    With `look` that page in any case, and nothing is held.
    """
    asking.refuse_others(request.query, (*_PARAMETERS, "look"), many=("but",))
    but = await _skipped(request)
    deps, viewer = request.app[DEPS], request[VIEWER]
    if "look" in request.query:
        # The page looks again by itself: perhaps nobody is there.
        return await follow_up_page.none(request, None, but, looked=True)
    no = await next_call.take(deps, viewer, now=deps.clock.now(), but=but)
    if no is None:
        return await follow_up_page.none(request, _said(request), but)
    query = _query(
        but=but, **{name: request.query[name] for name in ("done", "how") if request.query.get(name)}
    )
    place = f"{_PAGE}/{no}?{query}" if query else f"{_PAGE}/{no}"
    return web.Response(status=_SEE_OTHER, headers={hdrs.LOCATION: place})


async def _skipped(request: web.Request) -> tuple[str, ...]:
    """What was skipped so far: it goes along with every address and every form of the page."""
    form = await request.post() if request.method == hdrs.METH_POST else request.query
    found = [no for no in form.getall("but", []) if isinstance(no, str) and _NUMBER.fullmatch(no)]
    return tuple(dict.fromkeys(found))[:_MOST_SKIPPED]


def _said(request: web.Request) -> Said | None:
    """What was done just before, told once on the page it led to."""
    no, told = request.query.get("done", ""), _SAID.get(request.query.get("how", ""))
    return Said(no, *told) if told and _NUMBER.fullmatch(no) else None


async def one(request: web.Request) -> web.Response:
    """GET /desk/followup/{no}. Raises NotFound."""
    asking.refuse_others(request.query, _PARAMETERS, many=("but",))
    return await _page(request)


async def _page(
    request: web.Request,
    *,
    tried: Tried | None = None,
    after: tuple[Mapping[str, str], TriageError] | None = None,
    phone: Phone | None = None,
    status: int = 200,
) -> web.Response:
    no = request.match_info["no"]
    but = tuple(other for other in await _skipped(request) if other != no)
    skip = f"{_PAGE}?{_query(but=(no, *but)[:_MOST_SKIPPED])}"
    shown = Shown(tried, after, phone, skip, but, _said(request), acting(request), status)
    return await follow_up_page.case(request, no, shown)


def acting(request: web.Request) -> Acting:
    """As whom: here everybody follows up, whatever 当前身份 is for other pages."""
    who = acting_of(request)
    if who.post is Post.FOLLOW_UP or Post.FOLLOW_UP not in posts_of(request[VIEWER]):
        return who
    return Acting(request[VIEWER], Post.FOLLOW_UP, None, who.name)


async def recorded(request: web.Request) -> web.Response:
    """POST /desk/followup/{no}: the result. Leads to the next, or shows why not. Raises NotFound."""
    deps, no = request.app[DEPS], request.match_info["no"]
    form = await request.post()
    typed = {name: value for name, value in form.items() if isinstance(value, str) and name != "but"}
    now, who = deps.clock.now(), acting(request)
    try:
        wish, _ = moves_web.desk_wish(
            deps.tables, no, {**typed, "move": Move.FOLLOW_UP.value}, on=beijing(now).date()
        )
        async with deps.db.writes.begin() as session:
            await moving.make(session, deps.tables, request[VIEWER], who.person(deps.tables), wish, now=now)
            await holds.release(session, request[VIEWER].login, now=now)
            over = await agreeing.is_over(session, no)
    except _ERRORS as error:
        return await _refused(request, typed, error, tried=Tried(typed, error))
    request.app[CACHES].moved(request[VIEWER])
    request.app[BOARD].tell()
    return await _next(request, no, _how(typed, over=over))


def _how(typed: Mapping[str, str], *, over: bool) -> str:
    if typed.get("outcome") != Outcome.REACHED:
        return "last" if over else "missed"
    unhappy = typed.get("solved") == YesNo.NO or typed.get("satisfaction") in _UNHAPPY
    return "unhappy" if unhappy else "reached"


def _query(*, but: Sequence[str], **told: str) -> str:
    return urlencode([*told.items(), *(("but", other) for other in but)])


async def _next(request: web.Request, no: str, how: str) -> web.Response:
    place = f"{_PAGE}?{_query(but=await _skipped(request), done=no, how=how)}"
    return web.Response(status=_SEE_OTHER, headers={hdrs.LOCATION: place})


async def agreed(request: web.Request) -> web.Response:
    """POST /desk/followup/{no}/after: 约定时间. Leads to the next, or shows why not. Raises NotFound."""
    typed = await call_after.typed_of(request)
    try:
        done = await call_after.form_done(request, typed)
    except (BadInput, agreeing.AfterLimit, agreeing.CallAfterChanged, agreeing.NotToFollow) as error:
        return await _refused(request, typed, error, after=(typed, error))
    if done.at is None:
        # It may be rung now: by whoever has it open.
        query = _query(but=await _skipped(request), done=done.no, how="cleared")
        place = f"{_PAGE}/{done.no}?{query}"
        return web.Response(status=_SEE_OTHER, headers={hdrs.LOCATION: place})
    return await _next(request, done.no, "agreed")


async def phoned(request: web.Request) -> web.Response:
    """POST /desk/followup/{no}/phone: 查看身份, the number alone, on this page. Raises NotFound."""
    deps, viewer, no = request.app[DEPS], request[VIEWER], request.match_info["no"]
    typed = await call_after.typed_of(request)
    words = typed.get("words", "")
    async with deps.db.reads() as session:
        whole = await ticket_detail.whole_ticket(session, viewer, no)
        if whole is None:
            raise NotFound("没有这张工单，或您无权查看。")
    if not await _mine(request, whole):
        # The page says whose call it is now, or that there is none to make any more.
        return await _page(request, status=409)
    phone, status = await _look(request, whole.ticket.id, words)
    return await _page(request, phone=phone, status=status)


async def _look(request: web.Request, ticket_id: int, words: str) -> tuple[Phone, int]:
    """The number, by whoever holds the case; once more while they hold it is written down and not counted."""
    deps, viewer = request.app[DEPS], request[VIEWER]
    value = error = None
    status = 200
    async with deps.db.writes.begin() as session:
        again = await holds.looked(session, ticket_id, viewer.login, now=deps.clock.now())
    try:
        value = await revealing.look(
            deps, viewer, Holder(request.match_info["no"]), field=IdentityField.PHONE,
            reason=Reason(_REASON, words), tally=Tally.NONE if again else Tally.RINGING,
        )  # fmt: skip
        async with deps.db.writes.begin() as session:
            await holds.note_look(session, ticket_id, viewer.login)
    except VaultError:
        error, status = "用现有的密钥打不开登记的电话，请联系系统管理员。", 500
    except TriageError as refused:
        error, status = refused.detail, refused.status
    return Phone(value, error, words), status


async def _refused(
    request: web.Request,
    typed: Mapping[str, str],
    error: TriageError,
    *,
    tried: Tried | None = None,
    after: tuple[Mapping[str, str], TriageError] | None = None,
) -> web.Response:
    """The page after a press that was not taken: the number that stood on it stands there still."""
    deps, viewer, no = request.app[DEPS], request[VIEWER], request.match_info["no"]
    phone = None
    if "shown" in typed:
        async with deps.db.reads() as session:
            whole = await ticket_detail.whole_ticket(session, viewer, no)
            again = whole is not None and await holds.looked(
                session, whole.ticket.id, viewer.login, now=deps.clock.now()
            )
        if whole is not None and again and await _mine(request, whole):
            phone, _ = await _look(request, whole.ticket.id, typed["shown"])
    return await _page(request, tried=tried, after=after, phone=phone, status=error.status)


async def _mine(request: web.Request, whole: WholeTicket) -> bool:
    """Whether it is for who asks to ring: held from now on."""
    if not agreeing.to_follow_whole(whole):
        return False
    deps = request.app[DEPS]
    async with deps.db.writes.begin() as session:
        return await holds.hold(
            session, whole.ticket.id, request[VIEWER].login, now=deps.clock.now(), span=next_call.HOLD
        )


async def left(request: web.Request) -> web.Response:
    """POST /desk/followup/leave: the page was left; what it held is anybody's."""
    typed = await call_after.typed_of(request)
    try:
        until = datetime.fromisoformat(typed.get("until", "")[: _LONGEST_NO + 8])
    except ValueError:
        raise BadInput("until 应是带时区的时间") from None
    if until.tzinfo is None:
        raise BadInput("until 应是带时区的时间")
    deps = request.app[DEPS]
    async with deps.db.writes.begin() as session:
        await holds.release(session, request[VIEWER].login, now=deps.clock.now(), until=until)
    return web.Response(status=204)


ROUTES: Final = (
    access.get(_PAGE, following, needs=Permission.FOLLOW_UP),
    access.post(f"{_PAGE}/leave", left, needs=Permission.FOLLOW_UP),
    access.get(f"{_PAGE}/{{no}}", one, needs=Permission.FOLLOW_UP),
    access.post(f"{_PAGE}/{{no}}", recorded, needs=Permission.FOLLOW_UP),
    access.post(f"{_PAGE}/{{no}}/after", agreed, needs=Permission.FOLLOW_UP),
    access.post(f"{_PAGE}/{{no}}/phone", phoned, needs=Permission.FOLLOW_UP),
)
