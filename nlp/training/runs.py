"""What makes a training run the one that was stopped, and how the folder it made comes to stand. No torch."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from typing import TYPE_CHECKING, Final

from nlp import evaluation
from nlp.encoder import CARD
from nlp.grams import CARD as GRAMS_CARD
from nlp.training.examples import APPEAL_TYPES, URGENCIES, BadExample

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from nlp.training.examples import Example

CHECKPOINT: Final = "checkpoint.pt"
#: What of a base's folder a network is made from.
_OF_BASE: Final = ("config.json", "tokenizer.json", "*.safetensors", "*.bin")


def identity(base: Path, examples: Iterable[Example], kinds: Sequence[str], start: Path | None) -> str:
    """A digest of all that is learned from and begun with: a run of another one is another run."""
    found = hashlib.sha256()
    files = [path for pattern in _OF_BASE for path in sorted(base.glob(pattern))]
    for path in (*files, *([start] if start is not None else [])):
        with path.open("rb") as file:
            found.update(hashlib.file_digest(file, "sha256").digest())
    found.update(repr(list(kinds)).encode())
    for example in examples:
        found.update(repr(example).encode())
    return found.hexdigest()


def goes_on(kept: Mapping[str, Any], plan: Mapping[str, Any], learned: str) -> bool:
    """Whether a checkpoint (its plan, its `learned`, the epochs done) is of this run, which may be longer."""
    same = kept["plan"] | {"epochs": plan["epochs"]} == plan and kept.get("learned") == learned
    return same and kept["epoch"] <= plan["epochs"]


def held_rows(path: Path, kinds: Sequence[str]) -> list[dict[str, Any]]:
    """Rows to calibrate on. Raises BadExample naming the line that lacks a label, or has one nobody knows."""
    known = {"kind": kinds, "kind2": kinds, "appeal_type": APPEAL_TYPES, "urgency": URGENCIES}
    try:
        return evaluation.labelled(path, known)
    except ValueError as fault:
        raise BadExample(str(fault)) from fault


def check_out(out: Path) -> None:
    """Make the folder that the weights will go to. Raises OSError now rather than after hours of learning."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=out):
        pass


def hand_over(made: Path, out: Path) -> None:
    """Put a finished folder's files into `out`, each whole or not at all; other files of `out` stay.

    The cards come last, the encoder's at the very end: without it a folder is none, and with one of before it
    is refused.
    """
    for path in sorted(made.iterdir(), key=lambda one: (one.name == CARD, one.name == GRAMS_CARD, one.name)):
        new = out / f"{path.name}.new"
        shutil.copyfile(path, new)
        new.replace(out / path.name)
