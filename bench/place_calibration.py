"""Learn how likely a chosen place is right, and write `nlp/lexicon/place_confidence.yaml`.

`python -m bench.place_calibration --data labelled.jsonl --elsewhere other_city.jsonl…`: learns on half of the
rows (by a hash of their id) and their variants, tests on the other half; prints both.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import yaml

from bench.nlp_places import rows
from bench.place_variants import VARIANTS, misspelt, rewritten, second_half, sounding_alike
from nlp.gazetteer import COMMUNITY, LEXICON, STREET, Gazetteer
from nlp.place_choice import choose
from nlp.place_confidence import FEATURES, FILE, Confidence, features
from nlp.places import PlaceReader

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Share of the weight that texts of other cities get: a hotline of Beijing hears few of them.
ELSEWHERE_SHARE: Final = 0.25
RIDGE: Final = 3.0
STEPS: Final = 40
BINS: Final = 10
LEAST: Final = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95)


def judged(reader: PlaceReader, data: list[dict[str, Any]]) -> tuple[list[tuple[float, ...]], list[float]]:
    """Features and rightness of the candidate that is chosen for each row, where there is one."""
    told, right = [], []
    for row in data:
        title, text = row.get("title"), row.get("text") or ""
        scene, candidates = reader.look(f"{title}\n{text}" if title else text)
        best = choose(candidates, scene.roles)
        if best is None:
            continue
        told.append(features(scene, best, candidates))
        right.append(float(_right(reader.gazetteer, row, best.code)))
    return told, right


def _right(gazetteer: Gazetteer, row: dict[str, Any], code: str) -> bool:
    """Whether the finest unit of the code is the labelled one; a row without labels has none."""
    place = gazetteer.places[code]
    if not row.get("district") or gazetteer.places[code[:6]].name != row["district"]:
        return False
    if len(code) == STREET:
        return bool(code == row["street_code"])
    return len(code) != COMMUNITY or bool(
        place.name == row["community"] and code[:STREET] == row["street_code"]
    )


def fit(told: Floats, right: Floats, weight: Floats) -> Floats:
    """Logistic regression by Newton steps with a ridge (the bias is free)."""
    free = np.full(told.shape[1], RIDGE)
    free[0] = 1e-6
    weights = np.zeros(told.shape[1])
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-(told @ weights)))
        slope = told.T @ (weight * (right - p)) - free * weights
        bend = (told * (weight * p * (1 - p))[:, None]).T @ told + np.diag(free)
        weights = weights + np.linalg.solve(bend, slope)
    return weights


def report(name: str, told: Floats, right: Floats, weight: Floats, weights: Floats) -> None:
    """Print a reliability table of the weighted texts."""
    p = 1 / (1 + np.exp(-(told @ weights)))
    error = 0.0
    print(f"{name}: {len(p)} texts")
    for at in range(BINS):
        here = (p >= at / BINS) & ((p < (at + 1) / BINS) | (at == BINS - 1))
        if here.any():
            said = float(np.average(p[here], weights=weight[here]))
            true = float(np.average(right[here], weights=weight[here]))
            error += abs(said - true) * float(weight[here].sum() / weight.sum())
            print(f"  {at / BINS:.1f}-: {int(here.sum()):6d} texts, said {said:.3f}, right {true:.3f}")
    print(f"  expected calibration error {error:.4f}")


def main(arguments: list[str] | None = None) -> None:
    """Learn, test, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--elsewhere", type=Path, nargs="+", required=True)
    parser.add_argument("--abstain", type=float, default=0.5, help="below this no place is given")
    parser.add_argument("--out", type=Path, default=LEXICON / FILE)
    options = parser.parse_args(arguments)
    gazetteer = Gazetteer.load()
    reader = PlaceReader(gazetteer, confidence=Confidence((0.0,) * len(FEATURES), 0.0))
    data = rows(options.data)
    alike = sounding_alike(gazetteer)
    others = [row for path in options.elsewhere for row in rows(path)]
    sides = []
    for side in (False, True):
        own = [row for row in data if second_half(row) is side]
        spelt = [*own, *(new for name in VARIANTS for new in rewritten(own, name)), *misspelt(own, alike)]
        foreign = [row for row in others if second_half(row) is side]
        here, there = judged(reader, spelt), judged(reader, foreign)
        told = np.array(here[0] + there[0])
        share = ELSEWHERE_SHARE * len(spelt) / (1 - ELSEWHERE_SHARE) / len(foreign)
        weight = np.array([1.0] * len(here[0]) + [share] * len(there[0]))
        sides.append((told, np.array(here[1] + there[1]), weight, len(here[0]), len(spelt), len(foreign)))
    weights = fit(*sides[0][:3])
    for name, (told, right, weight, count, texts, foreigners) in zip(
        ("learned", "kept back"), sides, strict=True
    ):
        report(f"{name}, as they would be mixed", told, right, weight, weights)
        p = 1 / (1 + np.exp(-(told @ weights)))
        for least in LEAST:
            given = p >= least
            print(
                f"  from {least:.2f}: right {right[:count][given[:count]].sum() / texts:.3f} of Beijing's, "
                f"wrong {(given[:count] & (right[:count] == 0)).sum() / texts:.4f}, "
                f"given {given[count:].sum() / foreigners:.4f} of other cities'"
            )
    head = (
        "# The probability that a chosen place is right: weights of `nlp.place_confidence.FEATURES`.\n"
        f"# Learned by `python -m bench.place_calibration` on one half of {len(data)} labelled texts with\n"
        f"# their variants and of {len(others)} texts of other cities (weighted {ELSEWHERE_SHARE:.0%}).\n"
        "# `abstain`: below it no place is given; JIESU_PLACE_ABSTAIN replaces it.\n"
    )
    kept: Any = yaml.safe_load((LEXICON / FILE).read_text(encoding="utf-8"))
    table = {
        "hint": kept["hint"],
        "abstain": options.abstain,
        "weights": {name: round(float(value), 4) for name, value in zip(FEATURES, weights, strict=True)},
    }
    options.out.write_text(head + yaml.safe_dump(table, sort_keys=False), encoding="utf-8")


if __name__ == "__main__":
    main()
