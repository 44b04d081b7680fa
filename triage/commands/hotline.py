"""`jiesu hotline …`: 对账, and the reference platform to try the exchange with."""

from __future__ import annotations

import asyncio
import getpass
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from triage.commands.prepared import with_settings

# Nothing that is slow to load: see triage.cli.
if TYPE_CHECKING:
    from datetime import date, datetime

    from triage.services.hotline.reconciling import Report
    from triage.settings import Settings


@click.group("hotline")
def hotline_group() -> None:
    """12345 热线平台。"""


@hotline_group.command("reconcile")
@click.argument("source")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="哪一天(北京时间)；不填为昨天")
@click.option("--json", "as_json", is_flag=True, help="打印成一行 JSON")
@with_settings
def hotline_reconcile(settings: Settings, *, source: str, day: datetime | None, as_json: bool) -> None:
    """对账：来源 SOURCE 这一天两边的工单和动作，各缺什么；结果留存，并按定时任务每天自动做。"""
    report = asyncio.run(_reconcile(settings, source, day.date() if day else None))
    detail = report.detail()
    if as_json:
        head: dict[str, Any] = {
            "day": str(report.day), "orders": report.orders, "actions": report.actions,
            "unmatched": report.unmatched,
        }  # fmt: skip
        click.echo(json.dumps(head | detail, ensure_ascii=False))
    else:
        from triage.services.hotline import reconciling  # noqa: PLC0415

        click.echo(reconciling.said(report))
        for name, numbers in detail["numbers"].items():
            if numbers:
                click.echo(f"{reconciling.LABELS[name]}：{'、'.join(numbers)}")
    if report.unmatched:
        click.get_current_context().exit(1)


async def _reconcile(settings: Settings, key: str, day: date | None) -> Report:
    """Raises NotFound, BadInput, NotReady, SourceFault."""
    from connectors.vault import VaultError  # noqa: PLC0415
    from models.vocab_sources import SourceKind  # noqa: PLC0415
    from triage.clock import local  # noqa: PLC0415
    from triage.commands import schema  # noqa: PLC0415
    from triage.errors import BadInput, NotReady  # noqa: PLC0415
    from triage.services.hotline import puller, reconciling  # noqa: PLC0415
    from triage.services.sources import editing  # noqa: PLC0415
    from triage.services.sources.ports import Work  # noqa: PLC0415
    from triage.wiring import build  # noqa: PLC0415

    deps = build(settings)
    try:
        await schema.check(deps.db)
        async with deps.db.reads() as session:
            source = await editing.find(session, key)
        if source.kind != SourceKind.HOTLINE.value:
            raise BadInput("这个来源不是 12345 热线平台")
        try:
            settled = editing.settled(deps.vault, source)
        except VaultError:
            raise NotReady("来源的凭据解不开，请在来源页重新填写。") from None
        yesterday = local(deps.clock.now()).date() - timedelta(days=1)
        work = Work(deps, settled, None, _keep_nothing)
        async with puller.reached(work) as (client, hotline, platform):
            return await reconciling.reconcile(
                deps, (source.id, source.key), client, hotline, platform, day=day or yesterday
            )
    finally:
        await deps.close()


async def _keep_nothing(session: Any, cursor: Any) -> None:  # noqa: ANN401  (Work.keep)
    del session, cursor


@hotline_group.command("rewind")
@click.argument("source")
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]),
    required=True,
    help="从什么时候起(北京时间)，最多 90 天前",
)
@with_settings
def hotline_rewind(settings: Settings, *, source: str, since: datetime) -> None:
    """重新拉取：来源 SOURCE 从这时起的工单再向平台要一遍；登记过的不重复，以前不能登记的再试一次。"""
    asyncio.run(_rewind(settings, source, since))
    click.echo(f"已放回到 {since:%Y-%m-%d %H:%M}，定时任务马上从那里开始拉取。")


async def _rewind(settings: Settings, key: str, since: datetime) -> None:
    """Raises NotFound, BadInput, NotReady."""
    from triage.clock import BEIJING  # noqa: PLC0415
    from triage.commands import schema  # noqa: PLC0415
    from triage.services.hotline import rewinding  # noqa: PLC0415
    from triage.wiring import build  # noqa: PLC0415

    deps = build(settings)
    try:
        await schema.check(deps.db)
        async with deps.db.writes.begin() as session:
            await rewinding.rewind(
                session, key, since.replace(tzinfo=BEIJING), by=getpass.getuser(), now=deps.clock.now()
            )
    finally:
        await deps.close()


@hotline_group.command(
    "reference", context_settings={"ignore_unknown_options": True, "help_option_names": []}
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def hotline_reference(arguments: tuple[str, ...]) -> None:
    """试验用的参照平台：按 docs/hotline.md 的协议应答，可按要求出错；选项见 --help。"""
    from connectors.hotline.reference.__main__ import serve  # noqa: PLC0415

    serve(arguments)
