"""How well the tone of appeals is read (语气): our labels by ids, the texts outside of the repository.

`python -m bench.mood --texts DIR` looks for the ids of `nlp/training/mood_labels.jsonl` in the JSONL files
below DIR. Each text is read as far as its label was given from. The last line is one JSON object: precision
and recall of 激烈 and of 负面 with their counts and 95 % intervals (Wilson), the share of tones that are
right, microseconds of CPU a text. The rows were mended with both sets in view; docs/nlp.md has the figures
before that.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any, Final

from models.vocab_mood import Mood
from nlp.sentiment import MoodReader
from nlp.types import source_text

#: The complaint sets beside the checkout.
BESIDE: Final = Path(__file__).resolve().parents[2] / "shared" / "data"
LABELS: Final = Path(__file__).parents[1] / "nlp" / "training" / "mood_labels.jsonl"
_Z: Final = 1.96


def main() -> None:
    """Read, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=Path, default=BESIDE)
    arguments = parser.parse_args()
    labels = [json.loads(line) for line in LABELS.read_text(encoding="utf-8").splitlines()]
    texts = found(arguments.texts, {label["id"] for label in labels})
    reader = MoodReader.load()
    pairs = [(label, texts[label["id"]]) for label in labels if label["id"] in texts]
    sources = [
        source_text(title, text.replace("\n", " ")[: label["characters"]]) for label, (title, text) in pairs
    ]
    started = time.process_time()
    readings = [reader.read(source) for source in sources]
    took = time.process_time() - started
    result: dict[str, Any] = {"labels": len(labels), "texts": len(pairs)}
    for name in ("first", "second"):
        mine = [(label, r) for (label, _), r in zip(pairs, readings, strict=True) if label["set"] == name]
        result[name] = {
            "texts": len(mine),
            "angry": shares([(r.angry, label["angry"]) for label, r in mine]),
            "negative": shares([
                (r.mood is Mood.NEGATIVE, label["mood"] == Mood.NEGATIVE.value) for label, r in mine
            ]),
            "tone": round(sum(r.mood.value == label["mood"] for label, r in mine) / max(len(mine), 1), 3),
        }  # fmt: skip
    result["microseconds"] = round(took / max(len(pairs), 1) * 1e6, 1)
    print(json.dumps(result, ensure_ascii=False))


def found(folder: Path, ids: set[str]) -> dict[str, tuple[str | None, str]]:
    """Title and text of each id that some file holds; the first one counts."""
    texts: dict[str, tuple[str | None, str]] = {}
    for file in sorted(folder.rglob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").split("\n"):
            row = json.loads(line) if line else {}
            if row.get("id") in ids and row.get("text") and isinstance(row["text"], str):
                texts.setdefault(row["id"], (row.get("title") or None, row["text"]))
    return texts


def shares(pairs: list[tuple[bool, bool]]) -> dict[str, Any]:
    """Precision and recall of (said, true), as counts with intervals."""
    right = sum(said and true for said, true in pairs)
    told = {"precision": sum(said for said, _ in pairs), "recall": sum(true for _, true in pairs)}
    return {name: [right, whole, *interval(right, whole)] for name, whole in told.items()}


def interval(right: int, whole: int) -> tuple[float, float]:
    """Wilson's interval of a share."""
    if not whole:
        return 0.0, 1.0
    share, spread = right / whole, _Z**2 / whole
    middle = share + spread / 2
    half = _Z * math.sqrt(share * (1 - share) / whole + spread / (4 * whole))
    return round((middle - half) / (1 + spread), 2), round((middle + half) / (1 + spread), 2)


if __name__ == "__main__":
    main()
