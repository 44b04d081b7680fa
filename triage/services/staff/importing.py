"""A CSV of staff (账号表): one person a line, every bad line named, all or nothing.

Columns: 账号, 姓名, 单位, 角色, 统一认证, 起, 止. 单位 by code or whole name; several roles
are separated by `、` or `;`.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.staff import Account
from models.units import Staff
from triage.clock import local
from triage.errors import BadInput, TriageError
from triage.services.staff import accounts, passwords, roles
from triage.services.staff.accounts import NewAccount
from triage.services.staff.managing import day

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date, datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.vocab_staff import Role
    from triage.rules.rows import Tables
    from triage.services.deps import Deps

COLUMNS: Final = ("账号", "姓名", "单位", "角色", "统一认证", "起", "止")
_NEEDED: Final = ("账号", "姓名", "角色")
_MOST: Final = 20_000


class BadLines(TriageError):
    """账号表里有不对的行，一行也没有导入。"""

    code = "bad_lines"
    status = 422


@dataclass(frozen=True, slots=True)
class Line:
    """A checked line."""

    number: int
    account: NewAccount
    roles: tuple[Role, ...]
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class Made:
    """An account that was made; the password to be handed over, None when the provider lets in."""

    login: str
    name: str
    password: str | None


def read(text: str, tables: Tables, *, now: datetime) -> list[Line]:
    """The lines of a file. Raises BadLines naming each bad one."""
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    try:
        return _lines(rows, tables, now=now)
    except csv.Error:
        raise BadLines(f"第 {rows.line_num or 1} 行：不是合法的 CSV") from None


def _lines(rows: csv.DictReader[str], tables: Tables, *, now: datetime) -> list[Line]:
    header = [name.strip() for name in rows.fieldnames or ()]
    rows.fieldnames = header
    faults = [f"第 1 行：缺少“{name}”一列" for name in _NEEDED if name not in header]
    faults += [f"第 1 行：不认识的列“{name}”" for name in header if name not in COLUMNS]
    if faults:
        raise BadLines("\n".join(faults))
    found: list[Line] = []
    seen: dict[str, int] = {}
    for row in rows:
        number = rows.line_num
        if len(found) >= _MOST:
            raise BadLines(f"一次最多 {_MOST} 行")
        if None in row or None in row.values():
            faults.append(f"第 {number} 行：列数与表头不同")
            continue
        if not any(value.strip() for value in row.values()):
            continue
        try:
            line = _line(number, {name: value.strip() for name, value in row.items()}, tables, now=now)
        except BadInput as error:
            faults.append(f"第 {number} 行：{error.detail}")
            continue
        if first := seen.get(line.account.login):
            faults.append(f"第 {number} 行：账号与第 {first} 行相同")
        seen.setdefault(line.account.login, number)
        found.append(line)
    if faults:
        raise BadLines("\n".join(faults))
    if not found:
        raise BadLines("账号表里没有一行")
    return found


async def store(
    deps: Deps,
    lines: list[Line],
    *,
    by: str,
    now: datetime,
    hand_over: Callable[[Sequence[Made]], None] | None,
) -> None:
    """Make the accounts, all in one transaction. Raises BadLines naming each that exists already.

    `hand_over` keeps the passwords before it is committed: nobody has an account whose password nobody has.
    Without it all is tried as it would be made, and taken back.
    """
    async with deps.db.reads() as session:
        logins = {line.account.login for line in lines}
        taken = set(
            await session.scalars(
                sa.select(Staff.login)
                .join(Account, Account.staff_id == Staff.id)
                .where(Staff.login.in_(logins))
            )
        )
    faults = [f"第 {line.number} 行：账号已存在" for line in lines if line.account.login in taken]
    if faults:
        raise BadLines("\n".join(faults))
    made: list[tuple[Made, str | None]] = []
    hasher = passwords.hasher_of(deps.settings)
    for line in lines:
        # Hashed before the transaction: twelve hundred take minutes, and nobody waits for a lock meanwhile.
        password = passwords.generated() if hand_over and not line.account.provider_name else None
        kept = await hasher.make(password) if password else None
        made.append((Made(line.account.login, line.account.name, password), kept))
    async with deps.db.writes() as session:
        for line, (_, kept) in zip(lines, made, strict=True):
            try:
                await _make(session, deps, line, kept, by=by, now=now)
            except TriageError as error:
                raise BadLines(f"第 {line.number} 行：{error.detail}") from None
        if hand_over is None:
            await session.rollback()
            return
        await session.flush()
        hand_over([one for one, _ in made])
        await session.commit()


async def _make(
    session: AsyncSession, deps: Deps, line: Line, kept: str | None, *, by: str, now: datetime
) -> None:
    """One account with its roles. Raises what making and granting raise."""
    staff_id = await accounts.create(session, line.account, kept, by=by, now=now)
    for role in line.roles:
        await roles.grant(
            session, deps.tables, staff_id, role, unit_code=line.account.unit_code,
            valid_from=line.valid_from, valid_to=line.valid_to, by=by, now=now,
        )  # fmt: skip


def _line(number: int, row: dict[str, str], tables: Tables, *, now: datetime) -> Line:
    words = [word for word in row["角色"].replace(";", "、").replace("；", "、").split("、") if word.strip()]
    if not words:
        raise BadInput("没有写角色")
    account = accounts.checked(
        NewAccount(
            row["账号"],
            row["姓名"],
            _unit(tables, row.get("单位", ""), on=local(now).date()),
            row.get("统一认证") or None,
        )
    )
    return Line(
        number, account, tuple(dict.fromkeys(roles.role_of(word) for word in words)),
        day(row.get("起", ""), "起") or local(now).date(), day(row.get("止", ""), "止"),
    )  # fmt: skip


def _unit(tables: Tables, text: str, *, on: date) -> str | None:
    """By code or whole name; of several of one name the one of that day. Raises BadInput."""
    if not text or text in tables.units:
        return text or None
    named = [row for row in tables.units.values() if row.name == text]
    found = [row for row in named if row.holds(on)] or named
    if len(found) != 1:
        raise BadInput(f"没有这个单位，或不止一个：{text}")
    return found[0].code
