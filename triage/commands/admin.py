"""`jiesu db`, `jiesu ticket explain`: what an administrator asks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from models import migrate, revision
from triage.services import reference
from triage.services.explain import explain
from triage.services.staff import accounts
from triage.wiring import build

if TYPE_CHECKING:
    from triage.settings import Settings


async def prepare(settings: Settings) -> str:
    """Bring the schema to the newest and units and areas to the tables; give the schema's revision."""
    deps = build(settings)
    try:
        await migrate.upgrade(deps.db)
        await reference.sync(deps)
    finally:
        await deps.close()
    return revision.head_revision()


async def has_accounts(settings: Settings) -> bool:
    """Whether anybody could sign in."""
    deps = build(settings)
    try:
        async with deps.db.reads() as session:
            return await accounts.any_account(session)
    finally:
        await deps.close()


def db_upgrade(settings: Settings) -> None:
    """Upgrade and say to what."""
    click.echo(f"数据库结构已是最新：{asyncio.run(prepare(settings))}")


def db_check(settings: Settings) -> int:
    """Compare the schema with the code. Gives 0 when equal, else 1."""

    async def check() -> tuple[str | None, list[str]]:
        deps = build(settings)
        try:
            current = await revision.current_revision(deps.db)
            return current, await migrate.differences(deps.db) if current else []
        finally:
            await deps.close()

    current, differences = asyncio.run(check())
    head = revision.head_revision()
    if current != head:
        click.echo(f"数据库结构是 {current or '空'}，最新是 {head}：请运行 jiesu db upgrade")
        return 1
    for difference in differences:
        click.echo(f"与程序不一致：{difference}")
    click.echo("数据库结构是最新的" if not differences else f"{len(differences)} 处不一致")
    return 1 if differences else 0


def ticket_explain(settings: Settings, no: str) -> None:
    """Print why a ticket is as it is. Raises NotFound."""

    async def read() -> list[str]:
        deps = build(settings)
        try:
            async with deps.db.reads() as session:
                return await explain(session, deps.tables, no)
        finally:
            await deps.close()

    for line in asyncio.run(read()):
        click.echo(line)
