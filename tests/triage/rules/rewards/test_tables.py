"""Every kind of bad reward table is refused with its file and line."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

import triage.tables
from tests.triage.rules.helpers import tables
from triage.rules.rewards.parsing import FOLDER, reward_table

if TYPE_CHECKING:
    from pathlib import Path

    from triage.rules.rows import Problem

BAD = [
    ("common.yaml", "ruleset: BJ-2021-draft", "ruleset: BJ-2022", "没有这套规则：BJ-2022"),
    (
        "common.yaml",
        "    valid_to: 2018-12-31\n",
        "    valid_to: 2019-06-30\n",
        "选用的日期超出了 BJ-2018 的有效期",
    ),
    ("common.yaml", "days: 90", "days: 0", "应为正整数"),
    ("common.yaml", "exclusion: unclear_facts", "exclusion: unclear", "只能是"),
    ("common.yaml", "kinds: [ECO-03]", "kinds: [ECO-93]", "没有这个污染种类：ECO-93"),
    ("common.yaml", "parents: [土壤]", "parents: [土]", "没有这个污染类别：土"),
    ("common.yaml", "appeal_types: [举报]", "appeal_types: [检举]", "没有这个诉求类型：检举"),
    ("common.yaml", "    shortest_words: 15\n", "", "缺少“shortest_words”"),
    ("BJ-2021-draft.yaml", "rate: 500", "rate: 50000", "比例写万分之几"),
    ("BJ-2021-draft.yaml", "least: 100\n", "least: 60000\n", "下限高于上限"),
    ("BJ-2021-draft.yaml", "id: BJ-2021-draft\n", "id: BJ-2021\n", "与文件名不一致"),
    ("BJ-2021-draft.yaml", "    formula: fixed\n    least: 100\n", "    formula: fixed\n", "要写“least”"),
    ("HE-2020.yaml", "below: 3000", "below: 900", "“below”应大于“from”"),
    ("CQ-2025.yaml", '["500", "1000"', '["1000", "500"', "从小到大"),
    ("CQ-2025.yaml", "anonymous: yes", "secret: yes", "不认识的键“secret”"),
    ("steps.yaml", "to: refused", "to: refusing", "没有步骤能到“不予奖励”"),
    ("steps.yaml", "needs: [reason]", "needs: [cause]", "不认识的必填项：cause"),
]


def problems_with(file: str, old: str, new: str) -> list[Problem]:
    files = {path.name: path.read_text("utf-8") for path in (triage.tables.HERE / FOLDER).glob("*.yaml")}
    assert old in files[file]
    problems: list[Problem] = []
    reward_table({**files, file: files[file].replace(old, new, 1)}, tables().kinds, problems)
    return problems


@pytest.mark.parametrize(("file", "old", "new", "why"), BAD, ids=[why for *_, why in BAD])
def test_a_bad_table_is_refused(file: str, old: str, new: str, why: str) -> None:
    said = [str(problem) for problem in problems_with(file, old, new)]
    assert [words for words in said if words.startswith("rewards/") and why in words], said


def test_the_packaged_ones_are_good_and_missing_ones_are_named() -> None:
    assert problems_with("common.yaml", "days: 90", "days: 90") == []
    problems: list[Problem] = []
    reward_table({}, tables().kinds, problems)
    assert [str(one) for one in problems] == [
        "rewards/common.yaml:1 缺少这个文件", "rewards/steps.yaml:1 缺少这个文件"
    ]  # fmt: skip


def test_a_site_may_bring_its_own(tmp_path: Path) -> None:
    shutil.copytree(
        triage.tables.HERE, tmp_path / "own", ignore=shutil.ignore_patterns("__pycache__", "*.py")
    )
    path = tmp_path / "own" / FOLDER / "common.yaml"
    path.write_text(path.read_text("utf-8").replace("days: 90", "days: 60"), "utf-8")
    own = triage.tables.load(tmp_path / "own").rewards
    assert own.version != tables().rewards.version
    shutil.rmtree(path.parent)
    assert triage.tables.load(tmp_path / "own").rewards.version == tables().rewards.version
