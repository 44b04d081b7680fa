"""`jiesu topics …`: the way in; see `commands.topics`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from triage.commands.prepared import with_settings

# Nothing that is slow to load: see triage.cli.
if TYPE_CHECKING:
    from triage.settings import Settings


@click.group("topics")
def topics_group() -> None:
    """专题：内容相近的一批诉求和线索。"""


@topics_group.command("find")
@click.option("--days", type=click.IntRange(1, 366), help="看最近多少天；不填按设置")
@click.option("--most", type=click.IntRange(10, 50_000), help="一次最多读多少条；不填按设置")
@with_settings
def topics_find(settings: Settings, *, days: int | None, most: int | None) -> None:
    """找专题：局部热点和共性问题各找一遍，打印最大的十个。"""
    from triage.commands import topics as module  # noqa: PLC0415

    module.find(settings, days=days, most=most)
