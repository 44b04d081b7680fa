"""`jiesu gazetteer …`: the way in of the commands about place names; see `commands.gazetteer`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from triage.commands.prepared import with_settings

# Nothing that is slow to load: see triage.cli.
if TYPE_CHECKING:
    from triage.settings import Settings


@click.group("gazetteer")
def gazetteer_group() -> None:
    """地名库。"""


@gazetteer_group.command("build")
@click.option(
    "--out", type=click.Path(exists=True, file_okay=False), help="从软件包重建到这个目录；不填只核对现有的"
)
@with_settings
def gazetteer_build(settings: Settings, *, out: str | None) -> None:
    """重建或核对地名库，打印版本。重建用 npm 和 pip 取两个软件包。"""
    from triage.commands import gazetteer as module  # noqa: PLC0415

    module.build(settings, out=out)


@gazetteer_group.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--crs", help="行内没有写坐标系时用：WGS-84、GCJ-02(高德腾讯)或 BD-09(百度)")
@click.option("--replace", is_flag=True, help="文件里的名称取代已有的同类同名地名：更正街道或区时用")
@click.option("--dry-run", is_flag=True, help="只检查，不写入")
@click.option("--json", "as_json", is_flag=True, help="结果打印成一行 JSON")
@with_settings
def gazetteer_import(settings: Settings, **options: Any) -> None:  # noqa: ANN401  (handed on as they are)
    """导入本地地名(小区、道路、站点、企业、场所、地标)，CSV 或 JSONL；重复导入不会增加，坏行逐行指出。"""
    from triage.commands import gazetteer as module  # noqa: PLC0415

    sys.exit(module.import_names(settings, **options))


@gazetteer_group.command("remove")
@click.argument("name")
@click.option("--kind", help="只删这一类：小区、道路、站点、企业、工地场所、地标")
@click.option("--code", help="只删在这个区、街乡镇或社区内的(代码)")
@with_settings
def gazetteer_remove(settings: Settings, **options: Any) -> None:  # noqa: ANN401  (handed on as they are)
    """删除一个导入的本地地名；没有这样的地名时说明。"""
    from triage.commands import gazetteer as module  # noqa: PLC0415

    module.remove(settings, **options)


@gazetteer_group.command("show")
@with_settings
def gazetteer_show(settings: Settings) -> None:
    """地名库的版本和导入的地名数。"""
    from triage.commands import gazetteer as module  # noqa: PLC0415

    module.show(settings)


@gazetteer_group.command("diff")
@click.option(
    "--with",
    "file",
    type=click.Path(exists=True, dir_okay=False),
    help="与导入这个文件之后相比：会变的是哪些工单；不导入",
)
@click.option("--replace", is_flag=True, help="与 --with 合用：按 import --replace 导入")
@click.option("--crs", help="与 --with 合用：行内没有写坐标系时用")
@click.option("--limit", default=50, type=click.IntRange(0), help="最多列出几张")
@click.option("--json", "as_json", is_flag=True, help="每张一行 JSON，全部列出")
@with_settings
def gazetteer_diff(
    settings: Settings, *, file: str | None, replace: bool, crs: str | None, limit: int, as_json: bool
) -> None:
    """用现在的地名库重读，列出地点会变的工单；或在导入一个文件之前，列出导入后会变的工单。不改动。"""
    from triage.commands import gazetteer as module  # noqa: PLC0415
    from triage.errors import BadInput  # noqa: PLC0415

    if file is None and (replace or crs):
        raise BadInput("--replace 和 --crs 要与 --with 文件合用")
    instead = module.Instead(file, crs, replace) if file else None
    sys.exit(module.diff(settings, instead=instead, limit=limit, as_json=as_json))


@gazetteer_group.command("sites")
@click.option("--revoke", type=click.IntRange(1), help="撤销这一条(列表里的编号)")
@click.option("--json", "as_json", is_flag=True, help="每条一行 JSON")
@with_settings
def gazetteer_sites(settings: Settings, *, revoke: int | None, as_json: bool) -> None:
    """点选词典：工单上点选的地点，哪些已生效；可以撤销。"""
    from triage.commands import gazetteer_sites as module  # noqa: PLC0415

    module.sites(settings, revoke=revoke, as_json=as_json)


@gazetteer_group.command("at")
@click.argument("lon", type=float)
@click.argument("lat", type=float)
@click.option("--crs", default="WGS-84", help="WGS-84、GCJ-02 或 BD-09")
@with_settings
def gazetteer_at(settings: Settings, *, lon: float, lat: float, crs: str) -> None:
    """一个坐标在哪个区、可能是哪个街道和社区，打印一行 JSON。"""
    from triage.commands import gazetteer as module  # noqa: PLC0415

    module.at(settings, lon=lon, lat=lat, crs=crs)
