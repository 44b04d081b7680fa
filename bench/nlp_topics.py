"""Measure the lexicon alone: `python -m bench.nlp_topics --data labelled.jsonl [--data more.jsonl]`.

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

from nlp.evaluation import figures, rows
from nlp.topics import TopicReader

if TYPE_CHECKING:
    from collections.abc import Sequence

SHOWN: Final = 12


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
    return {
        "version": reader.version,
        **figures(pairs),
        "texts_per_cpu_second": round(len(data) / spent),
    }


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
