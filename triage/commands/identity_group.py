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


@identity_group.command("correct")
@click.argument("no")
@click.option("--field", type=click.Choice(["name", "phone"]), required=True, help="更正哪一项：姓名、电话")
@click.option("--reason", required=True, help="诉求人的要求和怎样核实了身份：来函编号、当面等")
@with_settings
def identity_correct(settings: Settings, *, no: str, field: str, reason: str) -> None:
    """诉求人要求更正姓名或电话：新的在提示后输入，不写在命令行上；记入审计台账。奖励办理中的不能改。"""
    from triage.commands import identity as module  # noqa: PLC0415

    module.correct(settings, no, field, reason)
