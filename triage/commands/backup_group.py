"""`jiesu backup` and `jiesu restore`: the way in; see `commands.backup`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from triage.commands.prepared import with_settings

if TYPE_CHECKING:
    from triage.settings import Settings

_FOLDER = click.Path(exists=True, file_okay=False)


@click.command("backup")
@click.argument("target", type=click.Path())
@click.option("--verify", is_flag=True, help="做完后恢复到临时数据库，核对行数、内容和审计台账")
@click.option("--also", type=_FOLDER, multiple=True, help="一并备份的目录，如冷存的 Parquet；可多次给出")
@click.option(
    "--lost", default=0, type=click.IntRange(0), help="已确认再也找不回的附件有几个：缺的不比它多，就不算出错"
)
@with_settings
def backup(settings: Settings, *, target: str, verify: bool, also: tuple[str, ...], lost: int) -> None:
    """备份数据库、附件和本地地名到 TARGET(文件，或已有的目录)，加密成一个文件；服务不用停。

    备份不含身份信息密钥，只写明恢复时要哪几把。做成了、但缺附件的，状态码是 3：
    以前的备份里也许还有，先不要删。
    """
    from triage.commands import backup as module  # noqa: PLC0415

    sys.exit(module.backup(settings, target, verify=verify, also=also, lost=lost))


@click.command("restore")
@click.argument("source", type=click.Path())
@click.option("--check", is_flag=True, help="只恢复到临时数据库核对，不改动目标")
@click.option("--replace", is_flag=True, help="目标数据库不空时整个替换")
@with_settings
def restore(settings: Settings, *, source: str, check: bool, replace: bool) -> None:
    """从备份文件 SOURCE 恢复：先读完并核对整个文件，再一次写入；不成则不改动。先停下各进程。"""
    from triage.commands import backup as module  # noqa: PLC0415

    module.restore(settings, source, check=check, replace=replace)


@click.command("after-restore")
@click.option(
    "--until",
    type=click.DateTime(["%Y-%m-%d %H:%M"]),
    required=True,
    help="原系统最后运行到什么时候(北京时间)：备份里在这以前该发的通知，都算已经发过",
)
@click.option(
    "--erased",
    type=click.Path(exists=True, dir_okay=False),
    help="备份以后要求删除身份信息的：另存的台账(jiesu audit export 的 JSONL，也据它认出已支付的奖励)，"
    "或一行一个工单编号",
)
@click.option("--commit", is_flag=True, help="真的改；不加只说有多少")
@with_settings
def after_restore(settings: Settings, *, until: Any, erased: str | None, commit: bool) -> None:  # noqa: ANN401  (a datetime of click)
    """恢复之后、启动各进程之前：备份里等着发的通知和到点的催办不再发第二次，要求删除的身份再删一遍，所有会话结束。

    另存的台账里备份以后已支付的奖励不再支付；其余等待支付的列出来，先与银行核对。
    备份时还没有读的诉求会重新派单、重新通知，定时任务写的其他通知也会再发。
    发给 12345 平台的动作按动作编号重发，平台只收一次。
    """
    from triage.commands import after_restore as module  # noqa: PLC0415

    module.settle(settings, until=until, erased=erased, commit=commit)
