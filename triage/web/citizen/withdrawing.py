"""撤诉 on the citizen's page: what it does, the 查询码 and a tick; and 取消撤诉. Works without a script."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from models.vocab import Move
from models.vocab_withdrawal import WithdrawnWhy
from triage.errors import BadInput, NotFound
from triage.services import limiting
from triage.services.citizen import cases, withdrawing
from triage.services.citizen.withdrawing import ClaimWaits, NotOnTheWeb, TooLate
from triage.services.rewards import owning
from triage.web import access
from triage.web.citizen import carried, case, session
from triage.web.citizen.page import leads_to, new_key, shown, text_of
from triage.web.keys import DEPS
from triage.web.views import Term

if TYPE_CHECKING:
    from aiohttp import web
    from sqlalchemy.ext.asyncio import AsyncSession

_WRONG_CODE: Final = "查询码不对。提交诉求时显示过一次的 8 位码；没有或丢了的，请打 12345 撤诉。"
_UNSURE: Final = "请先看清上面的说明，再勾选这一项。"
_ELSEWHERE: Final = "还没有取消：您又打开了另一件诉求，这一页现在是那一件。"
_REFUSED: Final = 400
_OTHER: Final = "还没有撤诉：您又打开了另一件诉求，这一页现在是那一件。要撤的是哪一件，请核对编号再按一次。"
_CLOSED: Final = 403


@dataclass(frozen=True, slots=True)
class WithdrawPage:
    """The question: whose case, why it cannot be (`barred`), what was typed, what is wrong with it."""

    receipt: str
    no: str | None
    merged: bool
    mark: str
    key: str
    whys: tuple[Term, ...]
    longest: int
    barred: str | None
    typed: dict[str, str] = field(default_factory=dict, repr=False)
    faults: dict[str, str] = field(default_factory=dict)


async def question(request: web.Request) -> web.Response:
    """GET: what 撤诉 does."""
    found = session.current(request)
    if found is None:
        return leads_to("/citizen/track")
    response = await _page(request, found.appeal_id, {}, {})
    session.renew(request, response, found)
    return response


async def _page(
    request: web.Request, appeal_id: int, typed: dict[str, str], faults: dict[str, str], *, status: int = 200
) -> web.Response:
    deps = request.app[DEPS]
    async with deps.db.reads() as reading:
        mine = await cases.read(reading, appeal_id)
        barred = await _barred(reading, request, appeal_id)
    if mine is None:
        raise NotFound("没有这件诉求。")
    page = WithdrawPage(
        receipt=mine.receipt, no=mine.no, merged=mine.head is not None,
        mark=session.mark(deps.vault, appeal_id), key=typed.get("key") or new_key(),
        whys=tuple(Term(why.value, why.label) for why in WithdrawnWhy),
        longest=withdrawing.LONGEST, barred=barred, typed=typed, faults=faults,
    )  # fmt: skip
    return shown(request, "withdraw", status=status, page=page, faults=faults)


async def _barred(reading: AsyncSession, request: web.Request, appeal_id: int) -> str | None:
    deps = request.app[DEPS]
    try:
        may = await withdrawing.possible(reading, deps, appeal_id, Move.WITHDRAW, now=deps.clock.now())
    except ClaimWaits:
        # Told once the 查询码 is right: number and phone open this page, and a reward is not theirs to know.
        return None
    return None if may else NotOnTheWeb().detail


async def withdrawn(request: web.Request) -> web.Response:
    """POST: done, and back to the case; or the question again with what is wrong."""
    form = await request.post()
    found = session.current(request)
    if found is None:
        why = {"form": carried.closed(carried.NOTHING)}
        return carried.asked(request, carried.NOTHING, status=_CLOSED, faults=why, number="")
    deps = request.app[DEPS]
    if session.is_other(deps.vault, text_of(form, session.FIELD), found.appeal_id):
        return await _page(request, found.appeal_id, {}, {"form": _OTHER}, status=TooLate.status)
    typed = {name: text_of(form, name) for name in ("why", "note", "key", "sure")}
    faults = {} if typed["sure"] == "1" else {"sure": _UNSURE}
    values: dict[str, str] = {}
    try:
        values = withdrawing.checked(typed["why"], typed["note"])
    except BadInput as error:
        faults["why" if not typed["why"] else "note"] = error.detail
    secret = text_of(form, "secret", 40)
    if not secret.strip():
        faults |= {"secret": "请写查询码。"}
    status = _REFUSED
    if not faults:
        try:
            await _made(request, found.appeal_id, values, typed["key"] or new_key(), secret)
        except (owning.NotTheirs, limiting.TooOften) as error:
            faults["secret"] = _WRONG_CODE if isinstance(error, owning.NotTheirs) else error.detail
            status = error.status
        except (NotOnTheWeb, ClaimWaits, cases.TooEarly) as error:
            faults["form"], status = error.detail, error.status
        else:
            return leads_to("/citizen/case?done=withdrawn")
    return await _page(request, found.appeal_id, typed, faults, status=status)


async def _made(request: web.Request, appeal_id: int, values: dict[str, str], key: str, secret: str) -> None:
    """Raises NotTheirs, TooOften, NotOnTheWeb, ClaimWaits, TooEarly."""
    deps, now = request.app[DEPS], request.app[DEPS].clock.now()
    # Counted before it is looked at, and for good: guessing is what is counted.
    async with deps.db.writes.begin() as writing:
        await owning.count_try(writing, deps, appeal_id, now=now)
    async with deps.db.writes.begin() as writing:
        if not await owning.knows(writing, deps, appeal_id, secret):
            raise owning.NotTheirs
        await withdrawing.withdraw(writing, deps, appeal_id, values, key=key, now=now)


async def taken_up(request: web.Request) -> web.Response:
    """POST: 取消撤诉."""
    form = await request.post()
    found = session.current(request)
    if found is None:
        return leads_to("/citizen/track")
    deps = request.app[DEPS]
    if session.is_other(deps.vault, text_of(form, session.FIELD), found.appeal_id):
        return await case.not_taken_up(request, found.appeal_id, _ELSEWHERE, status=TooLate.status)
    try:
        async with deps.db.writes.begin() as writing:
            await withdrawing.take_up(
                writing,
                deps,
                found.appeal_id,
                key=text_of(form, "key", 64) or new_key(),
                now=deps.clock.now(),
            )
    except (TooLate, cases.TooEarly) as error:
        return await case.not_taken_up(request, found.appeal_id, error.detail, status=error.status)
    return leads_to("/citizen/case?done=taken_up")


ROUTES: Final = (
    access.open_to_all("GET", "/citizen/case/withdraw", question),
    access.open_to_all("POST", "/citizen/case/withdraw", withdrawn),
    access.open_to_all("POST", "/citizen/case/takeup", taken_up),
)
