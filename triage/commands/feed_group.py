"""`jiesu feed …`: media feeds from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from triage.commands.prepared import with_settings

if TYPE_CHECKING:
    from triage.settings import Settings


@click.group("feed")
def feed_group() -> None:
    """媒体订阅。"""


@feed_group.command("pull")
@click.argument("target")
@click.option(
    "--map", "map_file", type=click.Path(exists=True, dir_okay=False), help="JSON 列表接口的字段映射(YAML)"
)
@click.option("--dry-run", is_flag=True, help="只取来看，不存")
@with_settings
def feed_pull(settings: Settings, *, target: str, map_file: str | None, dry_run: bool) -> None:
    """取一次订阅：TARGET 是网址，或已登记来源的代号；新的报道存为待识别的线索。"""
    from triage.commands import feeds as module  # noqa: PLC0415

    module.pull(settings, target, map_file=map_file, dry_run=dry_run)
