"""Measure overlays against truth of another source: streets that citizens wrote, points of another publisher.

`python -m bench.place_independent`: prints one JSON line.

Streets: a text that names a street or community (with its suffix) right before a name that only the overlay
knows. The street and every other name of a place are blotted out, and the overlay has to say the street that
the citizen wrote. The overlay's own street is a guess from points, so the two are independent.

Points: compounds (a property site, BD-09) and bus stops (a map service, GCJ-02) of one name in one district.
The reader knows one of the two, the other is the truth. A stop lies at a compound's gate, not in its middle:
the error told includes that.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bench.nlp_places import DATA, GEO, rows
from bench.place_overlays import overlay_rows
from nlp.gazetteer import DISTRICT, STREET, fold
from nlp.place_group import OVERLAY_KINDS
from nlp.place_point import metres
from nlp.places import PlaceReader
from nlp.types import source_text

if TYPE_CHECKING:
    from nlp.overlay import OverlayRow
    from nlp.place_match import Mention
    from nlp.place_score import Scene

BLOT: Final = "某"
SHORTEST: Final = 3
TEXTS: Final = (
    "beijing/letters.jsonl",
    "beijing/transplant_dev.jsonl",
)


def _said_street(mention: Mention) -> str:
    """The one street that a mention with its suffix stands for, or lies in."""
    codes = {name.code[:STREET] for name in mention.names if name.kind not in OVERLAY_KINDS}
    code = codes.pop() if len(codes) == 1 else ""
    return code if len(code) == STREET and mention.suffix > DISTRICT and not mention.near else ""


def _only_overlay(mention: Mention) -> bool:
    return bool(mention.names) and all(name.kind in OVERLAY_KINDS - {"known"} for name in mention.names)


def blotted(source: str, scene: Scene, keep: int) -> str:
    """The text without any other name of a place: a letter about a bus names many that are not the scene."""
    signs = list(source)
    for at, mention in enumerate(scene.mentions):
        if at != keep:
            signs[mention.start : mention.end] = BLOT * (mention.end - mention.start)
    return "".join(signs)


def streets(reader: PlaceReader, texts: list[str], *, district: bool) -> dict[str, Any]:
    """How often an overlay's name says the street that was written before it."""
    seen: set[tuple[str, str]] = set()
    counts: Counter[str] = Counter()
    for source in texts:
        scene, _ = reader.look(source)
        for at in range(1, len(scene.mentions)):
            code, mention = _said_street(scene.mentions[at - 1]), scene.mentions[at]
            # Nothing between them: a dash or a comma joins the stops of a route.
            if not code or scene.mentions[at - 1].end != mention.start or not _only_overlay(mention):
                continue
            if (code, mention.stem) in seen:  # one compound in many letters is one case
                continue
            seen.add((code, mention.stem))
            begin, end = mention.start, mention.end
            if district:
                name = reader.gazetteer.places[code[:DISTRICT]].name
                short = f"{name}{source[begin:end]}有异味"
            else:
                short = blotted(source, scene, at)
            reading = reader.read(None, short)
            counts["cases"] += 1
            counts["street_given"] += reading.street_code is not None
            counts["street_right"] += reading.street_code == code
            counts["district_given"] += reading.district_code is not None
            counts["district_right"] += reading.district_code == code[:DISTRICT]
    given = max(counts["street_given"], 1)
    return {**counts, "street_precision": round(counts["street_right"] / given, 3)}


def points(
    reader: PlaceReader, known: list[OverlayRow], truth: list[OverlayRow]
) -> dict[str, dict[str, float]]:
    """Metres between the point given and that of the other source, by precision."""
    place_reader = PlaceReader(reader.gazetteer, [row.place_name() for row in known])
    theirs: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for row in truth:
        if row.lon is not None and row.lat is not None and len(row.name) >= SHORTEST:
            theirs[row.code[:DISTRICT], fold(row.name)].append((row.lon, row.lat))
    ours = Counter((row.code[:DISTRICT], fold(row.name)) for row in known)
    far: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    for (district, name), where in sorted(theirs.items()):
        if len(where) != 1 or ours[district, name] != 1:
            continue
        text = f"{reader.gazetteer.places[district].name}{name}有异味"
        reading = place_reader.read(None, text)
        if reading.lon is None or reading.lat is None:
            far["none"].append((0.0, False))
            continue
        off = metres(where[0], (reading.lon, reading.lat))
        far[reading.precision.value].append((off, off <= (reading.radius or 0)))
    return {
        kind: {
            "texts": len(found),
            "median_m": round(statistics.median(off for off, _ in found)),
            "nine_of_ten_m": round(sorted(off for off, _ in found)[int(0.9 * len(found))]),
            "within_radius": round(sum(near for _, near in found) / len(found), 3),
        }
        for kind, found in sorted(far.items())
    }


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of texts")
    parser.add_argument("--geo", type=Path, default=GEO, help="folder of public place names")
    options = parser.parse_args(arguments)
    print(json.dumps(measure(options.data, options.geo), ensure_ascii=False))


def measure(data: Path, geo: Path) -> dict[str, Any]:
    """All figures."""
    plain = PlaceReader.load()
    names = overlay_rows(geo, plain)
    reader = PlaceReader(plain.gazetteer, [row.place_name() for row in names])
    texts = [
        source_text(row.get("title"), row.get("text") or "") for file in TEXTS for row in rows(data / file)
    ]
    compounds = [row for row in names if row.kind == "compound"]
    stops = [row for row in names if row.kind == "stop"]
    return {
        "street_written_before_it": streets(reader, texts, district=False),
        "the_same_with_district": streets(reader, texts, district=True),
        "compounds_against_stops": points(plain, compounds, stops),
        "stops_against_compounds": points(plain, stops, compounds),
    }


if __name__ == "__main__":
    main()
