"""What `jiesu staff …` does."""

from __future__ import annotations

import asyncio
import csv
import getpass
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self, TypeVar

import click

from models.vocab_ledger import LedgerAct
from models.vocab_signin import End, Way
from models.vocab_staff import Permission, Role
from triage.clock import local
from triage.clock import show as show_moment
from triage.errors import BadInput, NotFound
from triage.services import ledger
from triage.services.staff import (
    accounts,
    importing,
    listing,
    locking,
    managing,
    passwords,
    people,
    roles,
    sessions,
    tokens,
)
from triage.services.staff.accounts import NewAccount
from triage.services.staff.listing import Asked
from triage.services.staff.recording import record
from triage.services.staff.rules import rule_at
from triage.web.acting import unit_code
from triage.wiring import build

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.units import Staff
    from triage.services.deps import Deps
    from triage.settings import Settings

T = TypeVar("T")

_CITY: Final = "全市"


def _by() -> str:
    """Who sits at the terminal; the colon keeps it apart from every login."""
    return f"terminal:{getpass.getuser()}"[:64]


def _run(settings: Settings, work: Callable[[Deps, datetime], Awaitable[T]]) -> T:
    async def main() -> T:
        deps = build(settings)
        try:
            with ledger.coming_from("command"):
                return await work(deps, deps.clock.now())
        finally:
            await deps.close()

    return asyncio.run(main())


def _password(*, generate: bool) -> str:
    if generate:
        return passwords.generated()
    return str(click.prompt("密码", hide_input=True, confirmation_prompt="再输一次"))


def add(
    settings: Settings,
    *,
    login: str,
    name: str,
    unit: str | None,
    roles: tuple[str, ...],
    provider: str | None,
    provider_only: bool,
    generate: bool,
) -> None:
    """Make an account. Raises BadInput, LoginTaken."""
    if provider_only and not provider:
        raise BadInput("--provider-only 要与 --provider 一起写")
    password = None if provider_only else _password(generate=generate)

    async def work(deps: Deps, now: datetime) -> str:
        item = accounts.checked(NewAccount(login, name, _unit(deps, unit), provider))
        kept = await accounts.password_hash(deps, item.login, password, now=now) if password else None
        async with deps.db.writes.begin() as session:
            staff_id = await accounts.create(session, item, kept, by=_by(), now=now)
            for given in roles:
                await _grant(deps, session, staff_id, Role(given), item.unit_code, now=now)
        return item.login

    made = _run(settings, work)
    click.echo(f"已建账号 {made}")
    if generate and password:
        click.echo(f"初始密码（只显示这一次）：{password}")


def show(settings: Settings, *, query: str, unit: str | None, role: str | None, every: bool) -> None:
    """Print a line an account."""

    async def work(deps: Deps, now: datetime) -> int:
        asked = Asked(query, _unit(deps, unit), role, "all" if every else "active")
        after: str | None = None
        count = 0
        async with deps.db.reads() as session:
            while True:
                lines, after = await listing.page(session, asked, after=after, limit=500, now=now)
                locked = await locking.locks_of(session, deps.vault, [line.login for line in lines], now=now)
                for line in lines:
                    click.echo(_line(line, locked.get(line.login)))
                count += len(lines)
                if after is None:
                    return count

    click.echo(f"共 {_run(settings, work)} 个账号")


def _line(line: listing.Line, locked: datetime | None) -> str:
    held = (
        "、".join(f"{roles.role_of(role).label}({unit or _CITY})" for role, unit in line.roles) or "没有角色"
    )
    marks = [
        mark
        for mark, holds in (
            ("已停用", line.disabled),
            (f"锁定到 {show_moment(locked)}" if locked else "", locked is not None),
            ("演示", line.demo),
            ("未启用验证码", not line.enrolled),
        )
        if holds
    ]
    return f"{line.login}\t{line.name}\t{line.unit or _CITY}\t{held}\t{'、'.join(marks)}"


def role(
    settings: Settings,
    *,
    login: str,
    role: str,
    unit: str | None,
    first: str | None,
    last: str | None,
    withdraw: bool,
) -> None:
    """Grant or withdraw. Raises BadInput, NotFound."""

    async def work(deps: Deps, now: datetime) -> str:
        async with deps.db.writes.begin() as session:
            staff = await _staff(session, login)
            wanted = _unit(deps, unit) if unit else staff.unit_code
            if not withdraw:
                await roles.grant(
                    session, deps.tables, staff.id, Role(role), unit_code=wanted,
                    valid_from=managing.day(first or "", "起") or local(now).date(),
                    valid_to=managing.day(last or "", "止"), by=_by(), now=now,
                )  # fmt: skip
                return "已授予"
            held = [
                row.id
                for row in await roles.of(session, staff.id)
                if row.role == role and (unit is None or row.unit_code == wanted)
            ]
            if not held:
                raise NotFound("这个账号没有这个角色。")
            for number in held:
                await roles.withdraw(session, staff.id, number, by=_by(), now=now)
            return "已收回"

    click.echo(f"{_run(settings, work)} {login} 的角色“{Role(role).label}”，会话已结束")


def disable(settings: Settings, login: str, *, enable: bool) -> None:
    """Disable or enable. Raises NotFound."""

    async def work(deps: Deps, now: datetime) -> None:
        async with deps.db.writes.begin() as session:
            change = accounts.enable if enable else accounts.disable
            await change(session, login, by=_by(), now=now)

    _run(settings, work)
    click.echo(f"已恢复 {login}" if enable else f"已停用 {login}，会话和令牌都已失效")


def reset(settings: Settings, login: str, *, codes: bool, generate: bool) -> None:
    """Another password. Raises BadInput, NotFound."""
    password = _password(generate=generate)

    async def work(deps: Deps, now: datetime) -> None:
        kept = await accounts.password_hash(deps, login, password, now=now)
        async with deps.db.writes.begin() as session:
            await accounts.reset(session, deps, login, kept, forget_codes=codes, by=_by(), now=now)

    _run(settings, work)
    click.echo(f"已重置 {login} 的密码，下次登录时要换掉")
    if generate:
        click.echo(f"新密码（只显示这一次）：{password}")


def token(
    settings: Settings,
    *,
    login: str,
    name: str | None,
    scopes: tuple[str, ...],
    days: int,
    revoke: int | None,
) -> None:
    """List, make or revoke. Raises BadInput, NotFound."""

    async def work(deps: Deps, now: datetime) -> list[str]:
        async with deps.db.writes.begin() as session:
            staff = await _staff(session, login)
            if revoke is not None:
                await tokens.revoke(session, staff.id, revoke, by=_by(), login=login, now=now)
            if name is None:
                return [
                    f"{row.id}\t{row.prefix}…\t{row.name}\t{','.join(row.scopes)}"
                    f"\t到 {show_moment(row.expires_at)}"
                    for row in await tokens.listed(session, staff.id)
                ]
            person = await people.person_at(session, login, now=now)
            if person is None:
                raise NotFound("这个账号已停用。")
            made = await tokens.make(
                session, staff.id, name=name, scopes=[Permission(scope) for scope in scopes],
                allowed=people.viewer_of(deps.tables, person, now=now).permissions, days=days,
                rule=rule_at(deps.tables, now), by=_by(), login=login, now=now,
            )  # fmt: skip
            return [f"令牌（只显示这一次）：{made}"]

    for line in _run(settings, work):
        click.echo(line)


def show_sessions(settings: Settings, login: str, *, end: bool) -> None:
    """List or end. Raises NotFound."""

    async def work(deps: Deps, now: datetime) -> list[str]:
        async with deps.db.writes.begin() as session:
            staff = await _staff(session, login)
            rows = await sessions.listed(session, staff.id, rule_at(deps.tables, now), now=now)
            if end:
                await sessions.end_all(session, staff.id, End.REVOKED, now=now)
                record(
                    session,
                    LedgerAct.SESSION_ENDED,
                    by=_by(),
                    login=login,
                    now=now,
                    detail={"session": "all"},
                )
            return [
                f"{row.id}\t{Way(row.way).label}\t{row.ip}\t最近使用 {show_moment(row.seen_at)}\t{row.agent}"
                for row in rows
            ]

    lines = _run(settings, work)
    for line in lines:
        click.echo(line)
    click.echo(f"{'已结束' if end else '共'} {len(lines)} 个会话")


def load(settings: Settings, file: str, *, passwords: str | None, commit: bool) -> None:
    """Make accounts from a file. Raises BadLines, BadInput."""
    try:
        text = Path(file).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput("账号表不是 UTF-8 文字：请另存为 CSV UTF-8") from None
    if commit and passwords is None:
        raise BadInput("请用 --passwords 写明生成的密码放进哪个文件")

    async def work(deps: Deps, now: datetime) -> int:
        lines = importing.read(text, deps.tables, now=now)
        if not commit:
            await importing.store(deps, lines, by=_by(), now=now, hand_over=None)
            return len(lines)
        with _Passwords(passwords or "") as out:
            await importing.store(deps, lines, by=_by(), now=now, hand_over=out.keep)
        return len(lines)

    count = _run(settings, work)
    if commit:
        click.echo(f"已建 {count} 个账号，初始密码在 {passwords}：交给本人后请删除这个文件")
    else:
        click.echo(f"{count} 行都没有问题；加 --commit 才建立")


class _Passwords:
    """A new file of its owner alone: on the disk before the accounts are, gone when they were refused."""

    def __init__(self, path: str) -> None:
        """Make the file. Raises OSError when there is one."""
        self._path = Path(path)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._out = os.fdopen(handle, "w", encoding="utf-8-sig", newline="")
        self._kept = False

    def keep(self, made: Sequence[importing.Made]) -> None:
        """Write them, all the way to the disk. Raises OSError."""
        writer = csv.writer(self._out)
        writer.writerow(("账号", "姓名", "初始密码"))
        writer.writerows((one.login, one.name, one.password or "从统一认证登录") for one in made)
        self._out.flush()
        os.fsync(self._out.fileno())
        self._kept = True

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Close it. What was kept stays: who cannot say whether the accounts were made must not lose it."""
        if kind is not None and self._kept:
            click.echo(f"不能确定账号建好没有：请用 jiesu staff list 核对，初始密码在 {self._path}", err=True)
        elif kind is not None:
            self._path.unlink()
        self._out.close()


async def _grant(
    deps: Deps, session: AsyncSession, staff_id: int, role: Role, unit: str | None, *, now: datetime
) -> None:
    await roles.grant(session, deps.tables, staff_id, role, unit_code=unit, by=_by(), now=now)


async def _staff(session: AsyncSession, login: str) -> Staff:
    found = await listing.one(session, login)
    if found is None:
        raise NotFound(f"没有这个账号：{login}")
    return found[0]


def _unit(deps: Deps, text: str | None) -> str | None:
    if not text or text == _CITY:
        return None
    code = unit_code(deps.tables, text.strip(), on=local(deps.clock.now()).date())
    if code not in deps.tables.units:
        raise BadInput(f"没有这个单位：{text}")
    return code
