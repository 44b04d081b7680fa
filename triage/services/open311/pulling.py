"""Requests of another server come in as appeals, day windows at a time, and posting goes the other way.

The server's number is the appeal's external number within its source: what was taken once is known again,
so windows may overlap as they like. What the other side changed later is counted, not overwritten.
What is closed over there nobody waits for: it is counted, and taken in only where that is asked for. A row
that cannot be read is left out, counted and named; the others come in.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from models.vocab import Channel
from triage.services import intake
from triage.services.intake import NewAppeal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from connectors.open311.client import Client, Listed, RemoteRequest
    from triage.services.deps import Deps

#: A server may give the first 1,000 of a window only: a full answer is asked for again in halves.
_FULL: Final = 1000
_WINDOW: Final = timedelta(days=7)
_SHORTEST: Final = timedelta(minutes=1)
#: Their clock may be behind ours.
_SLACK: Final = timedelta(minutes=10)
_CLOSED: Final = "closed"
#: How many ids of rows that cannot be read are told.
_NAMED: Final = 50


@dataclass(frozen=True, slots=True)
class Pulled:
    """What came of a pull. `unsure`: windows of a minute that were full, so that more may be there.

    `closed`: left out, closed over there. `unreadable_ids`: of the first rows that could not be read.
    """

    seen: int = 0
    stored: int = 0
    repeated: int = 0
    changed: int = 0
    empty: int = 0
    windows: int = 0
    unsure: int = 0
    closed: int = 0
    unreadable: int = 0
    unreadable_ids: tuple[str, ...] = ()


async def pull(
    deps: Deps,
    client: Client,
    source: str,
    *,
    area_of: Callable[[float, float], str | None],
    since: datetime,
    now: datetime,
    closed: bool = False,
) -> Pulled:
    """Take in what was requested from `since` to `now`. Raises ConnectorError; what came before is kept.

    `area_of` says in words where a point (longitude, latitude) lies; it may block.
    """
    total = Pulled()
    waiting = list(_windows(since, now + _SLACK))
    while waiting:
        start, end = waiting.pop(0)
        found = await client.requests(start=start, end=end)
        total = replace(total, windows=total.windows + 1)
        if found.rows >= _FULL and end - start > _SHORTEST:
            middle = start + (end - start) / 2
            waiting[:0] = [(start, middle), (middle, end)]
            continue
        wanted = [row for row in found.requests if closed or row.status.lower() != _CLOSED]
        items = await asyncio.to_thread(_appeals, source, wanted, area_of)
        total = await _store(deps, items, _left_out(total, found, wanted, items), now=now)
        total = replace(total, unsure=total.unsure + (found.rows >= _FULL))
    return total


def _left_out(total: Pulled, found: Listed, wanted: list[RemoteRequest], items: list[NewAppeal]) -> Pulled:
    """The sums with what a window had that is not taken in."""
    return replace(
        total,
        seen=total.seen + found.rows,
        closed=total.closed + len(found.requests) - len(wanted),
        empty=total.empty + len(wanted) - len(items),
        unreadable=total.unreadable + found.unreadable,
        # Windows touch: a row on the border comes with both.
        unreadable_ids=tuple(dict.fromkeys(total.unreadable_ids + found.unreadable_ids))[:_NAMED],
    )


def _windows(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    while since < until:
        yield since, min(since + _WINDOW, until)
        since += _WINDOW


async def _store(deps: Deps, items: list[NewAppeal], total: Pulled, *, now: datetime) -> Pulled:
    async with deps.db.writes.begin() as session:
        received = await intake.receive(session, deps.vault, items, now=now)
    return replace(
        total,
        stored=total.stored + len(received.stored),
        repeated=total.repeated + received.repeated,
        changed=total.changed + len(received.changed),
    )


def _appeals(
    source: str, rows: Iterable[RemoteRequest], area_of: Callable[[float, float], str | None]
) -> list[NewAppeal]:
    """The requests that say anything, as appeals."""
    return [
        NewAppeal(
            source=source,
            external_id=row.id[:200],
            title=row.service_name,
            text=text,
            # Many servers tell the point alone: no reader knows another way to where it is.
            address=row.address or _area(row, area_of),
            channel=Channel.WEB,
            received_at=row.requested_at,
            extra={"media_url": row.media_url} if row.media_url else {},
        )
        for row in rows
        if (text := row.description or row.service_name)
    ]


def _area(row: RemoteRequest, area_of: Callable[[float, float], str | None]) -> str | None:
    return None if row.lon is None or row.lat is None else area_of(row.lon, row.lat)
