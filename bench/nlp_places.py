"""Measure the place reader: each level right, calibration, speed, false districts in another city.

`python -m bench.nlp_places --data labelled.jsonl [--elsewhere other_city.jsonl]`: a table, then one JSON
line.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlp.places import PlaceReader

if TYPE_CHECKING:
    from nlp.types import PlaceReading

SURE = 0.5
BINS = 10
LEVELS = ("district", "street", "community")


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a jsonl file. Raises ValueError naming the line that is not JSON."""
    found = []
    for line, raw in enumerate(path.read_text(encoding="utf-8").rstrip("\n").split("\n"), start=1):
        try:
            found.append(json.loads(raw))
        except ValueError as fault:
            raise ValueError(f"{path.name}, line {line}: {fault}") from fault
    return found


def read_all(reader: PlaceReader, data: list[dict[str, Any]]) -> tuple[list[PlaceReading], float]:
    """Read every text; gives the readings and texts per CPU-second."""
    texts = [(row.get("title"), row.get("text") or "") for row in data]
    began = time.process_time()
    readings = [reader.read(title, text) for title, text in texts]
    return readings, len(texts) / (time.process_time() - began)


def finest_right(row: dict[str, Any], reading: PlaceReading) -> bool:
    """Whether the finest unit that was given is the labelled one."""
    given = next((level for level in reversed(LEVELS) if getattr(reading, level)), None)
    if given is None:
        return False
    return reading.district == row["district"] and bool(getattr(reading, given) == row[given])


def accuracy(data: list[dict[str, Any]], readings: list[PlaceReading]) -> dict[str, float]:
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
        figures[f"{level}_right"] = round(right / len(labelled), 4)
        figures[f"{level}_coverage"] = round(given / len(labelled), 4)
        figures[f"{level}_precision"] = round(right / max(given, 1), 4)
    return figures


def calibration(data: list[dict[str, Any]], readings: list[PlaceReading]) -> float:
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


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="jsonl with district, street, community labels"
    )
    parser.add_argument("--elsewhere", type=Path, help="jsonl of texts of another city")
    options = parser.parse_args(arguments)
    reader = PlaceReader.load()
    data = rows(options.data)
    readings, speed = read_all(reader, data)
    figures: dict[str, Any] = {"texts": len(data), "version": reader.version}
    figures |= accuracy(data, readings)
    for precision in sorted({row["precision"] for row in data}):
        chosen = [
            (row, reading)
            for row, reading in zip(data, readings, strict=True)
            if row["precision"] == precision
        ]
        right = sum(finest_right(row, reading) for row, reading in chosen)
        print(f"labelled {precision}: {len(chosen)} texts, finest unit given right {right / len(chosen):.4f}")
    figures["ece"] = calibration(data, readings)
    figures["texts_per_cpu_second"] = round(speed)
    if options.elsewhere:
        other, _ = read_all(reader, rows(options.elsewhere))
        figures["elsewhere_texts"] = len(other)
        figures["elsewhere_district"] = round(sum(bool(r.district) for r in other) / len(other), 4)
        figures["elsewhere_district_sure"] = round(sum(r.confidence >= SURE for r in other) / len(other), 4)
    print(json.dumps(figures, ensure_ascii=False))


if __name__ == "__main__":
    main()
