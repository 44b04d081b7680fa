"""`jiesu trends …`: the way in of the commands about trends; see `commands.trends`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from triage.commands.prepared import with_settings

# Nothing that is slow to load: see triage.cli.
if TYPE_CHECKING:
    from triage.settings import Settings


@click.group("trends")
def trends_group() -> None:
    """态势：诉求和工单的汇总。"""


@trends_group.command("rebuild")
@with_settings
def trends_rebuild(settings: Settings) -> None:
    """从办理记录和更正重新汇总。页面在完成前仍显示原来的数字。"""
    from triage.commands import trends as module  # noqa: PLC0415

    module.rebuild(settings)
