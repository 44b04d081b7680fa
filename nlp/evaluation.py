"""How good readings are against labelled texts: figures, a coverage curve, a threshold for a wanted accuracy.

Pure: rows with labels and readings in, plain numbers out. Called by `jiesu nlp`, the benchmarks and the
calibration of a new model.
"""

from __future__ import annotations

import json
import math
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from models.vocab import Urgency

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from nlp.types import TopicReading

Pair = tuple[dict[str, Any], "TopicReading"]
BINS: Final = 10
#: The share of texts at which accuracy is told, beside that of all.
COVERAGE: Final = 0.88
#: A setting of review has three digits.
_SETTABLE: Final = 1000
_WORDS: Final = ("title", "text", "kind", "kind2", "appeal_type", "urgency", "party", "when")


class Point(NamedTuple):
    """One point of the curve: answers given at this confidence or above, their share, and how many hold."""

    threshold: float
    coverage: float
    accuracy: float


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a file of labels, of which each may lack any. Raises ValueError naming file and line."""
    return [row for _, row in _numbered(path)]


def labelled(path: Path, known: Mapping[str, Collection[str]] | None = None) -> list[dict[str, Any]]:
    """The rows that figures are told of. Raises ValueError naming the file, the line and what it lacks.

    `known` are the values that a label may have, by its name; None lets any pass.
    """
    found = []
    for where, row in _numbered(path):
        if words := _lacks(row) or _unknown(row, known or {}):
            raise ValueError(f"{where}：{words}")
        found.append(row)
    return found


def _numbered(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """Each row with where it stands, in words for people."""
    path = path / "dev.jsonl" if path.is_dir() else path
    found = []
    for line, raw in enumerate(path.read_bytes().split(b"\n"), start=1):
        where = f"{path.name} 第 {line} 行"
        try:
            text = raw.decode("utf-8-sig" if line == 1 else "utf-8").strip()
        except UnicodeDecodeError:
            raise ValueError(f"{where}：不是 UTF-8 文字") from None
        if not text:
            continue
        try:
            row = json.loads(text)
        except ValueError:
            raise ValueError(f"{where}：不是一行 JSON") from None
        if not isinstance(row, dict):
            raise ValueError(f"{where}：应是一个对象（{{…}}）")  # noqa: TRY004  (a fault of the line)
        found.append((where, row))
    return found


def _lacks(row: dict[str, Any]) -> str | None:
    """What keeps a row from being counted; None: nothing."""
    for name in _WORDS:
        if row.get(name) is not None and not isinstance(row[name], str):
            return f"{name} 应是文字"
    if not isinstance(row.get("environmental"), bool):
        return "缺少 environmental，应是 true 或 false"
    if row["environmental"] and not isinstance(row.get("kind"), str):
        return "environmental 是 true，kind 应是种类代码"
    return None


def _unknown(row: dict[str, Any], known: Mapping[str, Collection[str]]) -> str | None:
    """The first label that has a value which is none of those known; None: none has."""
    for name, values in known.items():
        if row.get(name) and row[name] not in values:
            return f"{name} 没有这个值：{row[name][:40]}"
    return None


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
    """Type, urgency, recall and precision of U1 and U2, and the spans of who and when.

    A label that a row lacks leaves it out: a city's own tickets seldom have all of them.
    """
    typed = [(row, reading) for row, reading in pairs if row.get("appeal_type")]
    graded = [(row, reading) for row, reading in pairs if row.get("urgency")]
    figures = {
        "type": share(reading.appeal_type == row["appeal_type"] for row, reading in typed),
        "type_ece": calibration_error(
            [(r.appeal_type_confidence, r.appeal_type == row["appeal_type"]) for row, r in typed]
        ),
        "urgency": share(reading.urgency == row["urgency"] for row, reading in graded),
        "urgency_ece": calibration_error(
            [(r.urgency_confidence, r.urgency == row["urgency"]) for row, r in graded]
        ),
    }
    for grade in (Urgency.U1, Urgency.U2):
        key = grade.value.lower()
        figures[f"{key}_labelled"] = sum(row["urgency"] == grade for row, _ in graded)
        figures[f"{key}_recall"] = share(r.urgency == grade for row, r in graded if row["urgency"] == grade)
        figures[f"{key}_precision"] = share(
            row["urgency"] == grade for row, r in graded if r.urgency == grade
        )
    for name in ("party", "when"):
        said = [(row[name], getattr(reading, name)) for row, reading in pairs if row.get(name)]
        figures[f"{name}_exact"] = share(given == right for right, given in said)
        figures[f"{name}_overlap"] = share(
            bool(given) and (given in right or right in given) for right, given in said
        )
    return figures


def curve(pairs: Sequence[Pair]) -> list[Point]:
    """Coverage against accuracy of the kind (either labelled one), over the texts labelled environmental.

    Texts of one confidence are one point: whoever takes one of them takes all.
    """
    asked = sorted(
        (
            (reading.kinds[0].p, reading.kinds[0].code in (row["kind"], row.get("kind2")))
            for row, reading in pairs
            if row["environmental"] and reading.kinds
        ),
        reverse=True,
    )
    total = sum(bool(row["environmental"]) for row, _ in pairs)
    found, right, count = [], 0, 0
    for p, alike in groupby(asked, key=lambda answer: answer[0]):
        hits = [hit for _, hit in alike]
        right, count = right + sum(hits), count + len(hits)
        found.append(Point(p, round(count / total, 4), round(right / count, 4)))
    return found


def settable(points: Sequence[Point]) -> list[Point]:
    """The points of a curve that a setting can ask for, with what it then covers, and how much of it holds.

    Rounded down, never up: rounded up, the last text that counts would go to a person, at 1.00 every one.
    """
    return [
        Point(step / _SETTABLE, *list(alike)[-1][1:])
        for step, alike in groupby(points, key=lambda point: math.floor(point.threshold * _SETTABLE))
    ]


def at_coverage(points: Sequence[Point], share: float = COVERAGE) -> float:
    """The accuracy of the surest `share` of the texts; 0 when fewer are answered at all."""
    return next((point.accuracy for point in points if point.coverage >= share), 0.0)


def threshold_for(points: Sequence[Point], accuracy: float) -> Point | None:
    """The point of the greatest coverage that is accurate enough; None when there is none."""
    good = [point for point in points if point.accuracy >= accuracy]
    return max(good, key=lambda point: point.coverage, default=None)


def figures(pairs: Sequence[Pair]) -> dict[str, Any]:
    """All figures of the readings of labelled texts."""
    found: dict[str, Any] = {"texts": len(pairs)}
    found |= environmental_figures(pairs) | kind_figures(pairs) | other_figures(pairs)
    found["kind_either_at_88_percent"] = at_coverage(curve(pairs))
    return found
