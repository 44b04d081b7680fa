"""本人要求保密, later: the question before it, which says what it does for good; the answer; JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from aiohttp import hdrs, web

from models import public, ticket_detail
from models.filters import may_see
from models.tickets import Ticket
from models.viewing import TicketFacts, sees
from models.vocab import Role, State, Tag
from models.vocab_staff import Permission
from triage.errors import BadInput, NotFound
from triage.services import confiding
from triage.services.confiding import LONGEST_REASON
from triage.services.identities.showing import shown_text
from triage.web import access, asking, guard
from triage.web.desk import render
from triage.web.desks.live import BOARD
from triage.web.keys import CACHES, DEPS, VIEWER
from triage.web.moves import as_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.public import PublicCase
    from models.ticket_detail import WholeTicket

#: Who speaks with citizens. What each of them may see of it is not said here.
MAY_CONFIDE: Final = (Permission.INTAKE, Permission.FOLLOW_UP)
_SEE_OTHER: Final = 303
_UNSURE: Final = "请先确认是本人要求，再勾选这一项。"


@dataclass(frozen=True, slots=True)
class Confided:
    """The answer to a program. `repeated`: it was so before. `seen`: who asked still sees it."""

    no: str
    confidential: bool
    repeated: bool
    seen: bool


@dataclass(frozen=True, slots=True)
class ConfidePage:
    """The question: what is public already, who sees it no more; what was typed, what is wrong with it."""

    no: str
    title: str
    already: bool
    anonymous: bool
    public: PublicCase | None
    handling: tuple[str, ...]
    losing: tuple[str, ...]
    loses: bool
    """Whether who asks will not see it either."""
    joined: bool
    longest: int
    token: str
    typed: str = field(default="", repr=False)
    sure: bool = False
    faults: tuple[tuple[str, str], ...] = ()


async def question(request: web.Request) -> web.Response:
    """GET /desk/tickets/{no}/confide. Raises NotFound."""
    asking.refuse_others(request.query, ())
    return await _page(request)


async def confided(request: web.Request) -> web.Response:
    """POST: done, and back to the ticket; or the question again with what is wrong. Raises NotFound."""
    form = await request.post()
    typed, sure = str(form.get("reason", "")), form.get("sure") == "1"
    faults = {} if sure else {"sure": _UNSURE}
    try:
        words = confiding.checked(typed)
    except BadInput as error:
        return await _page(request, typed, sure=sure, faults=faults | {"reason": error.detail})
    if faults:
        return await _page(request, typed, sure=sure, faults=faults)
    done = await _done(request, words)
    if not done.seen:
        return render(request, "desk/confided.html", no=done.no)
    place = f"/desk/tickets/{done.no}?done={'confided-before' if done.repeated else 'confided'}"
    return web.Response(status=_SEE_OTHER, headers={hdrs.LOCATION: place})


async def confided_json(request: web.Request) -> web.Response:
    """POST /api/v1/tickets/{no}/confidential: the same, for a program. Raises BadInput, NotFound."""
    body = await asking.json_object(request, ("reason",))
    reason = body.get("reason")
    if not isinstance(reason, str):
        raise BadInput("reason 应是文字：怎样提出的，怎样知道是本人")
    return as_json(await _done(request, confiding.checked(reason)))


async def _done(request: web.Request, reason: str) -> Confided:
    deps, viewer, no = request.app[DEPS], request[VIEWER], request.match_info["no"]
    async with deps.db.writes.begin() as session:
        new = await confiding.ask(session, deps.vault, viewer, no, reason, now=deps.clock.now())
        seen = await session.scalar(sa.select(Ticket.id).where(Ticket.no == no, may_see(viewer)))
    request.app[CACHES].moved(viewer)
    request.app[BOARD].tell()
    return Confided(no, confidential=True, repeated=not new, seen=seen is not None)


async def _page(
    request: web.Request, typed: str = "", *, sure: bool = False, faults: Mapping[str, str] | None = None
) -> web.Response:
    viewer, no, token = request[VIEWER], request.match_info["no"], guard.token_of(request)
    async with request.app[DEPS].db.reads() as session:
        whole = await ticket_detail.whole_ticket(session, viewer, no)
        if whole is None:
            raise NotFound("没有这张工单，或您无权查看。")
        shown = await _public(session, whole)
    parts = {part.code: Role(part.role) for part in whole.units}
    page = ConfidePage(
        no=no,
        title=shown_text(None, whole.ticket.title),
        already=whole.appeal.confidential,
        anonymous=not (whole.registered.name or whole.registered.phone),
        public=shown,
        handling=tuple(part.name for part in whole.units if part.role != Role.COPY),
        losing=tuple(part.name for part in whole.units if part.role == Role.COPY),
        loses=not sees(viewer, TicketFacts(parts, confidential=True)),
        joined=whole.ticket.state == State.MERGED or any(one.tag == Tag.JOINED for one in whole.events),
        longest=LONGEST_REASON,
        token=token,
        typed=typed[: 2 * LONGEST_REASON],
        sure=sure,
        faults=tuple((faults or {}).items()),
    )
    status = BadInput.status if faults else 200
    response = render(request, "desk/confide.html", status=status, page=page, faults=dict(page.faults))
    guard.keep(response, token)
    return response


async def _public(session: AsyncSession, whole: WholeTicket) -> PublicCase | None:
    """As anybody reads it now; None: it is not public."""
    asked = public.PublicFilter(ids=(whole.appeal.id,))
    return next(iter(await public.public_cases(session, asked, limit=1)), None)


def paths(
    answer: Callable[[str, str], dict[str, Any]],
    problem: Callable[[str], dict[str, Any]],
    problems: dict[str, Any],
    missing: dict[str, Any],
    number: dict[str, Any],
) -> dict[str, Any]:
    """The path for the OpenAPI document."""
    reason = {
        "type": "string", "minLength": 1, "maxLength": LONGEST_REASON,
        "description": "怎样提出的，怎样知道是本人；记入审计台账，不写姓名电话",
    }  # fmt: skip
    body = {
        "type": "object", "required": ["reason"], "additionalProperties": False,
        "properties": {"reason": reason},
    }  # fmt: skip
    return {
        "/api/v1/tickets/{no}/confidential": {
            "post": {
                "operationId": "confideTicket",
                "summary": "本人要求保密：从此只有热线和承办的人看得到，不能撤销；再说一次不再记",
                "parameters": [number],
                "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
                "responses": {
                    "200": answer("Confided", "已经保密"),
                    **problems,
                    **missing,
                    "415": problem("内容不是 application/json"),
                },
            }
        }
    }


ROUTES: Final = (
    access.get("/desk/tickets/{no}/confide", question, needs=MAY_CONFIDE),
    access.post("/desk/tickets/{no}/confide", confided, needs=MAY_CONFIDE),
    access.post("/api/v1/tickets/{no}/confidential", confided_json, needs=MAY_CONFIDE),
)
