"""What `jiesu numbers …` does."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

import click

from triage.commands.audit import run
from triage.services.callbacks import providers

if TYPE_CHECKING:
    from triage.services.deps import Deps
    from triage.settings import Settings


def show(settings: Settings) -> None:
    """One line an account."""

    async def work(deps: Deps) -> list[str]:
        async with deps.db.reads() as session:
            rows = await providers.every(session)
        return [
            "\t".join((row.key, row.name, "已启用" if row.enabled else "停用中", row.settings.get("url", "")))
            for row in rows
        ]

    for line in run(settings, work) or ["还没有虚拟号服务"]:
        click.echo(line)


def switch(settings: Settings, key: str, *, on: bool) -> None:
    """Switch one on or off, asking nobody else. Raises NotFound, BadInput."""

    async def work(deps: Deps) -> None:
        async with deps.db.writes.begin() as session:
            await providers.switch(
                session, key, on=on, by=getpass.getuser(), now=deps.clock.now(), alone=True
            )

    run(settings, work)
    click.echo(f"已{'启用' if on else '停用'}：{key}")
