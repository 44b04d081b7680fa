"""Requests of another server come in as appeals, day windows at a time, and posting goes the other way.

The server's number is the appeal's external number within its source: what was taken once is known again,
so windows may overlap as they like. What the other side changed later is counted, not overwritten.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from models.vocab import Channel
from triage.services import intake
from triage.services.intake import NewAppeal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from connectors.open311.client import Client, RemoteRequest
    from triage.services.deps import Deps

#: A server may give the first 1,000 of a window only: a full answer is asked for again in halves.
_FULL: Final = 1000
_WINDOW: Final = timedelta(days=7)
_SHORTEST: Final = timedelta(minutes=1)
#: Their clock may be behind ours.
_SLACK: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Pulled:
    """What came of a pull. `unsure`: windows of a minute that were full, so that more may be there."""

    seen: int = 0
    stored: int = 0
    repeated: int = 0
    changed: int = 0
    empty: int = 0
    windows: int = 0
    unsure: int = 0


async def pull(deps: Deps, client: Client, source: str, *, since: datetime, now: datetime) -> Pulled:
    """Take in what was requested from `since` to `now`. Raises ConnectorError; what came before is kept."""
    total = Pulled()
    waiting = list(_windows(since, now + _SLACK))
    while waiting:
        start, end = waiting.pop(0)
        rows = await client.requests(start=start, end=end)
        total = replace(total, windows=total.windows + 1)
        if len(rows) >= _FULL and end - start > _SHORTEST:
            middle = start + (end - start) / 2
            waiting[:0] = [(start, middle), (middle, end)]
            continue
        total = await _store(deps, source, rows, total, now=now)
        total = replace(total, unsure=total.unsure + (len(rows) >= _FULL))
    return total


def _windows(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    while since < until:
        yield since, min(since + _WINDOW, until)
        since += _WINDOW


async def _store(
    deps: Deps, source: str, rows: list[RemoteRequest], total: Pulled, *, now: datetime
) -> Pulled:
    found = [row for row in rows if row.description or row.service_name]
    items = [_appeal(source, row) for row in found]
    async with deps.db.writes.begin() as session:
        received = await intake.receive(session, deps.vault, items, now=now)
    return replace(
        total,
        seen=total.seen + len(rows),
        stored=total.stored + len(received.stored),
        repeated=total.repeated + received.repeated,
        changed=total.changed + len(received.changed),
        empty=total.empty + len(rows) - len(found),
    )


def _appeal(source: str, row: RemoteRequest) -> NewAppeal:
    return NewAppeal(
        source=source,
        external_id=row.id[:200],
        title=row.service_name,
        text=(row.description or row.service_name or "").replace("\0", ""),
        address=row.address,
        channel=Channel.WEB,
        received_at=row.requested_at,
        extra={"media_url": row.media_url} if row.media_url else {},
    )
