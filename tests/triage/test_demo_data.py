"""The demo complaints: enough of every sort, true to the code lists, and nobody real in them."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import orjson
import pytest

from models.vocab import AppealType, Channel, Urgency
from nlp.gazetteer import Gazetteer
from triage.demo import MAX_OFFSET_MIN, MAX_PROBLEMS, DemoRow, load_demo, load_media
from triage.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path

#: The 63 kinds of the codebook, by parent; a kind missing here or a kind too many in the demo fails.
KINDS: Final = frozenset(
    f"{parent}-{number:02d}"
    for parent, last in (
        *(("AIR", 15), ("WAT", 8), ("NOI", 13), ("SOL", 10), ("SOI", 1)),
        *(("RAD", 2), ("ECO", 7), ("LIG", 1), ("OTH", 5)),
    )
    for number in range(1, last + 1)
) | {"OTH-99"}
PARENTS: Final = frozenset(kind[:3] for kind in KINDS)

FICTITIOUS_PHONE: Final = re.compile(r"1380000[0-9]{4}")
ANY_PHONE: Final = re.compile(r"(?<![0-9])1[3-9][0-9](?:[ -]?[0-9]{4}){2}(?![0-9])")
#: Region 999999 is given to nobody.
FICTITIOUS_ID: Final = re.compile(r"999999[0-9]{11}[0-9X]")
ANY_ID: Final = re.compile(r"(?<![0-9])[0-9]{17}[0-9Xx](?![0-9])")

GOOD: Final[dict[str, Any]] = {
    "id": "demo-001",
    "text": "楼下烧烤摊冒烟",
    "time_offset_min": 5,
    "channel": "phone",
    "expect": {
        "environmental": True,
        "kind": "AIR-07",
        "appeal_type": "投诉",
        "urgency": "U3",
        "district_code": "110105",
        "street_code": "110105016",
    },
}


@pytest.fixture(scope="module")
def rows() -> list[DemoRow]:
    return load_demo()


def test_about_three_hundred_and_each_its_own(rows: list[DemoRow]) -> None:
    assert 290 <= len(rows) <= 400
    assert [row.id for row in rows] == [f"demo-{number:03d}" for number in range(1, len(rows) + 1)]
    assert len({row.text for row in rows}) == len(rows)


def test_no_two_texts_share_a_long_run_of_words(rows: list[DemoRow]) -> None:
    width = 18
    owners: dict[str, set[str]] = {}
    for row in rows:
        for start in range(len(row.text) - width + 1):
            owners.setdefault(row.text[start : start + width], set()).add(row.id)
    assert {run: ids for run, ids in owners.items() if len(ids) > 1} == {}


def test_lengths_are_those_of_a_hotline(rows: list[DemoRow]) -> None:
    lengths = [len(row.text) for row in rows]
    assert min(lengths) >= 6
    assert max(lengths) <= 400
    assert 90 <= sum(lengths) / len(lengths) <= 130


def test_shares_are_those_of_a_hotline(rows: list[DemoRow]) -> None:
    def share(count: int) -> float:
        return count / len(rows)

    assert 0.34 <= share(sum(not row.expect.environmental for row in rows)) <= 0.45
    assert 0.12 <= share(sum(row.title is None for row in rows)) <= 0.25
    assert 0.10 <= share(sum(row.expect.district_code is None for row in rows)) <= 0.18
    assert share(sum(row.expect.street_code is not None for row in rows)) >= 0.75
    assert share(sum(row.id_number is not None for row in rows)) <= 0.05


def test_kinds_cover_every_parent_and_nearly_all_codes(rows: list[DemoRow]) -> None:
    kinds = {row.expect.kind for row in rows} - {None}
    assert kinds <= KINDS
    assert {str(kind)[:3] for kind in kinds} == PARENTS
    assert len(kinds) >= 55


def test_every_type_urgency_and_channel_occurs(rows: list[DemoRow]) -> None:
    assert {row.expect.appeal_type for row in rows} == set(AppealType)
    assert {row.expect.urgency for row in rows} == set(Urgency)
    # What is found on patrol comes by its own page (`commands/demo_patrol`).
    assert {row.channel for row in rows} == set(Channel) - {Channel.FILE, Channel.PATROL}


def test_codes_and_all_districts_are_those_of_the_gazetteer(rows: list[DemoRow]) -> None:
    places = Gazetteer.load().places
    codes = {code for row in rows for code in (row.expect.district_code, row.expect.street_code)} - {None}
    assert codes <= places.keys()
    assert len({row.expect.district_code for row in rows} - {None}) == 16


def test_times_span_two_weeks_and_lean_to_the_recent(rows: list[DemoRow]) -> None:
    offsets = sorted(row.time_offset_min for row in rows)
    assert offsets[len(offsets) // 4] < 24 * 60
    assert offsets[len(offsets) // 2] < 3 * 24 * 60
    assert offsets[-1] > 13 * 24 * 60


def test_ten_callers_repeat_one_building_site_at_night(rows: list[DemoRow]) -> None:
    site = [
        row
        for row in rows
        if row.expect.kind == "NOI-01" and row.expect.street_code == "110105016" and "百子" in row.text
    ]
    assert len(site) == 10
    assert max(Counter(row.phone for row in site if row.phone).values()) == 1
    assert max(row.time_offset_min for row in site) <= 7 * 24 * 60


def test_scenes_bring_what_the_pages_show(rows: list[DemoRow]) -> None:
    """Calls about one matter: two within minutes (突发), the others over days (热点社区, 被反映对象)."""
    scenes = Counter((row.expect.kind, row.expect.street_code) for row in rows if row.id >= "demo-352")
    assert scenes == {
        ("AIR-06", "110105026"): 9, ("NOI-01", "110105026"): 9, ("AIR-11", "110105026"): 7,
        ("AIR-01", "110105016"): 2, ("AIR-08", "110114012"): 7,
    }  # fmt: skip
    sudden = [row for row in rows if row.id >= "demo-352" and row.time_offset_min < 120]
    assert len({row.phone for row in sudden}) == 14


def test_news_are_few_and_one_is_nothing_of_ours(rows: list[DemoRow]) -> None:
    news = load_media()
    assert [item.id for item in news] == [f"media-{number:02d}" for number in range(1, 7)]
    assert not {item.text for item in news} & {row.text for row in rows}
    assert all(0 <= item.time_offset_min <= MAX_OFFSET_MIN for item in news)


def test_every_phone_and_id_number_is_fictitious(rows: list[DemoRow]) -> None:
    texts = ["\n".join(filter(None, (row.title, row.text, row.address))) for row in rows]
    phones = [row.phone for row in rows if row.phone is not None]
    written = [found.replace(" ", "").replace("-", "") for text in texts for found in ANY_PHONE.findall(text)]
    ids = [row.id_number for row in rows if row.id_number is not None]
    ids += [found for text in texts for found in ANY_ID.findall(text)]
    assert [phone for phone in phones + written if not FICTITIOUS_PHONE.fullmatch(phone)] == []
    assert [number for number in ids if not FICTITIOUS_ID.fullmatch(number)] == []
    # Masking must have something to show in the texts themselves.
    assert len(written) >= 8
    assert len(ids) >= 4


def test_loader_reads_a_good_line(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    path.write_bytes(orjson.dumps(GOOD) + b"\n")
    (row,) = load_demo(path)
    assert (row.id, row.channel, row.title, row.phone) == ("demo-001", Channel.PHONE, None, None)
    assert row.expect.appeal_type is AppealType.COMPLAINT


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"id": " "}, "第 2 行 id"),
        ({"id": "demo-001"}, "第 2 行 id"),
        ({"text": 5}, "第 2 行 text"),
        ({"time_offset_min": -1}, "第 2 行 time_offset_min"),
        ({"time_offset_min": MAX_OFFSET_MIN + 1}, "第 2 行 time_offset_min"),
        ({"time_offset_min": True}, "第 2 行 time_offset_min"),
        ({"channel": "pigeon"}, "第 2 行 channel"),
        ({"title": ""}, "第 2 行 title"),
        ({"phone": None}, "第 2 行 phone"),
        ({"mood": "bad"}, "第 2 行 mood"),
        ({"expect": []}, "第 2 行 expect"),
        ({"expect": {}}, "第 2 行 expect.appeal_type"),
        ({"expect": GOOD["expect"] | {"why": ""}}, "第 2 行 expect.why"),
        ({"expect": GOOD["expect"] | {"environmental": 1}}, "第 2 行 expect.environmental"),
        ({"expect": GOOD["expect"] | {"environmental": False}}, "第 2 行 expect.kind"),
        ({"expect": GOOD["expect"] | {"kind": None}}, "第 2 行 expect.kind"),
        ({"expect": GOOD["expect"] | {"kind": "air7"}}, "第 2 行 expect.kind"),
        ({"expect": GOOD["expect"] | {"appeal_type": "闲聊"}}, "第 2 行 expect.appeal_type"),
        ({"expect": GOOD["expect"] | {"urgency": "U5"}}, "第 2 行 expect.urgency"),
        ({"expect": GOOD["expect"] | {"district_code": "1101"}}, "第 2 行 expect.district_code"),
        ({"expect": GOOD["expect"] | {"district_code": "110106"}}, "第 2 行 expect.street_code"),
        ({"expect": GOOD["expect"] | {"district_code": None}}, "第 2 行 expect.street_code"),
    ],
)
def test_loader_names_line_and_field(tmp_path: Path, change: dict[str, Any], named: str) -> None:
    path = tmp_path / "two.jsonl"
    path.write_bytes(orjson.dumps(GOOD) + b"\n" + orjson.dumps(GOOD | {"id": "demo-002"} | change) + b"\n")
    with pytest.raises(BadInput) as caught:
        load_demo(path)
    assert caught.value.detail.startswith(f"two.jsonl: {named}: ")


@pytest.mark.parametrize("key", ["id", "text", "time_offset_min", "channel", "expect"])
def test_loader_names_a_missing_field(tmp_path: Path, key: str) -> None:
    path = tmp_path / "one.jsonl"
    path.write_bytes(orjson.dumps({name: value for name, value in GOOD.items() if name != key}))
    with pytest.raises(BadInput, match=f"第 1 行 {key}: 缺少"):
        load_demo(path)


def test_loader_names_every_bad_line_up_to_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "many.jsonl"
    path.write_text("[]\n{\n" * MAX_PROBLEMS, encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        load_demo(path)
    assert "第 1 行 整行: 应为对象；第 2 行 不是 JSON" in caught.value.detail
    assert caught.value.detail.count("第 ") == MAX_PROBLEMS
