"""What `jiesu after-restore` does."""

from __future__ import annotations

import asyncio
import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from triage import datadir
from triage.clock import BEIJING, show
from triage.commands import schema
from triage.errors import BadInput
from triage.services.backup import restoring, rewarded, settling
from triage.wiring import build

if TYPE_CHECKING:
    from datetime import datetime

    from triage.settings import Settings

#: So many parts of rewards are named.
_NAMED: Final = 50


def settle(settings: Settings, *, until: datetime, erased: str | None, commit: bool) -> None:
    """Tell the restored rows what was done; without `commit` say how much. Raises BadInput, NotReady."""
    moment = until.replace(tzinfo=BEIJING)
    try:
        lines = Path(erased).read_text(encoding="utf-8-sig").splitlines() if erased else []
    except (OSError, UnicodeDecodeError):
        raise BadInput(f"读不了 {erased}：要 UTF-8 的文本") from None
    by_ledger = any(line.lstrip().startswith("{") for line in lines)
    asked, paid = settling.read(lines, until=moment), rewarded.read(lines)

    async def work() -> settling.Settled:
        deps = build(settings)
        try:
            if moment > deps.clock.now():
                raise BadInput("--until 还没有到：写原系统最后运行到的时候")
            await schema.check(deps.db)
            if not commit:
                return await settling.find(deps, paid, until=moment)
            # Whoever runs meanwhile would send what is about to be taken for sent.
            with datadir.unused(deps.db.engine.url):
                await restoring.refuse_others(deps)
                return await settling.settle(deps, asked, paid, until=moment, by=getpass.getuser())
        finally:
            await deps.close()

    done = asyncio.run(work())
    if not commit:
        click.echo(
            f"{show(moment)} 以前：要补记催办的工单 {done.tickets} 件，算作已发的通知 {done.notices} 条；"
            f"要结束的会话 {done.sessions} 个；要再删除身份信息的 {len(asked)} 人。"
            "没有改动，确定后加 --commit"
        )
        _tell_rewards(done.rewards, "要记为已付、不再支付", by_ledger=by_ledger)
        return
    click.echo(
        f"已补记 {show(moment)} 以前的催办 {done.reminders} 次，{done.notices} 条通知算作恢复前已发"
        f"（在“外发通知”里可以重发）；结束会话 {done.sessions} 个；再删除身份信息 {done.erased} 人"
    )
    _tell_rewards(done.rewards, "已记为已付或支付中，不再支付", by_ledger=by_ledger)
    if done.later:
        click.secho(f"注意：这些工单还没有办结，办结后才删除身份信息：{'、'.join(done.later)}", fg="yellow")
    if done.unknown:
        click.secho(
            f"没有找到这些编号（备份以后才登记的）：{'、'.join(done.unknown)}。"
            "重新拉取（jiesu hotline rewind）的诉求会带着身份信息回来，拉取后要再删",
            fg="yellow",
        )
    if done.unclear:
        click.secho(
            f"这些编号几个来源都有，分不清是哪一条，还没有删：{'、'.join(done.unclear)}。"
            "请用另存的台账（JSONL）再运行一次",
            fg="yellow",
        )
    click.echo("接口令牌不会自动失效：备份以后吊销过的，请再吊销一次。可以启动各进程了")


def _tell_rewards(parts: rewarded.Parts, what: str, *, by_ledger: bool) -> None:
    """奖励: what is held, and what a payer has to ask the bank about first."""
    if parts.held:
        click.echo(f"台账里备份以后已支付的奖励，{what}：{'、'.join(parts.held)}")
    if parts.unclear:
        click.secho(
            f"台账里备份以后还支付过、备份里对不上的奖励，请与银行核对：{'、'.join(parts.unclear)}",
            fg="yellow",
        )
    if parts.payable:
        named = "、".join(parts.payable[:_NAMED]) + ("……" if len(parts.payable) > _NAMED else "")
        why = "台账另存以后可能" if by_ledger else "没有给另存的台账（--erased），备份以后可能"
        click.secho(
            f"{len(parts.payable)} 份奖励登记了、等待支付，{why}已经支付过。"
            f"生成支付批次以前，先与银行核对：{named}",
            fg="yellow",
        )
