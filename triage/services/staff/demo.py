"""演示账号: one for each role, one random password of this data directory; no second factor, by a row.

Only where the demo belongs: SQLite, for this machine alone. Production refuses to start with either.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from models.staff import Account, DemoWaiver
from models.units import Staff
from models.vocab_staff import Role
from triage import datadir
from triage.errors import NotReady
from triage.services.staff import accounts, passwords, public, roles
from triage.services.staff.accounts import NewAccount

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.services.deps import Deps

#: 望京街道办事处 and 朝阳区生态环境局, as `units.csv` has them.
_STREET: Final = "110105026"
_BUREAU: Final = "110105-ecology"
_BY: Final = "system"
_FILE: Final = "demo-password"


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """An account of the demo."""

    login: str
    name: str
    role: Role
    unit_code: str | None = None


DEMO: Final = (
    DemoAccount("clerk", "演示坐席", Role.CLERK),
    DemoAccount("follow-up", "演示回访员", Role.FOLLOW_UP),
    DemoAccount("wangjing", "演示望京街道", Role.STREET, _STREET),
    DemoAccount("ecology", "演示朝阳生态环境局", Role.BUREAU, _BUREAU),
    DemoAccount("supervisor", "演示督办员", Role.SUPERVISOR),
    DemoAccount("analyst", "演示分析员", Role.ANALYST),
    DemoAccount("reward", "演示奖励审核员", Role.REWARD),
    DemoAccount("admin", "演示管理员", Role.ADMIN),
    DemoAccount("auditor", "演示审计员", Role.AUDITOR),
)


async def make(deps: Deps, *, now: datetime) -> str:
    """Make the accounts that are not there yet. Gives the password of all. Raises NotReady in production."""
    if not public.is_embedded(deps.settings):
        raise NotReady("演示账号只在本机的嵌入式运行里建立")
    password = _password(datadir.own_folder(deps.settings.data_dir) / _FILE)
    async with deps.db.reads() as session:
        there = set(
            await session.scalars(
                sa.select(Staff.login)
                .join(Account, Account.staff_id == Staff.id)
                .where(Staff.login.in_([one.login for one in DEMO]))
            )
        )
    missing = [one for one in DEMO if one.login not in there]
    # One password, so one hash: nine would take a second for nothing.
    kept = await passwords.hasher_of(deps.settings).make(password) if missing else ""
    async with deps.db.writes.begin() as session:
        for one in missing:
            item = NewAccount(one.login, one.name, one.unit_code, must_change=False, demo=True)
            staff_id = await accounts.create(session, accounts.checked(item), kept, by=_BY, now=now)
            await roles.grant(
                session, deps.tables, staff_id, one.role, unit_code=one.unit_code, by=_BY, now=now
            )
        if await session.get(DemoWaiver, 1) is None:
            await session.execute(sa.insert(DemoWaiver).values(id=1, set_at=now, set_by=_BY))
    return password


async def forget(session: AsyncSession, *, now: datetime) -> int:
    """Disable the demo's accounts and take its setting away. Gives how many accounts that were."""
    rows = await session.scalars(
        sa.select(Staff.login)
        .join(Account, Account.staff_id == Staff.id)
        .where(Account.demo.is_(True), Account.disabled_at.is_(None))
        .order_by(Staff.login)
    )
    logins = list(rows)
    for login in logins:
        await accounts.disable(session, login, by=_BY, now=now)
    await session.execute(sa.delete(DemoWaiver))
    return len(logins)


def _password(path: Path) -> str:
    """The password of this data directory, made when there is none; its owner's alone."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii").strip()
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(f"{passwords.generated()}\n")
    return path.read_text(encoding="ascii").strip()
