"""承办单位 that are closed, merged (撤并) or renamed: who answers on each side of the day, what is told."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

import triage.tables
from tests.triage.rules.helpers import day
from triage.rules.lints import lint
from triage.rules.parsing import FILES
from triage.rules.routing import route
from triage.web.acting import unit_code, unit_text

if TYPE_CHECKING:
    from pathlib import Path

    from triage.rules.rows import Tables

CLOSED, OTHER = "110105001", "110105002"
OFFICE = "110115403"
LAST, FIRST = "2026-12-31", "2027-01-01"
TAKEN_OVER = f"""
  - id: "{CLOSED}"
    name: 原建外街道
    district_code: "110105"
    unit: "{OTHER}"
    valid_from: {FIRST}
    source: 撤并批复
    status: V
"""


class Written:
    """A copy of the packaged tables, changed row by row."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in FILES:
            shutil.copy(triage.tables.HERE / name, folder / name)

    def ends(self, code: str, last: str = LAST) -> str:
        """Close a unit. Gives its row as it was."""
        path = self.folder / "units.csv"
        text = path.read_text("utf-8")
        (row,) = [line for line in text.splitlines() if line.startswith(f"{code},")]
        cells = row.split(",")
        cells[7] = last
        path.write_text(text.replace(row, ",".join(cells)), "utf-8")
        return row

    def adds(self, row: str, **changed: str) -> None:
        """Write a unit like another one."""
        path = self.folder / "units.csv"
        head, *_ = path.read_text("utf-8").splitlines()
        cells = dict(zip(head.removeprefix("\ufeff").split(","), row.split(","), strict=True)) | changed
        path.write_text(path.read_text("utf-8") + ",".join(cells.values()) + "\n", "utf-8")

    def takes_over(self, text: str = TAKEN_OVER) -> None:
        """Write a functional area."""
        path = self.folder / "zones.yaml"
        path.write_text(path.read_text("utf-8").rstrip() + text, "utf-8")

    def refused(self) -> list[str]:
        return [str(problem) for problem in triage.tables.check(self.folder)]

    def loaded(self) -> Tables:
        return triage.tables.load(self.folder)

    def warned(self) -> list[str]:
        return [str(one) for one in lint(self.loaded()) if "永远轮不到：总是先被" not in one.message]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    return Written(tmp_path)


def leads(tables: Tables, kind: str, street: str, *days: str) -> list[str]:
    return [route(tables, kind=kind, at=day(at), street_code=street).unit.id for at in days]


def test_the_ground_of_a_merged_street_is_the_other_streets(written: Written) -> None:
    written.ends(CLOSED)
    written.takes_over()
    assert (written.refused(), written.warned()) == ([], [])
    tables = written.loaded()
    assert leads(tables, "NOI-01", CLOSED, LAST, FIRST) == [CLOSED, OTHER]
    # What a bureau leads it leads there too, as on all of that street's ground.
    assert leads(tables, "AIR-03", CLOSED, FIRST) == leads(tables, "AIR-03", OTHER, FIRST) != [OTHER]
    found = route(tables, kind="NOI-01", at=day(FIRST), district_code="110105", street_code=CLOSED)
    assert [unit.id for unit in found.cc] == ["110105"]
    assert f"（{CLOSED}），现由" in "".join(found.steps)


def test_ground_is_a_street_or_a_functional_area_but_not_both_on_one_day(written: Written) -> None:
    written.takes_over()
    (told,) = written.refused()
    assert f"这个代码同时是街道乡镇 {CLOSED}（" in told


def test_a_street_that_ends_and_nobody_follows_is_told(written: Written) -> None:
    written.ends(CLOSED)
    (told,) = written.warned()
    assert f"{CLOSED} 自 {FIRST} 起没有承办单位，也没有功能区接管" in told


def test_a_zone_that_outlives_its_street_is_told(written: Written) -> None:
    written.ends("110101001")
    assert [one for one in written.warned() if "“王府井地区”的街道乡镇 110101001 在 2027-01-01 没有" in one]


def test_an_office_does_not_end_before_its_area(written: Written) -> None:
    row = written.ends(OFFICE)
    (told,) = written.refused()
    assert f"管理委员会在 {FIRST} 没有生效，也没有接替它的单位" in told
    written.adds(row, code="kaifaqu-2027", name="经开区新管委会", valid_from=FIRST)
    assert written.refused() == []
    assert leads(written.loaded(), "AIR-03", OFFICE, LAST, FIRST) == [OFFICE, "kaifaqu-2027"]


def test_a_post_that_nobody_has_on_a_day_is_told(written: Written) -> None:
    rows = (written.folder / "units.csv").read_text("utf-8").splitlines()
    for row in [row for row in rows if ",bureau,housing," in row]:
        written.ends(row.split(",")[0], "2026-06-30")
    (told,) = written.warned()
    assert "在 2026-07-01 没有单位" in told
    assert "等 16 个）" in told
    assert "这些条目找不到单位：AIR-01/assist/housing@2020-07-01、" in told


def test_a_kind_taken_back_for_a_bureau_that_is_closed_is_told(written: Written) -> None:
    rows = (written.folder / "units.csv").read_text("utf-8").splitlines()
    (bureau,) = [row.split(",")[0] for row in rows if ",bureau,housing,110102," in row]
    written.ends(bureau)
    (written.folder / "reclaimed.yaml").write_text(
        "rows:\n  - id: back.noise\n    kind: NOI-01\n    districts: ['110102']\n    function: housing\n"
        "    valid_from: 2027-01-01\n    source: 试用清单\n    status: A\n",
        "utf-8",
    )
    _, told = written.warned()
    assert "reclaimed.yaml:2 back.noise：" in told
    assert "（西城区）在 2027-01-01 没有单位，这些条目找不到单位：back.noise" in told


def test_a_name_means_whoever_has_it_that_day(written: Written) -> None:
    row = written.ends(CLOSED)
    written.adds(row, code="jianwai-2027", valid_from=FIRST)
    tables = written.loaded()
    name = tables.units[CLOSED].name
    assert [unit_code(tables, name, on=day(at)) for at in (LAST, FIRST)] == [CLOSED, "jianwai-2027"]
    assert unit_code(tables, CLOSED, on=day(FIRST)) == CLOSED
    # A field that is left alone is read back as who stands in it.
    assert [unit_text(tables, code, on=day(FIRST)) for code in (CLOSED, "jianwai-2027")] == [CLOSED, name]
    assert written.warned() == []


def test_two_of_one_name_on_one_day_are_told(written: Written) -> None:
    row = written.ends(CLOSED)
    written.adds(row, code="110105999", street_code="110105999")
    assert [one for one in written.warned() if "同名且同时有效" in one]
