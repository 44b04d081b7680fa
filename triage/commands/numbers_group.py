"""`jiesu numbers …`: accounts at providers of virtual numbers (回拨); the page is `/desk/numbers`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from triage.commands.prepared import with_settings

if TYPE_CHECKING:
    from triage.settings import Settings


@click.group("numbers")
def numbers_group() -> None:
    """回拨用的虚拟号服务；添加和修改在网页“回拨”（/desk/numbers）。"""


@numbers_group.command("list")
@with_settings
def numbers_list(settings: Settings) -> None:
    """列出虚拟号服务。"""
    from triage.commands import numbers as module  # noqa: PLC0415

    module.show(settings)


@numbers_group.command("switch")
@click.argument("key")
@click.option("--on/--off", required=True, help="启用还是停用")
@with_settings
def numbers_switch(settings: Settings, *, key: str, on: bool) -> None:
    """启用或停用一个虚拟号服务：在网页上须由另一人启用，命令不要复核，记在审计台账里。"""
    from triage.commands import numbers as module  # noqa: PLC0415

    module.switch(settings, key, on=on)
