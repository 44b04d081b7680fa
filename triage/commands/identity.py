"""What `jiesu identity …` does."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

import click

from models.viewing import all_seeing
from models.vocab_identities import IdentityField
from triage.commands.audit import run
from triage.services.identities import amending, erasing

if TYPE_CHECKING:
    from triage.services.deps import Deps
    from triage.settings import Settings


def correct(settings: Settings, no: str, field: str, reason: str) -> None:
    """Put a name or a phone right. Raises NotFound, BadInput, NothingHeld, RewardUnderWay."""
    part = IdentityField(field)
    value = click.prompt(f"新的{part.label}", type=str)

    async def work(deps: Deps) -> tuple[str, str]:
        async with deps.db.writes.begin() as session:
            wish = amending.Amendment(no, part, value, reason)
            return await amending.amend(session, deps.vault, wish, by=getpass.getuser(), now=deps.clock.now())

    old, new = run(settings, work)
    click.echo(f"已更正 {no} 的{part.label}：{old} → {new}")


def erase(settings: Settings, no: str, reason: str) -> None:
    """Note that an appellant wants to be erased. Raises NotFound, BadInput."""

    async def work(deps: Deps) -> None:
        async with deps.db.writes.begin() as session:
            viewer = all_seeing(getpass.getuser())
            await erasing.ask(session, viewer, no, reason, now=deps.clock.now())

    run(settings, work)
    click.echo(f"已登记：{no} 办结后删除诉求人身份信息")
