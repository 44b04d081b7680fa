"""Makes the pair model: `python -m nlp.training.repeats --texts DIR --out nlp/weights` (no extra needed).

Trees over measures are grown here, and those that weigh them with the net that reads word by word, which is
made before (`nlp.training.pair_net`). The card keeps its checksum and the encoder's: run this again when one
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
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from nlp.folder import WeightsError
from nlp.grams import Grams
from nlp.pair_net import ENCODER, GRAPH, RARITY, PairNet
from nlp.repeat_grams import Rarity, clean, keys_of
from nlp.repeat_profile import MEASURES, Profile, apart, measures, profile, read_words
from nlp.repeats import CARD, SCHEMA, WEIGHING, WEIGHTS_FILE, Trees
from nlp.text import normalize
from nlp.training.boosting import Plan, grow
from nlp.training.made_pairs import made
from nlp.training.pair_samples import FOR_WEIGHING, read_samples
from nlp.training.repeat_limits import FOLDS, calibration, limits, probabilities
from nlp.training.repeat_weighing import ASKED_FROM, OF_WRITTEN, Opinions, Weighed, cross_validated, together

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from nlp.training.pair_samples import Sample
    from nlp.training.pairs_drawn import Drawn

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
#: Made pairs of each of the three sorts.
EACH_MADE: Final = 20
SEED: Final = 20261126
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
    rarity: Rarity, grams: Grams, texts: dict[str, dict[str, Any]], pairs: Sequence[Pair | Sample | Drawn]
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


def folds_beside(pairs: Sequence[Pair], drawn: Sequence[Drawn]) -> NDArray[np.intp]:
    """The fold of the labelled pairs that left each drawn pair's matter out; of no such matter the first.

    Raises KeyError for a group that no pair has.
    """
    fold_of = {pair.group: fold for pair, fold in zip(pairs, folds_of(pairs).tolist(), strict=True)}
    return np.array([0 if pair.group is None else fold_of[pair.group] for pair in drawn], dtype=np.intp)


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


def capped(p: NDArray[np.float64], rows: NDArray[np.float64], most: float) -> NDArray[np.float64]:
    """The probabilities, where two places are named at most the share of such pairs that are one matter."""
    return np.where(apart(rows), np.minimum(p, most), p)


@dataclass(frozen=True, slots=True)
class Met:
    """Drawn pairs (`nlp.training.pairs_drawn`), in their order."""

    rows: NDArray[np.float64]
    p: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Judged:
    """What the labelled pairs say of the model: each is answered by trees and a net that did not see it.

    What that leaves out is said in `nlp.training.repeat_weighing.together`.
    """

    rows: NDArray[np.float64]
    same: NDArray[np.bool_]
    folds: NDArray[np.intp]
    trees: Trees
    """Grown on all of them, and on the made ones."""
    curve: tuple[float, float]
    """Slope and shift that make the trees' log-odds a probability."""
    apart_most: float
    alone: NDArray[np.float64]
    """By the trees alone."""
    weighed: Weighed | None
    """With the net, where there is one."""
    met: Met | None = None
    """What is made of the drawn pairs, where some were given: as such they taught nothing."""

    @property
    def p(self) -> NDArray[np.float64]:
        """By all that there is."""
        return self.weighed.p if self.weighed else self.alone


def judge(
    texts: dict[str, dict[str, Any]],
    rarity: Rarity,
    grams: Grams,
    net: tuple[PairNet, str] | None,
    *,
    plan: Plan | None = None,
    drawn: Sequence[Drawn] = (),
) -> Judged:
    """Measure the pairs and answer each. `net` with its checksum; None for the trees alone.

    `drawn` pairs are answered like the labelled ones, by trees and a net that did not see their matter, and
    teach nothing. Raises WeightsError or KeyError where the kept answers of the net are another's.
    """
    plan = plan or Plan()
    pairs = read_pairs()
    # What may be wrong with the net is said before the work is done.
    words = read_beliefs(pairs, net[1]) if net else None
    count = len(pairs)
    both: list[Pair | Drawn] = [*pairs, *drawn]
    rows = table(rarity, grams, texts, both)
    same = np.array([pair.same for pair in both])
    folds = np.concatenate([folds_of(pairs), folds_beside(pairs, drawn)])
    teaches = np.arange(len(both)) < count
    more = made_table(rarity, grams, texts, pairs)
    logits = cross_validated(rows, same, folds, plan, more=more, teaches=teaches, seed=SEED)
    trees = grow(
        np.concatenate([rows[:count], more[0]]), np.concatenate([same[:count], more[1]]), plan, seed=SEED
    )
    slope, shift = calibration(logits[:count], same[:count])
    most = round(float(same[:count][apart(rows[:count])].mean()), 2)
    p = capped(probabilities(slope * logits + shift), rows, most)
    met = Met(rows[count:], p[count:]) if drawn else None
    judged = Judged(
        rows[:count], same[:count], folds[:count], trees, (slope, shift), most, p[:count], None, met
    )
    if net is None or words is None:
        return judged
    written = _written(rarity, grams, net[0], judged)
    told = np.concatenate([words, np.array([pair.log_odds for pair in drawn])])
    weighed = together(Opinions(rows, p, logits, told, same, folds, teaches), written, plan=plan)
    met = Met(rows[count:], weighed.p[count:]) if drawn else None
    return replace(judged, weighed=replace(weighed, p=weighed.p[:count]), met=met)


def _written(rarity: Rarity, grams: Grams, net: PairNet, judged: Judged) -> Opinions:
    """Some of the pairs that we wrote for the weighing trees. Neither trees nor net have learned these."""
    texts, samples = read_samples(FOR_WEIGHING)
    random = np.random.default_rng(SEED)
    some = [sample for sample in samples if random.random() < OF_WRITTEN]
    said = {name: read_words(row["title"], row["text"]) for name, row in texts.items()}
    rows = table(rarity, grams, texts, some)
    logits = judged.trees.logits(rows)
    slope, shift = judged.curve
    return Opinions(
        rows,
        capped(probabilities(slope * logits + shift), rows, judged.apart_most),
        logits,
        np.array([net.log_odds(said[pair.a], said[pair.b]) for pair in some]),
        np.array([pair.same for pair in some]),
        np.array([pair.group % FOLDS for pair in some]),
        np.ones(len(some), dtype=np.bool_),
    )


def net_of(folder: Path) -> tuple[PairNet, str] | None:
    """The net of a folder of weights and its checksum, None without one. Raises WeightsError, OSError."""
    if not (folder / GRAPH).exists():
        return None
    files = {name: digest(folder / name) for name in (GRAPH, RARITY, *ENCODER)}
    return PairNet(folder, files), files[GRAPH]


def make(texts_folder: Path, out: Path, *, plan: Plan | None = None) -> dict[str, Any]:
    """Count, measure, grow, calibrate, weigh, write. Gives the card."""
    rarity, grams = rarity_of(texts_folder), Grams(out)
    judged = judge(read_texts(texts_folder), rarity, grams, net_of(out), plan=plan)
    kept: dict[str, NDArray[Any]] = {
        "keys": rarity.keys,
        "weights": np.round(rarity.weights / _STEP).astype(np.uint8),
        **_arrays("", judged.trees),
        **(_arrays(WEIGHING, judged.weighed.trees) if judged.weighed else {}),
    }
    told = {"net": _net(out, judged, judged.weighed)} if judged.weighed else {}
    np.savez_compressed(out / WEIGHTS_FILE, allow_pickle=False, **kept)
    learned = hashlib.sha256(b"".join(array.tobytes() for array in kept.values()))
    learned.update(json.dumps(told.get("net")).encode())
    card = {
        "schema": SCHEMA,
        "version": f"repeats-{learned.hexdigest()[:8]}",
        "files": {WEIGHTS_FILE: digest(out / WEIGHTS_FILE)},
        "grown_with": grams.version,
        "measures": list(MEASURES),
        "weight_step": _STEP,
        "unknown": rarity.unknown,
        "common": rarity.common,
        "base": judged.trees.base,
        "calibration": list(judged.curve),
        "apart_most": judged.apart_most,
        "pairs": {"same": int(judged.same.sum()), "two": int((~judged.same).sum())},
        **limits(judged.alone, judged.same, judged.folds),
        **told,
    }
    (out / CARD).write_text(json.dumps(card, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return card


def _arrays(prefix: str, trees: Trees) -> dict[str, NDArray[Any]]:
    return {prefix + "measure": trees.measure, prefix + "limit": trees.limit, prefix + "leaf": trees.leaf}


def _net(out: Path, judged: Judged, weighed: Weighed) -> dict[str, Any]:
    """The card's part about the net."""
    return {
        "files": {name: digest(out / name) for name in (GRAPH, RARITY, *ENCODER)},
        "weigh": weighed.odds,
        "weighing_base": weighed.trees.base,
        "asked_from": ASKED_FROM,
        **limits(weighed.p, judged.same, judged.folds),
    }


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main(arguments: Iterable[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=Path, required=True, help="folder of the public texts")
    parser.add_argument("--out", type=Path, required=True, help="folder of weights (with grams.json)")
    given = parser.parse_args(None if arguments is None else list(arguments))
    sys.stdout.write(json.dumps(make(given.texts, given.out), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
