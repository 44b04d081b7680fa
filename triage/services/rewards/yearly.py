"""年报: reports, verified, rewarded and sums of a year by kind and district; as sheets and as a document.

Counts and sums alone: no candidate number, no case, nobody.
"""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from connectors.office_xlsx import Cell, Column, Sheet
from models.appeals import Appeal
from models.filters import may_see
from models.rewards import Reward, RewardEvent, RewardShare
from models.tickets import Ticket
from models.vocab_rewards import RewardAct, RewardState, ShareState
from triage.clock import BEIJING, local
from triage.rules.publishing import Publish, number
from triage.services.rewards import book, reports

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.viewing import Viewer
    from triage.rules.rows import Tables

#: Archived ones follow a refusal and a recovery too: theirs are told apart by sum and event.
_NOT_VERIFIED: Final = frozenset({
    RewardState.CANDIDATE, RewardState.REFUSING, RewardState.REFUSED, RewardState.JOINED, RewardState.ARCHIVED
})  # fmt: skip
_VERIFIED: Final = tuple(state.value for state in RewardState if state not in _NOT_VERIFIED)
_REWARDED: Final = (
    RewardState.APPROVED.value, RewardState.NOTIFIED.value, RewardState.RECOVERING.value
)  # fmt: skip
_COLUMNS: Final = (
    Column("", width=26, left=True), Column("举报（件）"), Column("候选（件）"), Column("查实（件）"),
    Column("奖励（件）"), Column("奖励金额（元）", width=16, number_format="#,##0.00"), Column("追回（件）"),
    Column("追回金额（元）", width=16, number_format="#,##0.00"),
    Column("已支付（人次）", width=14), Column("已支付（元）", width=16, number_format="#,##0.00"),
)  # fmt: skip


@dataclass(slots=True)
class Tally:
    """One line; sums in fen."""

    reports: int = 0
    candidates: int = 0
    verified: int = 0
    rewarded: int = 0
    granted: int = 0
    recovered: int = 0
    returned: int = 0
    payments: int = 0
    paid: int = 0

    def small(self, least: int) -> bool:
        """Whether so few rewards or payments stand behind its sums that they tell of somebody."""
        return 0 < self.rewarded < least or 0 < self.payments < least

    def add(self, other: Tally) -> None:
        """Count another line in."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def cells(self) -> tuple[Cell, ...]:
        """As a sheet shows it: sums in yuan."""
        return (
            self.reports, self.candidates, self.verified, self.rewarded, self.granted / 100, self.recovered,
            self.returned / 100, self.payments, self.paid / 100,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Year:
    """The year by kind and by district (codes), and in all."""

    year: int
    total: Tally = field(default_factory=Tally)
    kinds: dict[str, Tally] = field(default_factory=dict)
    districts: dict[str, Tally] = field(default_factory=dict)


async def figures(session: AsyncSession, tables: Tables, year: int, viewer: Viewer, *, now: datetime) -> Year:
    """What the year gave of what somebody may see, by the day of the report; payments by that of theirs.

    What was taken back for fraud, also in vain, is no reward any more but stays verified (the violation was),
    and paid.
    """
    start = datetime(year, 1, 1, tzinfo=BEIJING).astimezone(UTC)
    end = datetime(year + 1, 1, 1, tzinfo=BEIJING).astimezone(UTC)
    row = tables.rewards.candidate(local(now).date())
    found = Year(year)
    received = await session.execute(
        sa.select(Ticket.kind, Ticket.district_code, sa.func.count())
        .join(Appeal, Appeal.id == Ticket.appeal_id)
        .where(
            Appeal.received_at >= start, Appeal.received_at < end, reports.are_reports(row),
            may_see(viewer),
        )
        .group_by(Ticket.kind, Ticket.district_code)
    )  # fmt: skip
    for kind, district, count in received:
        for tally in _lines(found, kind, district):
            tally.reports += count
    within = (Reward.reported_at >= start, Reward.reported_at < end, book.seen_by(viewer))
    archived = sa.and_(Reward.state == RewardState.ARCHIVED.value, Reward.amount_fen.is_not(None))
    recovered = book.took(RewardAct.RECOVERED)
    verified = sa.or_(Reward.state.in_(_VERIFIED), archived)
    rewarded = sa.and_(sa.or_(Reward.state.in_(_REWARDED), archived), ~book.was_taken_back())
    counted = await session.execute(
        sa.select(
            Reward.kind, Reward.district_code, sa.func.count(),
            *(sa.func.sum(sa.case((which, 1), else_=0)) for which in (verified, rewarded, recovered)),
            sa.func.sum(sa.case((rewarded, Reward.amount_fen), else_=0)),
        )
        .where(*within, Reward.state != RewardState.JOINED.value)
        .group_by(Reward.kind, Reward.district_code)
    )  # fmt: skip
    for kind, district, *numbers in counted:
        told = [int(one or 0) for one in numbers]
        for tally in _lines(found, kind, district):
            tally.candidates += told[0]
            tally.verified += told[1]
            tally.rewarded += told[2]
            tally.recovered += told[3]
            tally.granted += told[4]
    payments = await session.execute(
        sa.select(Reward.kind, Reward.district_code, sa.func.count(), sa.func.sum(RewardShare.amount_fen))
        .join(RewardShare, RewardShare.reward_id == Reward.id)
        .where(*within, RewardShare.state == ShareState.PAID.value)
        .group_by(Reward.kind, Reward.district_code)
    )
    for kind, district, count, fen in payments:
        for tally in _lines(found, kind, district):
            tally.payments += count
            tally.paid += int(fen or 0)
    returned = await session.execute(
        sa.select(Reward.kind, Reward.district_code, sa.func.sum(RewardEvent.data["returned"].as_integer()))
        .join(RewardEvent, RewardEvent.reward_id == Reward.id)
        .where(*within, RewardEvent.act == RewardAct.RECOVERED.value)
        .group_by(Reward.kind, Reward.district_code)
    )
    for kind, district, fen in returned:
        for tally in _lines(found, kind, district):
            tally.returned += int(fen or 0)
    return found


def _lines(found: Year, kind: str | None, district: str | None) -> tuple[Tally, ...]:
    return (
        found.total,
        found.kinds.setdefault(kind or "", Tally()),
        found.districts.setdefault(district or "", Tally()),
    )


def named(tables: Tables, found: Year) -> tuple[tuple[str, list[tuple[str, Tally]]], ...]:
    """By kind and by district, with the names people know, in the order of the codes."""
    kinds = [
        (tables.kinds[code].name if code in tables.kinds else "没有确定种类", tally)
        for code, tally in sorted(found.kinds.items())
    ]
    districts = [
        (tables.units[code].name.removesuffix("人民政府") if code in tables.units else "没有确定区", tally)
        for code, tally in sorted(found.districts.items())
    ]
    return (("种类", kinds), ("区", districts))


def outside(tables: Tables, found: Year, *, at: datetime) -> tuple[tuple[str, list[tuple[str, Tally]]], ...]:
    """The same as it may leave the office: lines of fewer rewards than are told to everyone are one line.

    One reward of a kind would tell by its sum what somebody got. Folded, lines still add up to the total, so
    nothing that is hidden follows from the rest.
    """
    least = number(tables.publishing, Publish.OPEN_LEAST, local(at).date())
    return tuple((what, _folded(what, lines, least)) for what, lines in named(tables, found))


def _folded(what: str, lines: list[tuple[str, Tally]], least: int) -> list[tuple[str, Tally]]:
    told = [(name, tally) for name, tally in lines if not tally.small(least)]
    rest = Tally()
    for _, tally in lines:
        if tally.small(least):
            rest.add(tally)
    if rest == Tally():
        return lines
    # Still too few together: the next larger one goes with them.
    told.sort(key=lambda line: line[1].rewarded)
    while rest.small(least) and (larger := next((line for line in told if line[1].rewarded), None)):
        told.remove(larger)
        rest.add(larger[1])
    names = {name for name, _ in told}
    kept = [line for line in lines if line[0] in names]
    return [*kept, (f"其余{what}合计（奖励或支付不足 {least} 件的合并）", rest)]


def sheets(tables: Tables, found: Year, *, made_at: datetime) -> tuple[Sheet, ...]:
    """The workbook's sheets."""
    return tuple(
        Sheet(
            name=f"按{what}", title=f"{found.year}年生态环境违法行为举报奖励情况（按{what}）",
            period=f"{found.year}年1月1日至12月31日（按举报时间）", measure="单位：件、人次、元",
            columns=(Column(what, width=26, left=True), *_COLUMNS[1:]),
            rows=[(name, *tally.cells) for name, tally in lines], total=("合计", *found.total.cells),
            notes=("只有件数和金额，不含任何举报人、案件信息。",),
            made=f"制表时间：{local(made_at):%Y-%m-%d %H:%M}",
        )
        for what, lines in outside(tables, found, at=made_at)
    )  # fmt: skip


def document(tables: Tables, found: Year, *, made_at: datetime) -> bytes:
    """The same as a Word document."""
    from docx import Document  # noqa: PLC0415  (slow to load)

    paper: Any = Document()
    paper.add_heading(f"{found.year}年生态环境违法行为举报奖励情况", level=0)
    t = found.total
    paper.add_paragraph(
        f"{found.year}年共收到举报 {t.reports} 件，列为奖励候选 {t.candidates} 件，查实 {t.verified} 件，"
        f"批准奖励 {t.rewarded} 件、{t.granted / 100:,.2f} 元，"
        f"追回 {t.recovered} 件、{t.returned / 100:,.2f} 元，"
        f"已支付 {t.payments} 人次、{t.paid / 100:,.2f} 元。"
    )
    for what, lines in outside(tables, found, at=made_at):
        paper.add_heading(f"按{what}", level=1)
        _table(paper, [what, *(column.name for column in _COLUMNS[1:])], lines, found.total)
    paper.add_paragraph(
        f"只有件数和金额，不含任何举报人、案件信息。制表时间：{local(made_at):%Y-%m-%d %H:%M}"
    )
    stream = io.BytesIO()
    paper.save(stream)
    return stream.getvalue()


def _table(paper: Any, heads: Sequence[str], lines: list[tuple[str, Tally]], total: Tally) -> None:  # noqa: ANN401
    table = paper.add_table(rows=1, cols=len(heads))
    table.style = "Table Grid"
    for cell, head in zip(table.rows[0].cells, heads, strict=True):
        cell.text = head
    for name, tally in [*lines, ("合计", total)]:
        told = [f"{value:,.2f}" if isinstance(value, float) else str(value) for value in tally.cells]
        for cell, text in zip(table.add_row().cells, [name, *told], strict=True):
            cell.text = text


async def counts(session: AsyncSession, which: sa.ColumnElement[bool]) -> Counter[str]:
    """How many of these rewards stand where."""
    rows = await session.execute(sa.select(Reward.state, sa.func.count()).where(which).group_by(Reward.state))
    return Counter({row[0]: row[1] for row in rows})
