"""回拨 on the desk: a link on the ticket's page, a page to call from, and one's own number.

Pressing asks for a number and leads to the page (no form is sent twice by a reload); the page shows the
virtual number as long as it leads anywhere, to whoever pressed alone. The citizen's number is on none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from aiohttp import web

from connectors.vault import VaultError
from models.appeals import Appellant
from models.vocab_staff import Permission
from triage.clock import show
from triage.errors import BadInput, TriageError
from triage.services.callbacks import own_number, pressing, providers
from triage.services.identities import revealing
from triage.web import access, guard
from triage.web.desk import render
from triage.web.keys import DEPS, VIEWER

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.services.callbacks.pressing import Given
    from triage.services.identities.revealing import CaseFacts

_LONGEST: Final = 40
_SEE_OTHER: Final = 303
_DONE: Final = {"kept": "已登记，回拨时用它。", "gone": "已去掉。"}


@dataclass(frozen=True, slots=True)
class CallPage:
    """What the page to call from shows. `given`: the number that leads somewhere now."""

    no: str
    title: str
    given: Given | None
    own: str | None
    minutes: int
    refused: str | None
    error: str | None
    may_look: bool
    field: str
    token: str
    as_of: str


@dataclass(frozen=True, slots=True)
class NumberPage:
    """本人号码: its shape alone."""

    own: str | None
    days: str
    done: str | None
    fault: str | None
    field: str
    token: str


async def offered(request: web.Request, session: AsyncSession, case: CaseFacts, *, phone: bool) -> bool:
    """Whether the ticket's page offers to call: a provider, a number to reach, and somebody who may."""
    if not phone or not request[VIEWER].may(Permission.CALL):
        return False
    if await providers.active(session) is None:
        return False
    return await pressing.refusal(session, request[VIEWER], case) is None


async def page(request: web.Request) -> web.Response:
    """GET /desk/tickets/{no}/call. Raises NotFound."""
    return await _page(request, None)


async def pressed(request: web.Request) -> web.Response:
    """POST: one press. Leads back to the page, or says why there is no number. Raises NotFound."""
    form = await request.post()
    no = request.match_info["no"]
    try:
        await pressing.press(
            request.app[DEPS], request[VIEWER], no, mine=str(form.get("mine", ""))[:_LONGEST].strip()
        )
    except pressing.NoOwnNumber:
        # The page asks for it, once.
        return _to(no)
    except VaultError:
        return await _page(request, TriageError("用现有的密钥打不开登记的号码，请联系系统管理员。"))
    except TriageError as error:
        return await _page(request, error)
    return _to(no)


def _to(no: str) -> web.Response:
    return web.Response(status=_SEE_OTHER, headers={"Location": f"/desk/tickets/{no}/call"})


async def _page(request: web.Request, error: TriageError | None) -> web.Response:
    deps, viewer = request.app[DEPS], request[VIEWER]
    now = deps.clock.now()
    async with deps.db.reads() as session:
        case = await revealing.facts_of(session, viewer, request.match_info["no"])
        refused = await pressing.refusal(session, viewer, case)
        forbidden = refused is not None
        refused = refused or await _lacking(session, case)
        given = None if refused else await _given(request, session, case, now)
        own = await own_number.hint(session, viewer.login)
    token = guard.token_of(request)
    shown = CallPage(
        no=case.no,
        title=case.title,
        given=given,
        own=own,
        minutes=deps.tables.reveals.call(now).minutes,
        refused=refused,
        error=error.detail if error else None,
        may_look=viewer.may(Permission.REVEAL),
        field=guard.FIELD,
        token=token,
        as_of=show(now),
    )
    status = error.status if error else pressing.CallRefused.status if forbidden else 200
    response = render(request, "callbacks/call.html", status=status, page=shown)
    guard.keep(response, token)
    return response


async def _lacking(session: AsyncSession, case: CaseFacts) -> str | None:
    """What is lacking for a call, whoever asks; None: nothing."""
    if await providers.active(session) is None:
        return pressing.NoProvider().detail.removesuffix("。")
    there = await session.scalar(
        sa.select(Appellant.id).where(Appellant.appeal_id == case.appeal_id, Appellant.phone.is_not(None))
    )
    return None if there is not None else "这张工单没有登记电话，或已按规定删除"


async def _given(request: web.Request, session: AsyncSession, case: CaseFacts, now: datetime) -> Given | None:
    try:
        return await pressing.standing(
            session, request.app[DEPS].vault, request[VIEWER], case.ticket_id, now=now
        )
    except VaultError:
        return None


async def number_page(request: web.Request) -> web.Response:
    """GET /me/number."""
    return await _number(request, done=_DONE.get(request.query.get("done", "")))


async def number_kept(request: web.Request) -> web.Response:
    """POST: keep one's own number."""
    form = await request.post()
    deps = request.app[DEPS]
    try:
        async with deps.db.writes.begin() as session:
            await own_number.put(
                session, deps.vault, request[VIEWER].login, str(form.get("mine", ""))[:_LONGEST],
                now=deps.clock.now(),
            )  # fmt: skip
    except BadInput as fault:
        return await _number(request, fault=fault)
    return web.Response(status=_SEE_OTHER, headers={"Location": "/me/number?done=kept"})


async def number_gone(request: web.Request) -> web.Response:
    """POST: forget it."""
    deps = request.app[DEPS]
    async with deps.db.writes.begin() as session:
        await own_number.forget(session, request[VIEWER].login, now=deps.clock.now())
    return web.Response(status=_SEE_OTHER, headers={"Location": "/me/number?done=gone"})


async def _number(
    request: web.Request, *, done: str | None = None, fault: TriageError | None = None
) -> web.Response:
    deps = request.app[DEPS]
    async with deps.db.reads() as session:
        own = await own_number.hint(session, request[VIEWER].login)
    token = guard.token_of(request)
    shown = NumberPage(
        own=own,
        days=str(own_number.kept_for(deps.tables, deps.clock.now()).days),
        done=done,
        fault=fault.detail if fault else None,
        field=guard.FIELD,
        token=token,
    )
    response = render(
        request, "callbacks/number.html", page=shown, status=fault.status if fault else 200
    )  # fmt: skip
    guard.keep(response, token)
    return response


ROUTES: Final = (
    access.get("/desk/tickets/{no}/call", page, needs=Permission.CALL),
    access.post("/desk/tickets/{no}/call", pressed, needs=Permission.CALL),
    access.get("/me/number", number_page, needs=Permission.CALL),
    access.post("/me/number", number_kept, needs=Permission.CALL),
    access.post("/me/number/forget", number_gone, needs=Permission.CALL),
)
