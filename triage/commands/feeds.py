"""What `jiesu feed pull` does."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from triage.errors import BadInput
from triage.services.leads.pulling import FeedPuller, pull_feed
from triage.services.sources import editing
from triage.services.sources.ports import Settled, Work
from triage.wiring import build

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.services.deps import Deps
    from triage.settings import Settings


def pull(settings: Settings, target: str, *, map_file: str | None, dry_run: bool) -> None:
    """Fetch once and say what came of it. Raises BadInput, NotFound, SourceFault."""
    mapping = Path(map_file).read_text(encoding="utf-8") if map_file else ""

    async def main() -> str:
        deps = build(settings)
        try:
            source = await _source(deps, target, mapping)
            if dry_run:
                return await FeedPuller().trial(Work(deps, source, None, _keep_nothing))
            said, more = [], True
            while more:
                outcome = await pull_feed(deps, source, None, now=deps.clock.now())
                said.append(outcome.said)
                more = outcome.more
            return "\n".join(said)
        finally:
            await deps.close()

    click.echo(asyncio.run(main()))


async def _keep_nothing(_session: AsyncSession, _cursor: Mapping[str, object]) -> None:
    """Nothing was stored, so nothing is kept."""


async def _source(deps: Deps, target: str, mapping: str) -> Settled:
    """A source of its own for an address; else the one of that key."""
    if target.startswith(("http://", "https://")):
        try:
            host = urlsplit(target).hostname or ""
        except ValueError:
            host = ""
        if not host:
            raise BadInput("网址写得不对")
        found: dict[str, str] = {"url": target, "map": mapping}
        return Settled(0, f"feed:{host}"[:120], host, found, {})
    async with deps.db.reads() as session:
        source = await editing.find(session, target)
        if source.kind != "feed":
            raise BadInput("这个来源不是媒体订阅")
        return editing.settled(deps.vault, source)
