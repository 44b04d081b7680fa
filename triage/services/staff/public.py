"""Whether others than this machine may be let in: the conditions, each told in a plain sentence."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.staff import Account, DemoWaiver
from models.units import Staff
from triage.errors import SettingsError
from triage.services.staff import accounts, people

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.rules.rows import Tables
    from triage.settings import Settings


def is_loopback(host: str) -> bool:
    """Whether an address is this machine alone."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def is_public(settings: Settings) -> bool:
    """Whether these settings let others in: by an address, or by a name behind a proxy here."""
    return bool(settings.public_names) or not is_loopback(settings.host)


def is_embedded(settings: Settings) -> bool:
    """Whether it is the demo's kind of house: SQLite, for this machine alone."""
    return settings.database.startswith("sqlite") and not is_public(settings)


def address(settings: Settings) -> str:
    """Host and port as a web address writes them: an IPv6 address stands in brackets."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{host}:{settings.port}"


def check_settings(settings: Settings) -> None:
    """What the settings alone must say before others are let in. Raises SettingsError."""
    if not is_public(settings):
        return
    if not settings.public_names:
        raise SettingsError(
            f"不能监听 {settings.host}：请用 JIESU_HOSTS 写明对外的主机名；"
            "只在本机用时监听 127.0.0.1、::1 或 localhost"
        )
    if not settings.tls:
        raise SettingsError(
            "对外提供服务必须经过 TLS：请在前面放一个终结 TLS 的代理，并设 JIESU_TLS=true；"
            "否则密码会在网上明文传送"
        )


async def check_accounts(session: AsyncSession, settings: Settings, tables: Tables, *, now: datetime) -> None:
    """What the accounts must be before others are let in, or in production at all. Raises SettingsError."""
    if not is_embedded(settings):
        if await session.scalar(sa.select(DemoWaiver.id)) is not None:
            raise SettingsError(
                "这个数据库里有演示设置（演示账号免动态验证码），不能用于正式运行："
                "请另建数据库，或运行 jiesu demo --forget 去掉"
            )
        demo = sa.select(Account.staff_id).where(Account.demo.is_(True), Account.disabled_at.is_(None))
        if await session.scalar(demo.limit(1)) is not None:
            raise SettingsError("这个数据库里有演示账号，不能用于正式运行：请运行 jiesu demo --forget 停用")
    taken = sa.select(Staff.login).join(Account, Account.staff_id == Staff.id)
    taken = taken.where(Staff.login.in_(accounts.RESERVED), Account.disabled_at.is_(None))
    if (login := await session.scalar(taken.limit(1))) is not None:
        raise SettingsError(
            f"账号 {login} 用的是系统自己的名字，记录里分不清是谁做的：请另建账号，"
            f"并运行 jiesu staff disable {login}，再启动"
        )
    if is_public(settings) and not await people.has_manager(session, tables, now=now):
        raise SettingsError(
            "还没有能管理账号的人，不能对外提供服务：请先运行 jiesu staff add 账号 --name 姓名 --role admin"
        )
