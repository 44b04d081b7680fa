"""/desk/staff: 账号管理. Found, made, changed, disabled, reset; roles, sessions and tokens of one account.

Whoever manages for a unit sees and touches only accounts of that unit and what is below it, whose every role
lies there too, and grants roles for those units alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from models.vocab_ledger import LedgerAct
from models.vocab_signin import End
from models.vocab_staff import Permission, Role
from triage.clock import local
from triage.errors import BadInput, NotFound, TriageError
from triage.services.staff import (
    accounts,
    listing,
    locking,
    managing,
    passwords,
    roles,
    second,
    sessions,
    tokens,
)
from triage.services.staff.accounts import NewAccount
from triage.services.staff.listing import Asked
from triage.services.staff.recording import record
from triage.web import access, guard
from triage.web.acting import unit_code
from triage.web.keys import DEPS, VIEWER
from triage.web.signin import showing, staff_parts, staff_requests
from triage.web.signin.showing import answer, rule, texts, to
from triage.web.signin.views import Choice, Granting, StaffLine, StaffList, StaffPage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

    from aiohttp import web
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.staff import Account
    from models.units import Staff
    from triage.services.deps import Deps

_DONE: Final = {
    "changed": "已保存。",
    "granted": "角色已授予；这个人要重新登录。",
    "asked": "已申请：要另一位管理员在账号一览里复核后才生效。",
    "withdrawn": "角色已收回，会话已结束。",
    "disabled": "账号已停用，会话和令牌都已失效。",
    "enabled": "账号已恢复。",
    "ended": "会话已结束。",
    "revoked": "令牌已停用。",
    "unlocked": "已解除锁定。",
}
#: What an id may have.
_DIGITS: Final = 15
_STATES: Final = (("active", "在用"), ("disabled", "已停用"), ("all", "全部"))


async def listed(request: web.Request) -> web.Response:
    """账号一览."""
    deps, query = request.app[DEPS], request.query
    now = deps.clock.now()
    unit = query.get("unit", "").strip()
    state = query.get("state", "active")
    asked = Asked(
        query=query.get("q", "")[:64],
        unit_code=unit_code(deps.tables, unit, on=local(now).date()) or None,
        role=query.get("role") if query.get("role") in {role.value for role in Role} else None,
        state=state if state in dict(_STATES) else "active",
        units=await staff_requests.units_of(request),
    )
    async with deps.db.reads() as session:
        lines, more = await listing.page(session, asked, after=query.get("after", "")[:64] or None, now=now)
        count = await listing.count(session, asked, now=now)
        locked = await locking.locks_of(session, deps.vault, [line.login for line in lines], now=now)
        wait = await second.waiting(session, asked.units, now=now)
    token = guard.token_of(request)
    kept = {name: query[name] for name in ("q", "unit", "role", "state") if query.get(name)}
    page = StaffList(
        lines=tuple(
            StaffLine(
                login=line.login,
                name=line.name,
                unit=line.unit or showing.CITY,
                roles=tuple(_role_words(role, unit) for role, unit in line.roles),
                enrolled=line.enrolled,
                demo=line.demo,
                disabled=line.disabled,
                locked_until=locked.get(line.login),
                last_login_at=line.last_login_at,
            )
            for line in lines
        ),
        count=count,
        more=f"/desk/staff?{urlencode({**kept, 'after': more})}" if more else None,
        first=f"/desk/staff?{urlencode(kept)}" if query.get("after") else None,
        query=asked.query,
        unit=unit,
        roles=tuple(Choice(role.value, role.label, role.value == asked.role) for role in Role),
        states=tuple(Choice(value, label, value == asked.state) for value, label in _STATES),
        waiting=staff_requests.views(deps.tables, wait, request[VIEWER].login),
        done=staff_requests.DONE.get(query.get("done", "")),
        field=guard.FIELD,
        token=token,
    )
    return answer(request, "signin/staff_list.html", page, token)


async def blank(request: web.Request) -> web.Response:
    """The form of a new account."""
    return await _one(request, None)


async def added(request: web.Request) -> web.Response:
    """新建账号. Its generated password is shown once."""
    deps, form = request.app[DEPS], await texts(request)
    by, now = request[VIEWER].login, deps.clock.now()
    password = (
        None if form.get("provider", "").strip() and form.get("provider_only") else passwords.generated()
    )
    try:
        item = accounts.checked(
            NewAccount(
                form.get("login", ""),
                form.get("name", ""),
                _unit(request, form),
                form.get("provider") or None,
            )
        )
        managing.check_unit(await staff_requests.units_of(request), item.unit_code)
        role = roles.role_of(form["role"]) if form.get("role") else None
        kept = await accounts.password_hash(deps, item.login, password, now=now) if password else None
        given = second.Grant(role, item.unit_code, local(now).date()) if role else None
        half = None
        async with deps.db.writes.begin() as session:
            if given and await second.needed(session, deps.tables, given, by=by, now=now):
                # Its first password has two halves.
                kept = None
            staff_id = await accounts.create(session, item, kept, by=by, now=now)
            if given:
                half = await second.grant(session, deps, staff_id, given, by=by, now=now)
    except TriageError as fault:
        return await _one(request, None, typed=form, fault=fault)
    done = f"账号已建立，还没有角色。{_DONE['asked']}" if half else "账号已建立。"
    return await _one(request, item.login, made=half or password, half=bool(half), done=done)


async def one(request: web.Request) -> web.Response:
    """One account. Raises NotFound."""
    staff, _ = await _mine(request)
    return await _one(request, staff.login, done=_DONE.get(request.query.get("done", "")))


async def changed(request: web.Request) -> web.Response:
    """Change name, unit, provider's name. Raises NotFound."""
    deps, form = request.app[DEPS], await texts(request)
    by, now = request[VIEWER].login, deps.clock.now()
    staff, _ = await _mine(request)
    try:
        wanted = _unit(request, form)
        managing.check_unit(await staff_requests.units_of(request), wanted)
        async with deps.db.writes.begin() as session:
            named = accounts.provider_name(form.get("provider"))
            was = form.get("provider_was")
            at_once, stands = await second.provider(
                session, deps.tables, staff, named, by=by, now=now,
                untouched=was is not None and accounts.provider_name(was) == named,
            )  # fmt: skip
            await accounts.change(
                session, staff.login, name=form.get("name", ""), unit_code=wanted, provider_name=stands,
                by=by, now=now,
            )  # fmt: skip
    except TriageError as fault:
        return await _one(request, staff.login, typed=form, fault=fault)
    return _to(staff.login, "changed" if at_once else "asked")


async def granted(request: web.Request) -> web.Response:
    """授予角色. Raises NotFound."""
    deps, form = request.app[DEPS], await texts(request)
    by, now = request[VIEWER].login, deps.clock.now()
    staff, _ = await _mine(request)
    try:
        wanted = _unit(request, form)
        managing.check_unit(await staff_requests.units_of(request), wanted)
        given = second.Grant(
            roles.role_of(form.get("role", "")),
            wanted,
            managing.day(form.get("from", ""), "起") or local(now).date(),
            managing.day(form.get("to", ""), "止"),
        )
        async with deps.db.writes.begin() as session:
            half = await second.grant(session, deps, staff.id, given, by=by, now=now)
    except TriageError as fault:
        return await _one(request, staff.login, granting=form, fault=fault)
    if half is None:
        return _to(staff.login, "granted")
    return await _one(request, staff.login, made=half, half=True, done=_DONE["asked"])


@dataclass(frozen=True, slots=True)
class _Act:
    """What one of the small buttons asks for: over which account, which row of it, by whom, when."""

    deps: Deps
    staff: Staff
    number: int
    by: str
    now: datetime


async def _disable(session: AsyncSession, act: _Act) -> None:
    await accounts.disable(session, act.staff.login, by=act.by, now=act.now)


async def _enable(session: AsyncSession, act: _Act) -> None:
    await accounts.enable(session, act.staff.login, by=act.by, now=act.now)


async def _unlock(session: AsyncSession, act: _Act) -> None:
    login = act.staff.login
    await locking.open_again(session, act.deps.vault, login, now=act.now)
    detail = {"unlocked": "yes"}
    record(session, LedgerAct.STAFF_CHANGED, by=act.by, login=login, now=act.now, detail=detail)


async def _withdraw(session: AsyncSession, act: _Act) -> None:
    await roles.withdraw(session, act.staff.id, act.number, by=act.by, now=act.now)


async def _revoke(session: AsyncSession, act: _Act) -> None:
    await tokens.revoke(session, act.staff.id, act.number, by=act.by, login=act.staff.login, now=act.now)


async def _end(session: AsyncSession, act: _Act) -> None:
    if act.number:
        await sessions.end_one(session, act.staff.id, act.number, End.REVOKED, now=act.now)
    else:
        await sessions.end_all(session, act.staff.id, End.REVOKED, now=act.now)
    detail = {"session": str(act.number or "all")}
    record(session, LedgerAct.SESSION_ENDED, by=act.by, login=act.staff.login, now=act.now, detail=detail)


#: By the word that the address then says was done.
_ACTS: Final[dict[str, Callable[[AsyncSession, _Act], Awaitable[None]]]] = {
    "disabled": _disable,
    "enabled": _enable,
    "unlocked": _unlock,
    "withdrawn": _withdraw,
    "revoked": _revoke,
    "ended": _end,
}


async def did(request: web.Request) -> web.Response:
    """停用, 恢复, 解除锁定, 收回角色, 结束会话, 停用令牌. Raises NotFound, BadInput."""
    deps, form = request.app[DEPS], await texts(request)
    staff, _ = await _mine(request)
    what, number = form.get("do", ""), form.get("number", "0")
    if what not in _ACTS or not (number.isascii() and number.isdigit() and len(number) <= _DIGITS):
        raise BadInput("不认识的操作")
    act = _Act(deps, staff, int(number), request[VIEWER].login, deps.clock.now())
    try:
        async with deps.db.writes.begin() as session:
            await _ACTS[what](session, act)
    except TriageError as fault:
        return await _one(request, staff.login, fault=fault)
    return _to(staff.login, what)


async def reset(request: web.Request) -> web.Response:
    """重置密码: a generated one, shown once; the authenticator too when it was lost. Raises NotFound."""
    deps, form = request.app[DEPS], await texts(request)
    staff, _ = await _mine(request)
    now, password = deps.clock.now(), passwords.generated()
    kept = await accounts.password_hash(deps, staff.login, password, now=now)
    try:
        async with deps.db.writes.begin() as session:
            half = await second.reset(
                session, deps, staff, kept, forget_codes=form.get("codes") == "1",
                by=request[VIEWER].login, now=now,
            )  # fmt: skip
    except TriageError as fault:
        return await _one(request, staff.login, fault=fault)
    done = f"原来的密码仍有效。{_DONE['asked']}" if half else "密码已重置。"
    return await _one(request, staff.login, made=half or password, half=bool(half), done=done)


async def _mine(request: web.Request) -> tuple[Staff, Account]:
    """The account of the address, which this manager may touch. Raises NotFound."""
    deps = request.app[DEPS]
    units = await staff_requests.units_of(request)
    async with deps.db.reads() as session:
        found = await listing.one(session, request.match_info["login"])
        if found is None or not await managing.may_manage(session, units, found[0], now=deps.clock.now()):
            raise NotFound("没有这个账号，或不在您管理的单位内。")
    return found


def _unit(request: web.Request, form: Mapping[str, str]) -> str | None:
    """The unit of a form, by code or whole name. Raises BadInput."""
    text = form.get("unit", "").strip()
    if not text or text == showing.CITY:
        return None
    deps = request.app[DEPS]
    code = unit_code(deps.tables, text, on=local(deps.clock.now()).date())
    if code not in deps.tables.units:
        raise BadInput(f"没有这个单位：{text[:40]}")
    return code


def _role_words(role: str, unit: str | None) -> str:
    label = Role(role).label if role in {known.value for known in Role} else role
    return f"{label} · {unit or showing.CITY}"


def _to(login: str, done: str) -> web.Response:
    return to(f"/desk/staff/{login}?{urlencode({'done': done})}")


async def _one(
    request: web.Request,
    login: str | None,
    *,
    typed: Mapping[str, str] | None = None,
    granting: Mapping[str, str] | None = None,
    made: str | None = None,
    half: bool = False,
    done: str | None = None,
    fault: TriageError | None = None,
) -> web.Response:
    """The page of an account, or the form of a new one."""
    deps, told = request.app[DEPS], typed or {}
    grant = granting or {}
    token = guard.token_of(request)
    parts = await staff_parts.parts(deps, login, rule(request))
    page = StaffPage(
        login=told.get("login", "") if login is None else login,
        name=told.get("name", parts.name),
        unit=told.get("unit", parts.unit),
        provider=told.get("provider", parts.provider),
        provider_was=parts.provider,
        linked=parts.linked,
        new=login is None,
        account=parts.account,
        locked_until=parts.locked_until,
        grants=parts.grants,
        sessions=parts.sessions,
        tokens=parts.tokens,
        roles=tuple(
            Choice(role.value, role.label, role.value == {**told, **grant}.get("role")) for role in Role
        ),
        granting=Granting(grant.get("unit", ""), grant.get("from", ""), grant.get("to", ""))
        if grant
        else None,
        today=local(deps.clock.now()).date().isoformat(),
        myself=login == request[VIEWER].login,
        made=made,
        half=half,
        done=done,
        fault=fault.detail if fault else None,
        field=guard.FIELD,
        token=token,
    )
    return answer(request, "signin/staff.html", page, token, status=fault.status if fault else 200)


ROUTES: Final = (
    access.get("/desk/staff", listed, needs=Permission.STAFF),
    access.post("/desk/staff", added, needs=Permission.STAFF),
    access.get("/desk/staff/new", blank, needs=Permission.STAFF),
    access.get("/desk/staff/{login}", one, needs=Permission.STAFF),
    access.post("/desk/staff/{login}", changed, needs=Permission.STAFF),
    access.post("/desk/staff/requests/{number}", staff_requests.decided, needs=Permission.STAFF),
    access.post("/desk/staff/{login}/roles", granted, needs=Permission.STAFF),
    access.post("/desk/staff/{login}/do", did, needs=Permission.STAFF),
    access.post("/desk/staff/{login}/reset", reset, needs=Permission.STAFF),
)
