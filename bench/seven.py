"""The seven-class set by cross-validation: `python -m bench.seven --data labelled_tokens.jsonl --base DIR`.

Five folds, near-duplicates (character 3-gram cosine of 0.6 or more) kept in one; macro-F1 of the pooled
answers, with the middle 95 % of 1,000 drawings of whole groups. Compared: linear models over words, over
characters and words, with the beginning by itself, and with each run weighed by how much oftener one class
has it; fastText (where it is installed); frozen vectors of the base and of our own int8 encoder under a
logistic regression; the base fine-tuned in each fold (longer by `--only … tuned_longer`, over the ends of the
texts by `tuned_end`); and all of them stacked: the stack of a fold is learned from the others' unseen
answers. Needs the `train` extra. Prints one JSON line.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from bench import seven_vectors
from bench.seven_linear import SEED, by_ratios, linear
from nlp import WEIGHTS
from nlp.encoder import Card
from nlp.evaluation import rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Scores = NDArray[np.float64]
    #: From the texts to learn from and all texts (by place) to scores of the texts to answer.
    Learner = Callable[[NDArray[np.int64], NDArray[np.int64]], Scores]

FOLDS: Final = 5
DRAWINGS: Final = 1_000
SAME: Final = 0.6
#: Of the regression that joins the models; one is chosen for each fold.
STRENGTHS: Final = (0.003, 0.01, 0.03, 0.1, 0.3)
_BLOCK: Final = 500


class Held(NamedTuple):
    """The set: words and characters of each text, its class, its group of near-duplicates, its fold."""

    words: list[str]
    characters: list[str]
    classes: tuple[str, ...]
    y: NDArray[np.int64]
    groups: NDArray[np.int64]
    folds: NDArray[np.int64]


def hold(path: Path) -> Held:
    """Read the set and split it."""
    from sklearn.model_selection import StratifiedGroupKFold  # noqa: PLC0415  (an extra)

    found = rows(path)
    words = [row["text"] for row in found]
    characters = [text.replace(" ", "") for text in words]
    classes = tuple(sorted({row["label"] for row in found}))
    y = np.array([classes.index(row["label"]) for row in found])
    groups = near_duplicates(characters)
    folds = np.zeros(len(found), dtype=np.int64)
    split = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=SEED).split(words, y, groups)
    for fold, (_, held_out) in enumerate(split):
        folds[held_out] = fold
    return Held(words, characters, classes, y, groups, folds)


def near_duplicates(texts: Sequence[str]) -> NDArray[np.int64]:
    """A number for each text, the same for those that are nearly the same."""
    import scipy.sparse as sp  # noqa: PLC0415
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415

    grams = TfidfVectorizer(analyzer="char", ngram_range=(3, 3), use_idf=False, dtype=np.float32)
    matrix = grams.fit_transform(texts)
    pairs: list[Any] = []
    for start in range(0, len(texts), _BLOCK):
        near = (matrix[start : start + _BLOCK] @ matrix.T).tocoo()
        same = near.data >= SAME
        pairs.append(np.stack([near.row[same] + start, near.col[same]]))
    at, other = np.concatenate(pairs, axis=1)
    graph = sp.coo_matrix((np.ones(len(at)), (at, other)), shape=(len(texts), len(texts)))
    groups: NDArray[np.int64] = connected_components(graph, directed=False)[1].astype(np.int64)
    return groups


def over_vectors(held: Held, vectors: NDArray[np.float32]) -> Learner:
    """A logistic regression over frozen vectors."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

    def learn(train: NDArray[np.int64], test: NDArray[np.int64]) -> Scores:
        scaler = StandardScaler().fit(vectors[train])
        model = LogisticRegression(C=0.02, max_iter=300).fit(scaler.transform(vectors[train]), held.y[train])
        scores: Scores = model.predict_log_proba(scaler.transform(vectors[test]))
        return scores

    return learn


def fast_text(held: Held, work: Path) -> Learner | None:
    """FastText over words, two in a row; None where it is not installed."""
    try:
        import fasttext  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415  (no dependency: installed by who wants the comparison)
    except ImportError:
        return None

    def learn(train: NDArray[np.int64], test: NDArray[np.int64]) -> Scores:
        work.mkdir(parents=True, exist_ok=True)
        path = work / "fasttext.txt"
        path.write_text("\n".join(f"__label__{held.y[at]} {held.words[at]}" for at in train), "utf-8")
        model = fasttext.train_supervised(
            str(path), epoch=25, lr=0.5, wordNgrams=2, dim=100, minCount=2, thread=1, seed=SEED, verbose=0
        )
        path.unlink()
        scores = np.full((len(test), len(held.classes)), -20.0)
        for row, at in enumerate(test):
            for label, p in zip(*model.predict(held.words[at].replace("\n", " "), k=-1), strict=True):
                scores[row, int(label.removeprefix("__label__"))] = np.log(max(p, 1e-9))
        return scores

    return learn


def unseen(held: Held, learn: Learner) -> Scores:
    """The scores of every text by the model that did not see its fold."""
    scores = np.zeros((len(held.y), len(held.classes)))
    for fold in range(FOLDS):
        test = np.flatnonzero(held.folds == fold)
        scores[test] = learn(np.flatnonzero(held.folds != fold), test)
    return scores


def stacked(held: Held, all_scores: Sequence[Scores]) -> Scores:
    """One logistic regression over the scores of all models, learned for each fold from the others.

    How strongly it is held back is chosen inside those others, each of them answered by the rest.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

    together = StandardScaler().fit_transform(np.concatenate(all_scores, axis=1))

    def model(train: NDArray[np.bool_], strength: float) -> Any:  # noqa: ANN401  (sklearn has no types)
        return LogisticRegression(C=strength, max_iter=500).fit(together[train], held.y[train])

    def inside(others: NDArray[np.bool_], strength: float) -> float:
        given = np.zeros(len(held.y), dtype=np.int64)
        for fold in np.unique(held.folds[others]):
            asked = held.folds == fold
            given[asked] = model(others & ~asked, strength).predict(together[asked])
        return macro_f1(held.y[others], given[others], np.ones(int(others.sum())), len(held.classes))

    scores = np.zeros((len(held.y), len(held.classes)))
    for fold in range(FOLDS):
        asked = held.folds == fold
        strength = max(STRENGTHS, key=lambda one: inside(~asked, one))
        scores[asked] = model(~asked, strength).predict_log_proba(together[asked])
    return scores


def macro_f1(y: NDArray[np.int64], given: NDArray[np.int64], weights: NDArray[Any], classes: int) -> float:
    """The mean F1 of the classes, each text counted as often as its weight says."""
    table = np.bincount(y * classes + given, weights=weights, minlength=classes * classes).reshape(
        classes, classes
    )
    hits = np.diag(table)
    return float(np.mean(2 * hits / np.maximum(table.sum(axis=0) + table.sum(axis=1), 1e-9)))


def figures(held: Held, scores: Scores) -> dict[str, Any]:
    """Macro-F1 with its interval, accuracy, and the F1 of each class."""
    given, count = scores.argmax(axis=1), len(held.classes)
    ones = np.ones(len(held.y))
    chance = np.random.default_rng(SEED)
    number = int(held.groups.max()) + 1
    drawn = [
        macro_f1(held.y, given, chance.multinomial(number, np.full(number, 1 / number))[held.groups], count)
        for _ in range(DRAWINGS)
    ]
    low, high = np.quantile(drawn, (0.025, 0.975))
    by_class = {
        name: round(
            float(
                2
                * ((given == at) & (held.y == at)).sum()
                / max((given == at).sum() + (held.y == at).sum(), 1)
            ),
            4,
        )
        for at, name in enumerate(held.classes)
    }
    return {
        "macro_f1": round(macro_f1(held.y, given, ones, count), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
        "accuracy": round(float((given == held.y).mean()), 4),
        "by_class": by_class,
    }


def main(arguments: list[str] | None = None) -> None:
    """Measure every model and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="labelled_tokens.jsonl")
    parser.add_argument(
        "--base", type=Path, help="a Hugging Face folder: frozen vectors of it, and it fine-tuned"
    )
    parser.add_argument("--cache", type=Path, default=Path(".jiesu/bench"), help="where vectors are kept")
    parser.add_argument("--only", help="names of models, by commas: those alone, and stacked")
    options = parser.parse_args(arguments)
    held = hold(options.data)
    learners: dict[str, Learner | None] = {
        "words": linear(held),
        "characters_and_words": linear(held, characters=True),
        "with_the_beginning": linear(held, characters=True, beginning=True),
        "by_ratios": by_ratios(held),
        "fasttext": fast_text(held, options.cache),
    }
    # The version is part of what is kept: other weights give other vectors.
    encoders = {"ours": (Card.load(WEIGHTS).version, seven_vectors.of_ours(WEIGHTS))}
    if options.base:
        encoders["base"] = (options.base.name, seven_vectors.of_base(options.base))
        from bench.seven_tuned import END, LONG, SHORT, tuned  # noqa: PLC0415  (an extra)

        given = (held.characters, held.y, len(held.classes), options.base, options.cache)
        plans = {"tuned": SHORT, "tuned_longer": LONG, "tuned_end": END}
        learners |= {name: tuned(*given, plan=plan) for name, plan in plans.items()}
    # Hours of CPU: only who asks for them by name waits for them.
    all_names = {*learners, *(f"frozen_{n}" for n in encoders)} - {"tuned_longer", "tuned_end"}
    wanted = set(options.only.split(",")) if options.only else all_names
    if unknown := wanted - {*learners, *all_names}:
        parser.error(f"--only: {', '.join(sorted(unknown))}: not known (tuned and base need --base)")
    for name, (version, make) in encoders.items():
        if f"frozen_{name}" in wanted:
            kept = seven_vectors.kept(options.cache, f"{name}-{version}", held.characters, make)
            learners[f"frozen_{name}"] = over_vectors(held, kept)
    learners = {name: learn for name, learn in learners.items() if name in wanted}
    found: dict[str, Any] = {"bench": "seven", "texts": len(held.y), "groups": int(held.groups.max()) + 1}
    kept_scores = {}
    for name in list(learners):
        # What a learner has read of the texts goes with it.
        learn = learners.pop(name)
        if learn is None:
            print(f"{name}: not installed, left out", file=sys.stderr, flush=True)
            continue
        began = time.process_time()
        kept_scores[name] = unseen(held, learn)
        found[name] = {**figures(held, kept_scores[name]), "cpu_s": round(time.process_time() - began)}
        print(f"{name}: {found[name]}", file=sys.stderr, flush=True)
    found["stacked"] = figures(held, stacked(held, list(kept_scores.values())))
    print(json.dumps(found, ensure_ascii=False))


if __name__ == "__main__":
    main()
