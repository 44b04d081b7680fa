"""The cues of 诉求类型: what the citizen wants, of the seven types. The weights are the topic model's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nlp.cues import Cues, read_yaml, refuse_unknown
from nlp.text import LEXICON

if TYPE_CHECKING:
    from pathlib import Path

FILE: Final = "appeal_type.yaml"


def load_type_cues(folder: Path = LEXICON) -> Cues:
    """Load the cues of the appeal types. Raises LexiconError naming the file and the key."""
    raw = read_yaml(folder / FILE, "cues/1")
    refuse_unknown(raw, ("schema", "groups"), where=FILE)
    return Cues.parse(raw.get("groups"), where=f"{FILE}: groups")
