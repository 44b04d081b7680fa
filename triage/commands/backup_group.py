"""`jiesu backup` and `jiesu restore`: the way in; see `commands.backup`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from triage.commands.prepared import with_settings

if TYPE_CHECKING:
    from triage.settings import Settings

_FOLDER = click.Path(exists=True, file_okay=False)


@click.command("backup")
@click.argument("target", type=click.Path())
@click.option("--verify", is_flag=True, help="做完后恢复到临时数据库，核对行数、内容和审计台账")
@click.option("--also", type=_FOLDER, multiple=True, help="一并备份的目录，如冷存的 Parquet；可多次给出")
@with_settings
def backup(settings: Settings, *, target: str, verify: bool, also: tuple[str, ...]) -> None:
    """备份数据库、附件和本地地名到 TARGET(文件，或已有的目录)，加密成一个文件；服务不用停。

    备份不含身份信息密钥，只写明恢复时要哪几把。
    """
    from triage.commands import backup as module  # noqa: PLC0415

    module.backup(settings, target, verify=verify, also=also)


@click.command("restore")
@click.argument("source", type=click.Path())
@click.option("--check", is_flag=True, help="只恢复到临时数据库核对，不改动目标")
@click.option("--replace", is_flag=True, help="目标数据库不空时整个替换")
@with_settings
def restore(settings: Settings, *, source: str, check: bool, replace: bool) -> None:
    """从备份文件 SOURCE 恢复：先读完并核对整个文件，再一次写入；不成则不改动。先停下各进程。"""
    from triage.commands import backup as module  # noqa: PLC0415

    module.restore(settings, source, check=check, replace=replace)
