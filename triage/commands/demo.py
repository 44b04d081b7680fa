"""`jiesu demo`: load the demo complaints, wait until each is a ticket, print what became of them."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from models.vocab import Level
from triage.commands import demo_gathering, demo_patrol, own_name, schema
from triage.demo import load_demo
from triage.errors import NotReady
from triage.services import intake
from triage.services.staff import demo as accounts
from triage.services.staff import public
from triage.services.staff.public import is_embedded
from triage.services.summary import Summary, summarize
from triage.wiring import build

if TYPE_CHECKING:
    from triage.services.deps import Deps
    from triage.settings import Settings

SOURCE: Final = "演示"
BATCH: Final = 100
WAIT_SECONDS: Final = 120.0


def demo(settings: Settings) -> None:
    """Load and wait. Raises NotReady when the schema is old or no worker takes the work."""
    asyncio.run(_demo(settings))


async def _demo(settings: Settings) -> None:
    deps = build(settings)
    try:
        await schema.check(deps.db)
        password = await accounts.make(deps, now=deps.clock.now()) if is_embedded(deps.settings) else None
        await load(deps)
        await demo_patrol.report(deps)
        await demo_gathering.take_media(deps)
        _print(await _wait(deps))
        _print_accounts(deps.settings, password)
        # Nobody waits for these: whoever signs in finds them there.
        await demo_gathering.gather(deps)
    finally:
        await deps.close()


def forget(settings: Settings) -> None:
    """Disable the demo's accounts and take its setting away."""

    async def main() -> int:
        deps = build(settings)
        try:
            async with deps.db.writes.begin() as session:
                return await accounts.forget(session, now=deps.clock.now())
        finally:
            await deps.close()

    click.echo(f"已停用 {asyncio.run(main())} 个演示账号，演示设置已去掉")


def _print_accounts(settings: Settings, password: str | None) -> None:
    """Who may sign in, and with what; beside the address, so that the first hour needs no manual."""
    if password is None:
        click.echo(
            f"没有建演示账号：只在本机的嵌入式运行里建。用 {own_name.jiesu()} staff add 建自己的账号。"
        )
        return
    table = Table(title=f"演示账号，密码都是 {password}")
    for column in ("账号", "角色", "范围"):
        table.add_column(column)
    for one in accounts.DEMO:
        table.add_row(one.login, one.role.label, one.name.removeprefix("演示") if one.unit_code else "全市")
    Console().print(table)
    click.echo(f"登录：http://{public.address(settings)}/login　（演示账号不用动态验证码，只能在本机用）")


async def load(deps: Deps) -> None:
    """Store what is not there yet; the demo's times count back from now."""
    now = deps.clock.now()
    items = [
        intake.NewAppeal(
            source=SOURCE,
            external_id=row.id,
            # The number alone tells them apart: loading again at another hour is no change.
            content=row.id,
            title=row.title,
            text=row.text,
            address=row.address,
            channel=row.channel,
            received_at=now - timedelta(minutes=row.time_offset_min),
            name=row.name,
            phone=row.phone,
            id_number=row.id_number,
        )
        for row in load_demo()
    ]
    for start in range(0, len(items), BATCH):
        async with deps.db.writes.begin() as session:
            await intake.receive(session, deps.vault, items[start : start + BATCH], now=now)


async def _wait(deps: Deps) -> Summary:
    """Show how many are tickets until all are. Raises NotReady when nothing moves for too long."""
    with Progress(
        TextColumn("演示诉求 识别与派单"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    ) as progress:
        task = progress.add_task("", total=None)
        last, moved = -1, time.monotonic()
        while True:
            async with deps.db.reads() as session:
                summary = await summarize(session, now=deps.clock.now(), source=SOURCE)
            progress.update(task, total=summary.received, completed=summary.received - summary.waiting)
            if not summary.waiting:
                return summary
            if summary.waiting != last:
                last, moved = summary.waiting, time.monotonic()
            elif time.monotonic() - moved > WAIT_SECONDS:
                raise NotReady(f"还有 {summary.waiting} 条没有处理：请确认 relay 和 work 进程在运行")
            await asyncio.sleep(0.2)


def _print(summary: Summary) -> None:
    table = Table(title="演示诉求一览", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_row("收到诉求", str(summary.received))
    table.add_row("其中环境类", str(summary.environmental))
    for level in Level:
        if count := summary.by_level.get(level):
            table.add_row(f"已派单 · {level.label}", str(count))
    table.add_row("待人工审核", str(summary.review))
    if summary.diverted:
        table.add_row("已分流", str(summary.diverted))
    table.add_row("转办(非环境)", str(summary.handed_over))
    table.add_row("今日到期", str(summary.due_today))
    if summary.dead:
        table.add_row("处理失败", str(summary.dead))
    Console().print(table)
    click.echo("列表：/desk　接口：/api/v1/tickets")
