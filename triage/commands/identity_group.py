"""`jiesu identity …`: the way in of the commands about identities; see `commands.identity`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from triage.commands.prepared import with_settings

if TYPE_CHECKING:
    from triage.settings import Settings


@click.group("identity")
def identity_group() -> None:
    """诉求人的身份信息。"""


@identity_group.command("erase")
@click.argument("no")
@click.option("--reason", required=True, help="诉求人的要求：来函编号、来电时间等")
@with_settings
def identity_erase(settings: Settings, *, no: str, reason: str) -> None:
    """登记诉求人要求删除身份信息：工单办结后由定时任务删除，并记入审计台账。处理失败、没有工单的诉求给来源的编号。"""
    from triage.commands import identity as module  # noqa: PLC0415

    module.erase(settings, no, reason)
