"""账号: made, changed, disabled, reset. What takes something away from a person ends their sessions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.staff import Account, AccountRequest, ProviderLink
from models.units import Staff, Unit
from models.vocab_ledger import LedgerAct
from models.vocab_signin import End
from triage.errors import BadInput, NotFound, TriageError
from triage.services.staff import codes, locking, passwords, requests, sessions, tokens
from triage.services.staff.recording import record
from triage.services.staff.rules import rule_at
from triage.services.staff.signing_in import LOGIN, Refused, normal

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.rules.signin_rows import SignInRow
    from triage.services.deps import Deps
    from triage.services.staff.sessions import Found

#: Names that the record uses for what is no person.
RESERVED: Final = frozenset({"local", "system", "terminal", "citizen", "reporter", "12345", "bench"})
_LONGEST_NAME: Final = 64
_LONGEST_PROVIDER: Final = 254


class LoginTaken(TriageError):
    """这个账号名已经有人用了。"""

    code = "login_taken"
    status = 409


class NotYourself(TriageError):
    """不能停用自己、改自己的角色或替自己重置：请另一位管理员来做。"""

    code = "not_yourself"
    status = 403


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What an account is made from. Nothing of its password stands here."""

    login: str
    name: str
    unit_code: str | None = None
    provider_name: str | None = None
    must_change: bool = True
    demo: bool = False


def checked(item: NewAccount) -> NewAccount:
    """The same in its normal form. Raises BadInput naming what is wrong."""
    login = normal(item.login)
    if not LOGIN.fullmatch(login) or login in RESERVED:
        raise BadInput("账号名用 2 到 64 个小写字母、数字和 . _ - @，以字母或数字开头")
    name = item.name.replace("\0", "").strip()
    if not name or len(name) > _LONGEST_NAME:
        raise BadInput(f"姓名要写，最多 {_LONGEST_NAME} 个字")
    unit = (item.unit_code or "").strip() or None
    return NewAccount(login, name, unit, provider_name(item.provider_name), item.must_change, item.demo)


async def password_hash(deps: Deps, login: str, password: str, *, now: datetime) -> str:
    """The hash to keep of a password that is good enough. Raises BadInput saying why it is not."""
    if len(password) > passwords.LONGEST:
        raise BadInput(f"密码最多 {passwords.LONGEST} 个字符。")
    if fault := rule_at(deps.tables, now).fault_of(password, login):
        raise BadInput(fault)
    return await passwords.hasher_of(deps.settings).make(password)


async def create(session: AsyncSession, item: NewAccount, kept: str | None, *, by: str, now: datetime) -> int:
    """Insert a checked account; `kept` hashes its password. Gives its id. Raises LoginTaken, BadInput."""
    if item.unit_code is not None and await session.get(Unit, item.unit_code) is None:
        raise BadInput(f"没有这个单位：{item.unit_code}")
    if await _provider_taken(session, item.provider_name):
        raise BadInput("这个统一认证账号已登记给别人")
    staff_id = await session.scalar(sa.select(Staff.id).where(Staff.login == item.login))
    if staff_id is not None and await session.get(Account, staff_id) is not None:
        raise LoginTaken
    if staff_id is None:
        values = {
            "login": item.login, "name": item.name, "unit_code": item.unit_code, "active": True,
            "created_at": now,
        }  # fmt: skip
        staff_id = (await session.scalars(sa.insert(Staff).values(values).returning(Staff.id))).one()
    else:
        # Named in the record already: the same person from now on.
        await session.execute(
            sa.update(Staff).where(Staff.id == staff_id).values(name=item.name, unit_code=item.unit_code)
        )
    await session.execute(
        sa.insert(Account).values(
            staff_id=staff_id,
            password_hash=kept,
            must_change=item.must_change and kept is not None,
            password_at=now if kept else None,
            code_step=0,
            provider_name=item.provider_name,
            demo=item.demo,
            created_by=by,
        )
    )
    detail = {"unit": item.unit_code or "", "demo": "yes" if item.demo else "no"}
    record(session, LedgerAct.STAFF_ADDED, by=by, login=item.login, now=now, detail=detail)
    return staff_id


async def change(
    session: AsyncSession, login: str, *, name: str, unit_code: str | None, provider_name: str | None,
    by: str, now: datetime,
) -> None:  # fmt: skip
    """Change name, unit and the account at the provider. Another unit ends the sessions. Raises BadInput."""
    staff, account = await _one(session, login)
    item = checked(NewAccount(login, name, unit_code, provider_name))
    if item.unit_code is not None and await session.get(Unit, item.unit_code) is None:
        raise BadInput(f"没有这个单位：{item.unit_code}")
    if item.provider_name != account.provider_name and await _provider_taken(session, item.provider_name):
        raise BadInput("这个统一认证账号已登记给别人")
    moved = staff.unit_code != item.unit_code
    if moved and login == by:
        raise NotYourself
    # Before the updates: they change what was read as well.
    detail = _differences(staff, account, item)
    before = (staff.name, staff.unit_code, account.provider_name)
    after = (item.name, item.unit_code, item.provider_name)
    await session.execute(
        sa.update(Staff).where(Staff.id == staff.id).values(name=item.name, unit_code=item.unit_code)
    )
    await session.execute(
        sa.update(Account).where(Account.staff_id == staff.id).values(provider_name=item.provider_name)
    )
    if moved:
        await sessions.end_all(session, staff.id, End.ROLE, now=now)
    old = _told(before) if before != after else None
    new = _told(after) if before != after else None
    record(
        session, LedgerAct.STAFF_CHANGED, by=by, login=login, now=now, detail=detail, old=old, new=new
    )  # fmt: skip


def _told(values: tuple[str, str | None, str | None]) -> str:
    """An account before or after a change, in masked shapes."""
    name, unit_code, provider_name = values
    provider = f"{provider_name[:1]}***" if provider_name else "无"
    return f"姓名={name[:1]}**；单位={unit_code or '全市'}；统一认证={provider}"


def _differences(staff: Staff, account: Account, item: NewAccount) -> dict[str, str]:
    """What is changed, for the ledger. The account at the provider among it: it lets somebody in."""
    found = {"unit": f"{staff.unit_code or ''} -> {item.unit_code or ''}"}
    if staff.name != item.name:
        found["name"] = "changed"
    if account.provider_name != item.provider_name:
        found["provider"] = "set" if item.provider_name else "removed"
    return found


async def disable(session: AsyncSession, login: str, *, by: str, now: datetime) -> None:
    """停用: no sign-in, no session, no token, no open request, from this moment on. Raises NotYourself."""
    staff, account = await _one(session, login)
    if login == by:
        raise NotYourself
    if account.disabled_at is None:
        await session.execute(sa.update(Account).where(Account.staff_id == staff.id).values(disabled_at=now))
        await sessions.end_all(session, staff.id, End.DISABLED, now=now)
        await tokens.revoke_all(session, staff.id, by=by, login=login, now=now)
        theirs = sa.or_(AccountRequest.staff_id == staff.id, AccountRequest.asked_by == login)
        await requests.void(session, theirs, by=by, now=now)
        record(
            session, LedgerAct.STAFF_DISABLED, by=by, login=login, now=now, old="启用", new="停用"
        )  # fmt: skip


async def enable(session: AsyncSession, login: str, *, by: str, now: datetime) -> None:
    """恢复: may sign in again; tokens stay revoked."""
    staff, _ = await _one(session, login)
    await session.execute(sa.update(Account).where(Account.staff_id == staff.id).values(disabled_at=None))
    detail = {"enabled": "yes"}
    record(
        session, LedgerAct.STAFF_CHANGED, by=by, login=login, now=now, detail=detail, old="停用", new="启用"
    )  # fmt: skip


async def reset(
    session: AsyncSession, deps: Deps, login: str, kept: str, *, forget_codes: bool, by: str, now: datetime
) -> None:
    """重置: another password, to be changed at the next sign-in; the authenticator forgotten if lost."""
    staff, _ = await _one(session, login)
    if login == by:
        raise NotYourself
    await session.execute(
        sa.update(Account)
        .where(Account.staff_id == staff.id)
        .values(password_hash=kept, must_change=True, password_at=now)
    )
    if forget_codes:
        await codes.remove(session, staff.id)
        record(session, LedgerAct.TOTP_SET, by=by, login=login, now=now, detail={"removed": "yes"})
    await locking.open_again(session, deps.vault, login, now=now)
    await sessions.end_all(session, staff.id, End.PASSWORD, now=now)
    record(session, LedgerAct.PASSWORD_SET, by=by, login=login, now=now, detail={"reset": "yes"})


async def made_anew(
    session: AsyncSession, deps: Deps, login: str, kept: str, *, by: str, now: datetime
) -> None:
    """Every way into an account made anew: nothing opens it any more that somebody set up before this.

    Its tokens, its authenticator, its accounts at the provider (linked or to be) are forgotten as well.
    """
    await reset(session, deps, login, kept, forget_codes=True, by=by, now=now)
    staff, _ = await _one(session, login)
    await tokens.revoke_all(session, staff.id, by=by, login=login, now=now)
    await session.execute(sa.delete(ProviderLink).where(ProviderLink.staff_id == staff.id))
    await session.execute(sa.update(Account).where(Account.staff_id == staff.id).values(provider_name=None))


async def lock(session: AsyncSession, staff_id: int) -> None:
    """Lock an account's rows, in the order in which everything here does."""
    rows = sa.select(Staff.id).join(Account, Account.staff_id == Staff.id).where(Staff.id == staff_id)
    await session.execute(rows.with_for_update())


async def set_own_password(
    session: AsyncSession, found: Found, kept: str, *, proved: str | None, rule: SignInRow, now: datetime
) -> None:
    """更换密码, by its owner: the other sessions end. `proved`: the hash that the old password was proved by.

    Proving takes its time: a reset of meanwhile stands. Raises Over, Refused.
    """
    person = found.person
    await sessions.hold(session, found, rule, now=now)
    changed = await session.scalar(
        sa.update(Account)
        .where(Account.staff_id == person.staff_id, Account.password_hash == proved)
        .values(password_hash=kept, must_change=False, password_at=now)
        .returning(Account.staff_id)
    )
    if changed is None:
        raise Refused("密码刚有变化，没有更换，请再试一次。")
    await sessions.end_all(session, person.staff_id, End.PASSWORD, now=now, but=found.id)
    record(session, LedgerAct.PASSWORD_SET, by=person.login, login=person.login, now=now)


async def own_hash(session: AsyncSession, staff_id: int) -> str | None:
    """The kept hash of somebody's password."""
    found: str | None = await session.scalar(
        sa.select(Account.password_hash).where(Account.staff_id == staff_id)
    )
    return found


async def any_account(session: AsyncSession) -> bool:
    """Whether there is an account at all."""
    return await session.scalar(sa.select(Account.staff_id).limit(1)) is not None


async def _one(session: AsyncSession, login: str) -> tuple[Staff, Account]:
    row = (
        await session.execute(
            sa.select(Staff, Account)
            .join(Account, Account.staff_id == Staff.id)
            .where(Staff.login == login)
            .with_for_update()
        )
    ).one_or_none()
    if row is None:
        raise NotFound(f"没有这个账号：{login}")
    return row[0], row[1]


async def _provider_taken(session: AsyncSession, name: str | None) -> bool:
    if name is None:
        return False
    taken = sa.select(Account.staff_id).where(Account.provider_name == name).limit(1)
    return await session.scalar(taken) is not None


def provider_name(text: str | None) -> str | None:
    """An e-mail or login at the provider in its normal form. Raises BadInput."""
    name = (text or "").replace("\0", "").strip().casefold()
    if len(name) > _LONGEST_PROVIDER:
        raise BadInput("统一认证的账号或邮箱太长")
    return name or None
