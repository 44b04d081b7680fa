"""Train the weighted lexicon: `python -m bench.train_lexicon --data train.jsonl`.

Reads labelled texts and the hand-written words and samples; writes `nlp/lexicon/topic_model.tsv` and
`user_dict.txt`. Deterministic: the same input gives the same files. Needs scikit-learn, which reading
does not. The calibration comes from folds that the fold's model has not seen.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.feature_selection import chi2
from sklearn.linear_model import LogisticRegression

from nlp.cues import read_yaml, refuse_unknown, texts
from nlp.text import LEXICON, USER_DICT, cut, normalize
from nlp.topic_model import (
    CUE,
    GRAM,
    GROUP,
    HEADS,
    MAGIC,
    MODEL_FILE,
    TITLE,
    TITLE_GROUP,
    UNIT,
    HeadWeights,
    Key,
    Lexicon,
    Vocabulary,
    checksum,
    load_cues,
    load_words,
)
from nlp.types import source_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

VERSION: Final = "lexicon-1"
FOLDS: Final = 4
MIN_TEXTS: Final = 4
MAX_GRAM: Final = 4
WORD_LENGTHS: Final = range(2, 7)
GRAMS: Final = 12_000
TITLES: Final = 1_500
STRENGTH: Final = {"environmental": 10.0, "appeal_type": 4.0, "urgency": 3.0, "kind": 30.0}
#: Weights smaller than this, in hundredths, are dropped: they cost space and change nothing.
LEAST: Final = {"environmental": 3, "appeal_type": 10, "urgency": 10, "kind": 12}
SECOND_KIND: Final = 0.3
UNSURE: Final = 0.7
_HAN_RUN: Final = re.compile(r"[一-鿿]+")
NONE: Final = "none"
NO_FOLD: Final = -1
SAMPLES_FILE: Final = "topic_samples.yaml"


@dataclass(frozen=True, slots=True)
class Example:
    """A folded text and its labels; None where a head has none. `places` are spans that name places."""

    folded: str
    title_length: int
    labels: dict[str, str | None]
    second_kind: str | None
    weight: float
    fold: int
    places: tuple[str, ...] = ()


def read_examples(path: Path) -> list[Example]:
    """The labelled texts. Raises ValueError naming the line that is malformed."""
    found = []
    for line, raw in enumerate(path.read_text(encoding="utf-8").rstrip("\n").split("\n"), start=1):
        try:
            found += _examples(json.loads(raw))
        except (ValueError, KeyError) as fault:
            raise ValueError(f"{path.name}, line {line}: {fault!r}") from fault
    return found


def _examples(row: dict[str, Any]) -> list[Example]:
    """One example for each annotator; together they weigh as one text."""
    title = row.get("title") or None
    folded = normalize(source_text(title, row["text"] or ""))
    answers = [
        (row["environmental"], row.get("kind"), row.get("kind2"), row["appeal_type"], row["urgency"]),
        *((bool(o["env"]), o["kind"], None, o["type"], o["urgency"]) for o in row.get("second", ())),
    ]
    weight = (1.0 if row.get("sure", True) else UNSURE) / len(answers)
    fold = zlib.crc32((title or folded[:12]).encode()) % FOLDS
    return [
        Example(
            folded,
            len(title or ""),
            {
                "environmental": "true" if env else "false",
                "kind": kind or None,
                "appeal_type": sort,
                "urgency": grade,
            },
            second or None,
            weight,
            fold,
            tuple(normalize(place) for place in row.get("places", ())),
        )
        for env, kind, second, sort, grade in answers
    ]


def read_samples() -> list[Example]:
    """The hand-written samples of rare kinds, in every fold's training and in no fold's test."""
    raw = read_yaml(LEXICON / SAMPLES_FILE, "topic_samples/1")
    refuse_unknown(raw, ("schema", "samples"), where=SAMPLES_FILE)
    found = []
    for kind, items in raw["samples"].items():
        known = {"environmental": "false" if kind == NONE else "true", "kind": None if kind == NONE else kind}
        found += [_sample(text, known) for text in texts(items, where=f"{SAMPLES_FILE}: samples.{kind}")]
    return found


def _sample(text: str, known: dict[str, str | None]) -> Example:
    """A hand-written text that teaches the given heads and no other."""
    return Example(normalize(text), 0, dict.fromkeys(HEADS) | known, None, 1.0, NO_FOLD)


def _grams(text: str) -> set[str]:
    """Han phrases of one to four characters, and the words jieba finds."""
    found = {
        run[at : at + size]
        for run in _HAN_RUN.findall(text)
        for size in range(1, MAX_GRAM + 1)
        for at in range(len(run) - size + 1)
    }
    words = {word for word, _, _ in cut(text) if len(word) in WORD_LENGTHS and _HAN_RUN.fullmatch(word)}
    return found | words


def candidates(examples: Sequence[Example]) -> dict[str, set[int]]:
    """Phrases of enough texts, and which. Names of places are left out: they say where, not what."""
    holding: dict[str, set[int]] = {}
    named: Counter[str] = Counter()
    for at, example in enumerate(examples):
        for gram in _grams(example.folded):
            holding.setdefault(gram, set()).add(at)
        for gram in set().union(*(_grams(place) for place in example.places)):
            named[gram] += 1
    return {
        gram: texts_with
        for gram, texts_with in holding.items()
        if len(texts_with) >= MIN_TEXTS and named[gram] * 2 < len(texts_with)
    }


def _rank(matrix: csr_matrix, examples: Sequence[Example]) -> NDArray[np.float64]:
    """How telling each column is for the head it tells most about: the best rank by chi-squared."""
    best = np.zeros(matrix.shape[1])
    for head in HEADS:
        labels = [example.labels[head] or NONE for example in examples]
        scores = np.nan_to_num(chi2(matrix, labels)[0])
        best = np.maximum(best, np.argsort(np.argsort(scores, kind="stable"), kind="stable"))
    return best


def _best(holding: dict[str, set[int]], examples: Sequence[Example], count: int) -> dict[str, int]:
    """The `count` most telling phrases, with the number of texts that hold them."""
    names = sorted(holding)
    rows = [at for name in names for at in sorted(holding[name])]
    columns = [column for column, name in enumerate(names) for _ in holding[name]]
    matrix = csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(examples), len(names)))
    order = np.argsort(-_rank(matrix, examples), kind="stable")[:count]
    return {names[at]: len(holding[names[at]]) for at in sorted(order)}


def build_vocabulary(examples: Sequence[Example]) -> Vocabulary:
    """Choose the phrases of texts and of titles, and add every group and cue."""
    titles = [
        Example(e.folded[: e.title_length], 0, e.labels, None, e.weight, e.fold, e.places) for e in examples
    ]
    index: dict[Key, int] = {}
    idf: dict[int, float] = {}
    for family, source, count in ((GRAM, examples, GRAMS), (TITLE, titles, TITLES)):
        for name, holders in _best(candidates(source), source, count).items():
            idf[len(index)] = round(math.log((1 + len(source)) / (1 + holders)) + 1, 3)
            index[family, name] = len(index)
    groups = sorted(load_words())
    others = [(GROUP, name) for name in groups] + [(TITLE_GROUP, name) for name in groups]
    others += [(CUE, name) for name in sorted(load_cues().groups)]
    for key in others:
        idf[len(index)] = 1.0
        index[key] = len(index)
    return Vocabulary(index, idf)


def matrix_of(lexicon: Lexicon, examples: Sequence[Example]) -> csr_matrix:
    """The features of the texts, found as reading finds them."""
    found = [lexicon.features(example.folded, example.title_length).values for example in examples]
    rows = [at for at, values in enumerate(found) for _ in values]
    columns = [column for values in found for column in values]
    data = [value for values in found for value in values.values()]
    return csr_matrix((data, (rows, columns)), shape=(len(examples), len(lexicon.vocabulary.index)))


def fit_head(head: str, matrix: csr_matrix, examples: Sequence[Example]) -> HeadWeights:
    """Fit one head: logistic for yes or no, softmax for more. A second kind counts as a lighter text."""
    rows = [at for at, example in enumerate(examples) if example.labels[head]]
    labels = [example.labels[head] for example in examples if example.labels[head]]
    weights = [examples[at].weight for at in rows]
    if head == "kind":
        second = [at for at, example in enumerate(examples) if example.second_kind]
        rows += second
        labels += [examples[at].second_kind for at in second]
        weights += [SECOND_KIND * examples[at].weight for at in second]
    model = LogisticRegression(C=STRENGTH[head], max_iter=400, tol=1e-4)
    model.fit(matrix[rows], np.array(labels), sample_weight=np.array(weights))
    coefficients, biases, values = model.coef_, model.intercept_, tuple(model.classes_)
    if len(values) == 2:  # noqa: PLR2004 - one column of weights says both classes
        values = values[1:]
    else:
        # A softmax does not mind a constant per feature; the median makes most weights vanish.
        coefficients = coefficients - np.median(coefficients, axis=0)
    kept: dict[int, tuple[tuple[int, float], ...]] = {}
    for feature in range(coefficients.shape[1]):
        column = np.round(coefficients[:, feature] * UNIT)
        pairs = tuple((int(at), column[at] / UNIT) for at in np.flatnonzero(np.abs(column) >= LEAST[head]))
        if pairs:
            kept[feature] = pairs
    rounded = tuple(round(float(bias), 3) for bias in biases)
    return HeadWeights(tuple(map(str, values)), rounded, 1.0, 0.0, kept)


def train(examples: Sequence[Example]) -> tuple[Lexicon, dict[str, HeadWeights]]:
    """Vocabulary and heads, not yet calibrated."""
    lexicon = Lexicon(build_vocabulary(examples), load_words(), load_cues())
    matrix = matrix_of(lexicon, examples)
    return lexicon, {head: fit_head(head, matrix, examples) for head in HEADS}


def unseen_logits(examples: Sequence[Example]) -> dict[str, list[tuple[list[float], int]]]:
    """Per head the logits of texts that the fold's model has not seen, with the right class's place."""
    unseen: dict[str, list[tuple[list[float], int]]] = {head: [] for head in HEADS}
    for fold in range(FOLDS):
        lexicon, heads = train([example for example in examples if example.fold != fold])
        for example in (example for example in examples if example.fold == fold):
            values = lexicon.features(example.folded, example.title_length).values
            for head, weights in heads.items():
                label = example.labels[head]
                if head == "environmental":
                    unseen[head].append((weights.logits(values), int(label == "true")))
                elif label is not None:
                    # A kind the fold's model does not know is an error at any scale.
                    right = weights.values.index(label) if label in weights.values else -1
                    unseen[head].append((weights.logits(values), right))
        print(f"fold {fold + 1} of {FOLDS} done")
    return unseen


def calibrate(head: str, unseen: list[tuple[list[float], int]]) -> tuple[float, float]:
    """Scale and shift that make the unseen probabilities honest (Platt; temperature for softmax)."""
    if head == "environmental":
        scores = np.array([[logits[0]] for logits, _ in unseen])
        model = LogisticRegression(C=1e4).fit(scores, [right for _, right in unseen])
        return round(float(model.coef_[0, 0]), 4), round(float(model.intercept_[0]), 4)
    floor = 1e-3  # what an unknown class is taken to be given
    losses = {}
    for step in range(20, 161):
        scale = step / 100
        loss = 0.0
        for logits, right in unseen:
            scaled = np.array(logits) * scale
            powers = np.exp(scaled - scaled.max())
            loss -= math.log(max(powers[right] / powers.sum() if right >= 0 else floor, floor))
        losses[scale] = loss
    return min(losses, key=lambda scale: losses[scale]), 0.0


def write_model(
    path: Path, vocabulary: Vocabulary, heads: dict[str, HeadWeights], scales: dict[str, tuple[float, float]]
) -> None:
    """Write the model file: heads, then features in order, one a line."""
    lines = []
    for head, weights in heads.items():
        pairs = zip(weights.values, weights.biases, strict=True)
        values = " ".join(f"{value}={bias}" for value, bias in pairs)
        lines.append(f"head\t{head}\t{scales[head][0]}\t{scales[head][1]}\t{values}")
    for (family, text), at in sorted(vocabulary.index.items()):
        columns = [
            " ".join(f"{value}:{round(weight * UNIT)}" for value, weight in heads[head].weights.get(at, ()))
            for head in HEADS
        ]
        if any(columns):
            lines.append("\t".join((family, text, str(vocabulary.idf[at]), *columns)))
    head_lines = [MAGIC, f"version:{VERSION}\tsha256:{checksum(lines)}"]
    path.write_text("\n".join(head_lines + lines) + "\n", encoding="utf-8")


def write_user_dict(path: Path) -> None:
    """Write the curated words that jieba must keep whole."""
    words = {word for group, items in load_words().items() if group != "elsewhere" for word in items}
    kept = sorted(word for word in words if len(word) in WORD_LENGTHS and _HAN_RUN.fullmatch(word))
    note = "# Words jieba must keep whole, one a line: made from topic_words.yaml by bench/train_lexicon.py"
    path.write_text("\n".join((note, *kept)) + "\n", encoding="utf-8")


def main(arguments: list[str] | None = None) -> None:
    """Train, calibrate and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="labelled texts, JSONL")
    parser.add_argument("--out", type=Path, default=LEXICON, help="folder to write the model file to")
    options = parser.parse_args(arguments)
    write_user_dict(USER_DICT)
    examples = read_examples(options.data) + read_samples()
    unseen = unseen_logits(examples)
    scales = {head: calibrate(head, unseen[head]) for head in HEADS}
    lexicon, heads = train(examples)
    write_model(options.out / MODEL_FILE, lexicon.vocabulary, heads, scales)
    print(
        json.dumps({"examples": len(examples), "features": len(lexicon.vocabulary.index), "scales": scales})
    )


if __name__ == "__main__":
    main()
