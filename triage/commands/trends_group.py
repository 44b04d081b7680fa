"""`jiesu trends …`: the way in of the commands about trends; see `commands.trends`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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


@trends_group.command("notice")
@click.argument("day", type=click.DateTime(["%Y-%m-%d"]))
@with_settings
def trends_notice(settings: Settings, *, day: Any) -> None:  # noqa: ANN401  (click's datetime)
    """重看一天的态势信号：补录、导入了这一天的诉求以后用。只能重看最后看过的一天；已处置的信号不变。"""
    from triage.commands import trends as module  # noqa: PLC0415

    module.notice(settings, day.date())


@trends_group.command("archive")
@click.argument("folder", type=click.Path(file_okay=False))
@click.option("--before", required=True, type=click.DateTime(["%Y-%m"]), help="只写这个月以前的各月")
@with_settings
def trends_archive(settings: Settings, folder: str, *, before: Any) -> None:  # noqa: ANN401  (click's datetime)
    """冷存：把以往各月的汇总写成 Parquet 文件，一月一个，写完读回核对。数据库里的不删。"""
    from triage.commands import trends as module  # noqa: PLC0415

    module.archive(settings, folder, before=before.date())


@trends_group.command("cold")
@click.argument("folder", type=click.Path(exists=True, file_okay=False))
@click.option("--from", "first", required=True, type=click.DateTime(["%Y-%m-%d"]), help="从哪一天")
@click.option("--to", "last", required=True, type=click.DateTime(["%Y-%m-%d"]), help="到哪一天")
@click.option("--by", type=click.Choice(["kind", "district", "street", "channel"]), default="kind")
@with_settings
def trends_cold(_settings: Settings, folder: str, *, first: Any, last: Any, by: str) -> None:  # noqa: ANN401
    """只从冷存文件读多年的数字（DuckDB），不碰数据库。"""
    from triage.commands import trends as module  # noqa: PLC0415

    module.cold(folder, first.date(), last.date(), by)
