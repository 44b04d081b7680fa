"""`jiesu open311 …`: the conformance suite against any server, keys, and requests of another server."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import aiohttp
import click
import orjson
from rich.console import Console
from rich.table import Table

from connectors.open311.client import Client
from connectors.open311.conformance import FAILED, PASSED, REGISTER, SKIPPED, Outcome, Server, run_all
from connectors.ports import ConnectorError
from triage.clock import show
from triage.errors import TriageError
from triage.services.open311 import keys, pulling
from triage.web.open311.places import area_of
from triage.wiring import build

if TYPE_CHECKING:
    from triage.settings import Settings

_WORDS: Final = {PASSED: "通过", FAILED: "不通过", SKIPPED: "跳过"}
_STYLES: Final = {PASSED: "green", FAILED: "red", SKIPPED: "yellow"}


class NoServer(TriageError):
    """Open311 接口没有答复。"""

    code = "no_server"
    status = 502


def check(
    url: str,
    *,
    api_key: str | None,
    jurisdiction: str | None,
    discovery: str,
    at: tuple[float, float],
    hidden: str | None,
    patience: float,
) -> int:
    """Run the suite, print a table and one JSON line. Gives the exit status. Raises NoServer."""
    outcomes = asyncio.run(
        _check(
            url, api_key=api_key, jurisdiction=jurisdiction, discovery=discovery, at=at, hidden=hidden,
            patience=patience,
        )
    )  # fmt: skip
    table = Table("序号", "检查", "结果", "看到的")
    for outcome in outcomes:
        words = f"[{_STYLES[outcome.result]}]{_WORDS[outcome.result]}[/]"
        table.add_row(str(outcome.number), outcome.title, words, outcome.why)
    Console().print(table)
    click.echo(orjson.dumps(summary(url, outcomes)).decode())
    return int(any(outcome.result == FAILED for outcome in outcomes))


def summary(url: str, outcomes: list[Outcome]) -> dict[str, object]:
    """The figures: how many passed, failed, were skipped, and why those did."""
    counted = {result: sum(o.result == result for o in outcomes) for result in (PASSED, FAILED, SKIPPED)}
    return {
        "url": url,
        **counted,
        "checks": len(outcomes),
        "failures": [asdict(o) for o in outcomes if o.result == FAILED],
        "skips": [asdict(o) for o in outcomes if o.result == SKIPPED],
    }


async def _check(
    url: str,
    *,
    api_key: str | None,
    jurisdiction: str | None,
    discovery: str,
    at: tuple[float, float],
    hidden: str | None,
    patience: float,
) -> list[Outcome]:
    async with aiohttp.ClientSession() as session:
        client = Client(session, url, jurisdiction=jurisdiction, api_key=api_key)
        server = Server(client, key=api_key, discovery=discovery, point=at, hidden=hidden, patience=patience)
        try:
            return await run_all(server, REGISTER)
        except ConnectorError as error:
            raise NoServer(f"{url}：{error}") from None


def key_add(settings: Settings, name: str) -> None:
    """Make a key and print it, once."""

    async def run() -> str:
        deps = build(settings)
        try:
            async with deps.db.writes.begin() as session:
                return await keys.make(session, deps.vault, name, now=deps.clock.now())
        finally:
            await deps.close()

    click.echo(asyncio.run(run()))
    click.echo("只显示这一次，请交给对方妥善保管。", err=True)


def key_revoke(settings: Settings, name: str) -> None:
    """Let a key be of no use."""

    async def run() -> None:
        deps = build(settings)
        try:
            async with deps.db.writes.begin() as session:
                await keys.revoke(session, name, now=deps.clock.now())
        finally:
            await deps.close()

    asyncio.run(run())
    click.echo(f"已停用 {name}")


def key_list(settings: Settings) -> None:
    """Whose keys there are."""

    async def run() -> list[str]:
        deps = build(settings)
        try:
            async with deps.db.reads() as session:
                return [
                    f"{row.name}\t{show(row.created_at)}\t"
                    + (f"{show(row.revoked_at)} 停用" if row.revoked_at else "有效")
                    for row in await keys.listed(session)
                ]
        finally:
            await deps.close()

    for line in asyncio.run(run()):
        click.echo(line)


def pull(
    settings: Settings, url: str, *, source: str, days: int, jurisdiction: str | None, closed: bool
) -> None:
    """Take in the requests of another server; a second run adds nothing. Raises NoServer."""

    async def run() -> pulling.Pulled:
        deps = build(settings)
        try:
            async with aiohttp.ClientSession() as session:
                client = Client(session, url, jurisdiction=jurisdiction)
                now = deps.clock.now()
                return await pulling.pull(
                    deps, client, source, area_of=area_of, since=now - timedelta(days=days), now=now,
                    closed=closed,
                )  # fmt: skip
        except ConnectorError as error:
            raise NoServer(f"{url}：{error}") from None
        finally:
            await deps.close()

    found = asyncio.run(run())
    click.echo(orjson.dumps(asdict(found)).decode())
    if found.unreadable:
        click.echo(f"有 {found.unreadable} 件看不懂，没有收入：{'、'.join(found.unreadable_ids)}", err=True)
