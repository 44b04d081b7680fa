"""`jiesu audit …`: the way in of the commands about the ledger (审计台账); see `commands.audit`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from triage.commands.prepared import with_settings

if TYPE_CHECKING:
    from triage.settings import Settings

_DAY = click.DateTime(["%Y-%m-%d"])


@click.group("audit")
def audit_group() -> None:
    """审计台账：谁、何时、从哪里、对什么做了什么。"""


@audit_group.command("verify")
@click.option(
    "--checkpoint",
    "points",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False),
    help="库外保存的检查点文件(jiesu audit checkpoint 的输出)，可给多个",
)
@with_settings
def audit_verify(settings: Settings, *, points: tuple[str, ...]) -> None:
    """核对整条链和签名；有一行被改、被删或接不上时指出第一行，以状态 1 结束。"""
    from triage.commands import audit as module  # noqa: PLC0415

    sys.exit(module.verify(settings, points))


@audit_group.command("export")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), help="不填按文件名判断，否则为 jsonl")
@click.option("--who", help="只要这个人的(登录名)")
@click.option("--case", "case_no", help="只要这张工单的(工单编号)")
@click.option("--since", type=_DAY, help="从哪一天起(含)")
@click.option("--until", type=_DAY, help="到哪一天止(含)")
@with_settings
def audit_export(settings: Settings, **options: Any) -> None:  # noqa: ANN401  (handed on as they are)
    """把台账写成文件，只有本人可读；导出本身也记入台账。"""
    from triage.commands import audit as module  # noqa: PLC0415

    module.export(settings, **options)


@audit_group.command("checkpoint")
@with_settings
def audit_checkpoint(settings: Settings) -> None:
    """给链的末尾签名，打印一行 JSON：存到数据库以外的地方，以后用 verify --checkpoint 核对。"""
    from triage.commands import audit as module  # noqa: PLC0415

    module.checkpoint(settings)
