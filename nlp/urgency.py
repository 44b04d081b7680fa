"""紧急程度: cues of urgency, and the floors that stand above what is learned.

A missed emergency (U1) costs more than a false alarm, and emergencies are too rare to learn from: so rules
that a duty officer can read decide them (CODEBOOK, U1 and U2; DB11/T 2021-2022). They only ever raise a
grade.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from models.vocab import Urgency
from nlp.cues import Cues, LexiconError, least_shares, pattern, read_yaml, refuse_unknown, taken
from nlp.text import LEXICON

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE: Final = "urgency.yaml"
_STOPS: Final = re.compile(r"[。;!?\n]")
#: Characters on each side, within the sentence: citizens often write a whole page without a full stop.
_NEAR: Final = 16
_FAR: Final = 32
_CLAUSES: Final = re.compile(r"[,。;!?\n]")
#: Characters before a match in which a denial or a fear may stand.
_BEFORE: Final = 14
_FLOOR_KEYS: Final = ("id", "grade", "confidence", "matter", "any", "with", "without")


def _around(folded: str, match: re.Match[str], reach: int) -> str:
    """The match with up to `reach` characters on each side, cut at the ends of its sentence."""
    before = _STOPS.split(folded[max(0, match.start() - reach) : match.start()])[-1]
    after = _STOPS.split(folded[match.end() : match.end() + reach], maxsplit=1)[0]
    return before + match.group() + after


@dataclass(frozen=True, slots=True)
class Floor:
    """A rule: the grade is at least `grade` when `some`, and `also` if given, are in one sentence."""

    id: str
    grade: Urgency
    confidence: float
    matter: bool
    some: re.Pattern[str]
    also: re.Pattern[str] | None
    without: re.Pattern[str] | None

    def find(self, folded: str, denied: re.Pattern[str]) -> tuple[int, int] | None:
        """The span that decides, in characters of the folded text, or None.

        A match right after what `denied` finds is passed over.
        """
        for match in self.some.finditer(folded):
            if denied.search(_CLAUSES.split(folded[max(0, match.start() - _BEFORE) : match.start()])[-1]):
                continue
            if self.also and not self.also.search(_around(folded, match, _NEAR)):
                continue
            if self.without and self.without.search(_around(folded, match, _FAR)):
                continue
            return match.span()
        return None


@dataclass(frozen=True, slots=True)
class Raised:
    """A floor that fired, and where."""

    floor: Floor
    start: int
    end: int


class UrgencyRules:
    """The cues, the floors, the denials and the least beliefs of urgency.yaml."""

    def __init__(
        self,
        cues: Cues,
        floors: tuple[Floor, ...],
        denied: re.Pattern[str],
        believed: Mapping[str, float],
    ) -> None:
        """Take the cues, the floors, what passes a match over, and from which belief on a grade is taken.

        The gravest floors are tried first.
        """
        self.cues = cues
        self._believed = believed
        self._denied = re.compile(f"(?:{denied.pattern})$")
        self.floors = tuple(sorted(floors, key=lambda floor: floor.grade))

    @classmethod
    def load(cls, folder: Path = LEXICON) -> UrgencyRules:
        """Load the rules. Raises LexiconError naming the file and the key or the floor's id."""
        raw = read_yaml(folder / FILE, "urgency/1")
        refuse_unknown(raw, ("schema", "groups", "denied", "believed", "floors"), where=FILE)
        floors = raw.get("floors")
        if not isinstance(floors, list) or not floors:
            raise LexiconError(f"{FILE}: floors: expected a list")
        parsed = tuple(_floor(item, at) for at, item in enumerate(floors, start=1))
        ids = [floor.id for floor in parsed]
        if len(set(ids)) != len(ids):
            raise LexiconError(f"{FILE}: floors: an id is repeated")
        return cls(
            Cues.parse(raw.get("groups"), where=f"{FILE}: groups"),
            parsed,
            pattern(raw.get("denied"), where=f"{FILE}: denied"),
            least_shares(raw.get("believed"), tuple(Urgency), where=f"{FILE}: believed"),
        )

    def learned(self, beliefs: Mapping[str, float]) -> str:
        """The grade that follows from what is believed of each."""
        return taken(beliefs, self._believed)

    def raised(self, folded: str, *, environmental: bool) -> Raised | None:
        """The gravest floor that fires in the folded text, or None.

        Floors marked `matter` speak only of environmental texts.
        """
        for floor in self.floors:
            if floor.matter and not environmental:
                continue
            span = floor.find(folded, self._denied)
            if span:
                return Raised(floor, *span)
        return None


def _floor(raw: object, at: int) -> Floor:
    """Parse one floor; errors name its id, or its position while it has none."""
    where = f"{FILE}: floors[{at}]"
    if not isinstance(raw, dict):
        raise LexiconError(f"{where}: expected a mapping")
    item: dict[str, Any] = raw
    name = item.get("id")
    if not isinstance(name, str) or not name:
        raise LexiconError(f"{where}: id is missing")
    where = f"{FILE}: floors.{name}"
    refuse_unknown(item, _FLOOR_KEYS, where=where)
    if item.get("grade") not in (Urgency.U1, Urgency.U2):
        raise LexiconError(f"{where}: grade: a floor raises to U1 or U2, not {item.get('grade')!r}")
    confidence = item.get("confidence")
    if not isinstance(confidence, float) or not 0 < confidence <= 1:
        raise LexiconError(f"{where}: confidence: expected a share above 0, at most 1.0")
    return Floor(
        id=name,
        grade=Urgency(item["grade"]),
        confidence=confidence,
        matter=item.get("matter") is True,
        some=pattern(item.get("any"), where=f"{where}.any"),
        also=pattern(item["with"], where=f"{where}.with") if "with" in item else None,
        without=pattern(item["without"], where=f"{where}.without") if "without" in item else None,
    )
