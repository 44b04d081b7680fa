"""The `jiesu` command: noun then verb. Each command lives in `triage.commands`; here is only the way in."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, cast

import click

from triage.commands import family
from triage.errors import TriageError

# Nothing that is slow to load: an interrupt during these imports has nobody to tell it in words yet.
if TYPE_CHECKING:
    from collections.abc import Callable
    from io import BufferedReader

    from triage.settings import Settings


class Group(click.Group):
    """Turns our errors into one Chinese sentence and exit status 1, instead of a trace."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  (click's own signature)
        """Run, telling an expected error in words."""
        try:
            return super().invoke(ctx)
        except TriageError as error:
            told: str | None = error.detail
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Exception as error:
            from triage.commands import failures  # noqa: PLC0415  (loads the database's and Redis's libraries)

            told = failures.sentence(error)
            if told is None:
                raise
        click.echo(f"错误：{told}", err=True)
        sys.exit(1)


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the settings, with logging set up."""

    @click.pass_context
    def wrapped(ctx: click.Context, /, *args: object, **kwargs: object) -> None:
        from triage import logs  # noqa: PLC0415
        from triage.settings import load_settings  # noqa: PLC0415

        settings = load_settings()
        logs.set_up(level=settings.log_level, as_json=settings.log_json)
        ctx.invoke(command, settings, *args, **kwargs)

    wrapped.__doc__ = command.__doc__
    wrapped.__name__ = command.__name__
    return wrapped


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """接诉：从一条环境诉求到一张派好的工单。设置见 JIESU_ 开头的环境变量。"""
    family.watch_parent()


@main.command()
@click.option("--demo", is_flag=True, help="启动后载入约 300 条演示诉求")
@with_settings
def run(settings: Settings, *, demo: bool) -> None:
    """一条命令启动全部：内置 Valkey、网页、处理进程、投递、定时任务。"""
    from triage.commands import run as module  # noqa: PLC0415  (each command loads only what it needs)

    module.run(settings, demo=demo)


@main.command()
@with_settings
def serve(settings: Settings) -> None:
    """网页和接口。"""
    from triage.commands import serve as module  # noqa: PLC0415

    module.serve(settings)


@main.command()
@click.option("--burst", is_flag=True, help="队列空了就退出")
@with_settings
def work(settings: Settings, *, burst: bool) -> None:
    """处理进程：识别诉求并派单。"""
    from triage.commands import processes  # noqa: PLC0415

    processes.work(settings, burst=burst)


@main.command()
@with_settings
def relay(settings: Settings) -> None:
    """把发件箱里的待办交给队列。"""
    from triage.commands import processes  # noqa: PLC0415

    processes.relay(settings)


@main.command()
@with_settings
def timetable(settings: Settings) -> None:
    """定时任务：重发卡住的待办。"""
    from triage.commands import processes  # noqa: PLC0415

    processes.timetable(settings)


@main.command(hidden=True)
@with_settings
def valkey(settings: Settings) -> None:
    """内置 Valkey 的看护进程，由 jiesu run 启动。"""
    from triage.commands import valkey as module  # noqa: PLC0415

    sys.exit(module.serve(settings))


@main.command()
@with_settings
def demo(settings: Settings) -> None:
    """载入演示诉求并等到全部成单，打印一览。"""
    from triage.commands import demo as module  # noqa: PLC0415

    module.demo(settings)


@main.command()
@click.argument("text", required=False)
@click.option("--title", help="标题(可无)")
@with_settings
def read(settings: Settings, *, text: str | None, title: str | None) -> None:
    """识别诉求：给出 TEXT 或 --title 时打印给人看的结果；都不给时从标准输入读 JSONL，向标准输出写 JSONL。"""
    from triage.commands import read as module  # noqa: PLC0415

    if text is None and title is None:
        sys.exit(module.read_lines(settings, cast("BufferedReader", sys.stdin.buffer), sys.stdout.buffer))
    module.read_text(settings, title, text)


@main.command()
@with_settings
def route(settings: Settings) -> None:
    """查派单：从标准输入读 JSONL(kind 加 street_code 或 district_code，可带 at 日期)，给出承办单位和依据。"""
    from triage.commands import read as module  # noqa: PLC0415

    sys.exit(module.route_lines(settings, cast("BufferedReader", sys.stdin.buffer), sys.stdout.buffer))


@main.group()
def db() -> None:
    """数据库。"""


@db.command("upgrade")
@with_settings
def db_upgrade(settings: Settings) -> None:
    """升级到最新结构，并同步单位与区划。"""
    from triage.commands import admin  # noqa: PLC0415

    admin.db_upgrade(settings)


@db.command("check")
@with_settings
def db_check(settings: Settings) -> None:
    """检查结构是否最新。"""
    from triage.commands import admin  # noqa: PLC0415

    sys.exit(admin.db_check(settings))


@main.group()
def tables() -> None:
    """规则表。"""


@tables.command("check")
@click.argument("directory", required=False, type=click.Path(exists=True, file_okay=False))
@with_settings
def tables_check(settings: Settings, *, directory: str | None) -> None:
    """检查规则表：未知、重复、无日期、无来源的条目都会指出文件和行号。"""
    from triage.commands import admin  # noqa: PLC0415

    sys.exit(admin.tables_check(settings, directory))


@main.group()
def appeal() -> None:
    """诉求。"""


@appeal.command("import")
@click.argument("file", type=click.Path())
@click.option("--source", help="来源名称；不填用行内来源，再用文件名")
@click.option("--map", "map_name", help="列映射：wide_table、plain 或一个 YAML 文件；不填按表头自动选择")
@click.option("--sheet", help="XLSX 的工作表名")
@click.option("--encoding", help="文本编码；不填自动判断(UTF-8、GBK、GB18030)")
@click.option("--dry-run", is_flag=True, help="只检查，不写入")
@click.option("--json", "as_json", is_flag=True, help="结果打印成一行 JSON")
@with_settings
def appeal_import(settings: Settings, **options: Any) -> None:  # noqa: ANN401  (handed on as they are)
    """导入 CSV、XLSX 或 JSONL 文件；重复导入不会增加。有坏行时逐行指出并以状态 1 结束，好行照样入库。"""
    from triage.commands import appeal as module  # noqa: PLC0415

    sys.exit(module.import_file(settings, **options))


@appeal.command("retry")
@click.option("--dry-run", is_flag=True, help="只列出，不放回")
@with_settings
def appeal_retry(settings: Settings, *, dry_run: bool) -> None:
    """把处理失败的诉求放回，重新识别和派单；逐条列出失败原因。"""
    from triage.commands import appeal as module  # noqa: PLC0415

    module.retry(settings, dry_run=dry_run)


@main.group()
def ticket() -> None:
    """工单。"""


@ticket.command("explain")
@click.argument("no")
@with_settings
def ticket_explain(settings: Settings, *, no: str) -> None:
    """说明一张工单的每个决定、所据条目和来源。"""
    from triage.commands import admin  # noqa: PLC0415

    admin.ticket_explain(settings, no)


@main.group()
def gazetteer() -> None:
    """地名库。"""


@gazetteer.command("build")
@click.option(
    "--out", type=click.Path(exists=True, file_okay=False), help="从软件包重建到这个目录；不填只核对现有的"
)
@with_settings
def gazetteer_build(settings: Settings, *, out: str | None) -> None:
    """重建或核对地名库，打印版本。重建用 npm 和 pip 取两个软件包。"""
    from triage.commands import gazetteer as module  # noqa: PLC0415

    module.build(settings, out=out)


@gazetteer.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--crs", help="行内没有写坐标系时用：WGS-84、GCJ-02(高德腾讯)或 BD-09(百度)")
@click.option("--dry-run", is_flag=True, help="只检查，不写入")
@click.option("--json", "as_json", is_flag=True, help="结果打印成一行 JSON")
@with_settings
def gazetteer_import(settings: Settings, **options: Any) -> None:  # noqa: ANN401  (handed on as they are)
    """导入本地地名(小区、道路、站点、企业、场所、地标)，CSV 或 JSONL；重复导入不会增加，坏行逐行指出。"""
    from triage.commands import gazetteer as module  # noqa: PLC0415

    sys.exit(module.import_names(settings, **options))


@gazetteer.command("show")
@with_settings
def gazetteer_show(settings: Settings) -> None:
    """地名库的版本和导入的地名数。"""
    from triage.commands import gazetteer as module  # noqa: PLC0415

    module.show(settings)


@gazetteer.command("diff")
@click.option("--limit", default=50, type=click.IntRange(0), help="最多列出几张")
@click.option("--json", "as_json", is_flag=True, help="每张一行 JSON，全部列出")
@with_settings
def gazetteer_diff(settings: Settings, *, limit: int, as_json: bool) -> None:
    """用现在的地名库重读，列出地点会变的工单；不改动。"""
    from triage.commands import gazetteer as module  # noqa: PLC0415

    module.diff(settings, limit=limit, as_json=as_json)


@gazetteer.command("at")
@click.argument("lon", type=float)
@click.argument("lat", type=float)
@click.option("--crs", default="WGS-84", help="WGS-84、GCJ-02 或 BD-09")
@with_settings
def gazetteer_at(settings: Settings, *, lon: float, lat: float, crs: str) -> None:
    """一个坐标在哪个区、可能是哪个街道和社区，打印一行 JSON。"""
    from triage.commands import gazetteer as module  # noqa: PLC0415

    module.at(settings, lon=lon, lat=lat, crs=crs)


@main.group("nlp")
def nlp_group() -> None:
    """识别模型。"""


@nlp_group.command("evaluate")
@click.option(
    "--gold", multiple=True, required=True, type=click.Path(exists=True), help="标注数据(JSONL)，可多次"
)
@with_settings
def nlp_evaluate(settings: Settings, *, gold: tuple[str, ...]) -> None:
    """在标注数据上评测识别，打印一行 JSON。"""
    from triage.commands import nlp as module  # noqa: PLC0415

    module.evaluate(settings, gold)


@nlp_group.command("threshold")
@click.option(
    "--gold", multiple=True, required=True, type=click.Path(exists=True), help="标注数据(JSONL)，可多次"
)
@click.option(
    "--accuracy", type=click.FloatRange(0, 1, min_open=True), default=0.95, help="要达到的种类准确率"
)
@with_settings
def nlp_threshold(settings: Settings, *, gold: tuple[str, ...], accuracy: float) -> None:
    """要达到某个准确率，把握低于多少时转人工，能自动处理多少。"""
    from triage.commands import nlp as module  # noqa: PLC0415

    module.threshold(settings, gold, accuracy=accuracy)


@nlp_group.command("train")
@click.option(
    "--data",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False),
    help="标注数据(JSONL)，可多次；随程序的样例总在其中",
)
@click.option(
    "--texts",
    type=click.Path(exists=True, file_okay=False),
    help="公开文本目录：与随程序的标注按 id 对上",
)
@click.option(
    "--held-out",
    type=click.Path(exists=True, dir_okay=False),
    help="校准用的标注数据，不参加训练；不填用 --texts 中的十二分之一",
)
@click.option(
    "--base", required=True, type=click.Path(exists=True, file_okay=False), help="预训练底座目录(BERT)"
)
@click.option("--out", required=True, type=click.Path(file_okay=False), help="写出权重的目录")
@click.option(
    "--work", default=".jiesu/training", type=click.Path(file_okay=False), help="检查点目录，中断后从这里继续"
)
@click.option("--epochs", default=4, type=click.IntRange(1, 50), help="训练轮数")
@with_settings
def nlp_train(settings: Settings, **options: Any) -> None:  # noqa: ANN401  (handed on as they are)
    """训练编码模型：微调、导出 int8、校准。进度逐行打印；需要 train 附加依赖。"""
    from triage.commands import nlp as module  # noqa: PLC0415

    module.train(settings, **options)


if __name__ == "__main__":
    main()
