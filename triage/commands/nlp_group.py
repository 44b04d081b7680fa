"""`jiesu nlp …`: the way in of the commands about the reading models; each lives in a module of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from triage.commands.prepared import with_settings

# Nothing that is slow to load: see triage.cli.
if TYPE_CHECKING:
    from triage.settings import Settings


@click.group("nlp")
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
    multiple=True,
    type=click.Path(exists=True),
    help="公开文本目录(与随程序的标注按 id 对上)，或本市导出的 CSV、XLSX、JSONL 文件(要同时给 --map)；可多次",
)
@click.option(
    "--map",
    "map_file",
    type=click.Path(exists=True, dir_okay=False),
    help="本市导出文件的对照表(YAML)：列、类别对应的种类，见 docs/nlp.md",
)
@click.option(
    "--held-out",
    type=click.Path(exists=True, dir_okay=False),
    help="校准用的标注数据，不参加训练；不填用 --texts 各行中的十二分之一",
)
@click.option(
    "--base", required=True, type=click.Path(exists=True, file_okay=False), help="预训练底座目录(BERT)"
)
@click.option(
    "--from",
    "start",
    type=click.Path(exists=True, file_okay=False),
    help="接着已有权重训练：由同一底座训练出来的权重目录",
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


@nlp_group.command("compare")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option(
    "--gold", multiple=True, required=True, type=click.Path(exists=True), help="标注数据(JSONL)，可多次"
)
@click.option("--json", "as_json", is_flag=True, help="结果打印成一行 JSON")
@with_settings
def nlp_compare(settings: Settings, **options: Any) -> None:  # noqa: ANN401  (handed on as they are)
    """比较两个模型：A 和 B 各为 builtin、lexicon 或一个权重目录；逐项说哪个更好，带区间。"""
    from triage.commands import compare as module  # noqa: PLC0415

    module.compare(settings, **options)


@nlp_group.group("corrections")
def nlp_corrections() -> None:
    """人工更正：经办人员改过的识别结果。"""


@nlp_corrections.command("export")
@click.option("--out", required=True, type=click.Path(dir_okay=False), help="写出的 JSONL 文件")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="只要这一天(北京时间)起有更正的诉求")
@with_settings
def nlp_corrections_export(settings: Settings, **options: Any) -> None:  # noqa: ANN401  (handed on as they are)
    """把更正写成训练用的 JSONL：文字已脱敏，只有人改过的项才是标注；要求保密的诉求不写。"""
    from triage.commands import corrections as module  # noqa: PLC0415

    module.export(settings, **options)


@nlp_group.command("drift")
@click.option("--days", default=14, type=click.IntRange(1, 3660), help="看最近几天")
@click.option("--json", "as_json", is_flag=True, help="结果打印成一行 JSON")
@with_settings
def nlp_drift(settings: Settings, *, days: int, as_json: bool) -> None:
    """识别漂移：每天的识别结果与之前 28 天相比变了多少，由 jiesu timetable 每天测一次。"""
    from triage.commands import drift as module  # noqa: PLC0415

    module.show(settings, days=days, as_json=as_json)


@nlp_group.command("export")
@click.argument("folder", type=click.Path(exists=True, file_okay=False))
@click.option("--int8", is_flag=True, help="量化成 int8：小四倍、快几倍，准确率略降")
@with_settings
def nlp_export(settings: Settings, *, folder: str, int8: bool) -> None:
    """给 Hugging Face 分类模型目录写出 ONNX 图，之后 JIESU_NLP_MODEL 可以指向它；需要 train 附加依赖。"""
    from triage.commands import nlp as module  # noqa: PLC0415

    module.export(settings, folder, int8=int8)
