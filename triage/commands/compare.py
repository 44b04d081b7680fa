"""`jiesu nlp compare`: which of two models reads better, in words and with intervals."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import orjson
from rich.console import Console
from rich.table import Table

from nlp import comparison, evaluation
from nlp.comparison import Verdict
from triage.commands.lines import words_of
from triage.errors import BadInput
from triage.jobs import load_reader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nlp.comparison import Compared
    from nlp.types import TopicReading
    from triage.settings import Settings

_HEADS: Final = {
    "environmental_f1": "是否环境类(F1)",
    "parent": "污染大类",
    "kind_first": "种类首选",
    "kind_either": "种类首选，两个标注任一",
    "kind_top3": "种类前三",
    "kind_either_at_88_percent": "最有把握的88%里，种类任一",
    "appeal_type": "诉求类型",
    "urgency": "紧急程度",
    "urgency_macro_f1": "紧急程度(各级平均F1)",
    "u1_recall": "U1 召回",
    "u2_recall": "U2 召回",
}
_VERDICTS: Final = {
    Verdict.FIRST: "A 更好",
    Verdict.SECOND: "B 更好",
    Verdict.NEITHER: "看不出差别",
    Verdict.TOO_FEW: "样本太少，不下结论",
}


def compare(settings: Settings, *, first: str, second: str, gold: Sequence[str], as_json: bool) -> None:
    """Read `gold` with both models and print who is better at what. Raises BadInput."""
    try:
        rows = [row for path in gold for row in evaluation.labelled(Path(path))]
    except ValueError as fault:
        raise BadInput(str(fault)) from None
    if not rows:
        raise BadInput("没有标注数据")
    version_a, answers_a = _readings(settings, first, rows)
    version_b, answers_b = _readings(settings, second, rows)
    found = comparison.compare(rows, answers_a, answers_b)
    if as_json:
        click.echo(
            orjson.dumps(
                {
                    "a": {"model": first, "model_version": version_a},
                    "b": {"model": second, "model_version": version_b},
                    "texts": len(rows),
                    "drawings": comparison.DRAWINGS,
                    "seed": comparison.SEED,
                    "interval": comparison.INTERVAL,
                    "heads": {
                        name: {**asdict(head), "verdict": head.verdict.value} for name, head in found.items()
                    },
                }
            ).decode()
        )
        return
    click.echo(f"A：{first}（{version_a}）")
    click.echo(f"B：{second}（{version_b}）")
    Console().print(_table(found, texts=len(rows)))
    for verdict, words in _VERDICTS.items():
        heads = [_HEADS[name] for name, head in found.items() if head.verdict is verdict]
        if heads:
            click.echo(f"{words}：{'、'.join(heads)}")
    click.echo(f"区间：同一批诉求重抽 {comparison.DRAWINGS} 次，B 减 A 的中间 {comparison.INTERVAL:.0%}。")


def _readings(
    settings: Settings, model: str, rows: Sequence[dict[str, Any]]
) -> tuple[str, list[TopicReading]]:
    """What one model says of the rows, and its version. Raises BadInput when it cannot be loaded."""
    reader = load_reader(settings.model_copy(update={"nlp_model": model}))
    if reader.degraded:
        # The lexicon would read in its place, and the comparison would be about another model.
        raise BadInput(f"模型 {model} 不可用，无法比较：{reader.degraded}")
    readings = reader.read_many(words_of(row) for row in rows)
    return reader.model_version, [reading.topic for reading in readings]


def _table(found: dict[str, Compared], *, texts: int) -> Table:
    table = Table(title=f"{texts} 条标注诉求")
    table.add_column("看什么", overflow="fold")
    for name in ("条数", "A", "B", "差(B-A)的区间", "只A对", "只B对"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("结论", overflow="fold")
    for name, head in found.items():
        table.add_row(
            _HEADS[name],
            str(head.texts),
            f"{head.a:.1%}",
            f"{head.b:.1%}",
            f"{head.low:+.1%} ~ {head.high:+.1%}",
            str(head.only_a),
            str(head.only_b),
            _VERDICTS[head.verdict],
        )
    return table
