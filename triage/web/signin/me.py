"""/me: 我的账号. Password, authenticator, sessions and tokens of whoever is signed in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import segno

from models.vocab_ledger import LedgerAct
from models.vocab_signin import End
from models.vocab_staff import Permission
from triage.errors import BadInput, NotFound, TriageError
from triage.services.staff import (
    accounts,
    codes,
    listing,
    locking,
    passwords,
    people,
    roles,
    sessions,
    signing_in,
    tokens,
)
from triage.services.staff.codes import WrongCode
from triage.services.staff.recording import record
from triage.services.staff.sessions import Over
from triage.services.staff.signing_in import Refused
from triage.web import access, guard
from triage.web.keys import DEPS, VIEWER
from triage.web.signin import cookies, showing
from triage.web.signin.identify import SESSION, came_from
from triage.web.signin.showing import answer, rule, texts, to
from triage.web.signin.views import CodePage, MePage, PasswordPage, TokenTyped
from triage.web.views import Term

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from triage.services.staff.sessions import Found

_DONE: Final = {
    "password": "密码已更换，其他会话都已结束。",
    "ended": "会话已结束。",
    "revoked": "令牌已停用。",
    "code": "已停用动态验证码。",
}
_QR_SCALE: Final = 5
#: Of a number of days.
_DIGITS: Final = 4


async def page(request: web.Request) -> web.Response:
    """我的账号."""
    return await _me(request, done=_DONE.get(request.query.get("done", "")))


async def password_page(request: web.Request) -> web.Response:
    """更换密码."""
    return _password(request)


async def password_changed(request: web.Request) -> web.Response:
    """The password was sent, the old and the new one. The other sessions end."""
    deps, form, found = request.app[DEPS], await texts(request), _here(request)
    now, person = deps.clock.now(), found.person
    new = form.get("new", "")
    try:
        _check_new(new, form)
        proved = await _prove(request, found, form.get("old", ""))
        kept = await accounts.password_hash(deps, person.login, new, now=now)
        async with deps.db.writes.begin() as session:
            await accounts.set_own_password(session, found, kept, proved=proved, rule=rule(request), now=now)
    except (BadInput, Refused, Over) as fault:
        return _password(request, fault=fault)
    return to("/me?done=password")


def _check_new(new: str, form: Mapping[str, str]) -> None:
    if new != form.get("again", ""):
        raise BadInput("两次输入的新密码不一样。")
    if new == form.get("old", ""):
        raise BadInput("新密码不能与原密码相同。")


async def code_page(request: web.Request) -> web.Response:
    """动态验证码: the QR code, until one is enrolled."""
    return await _code(request)


async def code_confirmed(request: web.Request) -> web.Response:
    """A code of the new authenticator was sent: it is enrolled, and the recovery codes are shown once.

    Raises Over.
    """
    deps, form, found = request.app[DEPS], await texts(request), _here(request)
    now, person = deps.clock.now(), found.person
    if person.enrolled:
        return to("/me/code")
    try:
        async with deps.db.writes.begin() as session:
            shown = await codes.confirm(
                session, deps.vault, person.staff_id, form.get("code", "")[:40], rule(request), now=now
            )
            record(session, LedgerAct.TOTP_SET, by=person.login, login=person.login, now=now)
            await sessions.end_all(session, person.staff_id, End.PASSWORD, now=now, but=found.id)
            renewed = await signing_in.strengthened(
                session, found, cookies.session_of(request, deps.settings), rule(request),
                came=came_from(request), now=now,
            )  # fmt: skip
    except WrongCode as fault:
        return await _code(request, fault=fault)
    response = await _code(request, shown=tuple(shown), enrolled=True)
    cookies.keep_session(response, deps.settings, renewed)
    return response


async def code_removed(request: web.Request) -> web.Response:
    """停用, or new recovery codes: either is proved by a code. Raises Over."""
    deps, form, found = request.app[DEPS], await texts(request), _here(request)
    now, person = deps.clock.now(), found.person
    async with deps.db.writes.begin() as session:
        await sessions.hold(session, found, rule(request), now=now)
        may_try, until = await locking.enter_code(session, deps.vault, person.login, rule(request), now=now)
        good = may_try and await codes.take(
            session, deps.vault, person.staff_id, form.get("code", "")[:40], rule(request), now=now
        )
        shown: list[str] = []
        if good:
            await locking.leave_code(session, deps.vault, person.login)
            if form.get("do") == "renew":
                shown = await codes.renew_recovery(session, person.staff_id, rule(request))
            else:
                await codes.remove(session, person.staff_id)
            record(
                session, LedgerAct.TOTP_SET, by=person.login, login=person.login, now=now,
                detail={"did": "recovery" if shown else "removed"},
            )  # fmt: skip
        else:
            why = "code" if may_try else "locked"
            signing_in.note_failure(session, person.login, until, why=why, now=now)
    if not good:
        return await _code(request, fault=WrongCode())
    return await _code(request, shown=tuple(shown)) if shown else to("/me?done=code")


async def session_ended(request: web.Request) -> web.Response:
    """结束会话: one, or all but this one."""
    deps, found = request.app[DEPS], _here(request)
    now, person = deps.clock.now(), found.person
    number = request.match_info["number"]
    async with deps.db.writes.begin() as session:
        if number == "others":
            await sessions.end_all(session, person.staff_id, End.REVOKED, now=now, but=found.id)
        else:
            await sessions.end_one(session, person.staff_id, int(number), End.REVOKED, now=now)
        record(
            session, LedgerAct.SESSION_ENDED, by=person.login, login=person.login, now=now,
            detail={"session": number},
        )  # fmt: skip
    return to("/me?done=ended")


async def token_made(request: web.Request) -> web.Response:
    """新建接口令牌, shown once. Raises Over."""
    deps, found = request.app[DEPS], _here(request)
    now = deps.clock.now()
    form = await request.post()
    chosen = {str(value) for value in form.getall("scopes", [])}
    days = str(form.get("days", ""))
    try:
        async with deps.db.writes.begin() as session:
            # A token outlives its session: none is made where a reset has just revoked all.
            await sessions.hold(session, found, rule(request), now=now)
            made = await tokens.make(
                session, found.person.staff_id, name=str(form.get("name", "")),
                scopes={permission for permission in Permission if permission.value in chosen},
                allowed=request[VIEWER].permissions, days=_days(days), rule=rule(request),
                by=found.person.login, login=found.person.login, now=now,
            )  # fmt: skip
    except BadInput as fault:
        return await _me(
            request, fault=fault, typed=TokenTyped(str(form.get("name", "")), days, frozenset(chosen))
        )
    return await _me(request, made=made)


def _days(text: str) -> int:
    """A number of days. Raises BadInput."""
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise BadInput("有效期应是天数")
    return int(text)


async def token_ended(request: web.Request) -> web.Response:
    """停用令牌. Raises NotFound."""
    deps, person = request.app[DEPS], _here(request).person
    async with deps.db.writes.begin() as session:
        await tokens.revoke(
            session, person.staff_id, int(request.match_info["number"]), by=person.login, login=person.login,
            now=deps.clock.now(),
        )  # fmt: skip
    return to("/me?done=revoked")


def _here(request: web.Request) -> Found:
    """The session of the browser. Raises NotFound to a program: these pages are for people."""
    found: Found | None = request.get(SESSION)
    if found is None:
        raise NotFound("这一页只在网页登录后可用。")
    return found


async def _prove(request: web.Request, found: Found, password: str) -> str | None:
    """Whether it is still the person: counted as a sign-in is. Gives the hash it was. Raises Refused."""
    deps, person = request.app[DEPS], found.person
    now, address = deps.clock.now(), came_from(request).ip
    async with deps.db.writes.begin() as session:
        may_try, until = await locking.enter(
            session, deps.vault, person.login, address, rule(request), now=now
        )
        kept = await accounts.own_hash(session, person.staff_id)
        if not may_try:
            signing_in.note_failure(session, person.login, until, why="locked", now=now)
    if not may_try:
        raise Refused("连续多次不对，暂时不能更换，请稍后再试。")
    good = await passwords.hasher_of(deps.settings).verify(kept, password[: passwords.LONGEST])
    async with deps.db.writes.begin() as session:
        if good:
            await locking.leave(session, deps.vault, person.login, address, now=now)
        else:
            signing_in.note_failure(session, person.login, until, why="old_password", now=now)
    if not good:
        raise Refused("原密码不对。")
    return kept


async def _me(
    request: web.Request,
    *,
    made: str | None = None,
    done: str | None = None,
    fault: TriageError | None = None,
    typed: TokenTyped | None = None,
) -> web.Response:
    deps, found, viewer = request.app[DEPS], _here(request), request[VIEWER]
    now, person = deps.clock.now(), found.person
    async with deps.db.reads() as session:
        grants = await roles.of(session, person.staff_id)
        mine = await sessions.listed(session, person.staff_id, rule(request), now=now)
        keys = await tokens.listed(session, person.staff_id)
        left = await codes.recovery_left(session, person.staff_id)
        row = await listing.one(session, person.login)
    token = guard.token_of(request)
    shown = MePage(
        login=person.login,
        name=person.name,
        unit=showing.unit_name(deps.tables, person.unit_code),
        roles=showing.grant_views(deps.tables, grants, now),
        permissions=tuple(Term(p.value, p.label) for p in Permission if p in viewer.permissions),
        has_password=row is not None and row[1].password_hash is not None,
        enrolled=person.enrolled,
        wants_code=people.wants_code(deps.tables, viewer, now=now),
        may_call=viewer.may(Permission.CALL),
        recovery_left=left,
        sessions=showing.session_views(mine, cookies.session_of(request, deps.settings)),
        tokens=showing.token_views(keys, now),
        token_days=rule(request).token_days,
        typed=typed,
        made=made,
        done=done,
        fault=fault.detail if fault else None,
        field=guard.FIELD,
        token=token,
    )
    return answer(request, "signin/me.html", shown, token, status=fault.status if fault else 200)


def _password(request: web.Request, *, fault: TriageError | None = None) -> web.Response:
    person = _here(request).person
    token = guard.token_of(request)
    shown = PasswordPage(
        login=person.login,
        first=person.must_change,
        shortest=rule(request).shortest_password,
        fault=fault.detail if fault else None,
        field=guard.FIELD,
        token=token,
    )
    return answer(request, "signin/password.html", shown, token, status=fault.status if fault else 200)


async def _code(
    request: web.Request,
    *,
    shown: tuple[str, ...] = (),
    enrolled: bool | None = None,
    fault: TriageError | None = None,
) -> web.Response:
    deps, person = request.app[DEPS], _here(request).person
    enrolled = person.enrolled if enrolled is None else enrolled
    qr = secret = ""
    if not enrolled:
        async with deps.db.writes.begin() as session:
            # Who comes next is shown the secret that waits: none that an ended session was shown.
            await sessions.hold(session, _here(request), rule(request), now=deps.clock.now())
            secret = await codes.begin(session, deps.vault, person.staff_id)
        address = codes.address_of(secret, person.login, rule(request))
        qr = segno.make(address, error="m").svg_inline(scale=_QR_SCALE, dark="#000", light="#fff")
    token = guard.token_of(request)
    viewer = request[VIEWER]
    page_ = CodePage(
        login=person.login,
        first=not enrolled and people.wants_code(deps.tables, viewer, now=deps.clock.now()),
        enrolled=enrolled,
        qr=qr,
        secret=" ".join(secret[start : start + 4] for start in range(0, len(secret), 4)),
        codes=shown,
        fault=fault.detail if fault else None,
        field=guard.FIELD,
        token=token,
    )
    return answer(request, "signin/enrol.html", page_, token, status=fault.status if fault else 200)


ROUTES: Final = (
    access.get("/me", page, needs=access.SIGNED_IN),
    access.get("/me/password", password_page, needs=access.SIGNED_IN),
    access.post("/me/password", password_changed, needs=access.SIGNED_IN),
    access.get("/me/code", code_page, needs=access.SIGNED_IN),
    access.post("/me/code", code_confirmed, needs=access.SIGNED_IN),
    access.post("/me/code/change", code_removed, needs=access.SIGNED_IN),
    access.post(r"/me/sessions/{number:\d{1,15}|others}/end", session_ended, needs=access.SIGNED_IN),
    access.post("/me/tokens", token_made, needs=access.SIGNED_IN),
    access.post(r"/me/tokens/{number:\d{1,15}}/end", token_ended, needs=access.SIGNED_IN),
)
