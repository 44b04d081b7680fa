"""轮换密钥: wrapping the data keys of everything sealed anew, in batches, while the service runs.

Where it stands is a row per table, so that it goes on after a kill where it was. When all tables are through
it looks once more for what a process with an older ring sealed meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from connectors.vault import Stamp, VaultError, stamp_of
from models.key_progress import KeyProgress
from triage import logs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.vault import Vault
    from triage.services.identities.sealed_places import SealedPlace

log = logs.get(__name__)

BATCH: Final = 200
#: A process may seal with the key before for as long as it has not looked at the ring again; a key is retired
#: only well after that.
SETTLED_AFTER: Final = timedelta(minutes=10)
_STAMP: Final = 3


@dataclass(frozen=True, slots=True)
class Step:
    """What a batch did: rows seen and values renewed; `finished`: the table is through."""

    place: str
    seen: int
    renewed: int
    finished: bool
    unopened: int = 0
    """Values that no key opens: left as they are."""


async def step(
    session: AsyncSession, vault: Vault, place: SealedPlace, *, now: datetime, batch: int = BATCH
) -> Step:
    """One batch of one table, in the caller's transaction."""
    target = vault.seals_with
    progress = await session.get(KeyProgress, (place.name, target.key_id), with_for_update=True)
    if progress is None:
        progress = KeyProgress(
            place=place.name, key_id=target.key_id, after=None, seen=0, renewed=0, started_at=now
        )
        session.add(progress)
    rows = await _rows(session, place, progress.after, batch)
    renewed = unopened = 0
    for row in rows:
        changed = {}
        for column in place.columns:
            if not row[column] or stamp_of(row[column]) == target:
                continue
            try:
                changed[column] = vault.renewed(row[column], belongs_to=place.belongs_to(row, column))
            except VaultError:
                unopened += 1
                log.warning("sealed_value_does_not_open", place=place.name, column=column)
        if changed:
            found = [getattr(place.table, key) == row[key] for key in place.keys]
            await session.execute(
                sa.update(place.table)
                .where(*found)
                .values(changed)
                .execution_options(synchronize_session=False)
            )
            renewed += len(changed)
    finished = len(rows) < batch
    progress.seen += len(rows)
    progress.renewed += renewed
    if rows:
        progress.after = [rows[-1][key] for key in place.keys]
    progress.finished_at = now if finished else None
    return Step(place.name, len(rows), renewed, finished, unopened)


async def begin_again(session: AsyncSession, places: Sequence[SealedPlace], key_id: int) -> None:
    """Let the next steps start at the first row: for what was sealed with an older key meanwhile."""
    await session.execute(
        sa.update(KeyProgress).where(*_of(places, key_id)).values(after=None, finished_at=None)
    )


def _of(places: Sequence[SealedPlace], key_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    """The rows of one ring: another ring may have a key of the same number."""
    return KeyProgress.place.in_([place.name for place in places]), KeyProgress.key_id == key_id


async def _rows(
    session: AsyncSession, place: SealedPlace, after: Sequence[Any] | None, batch: int
) -> list[dict[str, Any]]:
    keys = [getattr(place.table, key) for key in place.keys]
    names = dict.fromkeys((*place.keys, *place.beside, *place.columns))
    query = sa.select(*(getattr(place.table, name) for name in names)).order_by(*keys).limit(batch)
    if after is not None:
        query = query.where(sa.tuple_(*keys) > sa.tuple_(*(sa.literal(value) for value in after)))
    return [dict(row) for row in (await session.execute(query.with_for_update())).mappings()]


async def uses(session: AsyncSession, places: Sequence[SealedPlace]) -> dict[Stamp, dict[str, int]]:
    """How many values of which table need which key. Reads every row."""
    found: dict[Stamp, dict[str, int]] = {}
    for place in places:
        for column in place.columns:
            value = getattr(place.table, column)
            stamp = sa.func.substr(value, 1, _STAMP)
            rows = await session.execute(
                sa.select(stamp, sa.func.count())
                # Empty: erased where the column must hold something.
                .where(value.is_not(None), sa.func.length(value) > 0)
                .group_by(stamp)
            )
            for head, count in rows:
                counts = found.setdefault(stamp_of(bytes(head)), {})
                counts[place.name] = counts.get(place.name, 0) + count
    return found


async def sealing_since(session: AsyncSession, places: Sequence[SealedPlace], key_id: int) -> datetime | None:
    """When this key began to be the one that seals, as far as a rotation tells."""
    return await session.scalar(sa.select(sa.func.min(KeyProgress.started_at)).where(*_of(places, key_id)))
