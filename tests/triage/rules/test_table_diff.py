"""What new tables would do, and what looks wrong in legal ones."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

import triage.tables
from models.vocab import AppealType, Urgency
from tests.triage.rules.helpers import moment, tables
from triage.rules.decision import Facts
from triage.rules.lints import lint
from triage.rules.parsing import FILES
from triage.rules.table_diff import Replay, newest_start, row_changes, rows_of

if TYPE_CHECKING:
    from pathlib import Path

    from triage.rules.rows import Tables

_AT = moment("2027-01-04 09:00")
_NOISE = Facts(
    environmental=True,
    p_environmental=0.99,
    kind="NOI-01",
    kind_confidence=0.95,
    appeal_type=AppealType.COMPLAINT,
    text_urgency=Urgency.U3,
    district_code="110102",
    street_code="110102001",
    place_confidence=0.99,
    text="工地白天噪声很大",
    received_at=_AT,
)
_BACK = (
    "rows:\n  - id: back.noise\n    kind: NOI-01\n    districts: ['110102']\n    function: housing\n"
    "    valid_from: 2027-01-01\n    source: 试用清单\n    status: A\n"
)


def changed(tmp_path: Path, file: str, old: str, new: str) -> Tables:
    """The packaged tables with one text in one file changed."""
    for name in FILES:
        shutil.copy(triage.tables.HERE / name, tmp_path / name)
    path = tmp_path / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    return triage.tables.load(tmp_path)


def test_the_same_tables_change_nothing() -> None:
    assert row_changes(tables(), tables()) == ()
    assert newest_start(tables(), tables()) is None
    assert Replay(tables(), tables(), _AT).effects(_NOISE, _NOISE) == ()


def test_every_file_of_rows_is_compared() -> None:
    files = {file for file, _ in rows_of(tables())}
    rewards = {file for file in files if file.startswith("rewards/")}
    assert rewards == {f"rewards/{path.name}" for path in (triage.tables.HERE / "rewards").glob("*.yaml")}
    assert files - rewards == set(FILES) - {"functions.yaml", "holidays.yaml", "reclaimed.yaml"}


def test_a_kind_taken_back_moves_its_tickets(tmp_path: Path) -> None:
    new = changed(tmp_path, "reclaimed.yaml", "rows: []", _BACK[:-1])
    assert [str(change) for change in row_changes(tables(), new)] == [
        f"reclaimed.yaml:{rows_of(new)['reclaimed.yaml', 'back.noise'].where.line} 新增 back.noise"
    ]
    assert str(newest_start(tables(), new)) == "2027-01-01"
    found = {effect.what: effect for effect in Replay(tables(), new, _AT).effects(_NOISE, _NOISE)}
    assert (found["主办"].old, found["主办"].new) == ("街道乡镇", "区级部门（住房城乡建设）")
    assert found["主办"].rows == ("back.noise",)
    early = Replay(tables(), new, moment("2026-12-31 09:00"))
    assert early.effects(_NOISE, _NOISE) == ()


def test_a_shorter_limit_is_told_with_its_ends(tmp_path: Path) -> None:
    new = changed(
        tmp_path,
        "deadlines.yaml",
        '        length: 7\n        unit: day\n        day_type: natural\n        source: "DB11',
        '        length: 5\n        unit: day\n        day_type: natural\n        source: "DB11',
    )
    assert [(c.id, c.verb, c.what) for c in row_changes(tables(), new)] == [
        ("answer.U3@2023-01-01", "改动", ("length",))
    ]
    found = Replay(tables(), new, _AT).effects(_NOISE, _NOISE)
    assert [(effect.what, effect.old, effect.new) for effect in found][:1] == [
        ("反馈时限", "U3 7 日（01-11 09:00 到期）", "U3 5 日（01-09 09:00 到期）")
    ]


def test_a_row_that_goes_away_leaves_tickets_to_a_person(tmp_path: Path) -> None:
    new = changed(tmp_path, "diversions.yaml", "- id: divert.lawsuit", "- id: divert.court")
    verbs = [(change.verb, change.id) for change in row_changes(tables(), new)]
    assert sorted(verbs) == [("删除", "divert.lawsuit"), ("新增", "divert.court")]


@pytest.mark.parametrize(
    ("file", "old", "new", "warning"),
    [
        (
            "situations.yaml",
            "words: [",
            "words: [某某厂, 某某厂区, ",
            "words 里的“某某厂区”永远轮不到：总是先被“某某厂”命中",
        ),
        (
            "situations.yaml",
            "passing: [地铁站旁, ",
            "passing: [地铁站旁, 码头旁, ",
            "passing 里的“码头旁”不含 words 的任何一个词，不起作用",
        ),
        (
            "deadlines.yaml",
            '        length: 24\n        unit: hour\n        day_type: natural\n        source: "R4.4',
            '        length: 8\n        unit: day\n        day_type: natural\n        source: "R4.4',
            "contact.U3@2020-01-01：比 answer.U3@2020-01-01（",
        ),
        (
            "deadlines.yaml",
            '        length: 30\n        unit: minute\n        day_type: natural\n        source: "R4.3',
            '        length: 3\n        unit: hour\n        day_type: natural\n        source: "R4.3',
            "sign.U2@2020-01-01：比 sign.U3@2020-01-01（",
        ),
        (
            "functions.yaml",
            "rows:\n",
            "rows:\n  - {id: nobody, title: 无人}\n",
            "nobody：没有任何单位承担“无人”",
        ),
    ],
)  # fmt: skip
def test_what_looks_wrong_is_told(tmp_path: Path, file: str, old: str, new: str, warning: str) -> None:
    before = {problem.message for problem in lint(tables())}
    after = [
        problem.message
        for problem in lint(changed(tmp_path, file, old, new))
        if problem.message not in before
    ]
    assert [message for message in after if warning in message], after


def test_packaged_tables_only_have_words_that_are_too_many() -> None:
    assert [str(problem) for problem in lint(tables()) if "永远轮不到：总是先被" not in problem.message] == []
