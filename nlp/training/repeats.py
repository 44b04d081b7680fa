"""Makes the pair model: `python -m nlp.training.repeats --texts DIR --out nlp/weights` (no extra needed).

Trees over measures are grown here; the net that reads word by word is made before (`nlp.training.pair_net`)
and weighed with them here. The card keeps its checksum and the encoder's: run this again when one
is exchanged.

`pairs.jsonl` holds ids of public texts and what we labelled (docs/repeats.md says by which rules), no
text. The figures are by cross-validation: each pair is answered by trees that never saw its matter, nor a
near-duplicate of one of its texts. What is shipped has learned from all of them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from nlp.folder import WeightsError
from nlp.grams import Grams
from nlp.pair_net import ENCODER, GRAPH, RARITY
from nlp.repeat_grams import Rarity, clean, keys_of
from nlp.repeat_profile import MEASURES, Profile, apart, measures, profile
from nlp.repeats import CARD, SCHEMA, WEIGHTS_FILE
from nlp.text import normalize
from nlp.training.boosting import Plan, grow
from nlp.training.made_pairs import made

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

PAIRS: Final = Path(__file__).with_name("pairs.jsonl")
#: What nets that never saw a pair's matter say of it (`nlp.training.pair_net`).
BELIEFS: Final = Path(__file__).with_name("pair_beliefs.json")
#: The public texts, those of one city together: a run that only one or two cities know is a name.
CITIES: Final = (
    ("tipdm/attachment3", "tipdm/unlabelled", "tipdm/labelled_raw", "tipdm/attachment4_replies"),
    ("hotline/dongguan_12345", "hotline/dongguan_sun0769"),
    ("hotline/jiamusi",),
    ("hotline/dalian",),
    ("hotline/fuzhou_rivers", "media/fuzhou_weibo"),
    ("beijing/letters",),
    ("media/news_titles_tnews", "media/fuzhou_news"),
)
_LEAST_CITIES: Final = 3
_LEAST_TEXTS: Final = 8
_COMMON_TEXTS: Final = 60
_STEP: Final = 0.05
FOLDS: Final = 8
#: Made pairs of each of the three sorts.
EACH_MADE: Final = 20
SEED: Final = 20261126
#: Acting alone: where at most this share of the pairs that are two matters (all of them hard ones: see the
#: labelling) would be merged. Calling it the same matter: of the probabilities whose F0.5 is within so much
#: of the best the highest, for a wrong proposal costs more than one that is not made.
FALSE_MERGES: Final = 0.01
#: The net is asked about pairs that the trees hold for at least so likely; below it they alone decide.
ASKED_FROM: Final = 0.05
NEARLY_BEST: Final = 0.02
_NEAR: Final = 0.5
_DAY: Final = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})|(\d{1,2})/(\d{1,2})/(\d{4})")


class Pair(NamedTuple):
    """Two texts by id, whether they are one matter, and the group that no split divides."""

    a: str
    b: str
    same: bool
    group: int


def read_texts(folder: Path) -> dict[str, dict[str, Any]]:
    """The public texts by id; an id that several texts have names none of them."""
    found: dict[str, dict[str, Any]] = {}
    several: set[str] = set()
    for name in (name for city in CITIES for name in city):
        with (folder / f"{name}.jsonl").open(encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                key = f"{name}|{row['id']}"
                if key in found:
                    several.add(key)
                found[key] = row
    return {key: row for key, row in found.items() if key not in several}


def read_pairs(path: Path = PAIRS) -> list[Pair]:
    """The labelled pairs; those marked unsure (null) are left out."""
    rows = _rows(path)
    return [Pair(row["a"], row["b"], row["same"], row["group"]) for row in rows if row["same"] is not None]


def read_names(path: Path = PAIRS) -> set[str]:
    """The ids of all texts in pairs that were read, the unsure ones too."""
    return {name for row in _rows(path) for name in (row["a"], row["b"])}


def _rows(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def read_beliefs(pairs: Sequence[Pair], net: str, path: Path = BELIEFS) -> NDArray[np.float64]:
    """The log-odds of each pair by a net that never saw its matter.

    `net` is the checksum of the net that was made with them: WeightsError when they are another's, KeyError
    where a pair has none.
    """
    told = json.loads(path.read_text(encoding="utf-8"))
    if told["net"] != net:
        raise WeightsError(f"{path.name}: made with another {GRAPH}: run nlp.training.pair_net first")
    return np.array([told["log_odds"][f"{pair.a} {pair.b}"] for pair in pairs])


def day_of(told: str | None) -> datetime | None:
    """The day of a public text, in the forms that they have."""
    match = _DAY.match(told or "")
    if match is None:
        return None
    year, month, day = match.group(1, 2, 3) if match.group(1) else match.group(6, 4, 5)
    return datetime(int(year), int(month), int(day), tzinfo=UTC)


def rarity_of(folder: Path) -> Rarity:
    """Count in how many texts of how many cities each run stands."""
    counted = []
    texts = 0
    for city in CITIES:
        seen = set()
        for name in city:
            with (folder / f"{name}.jsonl").open(encoding="utf-8") as lines:
                for line in lines:
                    row = json.loads(line)
                    seen.add(clean(normalize(f"{row.get('title') or ''}\n{row.get('text') or ''}")))
        # A form that is sent in a hundred times has taught its words once.
        runs = np.concatenate([np.unique(keys_of(text)) for text in sorted(seen)])
        counted.append(np.unique(runs, return_counts=True))
        texts += len(seen)
    keys, inverse = np.unique(np.concatenate([keys for keys, _ in counted]), return_inverse=True)
    frequency = np.bincount(inverse, weights=np.concatenate([counts for _, counts in counted]))
    kept = (np.bincount(inverse) >= _LEAST_CITIES) & (frequency >= _LEAST_TEXTS)
    weights = np.log(texts / (frequency[kept] + 1))
    return Rarity(
        keys=keys[kept],
        # As they are loaded (nlp.repeats), to the bit: trees cut where the program measures.
        weights=np.round(weights / _STEP).astype(np.uint8).astype(np.float32) * np.float32(_STEP),
        unknown=float(np.log(texts / 4)),
        common=float(np.log(texts / _COMMON_TEXTS)),
    )


def table(
    rarity: Rarity, grams: Grams, texts: dict[str, dict[str, Any]], pairs: Sequence[Pair]
) -> NDArray[np.float64]:
    """The measures of each pair."""
    profiles: dict[str, Profile] = {}
    for name in {name for pair in pairs for name in (pair.a, pair.b)}:
        row = texts[name]
        profiles[name] = profile(
            rarity, grams, row.get("title"), row.get("text") or "", day_of(row.get("time"))
        )
    return np.stack([measures(rarity, profiles[pair.a], profiles[pair.b]) for pair in pairs])


def folds_of(pairs: Sequence[Pair]) -> NDArray[np.intp]:
    """A fold for each pair: whole groups, the biggest first, each to the emptiest fold."""
    sizes = Counter(pair.group for pair in pairs)
    filled = [0] * FOLDS
    chosen: dict[int, int] = {}
    for group, size in sorted(sizes.items(), key=lambda item: (-item[1], item[0])):
        chosen[group] = filled.index(min(filled))
        filled[chosen[group]] += size
    return np.array([chosen[pair.group] for pair in pairs])


def cross_validated(
    rows: NDArray[np.float64],
    same: NDArray[np.bool_],
    folds: NDArray[np.intp],
    plan: Plan,
    *,
    more: tuple[NDArray[np.float64], NDArray[np.bool_]],
) -> NDArray[np.float64]:
    """The log-odds of each pair from trees that did not see its group; `more` are made and always learned."""
    logits = np.zeros(len(rows))
    for fold in range(FOLDS):
        held = folds == fold
        learned = np.concatenate([rows[~held], more[0]])
        trees = grow(learned, np.concatenate([same[~held], more[1]]), plan, seed=SEED)
        logits[held] = trees.logits(rows[held])
    return logits


def made_table(
    rarity: Rarity, grams: Grams, texts: dict[str, dict[str, Any]], pairs: Sequence[Pair]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The measures of made pairs, and what they are; of texts that are in no labelled pair."""
    labelled = {name for pair in pairs for name in (pair.a, pair.b)}
    free = [row for name, row in sorted(texts.items()) if name not in labelled]
    found = made(free, EACH_MADE, np.random.default_rng(SEED))
    rows = [
        measures(rarity, *(profile(rarity, grams, told.title, told.text, None) for told in (pair.a, pair.b)))
        for pair in found
    ]
    return np.stack(rows), np.array([pair.same for pair in found])


def calibration(logits: NDArray[np.float64], same: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and shift of a logistic curve over log-odds."""
    slope, shift = _logistic(np.stack([logits, np.ones_like(logits)], axis=1), same)
    return slope, shift


def weighed(
    trees: NDArray[np.float64], words: NDArray[np.float64], same: NDArray[np.bool_]
) -> tuple[float, float, float]:
    """What the log-odds of the trees and of the net weigh together, and the shift."""
    of_trees, of_words, shift = _logistic(np.stack([trees, words, np.ones_like(trees)], axis=1), same)
    return of_trees, of_words, shift


def _logistic(design: NDArray[np.float64], same: NDArray[np.bool_]) -> list[float]:
    """Weights of a logistic curve (Newton steps)."""
    weights = np.zeros(design.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-design @ weights))
        bend = design.T @ (design * (p * (1 - p))[:, None])
        weights = weights + np.linalg.solve(bend, design.T @ (same - p))
    return [float(weight) for weight in weights]


def figures(called: NDArray[np.bool_], same: NDArray[np.bool_]) -> dict[str, float]:
    """Precision, recall, F0.5, and the share of pairs of two matters that are called one."""
    right, wrong = int((called & same).sum()), int((called & ~same).sum())
    precision = right / max(right + wrong, 1)
    recall = right / max(int(same.sum()), 1)
    weighed = 0.25 * precision + recall
    return {
        "precision": round(precision, 4),
        "recall": round(recall, 4),
        "f05": round(1.25 * precision * recall / weighed, 4) if weighed else 0.0,
        "false_merge_rate": round(wrong / max(int((~same).sum()), 1), 4),
    }


def make(texts_folder: Path, out: Path, *, plan: Plan | None = None) -> dict[str, Any]:
    """Count, measure, grow, calibrate, weigh, write. Gives the card."""
    plan = plan or Plan()
    texts, pairs = read_texts(texts_folder), read_pairs()
    rarity, grams = rarity_of(texts_folder), Grams(out)
    rows = table(rarity, grams, texts, pairs)
    same = np.array([pair.same for pair in pairs])
    more, more_same = made_table(rarity, grams, texts, pairs)
    folds = folds_of(pairs)
    logits = cross_validated(rows, same, folds, plan, more=(more, more_same))
    slope, shift = calibration(logits, same)
    p, apart_most = capped(probabilities(slope * logits + shift), rows, same)
    trees = grow(np.concatenate([rows, more]), np.concatenate([same, more_same]), plan, seed=SEED)
    # Whatever may be wrong with the net is said before anything is written.
    net = _net(out, pairs, p, logits) if (out / GRAPH).exists() else None
    kept: dict[str, NDArray[Any]] = {
        "keys": rarity.keys,
        "weights": np.round(rarity.weights / _STEP).astype(np.uint8),
        "measure": trees.measure,
        "limit": trees.limit,
        "leaf": trees.leaf,
    }
    np.savez_compressed(out / WEIGHTS_FILE, allow_pickle=False, **kept)
    learned = hashlib.sha256(b"".join(array.tobytes() for array in kept.values()))
    learned.update(json.dumps(net).encode())
    card = {
        "schema": SCHEMA,
        "version": f"repeats-{learned.hexdigest()[:8]}",
        "files": {WEIGHTS_FILE: digest(out / WEIGHTS_FILE)},
        "grown_with": grams.version,
        "measures": list(MEASURES),
        "weight_step": _STEP,
        "unknown": rarity.unknown,
        "common": rarity.common,
        "base": trees.base,
        "calibration": [slope, shift],
        "apart_most": apart_most,
        "pairs": {"same": int(same.sum()), "two": int((~same).sum())},
        **_limits(p, same, folds),
        **({"net": net} if net else {}),
    }
    (out / CARD).write_text(json.dumps(card, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return card


def _net(
    out: Path, pairs: Sequence[Pair], p: NDArray[np.float64], logits: NDArray[np.float64]
) -> dict[str, Any]:
    """The card's part about the net. Raises WeightsError, OSError or KeyError where beliefs are another's."""
    same, folds = np.array([pair.same for pair in pairs]), folds_of(pairs)
    files = {name: digest(out / name) for name in (GRAPH, RARITY, *ENCODER)}
    weigh, both = together(p, logits, read_beliefs(pairs, files[GRAPH]), same)
    return {"files": files, "weigh": list(weigh), "asked_from": ASKED_FROM, **_limits(both, same, folds)}


def probabilities(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of log-odds."""
    found: NDArray[np.float64] = 1 / (1 + np.exp(-odds))
    return found


def together(
    p: NDArray[np.float64], logits: NDArray[np.float64], words: NDArray[np.float64], same: NDArray[np.bool_]
) -> tuple[tuple[float, float, float], NDArray[np.float64]]:
    """What trees and net weigh where the net is asked, and the probabilities that come of it."""
    asked = p >= ASKED_FROM
    weigh = weighed(logits[asked], words[asked], same[asked])
    return weigh, joined(p, logits, words, weigh)


def joined(
    p: NDArray[np.float64],
    logits: NDArray[np.float64],
    words: NDArray[np.float64],
    weigh: tuple[float, float, float],
) -> NDArray[np.float64]:
    """The probabilities of trees and net together; the trees' own `p` where the net is not asked."""
    both = probabilities(weigh[0] * logits + weigh[1] * words + weigh[2])
    return np.where(p >= ASKED_FROM, both, p)


def _limits(p: NDArray[np.float64], same: NDArray[np.bool_], folds: NDArray[np.intp]) -> dict[str, Any]:
    return {
        "same_from": same_from(p, same),
        "certain_from": certain_from(p, same),
        "cross_validated": {
            "same": figures(called(same_from, p, same, folds), same),
            "certain": figures(called(certain_from, p, same, folds), same),
        },
    }


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def capped(
    p: NDArray[np.float64], rows: NDArray[np.float64], same: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], float]:
    """The probabilities, where two places are named at most the share of such pairs that are one matter."""
    elsewhere = apart(rows)
    most = round(float(same[elsewhere].mean()), 2)
    return np.where(elsewhere, np.minimum(p, most), p), most


def same_from(p: NDArray[np.float64], same: NDArray[np.bool_]) -> float:
    """The highest probability, in hundredths, whose F0.5 is nearly the best."""
    tried = [step / 100 for step in range(50, 100)]
    scores = [figures(p >= step, same)["f05"] for step in tried]
    return max(step for step, score in zip(tried, scores, strict=True) if score >= max(scores) - NEARLY_BEST)


def called(
    choose: Callable[[NDArray[np.float64], NDArray[np.bool_]], float],
    p: NDArray[np.float64],
    same: NDArray[np.bool_],
    folds: NDArray[np.intp],
) -> NDArray[np.bool_]:
    """Which pairs are called one matter when each fold's threshold is chosen on the others."""
    found = np.zeros(len(p), dtype=np.bool_)
    for fold in range(FOLDS):
        held = folds == fold
        found[held] = p[held] >= choose(p[~held], same[~held])
    return found


def certain_from(p: NDArray[np.float64], same: NDArray[np.bool_]) -> float:
    """The probability above which false merges are rare enough, to the next hundredth."""
    allowed = int(FALSE_MERGES * int((~same).sum()))
    wrong = np.sort(p[~same])[::-1]
    return float(min(0.99, np.ceil(wrong[allowed] * 100 + 1e-9) / 100))


def main(arguments: Iterable[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=Path, required=True, help="folder of the public texts")
    parser.add_argument("--out", type=Path, required=True, help="folder of weights (with grams.json)")
    given = parser.parse_args(None if arguments is None else list(arguments))
    sys.stdout.write(json.dumps(make(given.texts, given.out), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
