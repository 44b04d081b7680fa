"""双人复核 on /desk/staff: what waits for a second administrator, and what that one says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from models.vocab_signin import Wanted
from models.vocab_staff import Role
from triage.errors import BadInput
from triage.services.staff import managing, second
from triage.web import guard
from triage.web.keys import DEPS, VIEWER
from triage.web.signin import showing
from triage.web.signin.showing import answer, texts, to
from triage.web.signin.views import HalfPage, RequestView

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp import web

    from models.staff import AccountRequest
    from triage.rules.rows import Tables
    from triage.services.staff.second import Waiting

DONE: Final = {
    "confirmed": "已同意，变更已生效。",
    "turned_down": "已驳回，没有变更。",
    "void": "申请人已不能管理这个账号：申请作废，没有变更。",
}
_DIGITS: Final = 15


async def units_of(request: web.Request) -> frozenset[str] | None:
    """The units whose accounts whoever looks manages; None: all."""
    deps = request.app[DEPS]
    async with deps.db.reads() as session:
        return await managing.units_of(session, deps.tables, request[VIEWER], now=deps.clock.now())


async def decided(request: web.Request) -> web.Response:
    """同意, 驳回, 撤回. Raises NotFound, NeedsAnother, BadInput, and what the change itself raises."""
    deps, form = request.app[DEPS], await texts(request)
    number, what = request.match_info["number"], form.get("do", "")
    if what not in {"confirm", "refuse"} or not (
        number.isascii() and number.isdigit() and len(number) <= _DIGITS
    ):
        raise BadInput("不认识的操作")
    units = await units_of(request)
    async with deps.db.writes.begin() as session:
        came = await second.decide(
            session, deps, int(number), units, confirm=what == "confirm", by=request[VIEWER].login,
            now=deps.clock.now(),
        )  # fmt: skip
    if came.half is not None:
        page = HalfPage(came.login, came.asked_by, came.half)
        return answer(request, "signin/staff_half.html", page, guard.token_of(request))
    done = "void" if came.void else "confirmed" if what == "confirm" else "turned_down"
    return to(f"/desk/staff?done={done}")


def views(tables: Tables, waiting: Iterable[Waiting], login: str) -> tuple[RequestView, ...]:
    """The requests in words, for whoever looks."""
    return tuple(
        RequestView(
            id=one.row.id,
            login=one.staff.login,
            name=one.staff.name,
            words=_words(tables, one.row),
            asked_by=one.row.asked_by,
            asked_at=one.row.asked_at,
            until=one.row.until,
            mine=one.row.asked_by == login,
            about_me=one.staff.login == login,
        )
        for one in waiting
    )


def _words(tables: Tables, row: AccountRequest) -> str:
    label = Wanted(row.what).label
    if row.what == Wanted.RESET.value and row.forget_codes:
        return f"{label}，停用动态验证码"
    if row.what == Wanted.PROVIDER.value:
        return f"{label}为 {row.provider_name}"
    if row.role is None or row.valid_from is None:
        return label
    until = f"到 {row.valid_to.isoformat()}" if row.valid_to else "长期"
    unit = showing.unit_name(tables, row.unit_code)
    return f"{label}“{Role(row.role).label}”（{unit}，{row.valid_from.isoformat()} 起，{until}）"
