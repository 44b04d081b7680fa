"""Train a span model on the labelled places, and hold it against the rules of `nlp.place_span`.

`python -m bench.place_spans`: one JSON line. An averaged perceptron over characters (begin, inside, outside),
greedy, trained on what `gold/train.jsonl` labels as places and on the first half of `transplant_dev.jsonl`;
measured on its second half, which neither the model nor the confidence of the rules has seen, and on
`gold/dev.jsonl`. `--out FILE` writes the weights. The same data and options give the same file.

No weights of it are shipped: see "Span model" in docs/places.md for the figures that decided it.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bench.nlp_places import DATA, rows
from bench.place_variants import second_half
from nlp.gazetteer import fold
from nlp.places import PlaceReader
from nlp.types import source_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Row = dict[str, Any]
Span = tuple[int, int]
#: A text and where its labelled places stand.
Example = tuple[str, tuple[Span, ...]]

OUTSIDE, BEGIN, INSIDE = range(3)
TAGS: Final = 3
ROUNDS: Final = 5
SEED: Final = 20261126
#: Characters to each side that a feature looks at.
REACH: Final = 3
EDGE: Final = "\0"
#: Digits of the weights that are kept.
DIGITS: Final = 3


class SpanModel:
    """Weights by feature, one for each tag; `spans` finds phrases."""

    def __init__(self, weights: dict[str, list[float]] | None = None) -> None:
        self.weights = {} if weights is None else weights

    def spans(self, text: str) -> list[Span]:
        """The phrases, in order: [start, end) of each, in characters of the text."""
        found: list[Span] = []
        before = OUTSIDE
        for at, features in enumerate(_features(fold(text))):
            tag = self.best(features, before)
            if tag == BEGIN:
                found.append((at, at + 1))
            elif tag == INSIDE:
                found[-1] = (found[-1][0], at + 1)
            before = tag
        return found

    def best(self, features: Sequence[str], before: int) -> int:
        """The tag of a character after another; a phrase goes on only where one has begun."""
        scores = [0.0] * TAGS
        for name in (*features, f"t{before}"):
            weight = self.weights.get(name)
            if weight is not None:
                for tag in range(TAGS):
                    scores[tag] += weight[tag]
        if before == OUTSIDE:
            scores[INSIDE] = float("-inf")
        return max(range(TAGS), key=lambda tag: (scores[tag], -tag))

    def dump(self) -> str:
        """The weights as JSON, features in order."""
        return json.dumps(dict(sorted(self.weights.items())), ensure_ascii=False, separators=(",", ":"))


def _features(folded: str) -> Iterator[list[str]]:
    """What the model is told of each character: those around it, and pairs of them."""
    padded = EDGE * REACH + folded + EDGE * REACH
    for at in range(REACH, len(padded) - REACH):
        found = [f"{off}{padded[at + off]}" for off in range(-REACH, REACH + 1)]
        found += [f"{off}p{padded[at + off : at + off + 2]}" for off in range(-2, 2)]
        found.append(f"w{padded[at - 1 : at + 2]}")
        yield found


def train(examples: Sequence[Example], *, rounds: int = ROUNDS, seed: int = SEED) -> SpanModel:
    """An averaged perceptron, in rounds over the examples in an order that the seed gives."""
    model = SpanModel(defaultdict(lambda: [0.0] * TAGS))
    totals: dict[str, list[float]] = defaultdict(lambda: [0.0] * TAGS)
    step = 0
    order = list(examples)
    shuffled = random.Random(seed)
    for _ in range(rounds):
        shuffled.shuffle(order)
        for text, spans in order:
            gold = _tags(len(text), spans)
            before = OUTSIDE
            for features, tag in zip(_features(fold(text)), gold, strict=True):
                step += 1
                guess = model.best(features, before)
                if guess != tag:
                    for name in (*features, f"t{before}"):
                        weight, total = model.weights[name], totals[name]
                        for which, sign in ((tag, 1.0), (guess, -1.0)):
                            weight[which] += sign
                            total[which] += sign * step
                before = tag
    averaged = {
        name: [round(now - total / step, DIGITS) for now, total in zip(weight, totals[name], strict=True)]
        for name, weight in model.weights.items()
    }
    return SpanModel({name: weight for name, weight in averaged.items() if any(weight)})


def _tags(size: int, spans: Sequence[Span]) -> list[int]:
    tags = [OUTSIDE] * size
    for start, end in spans:
        tags[start:end] = [BEGIN, *[INSIDE] * (end - start - 1)]
    return tags


def example(row: Row, phrases: Sequence[str]) -> Example:
    """A text with the places where each labelled phrase stands, longest first, without overlap."""
    text = source_text(row.get("title"), row.get("text") or "")
    taken: list[Span] = []
    for phrase in sorted({phrase for phrase in phrases if phrase}, key=lambda one: (-len(one), one)):
        at = text.find(phrase)
        while at >= 0:
            end = at + len(phrase)
            if all(end <= start or at >= stop for start, stop in taken):
                taken.append((at, end))
            at = text.find(phrase, end)
    return text, tuple(sorted(taken))


def found_phrase(spans: Sequence[Span], text: str, phrase: str) -> tuple[bool, bool]:
    """Whether the labelled phrase is found exactly, and whether some span covers it."""
    inside = [text[start:end] for start, end in spans]
    return phrase in inside, any(phrase in found for found in inside)


def shares(examples: Sequence[tuple[Sequence[Span], Example]]) -> dict[str, float]:
    """Precision and recall of exact spans over texts with any number of places."""
    right = sum(len(set(spans) & set(gold)) for spans, (_, gold) in examples)
    given = sum(len(spans) for spans, _ in examples)
    asked = sum(len(gold) for _, (_, gold) in examples)
    return {
        "texts": len(examples),
        "places": asked,
        "precision": round(right / max(given, 1), 4),
        "recall": round(right / max(asked, 1), 4),
    }


def measured(model: SpanModel, reader: PlaceReader, held: list[Row]) -> dict[str, Any]:
    """The labelled phrase of rows that name one: exact and covered, by the model and by the rules."""
    counts = dict.fromkeys(("model_exact", "model_covers", "rules_exact", "rules_covers"), 0)
    for row in held:
        text = source_text(row.get("title"), row["text"])
        reading = reader.read(row.get("title"), row["text"])
        by_rules: list[Span] = []
        if reading.start is not None and reading.end is not None:
            by_rules.append((reading.start, reading.end))
        for who, spans in (("model", model.spans(text)), ("rules", by_rules)):
            exact, covers = found_phrase(spans, text, row["place"])
            counts[f"{who}_exact"] += exact
            counts[f"{who}_covers"] += covers
    return {"rows": len(held), **counts}


def main(arguments: list[str] | None = None) -> None:
    """Train, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the public texts")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--out", type=Path, help="write the weights here")
    options = parser.parse_args(arguments)
    labelled = rows(options.data / "beijing" / "transplant_dev.jsonl")
    held = [row for row in labelled if second_half(row)]
    gold, dev = (rows(options.data / "gold" / f"{name}.jsonl") for name in ("train", "dev"))
    taught = [example(row, row["places"]) for row in gold]
    taught += [example(row, [row["place"]]) for row in labelled if not second_half(row)]
    began = time.process_time()
    model = train(taught, rounds=options.rounds)
    seconds = time.process_time() - began
    texts = [example(row, row["places"]) for row in dev]
    began = time.process_time()
    read = [(model.spans(one[0]), one) for one in texts]
    speed = len(texts) / (time.process_time() - began)
    if options.out:
        options.out.write_text(model.dump(), encoding="utf-8")
    print(json.dumps({
        "taught": len(taught), "features": len(model.weights), "train_cpu_seconds": round(seconds, 1),
        "held": measured(model, PlaceReader.load(), held), "gold_dev": shares(read),
        "texts_per_cpu_second": round(speed),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
