"""Import a file of appeals: good rows go in, bad rows are reported, a second run adds nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from connectors.records import BadRow, FileRefused, RowRecord
from models.appeals import Appeal, Source
from triage import overlays
from triage.clock import local
from triage.services import confiding, intake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.services.deps import Deps
    from triage.services.intake import NewAppeal

#: Rows to a transaction: enough to be fast, few enough that SQLite's other writers hardly wait.
BATCH: Final = 500

CHANGED: Final = "编号已登记过但内容或地址不同，未覆盖"
#: Before it there were no such systems: an earlier year is a slip of the pen.
FIRST_LIKELY_YEAR: Final = 2000
#: Whoever complained before that has been answered elsewhere, or by nobody: as an appeal of today it would be
#: dispatched, have clocks, and count in the rates.
OLD: Final = timedelta(days=30)
#: The clock of whoever wrote the file may be ahead of ours by so much.
CLOCKS_DIFFER: Final = timedelta(minutes=10)


@dataclass
class ImportReport:
    """What became of a file's rows: rows = stored + repeated + len(bad) + len(old).

    `notes`: what staff should know of good rows. `changed`: numbers already stored with other content; their
    rows are among the bad ones. `held`, by source: rows which that source has already and for which nobody
    named one; they are not stored and count as repeated. `doubled`: the same where a source was named; it is
    believed. `old`: lines of rows longer ago than `OLD` that were left out, for they are not stored; of a dry
    run, of all such rows. `broken`: why the file could not be read to its end; the rows before that are in.
    """

    rows: int = 0
    stored: int = 0
    repeated: int = 0
    changed: list[str] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    held: dict[str, int] = field(default_factory=dict)
    doubled: dict[str, int] = field(default_factory=dict)
    old: list[int] = field(default_factory=list)
    broken: str | None = None


def as_appeal(record: RowRecord, *, source: str, now: datetime) -> NewAppeal:
    """A file's record as an appeal; without a time it counts as received now.

    Of the caller's area only the street's or district's code is kept in the open; what was written is sealed.
    """
    area = overlays.area_code(record.caller_area)
    return intake.NewAppeal(
        source=source,
        external_id=record.external_id,
        content=record.content_hash,
        former=record.former_hash,
        title=record.title,
        text=record.text,
        address=record.address,
        channel=record.channel,
        confidential=record.secret,
        received_at=record.received_at or now,
        name=record.name,
        phone=record.phone,
        id_number=record.id_number,
        caller_area=area,
        told_type=record.appeal_type,
        extra={
            **record.extra,
            **({"诉求类型": record.appeal_type.value} if record.appeal_type else {}),
            **({"登记地区": record.caller_area} if record.caller_area else {}),
        },
    )


async def import_rows(
    deps: Deps,
    rows: Iterable[RowRecord | BadRow],
    *,
    file: str,
    source: str | None,
    fallback_source: str,
    dry_run: bool = False,
    dispatch_old: bool = False,
    progress: Callable[[ImportReport], None] | None = None,
) -> ImportReport:
    """Store rows batch by batch, each in a transaction of its own.

    An appeal's source is `source`, else what the row itself names, else `fallback_source`: a guess (a file's
    name), so a row that another source has already is not stored again under it. Reports name `file`.
    `dispatch_old`: what is longer ago than `OLD` is stored as well, and becomes work as if it came today.
    """
    report = ImportReport()
    for batch in _batches(iter(rows), report):
        report.rows += len(batch)
        good = [row for row in batch if isinstance(row, RowRecord)]
        report.bad += [row for row in batch if isinstance(row, BadRow)]
        now = deps.clock.now()
        report.notes += [
            f"第 {row.line} 行：{note}" for row in good for note in (*row.notes, *_time_notes(row, now=now))
        ]
        old = {place for place, row in enumerate(good) if not dispatch_old and _is_old(row, now=now)}
        if dry_run:
            report.old += [good[place].line for place in sorted(old)]
        elif good:
            named = [source or row.source for row in good]
            items = [
                as_appeal(row, source=name or fallback_source, now=now)
                for row, name in zip(good, named, strict=True)
            ]
            async with deps.db.writes.begin() as session:
                items = await intake.as_stored(session, deps.vault, items)
                known = await intake.known_elsewhere(session, deps.vault, items)
                held_back = {place for place in known if not named[place]}
                left = old - held_back - await _stored(session, deps, {place: items[place] for place in old})
                kept = [place for place in range(len(good)) if place not in held_back | left]
                received = await intake.receive(
                    session, deps.vault, [items[place] for place in kept], now=now
                )
                secret = {
                    (known[place] if place in held_back else item.source, intake.key_of(deps.vault, item))
                    for place, item in enumerate(items)
                    if item.confidential and place not in left
                }
                await confiding.told(session, secret, now=now)
            _count(report, {place: known[place] for place in known.keys() - left}, named)
            report.stored += len(received.stored)
            report.repeated += received.repeated + len(held_back)
            report.old += [good[place].line for place in sorted(left)]
            for row in (good[kept[place]] for place in received.changed):
                report.bad.append(BadRow(file, row.line, None, CHANGED))
                report.changed.append(row.external_id or "")
        if progress:
            progress(report)
    return report


def _is_old(row: RowRecord, *, now: datetime) -> bool:
    """Whether it is longer ago than `OLD`; a row that tells no time counts as received now."""
    return row.received_at is not None and row.received_at < now - OLD


async def _stored(session: AsyncSession, deps: Deps, items: Mapping[int, NewAppeal]) -> set[int]:
    """The places of those that their source has: they go the way of what is imported again."""
    by_source: dict[str, dict[str, list[int]]] = {}
    for place, item in items.items():
        keys = by_source.setdefault(item.source, {})
        keys.setdefault(intake.key_of(deps.vault, item), []).append(place)
    found: set[int] = set()
    for source, keys in by_source.items():
        stored = await session.scalars(
            sa.select(Appeal.dedupe_key)
            .join(Source, Source.id == Appeal.source_id)
            .where(Source.key == source, Appeal.dedupe_key.in_(keys))
        )
        found.update(place for key in stored for place in keys[key])
    return found


def _count(report: ImportReport, known: Mapping[int, str], named: Sequence[str | None]) -> None:
    for place, other in known.items():
        counts = report.doubled if named[place] else report.held
        counts[other] = counts.get(other, 0) + 1


def _time_notes(row: RowRecord, *, now: datetime) -> Iterator[str]:
    """A time that can be read but hardly be true."""
    if row.received_at is None:
        return
    if row.received_at > now + CLOCKS_DIFFER:
        yield "时间在将来，请核对"
    elif local(row.received_at).year < FIRST_LIKELY_YEAR:
        yield f"时间早于 {FIRST_LIKELY_YEAR} 年，请核对"


def _batches(rows: Iterator[RowRecord | BadRow], report: ImportReport) -> Iterator[list[RowRecord | BadRow]]:
    """The rows, so many at once. Of a file that breaks off what came before, and the report says so."""
    while report.broken is None:
        batch: list[RowRecord | BadRow] = []
        try:
            batch.extend(islice(rows, BATCH))
        except FileRefused as refusal:
            report.broken = str(refusal)
        if not batch:
            return
        yield batch
