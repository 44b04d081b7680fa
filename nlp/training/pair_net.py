"""Makes the pair net: `python -m nlp.training.pair_net --texts DIR --base DIR --weights DIR --work DIR`.

First it learns to compare from pairs that nobody labelled (`nlp.training.pair_texts`), then from the
labelled ones and from groups of appeals that we wrote (`nlp.training.pair_samples`). Written: `pairs.onnx`
and `pairs.npz` into the weights, and `pair_beliefs.json` beside the labels: for each labelled pair the
log-odds of a net that learned no label of its matter (of unlabelled texts only those are left out that say
the same word for word). `nlp.training.repeats` weighs these with the trees and writes the card: run it
afterwards. Needs the `train` extra; some forty-five minutes of two cores.
`--work` keeps what the first half learned: a second run goes on from it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import nn
from transformers import BertModel

from nlp.encoder import LOWER, session_of
from nlp.pair_net import GRAPH, PREFIX, RARITY, TOKENS
from nlp.repeat_profile import read_words
from nlp.repeats import PairReader
from nlp.training.evening import evened, round_weights
from nlp.training.export import write_graph
from nlp.training.pair_fit import Joint, Learner, Plan, Texts, lowest
from nlp.training.pair_samples import read_samples
from nlp.training.pair_texts import unlabelled
from nlp.training.pairs_drawn import read_drawn, write_drawn
from nlp.training.repeats import (
    BELIEFS,
    SEED,
    digest,
    folds_beside,
    folds_of,
    read_names,
    read_pairs,
    read_texts,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Tell = Callable[[dict[str, Any]], None]

    from numpy.typing import NDArray

    from nlp.training.pair_samples import Sample
    from nlp.training.pair_texts import Told
    from nlp.training.pairs_drawn import Drawn
    from nlp.training.repeats import Pair

#: Nets that never saw a fold: half as many as folds, two folds each.
NETS: Final = 4
#: Unlabelled texts are read shorter: half of them are titles and answers.
_SHORT: Final = 96
_RARER: Final = (3.0, 5.0, 7.0)
#: So many of our own pairs stand beside the labelled ones. With all of them, whose words often mislead, the
#: net trusts words too little where they are right (docs/repeats-history.md).
_OF_OURS: Final = 0.8
_PRETRAINED: Final = "pretrained.pt"
_LABELLED: Final = Plan(epochs=2.0, rate=1e-4, head_rate=8e-4, warmup=40, soft=0.04)

#: So many pairs are shown to a net before it is rounded.
_SHOWN: Final = 128


def token_rarity(ids: Iterable[Sequence[int]], vocabulary: int) -> NDArray[np.uint8]:
    """Of each token how rare it is among texts: 0 (in every twentieth or more) to 3."""
    texts = np.zeros(vocabulary)
    count = 0
    for one in ids:
        texts[list(set(one))] += 1
        count += 1
    rarer: NDArray[np.uint8] = np.searchsorted(_RARER, np.log(count / (1 + texts))).astype(np.uint8)
    return rarer


def pretrain(
    base: BertModel, tokenizer: Tokenizer, pairs: Sequence[Told], tell: Tell
) -> tuple[Joint, NDArray[np.uint8]]:
    """A net that has learned from unlabelled pairs, and how rare tokens are in them."""
    texts = sorted({text for pair in pairs for text in pair[:2]})
    number = {text: at for at, text in enumerate(texts)}
    tokenizer.enable_truncation(_SHORT)
    ids = [coded.ids for coded in tokenizer.encode_batch([PREFIX + text for text in texts])]
    rarity = token_rarity(ids, tokenizer.get_vocab_size())
    tell({"texts": len(texts), "pairs": len(pairs)})
    learner = Learner(
        Texts(ids, lowest(base, ids)),
        [(number[pair.a], number[pair.b]) for pair in pairs],
        [pair.share for pair in pairs],
        rarity,
    )
    net = Joint(base)
    learner.learn(net, range(len(pairs)), Plan(), tell)
    return net, rarity


def labelled_learner(
    texts: dict[str, dict[str, Any]],
    pairs: Sequence[Pair | Sample | Drawn],
    tokenizer: Tokenizer,
    encoder: Path,
    rarity: NDArray[np.uint8],
) -> tuple[Learner, list[str]]:
    """The labelled pairs, their texts as the int8 graph reads them; and these texts."""
    names = sorted({name for pair in pairs for name in (pair.a, pair.b)})
    number = {name: at for at, name in enumerate(names)}
    told = [read_words(texts[name].get("title"), texts[name].get("text") or "") for name in names]
    tokenizer.enable_truncation(TOKENS)
    ids = [coded.ids for coded in tokenizer.encode_batch([PREFIX + text for text in told])]
    graph = session_of(encoder, threads=torch.get_num_threads())
    low = [
        torch.from_numpy(
            graph.run(["low"], {"ids": np.array([one]), "mask": np.ones((1, len(one)), dtype=np.int64)})[0][0]
        ).half()
        for one in ids
    ]
    numbers = [(number[pair.a], number[pair.b]) for pair in pairs]
    return Learner(Texts(ids, low), numbers, [float(pair.same) for pair in pairs], rarity), told


class _Graph(nn.Module):
    """The net as reading needs it: one pair, no padding."""

    def __init__(self, net: Joint) -> None:
        super().__init__()
        self.net = net

    def forward(self, low: torch.Tensor, marks: torch.Tensor, side: torch.Tensor) -> torch.Tensor:
        """Log-odds (B)."""
        found: torch.Tensor = self.net(low, marks, side, torch.ones_like(side, dtype=low.dtype))
        return found


def export(net: Joint, base: BertModel, path: Path, show: Callable[[Joint], object]) -> None:
    """Write the quantised graph, in seven bits like the encoder's; `show` shows some pairs to a net."""
    net = evened(net, show)
    round_weights(net, net.layers, show)
    for layer in net.layers:
        layer.attention.self.config._attn_implementation = "eager"  # noqa: SLF001  (no public way for a layer)
    given = {
        "low": torch.zeros(1, 6, base.config.hidden_size),
        "marks": torch.zeros(1, 6, dtype=torch.int64),
        "side": torch.tensor([[0, 0, 0, 1, 1, 1]]),
    }
    write_graph(
        _Graph(net.eval()), given, {"log_odds": {0: "batch"}}, path, config=base.config, layers="layers."
    )


def make(
    texts_folder: Path, base_folder: Path, weights: Path, work: Path, *, threads: int, tell: Tell
) -> dict[str, Any]:
    """Pretrain, learn, answer the labelled pairs by folds, export. Gives what was done."""
    if not (weights / LOWER).exists():
        raise SystemExit(f"{weights}: no {LOWER}: its encoder is in one file (jiesu-encoder/1); make it anew")
    torch.set_num_threads(threads)
    work.mkdir(parents=True, exist_ok=True)
    texts, pairs = read_texts(texts_folder), read_pairs()
    tokenizer = Tokenizer.from_file(str(base_folder / "tokenizer.json"))
    tokenizer.no_padding()
    base: Any = BertModel.from_pretrained(
        base_folder, dtype=torch.float32, add_pooling_layer=False, attention_probs_dropout_prob=0.0
    )
    base.eval()
    found = _begun(texts, base, tokenizer, weights, work, tell=tell)
    rarity = found["rarity"].numpy()
    ours, samples = read_samples()
    drawn = read_drawn(None)
    all_pairs: list[Pair | Sample | Drawn] = [*pairs, *samples, *drawn]
    learner, words = labelled_learner(texts | ours, all_pairs, tokenizer, weights / LOWER, rarity)
    written = range(len(pairs), len(pairs) + len(samples))
    folds = folds_of(pairs) % NETS
    # Drawn pairs are asked about and never learned.
    asked_by = folds_beside(pairs, drawn) % NETS
    of_drawn = np.zeros(len(drawn))

    def turned(at: int) -> bool:
        return words_turned(words, learner.pairs[at])

    log_odds = np.zeros(len(pairs))
    for fold in range(NETS):
        net = Joint(base)
        net.load_state_dict(found["net"])
        learned, held = np.flatnonzero(folds != fold).tolist(), np.flatnonzero(folds == fold).tolist()
        learned += some_of(written, fold)
        learner.learn(net, learned, replace(_LABELLED, seed=SEED + fold), tell)
        # The side that reading shows them from.
        log_odds[held] = learner.ask(net, held, turned)
        mine = np.flatnonzero(asked_by == fold)
        of_drawn[mine] = learner.ask(net, (mine + written.stop).tolist(), turned)
        tell({"net": fold + 1, "of": NETS})
    net = Joint(base)
    net.load_state_dict(found["net"])
    learner.learn(net, [*range(len(pairs)), *some_of(written, NETS)], _LABELLED, tell)
    torch.save(net.state_dict(), work / "learned.pt")
    shown = range(0, len(pairs), max(1, len(pairs) // _SHOWN))
    export(net, base, weights / GRAPH, lambda net: learner.ask(net, shown, turned))
    np.savez_compressed(weights / RARITY, rarity=rarity)
    told_by: dict[str, Any] = {
        "net": digest(weights / GRAPH),
        "log_odds": {
            f"{pair.a} {pair.b}": round(float(odds), 3) for pair, odds in zip(pairs, log_odds, strict=True)
        },
    }
    BELIEFS.write_text(json.dumps(told_by, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    answered = [pair._replace(log_odds=float(odds)) for pair, odds in zip(drawn, of_drawn, strict=True)]
    write_drawn(answered, told_by["net"])
    return {
        "pairs": len(pairs),
        "samples": len(samples),
        "unlabelled": found["pairs"],
        "plan": asdict(_LABELLED),
    }


def _begun(
    texts: dict[str, dict[str, Any]],
    base: Any,  # noqa: ANN401
    tokenizer: Tokenizer,
    weights: Path,
    work: Path,
    *,
    tell: Tell,
) -> dict[str, Any]:
    """What was learned without labels, kept in `work`: made where it is not there yet."""
    kept, labelled = work / _PRETRAINED, read_names()
    if not kept.exists():
        told = unlabelled(texts, labelled, PairReader.load(weights), SEED)
        torch.manual_seed(SEED)
        net, rarity = pretrain(base, tokenizer, told, tell)
        torch.save(
            {
                "net": net.state_dict(),
                "rarity": torch.from_numpy(rarity),
                "pairs": len(told),
                "left_out": sorted(labelled),
            },
            kept,
        )
    found: dict[str, Any] = torch.load(kept)
    if not labelled <= set(found["left_out"]):
        raise SystemExit(f"{kept}: has learned from texts that are labelled now; remove it to begin anew")
    return found


def some_of(written: Iterable[int], seed: int) -> list[int]:
    """The pairs of ours that a net learns: every net some, and no net is asked about them."""
    rng = np.random.default_rng(seed)
    return [number for number in written if rng.random() < _OF_OURS]


def words_turned(words: Sequence[str], pair: tuple[int, int]) -> bool:
    """Whether reading would show the second text of a pair first (`nlp.pair_net.PairNet.log_odds`)."""
    return words[pair[1]] < words[pair[0]]


def main(arguments: Iterable[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=Path, required=True, help="folder of the public texts")
    parser.add_argument("--base", type=Path, required=True, help="folder of the pretrained base")
    parser.add_argument("--weights", type=Path, required=True, help="folder of weights (encoder, trees)")
    parser.add_argument("--work", type=Path, required=True, help="folder for what was learned so far")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args(None if arguments is None else list(arguments))
    begun = time.monotonic()

    def tell(line: dict[str, Any]) -> None:
        sys.stderr.write(json.dumps({"s": round(time.monotonic() - begun), **line}) + "\n")
        sys.stderr.flush()

    done = make(given.texts, given.base, given.weights, given.work, threads=given.threads, tell=tell)
    sys.stdout.write(json.dumps(done) + "\n")


if __name__ == "__main__":
    main()
