"""检查督察清单: what was known before anyone reported it, from an office's table, each line once.

A line of a list is known by its place in the file and by what it says: the same file again adds nothing, and
neither does one whose lines moved. Another text under a known line is a bad row: a list is evidence, and is
taken away whole or stands. Who reported nothing stands here: the parties of a list are those inspected.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from connectors.file_tables import PlainColumns, TableRow
from connectors.file_times import parse_time
from connectors.records import BadRow
from models.rewards import Reward, RewardInspection, RewardSeen
from models.vocab import Level
from models.vocab_ledger import LedgerAct, SubjectKind
from models.vocab_rewards import RewardState
from triage.clock import local
from triage.errors import BadInput, NotFound
from triage.services import ledger

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.rules.rows import Tables

PARTY, DISTRICT, STREET, KIND, DAY, SOURCE = "单位名称", "行政区", "街道", "种类", "列入日期", "依据"
COLUMNS: Final = PlainColumns(
    {
        PARTY: (PARTY, "被检查单位", "企业名称", "排污单位", "当事人"),
        DISTRICT: (DISTRICT, "区", "所在区", "区县"),
        STREET: (STREET, "街乡镇", "街道乡镇", "所在街道", "乡镇"),
        KIND: (KIND, "问题种类", "问题类别", "类别"),
        DAY: (DAY, "检查日期", "发现日期", "交办日期", "日期"),
        SOURCE: (SOURCE, "来源", "文号", "出处"),
    },
    (PARTY, DISTRICT, DAY),
)
LONGEST_LIST: Final = 120
_LONGEST: Final = 200
_TIMES: Final = ("ymd", "chinese", "excel_serial")
_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Listed:
    """A checked line."""

    line: int
    party: str
    district: str
    street: str | None
    kind: str | None
    day: date
    source: str

    @property
    def said(self) -> tuple[str, str, str | None, str | None, date]:
        """What the line says, wherever it stands."""
        return self.party, self.district, self.street, self.kind, self.day


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of a file."""

    rows: int
    stored: int
    repeated: int
    bad: tuple[BadRow, ...]


@dataclass(frozen=True, slots=True)
class ListView:
    """A list that is there."""

    name: str
    lines: int
    first: date
    last: date
    sources: tuple[str, ...]
    added_by: str
    added_at: datetime | None


class _Places:
    """Districts, streets and kinds by what a table calls them."""

    def __init__(self, tables: Tables) -> None:
        self.districts: dict[str, str] = {}
        self.streets: dict[tuple[str, str], str] = {}  # by district and name
        for unit in tables.units.values():
            if unit.level is Level.DISTRICT and unit.district_code:
                plain = unit.name.removesuffix("人民政府")
                self.districts |= dict.fromkeys(
                    (plain, unit.district_code, f"北京市{plain}"), unit.district_code
                )
            if unit.level is Level.STREET and unit.district_code and unit.street_code:
                names = {unit.street_code, unit.name, unit.name.removesuffix("办事处")}
                names |= {unit.name.removesuffix("人民政府")}
                self.streets |= {(unit.district_code, name): unit.street_code for name in names}
        self.kinds = {row.id: row.id for row in tables.kinds.values()}
        self.kinds |= {row.name: row.id for row in tables.kinds.values()}


def checked(
    tables: Tables, file: str, rows: Iterable[TableRow | BadRow], *, source: str, today: date
) -> tuple[list[Listed], list[BadRow]]:
    """The lines that are good, and the others with what is wrong. `source` stands in where a row has none."""
    places = _Places(tables)
    good: list[Listed] = []
    bad: list[BadRow] = []
    for row in rows:
        if isinstance(row, BadRow):
            bad.append(row)
            continue
        try:
            good.append(_line(places, row, source=source, today=today))
        except _WrongError as wrong:
            bad.append(BadRow(file, row.line, wrong.column, wrong.reason))
    return good, bad


class _WrongError(Exception):
    """What is wrong with a line, out of its checks."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column, self.reason = column, reason


def _line(places: _Places, row: TableRow, *, source: str, today: date) -> Listed:
    told = row.values
    for name in COLUMNS.required:
        if name not in told:
            raise _WrongError(name, "没有填写")
    district = _known(places.districts, told[DISTRICT], DISTRICT, "没有这个区")
    street = kind = None
    if STREET in told:
        of_district = {name: code for (where, name), code in places.streets.items() if where == district}
        street = _known(of_district, told[STREET], STREET, "这个区没有这个街道或乡镇")
    if KIND in told:
        kind = _known(places.kinds, told[KIND], KIND, "没有这个污染种类")
    from_where = told.get(SOURCE, source)
    if not from_where:
        raise _WrongError(SOURCE, "没有依据：请填这一列，或用 --source 写明文号或出处")
    for name, value in ((PARTY, told[PARTY]), (SOURCE, from_where)):
        if len(value) > _LONGEST:
            raise _WrongError(name, f"最多 {_LONGEST} 个字")
    return Listed(row.line, told[PARTY], district, street, kind, _day(told[DAY], today), from_where)


def _known(codes: Mapping[str, str], told: str, column: str, reason: str) -> str:
    if told not in codes:
        raise _WrongError(column, reason)
    return codes[told]


def _day(told: str, today: date) -> date:
    moment = parse_time(told, _TIMES)
    if moment is None:
        raise _WrongError(DAY, "不是可以识别的日期")
    day = local(moment).date()
    if day > today:
        raise _WrongError(DAY, f"{day.isoformat()} 还没有到")
    return day


async def store(
    session: AsyncSession, name: str, file: str, lines: Sequence[Listed], *, by: str, now: datetime
) -> Imported:
    """Add the lines that are new to a list, in the caller's transaction. `bad`: known lines that say else."""
    if not name or len(name) > LONGEST_LIST:
        raise BadInput(f"清单名称应有 1 到 {LONGEST_LIST} 个字")
    known = {
        row.line: row
        for row in await session.scalars(sa.select(RewardInspection).where(RewardInspection.list == name))
    }
    said = {_said(row) for row in known.values()}
    bad: list[BadRow] = []
    new: list[Listed] = []
    for one in lines:
        if one.said in said:
            continue
        if one.line in known:
            reason = f"清单“{name}”里已有这一行，内容不同；请另起清单名称，或先删除原来的清单"
            bad.append(BadRow(file, one.line, None, reason))
            continue
        said.add(one.said)
        new.append(one)
    for start in range(0, len(new), _BATCH):
        session.add_all(
            RewardInspection(
                list=name, line=one.line, listed_on=one.day, party=one.party, kind=one.kind,
                district_code=one.district, street_code=one.street, source=one.source, added_by=by,
                added_at=now,
            )
            for one in new[start : start + _BATCH]
        )  # fmt: skip
        await session.flush()
    if new:
        await _look_again(session)
        ledger.write(
            session, who=by, act=LedgerAct.INSPECTIONS_CHANGED, now=now,
            subject=ledger.Subject(SubjectKind.INSPECTIONS, name),
            detail={"act": "import", "lines": len(new)},
        )  # fmt: skip
    return Imported(len(lines), len(new), len(lines) - len(new) - len(bad), tuple(bad))


def _said(row: RewardInspection) -> tuple[str, str, str | None, str | None, date]:
    return row.party, row.district_code, row.street_code, row.kind, row.listed_on


async def remove(session: AsyncSession, name: str, *, by: str, now: datetime) -> int:
    """Take a whole list away. Gives how many lines it had. Raises NotFound."""
    gone = list(
        await session.scalars(
            sa.delete(RewardInspection).where(RewardInspection.list == name).returning(RewardInspection.id)
        )
    )
    if not gone:
        raise NotFound(f"没有清单“{name}”。")
    await _look_again(session)
    ledger.write(
        session, who=by, act=LedgerAct.INSPECTIONS_CHANGED, now=now,
        subject=ledger.Subject(SubjectKind.INSPECTIONS, name), detail={"act": "remove", "lines": len(gone)},
    )  # fmt: skip
    return len(gone)


async def _look_again(session: AsyncSession) -> None:
    """Candidates that nothing is decided of are worked out again at the next look at all cases."""
    waiting = sa.select(Reward.root_ticket_id).where(Reward.state == RewardState.CANDIDATE.value)
    await session.execute(sa.delete(RewardSeen).where(RewardSeen.ticket_id.in_(waiting)))


async def lists(session: AsyncSession) -> list[ListView]:
    """Every list, the newest import first."""
    row = RewardInspection
    found = await session.execute(
        sa.select(
            row.list, sa.func.count(), sa.func.min(row.listed_on), sa.func.max(row.listed_on),
            sa.func.max(row.added_by), sa.func.max(row.added_at),
        )
        .group_by(row.list)
    )  # fmt: skip
    sources: dict[str, list[str]] = {}
    told = sa.select(row.list, row.source).where(row.source.is_not(None)).distinct()
    for name, source in await session.execute(told.order_by(row.list, row.source)):
        sources.setdefault(name, []).append(source or "")
    views = [
        ListView(name, count, first, last, tuple(sources.get(name, ())), by or "", at)
        for name, count, first, last, by, at in found
    ]
    return sorted(views, key=lambda one: (one.added_at is not None, one.added_at, one.name), reverse=True)
