"""Topics on 附件3 (`make bench-topics`): our groups against the set's own ones of one matter, beside k-means.

The set's own groups: near-duplicates (cosine of character 3-grams of at least 0.6, as `bench.seven` has
them) and the pairs labelled as one matter in `nlp/training/pairs.jsonl`, joined. B-cubed and V-measure are
over the texts that are in such a group of two or more; the pairs labelled either way give precision and
recall. Beside ours: TF-IDF over jieba words with k-means (needs scikit-learn, of the
train extra; without it that is left out). The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp import topic_clusters
from nlp.repeats import PairReader
from nlp.text import cut
from nlp.training.repeats import PAIRS

if TYPE_CHECKING:
    from collections.abc import Sequence

_DATA: Final = Path(__file__).resolve().parents[2] / "shared" / "data"
_NEAR: Final = 0.6
_SEED: Final = 20261126
_GROUPS: Final = (500, 1000)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=Path, default=_DATA, help="folder of the public texts")
    given = parser.parse_args()
    lines = (given.texts / "tipdm" / "attachment3.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    place = {f"tipdm/attachment3|{row['id']}": at for at, row in enumerate(rows)}
    told = [json.loads(line) for line in PAIRS.read_text(encoding="utf-8").splitlines()]
    pairs = [
        (place[p["a"]], place[p["b"]], p["same"])
        for p in told
        if p["a"] in place and p["b"] in place and p["same"] is not None
    ]
    truth = _truth([f"{row['title']}\n{row['text']}" for row in rows], pairs)
    started = time.process_time()
    vectors = topic_clusters.vectors(PairReader.load().rarity, [(row["title"], row["text"]) for row in rows])
    groups = topic_clusters.clusters(vectors)
    ours = _labels(groups, len(rows))
    found: dict[str, Any] = {
        "bench": "topics", "texts": len(rows), "in_own_groups": sum(1 for label in truth if label >= 0),
        "own_groups": len({label for label in truth if label >= 0}), "pairs": len(pairs),
        "groups": len(groups), "cpu_s": round(time.process_time() - started, 1),
        "ours": _figures(truth, ours, pairs),
    }  # fmt: skip
    if importlib.util.find_spec("sklearn") is not None:
        for count in _GROUPS:
            found[f"kmeans_{count}"] = _figures(truth, _kmeans(rows, count), pairs)
    print(json.dumps(found, ensure_ascii=False))


def _truth(texts: Sequence[str], pairs: Sequence[tuple[int, int, bool]]) -> list[int]:
    """The set's own groups by number; -1: in none."""
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    graph = _near(texts)
    same = [(a, b) for a, b, is_same in pairs if is_same]
    graph[[a for a, _ in same], [b for _, b in same]] = 1
    labels = connected_components(graph, directed=False)[1].tolist()
    sizes = Counter(labels)
    return [label if sizes[label] > 1 else -1 for label in labels]


def _near(texts: Sequence[str]) -> Any:  # noqa: ANN401  (a sparse matrix)
    """Which texts are near-duplicates."""
    from scipy import sparse  # noqa: PLC0415

    numbers: dict[str, int] = {}
    at, to, counts = [], [], []
    for row, text in enumerate(texts):
        bare = "".join(text.split())
        for gram, count in Counter(bare[i : i + 3] for i in range(len(bare) - 2)).items():
            at.append(row)
            to.append(numbers.setdefault(gram, len(numbers)))
            counts.append(float(count))
    grams = sparse.csr_array((counts, (at, to)), shape=(len(texts), len(numbers)))
    lengths = np.sqrt(grams.multiply(grams).sum(axis=1))
    unit = grams.multiply((1 / np.maximum(lengths, 1e-9))[:, None]).tocsr()
    likeness = (unit @ unit.T).tocsr()
    likeness.data[likeness.data < _NEAR] = 0
    likeness.eliminate_zeros()
    return likeness.tolil()


def _labels(groups: Sequence[Sequence[int]], size: int) -> list[int]:
    """A number per text; a text in no group is one of its own."""
    labels = list(range(size, 2 * size))
    for number, group in enumerate(groups):
        for at in group:
            labels[at] = number
    return labels


def _kmeans(rows: Sequence[dict[str, Any]], count: int) -> list[int]:
    from sklearn.cluster import MiniBatchKMeans  # noqa: PLC0415
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415

    words = [" ".join(word for word, _, _ in cut(f"{row['title']} {row['text']}")) for row in rows]
    made = TfidfVectorizer(tokenizer=str.split, token_pattern=None, min_df=2, max_df=0.2).fit_transform(words)
    fitted = MiniBatchKMeans(count, random_state=_SEED, n_init=1, batch_size=1024).fit(made)
    labels: list[int] = fitted.labels_.tolist()
    return labels


def _figures(
    truth: Sequence[int], labels: Sequence[int], pairs: Sequence[tuple[int, int, bool]]
) -> dict[str, float]:
    inside = [at for at, label in enumerate(truth) if label >= 0]
    own, given = [truth[at] for at in inside], [labels[at] for at in inside]
    precision, recall = _b_cubed(own, given)
    both = sum(1 for a, b, same in pairs if same and labels[a] == labels[b])
    called = sum(1 for a, b, _ in pairs if labels[a] == labels[b])
    wanted = sum(1 for _, _, same in pairs if same)
    return {
        "b3_precision": round(precision, 3),
        "b3_recall": round(recall, 3),
        "b3_f1": round(2 * precision * recall / (precision + recall), 3),
        "v_measure": round(_v_measure(own, given), 3),
        "pair_precision": round(both / max(1, called), 3),
        "pair_recall": round(both / max(1, wanted), 3),
    }


def _b_cubed(own: Sequence[int], given: Sequence[int]) -> tuple[float, float]:
    """Of a text's group the share of its matter, and of its matter the share in its group; averaged."""
    members, matters = defaultdict(set), defaultdict(set)
    for at, (matter, group) in enumerate(zip(own, given, strict=True)):
        members[group].add(at)
        matters[matter].add(at)
    precision = recall = 0.0
    for matter, group in zip(own, given, strict=True):
        shared = len(members[group] & matters[matter])
        precision += shared / len(members[group])
        recall += shared / len(matters[matter])
    return precision / len(own), recall / len(own)


def _v_measure(own: Sequence[int], given: Sequence[int]) -> float:
    both, total = Counter(zip(own, given, strict=True)), len(own)
    matters, groups = Counter(own), Counter(given)
    shared = sum(
        n / total * math.log(n * total / (matters[matter] * groups[group]))
        for (matter, group), n in both.items()
    )
    entropies = [-sum(n / total * math.log(n / total) for n in side.values()) for side in (matters, groups)]
    return 2 * shared / sum(entropies) if sum(entropies) else 1.0


if __name__ == "__main__":
    main()
