"""Names of public data sets (`../shared/geo`) as a site would import them: compounds, roads, stops, sights.

Used to measure what overlays do; nothing of it is shipped. Streets there are guesses, and their trust is the
share that the data set states.
"""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from nlp.coordinates import Crs
from nlp.overlay import OverlayReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nlp.overlay import OverlayRow
    from nlp.places import PlaceReader

COLUMNS: Final = ("name", "kind", "district", "street", "lon", "lat", "trust")
#: Of the landmarks, the types that are no landmark here: every kind of stop.
TYPES: Final = {"subway": "stop"}
BUS_STOP: Final = "busstop"
FILES: Final = ("compounds.csv", "roads.csv", "landmarks.csv")
Row = dict[str, str]


def overlay_rows(folder: Path, reader: PlaceReader, *, files: tuple[str, ...] = FILES) -> list[OverlayRow]:
    """The names that `jiesu gazetteer import` would keep of the folder's files."""
    kept: list[OverlayRow] = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in files:
            path = Path(scratch) / name
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS)
                writer.writeheader()
                writer.writerows(_rows(folder / name))
            for row in OverlayReader(reader.gazetteer, reader.atlas, crs=Crs.WGS84).read(path):
                kept += row if isinstance(row, list) else []
    return kept


def _rows(path: Path) -> Iterator[Row]:
    """The rows of one data set in the columns of an import."""
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            compound = path.name == "compounds.csv"
            kind = "compound" if compound else "road" if path.name == "roads.csv" else _kind(row)
            exact = not compound or row["precision"] == "point"
            street = row["street"] if compound else row["street_guess"]
            share = row["street_conf"] or "1"
            sure = compound and row["street_method"] == "community-name"
            if not row["district"] or not kind:
                continue
            yield {
                "name": row["name"],
                "kind": kind,
                "district": row["district"],
                "street": street,
                "lon": row["lon"] if exact else "",
                "lat": row["lat"] if exact else "",
                "trust": "1" if sure or not street else share,
            }


def _kind(row: Row) -> str:
    return "stop" if row["type"].startswith(BUS_STOP) else TYPES.get(row["type"], "landmark")
