"""`jiesu repeats …`: the way in of the commands about one matter told by many; see `commands.repeats`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from triage.commands.prepared import streams, with_settings

# Nothing that is slow to load: see triage.cli.
if TYPE_CHECKING:
    from triage.settings import Settings


@click.group("repeats")
def repeats_group() -> None:
    """同一事项：重复诉求、催办和集中诉求。"""


@repeats_group.command("score")
@click.option("--why", is_flag=True, help="同时给出理由(会引用诉求里的字词)")
@with_settings
def repeats_score(settings: Settings, *, why: bool) -> None:
    """两件诉求是不是同一事项：标准输入读 JSONL(id；a、b 各有 title、text、time)，给出 p_same、same。"""
    from triage.commands import repeats as module  # noqa: PLC0415

    source, sink = streams()
    sys.exit(module.score_lines(settings, source, sink, why=why))


@repeats_group.command("threshold")
@click.option(
    "--false-merges",
    type=click.FloatRange(0, 1),
    default=0.01,
    show_default=True,
    help="两件不同的事最多有多大比例被当作一件",
)
@with_settings
def repeats_threshold(settings: Settings, *, false_merges: float) -> None:
    """从多大把握起算同一事项：各值实测的准确率、找全率和误并率，和对应的设置。"""
    from triage.commands import repeats as module  # noqa: PLC0415

    module.threshold(settings, false_merges=false_merges)
