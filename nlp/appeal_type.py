"""诉求类型: what the citizen wants, of the seven types: cues, whose weights are the topic model's; floors.

The learned answer follows what is frequent, and nearly everything is a complaint. The floors are rules a duty
officer can read for what is rare or said outright: praise, a cry for help, a report (CODEBOOK, `type`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from models.vocab import AppealType
from nlp.cues import Cues, LexiconError, least_shares, pattern, read_yaml, refuse_unknown, taken
from nlp.text import LEXICON

if TYPE_CHECKING:
    import re
    from collections.abc import Mapping
    from pathlib import Path

FILE: Final = "appeal_type.yaml"
_FLOOR_KEYS: Final = ("id", "type", "confidence", "below", "any", "without")
#: Characters read for the floors: what somebody wants is said early, and a cry for help is short.
_READ: Final = 2000


@dataclass(frozen=True, slots=True)
class TypeFloor:
    """A rule: the type is `type` when `some` and no `without` is in the text."""

    id: str
    type: AppealType
    confidence: float
    below: float
    some: re.Pattern[str]
    without: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Typed:
    """A floor that fired, and where, in characters of the folded text."""

    floor: TypeFloor
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class TypeRules:
    """The floors of appeal_type.yaml, in the order they are tried, and the least beliefs."""

    floors: tuple[TypeFloor, ...]
    believed: Mapping[str, float]

    @classmethod
    def load(cls, folder: Path = LEXICON) -> TypeRules:
        """Load the floors. Raises LexiconError naming the file and the floor's id."""
        raw = _read(folder)
        items = raw.get("floors")
        if not isinstance(items, list) or not items:
            raise LexiconError(f"{FILE}: floors: expected a list")
        floors = tuple(_floor(item, at) for at, item in enumerate(items, start=1))
        if len({floor.id for floor in floors}) != len(floors):
            raise LexiconError(f"{FILE}: floors: an id is repeated")
        return cls(floors, least_shares(raw.get("believed"), tuple(AppealType), where=f"{FILE}: believed"))

    def learned(self, beliefs: Mapping[str, float]) -> str:
        """The type that follows from what is believed of each."""
        return taken(beliefs, self.believed)

    def decided(self, folded: str, *, confidence: float) -> Typed | None:
        """The first floor that fires in the folded text, or None; `confidence` is the learned answer's."""
        head = folded[:_READ]
        for floor in self.floors:
            if confidence >= floor.below:
                continue
            match = floor.some.search(head)
            if match and not floor.without.search(head):
                return Typed(floor, *match.span())
        return None


def load_type_cues(folder: Path = LEXICON) -> Cues:
    """Load the cues of the appeal types. Raises LexiconError naming the file and the key."""
    return Cues.parse(_read(folder).get("groups"), where=f"{FILE}: groups")


def _read(folder: Path) -> dict[str, Any]:
    raw = read_yaml(folder / FILE, "cues/1")
    refuse_unknown(raw, ("schema", "groups", "believed", "floors"), where=FILE)
    return raw


def _floor(raw: object, at: int) -> TypeFloor:
    """Parse one floor; errors name its id, or its position while it has none."""
    if not isinstance(raw, dict) or not isinstance(raw.get("id"), str):
        raise LexiconError(f"{FILE}: floors[{at}]: id is missing")
    where = f"{FILE}: floors.{raw['id']}"
    refuse_unknown(raw, _FLOOR_KEYS, where=where)
    if raw.get("type") not in set(AppealType):
        raise LexiconError(f"{where}: type: {raw.get('type')!r} is no appeal type")
    for key in ("confidence", "below"):
        share = raw.get(key)
        if not isinstance(share, float) or not 0 < share <= 1:
            raise LexiconError(f"{where}: {key}: expected a share above 0, at most 1.0")
    return TypeFloor(
        id=raw["id"],
        type=AppealType(raw["type"]),
        confidence=raw["confidence"],
        below=raw["below"],
        some=pattern(raw.get("any"), where=f"{where}.any"),
        without=pattern(raw.get("without"), where=f"{where}.without"),
    )
