"""Import a file of appeals: good rows go in, bad rows are reported, a second run adds nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final

from connectors.records import BadRow, RowRecord
from triage.services import intake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from triage.services.deps import Deps
    from triage.services.intake import NewAppeal

#: Rows to a transaction: enough to be fast, few enough that SQLite's other writers hardly wait.
BATCH: Final = 500


@dataclass
class ImportReport:
    """What became of a file's rows: rows = stored + repeated + len(bad).

    `changed`: numbers already stored with other content. `notes`: what staff should know of good rows.
    """

    rows: int = 0
    stored: int = 0
    repeated: int = 0
    changed: list[str] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def as_appeal(record: RowRecord, *, source: str, now: datetime) -> NewAppeal:
    """A file's record as an appeal; without a time it counts as received now."""
    return intake.NewAppeal(
        source=source,
        external_id=record.external_id,
        content=record.content_hash,
        title=record.title,
        text=record.text,
        address=record.address,
        channel=record.channel,
        confidential=record.secret,
        received_at=record.received_at or now,
        name=record.name,
        phone=record.phone,
        id_number=record.id_number,
        extra={**record.extra, **({"诉求类型": record.appeal_type.value} if record.appeal_type else {})},
    )


async def import_rows(
    deps: Deps,
    rows: Iterable[RowRecord | BadRow],
    *,
    source: str | None,
    fallback_source: str,
    dry_run: bool = False,
    progress: Callable[[ImportReport], None] | None = None,
) -> ImportReport:
    """Store rows batch by batch, each in a transaction of its own.

    An appeal's source is `source`, else what the row itself names, else `fallback_source`.
    """
    report = ImportReport()
    for batch in _batches(iter(rows)):
        report.rows += len(batch)
        good = [row for row in batch if isinstance(row, RowRecord)]
        report.bad += [row for row in batch if isinstance(row, BadRow)]
        report.notes += [f"第 {row.line} 行：{note}" for row in good for note in row.notes]
        if good and not dry_run:
            now = deps.clock.now()
            items = [as_appeal(row, source=source or row.source or fallback_source, now=now) for row in good]
            async with deps.db.writes.begin() as session:
                received = await intake.receive(session, deps.vault, items, now=now)
            report.stored += len(received.stored)
            report.repeated += received.repeated
            report.changed += received.changed
        if progress:
            progress(report)
    return report


def _batches(rows: Iterator[RowRecord | BadRow]) -> Iterator[list[RowRecord | BadRow]]:
    while batch := list(islice(rows, BATCH)):
        yield batch
