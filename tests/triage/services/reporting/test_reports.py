"""Reports: every sentence has its number, every number its figure; edited, signed, frozen; on paper."""

from __future__ import annotations

import io
import re
import sys
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from openpyxl import load_workbook

import triage.tables
from connectors.office_docx import COLUMNS
from connectors.vault import Vault
from models.notices import Notice
from models.reports import Report, ReportDraft
from models.signals import Signal, SignalDay
from models.topics import Topic, TopicRun, TopicState
from models.vocab import State
from models.vocab_reports import ReportKind, ReportState
from models.vocab_topics import TopicLevel
from models.vocab_trends import SignalState
from tests.factories import NOW, TicketIn, add_tickets
from triage.clock import FixedClock
from triage.errors import BadInput, NotReady
from triage.rules import publishing
from triage.services.deps import Deps
from triage.services.reporting import drafting, rendering, wording
from triage.services.reporting.known import Known, known
from triage.services.reporting.periods import holding, period_of
from triage.services.trends import refreshing
from triage.settings import Settings

if TYPE_CHECKING:
    from models.db import Database

#: Monday 2026-11-23, so the day before and October are whole.
OCTOBER = period_of(ReportKind.MONTHLY, "2026-10")
ITEMS = [
    TicketIn(age=timedelta(days=30)),
    TicketIn(age=timedelta(days=31), kind="AIR-01"),
    TicketIn(
        age=timedelta(days=32), state=State.CLOSED, district="110108", street="110108010", unit="110108010"
    ),
    TicketIn(age=timedelta(days=60)),
]


def deps_of(db: Database) -> Deps:
    return Deps(Settings(), FixedClock(NOW), triage.tables.load(), db, Vault({1: bytes(32)}))


async def ready(db: Database) -> Deps:
    deps = deps_of(db)
    await add_tickets(db, *ITEMS)
    while await refreshing.catch_up(deps):
        pass
    return deps


async def october(deps: Deps) -> Report:
    async with deps.db.writes.begin() as session:
        return await drafting.draft(session, deps.tables, OCTOBER, now=NOW)


async def test_each_sentence_has_its_number_and_each_number_its_figure(db: Database) -> None:
    deps = await ready(db)
    report = await october(deps)
    facts = report.facts["facts"]
    assert facts["demands"] == "3"
    assert facts["before"] == "1"
    assert [section["heading"] for section in report.sections][:3] == ["总体情况", "分类情况", "区域情况"]
    assert wording.numberless(report.sections) == []
    assert drafting.strange_of(deps.tables, report, now=NOW) == []
    assert report.sections[0]["sentences"][0].startswith("本期共收到诉求3件")


@pytest.mark.parametrize(
    "template", [template for _, templates in wording.SECTIONS for template in templates]
)
def test_no_template_has_a_number_of_its_own_and_each_asks_for_one(template: str) -> None:
    bare = re.sub(r"\{[^}]+\}", "", template)
    assert not re.search(r"[0-9]", bare)
    keys = wording.keys_of(template)
    assert [key for key in keys if re.search(r"_n$|_share$|_more$|_open$|_days$", key)] or {
        "demands", "before", "open", "unsolved", "asked", "reached", "assessed"
    } & set(keys)  # fmt: skip


def test_a_sentence_without_its_figure_is_left_out() -> None:
    sections = wording.drafted({"demands": "3", "cases": "3", "merged": "0"})
    assert [len(section["sentences"]) for section in sections] == [1]


async def test_edited_signed_and_frozen(sqlite_db: Database) -> None:
    deps = await ready(sqlite_db)
    report = await october(deps)
    text = drafting.as_text(report.sections)
    assert drafting.parsed(text) == report.sections
    async with sqlite_db.writes.begin() as session:
        await drafting.edit(session, report.id, f"{text}\n另有88件待核。", version=1, by="a", now=NOW)
    async with sqlite_db.writes.begin() as session:
        with pytest.raises(BadInput, match="88"):
            await drafting.sign(session, deps.tables, report.id, version=2, by="b", now=NOW)
    async with sqlite_db.writes.begin() as session:
        with pytest.raises(drafting.ReportMoved):
            await drafting.edit(session, report.id, text, version=1, by="a", now=NOW)
        await drafting.edit(session, report.id, text, version=2, by="a", now=NOW)
    async with sqlite_db.writes.begin() as session:
        signed = await drafting.sign(session, deps.tables, report.id, version=3, by="b", now=NOW)
        assert signed.sha256 == drafting.checksum(signed)
    async with sqlite_db.writes.begin() as session:
        with pytest.raises(drafting.ReportMoved):
            await drafting.edit(session, report.id, text, version=3, by="a", now=NOW)
    async with sqlite_db.reads() as session:
        kept = await drafting.signed(session, OCTOBER)
        assert kept is not None
        assert (kept.edition, kept.sha256) == (1, signed.sha256)
    again = await october(deps)
    async with sqlite_db.reads() as session:
        assert await drafting.signed(session, OCTOBER) is None
    assert (again.edition, again.state) == (2, ReportState.DRAFT.value)
    async with sqlite_db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(ReportDraft)) == 4
        told = list(await session.execute(sa.select(Notice.recipient, Notice.facts)))
    signed_to = [to for to, facts in told if facts["told"] == "2026年10月生态环境诉求月度分析报告已签发"]
    assert sorted(signed_to) == ["district", "hotline", "supervisor"]
    assert {to for to, facts in told if facts["told"].endswith("待审签")} == {"hotline"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("没有小标题", "小标题"), ("# 只有标题", "没有句子"), ("\n \n", "空的"), ("x" * 9000, "最多"),
        ("# 某项\n共1件。\n" * 11, "最多 10 个小标题"),
    ],
)  # fmt: skip
def test_texts_that_are_refused(text: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        drafting.parsed(text)


def test_controls_that_were_pasted_are_no_part_of_a_report() -> None:
    """A report with one could be signed, and its Word and Excel files were errors for good."""
    assert drafting.parsed("# 总体\x02情况\n共3件\x1f。\x0b另有一件。\n\x02\n\ud800尾\ufffe\n") == [
        {"heading": "总体情况", "sentences": ["共3件。", "另有一件。", "尾"]}
    ]


def test_a_line_break_counts_once_however_it_is_sent() -> None:
    lines = ["# 总体情况", *["共 1 件。"] * 1141]
    assert len("\n".join(lines)) <= drafting.LONGEST < len("\r\n".join(lines))
    assert drafting.parsed("\r\n".join(lines)) == drafting.parsed("\n".join(lines))


def test_a_number_typed_in_full_width_is_a_number() -> None:
    sections = [{"heading": "总体情况", "sentences": ["共３件。", "另有８８件，占１２.５％。"]}]
    assert wording.strange_numbers(sections, Known(frozenset({"3"}))) == ["88", "12.5%"]
    assert wording.numberless(sections) == []


TABLES = {"kinds": [["噪声", 88, 80, 8, 1, 2, 3]], "districts": [["延庆区", 12, 19, -7, 5, 4, 0]]}


@pytest.mark.parametrize(
    ("sentence", "strange"),
    [
        ("延庆区12件，比上期少7件。", []), ("密云区12件。", ["12"]), ("延庆区13件。", ["13"]),
        ("2026年10月31日收到30件。", []), ("与2026年9月相比。", []),
        ("2025年10月，2026年12月。", ["2025", "12"]),
        ("共31件。", ["31"]), ("日均10件。", ["10"]), ("按条例第24条第２款，请拨打12345热线或12369。", []),
        ("来电12346。", ["12346"]),
    ],
)  # fmt: skip
def test_a_text_may_name_cells_beside_their_name_its_own_days_and_cited_rules(
    sentence: str, strange: list[str]
) -> None:
    said = publishing.said(triage.tables.load().publishing, NOW.date())
    may = known({"facts": {"demands": "30"}, "tables": TABLES}, OCTOBER, said)
    assert wording.strange_numbers([{"heading": "区域", "sentences": [sentence]}], may) == strange


YEAR = (*ITEMS, *[TicketIn(age=timedelta(days=395))] * 9, TicketIn(age=timedelta(days=395), kind="AIR-01"))


async def of_year(db: Database, *signals: Signal) -> Deps:
    """October of this year and of the last one, and what was noticed."""
    deps = deps_of(db)
    # The oldest says that the sums hold the whole of last October.
    oldest = TicketIn(age=timedelta(days=450))
    await add_tickets(db, *YEAR, *[TicketIn(age=timedelta(days=33), kind="AIR-01")] * 11, oldest)
    while await refreshing.catch_up(deps):
        pass
    async with db.writes.begin() as session:
        session.add_all([*signals, SignalDay(day=OCTOBER.last, series=1, found=1, at=NOW)])
    return deps


def noticed(what: str, state: SignalState, score: float, **numbers: object) -> Signal:
    day = date(2026, 10, 20)
    kind = str(numbers.pop("kind", "NOI-01"))
    told = {"from": "2026-09-23", "to": "2026-10-20", "street": "110105026", **numbers}
    return Signal(
        what=what, kind=kind, district="110105", place="125-101", first_day=day, last_day=day,
        score=score, row_id="x", told={"numbers": told, "why": []}, state=state.value, made_at=NOW,
    )  # fmt: skip


async def test_a_month_is_held_against_that_of_last_year(db: Database) -> None:
    deps = await of_year(db)
    report = await october(deps)
    told = {section["heading"]: section["sentences"] for section in report.sections}
    air = deps.tables.kinds["AIR-01"].name
    assert told["同比情况"] == [
        "去年同期10件，本期增加4件，幅度40.0%。",
        f"{air}较去年同期增加11件，达到12件。",
        "朝阳区较去年同期增加3件，达到13件。",
        "海淀区较去年同期增加1件，达到1件。",
    ]
    rows = {row[0]: row[1:4] for row in report.facts["tables"]["season_kinds"]}
    assert rows[air] == [12, 1, 11]
    assert drafting.strange_of(deps.tables, report, now=NOW) == []
    table = rendering.paper(report).tables[2]
    assert (table.title, table.columns[2]) == ("分类同比情况表", "去年同期")
    assert "<th>去年同期</th>" in rendering.page(report)
    book = load_workbook(io.BytesIO(rendering.excel(report)))
    assert book.sheetnames[-2:] == ["分类同比情况表", "区域同比情况表"]
    assert "去年同期" in str(list(book["分类同比情况表"].values))
    from docx import Document  # noqa: PLC0415

    word = Document(io.BytesIO(rendering.word(report)))
    heads = [table.rows[0].cells[2].text for table in word.tables]
    assert heads == ["上期", "上期", "去年同期", "去年同期"]
    # Last year's one case of a kind is for the office alone, and so is what tells it.
    outside = rendering.page(report, office=False)
    assert "达到12件" not in outside
    assert "去年同期10件，本期增加4件" not in outside


async def test_a_month_is_held_against_no_half_month(sqlite_db: Database) -> None:
    deps = deps_of(sqlite_db)
    await add_tickets(sqlite_db, *YEAR)
    while await refreshing.catch_up(deps):
        pass
    report = await october(deps)
    assert "同比情况" not in {section["heading"] for section in report.sections}


async def test_a_day_is_held_against_no_day_of_last_year(sqlite_db: Database) -> None:
    deps = await of_year(sqlite_db)
    async with sqlite_db.writes.begin() as session:
        day = await drafting.draft(session, deps.tables, period_of(ReportKind.DAILY, "2026-10-31"), now=NOW)
    headings = [section["heading"] for section in day.sections]
    assert "同比情况" not in headings
    assert "态势信号" not in headings
    weekly = period_of(ReportKind.WEEKLY, "2026-W43").year_before
    assert weekly is not None
    assert (weekly.name, weekly.first) == ("2025-W43", date(2025, 10, 20))


async def test_numbers_that_reach_beyond_the_month_say_up_to_which_day(sqlite_db: Database) -> None:
    going_on = noticed("hot_grid", SignalState.NEW, 8.0, now=26, before=3, to="2026-11-02")
    deps = await of_year(sqlite_db, going_on)
    report = await october(deps)
    told = {section["heading"]: section["sentences"] for section in report.sections}
    assert told["态势信号"][-1] == (
        "热点网格：朝阳区望京街道环境诉求（数字到11月2日），一个一公里网格41天26件，此前的基期3件。"
    )
    assert drafting.strange_of(deps.tables, report, now=NOW) == []


async def test_a_month_tells_what_was_noticed_and_what_became_of_it(db: Database) -> None:
    deps = await of_year(
        db,
        noticed("burst", SignalState.ACKNOWLEDGED, 9.0, seen=31, expected=12.34, kind="AIR-01"),
        noticed("hot_grid", SignalState.NEW, 8.0, now=26, before=3),
        noticed("hot_grid", SignalState.DISMISSED, 99.0, now=90, before=30),
        noticed("chronic", SignalState.NEW, 20.0, windows=[6, 7, 8]),
    )
    report = await october(deps)
    told = {section["heading"]: section["sentences"] for section in report.sections}
    noise, air = deps.tables.kinds["NOI-01"].name, deps.tables.kinds["AIR-01"].name
    where = "朝阳区望京街道"
    assert told["态势信号"] == [
        "本期新提出信号4条，已采纳1条，已排除1条，待研判2条。",
        "其中突增1条、持续上升0条、热点网格2条、热点社区0条、长期反复1条。",
        f"突增：{where}{air}，一天31件，推算应为12.3件。",
        f"热点网格：{where}环境诉求，一个一公里网格28天26件，此前的基期3件。",
        f"长期反复：{where}{noise}，同一地点由远到近各段分别6、7、8件，共21件。",
    ]
    assert drafting.strange_of(deps.tables, report, now=NOW) == []
    assert wording.numberless(report.sections) == []
    outside = rendering.page(report, office=False)
    assert "此前的基期3件" not in outside


async def test_signals_are_not_told_before_the_last_day_was_looked_through(sqlite_db: Database) -> None:
    report = await october(await ready(sqlite_db))
    assert "态势信号" not in [section["heading"] for section in report.sections]


async def test_topics_are_told_of_the_days_they_were_found_in(sqlite_db: Database) -> None:
    deps = await ready(sqlite_db)
    async with sqlite_db.writes.begin() as session:
        session.add(TopicRun(
            id=1, level=TopicLevel.LOCAL.value, at=NOW, since=NOW - timedelta(days=20), tickets=5, leads=0,
            left_out=0, topics=1, method="",
        ))  # fmt: skip
        await session.flush()
        session.add(Topic(
            id=1, level=TopicLevel.LOCAL.value, title="望京：油烟", first_run_id=1, last_run_id=1
        ))  # fmt: skip
        await session.flush()
        session.add(TopicState(
            run_id=1, topic_id=1, size=5, leads=0, later=3, open=2, kind="AIR-01", words=[], places=[],
            weeks=[], districts=1, typical=[],
        ))  # fmt: skip
    yesterday = holding(ReportKind.DAILY, date(2026, 11, 22))
    async with sqlite_db.writes.begin() as session:
        lately = await drafting.draft(session, deps.tables, yesterday, now=NOW)
    before = await october(deps)
    assert "近20天内容相近的诉求集中在“望京：油烟”，共5件，未办结2件。" in drafting.as_text(lately.sections)
    assert "望京：油烟" not in drafting.as_text(before.sections)


async def test_figures_that_do_not_reach_the_end_make_no_report(sqlite_db: Database) -> None:
    deps = deps_of(sqlite_db)
    async with sqlite_db.writes.begin() as session:
        with pytest.raises(NotReady):
            await drafting.draft(session, deps.tables, OCTOBER, now=NOW)


async def test_the_clock_drafts_each_report_once(sqlite_db: Database) -> None:
    deps = await ready(sqlite_db)
    for _ in range(2):
        await drafting.Drafter(deps).poke()
    async with sqlite_db.reads() as session:
        rows = await session.execute(sa.select(Report.kind, Report.period).order_by(Report.id))
    assert [tuple(row) for row in rows] == [
        ("daily", "2026-11-22"), ("weekly", "2026-W47"), ("monthly", "2026-10"),
    ]  # fmt: skip


def test_a_week_over_new_year_is_printed_under_the_year_it_counts_in() -> None:
    report = Report(
        kind="weekly", period="2026-W01", issue=1, edition=1, state="draft", made_at=NOW, as_of=NOW,
        sections=[], facts={"facts": {}, "tables": {}}, data_version="rollup 1",
    )  # fmt: skip
    printed = rendering.paper(report)
    assert printed.issue == "2026年第1期"
    assert printed.title == "2025年12月29日至2026年1月4日生态环境诉求每周分析"


async def test_on_paper_it_says_the_same(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    from docx import Document  # noqa: PLC0415  (half a second that only this test needs)

    deps = await ready(sqlite_db)
    report = await october(deps)
    sentences = [s for section in report.sections for s in section["sentences"]]
    word = Document(io.BytesIO(rendering.word(report)))
    paragraphs = [paragraph.text for paragraph in word.paragraphs]
    assert set(sentences) <= set(paragraphs)
    assert "（征求意见稿，未签发）" in paragraphs
    assert not [text for text in paragraphs if "{" in text]
    assert [cell.text for cell in word.tables[0].rows[0].cells] == list(COLUMNS)
    book = load_workbook(io.BytesIO(rendering.excel(report)))
    assert book.sheetnames == ["正文", "分类情况表", "区域情况表"]
    assert ("合计", 3, 1, 2) in {row[:4] for row in book["区域情况表"].values}
    outside = load_workbook(io.BytesIO(rendering.excel(report, office=False)))
    assert ("合计", "＜5", "＜5", "＜5") in {row[:4] for row in outside["区域情况表"].values}
    html = rendering.page(report)
    assert all(sentence in html for sentence in sentences)
    monkeypatch.setitem(sys.modules, "weasyprint", _NoPango())
    with pytest.raises(rendering.NoPango, match="pango"):
        rendering.pdf(report)


class _NoPango:
    def __getattr__(self, name: str) -> object:
        raise OSError("cannot load library 'libpango-1.0-0'")


async def test_a_name_with_marks_stays_text(sqlite_db: Database) -> None:
    from docx import Document  # noqa: PLC0415

    deps = await ready(sqlite_db)
    report = await october(deps)
    said = "甲<乙>&丙共3件。"
    kept = replace(rendering.paper(report), title=said)
    assert kept.title == said
    report.sections = [{"heading": "总体情况", "sentences": [said]}]
    word = Document(io.BytesIO(rendering.word(report)))
    assert said in [paragraph.text for paragraph in word.paragraphs]
