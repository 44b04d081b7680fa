"""A site's own names: checked by row, kept once, and read without outvoting the registry. Names are ours."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from models.vocab import Precision
from nlp import overlay
from nlp.coordinates import Crs, wgs_to_gcj
from nlp.gazetteer import GazetteerError
from nlp.overlay import BadRow, OverlayReader, OverlayRow
from nlp.places import PlaceReader

if TYPE_CHECKING:
    from pathlib import Path

READER = PlaceReader.load()
WANGJING = (116.4701, 39.9965)


def names_of(path: Path, text: str, crs: Crs | None = None) -> list[list[OverlayRow] | BadRow]:
    path.write_text(text, encoding="utf-8")
    return list(OverlayReader(READER.gazetteer, READER.atlas, crs=crs).read(path))


def with_names(*rows: OverlayRow) -> PlaceReader:
    return PlaceReader(READER.gazetteer, [row.place_name() for row in rows])


def test_a_csv_row_gives_a_name_and_its_aliases(tmp_path: Path) -> None:
    text = "名称,类型,区,街道,别名\n青禾里花园,小区,朝阳区,望京街道,青禾里|青禾里北院\n"
    (rows,) = names_of(tmp_path / "a.csv", text)
    assert isinstance(rows, list)
    assert [(row.kind, row.name, row.code) for row in rows] == [
        ("compound", "青禾里花园", "110105026"),
        ("compound", "青禾里", "110105026"),
        ("compound", "青禾里北院", "110105026"),
    ]


def test_jsonl_and_gb18030_are_read_too(tmp_path: Path) -> None:
    (one,) = names_of(
        tmp_path / "a.jsonl",
        '{"name": "青禾里花园", "kind": "compound", "district": "朝阳", "aliases": ["青禾苑"]}\n',
    )
    assert isinstance(one, list)
    assert [row.name for row in one] == ["青禾里花园", "青禾苑"]
    path = tmp_path / "b.csv"
    path.write_bytes("name,kind,district\n青禾里花园,compound,朝阳区\n".encode("gb18030"))
    (two,) = OverlayReader(READER.gazetteer, READER.atlas).read(path)
    assert isinstance(two, list)
    assert two[0].code == "110105"


def test_coordinates_come_out_in_wgs84(tmp_path: Path) -> None:
    lon, lat = wgs_to_gcj(*WANGJING)
    text = f"name,kind,lon,lat,district\n青禾里花园,compound,{lon},{lat},朝阳区\n"
    (rows,) = names_of(tmp_path / "a.csv", text, Crs.GCJ02)
    assert isinstance(rows, list)
    assert (rows[0].lon, rows[0].lat) == pytest.approx(WANGJING, abs=1e-6)
    assert rows[0].code.startswith("110105")


BAD = [
    ("village,青禾里花园,朝阳区,,,", "kind", "不是"),
    ("compound,,朝阳区,,,", "name", "空的"),
    ("compound,医院,朝阳区,,,", "name", "通称"),
    ("compound,3,朝阳区,,,", "name", "太短"),
    ("stop,长春市,朝阳区,,,", "name", "外地"),
    ("compound,青禾里花园,沙河区,,,", "district", "不在地名库里"),
    ("compound,青禾里花园,,,,", "district", "没有坐标"),
    ("compound,青禾里花园,朝阳区,116.47,39.99,", "crs", "坐标系"),
    ("compound,青禾里花园,朝阳区,116.47,39.99,CGCS", "crs", "不认识"),
    ("compound,青禾里花园,朝阳区,东,39.99,WGS-84", "lon", "不是数字"),
    ("compound,青禾里花园,朝阳区,39.99,116.47,WGS-84", "lon", "不在北京范围"),
    ("compound,青禾里花园,密云区,116.47,39.99,WGS-84", "district", "不符"),
]


@pytest.mark.parametrize(("row", "field", "reason"), BAD)
def test_a_bad_row_says_where_and_why_and_the_rest_goes_in(
    tmp_path: Path, row: str, field: str, reason: str
) -> None:
    text = f"kind,name,district,lon,lat,crs\n{row}\ncompound,青禾里花园,朝阳区,,,\n"
    bad, good = names_of(tmp_path / "a.csv", text)
    assert isinstance(bad, BadRow)
    assert (bad.file, bad.line, bad.field) == ("a.csv", 2, field)
    assert reason in bad.reason
    assert isinstance(good, list)


def test_a_line_that_is_no_object_is_a_bad_row(tmp_path: Path) -> None:
    bad, good = names_of(
        tmp_path / "a.jsonl", '{"name"\n{"name": "青禾里", "kind": "compound", "district": "朝阳区"}\n'
    )
    assert isinstance(bad, BadRow)
    assert (bad.line, bad.reason) == (1, "不是 JSON 对象")
    assert isinstance(good, list)


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"\xff\xff\xff\x80"])
def test_a_file_that_cannot_be_read_is_refused_whole(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(GazetteerError, match=r"a\.csv"):
        list(OverlayReader(READER.gazetteer, READER.atlas).read(path))


def test_a_wrong_street_is_replaced_and_a_name_can_be_removed() -> None:
    wrong = OverlayRow("compound", "青禾里花园", "110105026")
    right = OverlayRow("compound", "青禾里花园", "110105027")
    stop = OverlayRow("stop", "青禾里花园", "110105026")
    assert overlay.merge([wrong, stop], [right]) == ([wrong, right, stop], 1, 0, 0)
    assert overlay.merge([wrong, stop], [right], replace=True) == ([right, stop], 1, 0, 1)
    assert overlay.merge([right, stop], [right], replace=True) == ([right, stop], 0, 0, 0)
    assert overlay.without([wrong, stop], "青禾里花园", kind="stop") == ([wrong], [stop])
    assert overlay.without([wrong, right], "青禾里花园", code="110105027") == ([wrong], [right])
    assert overlay.without([wrong], "青禾里") == ([wrong], [])


def test_importing_twice_changes_nothing_and_a_new_point_replaces_the_old(tmp_path: Path) -> None:
    one = OverlayRow("compound", "青禾里花园", "110105026", 116.47, 39.99)
    assert overlay.merge([], [one, one]) == ([one], 1, 0, 0)
    rows = [one]
    moved = OverlayRow("compound", "青禾里花园", "110105026", 116.48, 39.99)
    assert overlay.merge(rows, [one]) == ([one], 0, 0, 0)
    assert overlay.merge(rows, [moved]) == ([moved], 0, 1, 0)
    kept = tmp_path / "places.jsonl"
    kept.write_text(overlay.dump(rows), encoding="utf-8")
    assert overlay.load(kept) == rows
    assert overlay.load(tmp_path / "none.jsonl") == []


def test_a_compound_is_found_with_its_point_and_precision() -> None:
    reader = with_names(OverlayRow("compound", "青禾里花园", "110105026", *WANGJING))
    reading = reader.read(None, "青禾里花园楼下烧烤油烟大")
    assert (reading.street, reading.precision) == ("望京街道", Precision.COMPOUND)
    assert (reading.lon, reading.lat, reading.radius) == (*WANGJING, 650)


def test_a_door_is_finer_than_a_compound() -> None:
    reader = with_names(OverlayRow("site", "青禾路9号院", "110105026", *WANGJING))
    assert reader.read(None, "朝阳区青禾路9号院夜间施工").precision is Precision.DOOR


def test_a_road_through_two_streets_leaves_its_district_and_both_as_candidates() -> None:
    road = [OverlayRow("road", "青禾路", code, *WANGJING) for code in ("110105026", "110105043")]
    reading = with_names(*road).read(None, "朝阳区青禾路渣土车遗撒")
    assert (reading.district, reading.street) == ("朝阳区", None)
    assert "同名的有2处，只取共同的上级" in reading.candidates[0].why


def test_an_exact_community_outranks_compounds_roads_and_stops() -> None:
    reader = with_names(
        OverlayRow("stop", "望京西园四区", "110105043", 116.48, 39.98),
        OverlayRow("road", "望京西园", "110105043", 116.48, 39.98),
    )
    assert reader.read(None, "望京西园四区太吵").street == "望京街道"


def test_near_a_coarse_border_the_written_district_is_believed(tmp_path: Path) -> None:
    text = "name,kind,district,lon,lat,crs\n北京西站南广场,landmark,{},116.3229,39.8943,WGS-84\n"
    (rows,) = names_of(tmp_path / "a.csv", text.format("丰台区"))
    assert isinstance(rows, list)
    assert rows[0].code.startswith("110106")
    (bad,) = names_of(tmp_path / "b.csv", text.format("大兴区"))
    assert isinstance(bad, BadRow)
    assert "坐标在西城区" in bad.reason


def test_a_plain_name_counts_only_after_its_district(tmp_path: Path) -> None:
    (rows,) = names_of(tmp_path / "a.csv", "name,kind,district,street\n城市广场,landmark,朝阳区,望京街道\n")
    assert isinstance(rows, list)
    assert rows[0].common
    reader = with_names(*rows)
    assert reader.read(None, "城市广场有人跳舞").district is None
    assert reader.read(None, "朝阳区城市广场有人跳舞").street == "望京街道"


def test_a_street_that_is_a_guess_is_worth_its_trust() -> None:
    sure = with_names(OverlayRow("compound", "青禾里花园", "110105026", *WANGJING))
    guessed = with_names(OverlayRow("compound", "青禾里花园", "110105026", *WANGJING, 0.75))
    text = "朝阳区青禾里花园太吵"
    assert guessed.read(None, text).confidence < sure.read(None, text).confidence
    assert "街道由附近地点推定" in guessed.read(None, text).candidates[0].why


def test_a_click_gives_district_streets_and_community() -> None:
    own = OverlayRow("landmark", "望京西园四区", "110105026038", *WANGJING)
    found = with_names(own).atlas.reverse(WANGJING[0], WANGJING[1] + 0.001)
    assert found.district is not None
    assert (found.district.name, len(found.streets)) == ("朝阳区", 3)
    assert found.community is not None
    assert (found.community.code, found.community.metres) == ("110105026038", 111)


def test_a_click_outside_gives_nothing() -> None:
    assert READER.atlas.reverse(121.47, 31.23).district is None


@pytest.mark.parametrize(
    ("rows", "precision"),
    [
        ([OverlayRow("compound", "望京西园四区", "110105043", *WANGJING, 0.7)], Precision.COMPOUND),
        # its street is sure, so it is another place; or there are two of them
        ([OverlayRow("compound", "望京西园四区", "110105043", *WANGJING)], Precision.COMMUNITY),
        (
            [
                OverlayRow("compound", "望京西园四区", "110105043", *WANGJING, 0.7),
                OverlayRow("stop", "望京西园四区", "110105017", 116.5, 39.9, 0.7),
            ],
            Precision.COMMUNITY,
        ),
    ],
)
def test_a_community_takes_the_point_of_its_namesake_whose_street_is_but_a_guess(
    rows: list[OverlayRow], precision: Precision
) -> None:
    reading = with_names(*rows).read(None, "朝阳区望京西园四区太吵")
    assert (reading.community_code, reading.precision) == ("110105026038", precision)


@pytest.mark.parametrize("sign", ["\u2028", "\u2029", "\u0085", "\ud800", "\u200b", "\u202e", "\x1c", "\x0b"])
def test_signs_that_nobody_sees_are_no_part_of_a_name(tmp_path: Path, sign: str) -> None:
    """One that breaks lines made the kept file unreadable, and with it every process that reads places."""
    told = {
        "name": f"青禾{sign}里花园",
        "kind": f"小区{sign}",
        "district": "朝阳区",
        "aliases": f"青禾{sign}苑",
    }
    (rows,) = names_of(tmp_path / "a.jsonl", json.dumps(told) + "\n")
    assert isinstance(rows, list)
    assert rows[0].name == "青禾里花园"
    kept = tmp_path / "kept.jsonl"
    kept.write_text(overlay.dump(rows), encoding="utf-8")
    assert overlay.load(kept) == rows


@pytest.mark.parametrize("sign", ["\u2028", "\u2029", "\u0085"])
def test_a_kept_file_of_before_is_read_again(tmp_path: Path, sign: str) -> None:
    rows = [OverlayRow("compound", f"青禾{sign}里", "110105"), OverlayRow("compound", "青禾苑", "110105")]
    kept = tmp_path / "kept.jsonl"
    kept.write_text(overlay.dump(rows), encoding="utf-8")
    assert overlay.load(kept) == rows


QUOTED = "名称,类型,区,备注\n{}青禾甲院,小区,朝阳区,\n青禾乙院,小区,朝阳区,\n"


@pytest.mark.parametrize(
    ("above", "bad", "good"),
    [
        ('"青禾丙院,小区,朝阳区,\n', [2], ["青禾甲院", "青禾乙院"]),
        ('"青禾丙院,小区,朝阳区,\n"青禾丁院,小区,朝阳区,\n', [2, 3], ["青禾甲院", "青禾乙院"]),
        ('"青禾丙院,小区,朝阳区,\n青禾丁院",小区,朝阳区,\n', [2], ['青禾丁院"', "青禾甲院", "青禾乙院"]),
        ('青禾丙院,小区,朝阳区,"问\n答"\n', [], ["青禾丙院", "青禾甲院", "青禾乙院"]),
        ('青禾丙院,小区,朝阳区,"甲,乙,\n丙,丁\n"\n\n', [], ["青禾丙院", "青禾甲院", "青禾乙院"]),
        ('"青禾丙院"x,小区,朝阳区,\n', [2], ["青禾甲院", "青禾乙院"]),
        ('"青禾""丙""院","小区",朝阳区\n', [], ['青禾"丙"院', "青禾甲院", "青禾乙院"]),
        ('"' + "x\n" * 60, [2, *range(3, 62)], ["青禾甲院", "青禾乙院"]),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_an_open_quote_costs_its_own_row(
    tmp_path: Path, above: str, bad: list[int], good: list[str], end: str
) -> None:
    """It swallowed the rest of the file, and the import said that one row was bad."""
    path = tmp_path / "a.csv"
    path.write_bytes(QUOTED.format(above).replace("\n", end).encode())
    rows = list(OverlayReader(READER.gazetteer, READER.atlas).read(path))
    assert [row.line for row in rows if isinstance(row, BadRow)] == bad
    assert [row[0].name for row in rows if isinstance(row, list)] == good


def test_aliases_on_lines_of_their_own(tmp_path: Path) -> None:
    text = '名称,类型,区,别名\n青禾里花园,小区,朝阳区,"青禾里\n青禾苑"\n'
    (rows,) = names_of(tmp_path / "a.csv", text)
    assert isinstance(rows, list)
    assert [row.name for row in rows] == ["青禾里花园", "青禾里", "青禾苑"]
