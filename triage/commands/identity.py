"""What `jiesu identity …` does."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

import click

from models.viewing import all_seeing
from triage.commands.audit import run
from triage.services.identities import erasing

if TYPE_CHECKING:
    from triage.services.deps import Deps
    from triage.settings import Settings


def erase(settings: Settings, no: str, reason: str) -> None:
    """Note that an appellant wants to be erased. Raises NotFound, BadInput."""

    async def work(deps: Deps) -> None:
        async with deps.db.writes.begin() as session:
            viewer = all_seeing(getpass.getuser())
            await erasing.ask(session, viewer, no, reason, now=deps.clock.now())

    run(settings, work)
    click.echo(f"已登记：{no} 办结后删除诉求人身份信息")
