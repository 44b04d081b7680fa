"""Are two appeals one matter? `make bench-repeats`: the pair model against what peers do, on labelled pairs.

The pairs are those of `nlp/training/pairs.jsonl`, their texts the public ones beside the checkout. Each
pair is answered by trees that never saw its matter (cross-validation by groups), by a net that did not
either (its log-odds are kept in `nlp/training/pair_beliefs.json`: making them takes some forty minutes) and
by trees that weigh the two.
`met` are pairs as the search meets them (`nlp.training.pairs_drawn`), answered likewise, with intervals.
Compared in the same run:
(a) the cosine of character runs of at least 0.85 within 30 days and 500 m (public texts have no
coordinates: within 500 m means that neither names a road, compound or river that the other does not
share), (b) SimHash of 64 bits, at most 3 bits apart, and the best distance. `written` are the groups of our
own that nothing learned from, read by what is shipped (words alone mislead in most). CPU time of a pair
is measured with both texts read anew. Candidates for one new appeal among `--cases` open ones are asked for
in a database of their own (SQLite in a temporary folder, or `--url`, an empty one; `--index` takes the
figures of an earlier run of `bench.repeats_index --keep` instead): p50_ms and p99_ms of finding, reading and
weighing them. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bench import repeats_index
from nlp import WEIGHTS
from nlp.grams import Grams
from nlp.repeat_profile import MEASURES
from nlp.repeats import PairReader
from nlp.training import repeat_limits as limits
from nlp.training import repeats as training
from nlp.training.pair_samples import HELD, read_samples
from nlp.training.pairs_drawn import read_drawn, weighed_figures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nlp.training.pairs_drawn import Drawn
    from nlp.training.repeats import Met, Pair

_DATA: Final = Path(__file__).resolve().parents[2] / "shared" / "data"
_PEER_COSINE: Final = 0.85
_PEER_DAYS: Final = 30
_BITS: Final = 64
_PEER_BITS: Final = 3
_TIMED: Final = 300
#: Where one matter and two are held for equally likely, whatever thresholds are set.
_EVEN: Final = 0.5


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=Path, default=_DATA, help="folder of the public texts")
    parser.add_argument(
        "--cases", type=int, default=20_000, help="open cases that candidates are found among"
    )
    parser.add_argument("--asked", type=int, default=200, help="new appeals that candidates are asked for")
    parser.add_argument("--url", help="an empty database for them")
    parser.add_argument("--index", type=Path, help="figures kept by bench.repeats_index")
    given = parser.parse_args()
    index = _index(given)
    pairs = training.read_pairs()
    texts = training.read_texts(given.texts)
    reader = PairReader.load()
    if reader.degraded:
        raise SystemExit(f"the net is not there: {reader.degraded}")
    net = training.net_of(WEIGHTS)
    drawn = read_drawn(net[1] if net else None)
    judged = training.judge(texts, reader.rarity, Grams(WEIGHTS), net, drawn=drawn)
    rows, same, folds, alone, p = judged.rows, judged.same, judged.folds, judged.alone, judged.p
    called = limits.figures(limits.called(limits.same_from, p, same, folds), same)
    certain = limits.figures(limits.called(limits.certain_from, p, same, folds), same)
    hashed = np.array([_simhash(texts[pair.a]) for pair in pairs], dtype=np.uint64)
    other = np.array([_simhash(texts[pair.b]) for pair in pairs], dtype=np.uint64)
    apart = np.array([int(value).bit_count() for value in (hashed ^ other).tolist()])
    spent = _spent(reader, texts, pairs)
    print(
        json.dumps(
            {
                "pairs": len(pairs),
                "same_matter": int(same.sum()),
                "same_from": reader.same_from,
                **called,
                "certain_from": reader.certain_from,
                "certain": certain,
                "trees_alone": {
                    "same": limits.figures(limits.called(limits.same_from, alone, same, folds), same),
                    "certain": limits.figures(limits.called(limits.certain_from, alone, same, folds), same),
                },
                "cosine_peer": limits.figures(_peer(rows), same),
                "cosine_alone": limits.figures(rows[:, 0] >= _PEER_COSINE, same),
                "simhash_3": limits.figures(apart <= _PEER_BITS, same),
                "simhash_best": max(
                    ({"bits": bits, **limits.figures(apart <= bits, same)} for bits in range(_BITS)),
                    key=_f05,
                ),
                "met": _met(judged.met, drawn, texts, reader),
                "written": _written(reader),
                "cpu_ms_pair": {"p50": round(spent[len(spent) // 2], 2), "p99": round(spent[-3], 2)},
                "p50_ms": index["p50_ms"],
                "p99_ms": index["p99_ms"],
                "index": index,
                "version": reader.version,
            }
        )
    )


def _index(given: argparse.Namespace) -> dict[str, Any]:
    """Candidates among many open cases: measured now, or as an earlier run kept them."""
    if given.index is not None:
        kept: dict[str, Any] = json.loads(given.index.read_text(encoding="utf-8"))
        return kept
    with tempfile.TemporaryDirectory() as folder:
        url = given.url or f"sqlite+aiosqlite:///{Path(folder) / 'index.db'}"
        return asyncio.run(repeats_index.run(url, given.cases, given.asked))


def _f05(told: dict[str, Any]) -> float:
    return float(told["f05"])


def _peer(rows: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Cosine, days and place, as an open-source peer asks for them."""
    of = {name: rows[:, at] for at, name in enumerate(MEASURES)}
    near = (of["names_road"] >= 0) & (of["names_compound"] >= 0) & (of["names_water"] >= 0)
    recent = (of["undated"] > 0) | (np.expm1(of["days"]) <= _PEER_DAYS)
    called: NDArray[np.bool_] = (of["cosine"] >= _PEER_COSINE) & near & recent
    return called


def _met(
    met: Met | None, drawn: Sequence[Drawn], texts: dict[str, dict[str, Any]], reader: PairReader
) -> dict[str, Any]:
    """The drawn pairs by the shipped thresholds, by lower ones, and as peers would answer."""
    if met is None:
        raise SystemExit("no drawn pairs")
    apart = [(_simhash(texts[pair.a]) ^ _simhash(texts[pair.b])).bit_count() for pair in drawn]
    return {
        "pairs": len(drawn),
        "stand_for": round(sum(pair.weight for pair in drawn)),
        "unsure": sum(pair.unsure for pair in drawn),
        "same": weighed_figures(met.p >= reader.same_from, drawn),
        "certain": weighed_figures(met.p >= reader.certain_from, drawn),
        "by_threshold": [
            {"from": step, **weighed_figures(met.p >= step, drawn)}
            for step in (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
        ],
        "cosine_peer": weighed_figures(_peer(met.rows), drawn),
        "simhash_3": weighed_figures(np.array(apart) <= _PEER_BITS, drawn),
    }


def _written(reader: PairReader) -> dict[str, Any]:
    """The groups of ours that nothing learned from: called the same, certain, and by the trees alone."""
    texts, pairs = read_samples(HELD)
    profiles = {
        name: reader.profile(row["title"], row["text"], training.day_of(row["time"]))
        for name, row in texts.items()
    }
    same = np.array([pair.same for pair in pairs])
    both = [(profiles[pair.a], profiles[pair.b]) for pair in pairs]
    p = np.array([reader.likeness(*pair).p for pair in both])
    alone = np.array([reader.by_measures(*pair) for pair in both])
    return {
        "pairs": len(pairs),
        "same": limits.figures(p >= reader.same_from, same),
        "certain": limits.figures(p >= reader.certain_from, same),
        "trees_at_half": limits.figures(alone >= _EVEN, same),
        "at_half": limits.figures(p >= _EVEN, same),
    }


def _simhash(row: dict[str, Any]) -> int:
    """64 bits over runs of three characters."""
    text = "".join(f"{row.get('title') or ''}{row.get('text') or ''}".split())
    votes = np.zeros(_BITS, dtype=np.int64)
    for at in range(max(len(text) - 2, 1)):
        digest = hashlib.blake2b(text[at : at + 3].encode(), digest_size=8).digest()
        bits = np.unpackbits(np.frombuffer(digest, dtype=np.uint8))
        votes += 2 * bits.astype(np.int64) - 1
    return int.from_bytes(np.packbits(votes > 0).tobytes(), "big")


def _spent(reader: PairReader, texts: dict[str, dict[str, Any]], pairs: Sequence[Pair]) -> list[float]:
    """CPU milliseconds of pairs read from their texts, sorted."""
    found = []
    for pair in pairs[:_TIMED]:
        begun = time.process_time()
        a, b = (
            reader.profile(row.get("title"), row.get("text") or "", training.day_of(row.get("time")))
            for row in (texts[pair.a], texts[pair.b])
        )
        reader.likeness(a, b)
        found.append((time.process_time() - begun) * 1000)
    return sorted(found)


if __name__ == "__main__":
    main()
