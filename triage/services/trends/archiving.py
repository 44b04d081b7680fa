"""冷存: the fine sums of years past as Parquet files, a month a file, written and read by DuckDB.

The files are a copy that any tool reads: what is kept in the database stays. Each file is read back before
it takes its name, so that a cut never leaves half a month under a whole month's name.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from models.rollups import MEASURES, RollupCursor, RollupDay
from models.vocab_trends import Axis
from triage.errors import BadInput, TriageError
from triage.services.trends.figures import Figures

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from triage.services.deps import Deps

_KEYS: Final = ("day", "district", "street", "kind", "channel")
_NAME: Final = "rollup-day-{month}.parquet"
_AXES: Final = {Axis.KIND, Axis.DISTRICT, Axis.STREET, Axis.CHANNEL}


class BadArchive(TriageError):
    """写出的冷存文件与汇总不符，没有采用，请检查磁盘后重试。"""

    code = "bad_archive"


class FewerThanKept(TriageError):
    """冷存文件里的诉求比汇总里的多，没有覆盖。"""

    code = "fewer_than_kept"

    def __init__(self, file: Path, kept: int, now: int) -> None:
        super().__init__(
            f"{file.name} 里有 {kept} 件诉求，汇总里现在只有 {now} 件，没有覆盖，后面的月份也没有写。"
            "这个月的汇总表可能已经删去；确实要换，请先把旧文件移走。"
        )


@dataclass(frozen=True, slots=True)
class Archived:
    """A month that was written."""

    month: date
    file: Path
    rows: int
    demands: int


async def archive(deps: Deps, folder: Path, *, before: date) -> list[Archived]:
    """Write every month that ends before the month of `before`, replacing older files.

    Raises BadArchive, and FewerThanKept where the older file has more than the sums: a month whose table was
    dropped holds later changes alone.
    """
    before = before.replace(day=1)
    columns = [getattr(RollupDay, name) for name in (*_KEYS, *MEASURES)]
    done: list[Archived] = []
    async with deps.db.reads() as session:
        first = await session.scalar(sa.select(sa.func.min(RollupDay.day)))
    month = first.replace(day=1) if first else before
    while month < before:
        following = (month + timedelta(days=32)).replace(day=1)
        async with deps.db.reads() as session:
            rows = (
                await session.execute(
                    sa.select(*columns)
                    .where(RollupDay.day >= month, RollupDay.day < following)
                    .order_by(*columns[: len(_KEYS)])
                )
            ).all()
        if rows:
            done.append(await asyncio.to_thread(_write, folder, month, [tuple(row) for row in rows]))
        month = following
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(RollupCursor).values(archived_before=before))
    return done


def _write(folder: Path, month: date, rows: Sequence[tuple[Any, ...]]) -> Archived:
    import duckdb  # noqa: PLC0415  (slow to load, as is the next)
    import pandas as pd  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    file = folder / _NAME.format(month=f"{month:%Y-%m}")
    fresh = file.with_suffix(".part")
    demands = sum(row[len(_KEYS)] for row in rows)
    frame = pd.DataFrame.from_records(rows, columns=[*_KEYS, *MEASURES])
    frame["day"] = pd.to_datetime(frame["day"])
    kept = _demands(file) if file.exists() else 0
    if kept > demands:
        raise FewerThanKept(file, kept, demands)
    with duckdb.connect() as base:
        base.register("sums", frame)
        whole = base.sql("SELECT * REPLACE (CAST(day AS DATE) AS day) FROM sums")
        whole.write_parquet(str(fresh), compression="zstd")
        read = base.execute("SELECT count(*), sum(demands) FROM read_parquet(?)", [str(fresh)]).fetchone()
    if read != (len(rows), demands):
        fresh.unlink()
        raise BadArchive
    fresh.replace(file)
    return Archived(month, file, len(rows), demands)


def _demands(file: Path) -> int:
    import duckdb  # noqa: PLC0415

    with duckdb.connect() as base:
        row = base.execute("SELECT coalesce(sum(demands), 0) FROM read_parquet(?)", [str(file)]).fetchone()
    return int(row[0]) if row else 0


def told_by(folder: Path, first: date, last: date, axis: Axis) -> dict[str, Figures]:
    """Figures of years past from the files alone, largest first. Raises BadInput without files."""
    import duckdb  # noqa: PLC0415

    if axis not in _AXES:
        raise BadInput("冷存只能按类别、区、街道乡镇、渠道看")
    if not list(folder.glob(_NAME.format(month="*"))):
        raise BadInput(f"{folder} 里没有冷存文件")
    files = str(folder / _NAME.format(month="*"))
    source = "read_parquet(?, union_by_name = true)"
    with duckdb.connect() as base:
        known = {row[0] for row in base.execute(f"DESCRIBE SELECT * FROM {source}", [files]).fetchall()}  # noqa: S608
        # Files written before a measure was counted have none of it.
        sums = ", ".join(
            f"coalesce(sum({name}), 0)::BIGINT" if name in known else "0::BIGINT" for name in MEASURES
        )
        # The names are ours; what comes from outside goes in as values.
        query = (
            f"SELECT {axis.value}, {sums} FROM {source} WHERE day BETWEEN ? AND ? "  # noqa: S608
            f"GROUP BY {axis.value} ORDER BY sum(demands) DESC, {axis.value}"
        )
        rows = base.execute(query, [files, first, last]).fetchall()
    return {row[0]: Figures(*row[1:]) for row in rows}
