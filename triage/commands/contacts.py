"""What `jiesu unit contact` does."""

from __future__ import annotations

import asyncio
import getpass
from typing import TYPE_CHECKING, TypeVar

import click

from models.vocab_notices import Medium, RecipientKind
from triage.clock import show as show_moment
from triage.services.notices import contacts
from triage.services.notices.noting import Recipient
from triage.wiring import build

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from models.notices import Contact
    from triage.services.deps import Deps
    from triage.settings import Settings

T = TypeVar("T")


def _run(settings: Settings, work: Callable[[Deps], Awaitable[T]]) -> T:
    async def main() -> T:
        deps = build(settings)
        try:
            return await work(deps)
        finally:
            await deps.close()

    return asyncio.run(main())


def _recipient(unit: str, *, post: bool) -> Recipient:
    return Recipient(RecipientKind.POST if post else RecipientKind.UNIT, unit)


def put(settings: Settings, unit: str, medium: str, address: str, *, post: bool) -> None:
    """Set an address. Raises BadInput, NotFound."""

    async def work(deps: Deps) -> str:
        async with deps.db.writes.begin() as session:
            return await contacts.put(
                session, deps.vault, _recipient(unit, post=post), Medium(medium), address,
                by=getpass.getuser(), now=deps.clock.now(),
            )  # fmt: skip

    click.echo(f"已设 {unit} 的{Medium(medium).label}：{_run(settings, work)}")


def drop(settings: Settings, unit: str, medium: str, *, post: bool) -> None:
    """Take an address away."""

    async def work(deps: Deps) -> bool:
        async with deps.db.writes.begin() as session:
            return await contacts.drop(
                session, _recipient(unit, post=post), Medium(medium),
                by=getpass.getuser(), now=deps.clock.now(),
            )  # fmt: skip

    click.echo("已去掉。" if _run(settings, work) else "本来就没有。")


def show(settings: Settings, unit: str | None) -> None:
    """Print a line a contact."""

    async def work(deps: Deps) -> list[Contact]:
        async with deps.db.reads() as session:
            return await contacts.listed(session, recipient=unit)

    rows = _run(settings, work)
    for row in rows:
        when = show_moment(row.changed_at)
        click.echo(f"{row.recipient} {Medium(row.medium).label} {row.hint}（{when} {row.changed_by}）")
    click.echo(f"共 {len(rows)} 个联系方式")
