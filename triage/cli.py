"""The `jiesu` command: noun then verb. Each command lives in `triage.commands`; here is only the way in."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from triage.commands import family
from triage.commands.audit_group import audit_group
from triage.commands.backup_group import after_restore, backup, restore
from triage.commands.feed_group import feed_group
from triage.commands.gazetteer_group import gazetteer_group
from triage.commands.hotline import hotline_group
from triage.commands.identity_group import identity_group
from triage.commands.keys_group import keys_group
from triage.commands.nlp_group import nlp_group
from triage.commands.numbers_group import numbers_group
from triage.commands.open311_group import open311_group
from triage.commands.prepared import streams, with_settings
from triage.commands.repeats_group import repeats_group
from triage.commands.report_group import report_group
from triage.commands.reward_group import reward_group
from triage.commands.staff_group import staff_group
from triage.commands.topics_group import topics_group
from triage.commands.trends_group import trends_group
from triage.commands.unit_group import unit_group
from triage.errors import TriageError

# Nothing that is slow to load: an interrupt during these imports has nobody to tell it in words yet.
if TYPE_CHECKING:
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


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """接诉：从一条环境诉求到一张派好的工单。设置见 JIESU_ 开头的环境变量。"""
    family.watch_parent()


@main.command()
@click.option("--demo", is_flag=True, help="启动后载入约 400 条演示诉求")
@with_settings
def run(settings: Settings, *, demo: bool) -> None:
    """一条命令启动全部：内置 Valkey、网页、处理进程、投递、定时任务。"""
    from triage.commands import run as module  # noqa: PLC0415  (each command loads only what it needs)

    module.run(settings, demo=demo)


@main.command()
@with_settings
def serve(settings: Settings) -> None:
    """网页和接口。"""
    from triage import datadir  # noqa: PLC0415
    from triage.commands import serve as module  # noqa: PLC0415

    with datadir.in_use(settings.database):
        module.serve(settings)


@main.command()
@click.option("--burst", is_flag=True, help="队列空了就退出")
@with_settings
def work(settings: Settings, *, burst: bool) -> None:
    """处理进程：识别诉求并派单。"""
    from triage import datadir  # noqa: PLC0415
    from triage.commands import processes  # noqa: PLC0415

    with datadir.in_use(settings.database):
        processes.work(settings, burst=burst)


@main.command()
@with_settings
def relay(settings: Settings) -> None:
    """把发件箱里的待办交给队列。"""
    from triage import datadir  # noqa: PLC0415
    from triage.commands import processes  # noqa: PLC0415

    with datadir.in_use(settings.database):
        processes.relay(settings)


@main.command()
@with_settings
def timetable(settings: Settings) -> None:
    """定时任务：重发卡住的待办、催办、外发通知、每日漂移。"""
    from triage import datadir  # noqa: PLC0415
    from triage.commands import processes  # noqa: PLC0415

    with datadir.in_use(settings.database):
        processes.timetable(settings)


@main.command(hidden=True)
@with_settings
def valkey(settings: Settings) -> None:
    """内置 Valkey 的看护进程，由 jiesu run 启动。"""
    from triage.commands import valkey as module  # noqa: PLC0415

    sys.exit(module.serve(settings))


@main.command()
@click.option("--forget", is_flag=True, help="停用演示账号，去掉演示设置")
@with_settings
def demo(settings: Settings, *, forget: bool) -> None:
    """载入演示诉求并等到全部成单，打印一览和演示账号。"""
    from triage.commands import demo as module  # noqa: PLC0415

    if forget:
        module.forget(settings)
    else:
        module.demo(settings)


@main.command()
@click.argument("text", required=False)
@click.option("--title", help="标题(可无)")
@with_settings
def read(settings: Settings, *, text: str | None, title: str | None) -> None:
    """识别诉求：给出 TEXT 或 --title 时打印给人看的结果；都不给(或给 -)时从标准输入读 JSONL，写 JSONL。"""
    from triage.commands import read as module  # noqa: PLC0415

    if text in {None, "-"} and title is None:
        sys.exit(module.read_lines(settings, *streams()))
    module.read_text(settings, title, text)


@main.command()
@with_settings
def route(settings: Settings) -> None:
    """查派单：从标准输入读 JSONL(kind 加 street_code 或 district_code，可带 at 日期)，给出承办单位和依据。"""
    from triage.commands import read as module  # noqa: PLC0415

    sys.exit(module.route_lines(settings, *streams()))


@main.group()
def db() -> None:
    """数据库。"""


@db.command("upgrade")
@with_settings
def db_upgrade(settings: Settings) -> None:
    """升级到最新结构，并同步单位与区划。"""
    from triage.commands import admin  # noqa: PLC0415

    admin.db_upgrade(settings)


@db.command("downgrade")
@click.option("--commit", is_flag=True, help="真的退；不加只说明会怎样")
@with_settings
def db_downgrade(settings: Settings, *, commit: bool) -> None:
    """退回一步结构：新增的表和列连同内容一起去掉。旧版本的程序在新结构上也能用，通常不必退。"""
    from triage.commands import admin  # noqa: PLC0415

    admin.db_downgrade(settings, commit=commit)


@db.command("check")
@with_settings
def db_check(settings: Settings) -> None:
    """检查结构是否最新、规则表的承办单位是否都在。"""
    from triage.commands import admin  # noqa: PLC0415

    sys.exit(admin.db_check(settings))


@main.group()
def tables() -> None:
    """规则表。"""


@tables.command("check")
@click.argument("directory", required=False, type=click.Path(exists=True, file_okay=False))
@with_settings
def tables_check(settings: Settings, *, directory: str | None) -> None:
    """检查规则表：未知、重复、无日期、无来源的条目都会指出文件和行号；永远轮不到、互相矛盾的条目另作提醒。"""
    from triage.commands import tables as module  # noqa: PLC0415

    sys.exit(module.check(settings, directory))


@tables.command("diff")
@click.argument("directory", type=click.Path(exists=True, file_okay=False))
@click.option(
    "--at", type=click.DateTime(["%Y-%m-%d"]), help="按哪一天计算；不填为今天，或新条目全部生效的那一天"
)
@with_settings
def tables_diff(settings: Settings, *, directory: str, at: Any) -> None:  # noqa: ANN401  (a datetime of click)
    """新规则表会带来什么：哪些条目变了，未结工单和上月的工单有多少件会改派、改等级、改时限。只算，不改。"""
    from triage.commands import tables as module  # noqa: PLC0415

    sys.exit(module.diff(settings, directory, day=at))


@tables.command("objections")
@click.option("--month", help="月份，形如 2026-11；不填为本月")
@click.option("--json", "as_json", is_flag=True, help="打印成一行 JSON")
@with_settings
def tables_objections(settings: Settings, *, month: str | None, as_json: bool) -> None:
    """派单目录里哪些条目退单成立得多：按条目列出退单、成立、不成立和建议改派的单位。"""
    from triage.commands import objections  # noqa: PLC0415

    objections.show(settings, month, as_json=as_json)


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
@click.option(
    "--dispatch-old", is_flag=True, help="早于 30 天的也入库，当作新来的诉求派单、计时；不加就不入库"
)
@click.option("--json", "as_json", is_flag=True, help="结果打印成一行 JSON")
@with_settings
def appeal_import(settings: Settings, **options: Any) -> None:  # noqa: ANN401  (handed on as they are)
    """导入 CSV、XLSX 或 JSONL 文件；重复导入不会增加。有坏行时逐行指出并以状态 1 结束，好行照样入库。

    入库的都是新来的诉求：派单、计时、通知、计入三率。早于 30 天的行不入库，另行指出。
    """
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
def month() -> None:
    """月度三率。"""


@month.command("close")
@click.argument("month")
@click.option("--reason", help="更正已发布的月份时的理由")
@with_settings
def month_close(settings: Settings, *, month: str, reason: str | None) -> None:
    """结月：发布 YYYY-MM 的三率。已发布的不会改动；数字有变化时写明理由，另发一版。"""
    from triage.commands import month as module  # noqa: PLC0415

    module.close(settings, month, reason=reason)


@month.command("show")
@click.argument("month")
@click.option("--version", type=click.IntRange(1), help="第几版；不填为最新一版")
@click.option(
    "--by",
    type=click.Choice(["all", "district", "street", "unit", "kind"]),
    default="all",
    help="按什么列：全部、区、街道乡镇、承办单位、诉求类别",
)
@click.option("--key", help="只看这一行（代码）")
@click.option(
    "--rate",
    type=click.Choice(["response", "resolution", "satisfaction"]),
    help="列出这个率背后的工单编号",
)
@with_settings
def month_show(settings: Settings, **options: Any) -> None:  # noqa: ANN401  (handed on as they are)
    """看已发布的月度三率：分子、分母、不计入的件数，直到工单编号。"""
    from triage.commands import month as module  # noqa: PLC0415

    module.show(settings, **options)


@month.command("export")
@click.argument("month")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--version", type=click.IntRange(1), help="第几版；不填为最新一版")
@with_settings
def month_export(settings: Settings, *, month: str, file: str, version: int | None) -> None:
    """把已发布的月份写成 Excel：各区、街道乡镇排名、承办单位、类别、不计入明细。"""
    from triage.commands import month as module  # noqa: PLC0415

    module.export(settings, month, file, version=version)


@ticket.command("due")
@click.option("--within", default=24, type=click.IntRange(0, 24 * 60), help="多少小时内到期的也列出")
@with_settings
def ticket_due(settings: Settings, *, within: int) -> None:
    """各承办单位已超期和快到期的件数，超期多的在前。"""
    from triage.commands import due as module  # noqa: PLC0415

    module.due(settings, within=within)


@ticket.command("mend")
@click.option("--commit", is_flag=True, help="真的改；不加只预览")
@with_settings
def ticket_mend(settings: Settings, *, commit: bool) -> None:
    """升级后补正：按办理记录重算未结工单的时限，已反馈而漏下的合并诉求人列入待回访。"""
    from triage.commands import mend as module  # noqa: PLC0415

    module.mend(settings, commit=commit)


main.add_command(audit_group)
main.add_command(backup)
main.add_command(restore)
main.add_command(after_restore)
main.add_command(feed_group)
main.add_command(gazetteer_group)
main.add_command(hotline_group)
main.add_command(identity_group)
main.add_command(keys_group)
main.add_command(nlp_group)
main.add_command(numbers_group)
main.add_command(open311_group)
main.add_command(repeats_group)
main.add_command(report_group)
main.add_command(reward_group)
main.add_command(topics_group)
main.add_command(trends_group)
main.add_command(staff_group)
main.add_command(unit_group)


if __name__ == "__main__":
    main()
