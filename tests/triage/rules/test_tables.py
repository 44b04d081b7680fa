"""The packaged tables are good; every kind of bad table is refused with file, line and reason."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

import triage.tables
from models.vocab import Level, Move
from tests.triage.rules.helpers import cases, day, name_of, tables
from triage.errors import NoRule, TableError
from triage.rules.parsing import FILES
from triage.rules.rate_rows import Cause
from triage.rules.routing import route

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the packaged tables, to be spoilt."""
    for name in FILES:
        shutil.copy(triage.tables.HERE / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("case", cases("bad_tables.yaml"), ids=name_of)
def test_bad_table_is_refused(copied: Path, case: dict[str, str]) -> None:
    path = copied / case["文件"]
    good = path.read_text("utf-8")
    assert case["原文"] in good
    path.write_text(good.replace(case["原文"], case["改成"], 1), "utf-8")
    *other, line_text = case["行"].split("|")
    file = other[0] if other else case["文件"]
    text = (copied / file).read_text("utf-8")
    line = text[: text.index(line_text)].count("\n") + 1
    said = [str(problem) for problem in triage.tables.check(copied)]
    matching = [words for words in said if words.startswith(f"{file}:{line} ") and case["拒绝"] in words]
    assert matching, said
    with pytest.raises(TableError) as refused:
        triage.tables.load(copied)
    assert matching[0] in refused.value.detail


def test_packaged_tables_are_good() -> None:
    assert triage.tables.check() == []


def test_every_problem_is_listed_at_once(copied: Path) -> None:
    for name, old, new in (
        ("zones.yaml", "status: V", "status: X"),
        ("laws.yaml", "status: A", "status: B"),
        ("units.csv", "2020-01-01", "2020-1-1"),
    ):
        path = copied / name
        path.write_text(path.read_text("utf-8").replace(old, new, 1), "utf-8")
    found = [problem.where.file for problem in triage.tables.check(copied)]
    assert found == ["laws.yaml", "units.csv", "zones.yaml"]


def test_missing_and_foreign_files_are_named(copied: Path) -> None:
    (copied / "zones.yaml").rename(copied / "zonen.yaml")
    found = [str(problem) for problem in triage.tables.check(copied)]
    assert found == ["zonen.yaml:1 不认识的文件", "zones.yaml:1 缺少这个文件"]


def test_other_encodings_are_named_with_the_line(copied: Path) -> None:
    path = copied / "reclaimed.yaml"
    path.write_bytes(b"about: x\nrows: []  # " + "无".encode("gbk") + b"\n")
    assert [str(problem) for problem in triage.tables.check(copied)] == ["reclaimed.yaml:2 不是 UTF-8 文字"]


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just words\n"])
def test_a_yaml_file_must_be_a_mapping(copied: Path, text: str) -> None:
    (copied / "reclaimed.yaml").write_text(text, "utf-8")
    assert [str(problem) for problem in triage.tables.check(copied)] == [
        "reclaimed.yaml:1 文件最外层应为映射"
    ]


@pytest.mark.parametrize("name", ["units.csv", "dispatch_catalogue.csv"])
def test_an_empty_csv_is_refused(copied: Path, name: str) -> None:
    (copied / name).write_text("", "utf-8")
    assert [str(problem) for problem in triage.tables.check(copied)] == [f"{name}:1 文件是空的"]


def test_tables_without_rows_are_refused(copied: Path) -> None:
    (copied / "deadlines.yaml").write_text("rows: []\n", "utf-8")
    assert [str(problem) for problem in triage.tables.check(copied)] == ["deadlines.yaml:1 没有任何条目"]


def test_version_changes_with_content_only(copied: Path) -> None:
    assert triage.tables.load(copied).version == tables().version
    path = copied / "zones.yaml"
    path.write_text(path.read_text("utf-8") + "# a note\n", "utf-8")
    assert triage.tables.load(copied).version != tables().version


def test_rows_keep_file_and_line(copied: Path) -> None:
    row = triage.tables.load(copied).units["110101001"]
    lines = (copied / "units.csv").read_text("utf-8").splitlines()
    assert row.where.file == "units.csv"
    assert lines[row.where.line - 1].startswith("110101001,东华门街道办事处,")


def test_units_are_complete() -> None:
    units = tables().units.values()
    assert len([unit for unit in units if unit.level is Level.STREET]) == 343
    assert len([unit for unit in units if unit.level is Level.DISTRICT]) == 17
    assert [unit.code for unit in units if unit.level is Level.DESK] == ["bj-desk"]
    assert not [unit.name for unit in units if "居委会" in unit.name or "村委会" in unit.name]
    assert len({unit.name for unit in units}) == len(units)
    assert len(tables().kinds) == 63


def test_no_law_replaced_by_the_code_is_cited_after_its_last_day() -> None:
    before = {law.id for law, _ in tables().bases("AIR-05", day("2026-08-14"))}
    after = [(law.id, basis.article) for law, basis in tables().bases("AIR-05", day("2026-08-15"))]
    assert before == {"air"}
    assert after == [("eco-code", "条号待补")]


def test_an_unknown_kind_has_no_bases() -> None:
    with pytest.raises(NoRule, match="没有这个污染种类：X-1"):
        tables().bases("X-1", day("2026-11-23"))


def test_a_kind_taken_back_from_streets_goes_to_the_bureau_from_that_day(copied: Path) -> None:
    (copied / "reclaimed.yaml").write_text(
        "rows:\n  - id: back.noise\n    kind: NOI-01\n    districts: ['110102']\n    function: housing\n"
        "    valid_from: 2026-01-01\n    source: 试用清单\n    status: A\n",
        "utf-8",
    )
    own = triage.tables.load(copied)
    leads = [
        route(own, kind="NOI-01", street_code=street, at=day(at)).unit.name
        for street, at in (
            ("110102001", "2025-12-31"),
            ("110102001", "2026-01-01"),
            ("110105001", "2026-01-01"),
        )
    ]
    assert leads == ["西长安街街道办事处", "西城区住房和城乡建设委员会", "建外街道办事处"]
    taken = route(own, kind="NOI-01", street_code="110102001", at=day("2026-01-01"))
    assert "back.noise" in taken.row_ids
    assert taken.cc == ()


def test_a_byte_order_mark_is_no_part_of_a_table(copied: Path) -> None:
    for name in FILES:
        (copied / name).write_bytes(b"\xef\xbb\xbf" + (copied / name).read_bytes())
    assert triage.tables.check(copied) == []


def test_a_folder_named_like_a_table_is_a_problem(copied: Path) -> None:
    (copied / "zones.yaml").unlink()
    (copied / "zones.yaml").mkdir()
    assert [str(problem) for problem in triage.tables.check(copied)] == ["zones.yaml:1 不是普通文件"]


@pytest.mark.parametrize(
    "text", ["rows: &a [*a]\n", "&a {rows: *a}\n", "rows: " + "[" * 900 + "]" * 900 + "\n"]
)
def test_yaml_that_goes_round_or_too_deep_is_a_problem(copied: Path, text: str) -> None:
    (copied / "kinds.yaml").write_text(text, "utf-8")
    assert [problem.where.file for problem in triage.tables.check(copied)][:1] == ["kinds.yaml"]


#: Moves that a table of before does not have.
LATER = (
    "move.accept.answered", "move.answer_now", "move.pass_on", "move.pass_on.confidential", "move.amend",
    "move.supplement",
)  # fmt: skip


def test_a_site_s_own_tables_of_before_there_was_an_answer_at_once_load_as_they_are(copied: Path) -> None:
    for name, ids in (
        ("moves.yaml", LATER),
        ("rates.yaml", ("out.answered",)),
    ):
        text = (copied / name).read_text("utf-8")
        for row in ids:
            text = re.sub(rf"  - id: {re.escape(row)}\n(?:    .*\n)+", "", text)
        (copied / name).write_text(text, "utf-8")
    snippets = (copied / "snippets.yaml").read_text("utf-8")
    (copied / "snippets.yaml").write_text(snippets[: snippets.index("lacks:\n")], "utf-8")
    assert triage.tables.check(copied) == []
    own = triage.tables.load(copied)
    assert own.snippets.lacks == ()
    for move in (Move.AMEND, Move.SUPPLEMENT):
        with pytest.raises(NoRule):
            own.moves.of(move, day("2026-11-29"))
    with pytest.raises(NoRule):
        own.moves.of(Move.ANSWER_NOW, day("2026-11-29"))
    with pytest.raises(NoRule):
        own.moves.of(Move.PASS_ON, day("2026-11-29"))
    rules = own.rates.on(day("2026-11-01"))
    assert rules.exclusions[Cause.ANSWERED].id == "out.diverted"
    assert rules.row_ids.count("out.diverted") == 1


def test_a_site_s_own_tables_of_before_there_was_a_desk_to_ring_from_load_as_they_are(copied: Path) -> None:
    for name in ("clocks.yaml", "reveals.yaml"):
        text = (copied / name).read_text("utf-8")
        older = re.sub(r"(?m)^ringing:\n(?:(?:[ #].*)?\n)+", "", text)
        assert older != text
        (copied / name).write_text(older, "utf-8")
    assert triage.tables.check(copied) == []
    own = triage.tables.load(copied)
    assert (own.clocks.ringing, own.reveals.ringing) == ((), ())


def test_rows_of_one_move_of_which_the_second_asks_less_load(copied: Path) -> None:
    """Where a field is missing, the next row is tried: it is not covered by one that needs the field."""
    path = copied / "moves.yaml"
    text = path.read_text("utf-8")
    row = re.search(r"  - id: move\.feedback\n(?:    .*\n)+", text)
    assert row is not None
    less = row[0].replace("move.feedback\n", "move.feedback.quiet\n", 1).replace(", told_citizen]", "]")
    assert less.count("told_citizen") == 0
    path.write_text(text.replace(row[0], row[0] + less), "utf-8")
    assert triage.tables.check(copied) == []
