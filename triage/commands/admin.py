"""`jiesu db`, `jiesu ticket explain`: what an administrator asks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import click

from models import migrate, revision
from triage.commands import schema
from triage.errors import NotReady
from triage.services import reference
from triage.services.explain import explain
from triage.services.staff import accounts
from triage.wiring import build

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triage.settings import Settings


#: So many codes are named.
_SHOWN: Final = 5


async def prepare(settings: Settings) -> revision.Fit:
    """Bring the schema to the newest and units and areas to the tables. Gives what was found.

    A schema of a later release on which this program works is left as it is, and so are the units and areas
    it has: who goes back to the release before runs this as well. Raises NotReady where this program is too
    old for it.
    """
    deps = build(settings)
    try:
        found = await revision.fit(deps.db)
        if found.newer:
            await schema.check(deps.db)
            await reference.complete(deps)
            return found
        await migrate.upgrade(deps.db)
        await reference.sync(deps)
    finally:
        await deps.close()
    return found


async def has_accounts(settings: Settings) -> bool:
    """Whether anybody could sign in."""
    deps = build(settings)
    try:
        async with deps.db.reads() as session:
            return await accounts.any_account(session)
    finally:
        await deps.close()


def db_upgrade(settings: Settings) -> None:
    """Upgrade and say to what. Raises NotReady."""
    found = asyncio.run(prepare(settings))
    if found.newer:
        click.echo(f"数据库结构 {found.current} 比本程序的 {found.head} 新，本程序在上面能用，没有改动")
        return
    click.echo(f"数据库结构已是最新：{found.head}")


def db_downgrade(settings: Settings, *, commit: bool) -> None:
    """Take the last migration back, or say what that means. Raises NotReady when there is none to take."""

    async def work() -> migrate.Step:
        deps = build(settings)
        try:
            step = await migrate.last_step(deps.db)
            if step is None:
                raise NotReady(
                    "没有可退的一步：数据库是空的、只有第一步，或者比本程序新（请用那个版本的程序退）"
                )
            if commit:
                await migrate.downgrade(deps.db, step.before)
        finally:
            await deps.close()
        return step

    step = asyncio.run(work())
    click.echo(f"{'已退回' if commit else '将退回'}一步：{step.current} → {step.before}（{step.about}）")
    if commit:
        click.echo("现在请用旧版本的程序；要再升级，运行 jiesu db upgrade")
        return
    click.secho(
        "注意：新版本写进这一步新增的表和列的内容会丢失，别的不变。"
        "先备份（jiesu backup），停下新版本的各进程。旧版本的程序在新结构上也能用，通常不必退。",
        fg="yellow",
    )
    click.echo("没有改动。确要退回，加 --commit")


def db_check(settings: Settings) -> int:
    """Compare the schema with the code, the units with the tables. Gives 0 when equal, else 1."""

    async def check() -> tuple[revision.Fit, list[str], list[str]]:
        deps = build(settings)
        try:
            fit = await revision.fit(deps.db)
            if not fit.works:
                return fit, [], []
            async with deps.db.reads() as session:
                units = await reference.lacking(session, deps.tables)
            return fit, [] if fit.newer else await migrate.differences(deps.db), units
        finally:
            await deps.close()

    fit, differences, units = asyncio.run(check())
    if fit.newer:
        told = "本程序在上面能用" if fit.works else "本程序已太旧，不能用"
        click.echo(f"数据库结构是 {fit.current}，比本程序的 {fit.head} 新：{told}")
        return 0 if fit.works and _all_known(units) else 1
    if not fit.works:
        click.echo(f"数据库结构是 {fit.current or '空'}，最新是 {fit.head}：请运行 jiesu db upgrade")
        return 1
    for difference in differences:
        click.echo(f"与程序不一致：{difference}")
    click.echo("数据库结构是最新的" if not differences else f"{len(differences)} 处不一致")
    return 0 if _all_known(units) and not differences else 1


def _all_known(lacking: Sequence[str]) -> bool:
    """Whether the database has every unit of the tables; says which it lacks."""
    if lacking:
        click.echo(
            f"规则表里有 {len(lacking)} 个承办单位数据库里还没有（如 {'、'.join(lacking[:_SHOWN])}）："
            "派给它们的诉求会处理失败，请运行 jiesu db upgrade"
        )
    return not lacking


def ticket_explain(settings: Settings, no: str) -> None:
    """Print why a ticket is as it is. Raises NotFound."""

    async def read() -> list[str]:
        deps = build(settings)
        try:
            async with deps.db.reads() as session:
                return await explain(session, deps.tables, no)
        finally:
            await deps.close()

    for line in asyncio.run(read()):
        click.echo(line)
