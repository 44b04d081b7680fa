"""A report outside the office: no count from 1 to 4, nor what it follows from, is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.office_docx import Paper, Section, Table
from triage.services.reporting import outside, wording

#: 名称, 本期, 上期, 增减, 未办结, 已解决, 未解决
ROWS = (
    ("朝阳区", 90, 80, 10, 40, 30, 9),
    ("海淀区", 20, 25, -5, 8, 6, 0),
    ("延庆区", 3, 12, -9, 2, 1, 0),
)
GONE = "（这一部分含少于 5 件的数字，不显示。）"


def paper(*lines: str) -> Paper:
    return Paper(
        masthead="", issue="", office="", date="", title="2026年10月", draft=False,
        sections=(Section("一、区域情况", lines),), tables=(Table("区域情况表", ROWS),), note="注。",
    )  # fmt: skip


def test_what_is_hidden_does_not_follow_from_the_total_of_its_column() -> None:
    (table,) = outside.paper(paper("共113件。"), {}).tables
    assert table.rows == (
        ("朝阳区", 90, 80, 10, 40, 30, 9),
        # The second is hidden with the third: 113 − 90 − 20 would be its 3.
        ("海淀区", "＜5", 25, "＜5", "＜5", "＜5", 0),
        ("延庆区", "＜5", 12, "＜5", "＜5", "＜5", 0),
    )


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("诉求最多的是朝阳区，90件，占79.6%。", True), ("本期共收到诉求113件。", True),
        ("10月3日至4日共113件。", True), ("第3季度共113件。", True),
        ("延庆区诉求较少，占2.7%。", False), ("另一个区只有３件。", False), ("海淀区20件。", False),
        ("较上期增加2起。", False),
    ],
)  # fmt: skip
def test_a_sentence_that_tells_a_hidden_count_is_left_out(line: str, *, shown: bool) -> None:
    told = outside.paper(paper(line), {})
    assert told.sections[0].paragraphs == ((line,) if shown else (GONE,))
    assert told.note.startswith("注。少于 5 件")


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        # One number alone, or two that are 4 together: the total is what is hidden.
        ([("甲", 3, 0, 3, 0, 0, 0), ("乙", 0, 0, 0, 0, 0, 0)], ["＜5", 0, "＜5", 0, 0, 0]),
        ([("甲", 3, 9, -6, 0, 0, 0), ("乙", 1, 0, 1, 0, 0, 0)], ["＜5", 9, "＜5", 0, 0, 0]),
        ([("甲", 9, 1, 8, 5, 0, 0), ("乙", 8, 0, 8, 0, 7, 5)], [17, "＜5", "＜5", 5, 7, 5]),
        # 6 open of a line that is hidden beside a small one: alone in its column it is the column's total.
        ([("甲", 3, 0, 3, 0, 0, 0), ("乙", 8, 0, 8, 6, 0, 0)], [11, 0, 11, "＜5", 0, 0]),
        ([("甲", 3, 5, -2, 3, 0, 0), ("乙", 8, 6, 2, 6, 0, 0)], [11, 11, 0, 9, 0, 0]),
        ([], [0] * 6),
    ],
)  # fmt: skip
def test_a_total_outside_tells_no_hidden_count(
    rows: list[tuple[str | int, ...]], told: list[int | str]
) -> None:
    (table,) = outside.paper(replace(paper("x"), tables=(Table("表", tuple(rows)),)), {}).tables
    assert outside.totals(rows, table.rows) == told


def test_a_sentence_that_tells_a_hidden_total_is_left_out() -> None:
    rows = (("甲", 3, 0, 3, 0, 0, 0), ("乙", 8, 0, 8, 6, 0, 0))
    told = outside.paper(replace(paper("办理中的共6件。", "共收到11件。"), tables=(Table("表", rows),)), {})
    assert told.sections[0].paragraphs == ("共收到11件。",)


@pytest.mark.parametrize(
    ("asked", "share", "shown"),
    [
        # Of 20 with 90 % two are not; of 100 with 3 % three are.
        ("20", "90.0%", False), ("100", "3.0%", False), ("98", "97.96%", False), ("7", "57.1%", False),
        ("20", "75.0%", True), ("20", "100.0%", True), ("20", "0.0%", True), ("500", "98.8%", True),
        # Of so many a tenth of a percent is twelve: nothing small follows.
        ("12000", "99.9%", True),
    ],
)  # fmt: skip
@pytest.mark.parametrize("fact", ["solved_share", "resolution_share"])
def test_a_share_that_tells_a_hidden_count_is_left_out(
    asked: str, share: str, fact: str, *, shown: bool
) -> None:
    facts = {fact: share, "asked": asked, "resolution_n": asked}
    line, typed = f"答复的{asked}件，占{share}。", f"约{share.replace('.0%', '%')}的人满意。"
    told = outside.paper(replace(paper(line, typed), tables=()), facts)
    assert told.sections[0].paragraphs == ((line, typed) if shown else (GONE,))


def test_a_share_of_the_period_before_is_of_no_more_than_its_demands() -> None:
    facts = {"angry_share_before": "4.0%", "before": "100", "angry_share": "10.0%", "mood_read": "90"}
    line = "上期激烈占4.0%，本期占10.0%。"
    for before, shown in (("100", (GONE,)), ("200", (line,))):
        told = outside.paper(replace(paper(line), tables=()), {**facts, "before": before})
        assert told.sections[0].paragraphs == shown


def test_every_share_of_a_draft_is_weighed() -> None:
    """Each share that a sentence tells: it is hidden with its count, or is one of `_OF`."""
    keys = {key for _, templates in wording.SECTIONS for said in templates for key in wording.keys_of(said)}
    shares = {key for key in keys if "share" in key}
    # Beside these stands the count that they are of; it is hidden by the tables.
    beside = {key for key in shares if key.startswith(("kind_", "district_"))} | {
        "change_share",
        "season_share",
    }
    assert shares - beside == set(outside._OF)
