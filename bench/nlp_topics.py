"""Measure the topic reader: `python -m bench.nlp_topics --data labelled.jsonl [--data more.jsonl]`.

`--data` may be a folder: its `dev.jsonl` is read, never the texts the weights were learned from. Prints a
table of the kinds that are most often wrong, then one JSON line.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from models.vocab import Urgency
from nlp.topics import TopicReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nlp.types import TopicReading

Pair = tuple[dict[str, Any], "TopicReading"]
BINS: Final = 10
SHOWN: Final = 12


def rows(path: Path) -> list[dict[str, Any]]:
    """The labelled rows. Raises ValueError naming the file and line that is not JSON."""
    path = path / "dev.jsonl" if path.is_dir() else path
    found = []
    for line, raw in enumerate(path.read_text(encoding="utf-8").rstrip("\n").split("\n"), start=1):
        try:
            found.append(json.loads(raw))
        except ValueError as fault:
            raise ValueError(f"{path.name}, line {line}: {fault}") from fault
    return found


def share(hits: Iterable[bool]) -> float:
    """The share of true ones, to four digits; 0 of none."""
    known = list(hits)
    return round(sum(known) / len(known), 4) if known else 0.0


def calibration_error(pairs: Sequence[tuple[float, bool]]) -> float:
    """Expected calibration error over ten equal bins of the probability."""
    bins: dict[int, list[tuple[float, bool]]] = {}
    for p, right in pairs:
        bins.setdefault(min(int(p * BINS), BINS - 1), []).append((p, right))
    gaps = (abs(sum(p for p, _ in held) - sum(right for _, right in held)) for held in bins.values())
    return round(sum(gaps) / len(pairs), 4) if pairs else 0.0


def environmental_figures(pairs: Sequence[Pair]) -> dict[str, float]:
    """F1, precision, recall and calibration of environmental or not."""
    hit = sum(row["environmental"] and reading.environmental for row, reading in pairs)
    given = sum(reading.environmental for _, reading in pairs)
    labelled = sum(bool(row["environmental"]) for row, _ in pairs)
    return {
        "env_f1": round(2 * hit / max(given + labelled, 1), 4),
        "env_precision": round(hit / max(given, 1), 4),
        "env_recall": round(hit / max(labelled, 1), 4),
        "env_ece": calibration_error([(r.p_environmental, bool(row["environmental"])) for row, r in pairs]),
    }


def kind_figures(pairs: Sequence[Pair]) -> dict[str, float]:
    """Of the texts labelled environmental: the kind first, either, among three; its parent; calibration."""
    asked = [(row, reading) for row, reading in pairs if row["environmental"]]
    firsts = [(row, reading.kinds[0].code if reading.kinds else "") for row, reading in asked]
    guessed = [
        (reading.kinds[0].p, reading.kinds[0].code == row.get("kind"))
        for row, reading in pairs
        if reading.kinds
    ]
    return {
        "kind_first": share(first == row["kind"] for row, first in firsts),
        "kind_either": share(first in (row["kind"], row.get("kind2")) for row, first in firsts),
        "kind_top3": share(row["kind"] in {g.code for g in reading.kinds} for row, reading in asked),
        "parent": share(first[:3] == row["kind"][:3] for row, first in firsts),
        "kind_first_and_env": share(reading.kind == row["kind"] for row, reading in asked),
        "kind_ece": calibration_error(guessed),
    }


def other_figures(pairs: Sequence[Pair]) -> dict[str, float]:
    """Type, urgency, recall and precision of U1 and U2, and the spans of who and when."""
    figures = {
        "type": share(reading.appeal_type == row["appeal_type"] for row, reading in pairs),
        "type_ece": calibration_error(
            [(r.appeal_type_confidence, r.appeal_type == row["appeal_type"]) for row, r in pairs]
        ),
        "urgency": share(reading.urgency == row["urgency"] for row, reading in pairs),
        "urgency_ece": calibration_error(
            [(r.urgency_confidence, r.urgency == row["urgency"]) for row, r in pairs]
        ),
    }
    for grade in (Urgency.U1, Urgency.U2):
        key = grade.value.lower()
        figures[f"{key}_labelled"] = sum(row["urgency"] == grade for row, _ in pairs)
        figures[f"{key}_recall"] = share(r.urgency == grade for row, r in pairs if row["urgency"] == grade)
        figures[f"{key}_precision"] = share(row["urgency"] == grade for row, r in pairs if r.urgency == grade)
    for name in ("party", "when"):
        said = [(row[name], getattr(reading, name)) for row, reading in pairs if row.get(name)]
        figures[f"{name}_exact"] = share(given == right for right, given in said)
        figures[f"{name}_overlap"] = share(
            bool(given) and (given in right or right in given) for right, given in said
        )
    return figures


def measure(reader: TopicReader, data: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """All figures; prints the kinds most often mistaken."""
    began = time.process_time()
    readings = [reader.read(row.get("title") or None, row.get("text") or "") for row in data]
    spent = time.process_time() - began
    pairs = list(zip(data, readings, strict=True))
    wrong = Counter(
        (row["kind"], reading.kinds[0].code if reading.kinds else "-")
        for row, reading in pairs
        if row["environmental"] and (not reading.kinds or reading.kinds[0].code != row["kind"])
    )
    for (right, given), count in wrong.most_common(SHOWN):
        print(f"{right} read as {given}: {count}")
    figures: dict[str, Any] = {"texts": len(data), "version": reader.version}
    figures |= environmental_figures(pairs) | kind_figures(pairs) | other_figures(pairs)
    figures["texts_per_cpu_second"] = round(len(data) / spent)
    return figures


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, action="append", help="labelled JSONL, or its folder"
    )
    options = parser.parse_args(arguments)
    data = [row for path in options.data for row in rows(path)]
    print(json.dumps(measure(TopicReader.load(), data), ensure_ascii=False))


if __name__ == "__main__":
    main()
