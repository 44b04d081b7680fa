"""`jiesu gazetteer sites`: what clerks picked on tickets, what of it is in force, and 撤销."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import click
import orjson

from models import site_places
from models.filters import all_seeing
from nlp.gazetteer import Gazetteer
from nlp.place_answer import full_name
from triage.clock import show
from triage.services import site_places as service
from triage.wiring import build as build_deps

if TYPE_CHECKING:
    from triage.services.deps import Deps
    from triage.settings import Settings

LATEST: Final = 10_000
#: Who works at the terminal, until there is sign-in.
OPERATOR: Final = all_seeing("terminal")


def sites(settings: Settings, *, revoke: int | None, as_json: bool) -> None:
    """List the dictionary, or let one line of it no longer count. Raises NotFound."""
    asyncio.run(_sites(build_deps(settings), revoke=revoke, as_json=as_json))


async def _sites(deps: Deps, *, revoke: int | None, as_json: bool) -> None:
    try:
        if revoke is not None:
            async with deps.db.writes.begin() as session:
                await service.revoke(session, OPERATOR, revoke, at=deps.clock.now())
            click.echo(f"已撤销第 {revoke} 条；处理进程几秒内生效。")
            return
        async with deps.db.reads() as session:
            found = await site_places.listed(session, limit=LATEST)
        places = Gazetteer.load().places
        for one in found:
            row, stand = one.row, service.standing(one, needed=deps.settings.place_picks)
            place = full_name(places, row.code) if row.code in places else row.code
            if as_json:
                told = {
                    "id": row.id, "phrase": row.phrase, "code": row.code, "place": place, "lon": row.lon,
                    "lat": row.lat, "picks": row.picks, "always": row.always, "by": row.picked_by,
                    "at": row.picked_at, "standing": stand.name.lower(),
                }  # fmt: skip
                click.echo(orjson.dumps(told, option=orjson.OPT_UTC_Z).decode())
            else:
                click.echo(
                    f"{row.id:6d}  {row.phrase} → {place}（{stand.value}；{row.picks} 张工单，"
                    f"{row.picked_by} {show(row.picked_at)}）"
                )
        if not found and not as_json:
            click.echo("还没有点选过地点。")
    finally:
        await deps.close()
