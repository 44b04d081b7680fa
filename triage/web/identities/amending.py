"""更正姓名、电话 on the desk: a page with what is registered, masked, and one form for one of the two."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from aiohttp import hdrs, web

from connectors.vault import VaultError
from models.appeals import Appellant
from models.ticket_detail import whole_ticket
from models.vocab import State
from models.vocab_identities import IdentityField
from triage.errors import BadInput, NotFound
from triage.services.identities import amending, holding, revealing
from triage.services.identities.amending import Amendment
from triage.services.identities.showing import shown_text
from triage.services.limiting import TooOften
from triage.web import access, asking, guard
from triage.web.desk import render
from triage.web.identities.pages import MAY_AMEND, Choice
from triage.web.keys import DEPS, VIEWER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncSession

_FIELDS: Final = (IdentityField.PHONE, IdentityField.NAME)
_SEE_OTHER: Final = 303
_NO_KEY: Final = "用现有的密钥打不开这一项，请联系系统管理员。"
_LONGEST_VALUE: Final = 60
_IN_THE_WAY: Final = (
    amending.AmendedSince, amending.RewardUnderWay, holding.NothingHeld, revealing.RevealRefused, TooOften,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AmendPage:
    """What is registered, masked; the form, or why there is none (`barred`); what was typed and is wrong."""

    no: str
    title: str
    lines: tuple[Choice, ...]
    fields: tuple[Choice, ...]
    barred: str | None
    platform: bool
    """It came from a source that has a number of its own."""
    merged: bool
    seen: str
    token: str
    longest: int
    typed: dict[str, str] = field(default_factory=dict, repr=False)
    faults: dict[str, str] = field(default_factory=dict)


async def question(request: web.Request) -> web.Response:
    """GET /desk/tickets/{no}/amend. Raises NotFound."""
    asking.refuse_others(request.query, ())
    return await _page(request, {}, {})


async def amended(request: web.Request) -> web.Response:
    """POST: done, and back to the ticket; or the form again with what is wrong. Raises NotFound."""
    form = await request.post()
    typed = {name: str(form.get(name, "")) for name in ("field", "value", "reason", "seen")}
    try:
        part = IdentityField(typed["field"])
    except ValueError:
        return await _page(request, typed, {"field": "请选要更正哪一项。"}, status=BadInput.status)
    faults = {} if typed["value"].strip() else {"value": f"请写正确的{part.label}。"}
    if not typed["reason"].strip():
        faults["reason"] = "请写理由：怎样知道登记错了，怎样核实的。"
    if faults:
        return await _page(request, typed, faults, status=BadInput.status)
    wish = Amendment(
        request.match_info["no"], part, typed["value"][:_LONGEST_VALUE], typed["reason"]
    )  # fmt: skip
    try:
        await amending.at_desk(request.app[DEPS], request[VIEWER], wish, seen=typed["seen"])
    except VaultError:
        return await _page(request, typed, {"form": _NO_KEY}, status=500)
    except (BadInput, amending.NotChanged) as error:
        return await _page(request, typed, {"value": error.detail}, status=error.status)
    except _IN_THE_WAY as error:
        return await _page(request, typed, {"form": error.detail}, status=error.status)
    place = f"/desk/tickets/{wish.no}?done=amended-{part.value}"
    return web.Response(status=_SEE_OTHER, headers={hdrs.LOCATION: place})


async def _page(
    request: web.Request, typed: dict[str, str], faults: Mapping[str, str], *, status: int = 200
) -> web.Response:
    deps, viewer, no = request.app[DEPS], request[VIEWER], request.match_info["no"]
    token = guard.token_of(request)
    async with deps.db.reads() as session:
        whole = await whole_ticket(session, viewer, no)
        if whole is None:
            raise NotFound("没有这张工单，或您无权查看。")
        case = revealing.case_of(whole)
        barred = await revealing.refusal(session, viewer, case, IdentityField.PHONE)
        barred = barred or await _reward(session, case.appeal_id)
        held = (
            await session.execute(
                sa.select(Appellant.name, Appellant.phone).where(Appellant.appeal_id == case.appeal_id)
            )
        ).one_or_none()
        shapes: dict[IdentityField, str] = {}
        if not barred and held is not None:
            try:
                shapes = await holding.shapes_of(session, deps.vault, case.appeal_id)
            except VaultError:
                barred = _NO_KEY
    page = AmendPage(
        no=no,
        title=shown_text(None, whole.ticket.title),
        lines=tuple(Choice(one.label, shapes.get(one, "未登记")) for one in _FIELDS),
        fields=tuple(Choice(one.value, one.label) for one in _FIELDS if one in shapes),
        barred=barred,
        platform=whole.appeal.external_id is not None,
        merged=whole.ticket.state == State.MERGED,
        seen=amending.mark(held.name, held.phone) if held is not None else "",
        token=token,
        longest=amending.LONGEST_REASON,
        typed=typed,
        faults=dict(faults),
    )
    response = render(request, "identities/amend.html", status=status, page=page, faults=page.faults)
    guard.keep(response, token)
    return response


async def _reward(session: AsyncSession, appeal_id: int) -> str | None:
    """Why a reward stands against it."""
    hangs = await amending.rewarded(session, appeal_id)
    return amending.RewardUnderWay().detail if hangs else None


ROUTES: Final = (
    access.get("/desk/tickets/{no}/amend", question, needs=MAY_AMEND),
    access.post("/desk/tickets/{no}/amend", amended, needs=MAY_AMEND),
)
