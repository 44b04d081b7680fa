"""领奖 for citizens: a code from one's own case, then a claim with it. Works without a script.

What is open in this browser is a short-lived cookie sealed with the keys of rewards; no number, code or
name is in an address.
"""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import orjson

from connectors.vault import VaultError
from triage.clock import local
from triage.rules.rewards.amounts import yuan
from triage.services.limiting import TooOften
from triage.services.rewards import announcing, claiming, owning
from triage.services.rewards.claiming import Claim
from triage.web import access
from triage.web.citizen import session as case_session
from triage.web.citizen.page import leads_to, shown, text_of
from triage.web.keys import DEPS
from triage.web.rewards.common import KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from connectors.vault import Vault
    from triage.services.rewards.claiming import Code, Offer

_COOKIE: Final = "jiesu_reward"
_PATH: Final = "/citizen/reward"
_LASTS: Final = timedelta(minutes=30)
_PLACE: Final = "reward.session"
_LONGEST: Final = 1000
_FIELDS: Final = ("name", "id_number", "phone", "bank", "account")
#: What a claim's form carries of the part it stands on: a browser may have opened another one since.
_MARK: Final = "reward.form"
_CLOSED: Final = 403
_CONFLICT: Final = 409
_AGAIN: Final = "还没有登记：打开已过 30 分钟，或领取码已经换过。请重新填编号和领取码；您写的打开后放回表单。"
_BACK: Final = "还没有登记：您写的已放回表单，请核对后再按一次。"
_OTHER: Final = (
    "还没有登记：您又打开了另一份奖励。要登记哪一份，请再填它的编号和领取码；您写的打开后放回表单。"
)
_NOT_THAT: Final = "还没有登记：这和您刚才填写的不是同一份奖励。请核对编号、金额和下面写的，再按一次。"


async def home(request: web.Request) -> web.Response:
    """Number and code, or a code for the case that is open."""
    return _home(request)


def _home(
    request: web.Request,
    fault: str = "",
    number: str = "",
    codes: tuple[Code, ...] = (),
    kept: dict[str, str] | None = None,
    *,
    status: int = 200,
) -> web.Response:
    return shown(
        request, "reward", status=status, fault=fault, number=number, codes=codes, kept=kept or {},
        case=case_session.current(request) is not None,
    )  # fmt: skip


async def code(request: web.Request) -> web.Response:
    """The codes of the case that is open: shown once, in this answer."""
    found, deps = case_session.current(request), request.app[DEPS]
    if found is None:
        return leads_to("/citizen/track")
    secret = text_of(await request.post(), "secret", 40)
    try:
        async with deps.db.writes.begin() as writing:
            await owning.count_try(writing, deps, found.appeal_id, now=deps.clock.now())
        async with deps.db.writes.begin() as session:
            given = await claiming.give(session, deps, found.appeal_id, secret, now=deps.clock.now())
    except (owning.NotTheirs, claiming.NothingToClaim, TooOften) as error:
        return _home(request, error.detail, status=error.status)
    return _home(request, codes=tuple(given))


async def opened(request: web.Request) -> web.Response:
    """Number and code. Leads to the claim, or asks again with the reason.

    A claim that was written before it closed by itself stands in its form again, in this answer.
    """
    deps, form = request.app[DEPS], await request.post()
    kept = _kept(form)
    number = "".join(text_of(form, "number", 40).split()).replace("-", "").upper()
    secret = text_of(form, "code", 40)
    if not number or not secret.strip():
        return _home(request, "请写候选编号和领取码。", number, kept=kept, status=400)
    try:
        async with deps.db.writes.begin() as writing:
            await claiming.count_try(writing, deps, number, request.remote or "", now=deps.clock.now())
        async with deps.db.reads() as reading:
            share_id = await claiming.find(reading, deps, number, secret)
            found = await claiming.offer(reading, share_id)
    except (claiming.NotYours, TooOften) as error:
        return _home(request, error.detail, number, kept=kept, status=error.status)
    if found is not None and kept and _can(request, found):
        other = case_session.is_other(_vault(request), kept["mark"], found.share_id, place=_MARK)
        response = _form(request, found, {"form": _NOT_THAT if other else _BACK}, kept)
    else:
        response = leads_to("/citizen/reward/claim")
    until = deps.clock.now() + _LASTS
    told = orjson.dumps({
        "share": share_id, "mark": found.mark if found else "", "until": until.timestamp()
    }).decode()  # fmt: skip
    sealed = base64.urlsafe_b64encode(_vault(request).seal(told, belongs_to=_PLACE)).decode()
    response.set_cookie(
        _COOKIE, sealed, max_age=int(_LASTS.total_seconds()), httponly=True, samesite="Strict", path=_PATH
    )
    return response


def _vault(request: web.Request) -> Vault:
    return request.app[KEYS].vault


def _kept(form: Mapping[str, object]) -> dict[str, str]:
    """A claim as it was written, with the mark of its part; empty when nothing of it was."""
    typed = {name: text_of(form, name, 100).strip() for name in _FIELDS}
    return {**typed, "mark": text_of(form, "mark", _LONGEST)} if any(typed.values()) else {}


def _current(request: web.Request) -> tuple[int, str] | None:
    """The part that is open in this browser, and the mark of the code that opened it."""
    sealed = request.cookies.get(_COOKIE, "")
    if not sealed or len(sealed) > _LONGEST:
        return None
    try:
        told = orjson.loads(
            _vault(request).open(base64.b64decode(sealed, altchars=b"-_", validate=True), belongs_to=_PLACE)
        )
    except (VaultError, binascii.Error, ValueError):
        return None
    until = datetime.fromtimestamp(told["until"], UTC)
    if request.app[DEPS].clock.now() >= until:
        return None
    return int(told["share"]), str(told.get("mark", ""))


async def _offer(request: web.Request) -> Offer | None:
    """The part, as long as the code that opened it is the one that is valid."""
    current = _current(request)
    if current is None:
        return None
    async with request.app[DEPS].db.reads() as session:
        found = await claiming.offer(session, current[0])
    return found if found is not None and found.mark == current[1] else None


async def form(request: web.Request) -> web.Response:
    """The part with its sum and limit, and the form of a claim."""
    found = await _offer(request)
    if found is None:
        return leads_to("/citizen/reward")
    return _form(request, found, {}, {})


def _form(
    request: web.Request, found: Offer, faults: dict[str, str], typed: dict[str, str], *, status: int = 200
) -> web.Response:
    return shown(
        request, "reward_claim", status=status, offer=found, amount=yuan(found.amount), faults=faults,
        mark=case_session.mark(_vault(request), found.share_id, place=_MARK),
        typed={name: typed.get(name, "") for name in _FIELDS},
        can=_can(request, found),
    )  # fmt: skip


def _can(request: web.Request, found: Offer) -> bool:
    """Whether it can be claimed now."""
    today = local(request.app[DEPS].clock.now()).date()
    over = found.claim_by is not None and today > found.claim_by
    return found.state.value in {"open", "failed"} and not over


async def claimed(request: web.Request) -> web.Response:
    """登记领取. Nothing typed is lost when something is wrong."""
    found, deps, sent = await _offer(request), request.app[DEPS], await request.post()
    if found is None:
        return _home(request, _AGAIN, kept=_kept(sent), status=_CLOSED)
    typed = {name: text_of(sent, name, 100).strip() for name in _FIELDS}
    plain = {name: "".join(value.split()) for name, value in typed.items() if name != "bank"}
    if case_session.is_other(_vault(request), text_of(sent, "mark", _LONGEST), found.share_id, place=_MARK):
        return _home(request, _OTHER, kept=_kept(sent), status=_CONFLICT)
    told = Claim(
        typed["name"], plain["id_number"].upper(), plain["phone"], typed["bank"],
        plain["account"].replace("-", ""),
    )  # fmt: skip
    faults = claiming.check(told)
    if faults:
        return _form(request, found, faults, typed, status=400)
    try:
        async with deps.db.writes.begin() as session:
            await claiming.claim(session, deps, _vault(request), found, told, now=deps.clock.now())
    except claiming.NothingToClaim as error:
        return _form(request, found, {"form": error.detail}, typed, status=error.status)
    return leads_to("/citizen/reward/claim")


async def leave(request: web.Request) -> web.Response:
    """Close it in this browser."""
    del request
    response = leads_to("/citizen/reward")
    response.del_cookie(_COOKIE, path=_PATH)
    return response


async def notice(request: web.Request) -> web.Response:
    """公示: numbers drawn by lot, and one sum of many; nothing of a case, place or day."""
    deps = request.app[DEPS]
    async with deps.db.reads() as session:
        found = await announcing.told(session, deps.tables, now=deps.clock.now())
    return shown(
        request, "reward_notice", numbers=found.numbers, count=found.count,
        total=yuan(found.total) if found.count else "",
    )  # fmt: skip


ROUTES: Final = (
    access.open_to_all("GET", "/citizen/reward", home),
    access.open_to_all("POST", "/citizen/reward", opened),
    access.open_to_all("POST", "/citizen/reward/code", code),
    access.open_to_all("GET", "/citizen/reward/claim", form),
    access.open_to_all("POST", "/citizen/reward/claim", claimed),
    access.open_to_all("POST", "/citizen/reward/leave", leave),
    access.open_to_all("GET", "/citizen/reward/notice", notice),
)
