"""检查清单: read by line, each line once, and what is not decided yet is compared again."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from openpyxl import Workbook

from connectors.file_tables import TableRow, read_table
from connectors.records import FileRefused
from models.ledger import LedgerRow
from models.rewards import RewardInspection
from models.vocab_ledger import LedgerAct
from models.vocab_rewards import Exclusion
from tests.factories import NOW, TicketIn
from tests.triage.rules.helpers import tables
from tests.triage.services.rewards import bed
from triage.errors import BadInput, NotFound
from triage.services.rewards import inspections

if TYPE_CHECKING:
    from pathlib import Path

    from triage.services.deps import Deps
    from triage.services.rewards.inspections import Imported, Listed

TODAY = date(2026, 11, 26)
HEADER = "企业名称,所在区,街乡镇,问题种类,检查日期,文号"


def read(path: Path, *lines: str, source: str = "", header: str = HEADER) -> tuple[list[str], list[str]]:
    """What a table comes to: the good lines in short, the bad ones as they are told."""
    path.write_text("\n".join((header, *lines)) + "\n", "gb18030")
    rows = read_table(path, inspections.COLUMNS)
    good, bad = inspections.checked(tables(), path.name, rows, source=source, today=TODAY)
    return [f"{one.line} {one.party} {one.street} {one.kind} {one.day} {one.source}" for one in good], [
        one.sentence() for one in bad
    ]


def test_a_table_of_an_office_is_read_in_its_own_words(tmp_path: Path) -> None:
    good, bad = read(
        tmp_path / "清单.csv",
        "望京某印刷厂,朝阳区,望京街道,,2026/3/1,京环督〔2026〕1号",
        "某餐馆,110105,,WAT-02,2026年11月26日,",
        source="年度检查",
    )
    assert bad == []
    assert good == [
        "2 望京某印刷厂 110105026 None 2026-03-01 京环督〔2026〕1号",
        "3 某餐馆 None WAT-02 2026-11-26 年度检查",
    ]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (",朝阳区,,,2026-03-01,甲", "单位名称：没有填写"),
        ("某厂,某区,,,2026-03-01,甲", "行政区：没有这个区"),
        ("某厂,海淀区,望京街道,,2026-03-01,甲", "街道：这个区没有这个街道或乡镇"),
        ("某厂,朝阳区,,冒烟,2026-03-01,甲", "种类：没有这个污染种类"),
        ("某厂,朝阳区,,,三月,甲", "列入日期：不是可以识别的日期"),
        ("某厂,朝阳区,,,,甲", "列入日期：没有填写"),
        ("某厂,朝阳区,,,2026-11-27,甲", "列入日期：2026-11-27 还没有到"),
        ("某厂,朝阳区,,,2026-03-01,", "依据：没有依据"),
        (f"{'某' * 201},朝阳区,,,2026-03-01,甲", "单位名称：最多 200 个字"),
        ('某厂,"朝阳区,,,2026-03-01,甲', "引号"),
    ],
)
def test_a_bad_line_is_told_with_its_number_and_the_good_ones_stay(
    line: str, told: str, tmp_path: Path
) -> None:
    good, bad = read(tmp_path / "清单.csv", "某厂,朝阳区,,,2026-03-01,甲", line)
    assert len(good) == 1
    (sentence,) = bad
    assert sentence.startswith("清单.csv 第 3 行")
    assert told in sentence


def test_a_workbook_reads_the_same_and_a_table_without_its_columns_is_refused(tmp_path: Path) -> None:
    book, path = Workbook(), tmp_path / "清单.xlsx"
    sheet = book.active
    assert sheet is not None
    sheet.append(["2026 年督察清单"])
    sheet.append(["单位名称", "行政区", "列入日期"])
    sheet.append(["某厂", "朝阳区", date(2026, 3, 1)])
    book.save(path)
    (row,) = read_table(path, inspections.COLUMNS)
    assert isinstance(row, TableRow)
    good, _ = inspections.checked(tables(), path.name, [row], source="甲", today=TODAY)
    assert (good[0].line, good[0].day, good[0].party) == (3, date(2026, 3, 1), "某厂")
    with pytest.raises(FileRefused, match="“列入日期”（列入日期、检查日期"):
        read(tmp_path / "少列.csv", "某厂,朝阳区", header="单位名称,行政区")
    jsonl = tmp_path / "清单.jsonl"
    jsonl.write_text('{"单位名称": "某厂"}\n', "utf-8")
    with pytest.raises(FileRefused, match="只读 CSV 和 XLSX"):
        read_table(jsonl, inspections.COLUMNS)


def listed(path: Path, *lines: str) -> list[Listed]:
    path.write_text("\n".join((HEADER, *lines)) + "\n", "utf-8")
    rows = read_table(path, inspections.COLUMNS)
    good, bad = inspections.checked(tables(), path.name, rows, source="甲", today=TODAY)
    assert bad == []
    return good


async def put(deps: Deps, path: Path, *lines: str, name: str = "春季督察") -> Imported:
    good = listed(path, *lines)
    async with deps.db.writes.begin() as session:
        return await inspections.store(session, name, path.name, good, by="chen", now=deps.clock.now())


async def test_a_line_counts_once_wherever_it_stands(deps: Deps, tmp_path: Path) -> None:
    one, two, three = (f"{name},朝阳区,望京街道,WAT-02,2026-03-01," for name in ("甲厂", "乙厂", "丙厂"))
    path = tmp_path / "清单.csv"
    first = await put(deps, path, one, two)
    again = await put(deps, path, one, two)
    moved = await put(deps, path, two, one, three)
    assert [(r.stored, r.repeated) for r in (first, again, moved)] == [(2, 0), (0, 2), (1, 2)]
    other = await put(deps, path, three.replace("2026-03-01", "2026-03-02"))
    assert (other.stored, other.repeated) == (0, 0)
    (bad,) = other.bad
    assert bad.sentence().startswith("清单.csv 第 2 行：清单“春季督察”里已有这一行，内容不同")
    assert (await put(deps, path, three, name="夏季督察")).stored == 1
    async with deps.db.reads() as session:
        told = [(one.name, one.lines, one.sources, one.added_by) for one in await inspections.lists(session)]
        acts = list(await session.scalars(sa.select(LedgerRow.act)))
    assert sorted(told) == [("夏季督察", 1, ("甲",), "chen"), ("春季督察", 3, ("甲",), "chen")]
    assert acts == [LedgerAct.INSPECTIONS_CHANGED.value] * 3


async def test_a_candidate_is_compared_again_when_a_list_comes_and_when_it_goes(
    lite: Deps, tmp_path: Path
) -> None:
    await bed.reports(lite.db, TicketIn(
        title=None, text=bed.REPORT.text, state=bed.REPORT.state, kind="WAT-02", due=None
    ))  # fmt: skip
    await bed.sweep(lite)
    assert (await bed.the_reward(lite)).checks == []
    day = (NOW - timedelta(days=60)).date()
    await put(lite, tmp_path / "清单.csv", f"某厂,朝阳区,望京街道,WAT-02,{day},")
    await bed.sweep(lite)
    (hint,) = (await bed.the_reward(lite)).checks
    assert hint["exclusion"] == Exclusion.ALREADY_KNOWN
    assert hint["text"] == f"检查清单“春季督察”第 2 行，{day} 列入"
    async with lite.db.writes.begin() as session:
        assert await inspections.remove(session, "春季督察", by="chen", now=NOW) == 1
    await bed.sweep(lite)
    assert (await bed.the_reward(lite)).checks == []
    async with lite.db.writes.begin() as session:
        with pytest.raises(NotFound):
            await inspections.remove(session, "春季督察", by="chen", now=NOW)
        with pytest.raises(BadInput):
            await inspections.store(session, "", "清单.csv", [], by="chen", now=NOW)
        assert await session.scalar(sa.select(sa.func.count()).select_from(RewardInspection)) == 0
