"""`jiesu open311 …`: the way in; see `commands.open311`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from triage.commands.prepared import with_settings

# Nothing that is slow to load: see triage.cli.
if TYPE_CHECKING:
    from typing import TextIO

    from triage.settings import Settings


@click.group("open311")
def open311_group() -> None:
    """Open311 接口（GeoReport v2）。"""


@open311_group.command("check")
@click.argument("url")
@click.option(
    "--api-key-file",
    type=click.File(encoding="utf-8"),
    envvar="JIESU_OPEN311_CHECK_KEY_FILE",
    help="写着提交所用密钥的文件，- 为标准输入；不给就只读不提交",
)
@click.option("--jurisdiction", help="jurisdiction_id，多辖区的服务器才要")
@click.option("--discovery", default="discovery", help="discovery 的地址(不带后缀)，相对于 URL")
@click.option("--at", type=(float, float), default=(39.9042, 116.4074), help="辖区内一点的纬度和经度(WGS-84)")
@click.option("--hidden", help="一件保密诉求的编号：应当查不到")
@click.option("--patience", type=click.FloatRange(0, 600), default=20.0, help="提交后最多等几秒看到文字")
def open311_check(
    url: str,
    *,
    api_key_file: TextIO | None,
    jurisdiction: str | None,
    discovery: str,
    at: tuple[float, float],
    hidden: str | None,
    patience: float,
) -> None:
    """对任何一个 GeoReport v2 服务器的地址跑 50 项一致性检查；给了密钥会提交约 20 件检查用的诉求。

    打印一张表和一行 JSON(passed、failed、skipped)；有不通过的以状态 1 结束。
    """
    from triage.commands import open311 as module  # noqa: PLC0415

    api_key = api_key_file.read().strip() if api_key_file else None
    sys.exit(
        module.check(
            url, api_key=api_key, jurisdiction=jurisdiction, discovery=discovery, at=at, hidden=hidden,
            patience=patience,
        )
    )  # fmt: skip


@open311_group.command("pull")
@click.argument("url")
@click.option("--source", required=True, help="来源名称：再取时据此认得取过的")
@click.option("--days", type=click.IntRange(1, 3650), default=90, help="取最近几天的")
@click.option("--jurisdiction", help="jurisdiction_id，多辖区的服务器才要")
@click.option("--closed", is_flag=True, help="对方已办结的也取；不写则只计数")
@with_settings
def open311_pull(
    settings: Settings, *, url: str, source: str, days: int, jurisdiction: str | None, closed: bool
) -> None:
    """把另一个 Open311 服务器的诉求取进来；重复取不会增加。"""
    from triage.commands import open311 as module  # noqa: PLC0415

    module.pull(settings, url, source=source, days=days, jurisdiction=jurisdiction, closed=closed)


@open311_group.group("key")
def key_group() -> None:
    """接口密钥(api_key)。"""


@key_group.command("add")
@click.argument("name")
@with_settings
def key_add(settings: Settings, *, name: str) -> None:
    """为名为 NAME 的程序生成一把密钥，只显示一次。"""
    from triage.commands import open311 as module  # noqa: PLC0415

    module.key_add(settings, name)


@key_group.command("revoke")
@click.argument("name")
@with_settings
def key_revoke(settings: Settings, *, name: str) -> None:
    """停用 NAME 的密钥。"""
    from triage.commands import open311 as module  # noqa: PLC0415

    module.key_revoke(settings, name)


@key_group.command("list")
@with_settings
def key_list(settings: Settings) -> None:
    """列出密钥的名称和状态。"""
    from triage.commands import open311 as module  # noqa: PLC0415

    module.key_list(settings)
