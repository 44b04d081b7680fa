"""`jiesu read` and `jiesu route`: the public interfaces, line by line."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from typing import Any

import pytest
from click.testing import CliRunner

from nlp.types import PlaceReading
from triage.cli import main
from triage.commands import read
from triage.settings import Settings

ANSWERS = {
    "environmental", "p_environmental", "kind", "kind_confidence", "kinds", "appeal_type", "urgency",
    "place_span", "district", "district_code", "street", "street_code", "community", "lon", "lat",
    "place_precision", "place_confidence", "place_radius", "place_outside", "place_mentions",
    "place_door", "place_relation", "place_hinted", "place_candidates",
    "party", "when", "when_normal", "masked_text", "review",
    "unit", "unit_code", "unit_confidence", "cc",
}  # fmt: skip

BARBECUE = "朝阳区望京街道望京西园四区楼下每天晚上有人占道露天烧烤，我的电话13800000001，请处理。"


def run(lines: list[str], *, route: bool = False) -> tuple[int, list[dict[str, Any]]]:
    source, sink = io.BytesIO("\n".join(lines).encode()), io.BytesIO()
    command = read.route_lines if route else read.read_lines
    status = command(Settings(), source, sink)
    return status, [json.loads(line) for line in sink.getvalue().splitlines()]


def test_every_answer_is_there_and_other_keys_are_kept() -> None:
    status, (answer,) = run([json.dumps({"id": 7, "text": BARBECUE, "mine": {"a": [1]}})])
    assert status == 0
    assert answer.keys() >= ANSWERS
    assert (answer["id"], answer["mine"]) == (7, {"a": [1]})
    assert (answer["environmental"], answer["kind"], answer["street"]) == (True, "AIR-07", "望京街道")
    assert (answer["unit_code"], answer["cc"]) == ("110105026", ["朝阳区人民政府"])
    assert "13800000001" not in json.dumps(answer["masked_text"])


def test_when_is_told_in_hours_and_days_counted_from_the_day_it_was_written() -> None:
    text = "楼下工地昨晚十点多还在打桩，吵得睡不着"
    status, (answer,) = run([json.dumps({"text": text, "at": "2026-03-01"})])
    assert status == 0
    assert answer["when_normal"]["hours"] == [{"from": "22:00", "to": None}]
    assert (answer["when_normal"]["from"], answer["when_normal"]["to"]) == ("2026-02-28", "2026-02-28")
    assert answer["at"] == "2026-03-01"


def test_a_text_that_does_not_say_when_has_no_time() -> None:
    _, (answer,) = run([json.dumps({"text": "河水发黑发臭"})])
    assert (answer["when"], answer["when_normal"]) == (None, None)


def test_a_day_that_is_none_is_refused_with_its_key() -> None:
    status, (answer,) = run([json.dumps({"text": "河水发黑", "at": "昨天"})])
    assert status == 1
    assert "at 应是 1900 年以后的日期" in answer["error"]


def test_a_day_before_all_days_costs_no_other_line_its_answer() -> None:
    """0001-01-01 is what exports write for no day: yesterday of it is no day at all."""
    lines = [
        json.dumps({"id": 1, "text": "楼下烧烤油烟"}),
        json.dumps({"id": 2, "text": "昨天夜里施工噪音", "at": "0001-01-01"}),
        json.dumps({"id": 3, "text": "上个月河道发臭", "at": "1900-01-01"}),
    ]
    status, answers = run(lines)
    assert (status, [answer["id"] for answer in answers]) == (1, [1, 2, 3])
    assert ["error" in answer for answer in answers] == [False, True, False]
    assert answers[2]["when_normal"]["from"] == "1899-12-01"


def test_a_malformed_line_is_answered_in_its_place_and_the_run_goes_on() -> None:
    lines = [
        '{"id": "a", "text": "河水发黑"}',
        "not json",
        '{"id": "c"}',
        "[1]",
        '{"id": "e", "text": 5}',
        '{"id": "f", "text": "垃圾没人清"}',
    ]
    status, answers = run(lines)
    assert status == 1
    assert [answer.get("id") for answer in answers] == ["a", None, "c", None, "e", "f"]
    assert [answer.get("line") for answer in answers] == [None, 2, 3, 4, 5, None]
    assert ["error" in answer for answer in answers] == [False, True, True, True, True, False]


def test_order_is_kept_over_many_lines() -> None:
    lines = [json.dumps({"id": number, "text": f"第{number}条：垃圾没人清运"}) for number in range(150)]
    status, answers = run(lines)
    assert status == 0
    assert [answer["id"] for answer in answers] == list(range(150))


@pytest.mark.parametrize("text", ["", " ", "\u0000", "😀" * 50, "。。。", "a" * 5000])
def test_any_text_gets_an_answer(text: str) -> None:
    status, (answer,) = run([json.dumps({"id": 1, "text": text})])
    assert status == 0
    assert answer.keys() >= ANSWERS


@pytest.mark.parametrize(
    ("asked", "unit"),
    [
        ({"kind": "AIR-07", "street_code": "110105026"}, "110105026"),
        ({"kind": "AIR-07", "street_code": "110105026000"}, "110105026"),
        ({"kind": "AIR-07", "district_code": "110105", "at": "2026-11-23"}, "110105"),
        ({"kind": "OTH-99", "district_code": "110105"}, "110105"),
    ],
)
def test_route_names_the_unit_its_row_and_its_source(asked: dict[str, str], unit: str) -> None:
    status, (answer,) = run([json.dumps(asked)], route=True)
    assert status == 0
    assert answer["unit_code"].startswith(unit)
    assert answer["row"] in answer["rows"]
    assert answer["row"].startswith(asked["kind"])
    assert answer["source"]


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        ({"street_code": "110105026"}, "kind"),
        ({"kind": "XXX-01", "district_code": "110105"}, "XXX-01"),
        ({"kind": "AIR-07", "street_code": "999999999"}, "999999999"),
        ({"kind": "AIR-07", "district_code": "110105", "at": "昨天"}, "at"),
        ({"kind": "AIR-07", "district_code": "110105", "at": "20261123"}, "at"),
        ({"kind": "AIR-07", "district_code": "110105", "at": "2026-W48-1"}, "at"),
        ({"kind": "AIR-07", "street_code": "110105026001"}, "110105026001"),
        ({"kind": 5}, "kind"),
    ],
)
def test_route_says_what_is_wrong(asked: dict[str, Any], word: str) -> None:
    status, (answer,) = run([json.dumps(asked)], route=True)
    assert status == 1
    assert word in answer["error"]


def test_a_person_sees_the_answer_and_the_words_that_decided() -> None:
    result = CliRunner().invoke(main, ["read", BARBECUE])
    assert result.exit_code == 0
    assert "露天烧烤" in result.output
    assert "望京街道" in result.output
    assert "依据" in result.output
    assert "110105026" in result.output
    assert "地点原文" in result.output
    assert "13800000001" not in result.output
    assert "请处理" in result.output.split("脱敏文本")[1]


def test_a_person_sees_all_that_a_program_is_told_of_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    text = "朝阳区望京西园四区12号院3号楼东侧约200米的工地夜里施工"
    _, (answer,) = run([json.dumps({"text": text})])
    told = CliRunner().invoke(main, ["read", text]).output
    assert f"经度 {answer['lon']:.5f}，纬度 {answer['lat']:.5f}" in told
    assert f"{answer['place_radius']} 米内" in told
    assert f"（{answer['kind_confidence']:.0%}；候选：" in told
    for candidate in answer["place_candidates"]:
        assert f"{candidate['name']} {candidate['code']}" in told
        assert candidate["why"][0] in told
    assert answer["place_candidates"]


@pytest.mark.parametrize(
    ("given", "row"),
    [
        ({"door": "3号楼"}, ("门牌", "3号楼")),
        ({"relation": "在“甲路”与“乙路”交叉口"}, ("位置关系", "在“甲路”与“乙路”交叉口")),
        ({"outside": "保定市"}, ("外地", "保定市")),
        ({"hinted": True}, ("地点", "未识别（未知，0%，原文没有写明，依来电人登记的地区）")),
    ],
)
def test_what_a_place_also_says_is_shown(given: dict[str, Any], row: tuple[str, str]) -> None:
    assert row in list(read._where(PlaceReading(**given)))


def test_half_a_character_costs_neither_id_nor_answer() -> None:
    status, (answer,) = run(['{"id": "\\ud800", "text": "楼下露天烧烤\\udc00，油烟大"}'])
    assert (status, answer["id"], answer["kind"]) == (0, "\ud800", "AIR-07")
    assert "烧烤\ufffd" in answer["masked_text"]


def test_a_long_list_of_units_is_shown_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    result = CliRunner().invoke(main, ["read", BARBECUE * 5])
    assert result.exit_code == 0
    assert "…" not in result.output


def test_a_title_alone_is_read() -> None:
    result = CliRunner().invoke(main, ["read", "--title", "望京街道露天烧烤"], input="不是 JSON")
    assert result.exit_code == 0
    assert "露天烧烤" in result.output


def test_a_title_of_nothing_is_refused() -> None:
    result = CliRunner().invoke(main, ["read", "--title", " "])
    assert (result.exit_code, result.stderr) == (1, "错误：标题和内容都是空的\n")


def test_a_dash_is_standard_input() -> None:
    result = CliRunner().invoke(main, ["read", "-"], input=json.dumps({"id": 3, "text": "河水发黑"}))
    assert (result.exit_code, json.loads(result.output)["id"]) == (0, 3)


def test_a_closed_stream_is_told_in_words() -> None:
    for closed in ("<&-", ">&-"):
        done = subprocess.run(
            ["sh", "-c", f'exec "{sys.executable}" -m triage.cli read {closed}'],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (1, "错误：标准输入或标准输出已关闭\n")
