"""`jiesu reward …`: the way in; see `commands.rewards`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from triage.commands.prepared import with_settings

# Nothing that is slow to load: see triage.cli.
if TYPE_CHECKING:
    from triage.settings import Settings


@click.group("reward")
def reward_group() -> None:
    """有奖举报：检查督察清单。"""


@reward_group.group("inspections")
def inspections() -> None:
    """检查督察清单：举报以前已经掌握的，核验时提示。"""


@inspections.command("import")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--list", "name", help="清单名称；不填用文件名")
@click.option("--source", default="", help="文号或出处；行内“依据”一列优先")
@click.option("--sheet", help="XLSX 的工作表名")
@click.option("--encoding", help="文本编码；不填自动判断(UTF-8、GBK、GB18030)")
@click.option("--dry-run", is_flag=True, help="只检查，不写入")
@with_settings
def inspections_import(
    settings: Settings,
    *,
    file: str,
    name: str | None,
    source: str,
    sheet: str | None,
    encoding: str | None,
    dry_run: bool,
) -> None:
    """导入 CSV 或 XLSX：单位名称、行政区、列入日期，可有街道、种类、依据。

    重复导入不会增加；有坏行时逐行指出并以状态 1 结束，好行照样入库。
    """
    from triage.commands import rewards as module  # noqa: PLC0415

    options = module.Options(name=name, source=source, sheet=sheet, encoding=encoding, dry_run=dry_run)
    sys.exit(module.import_list(settings, file, options))


@inspections.command("list")
@with_settings
def inspections_list(settings: Settings) -> None:
    """列出已有的清单：多少行、日期、依据、谁在何时导入。"""
    from triage.commands import rewards as module  # noqa: PLC0415

    module.listed(settings)


@inspections.command("remove")
@click.argument("name")
@click.option("--commit", is_flag=True, help="真的删除；不加只说有多少行")
@with_settings
def inspections_remove(settings: Settings, *, name: str, commit: bool) -> None:
    """删除整份清单 NAME（导错了的）；尚未核验的候选随后重新比对。"""
    from triage.commands import rewards as module  # noqa: PLC0415

    module.remove(settings, name, commit=commit)
