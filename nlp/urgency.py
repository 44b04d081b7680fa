"""紧急程度: cues of urgency, and the floors that stand above what is learned.

A missed emergency (U1) costs more than a false alarm, and emergencies are too rare to learn from: so rules
that a duty officer can read decide them (CODEBOOK, U1 and U2; DB11/T 2021-2022). They only ever raise a
grade. What the codebook counts (U4: three complaints and more, two years and more) a model does not count:
`counted` makes U4 of what is read as U3, and of nothing graver.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from models.vocab import Urgency
from nlp.cues import Cues, LexiconError, least_shares, pattern, read_yaml, refuse_unknown
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
_FLOOR_KEYS: Final = ("id", "grade", "confidence", "matter", "any", "with", "without", "before")
_KEYS: Final = ("schema", "groups", "denied", "believed", "floors", "not_counted", "parts", "counted")
_PART: Final = re.compile(r"%([a-z]+)%")
_RAISED_TO: Final = (Urgency.U1, Urgency.U2)


def _around(folded: str, match: re.Match[str], reach: int) -> str:
    """The match with up to `reach` characters on each side, cut at the ends of its sentence."""
    before = _STOPS.split(folded[max(0, match.start() - reach) : match.start()])[-1]
    after = _STOPS.split(folded[match.end() : match.end() + reach], maxsplit=1)[0]
    return before + match.group() + after


@dataclass(frozen=True, slots=True)
class Floor:
    """A rule for a grade: `some`, and `also` if given, stand in one sentence, and `without` not near them.

    A floor raises to its grade at least; what is counted gives its grade to a text that is U3.
    """

    id: str
    grade: Urgency
    confidence: float
    matter: bool
    some: re.Pattern[str]
    also: re.Pattern[str] | None
    without: re.Pattern[str] | None
    before: re.Pattern[str] | None

    def find(self, folded: str, denied: re.Pattern[str]) -> tuple[int, int] | None:
        """The span that decides, in characters of the folded text, or None.

        A match right after what `denied` or the floor's own `before` finds is passed over.
        """
        for match in self.some.finditer(folded):
            clause = _CLAUSES.split(folded[max(0, match.start() - _BEFORE) : match.start()])[-1]
            if denied.search(clause) or (self.before and self.before.search(clause)):
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


@dataclass(frozen=True, slots=True)
class _Floors:
    """Floors in the order in which they are tried; a match right after what `denied` finds is none."""

    floors: tuple[Floor, ...]
    denied: re.Pattern[str]

    def first(self, folded: str, *, environmental: bool) -> Raised | None:
        """The first that fires. Those marked `matter` speak only of environmental texts."""
        for floor in self.floors:
            if floor.matter and not environmental:
                continue
            span = floor.find(folded, self.denied)
            if span:
                return Raised(floor, *span)
        return None


class UrgencyRules:
    """The cues, the floors, what is counted, the denials and the least beliefs of urgency.yaml."""

    def __init__(self, cues: Cues, floors: _Floors, counted: _Floors, believed: Mapping[str, float]) -> None:
        """Take the cues, the floors, what is counted, and from which belief on a grade is taken."""
        self.cues = cues
        self.floors = floors.floors
        self._raising = floors
        self._counted = counted
        self._believed = believed

    @classmethod
    def load(cls, folder: Path = LEXICON) -> UrgencyRules:
        """Load the rules. Raises LexiconError naming the file and the key or the floor's id."""
        raw = read_yaml(folder / FILE, "urgency/1")
        refuse_unknown(raw, _KEYS, where=FILE)
        floors = _floors(raw, "floors", _RAISED_TO, denied="denied")
        counted = _floors(_filled(raw), "counted", (Urgency.U4,), denied="not_counted")
        ids = [floor.id for floor in (*floors.floors, *counted.floors)]
        if len(set(ids)) != len(ids):
            raise LexiconError(f"{FILE}: floors and counted: an id is repeated")
        return cls(
            Cues.parse(raw.get("groups"), where=f"{FILE}: groups"),
            floors,
            counted,
            least_shares(raw.get("believed"), tuple(Urgency), where=f"{FILE}: believed"),
        )

    def learned(self, beliefs: Mapping[str, float]) -> str:
        """The grade that follows from what is believed of each.

        The likeliest, or a graver one that is believed enough: what is missed costs more than a check.
        """
        enough = [name for name, share in self._believed.items() if beliefs.get(name, 0.0) >= share]
        return min([max(beliefs, key=beliefs.__getitem__), *enough])

    def raised(self, folded: str, learned: str, *, environmental: bool) -> Raised | None:
        """The rule that decides the grade of the folded text, or None where what was learned stands.

        The gravest floor that fires and is at least as grave as `learned`; of a text that is U3 also what
        the codebook counts. Rules marked `matter` speak only of environmental texts.
        """
        found = self._raising.first(folded, environmental=environmental)
        if found and found.floor.grade <= learned:
            return found
        if learned != Urgency.U3:
            return None
        return self._counted.first(folded, environmental=environmental)


def _floors(raw: Mapping[str, Any], key: str, grades: tuple[Urgency, ...], *, denied: str) -> _Floors:
    """Parse a list of floors and what passes their matches over; the gravest are tried first."""
    found = raw.get(key)
    if not isinstance(found, list) or not found:
        raise LexiconError(f"{FILE}: {key}: expected a list")
    parsed = [_floor(item, f"{key}[{at}]", key, grades) for at, item in enumerate(found, start=1)]
    order = tuple(sorted(parsed, key=lambda floor: floor.grade))
    return _Floors(order, _ending(pattern(raw.get(denied), where=f"{FILE}: {denied}")))


def _filled(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The file with its `parts` in the place of their names (`%name%`) in what is counted."""
    parts = raw.get("parts")
    if not isinstance(parts, dict) or not all(isinstance(part, str) for part in parts.values()):
        raise LexiconError(f"{FILE}: parts: expected expressions by name")

    def fill(value: Any) -> Any:  # noqa: ANN401  (whatever YAML holds)
        if isinstance(value, str):
            return _PART.sub(lambda found: part_of(found[1]), value)
        if isinstance(value, list):
            return [fill(item) for item in value]
        if isinstance(value, dict):
            return {key: fill(item) for key, item in value.items()}
        return value

    def part_of(name: str) -> str:
        if name not in parts:
            raise LexiconError(f"{FILE}: counted: %{name}% is none of parts")
        return f"(?:{parts[name]})"

    return {**raw, "counted": fill(raw.get("counted"))}


def _ending(found: re.Pattern[str]) -> re.Pattern[str]:
    """The same, at the end of what is searched."""
    return re.compile(f"(?:{found.pattern})$")


def _floor(raw: object, at: str, key: str, grades: tuple[Urgency, ...]) -> Floor:
    """Parse one floor; errors name its id, or its position while it has none."""
    where = f"{FILE}: {at}"
    if not isinstance(raw, dict):
        raise LexiconError(f"{where}: expected a mapping")
    item: dict[str, Any] = raw
    name = item.get("id")
    if not isinstance(name, str) or not name:
        raise LexiconError(f"{where}: id is missing")
    where = f"{FILE}: {key}.{name}"
    refuse_unknown(item, _FLOOR_KEYS, where=where)
    if item.get("grade") not in grades:
        told = " or ".join(grade.value for grade in grades)
        raise LexiconError(f"{where}: grade: one of {key} gives {told}, not {item.get('grade')!r}")
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
        before=_ending(pattern(item["before"], where=f"{where}.before")) if "before" in item else None,
    )
