"""What the users feel: is it the right unit? `make bench-units`.

For complaints whose kind and place are labelled, the unit that dispatch gives for what was read against the
unit for the labels: from first text to last, with the true place given, and with the true kind given; all of
them and the share that would go without a person (by the certainty of kind and place; `by_unit`: by the
`unit_confidence` of `jiesu read`). A unit is that of bare kind and place, without situations and zones. Texts
the models have learned from are left out. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import triage.tables
from nlp import evaluation
from nlp.pipeline import Reader
from triage.errors import NoRule
from triage.rules.routing import route
from triage.services.deciding import decide_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nlp.types import TextReading
    from triage.rules.rows import Tables

_DATA: Final = Path(__file__).resolve().parents[2] / "shared" / "data"
BESIDE: Final = _DATA / "beijing" / "transplant_dev.jsonl"
#: Their ids are the `source_id` of transplanted texts.
LEARNED: Final = _DATA / "gold" / "train.jsonl"
#: Shares of the texts, surest first, at which the rightness is told.
COVERAGES: Final = (1.0, 0.95, 0.9, 0.88, 0.8)

Answer = tuple[float, bool]


class Asked:
    """Units for kinds and places, on one day."""

    def __init__(self, tables: Tables, at: date) -> None:
        """Take the tables and the day."""
        self._tables = tables
        self._at = at
        districts = [unit for unit in tables.units.values() if unit.code == unit.district_code]
        self._district_codes = {unit.name[:2]: unit.code for unit in districts}

    def unit(self, kind: str | None, street: str | None, district: str | None) -> str | None:
        """The unit's code; None where no kind is known or no row gives one."""
        if kind is None:
            return None
        try:
            found = route(
                self._tables,
                kind=kind,
                district_code=district,
                street_code=street,
                zone=None,
                situation=None,
                at=self._at,
            )
        except NoRule:
            return None
        return found.unit.code

    def district_code(self, name: str | None) -> str | None:
        """The code of a district's name."""
        return self._district_codes.get(name[:2]) if name else None


def figures(answers: Sequence[Answer]) -> dict[str, float]:
    """The share that is right among the surest share of the texts."""
    surest = sorted(answers, reverse=True)
    return {
        str(coverage): evaluation.share(right for _, right in surest[: round(coverage * len(surest))])
        for coverage in COVERAGES
    }


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=BESIDE)
    parser.add_argument("--learned", type=Path, default=LEARNED)
    options = parser.parse_args()
    learned = {row["id"] for row in evaluation.rows(options.learned)}
    rows = [row for row in evaluation.rows(options.data) if row.get("source_id") not in learned]
    tables, now = triage.tables.load(), datetime(2026, 11, 25, 4, tzinfo=UTC)
    asked = Asked(tables, date(2026, 11, 25))
    reader = Reader.load()
    readings = reader.read_many((row.get("title"), row.get("text") or "") for row in rows)
    pairs = list(zip(rows, readings, strict=True))

    def true_unit(row: dict[str, Any]) -> str | None:
        return asked.unit(row["kind"], row.get("street_code"), asked.district_code(row.get("district")))

    def score(given: Callable[[dict[str, Any], TextReading], tuple[float, str | None]]) -> dict[str, float]:
        answers = []
        for row, reading in pairs:
            sure, unit = given(row, reading)
            answers.append((sure, unit is not None and unit == true_unit(row)))
        return figures(answers)

    print(
        json.dumps(
            {
                "bench": "units",
                "texts": len(rows),
                "model_version": reader.model_version,
                "whole_path": score(
                    lambda row, reading: (  # noqa: ARG005
                        reading.topic.kind_confidence * reading.place.confidence,
                        asked.unit(_first(reading), reading.place.street_code, reading.place.district_code),
                    )
                ),
                "by_unit": score(
                    lambda row, reading: (  # noqa: ARG005
                        decide_text(tables, reading, now=now).unit_confidence or 0.0,
                        asked.unit(_first(reading), reading.place.street_code, reading.place.district_code),
                    )
                ),
                "true_place": score(
                    lambda row, reading: (
                        reading.topic.kind_confidence,
                        asked.unit(
                            _first(reading),
                            row.get("street_code"),
                            asked.district_code(row.get("district")),
                        ),
                    )
                ),
                "true_kind": score(
                    lambda row, reading: (
                        reading.place.confidence,
                        asked.unit(row["kind"], reading.place.street_code, reading.place.district_code),
                    )
                ),
                "kind_right": evaluation.share(_first(reading) == row["kind"] for row, reading in pairs),
                "street_right": evaluation.share(
                    reading.place.street_code == row.get("street_code") for row, reading in pairs
                ),
            },
            ensure_ascii=False,
        )
    )


def _first(reading: TextReading) -> str | None:
    """The likeliest kind, whether or not the text was held to be environmental."""
    return reading.topic.kinds[0].code if reading.topic.kinds else None


if __name__ == "__main__":
    main()
