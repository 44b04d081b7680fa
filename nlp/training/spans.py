"""The weights of who and when (`nlp.spans`): `python -m nlp.training.spans --data FILE --texts DIR`.

Learned from labelled texts, the customer's and ours (`nlp.training.span_labels`), and from what a slower
model that sees whole sentences (`nlp.training.span_teacher`) says of texts that nobody has labelled. How
likely a name must be is chosen on labelled texts of which neither has learned (one in twelve). Needs the
`train` extra. No text is kept: the table holds weights of hashed runs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch import nn

from nlp import WEIGHTS, evaluation
from nlp.encoder import Encoder
from nlp.facts import look
from nlp.folder import card_of
from nlp.span_features import READ, ROWS, rows_of
from nlp.spans import ASKED, CARD, LONGEST, NAMES, SCHEMA, WEIGHTS_FILE, Blend, Spans
from nlp.text import normalize
from nlp.training import span_beside, span_labels
from nlp.training.examples import is_held_out
from nlp.training.span_teacher import States, Teacher
from nlp.types import source_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from nlp.facts import Span
    from nlp.training.span_teacher import Told

_TEXTS: Final = 9_000
_SHORTEST, _LONGEST_TEXT = 25, 900
#: A text is known again by how it begins.
_BEGINNING: Final = 40
#: The most of one file, so that no source speaks for all.
_OF_A_FILE: Final = 3_000
_SEED: Final = 11
_TEACHERS: Final = (0, 1)
_STUDENTS: Final = (0, 1, 2)
_EPOCHS: Final = 3
_RATE: Final = 0.03
_SLOWEST: Final = 0.3
_BEGUN: Final = 1e-3
_DROPOUT: Final = 0.3
_TOGETHER: Final = 16
#: A labelled text beside one that only the teacher has read.
_LABELLED: Final = 2.0
_LEAST_SHARE: Final = 0.02
_PLACES: Final = 8
#: Steps of a weight either way: more would take more room and change no answer that was looked at.
_STEPS: Final = 31
_CLIPPED: Final = 99.95  # percentile of the weights that the int8 range reaches
_LEASTS: Final = tuple(step / 50 for step in range(3, 31))
#: F1 that differs by less is chance: by the higher limit what is told is right more often.
_ALIKE: Final = 0.01
#: Between these the table alone half believes in a name, and the encoder is asked about it.
_UNSURE: Final = (0.1, 0.6)
#: What the table's scores and the encoder's are multiplied by: tried without it, and with it.
_ALONE: Final = ((1.0, 0.0),)
_BLENDS: Final = tuple((table / 10, encoder / 10) for table in range(8) for encoder in range(4, 11))


@dataclass(frozen=True, slots=True)
class _Kept:
    """The table as it is written."""

    weights: NDArray[np.int8]
    scale: NDArray[np.float32]
    lengths: NDArray[np.float32]
    none: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Taught:
    """A text's features; for each name the spans that may be right with their shares, and that of none."""

    rows: NDArray[np.int32]
    right: tuple[tuple[list[tuple[list[tuple[int, int]], float]], float] | None, ...]
    weight: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit and write the weights; prints what was done as JSON lines."""
    given = _asked().parse_args(arguments)
    ours = span_labels.labelled(span_labels.files_of(given.texts))
    rows = [*evaluation.rows(given.data), *ours]
    learned = [row for row in rows if not is_held_out(row)]
    held = [row for row in rows if is_held_out(row)]
    with TemporaryDirectory() as work:
        states = States(given.out, Path(work))
        texts = [states.of(_folded(row)[0], _spans(row)) for row in learned]
        beside = span_beside.fitted(texts, seed=_SEED, told=_tell)
        if given.keep_table:
            table = _kept(given.out)
            before = card_of(given.out / CARD, SCHEMA)["about"]
            of_table = {name: before.get("table", before)[name] for name in ("labelled", "unlabelled")}
        else:
            teacher = Teacher(texts, seeds=_TEACHERS, told=_tell)
            del texts
            known = {_beginning(row) for row in ours} | {
                _beginning(row) for file in (given.data, *given.without) for row in evaluation.rows(file)
            }
            drawn = _unlabelled(given.texts, known)
            of_table = {"labelled": len(learned), "unlabelled": len(drawn)}
            _tell(of_table)
            taught = [_labelled(row) for row in learned]
            for at in range(0, len(drawn), _TOGETHER):
                batch = drawn[at : at + _TOGETHER]
                stated = [states.of(_folded(row)[0], (None,) * len(NAMES)) for row in batch]
                taught += [_told(row, told) for row, told in zip(batch, teacher.read(stated), strict=True)]
            table = _rounded(_mean([_fitted(taught, seed) for seed in _STUDENTS]))
    about = {
        "table": of_table,
        "encoder": {"labelled": len(learned), "of_these_ours": sum(not is_held_out(row) for row in ours)},
        "limits_chosen_on": len(held),
    }
    span_beside.written(given.out, beside)
    digest = _keep(given.out, table, beside)
    guess = {"table": 1.0, "encoder": 1.0, "least": dict.fromkeys(NAMES, 0.0)}
    _card(given.out, digest, guess, guess, about)
    alone, with_encoder = _chosen(given.out, held)
    _card(given.out, digest, alone, with_encoder, about)
    _tell({"version": Spans(given.out).version, "alone": alone, "beside": with_encoder})
    return 0


def _asked() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="labelled JSONL: id, title, text, party, when"
    )
    parser.add_argument(
        "--texts",
        type=Path,
        default=[],
        action="append",
        help="public texts, most unlabelled: a JSONL file or a folder",
    )
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="the encoder's folder, which takes both")
    parser.add_argument(
        "--without", type=Path, action="append", default=[], help="JSONL never to be learned from"
    )
    parser.add_argument(
        "--keep-table", action="store_true", help="the encoder is new: fit what it says, and the blend, alone"
    )
    return parser


def _tell(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _folded(row: dict[str, Any]) -> tuple[str, int]:
    """A row's folded text, and how much of it is the title."""
    title = row.get("title") or None
    return normalize(source_text(title, row.get("text") or "")), len(title or "")


def _beginning(row: dict[str, Any]) -> str:
    return (row.get("text") or "")[:_BEGINNING]


def _spans(row: dict[str, Any]) -> list[list[tuple[int, int]] | None]:
    """For each name where its labelled words stand; None where they are too long or not in the text."""
    text = _folded(row)[0]
    found: list[list[tuple[int, int]] | None] = []
    for name in NAMES:
        words = normalize(row.get(name) or "")
        spans = list(_all(text, words))
        found.append(None if words and (not spans or len(words) > LONGEST) else spans)
    return found


def _all(text: str, words: str) -> Iterator[tuple[int, int]]:
    """Everywhere that words stand in what is read of a text."""
    at = text.find(words) if words else -1
    while 0 <= at <= READ - len(words):
        yield at, at + len(words)
        at = text.find(words, at + 1)


def _rows(row: dict[str, Any]) -> NDArray[np.int32]:
    text, title = _folded(row)
    return rows_of(text, title, look(text, text, title)).astype(np.int32)


def _labelled(row: dict[str, Any]) -> Taught:
    right = tuple(
        None if one is None else ([(one, 1.0)] if one else [], 0.0 if one else 1.0) for one in _spans(row)
    )
    return Taught(_rows(row), right, _LABELLED)


def _told(row: dict[str, Any], answers: Sequence[Told]) -> Taught:
    """What the teacher says of a text, as far as its words can be answered."""
    text = _folded(row)[0]
    right = []
    for words, none in answers:
        shares = [
            (list(_all(text, one))[:_PLACES], share)
            for one, share in words.items()
            if share >= _LEAST_SHARE and len(one) <= LONGEST
        ]
        total = sum(share for _, share in shares) + none
        right.append(([(spans, share / total) for spans, share in shares], none / total))
    return Taught(_rows(row), tuple(right), 1.0)


def _unlabelled(places: Sequence[Path], known: set[str]) -> list[dict[str, Any]]:
    """Texts of files and folders that are not known, drawn with a fixed seed; none of them twice."""
    drawn, seen, found = random.Random(_SEED), set(known), []  # noqa: S311  (a choice of texts, no secret)
    for path in span_labels.files_of(places):
        rows = [row for row in evaluation.rows(path) if isinstance(row.get("text"), str)]
        taken = 0
        for row in drawn.sample(rows, len(rows)):
            new = _beginning(row) not in seen and _SHORTEST <= len(row["text"]) <= _LONGEST_TEXT
            if new and taken < _OF_A_FILE:
                seen.add(_beginning(row))
                found.append(row)
                taken += 1
    return drawn.sample(found, min(_TEXTS, len(found)))


class _Table(nn.Module):
    """The weights while they are learned."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = nn.EmbeddingBag(ROWS, ASKED * len(NAMES), mode="sum", sparse=True)
        self.lengths = nn.Parameter(torch.zeros(len(NAMES), LONGEST))
        self.none = nn.Parameter(torch.full((len(NAMES),), 2.0))
        nn.init.zeros_(self.rows.weight)

    def loss(self, text: Taught, said: torch.Tensor) -> torch.Tensor:
        total = torch.zeros(())
        for name, answer in enumerate(text.right):
            if answer is None:
                continue
            scores = _scores(said[:, ASKED * name : ASKED * (name + 1)], self.lengths[name])
            none = self.none[name : name + 1]
            all_of = torch.logsumexp(torch.cat([scores.flatten(), none]), 0)
            total = total + answer[1] * (all_of - none[0])
            for spans, share in answer[0]:
                right = torch.stack([scores[start, end - start - 1] for start, end in spans])
                total = total + share * (all_of - torch.logsumexp(right, 0))
        return total * text.weight


def _scores(said: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """As `nlp.spans.scores_of`."""
    ends = nn.functional.pad(said[:, 1], (0, LONGEST - 1), value=-1e4)
    upto = nn.functional.pad(said[:, 2].cumsum(0), (1, 0))
    upon = nn.functional.pad(upto[1:], (0, LONGEST - 1)).unfold(0, LONGEST, 1)
    return said[:, 0, None] + ends.unfold(0, LONGEST, 1) + upon - upto[:-1, None] + lengths


def _fitted(texts: Sequence[Taught], seed: int) -> tuple[NDArray[np.float32], ...]:
    torch.manual_seed(seed)
    drawn, table = random.Random(seed), _Table()  # noqa: S311  (an order of texts, no secret)
    slow = torch.optim.Adagrad([table.rows.weight], lr=_RATE, initial_accumulator_value=_BEGUN)
    fast = torch.optim.Adam([table.lengths, table.none], lr=0.02)
    features = texts[0].rows.shape[1]
    for epoch in range(_EPOCHS):
        lost = 0.0
        for group in slow.param_groups:
            group["lr"] = _RATE * (1 - (1 - _SLOWEST) * epoch / max(1, _EPOCHS - 1))
        order = drawn.sample(range(len(texts)), len(texts))
        for at in range(0, len(order), _TOGETHER):
            batch = [texts[one] for one in order[at : at + _TOGETHER]]
            kept = torch.nonzero(torch.rand(features) > _DROPOUT)[:, 0]
            rows = torch.from_numpy(np.concatenate([one.rows for one in batch]).astype(np.int64))
            said = table.rows(rows[:, kept]) * (features / len(kept))
            parts = torch.split(said, [len(one.rows) for one in batch])
            loss = torch.stack([table.loss(one, part) for one, part in zip(batch, parts, strict=True)]).sum()
            for optimizer in (slow, fast):
                optimizer.zero_grad()
            (loss / _TOGETHER).backward()
            for optimizer in (slow, fast):
                optimizer.step()
            lost += float(loss.detach())
        _tell({"student": seed, "epoch": epoch + 1, "loss": round(lost / len(texts), 3)})
    return tuple(part.detach().numpy().copy() for part in (table.rows.weight, table.lengths, table.none))


def _mean(fits: Sequence[tuple[NDArray[np.float32], ...]]) -> tuple[NDArray[np.float32], ...]:
    return tuple(np.mean([fit[part] for fit in fits], axis=0) for part in range(3))


def _rounded(fit: tuple[NDArray[np.float32], ...]) -> _Kept:
    """The weights in int8, a scale for each column."""
    weights, lengths, none = fit
    scale = np.maximum(np.percentile(np.abs(weights), _CLIPPED, axis=0), 1e-6) / _STEPS
    steps = np.clip(np.rint(weights / scale), -_STEPS, _STEPS).astype(np.int8)
    return _Kept(steps, scale.astype(np.float32), lengths, none)


def _kept(folder: Path) -> _Kept:
    """The table as it stands in a folder."""
    Spans(folder)
    with np.load(folder / WEIGHTS_FILE, allow_pickle=False) as kept:
        return _Kept(kept["weights"], kept["scale"], kept["lengths"][0], kept["none"][0])


def _keep(out: Path, table: _Kept, beside: span_beside.Beside) -> str:
    """Write the table and what lengths and none add on either side. Gives the file's SHA-256."""
    np.savez_compressed(
        out / WEIGHTS_FILE,
        weights=table.weights,
        scale=table.scale,
        lengths=np.stack([table.lengths, beside.lengths.detach().numpy()]).astype(np.float32),
        none=np.stack([table.none, beside.none.detach().numpy()]).astype(np.float32),
    )
    return hashlib.sha256((out / WEIGHTS_FILE).read_bytes()).hexdigest()


def _card(
    out: Path, digest: str, alone: dict[str, Any], beside: dict[str, Any], about: dict[str, Any]
) -> None:
    """Write `spans.json`: the blends and limits, what was learned from (`about`), the checksum."""
    card = {
        "schema": SCHEMA,
        "version": f"who-{digest[:4]}",
        "alone": alone,
        "beside": beside,
        "unsure": list(_UNSURE),
        "about": about,
        "files": {WEIGHTS_FILE: digest},
    }
    (out / CARD).write_text(json.dumps(card, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _chosen(folder: Path, held: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Blend and limits without the encoder and with it: where most held-out names are exactly right (F1)."""
    spans, encoder = Spans(folder), Encoder(folder)
    texts = [_folded(row) for row in held]
    seen = [look(text, text, title) for text, title in texts]
    said = [one.said for one in encoder.read_many([text for text, _ in texts])]
    right = [[normalize(row.get(name) or "") for name in NAMES] for row in held]
    best: list[dict[str, Any]] = []
    for tried, parts in ((_ALONE, [()] * len(held)), (_BLENDS, said)):
        answers = []
        for table, with_encoder in tried:
            blend = Blend(table, with_encoder, ())
            found = [
                spans.likeliest(text, title, rules, part, blend)
                for (text, title), rules, part in zip(texts, seen, parts, strict=True)
            ]
            limits = [
                _limit(
                    [(*one[place], text) for one, (text, _) in zip(found, texts, strict=True)],
                    [names[place] for names in right],
                )
                for place in range(len(NAMES))
            ]
            answers.append(
                {
                    "table": table,
                    "encoder": with_encoder,
                    "least": {name: limit[1] for name, limit in zip(NAMES, limits, strict=True)},
                    "held_f1": {name: round(limit[0], 4) for name, limit in zip(NAMES, limits, strict=True)},
                }
            )
        best.append(max(answers, key=lambda answer: sum(answer["held_f1"].values())))
    return best[0], best[1]


def _limit(found: Sequence[tuple[Span, float, str]], right: Sequence[str]) -> tuple[float, float]:
    """F1 of the names that are exactly right, and the highest limit that gives as much but for chance."""
    answers = [
        (share, text[span.start : span.end] == words)
        for (span, share, text), words in zip(found, right, strict=True)
    ]
    labelled = sum(bool(words) for words in right)
    tried = []
    for least in _LEASTS:
        hits = [hit for share, hit in answers if share > least]
        tried.append((2 * sum(hits) / max(1, len(hits) + labelled), least))
    best = max(f1 for f1, _ in tried)
    return next((f1, least) for f1, least in reversed(tried) if f1 >= best - _ALIKE)


if __name__ == "__main__":
    sys.exit(main())
