"""查看身份 on the desk: masked shapes with a small form on the ticket's page; the field on a page of its own.

That page is the answer to a form: no address leads to it, nothing keeps it; seeing it again is another look.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from connectors.vault import VaultError
from models.vocab_identities import IdentityField
from models.vocab_staff import Permission
from triage.errors import BadInput, TriageError
from triage.services.identities import holding, revealing
from triage.services.identities.holding import Holder
from triage.services.identities.revealing import LONGEST_WORDS, Reason
from triage.web import access, guard
from triage.web.callbacks import pages as callbacks
from triage.web.desk import render
from triage.web.keys import DEPS, VIEWER

if TYPE_CHECKING:
    from datetime import datetime

    from aiohttp import web
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.ticket_detail import WholeTicket
    from triage.services.deps import Deps

_LONGEST_CODE: Final = 40
#: Who speaks with citizens puts right what was misheard (`amending`).
MAY_AMEND: Final = (Permission.INTAKE, Permission.FOLLOW_UP)


@dataclass(frozen=True, slots=True)
class Choice:
    """An option of the form."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class IdentityBox:
    """The box of the ticket's page: what is registered, masked; the form, or why there is none."""

    lines: tuple[Choice, ...]
    fields: tuple[Choice, ...]
    reasons: tuple[Choice, ...]
    refused: str | None
    least: int
    longest: int
    callable: bool
    """回拨 is offered: without looking at the number."""
    amendable: bool
    """更正姓名、电话 is offered."""


@dataclass(frozen=True, slots=True)
class ShownPage:
    """One field, shown; or why it is not."""

    no: str
    label: str
    value: str | None
    error: str | None
    phone: bool
    again: Again | None
    token: str


@dataclass(frozen=True, slots=True)
class Again:
    """The form once more, with what was typed: what was missing can be added."""

    field: str
    reason: str
    words: str
    reasons: tuple[Choice, ...]
    least: int
    longest: int


async def box(request: web.Request, session: AsyncSession, whole: WholeTicket, now: datetime) -> IdentityBox:
    """What the ticket's page shows of the appellant."""
    deps, viewer = request.app[DEPS], request[VIEWER]
    registered = whole.registered
    held = {
        IdentityField.NAME: registered.name,
        IdentityField.PHONE: registered.phone,
        IdentityField.ID_NUMBER: registered.id_number,
    }
    case = revealing.case_of(whole)
    refused = await revealing.refusal(session, viewer, case, IdentityField.PHONE)
    shapes = {} if refused or not registered else await _shapes(deps, session, case.appeal_id)
    lines = tuple(
        Choice(field.label, shapes.get(field, "已登记，已加密") if there else "未登记")
        for field, there in held.items()
    )
    reasons = deps.tables.reveals.reasons_at(now)
    wanted = {field for row in reasons for field in row.fields}
    return IdentityBox(
        lines=lines,
        fields=tuple(Choice(field.value, field.label) for field in shapes if field in wanted),
        reasons=tuple(Choice(row.code, row.title) for row in reasons),
        refused=refused,
        least=deps.tables.reveals.rate(now).least_words,
        longest=LONGEST_WORDS,
        amendable=viewer.may(*MAY_AMEND) and bool({IdentityField.NAME, IdentityField.PHONE} & shapes.keys()),
        callable=await callbacks.offered(request, session, case, phone=registered.phone),
    )


async def _shapes(deps: Deps, session: AsyncSession, appeal_id: int) -> dict[IdentityField, str]:
    try:
        return await holding.shapes_of(session, deps.vault, appeal_id)
    except VaultError:
        # A key that is missing here must not take the whole page: what is registered is told without a shape.
        return {}


async def shown(request: web.Request) -> web.Response:
    """查看. Shows the field, or why not. Raises NotFound, BadInput on a form that is none of ours."""
    form = await request.post()
    no = request.match_info["no"]
    try:
        field = IdentityField(str(form.get("field", "")))
    except ValueError:
        raise BadInput("请选择要看哪一项") from None
    reason = Reason(str(form.get("reason", ""))[:_LONGEST_CODE], str(form.get("words", "")))
    value = error = None
    status = 200
    try:
        value = await revealing.look(
            request.app[DEPS], request[VIEWER], Holder(no), field=field, reason=reason
        )
    except VaultError:
        error, status = "用现有的密钥打不开这一项，请联系系统管理员。", 500
    except TriageError as refused:
        error, status = refused.detail, refused.status
    token = guard.token_of(request)
    page = ShownPage(
        no=no, label=field.label, value=value, error=error, phone=field is IdentityField.PHONE,
        again=_again(request, field, reason) if status == BadInput.status else None, token=token,
    )  # fmt: skip
    response = render(request, "identities/shown.html", status=status, page=page)
    guard.keep(response, token)
    return response


def _again(request: web.Request, field: IdentityField, typed: Reason) -> Again:
    rows, now = request.app[DEPS].tables.reveals, request.app[DEPS].clock.now()
    return Again(
        field=field.value,
        reason=typed.code,
        words=typed.words[:LONGEST_WORDS],
        reasons=tuple(Choice(row.code, row.title) for row in rows.reasons_at(now)),
        least=rows.rate(now).least_words,
        longest=LONGEST_WORDS,
    )


ROUTES: Final = (
    access.post("/desk/tickets/{no}/identity", shown, needs=Permission.REVEAL),
)  # fmt: skip
