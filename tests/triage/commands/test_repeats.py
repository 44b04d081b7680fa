"""`jiesu repeats score`: the public interface of the pair model, line by line."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest
from click.testing import CliRunner

from nlp.repeats import PairReader
from triage.cli import main
from triage.commands.repeats import score_lines, time_of
from triage.settings import Settings

BARBECUE = {"title": "烧烤油烟", "text": "望京西园四区12号楼底商烧烤店每晚油烟熏人，窗户都不敢开"}


def run(
    lines: list[str], *, why: bool = False, settings: Settings | None = None
) -> tuple[int, list[dict[str, Any]]]:
    sink = io.BytesIO()
    source = io.BytesIO("\n".join(lines).encode())
    status = score_lines(settings or Settings(), source, sink, why=why)
    return status, [json.loads(line) for line in sink.getvalue().splitlines()]


def test_an_answer_has_the_id_and_no_text() -> None:
    status, answers = run([json.dumps({"id": "x", "a": BARBECUE, "b": BARBECUE, "note": "河"})])
    assert status == 0
    assert answers == [{"id": "x", "p_same": answers[0]["p_same"], "same": True}]
    assert 0.8 <= answers[0]["p_same"] <= 1


def test_bad_lines_are_told_in_their_place_and_the_rest_go_on() -> None:
    status, answers = run([
        json.dumps({"id": 1, "a": BARBECUE, "b": {"text": "温榆河死鱼"}}),
        "{",
        json.dumps({"id": 3, "a": BARBECUE}),
        json.dumps({"id": 4, "a": BARBECUE, "b": {"text": " "}}),
        json.dumps({"id": 5, "a": BARBECUE, "b": "河"}),
        json.dumps({"id": 6, "a": {"text": 5}, "b": BARBECUE}),
        json.dumps({"id": 7, "a": BARBECUE, "b": BARBECUE}),
    ])  # fmt: skip
    assert status == 1
    assert [answer.get("line") for answer in answers] == [None, 2, 3, 4, 5, 6, None]
    assert [answer.get("id") for answer in answers] == [1, None, 3, 4, 5, 6, 7]
    assert "b 缺少 text" in answers[3]["error"]
    assert "b 应是带 title、text 的对象" in answers[4]["error"]
    assert "a.text 应是文字" in answers[5]["error"]


def test_a_time_that_cannot_be_read_is_named_and_loses_no_answer(capsys: pytest.CaptureFixture[str]) -> None:
    later = {**BARBECUE, "time": "2026-11-20"}
    status, answers = run([
        json.dumps({"id": 1, "a": BARBECUE, "b": later}),
        json.dumps({"id": 2, "a": {**BARBECUE, "time": "昨天"}, "b": later}),
        json.dumps({"id": 3, "a": {**BARBECUE, "time": 1.5}, "b": {**BARBECUE, "time": ["2026"]}}),
    ])  # fmt: skip
    assert status == 0
    assert [answer["id"] for answer in answers] == [1, 2, 3]
    assert answers[1]["p_same"] == answers[0]["p_same"]
    assert capsys.readouterr().err.splitlines() == [
        "第 2 行：a.time 不是时间，按没有时间比对",
        "第 3 行：a.time 应是文字形式的时间；b.time 应是文字形式的时间，按没有时间比对",
    ]


def test_a_site_sets_its_own_thresholds() -> None:
    same = json.dumps({"id": "x", "a": BARBECUE, "b": BARBECUE})
    _, (plain,) = run([same])
    _, (strict,) = run([same], settings=Settings(repeats_same=1.0))
    assert (plain["same"], strict["same"]) == (True, False)
    assert plain["p_same"] == strict["p_same"]


def test_each_threshold_says_what_was_measured_and_how_it_is_set() -> None:
    done = CliRunner().invoke(main, ["repeats", "threshold", "--false-merges", "0.02"])
    assert done.exit_code == 0, done.output
    rows = re.findall(r"^(0\.\d\d) +([\d.]+)% +([\d.]+)% +([\d.]+)%$", done.output, re.MULTILINE)
    shown = [*range(50, 95, 5), *range(95, 100)]
    assert [float(row[0]) for row in rows] == [step / 100 for step in shown]
    found = re.search(r"误并不超过 2.00%：从 (0\.\d\d) 起，.*误并 ([\d.]+)%", done.output)
    assert found is not None
    assert float(found[2]) <= 2
    assert f"JIESU_REPEATS_CERTAIN={found[1]}" in done.output
    # The hundredth before it merges more: it is the first that does not.
    curve = PairReader.load().curve
    at = [f"{row.start:.2f}" for row in curve].index(found[1])
    assert curve[at - 1].false_merge_rate > 0.02
    done = CliRunner().invoke(main, ["repeats", "threshold", "--false-merges", "0"])
    assert done.exit_code == 1
    assert "达不到 0.00% 的误并率" in done.output


def test_reasons_are_given_when_asked_for() -> None:
    _, (answer,) = run([json.dumps({"a": BARBECUE, "b": BARBECUE})], why=True)
    assert "文字几乎相同" in answer["why"]


@pytest.mark.parametrize(
    ("told", "moment"),
    [
        ("2026-03-01", "2026-03-01T00:00:00+08:00"),
        ("2019/2/28 11:25:05", "2019-02-28T11:25:00+08:00"),
        ("2019年2月28日", "2019-02-28T00:00:00+08:00"),
        ("05/03/2016", "2016-05-03T00:00:00+08:00"),
        ("11/01/2026 10:00", "2026-11-01T10:00:00+08:00"),
        ("2026年11月1日10时20分", "2026-11-01T10:20:00+08:00"),
        ("2026/11/1 10时", "2026-11-01T10:00:00+08:00"),
        ("2026-11-01 下午 3:00", "2026-11-01T15:00:00+08:00"),
        ("2026-11-01 上午 3:00:10", "2026-11-01T03:00:00+08:00"),
        ("2026-11-01T24:00", "2026-11-02T00:00:00+08:00"),
        ("05/03/2016 03:00:00 PM", "2016-05-03T15:00:00+08:00"),
        ("2016/5/3 12:30 AM", "2016-05-03T00:30:00+08:00"),
        ("2016/5/3 12:30:00 PM", "2016-05-03T12:30:00+08:00"),
        ("2026年11月1日10时20分30秒", "2026-11-01T10:20:00+08:00"),
        ("2026/11/01 10:20:30.123", "2026-11-01T10:20:00+08:00"),
        ("20261101", "2026-11-01T00:00:00+08:00"),
        (1793498400, "2026-11-01T10:00:00+08:00"),
        (1793498400.0, "2026-11-01T10:00:00+08:00"),
        ("1793498400.0", "2026-11-01T10:00:00+08:00"),
        ("201902281125", "2019-02-28T11:25:00+08:00"),
        (20190228112505, "2019-02-28T11:25:05+08:00"),
        ("28/02/2019", "2019-02-28T00:00:00+08:00"),
        ("2019/2/28 11:25:05 +0800", "2019-02-28T11:25:00+08:00"),
        ("2019/2/28 11:25 +00:00", "2019-02-28T11:25:00+00:00"),
        ("2019-02-28 11:25:05 +0800", "2019-02-28T11:25:05+08:00"),
        ("1793498400000", "2026-11-01T10:00:00+08:00"),
        ("2026-03-01T10:00:00Z", "2026-03-01T10:00:00+00:00"),
    ],
)
def test_times_are_read_as_exports_write_them(told: object, moment: str) -> None:
    found = time_of(told, "a")
    assert found is not None
    assert found.isoformat() == moment


@pytest.mark.parametrize(
    "told",
    [
        "昨天",
        "2026-13-01",
        "2026-11-01 25:00",
        "2026-11-01 10:61",
        True,
        1.5,
        "12",
        "nan",
        "201913281125",
        "201902312561",
        "13/13/2019",
        "2019/2/28 11:25 +9900",
        -5,
    ],
)
def test_what_is_no_time_is_refused(told: object) -> None:
    with pytest.raises(ValueError, match=r"a\.time"):
        time_of(told, "a")


@pytest.mark.parametrize("told", [None, "", "  "])
def test_no_time_is_none(told: object) -> None:
    assert time_of(told, "a") is None


def test_the_command_reads_standard_input() -> None:
    result = CliRunner().invoke(main, ["repeats", "score"], input=json.dumps({"a": BARBECUE, "b": BARBECUE}))
    assert result.exit_code == 0
    assert json.loads(result.output)["same"] is True
