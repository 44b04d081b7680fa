"""The benches of places print one JSON line and count right, on a few rows of our own."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from bench import nlp_places, place_failures, place_independent
from bench.place_overlays import overlay_rows
from nlp.places import PlaceReader

READER = PlaceReader.load()
STREET = {
    "title": None,
    "text": "海淀区上地街道有异味",
    "precision": "street",
    "community": None,
    "place": "海淀区上地街道",
    "district": "海淀区",
    "street": "上地街道",
    "street_code": "110108022",
}
COMMUNITY = {
    "title": None,
    "text": "望京西园四区太吵",
    "precision": "community",
    "community": "望京西园四区社区居委会",
    "place": "望京西园四区",
    "district": "朝阳区",
    "street": "望京街道",
    "street_code": "110105026",
}
NOWHERE: dict[str, Any] = {"title": None, "text": "楼上跳绳太吵", "places": []}
POINT = {"district": "朝阳区", "lon": "116.4701", "lat": "39.9965"}


def table(path: Path, *found: dict[str, str]) -> None:
    columns = {column: "" for row in found for column in row}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(columns), restval="")
        writer.writeheader()
        writer.writerows(found)


def jsonl(path: Path, *found: dict[str, Any]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in found), encoding="utf-8")
    return str(path)


@pytest.fixture
def geo(tmp_path: Path) -> Path:
    """A compound and a stop of one name from two sources, some hundred metres apart; a road; a guess."""
    folder = tmp_path / "geo"
    folder.mkdir()
    compound = {"name": "青禾里花园", "precision": "point", **POINT}
    known = {"street": "望京街道", "street_method": "community-name", "street_conf": ""}
    guess = {
        "name": "柳泉家园",
        "precision": "area-centroid",
        "street_method": "knn-area",
        "street_conf": "0.7",
    }
    table(
        folder / "compounds.csv",
        compound | known,
        POINT | {"street": "望京街道"} | guess,
        {"name": "无区园", "district": ""},
    )
    table(
        folder / "roads.csv", {"name": "青禾东路", "street_guess": "望京街道", "street_conf": "0.7", **POINT}
    )
    stop = {"name": "青禾里花园", "type": "busstop:compound", "street_guess": "", "street_conf": ""}
    table(folder / "landmarks.csv", stop | POINT | {"lat": "39.9985"})
    table(folder / "community_anchors.csv", {"community_code": "110105026038", **POINT})
    return folder


def test_public_names_become_the_rows_of_an_import(geo: Path) -> None:
    rows = {(row.kind, row.name): row for row in overlay_rows(geo, READER)}
    assert set(rows) == {
        ("compound", "青禾里花园"),
        ("compound", "柳泉家园"),
        ("road", "青禾东路"),
        ("stop", "青禾里花园"),
    }
    sure, guess = rows["compound", "青禾里花园"], rows["compound", "柳泉家园"]
    assert (sure.code, sure.trust, sure.lon) == ("110105026", 1.0, 116.4701)
    assert (guess.code, guess.trust, guess.lon) == ("110105026", 0.7, None)


def test_the_bench_prints_one_json_line_last(
    tmp_path: Path, geo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = jsonl(tmp_path / "data.jsonl", STREET, COMMUNITY)
    asked = ["--data", data, "--elsewhere", data, "--letters", data, "--geo", str(geo)]
    asked += ["--nowhere", jsonl(tmp_path / "gold.jsonl", NOWHERE, STREET | {"places": ["上地街道"]})]
    asked += ["--points", str(geo / "community_anchors.csv"), "--peers", str(tmp_path / "no-python")]
    nlp_places.main(asked)
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (figures["texts"], figures["street_right"], figures["community_right"]) == (2, 1.0, 1.0)
    assert figures["elsewhere"]["data"] == {"texts": 2, "district_given": 1.0}
    assert figures["letters"]["street_given"] == 1.0
    assert figures["nowhere"] == {"texts": 1, "given": 0}
    assert figures["metres"]["community"]["texts"] == 1
    assert figures["metres"]["community"]["median_m"] < 3_000
    assert figures["spellings"]["no_district"]["street_right"] == 1.0
    assert (figures["with_overlays"]["names"], figures["with_overlays"]["street_right"]) == (4, 1.0)
    assert figures["peers"] == {"absent": "could not be run: FileNotFoundError"}


def test_letters_are_counted_by_what_tells_their_district() -> None:
    texts = [STREET | {"id": "1"}, COMMUNITY | {"id": "2"}, NOWHERE | {"id": "3"}, NOWHERE | {"id": "4"}]
    labels: list[dict[str, Any]] = [
        {"id": "1", "district_code": "110108", "told": "district"},
        {"id": "2", "district_code": "110108", "told": "community"},
        {"id": "3", "district_code": "110108", "told": "overlay_only"},
        {"id": "4", "district_code": None, "told": None},
        {"id": "5", "district_code": "110108", "told": "street"},
    ]
    found = nlp_places.labelled_letters(texts, nlp_places.read_all(READER, texts), labels)
    assert found["all"] == {"letters": 3, "right": 1, "wrong": 1, "share_right": 0.3333}
    assert found["knowable"] == {"letters": 2, "right": 1, "wrong": 1, "share_right": 0.5}
    assert list(found["told"]) == ["community", "district", "overlay_only"]
    assert found["nowhere"] == {"letters": 1, "given": 0}


def test_every_labelled_letter_says_what_tells_its_district() -> None:
    labels = nlp_places.rows(nlp_places.LABELS)
    assert {row["told"] for row in labels if row["district_code"] is None} == {None}
    told = {row["told"] for row in labels if row["district_code"]}
    assert told == {"district", "street", "community", "landmark", nlp_places.OVERLAY_ONLY}


def test_the_bench_says_which_texts_are_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        nlp_places.main(["--data", str(tmp_path / "none.jsonl")])
    assert "none.jsonl is not there" in capsys.readouterr().err


def test_overlays_are_measured_against_another_source(tmp_path: Path, geo: Path) -> None:
    letter = {"title": None, "text": "望京街道青禾里花园旁边施工，扬尘很大。"}
    jsonl(tmp_path / "beijing" / "letters.jsonl", letter, letter)
    jsonl(tmp_path / "beijing" / "transplant_dev.jsonl", STREET)
    figures = place_independent.measure(tmp_path, geo)
    written = figures["street_written_before_it"]
    assert (written["cases"], written["street_right"], written["street_precision"]) == (1, 1, 1.0)
    found = figures["compounds_against_stops"]["compound"]
    assert (found["texts"], found["median_m"], found["within_radius"]) == (1, 222, 1.0)


def test_the_page_of_failures_tells_ids_units_and_causes_and_no_text(tmp_path: Path) -> None:
    wrong = STREET | {"id": "a", "district": "朝阳区", "street": "望京街道", "street_code": "110105026"}
    coarser = COMMUNITY | {"id": "b", "text": "望京街道太吵", "place": "望京街道"}
    nothing = STREET | {"id": "c", "text": "楼下太吵了"}
    jsonl(tmp_path / "beijing" / "transplant_dev.jsonl", nothing, coarser, wrong, STREET | {"id": "d"})
    jsonl(tmp_path / "beijing" / "letters.jsonl", NOWHERE | {"id": "x"})
    jsonl(tmp_path / "hotline" / "far.jsonl", NOWHERE, STREET)
    found = place_failures.hardest(READER, tmp_path)
    assert [(failure.dataset, failure.id, failure.level) for failure in found] == [
        ("transplant_dev", "a", "street"),
        ("transplant_dev", "c", "street"),
        ("transplant_dev", "b", "community"),
        ("far", "line 2", "none"),
    ]
    page = place_failures.page(found, {("transplant_dev", "a", "plain"): "namesakes"})
    assert "| 1 | transplant_dev a | plain | street: 朝阳区望京街道 | 海淀区上地街道 |" in page
    assert page.count(place_failures.CAUSES["namesakes"][0]) == 2
    assert "| not read yet | 3 | – |" in page
    assert not [text for text in ("有异味", "太吵") if text in page]


def test_every_failure_of_the_page_was_read_and_each_cause_is_known() -> None:
    causes = place_failures.read_causes()
    page = (Path(place_failures.__file__).parents[1] / "docs" / "place-failures.md").read_text("utf-8")
    assert set(causes.values()) <= set(place_failures.CAUSES)
    assert place_failures.NOT_READ not in page
    assert "| 60 |" in page
