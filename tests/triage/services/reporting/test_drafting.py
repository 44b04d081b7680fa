"""Drafting: what was missed is made up for, two at once get one report, no word of an edit goes silently."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.reports import Report
from models.vocab_reports import ReportKind
from tests.factories import NOW
from tests.triage.services.reporting.test_reports import deps_of, october, ready
from triage.errors import BadInput
from triage.services.reporting import drafting, wording
from triage.services.reporting.known import Known
from triage.services.reporting.periods import period_of

if TYPE_CHECKING:
    from models.db import Database


async def test_a_day_that_somebody_drafted_does_not_stand_for_those_before_it(sqlite_db: Database) -> None:
    deps = await ready(sqlite_db)
    for day in ("2026-11-17", "2026-11-19", "2026-11-21"):
        async with sqlite_db.writes.begin() as session:
            await drafting.draft(session, deps.tables, period_of(ReportKind.DAILY, day), now=NOW)
    for _ in range(2):
        await drafting.Drafter(deps).poke()
    async with sqlite_db.reads() as session:
        days = sa.select(Report.period).where(Report.kind == ReportKind.DAILY.value).order_by(Report.id)
        found = list(await session.scalars(days))
    # The 16th is before all that anybody asked for.
    assert found[3:] == ["2026-11-18", "2026-11-20", "2026-11-22"]


async def test_two_who_draft_at_once_make_one_report(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    deps = await ready(db)
    await october(deps)
    # The second looked before the first was there.
    monkeypatch.setattr(drafting, "_newest", lambda _: sa.select(Report).where(sa.false()))
    with pytest.raises(drafting.ReportMoved, match="刚由别人起草"):
        await october(deps)
    # Nor does the clock stumble over it: the other reports are drafted.
    async with db.writes.begin() as session:
        await drafting.draft(session, deps.tables, period_of(ReportKind.WEEKLY, "2026-W47"), now=NOW)
    await drafting.Drafter(deps).poke()
    async with db.reads() as session:
        rows = await session.execute(sa.select(Report.kind, Report.edition).order_by(Report.kind))
    assert [tuple(row) for row in rows] == [("daily", 1), ("monthly", 1), ("weekly", 1)]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (ReportKind.DAILY, "0001-01-01"), (ReportKind.DAILY, "9999-12-31"), (ReportKind.MONTHLY, "0001-01"),
        (ReportKind.MONTHLY, "9999-12"), (ReportKind.MONTHLY, "1026-10"),
    ],
)  # fmt: skip
async def test_no_report_is_of_the_edges_of_the_calendar(
    sqlite_db: Database, kind: ReportKind, name: str
) -> None:
    deps = deps_of(sqlite_db)
    async with sqlite_db.writes.begin() as session:
        with pytest.raises(BadInput, match="期间应"):
            await drafting.draft(session, deps.tables, period_of(kind, name), now=NOW)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"# {'长' * 41}\n共3件。", "小标题最多 40 个字"),
        ("# 总体情况\n共3件。\n# 待补充", "“待补充”下面没有句子"),
        ("# 总体情况\n共3件。\n##\n另有3件。", "只有 #"),
    ],
)
def test_what_cannot_stand_is_refused_and_not_left_out(text: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        drafting.parsed(text)


async def test_a_heading_names_no_number_that_no_figure_shows(sqlite_db: Database) -> None:
    sections = [{"heading": "本期上升88%", "sentences": ["共3件。"]}]
    assert wording.strange_numbers(sections, Known(frozenset({"3"}))) == ["88%"]
    deps = await ready(sqlite_db)
    report = await october(deps)
    async with sqlite_db.writes.begin() as session:
        await drafting.edit(
            session, report.id, "# 本期上升88%\n本期共收到诉求3件。", version=1, by="a", now=NOW
        )
    async with sqlite_db.writes.begin() as session:
        with pytest.raises(BadInput, match="88%"):
            await drafting.sign(session, deps.tables, report.id, version=2, by="b", now=NOW)
