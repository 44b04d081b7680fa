"""A month is published once, corrected only by a new version, and told down to its tickets."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from connectors.office_xlsx import workbook
from connectors.vault import Vault
from models.filters import all_seeing
from models.tickets import Ticket, TicketEvent
from tests import factories
from tests.triage.rules.helpers import moment, tables
from triage.clock import FixedClock
from triage.errors import BadInput, NotFound
from triage.rules.rate_rows import Rate
from triage.rules.rates import By, drill
from triage.services import months
from triage.services.correcting import correct
from triage.services.deps import Deps
from triage.services.histories import act_of, event_of
from triage.services.month_sheets import sheets
from triage.settings import Settings

if TYPE_CHECKING:
    from models.db import Database

_LIVED: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("ticket:contact", "2026-10-02 09:00", {"values": {"outcome": "reached"}}),
    ("ticket:feedback", "2026-10-05 09:00", {}),
    (
        "ticket:follow_up",
        "2026-10-12 09:00",
        {"values": {"outcome": "reached", "contacted": "yes", "solved": "yes", "satisfaction": "mostly"}},
    ),
)


@pytest.fixture
def deps(db: Database) -> Deps:
    clock = FixedClock(moment("2026-11-03 09:00"))
    return Deps(Settings(), clock, tables(), db, Vault({1: bytes(32)}))


async def _live(db: Database, no: str, events: tuple[tuple[str, str, dict[str, Any]], ...]) -> None:
    async with db.writes.begin() as session:
        ticket_id = await session.scalar(sa.select(Ticket.id).where(Ticket.no == no))
        seq = await session.scalar(
            sa.select(sa.func.max(TicketEvent.seq)).where(TicketEvent.ticket_id == ticket_id)
        )
        for number, (tag, at, data) in enumerate(events, start=int(seq or 0) + 1):
            await session.execute(
                sa.insert(TicketEvent),
                {"ticket_id": ticket_id, "seq": number, "at": moment(at), "tag": tag, "data": data},
            )


async def _tickets(db: Database, count: int) -> list[str]:
    age = factories.NOW - moment("2026-10-02 08:00")
    return await factories.add_tickets(db, *(factories.TicketIn(age=age) for _ in range(count)))


async def test_a_month_is_published_once(deps: Deps) -> None:
    for no in await _tickets(deps.db, 2):
        await _live(deps.db, no, _LIVED)
    first = await months.close(deps, "2026-10")
    again = await months.close(replace(deps, clock=FixedClock(moment("2026-11-09 09:00"))), "2026-10")
    assert (first.new, again.new) == (True, False)
    assert first.published.version == again.published.version == 1
    assert first.published.sha256 == again.published.sha256
    line = again.published.figures.line(By.UNIT, "110105026")
    assert line is not None
    assert (line.assessed, line.of(Rate.SATISFACTION).points) == (2, 160)


async def test_what_is_read_back_is_what_was_published(deps: Deps) -> None:
    numbers = await _tickets(deps.db, 2)
    for no in numbers:
        await _live(deps.db, no, _LIVED)
    closed = (await months.close(deps, "2026-10")).published
    async with deps.db.reads() as session:
        read = await months.published(session, "2026-10")
    assert read.figures.lines == closed.figures.lines
    assert read.figures.verdicts == closed.figures.verdicts
    assert read.sha256 == closed.sha256
    assert drill(read.figures.verdicts, By.KIND, "NOI-01", Rate.SATISFACTION).part == tuple(numbers)


async def test_what_a_page_needs_is_read_alone_and_in_pieces(
    deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A workbook shows figures and what was left out: the rest unread, it is the same."""
    for no in await _tickets(deps.db, 3):
        await _live(deps.db, no, _LIVED)
    (gone,) = (await _tickets(deps.db, 1))[-1:]
    await _live(
        deps.db, gone, (("ticket:exclude_grant", "2026-10-04 09:00", {"values": {"reason": "不属实"}}),)
    )
    await months.close(deps, "2026-10")
    monkeypatch.setattr(months, "_BATCH", 2)
    async with deps.db.reads() as session:
        whole = await months.published(session, "2026-10")
        part = await months.with_outs(session, "2026-10")
        drilled = await months.verdicts_of(session, "2026-10", 1, By.UNIT, "110105026")
        none = await months.verdicts_of(session, "2026-10", 2, By.UNIT, "110105026")
        headline = await months.headline(session, "2026-10")
    assert len(whole.figures.verdicts) == 4
    assert drilled == whole.figures.verdicts
    assert none == ()
    assert [verdict.no for verdict in part.figures.verdicts] == [gone]
    assert replace(part.figures, verdicts=()) == headline.figures
    now = deps.clock.now()
    assert sheets(deps.tables, part, None, made_at=now) == sheets(deps.tables, whole, None, made_at=now)


async def test_a_correction_is_a_new_version_with_its_reason(deps: Deps) -> None:
    one, other = await _tickets(deps.db, 2)
    await _live(deps.db, one, _LIVED)
    await _live(deps.db, other, _LIVED)
    await months.close(deps, "2026-10")
    await _live(
        deps.db, other, (("ticket:exclude_grant", "2026-11-04 09:00", {"values": {"reason": "经核不属实"}}),)
    )
    later = replace(deps, clock=FixedClock(moment("2026-11-05 09:00")))
    with pytest.raises(BadInput, match="已发布第 1 版，数字有变化：更正须写明理由"):
        await months.close(later, "2026-10")
    corrected = (await months.close(later, "2026-10", reason="剔除审核通过 1 件")).published
    assert (corrected.version, corrected.reason) == (2, "剔除审核通过 1 件")
    async with deps.db.reads() as session:
        old = await months.published(session, "2026-10", 1)
        told = await months.versions(session, "2026-10")
        new = await months.published(session, "2026-10")
    assert [(version, why) for version, _, why, _ in told] == [(1, None), (2, "剔除审核通过 1 件")]
    assert [len([v for v in p.figures.verdicts if v.points]) for p in (old, new)] == [2, 1]
    assert drill(new.figures.verdicts, By.ALL, "", Rate.RESPONSE).out == ((other, "经核不属实"),)


async def test_what_is_excluded_before_its_first_result_is_left_out_of_one_month_alone(deps: Deps) -> None:
    (no,) = await _tickets(deps.db, 1)
    granted = ("ticket:exclude_grant", "2026-10-04 09:00", {"values": {"reason": "不属实"}})
    await _live(deps.db, no, (granted,))
    october = (await months.close(deps, "2026-10")).published
    called = {"outcome": "reached", "contacted": "yes", "solved": "no", "satisfaction": "dissatisfied"}
    await _live(deps.db, no, (("ticket:follow_up", "2026-11-12 09:00", {"values": called}),))
    december = replace(deps, clock=FixedClock(moment("2026-12-03 09:00")))
    november = (await months.close(december, "2026-11")).published
    assert [v.no for v in october.figures.verdicts] == [no]
    assert november.figures.verdicts == ()
    # Nor is the first taken back.
    again = await months.close(december, "2026-10")
    assert (again.new, again.published.sha256) == (False, october.sha256)


async def test_only_months_that_have_ended(deps: Deps) -> None:
    with pytest.raises(BadInput, match="2026-11 还没有结束"):
        await months.close(deps, "2026-11")
    with pytest.raises(BadInput, match="月份应形如 2026-10：十月"):
        await months.close(deps, "十月")
    async with deps.db.reads() as session:
        with pytest.raises(NotFound, match="2026-10 没有发布过第 3 版"):
            await months.published(session, "2026-10", 3)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE month_figures SET version = 9",
        "DELETE FROM month_figures",
        "UPDATE month_verdict SET no = 'x'",
        "DELETE FROM month_verdict",
    ],
)
async def test_a_published_month_cannot_be_changed(deps: Deps, statement: str) -> None:
    (no,) = await _tickets(deps.db, 1)
    await _live(deps.db, no, _LIVED)
    await months.close(deps, "2026-10")
    with pytest.raises(DBAPIError, match="append-only"):
        async with deps.db.writes.begin() as session:
            await session.execute(sa.text(statement))


async def test_the_month_before_is_found_over_the_turn_of_the_year(deps: Deps) -> None:
    january = replace(deps, clock=FixedClock(moment("2027-01-02 09:00")))
    await months.close(january, "2026-12")
    async with deps.db.reads() as session:
        found = await months.headline_before(session, "2027-01")
        none = await months.headline_before(session, "2026-12")
    assert found is not None
    assert found.figures.month == "2026-12"
    assert none is None


async def test_the_workbook_is_laid_out_as_offices_expect(deps: Deps) -> None:
    one, other = await _tickets(deps.db, 2)
    await _live(deps.db, one, _LIVED)
    await _live(deps.db, other, (("ticket:merge", "2026-10-03 09:00", {"values": {"reason": "=1+1"}}),))
    published = (await months.close(deps, "2026-10")).published
    made = sheets(deps.tables, published, None, made_at=moment("2026-11-03 10:00"))
    book = openpyxl.load_workbook(io.BytesIO(workbook(made)))
    assert book.sheetnames == ["各区三率", "街道乡镇排名", "承办单位", "诉求类别", "不计入明细"]
    page = book["各区三率"]
    assert page["A1"].value == "2026年10月环境诉求接诉即办三率情况表"
    assert page["A2"].value == "统计期间：2026年10月01日0时至2026年11月01日0时（不含）"
    assert {"A1:R1", "A3:A4", "D3:G3", "H3:K3", "L3:O3", "Q3:R3"} <= {
        str(area) for area in page.merged_cells.ranges
    }
    assert [page.cell(3, column).value for column in (4, 8, 12, 17)] == ["响应率", "解决率", "满意率", "环比"]
    district = [page.cell(5, column).value for column in range(1, 17)]
    assert district == [1, "朝阳区", 1, 1, 1, 1, 100, 1, 1, 1, 100, 1, 0.8, 1, 80, 92]
    assert page["B6"].value == "合计"
    last = [row[0].value for row in page.iter_rows() if row[0].value][-1]
    assert str(last).startswith("制表日期：2026年11月03日    第 1 版    校验码：")
    ranking = book["街道乡镇排名"]
    assert ranking["A1"].value == "2026年10月环境诉求接诉即办343个街道乡镇排名表"
    assert [ranking.cell(5, column).value for column in (1, 2, 3, 8)] == [1, "朝阳区", "望京街道办事处", 92]
    outs = book["不计入明细"]
    assert [cell.value for cell in outs[4]][1:5] == [
        other,
        "望京街道办事处",
        "响应率、解决率、满意率",
        "=1+1",
    ]
    assert outs["E4"].data_type == "s"


def test_stored_events_become_acts_with_plain_facts() -> None:
    at = moment("2026-10-02 08:00") + timedelta(hours=1)
    called = event_of("ticket:follow_up", at, {"values": {"outcome": "unreachable"}}, 2)
    assert called is not None
    assert called.data["unreachable"] is True
    answered = event_of("ticket:follow_up", at, {"contacted": False, "solved": True, "satisfaction": 2}, 2)
    assert answered is not None
    assert (answered.data["contacted"], answered.data["solved"], answered.data["satisfaction"]) == (
        False,
        True,
        2,
    )
    tried = event_of("ticket:contact", at, {"values": {"outcome": "unreachable"}}, 2)
    assert tried is not None
    assert tried.act == "contact_tried"
    assert event_of("appeal:read", at, {}, 2) is None
    tags = ("appeal:received", "ticket:dispatched", "ticket:diverted")
    assert [act_of(tag) for tag in tags] == ["receive", "dispatch", "divert"]


async def test_a_place_put_right_after_the_dispatch_leaves_the_month_with_the_district_it_was_sent_in(
    deps: Deps,
) -> None:
    await factories.add_reference(deps.db)
    before, after = await _tickets(deps.db, 2)
    viewer = all_seeing("test")
    said = ((before, "2026-10-02 08:30"), (after, "2026-10-06 09:00"))
    for no, at in said:
        async with deps.db.writes.begin() as session:
            await correct(session, deps.tables, viewer, no, {"place": "110108010"}, at=moment(at))
        sent = ("ticket:reassign", "2026-10-02 08:45", {"unit": "110105026"})
        await _live(deps.db, no, (sent, *_LIVED))
    made = await months.close(deps, "2026-10")
    figures = made.published.figures
    lines = {line.key: line.assessed for line in figures.lines if line.by in {By.DISTRICT, By.STREET}}
    assert lines == {"110105": 1, "110105026": 1, "110108": 1, "110108010": 1}
    unit = figures.line(By.UNIT, "110105026")
    assert unit is not None
    assert unit.assessed == 2


async def test_what_was_answered_at_once_is_left_out_and_counted_by_itself(deps: Deps) -> None:
    """On days before the row for it, it goes by that of 分流, and is counted all the same."""
    lived, asked = await _tickets(deps.db, 2)
    await _live(deps.db, lived, _LIVED)
    before = (await months.close(deps, "2026-10")).published
    assert [line.answered for line in before.figures.lines] == [0] * len(before.figures.lines)
    answer = {"values": {"note": "夜间施工证明由街道受理"}}
    await _live(deps.db, asked, (("ticket:answer_now", "2026-10-03 09:00", answer),))
    await months.close(deps, "2026-10", reason="补录")
    async with deps.db.reads() as session:
        found = await months.headline(session, "2026-10")
        whole = await months.with_outs(session, "2026-10")
    total = found.figures.line(By.ALL, "")
    assert total is not None
    assert (total.assessed, total.out, total.answered) == (1, 1, 1)
    assert total.of(Rate.RESPONSE).tickets == 1
    (out, *_) = next(v for v in whole.figures.verdicts if v.no == asked).outs
    assert (out.cause.value, out.row_id) == ("answered", "out.diverted")
    notes = " ".join(sheets(deps.tables, whole, None, made_at=moment("2026-11-03 10:00"))[0].notes)
    assert "其中当场答复1件，不派单，单独计数。" in notes


async def test_what_was_withdrawn_is_left_out_and_counted_by_itself(deps: Deps) -> None:
    lived, gone = await _tickets(deps.db, 2)
    await _live(deps.db, lived, _LIVED)
    said = {"to": "closed", "values": {"note": "诉求人说不用办了"}}
    await _live(deps.db, gone, (("ticket:withdraw", "2026-10-03 09:00", said),))
    await months.close(deps, "2026-10")
    async with deps.db.reads() as session:
        found = await months.headline(session, "2026-10")
        whole = await months.with_outs(session, "2026-10")
    total = found.figures.line(By.ALL, "")
    assert total is not None
    assert (total.assessed, total.out, total.withdrawn, total.answered) == (1, 1, 1, 0)
    assert total.of(Rate.RESOLUTION).out == 1
    (out, *_) = next(v for v in whole.figures.verdicts if v.no == gone).outs
    assert (out.cause.value, out.row_id) == ("withdrawn", "out.excluded"), "on days before its own row"
    notes = " ".join(sheets(deps.tables, whole, None, made_at=moment("2026-11-03 10:00"))[0].notes)
    assert "其中诉求人撤诉1件，不算解决。" in notes
