"""月度三率: close a month, correct it by a new version, read a published one. Nothing published changes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

import orjson
import sqlalchemy as sa

from models.months import MonthFigures, MonthVerdict
from models.vocab_ledger import LedgerAct, SubjectKind
from triage.errors import BadInput, NotFound
from triage.rules.rate_rows import Cause, Rate, WeightRow
from triage.rules.rates import UNKNOWN, By, Line, Month, Tally, summed
from triage.rules.rows import Status, Where
from triage.rules.verdicts import Out, Verdict, judge, month_span
from triage.services import ledger
from triage.services.histories import histories

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.rules.rows import Tables
    from triage.services.deps import Deps

_BATCH: Final = 1000
_YEARS: Final = range(2000, 2100)


@dataclass(frozen=True, slots=True)
class Published:
    """One published version of a month with its figures."""

    version: int
    published_at: datetime
    reason: str | None
    sha256: str
    figures: Month


@dataclass(frozen=True, slots=True)
class Closing:
    """What closing did: the version that now holds, and whether it is new."""

    published: Published
    new: bool


def span(month: str) -> tuple[datetime, datetime]:
    """The month as [start, end). Raises BadInput on what is no month, or at the calendar's edges."""
    try:
        first, last = month_span(month)
    except (ValueError, OverflowError):
        raise BadInput(f"月份应形如 2026-10：{month[:20]}") from None
    if first.year not in _YEARS:
        raise BadInput(f"月份应在 {_YEARS[0]} 年到 {_YEARS[-1]} 年之间：{month}")
    return first, last


async def close(deps: Deps, month: str, *, reason: str | None = None) -> Closing:
    """Publish a month that has ended: its first version, or with a reason a correction.

    The same figures again are no new version. Raises BadInput before the end of the month, and for other
    figures without a reason.
    """
    first, last = span(month)
    now = deps.clock.now()
    if now < last:
        raise BadInput(f"{month} 还没有结束，不能结月")
    # Counted before anything is locked: a month takes seconds, and the desk goes on writing meanwhile.
    async with deps.db.reads() as session:
        figures = await _count(session, deps.tables, month, first, last, as_of=now)
    content, sha = _content(figures)
    async with deps.db.writes.begin() as session:
        newest = await _row(session, month, None)
        if newest is not None and newest.sha256 == sha:
            return Closing(await _published(session, newest), new=False)
        if newest is not None and not (reason or "").strip():
            raise BadInput(f"{month} 已发布第 {newest.version} 版，数字有变化：更正须写明理由（--reason）")
        row = MonthFigures(
            month=month,
            version=newest.version + 1 if newest else 1,
            as_of=now,
            published_at=now,
            reason=reason.strip() if newest and reason else None,
            table_version=figures.table_version,
            sha256=sha,
            content=content,
        )
        session.add(row)
        await session.flush()
        await _store(session, row.id, figures.verdicts)
        ledger.write(
            session, who="system", act=LedgerAct.MONTH_PUBLISHED, now=now, new=sha, reason=row.reason,
            subject=ledger.Subject(SubjectKind.REPORT, month), detail={"version": row.version},
        )  # fmt: skip
        return Closing(Published(row.version, now, row.reason, sha, figures), new=True)


async def _count(
    session: AsyncSession, tables: Tables, month: str, first: datetime, last: datetime, *, as_of: datetime
) -> Month:
    rules = tables.rates.on(first.date())
    verdicts: list[Verdict] = []
    # Each is judged as it comes: the histories of a month together are a gigabyte.
    async for history in histories(session, since=first, until=last):
        verdicts += judge(tables, rules, history, month=month, as_of=as_of)
    return summed(tables, verdicts, month=month, as_of=as_of)


def _content(figures: Month) -> tuple[dict[str, Any], str]:
    """The stored figures, and the sha over them and every verdict. `as_of` alone makes no difference."""
    content: dict[str, Any] = {
        "month": figures.month,
        "rows": list(figures.row_ids),
        "weights": {
            "id": figures.weights.id,
            "title": figures.weights.title,
            "source": figures.weights.source,
            "values": {rate.value: weight for rate, weight in figures.weights.weights.items()},
        },
        "lines": [
            [line.by.value, line.key, line.assessed, line.out,
             {rate.value: [t.points, t.tickets, t.out] for rate, t in line.tallies}]
            for line in figures.lines
        ],
    }  # fmt: skip
    # Only where there are any: the other months are what they were before these were counted.
    if answered := [[line.by.value, line.key, line.answered] for line in figures.lines if line.answered]:
        content["answered"] = answered
    if withdrawn := [[line.by.value, line.key, line.withdrawn] for line in figures.lines if line.withdrawn]:
        content["withdrawn"] = withdrawn
    if patrol := [[line.by.value, line.key, line.patrol] for line in figures.lines if line.patrol]:
        content["patrol"] = patrol
    whole = {"figures": content, "verdicts": [_verdict_row(verdict) for verdict in figures.verdicts]}
    canonical = orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)
    return content, hashlib.sha256(canonical).hexdigest()


def _verdict_row(verdict: Verdict) -> dict[str, Any]:
    return {
        "no": verdict.no,
        "unit_code": verdict.unit,
        "street_code": verdict.street,
        "district_code": verdict.district,
        "kind": verdict.kind,
        "points": {rate.value: points for rate, points in verdict.points},
        "outs": [[out.rate.value, out.cause.value, out.row_id, out.reason] for out in verdict.outs],
    }


async def _store(session: AsyncSession, month_id: int, verdicts: Sequence[Verdict]) -> None:
    rows = [
        {"month_id": month_id, "seq": seq, **_verdict_row(verdict)}
        for seq, verdict in enumerate(verdicts, start=1)
    ]
    for start in range(0, len(rows), _BATCH):
        await session.execute(sa.insert(MonthVerdict), rows[start : start + _BATCH])


async def _row(session: AsyncSession, month: str, version: int | None) -> MonthFigures | None:
    query = sa.select(MonthFigures).where(MonthFigures.month == month)
    if version is not None:
        query = query.where(MonthFigures.version == version)
    found: MonthFigures | None = await session.scalar(query.order_by(MonthFigures.version.desc()).limit(1))
    return found


async def published(session: AsyncSession, month: str, version: int | None = None) -> Published:
    """A published version; the newest when none is named. Raises NotFound, and BadInput on no month."""
    return await _published(session, await _known(session, month, version))


async def _known(session: AsyncSession, month: str, version: int | None) -> MonthFigures:
    span(month)
    row = await _row(session, month, version)
    if row is None:
        which = f"第 {version} 版" if version else ""
        raise NotFound(f"{month} 没有发布过{which}")
    return row


async def versions(session: AsyncSession, month: str) -> list[tuple[int, datetime, str | None, str]]:
    """Every version of a month: number, when, why, sha."""
    rows = await session.execute(
        sa.select(MonthFigures.version, MonthFigures.published_at, MonthFigures.reason, MonthFigures.sha256)
        .where(MonthFigures.month == month)
        .order_by(MonthFigures.version)
    )
    return [(row.version, row.published_at, row.reason, row.sha256) for row in rows]


def earlier_month(month: str) -> str:
    """The month before. Raises BadInput on no month."""
    first, _ = span(month)
    return f"{first.year - (first.month == 1)}-{(first.month - 2) % 12 + 1:02d}"


async def headline(session: AsyncSession, month: str, version: int | None = None) -> Published:
    """The figures of a published version without its verdicts: what a page shows. Raises as `published`."""
    return _told(await _known(session, month, version), ())


async def with_outs(session: AsyncSession, month: str, version: int | None = None) -> Published:
    """The figures, and the verdicts that leave something out, for a workbook. Raises as `published`."""
    row = await _known(session, month, version)
    wanted = sa.and_(MonthVerdict.month_id == row.id, sa.func.json_array_length(MonthVerdict.outs) > 0)
    return _told(row, await _verdicts(session, wanted))


async def headline_before(session: AsyncSession, month: str) -> Published | None:
    """The figures of the newest version of the month before; None when it was never published."""
    row = await _row(session, earlier_month(month), None)
    return _told(row, ()) if row is not None else None


async def all_months(session: AsyncSession) -> list[str]:
    """Every month that was published, newest first."""
    return list(
        await session.scalars(sa.select(MonthFigures.month).distinct().order_by(MonthFigures.month.desc()))
    )


async def newest(session: AsyncSession, known: Sequence[str]) -> dict[str, int]:
    """The version that holds of each of these months that was published."""
    rows = await session.execute(
        sa.select(MonthFigures.month, sa.func.max(MonthFigures.version).label("version"))
        .where(MonthFigures.month.in_(known))
        .group_by(MonthFigures.month)
    )
    return {row.month: row.version for row in rows}


async def verdicts_of(
    session: AsyncSession, month: str, version: int, by: By, key: str
) -> tuple[Verdict, ...]:
    """The verdicts behind one line of a published version. Raises BadInput for the line of all tickets."""
    columns = {
        By.UNIT: MonthVerdict.unit_code, By.DISTRICT: MonthVerdict.district_code,
        By.STREET: MonthVerdict.street_code, By.KIND: MonthVerdict.kind,
    }  # fmt: skip
    if by not in columns:
        raise BadInput("合计的工单太多，请先选一个区、单位、街道乡镇或类别")
    wanted = columns[by].is_(None) if key == UNKNOWN else columns[by] == key
    row = await _row(session, month, version)
    return await _verdicts(session, MonthVerdict.month_id == row.id, wanted) if row is not None else ()


async def _published(session: AsyncSession, row: MonthFigures) -> Published:
    return _told(row, await _verdicts(session, MonthVerdict.month_id == row.id))


async def _verdicts(session: AsyncSession, *wanted: sa.ColumnElement[bool]) -> tuple[Verdict, ...]:
    """The verdicts of a version, in order and in pieces: others have their turn between them.

    A published version never changes. Plain columns: as rows of the mapper they take twice as long.
    """
    query = (
        sa.select(
            MonthVerdict.seq, MonthVerdict.no, MonthVerdict.unit_code, MonthVerdict.street_code,
            MonthVerdict.district_code, MonthVerdict.kind, MonthVerdict.points, MonthVerdict.outs,
        )
        .where(*wanted)
        .order_by(MonthVerdict.seq)
        .limit(_BATCH)
    )  # fmt: skip
    found: list[Verdict] = []
    after = 0
    while True:
        rows = (await session.execute(query.where(MonthVerdict.seq > after))).all()
        found += [_verdict(row) for row in rows]
        if len(rows) < _BATCH:
            return tuple(found)
        after = rows[-1].seq


def _verdict(v: sa.Row[*tuple[Any, ...]]) -> Verdict:
    return Verdict(
        v.no, v.unit_code, v.street_code, v.district_code, v.kind,
        tuple((Rate(rate), points) for rate, points in v.points.items()),
        tuple(Out(Rate(rate), Cause(cause), row_id, reason) for rate, cause, row_id, reason in v.outs),
    )  # fmt: skip


def _told(row: MonthFigures, verdicts: tuple[Verdict, ...]) -> Published:
    told = row.content
    first = span(row.month)[0].date()
    weights = WeightRow(
        told["weights"]["id"], first, None, told["weights"]["source"], Status.ASSUMED, Where("rates.yaml", 1),
        told["weights"]["title"],
        {Rate(rate): weight for rate, weight in told["weights"]["values"].items()},
    )  # fmt: skip
    at_once, withdrawn, patrol = (
        {(by, key): count for by, key, count in told.get(name, ())}
        for name in ("answered", "withdrawn", "patrol")
    )
    lines = tuple(
        Line(
            By(by),
            key,
            assessed,
            out,
            tuple((rate, Tally(*tallies[rate.value])) for rate in Rate),
            at_once.get((by, key), 0),
            withdrawn.get((by, key), 0),
            patrol.get((by, key), 0),
        )
        for by, key, assessed, out, tallies in told["lines"]
    )
    figures = Month(row.month, row.as_of, weights, tuple(told["rows"]), row.table_version, lines, verdicts)
    return Published(row.version, row.published_at.astimezone(UTC), row.reason, row.sha256, figures)
