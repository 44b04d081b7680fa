"""Choose where it happens among the mentions of a text.

Every place a mention may stand for is scored: what the name is worth alone, whether the district or street
written before it agrees, whether the rest of the text agrees, and what the words around it say (位于 for it,
我住在 and 往…方向 against). Scores are tiers, not votes: a finer name only wins when it is trusted, and two
places of one name that score alike leave only what they share (street, district or nothing).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from nlp.gazetteer import COMMUNITY, DISTRICT, LEVELS, STREET
from nlp.place_match import Follow, Mention

if TYPE_CHECKING:
    from nlp.gazetteer import PlaceName

TIGHT_GAP: Final = re.compile(r"(?:[ \t,，·\-—/的]|市|辖区|境内|范围内|内){0,3}")
CLAUSE_END: Final = re.compile(r"[。！？!?;；\n、]")
MAX_LOOSE_GAP: Final = 16
MAX_CHAIN: Final = 3
#: 经开区 and its like lie over several streets, and over two districts.
FUNCTIONAL: Final = "功能区"

BEFORE: Final = 8
HERE: Final = re.compile(r"(?:地点|地址|位置|位于|坐落|地处|发生在|[:：]|在)\W?$")
LIVES: Final = re.compile(r"(?:家住|我住|人住|住在|居住[在于]?|租住[在于]?|户籍|户口在?|来自|老家|出生)\W?$")
TOWARDS: Final = re.compile(r"(?:[往去向到至]|开往|通往|前往|途经|经过)\W?$")
DIRECTION: Final = re.compile(r"\W?(?:方向|开往|至)")
BEIJING: Final = re.compile(r"北京市?$")
#: A CJK character before a thin name is part of another word (湖滨花园), except these.
OPENERS: Final = frozenset("在于住的到对是从和与及至区县镇乡道村市里内外京映诉报是位处由向")

#: What a name is worth alone, by level: with its suffix, bare, bare and thin.
BASE: Final = {
    DISTRICT: (4.0, 2.5, 2.5),
    STREET: (4.0, 2.5, 1.5),
    COMMUNITY: (3.0, 1.5, -0.5),
}
COMMON: Final = {DISTRICT: 0.0, STREET: 1.0, COMMUNITY: 1.0}
THIN_WITH_SUFFIX: Final = {DISTRICT: 4.0, STREET: 3.0, COMMUNITY: 1.0}
LONG_NAME: Final = 4
LONG_BONUS: Final = 1.0
FOLLOW_COST: Final = {
    Follow.NOTHING: 0.0,
    Follow.ROAD: 1.5,
    Follow.ROAD_ITSELF: 0.75,
    Follow.SITE: 1.0,
    Follow.OFFICE: 0.5,
}
NEAR_COST: Final = 1.5
#: The unit written right before the name contains it: by the container's level.
ADJACENT: Final = {DISTRICT: 3.0, STREET: 4.0}
LOOSE_SHARE: Final = 0.5
#: The unit written right before the name does not contain it.
CONTRADICTED: Final = 4.0
#: The text names the container elsewhere, or names only other districts.
ELSEWHERE_IN_TEXT: Final = {DISTRICT: 1.5, STREET: 2.0}
OTHER_DISTRICT: Final = 2.0
AFTER_BEIJING: Final = 1.5
SAYS_BEIJING: Final = 0.5
AFTER_FOREIGN: Final = 6.0
SAYS_FOREIGN: Final = 1.5
GLUED: Final = 2.0
FINER: Final = 0.75
ROLE_HERE: Final = 0.75
ROLE_AGAINST: Final = 1.5
LATER: Final = 0.15
MAX_LATER: Final = 1.5
ALIAS_COST: Final = 0.75
TIE: Final = 0.25
#: What only the shared unit of equally good places is worth less.
SHARED_COST: Final = 1.0
#: A bare name shared by a street and a community of its district means the street, unless that leads by this.
STREET_FIRST: Final = 1.5
#: Below this a candidate is not worth showing; from REFINE on, a finer place inside the best one is taken.
FLOOR: Final = 0.5
REFINE: Final = 2.5


@dataclass(frozen=True, slots=True)
class Candidate:
    """One mention read as one place: its code (6, 9 or 12 digits), the score and the mentions that agree."""

    mention: int
    code: str
    score: float
    support: tuple[int, ...]
    name: PlaceName | None = None


@dataclass(slots=True)
class Scene:
    """A folded text with its mentions, and what the whole text says of districts and streets."""

    text: str
    mentions: list[Mention]
    tight: list[bool] = field(default_factory=list)
    loose: list[bool] = field(default_factory=list)
    #: district or street code → the names it was said by, each with its first mention
    said: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    times: Counter[str] = field(default_factory=Counter)
    speaks: list[str] = field(default_factory=list)
    foreign: bool = False
    beijing: bool = False

    def __post_init__(self) -> None:
        """Link each mention to the one before it and note what the text says."""
        for at, mention in enumerate(self.mentions):
            gap = self.text[self.mentions[at - 1].end : mention.start] if at else "\n"
            tight = len(gap) <= MAX_LOOSE_GAP and TIGHT_GAP.fullmatch(gap) is not None
            self.tight.append(tight)
            self.loose.append(not tight and len(gap) <= MAX_LOOSE_GAP and not CLAUSE_END.search(gap))
            self.foreign = self.foreign or (mention.foreign and not mention.thin)
            self._note(at, mention)
        self.beijing = "北京" in self.text

    def _note(self, at: int, mention: Mention) -> None:
        """Note the district and street a mention speaks for, if it speaks for one only."""
        code = _only_unit(mention)
        self.speaks.append(code[:DISTRICT])
        for level in (DISTRICT, STREET):
            if len(code) >= level:
                self.said[code[:level]].setdefault(mention.stem, at)
                self.times[code[:level]] += 1

    def candidates(self) -> list[Candidate]:
        """Score every mention; each gives its best place, or what its equally good places share."""
        first: dict[str, int] = {}
        found = []
        for at, mention in enumerate(self.mentions):
            if mention.foreign:
                continue
            order = first.setdefault(mention.stem, len(first))
            scored = [self._score(at, mention, name, order) for name in mention.names]
            if scored:
                found.append(_settle(scored, bare=not mention.suffix))
        return [
            candidate for candidate in found if len(candidate.code) in LEVELS and candidate.score >= FLOOR
        ]

    def _score(self, at: int, mention: Mention, name: PlaceName, order: int) -> Candidate:
        """Score one place of one mention."""
        level = len(name.code)
        score = _alone(mention, name, level)
        linked, support = self._linked(at, name)
        score += linked + self._around(mention, linked=linked)
        for container in (DISTRICT, STREET):
            code = name.code[:container]
            others = self._others(at, code) - set(support) if container < level else set()
            if others:
                score += ELSEWHERE_IN_TEXT[container]
                support = (*support, min(others))
        if not linked and self._other_district(at, name.code[:DISTRICT]):
            score -= OTHER_DISTRICT
        score += FINER * LEVELS.index(level) - min(LATER * order, MAX_LATER)
        return Candidate(at, name.code, score, support, name)

    def _others(self, at: int, code: str) -> set[int]:
        """Mentions that speak for a unit, leaving out this mention's own name said again."""
        stem = self.mentions[at].stem
        return {first for other, first in self.said.get(code, {}).items() if other != stem}

    def _linked(self, at: int, name: PlaceName) -> tuple[float, tuple[int, ...]]:
        """What the mentions written right before say of this place."""
        total, share, seen = 0.0, 1.0, len(name.code)
        support: tuple[int, ...] = ()
        for step in range(MAX_CHAIN):
            here = at - step
            if here < 1 or not (self.tight[here] or self.loose[here]):
                break
            share = share if self.tight[here] else LOOSE_SHARE
            before = self.mentions[here - 1]
            if before.foreign:
                return total - AFTER_FOREIGN * share, support
            holders = {_holds(other, name) for other in before.names}
            coarser = holders & {level for level in (DISTRICT, STREET) if level < seen}
            if coarser:
                seen = max(coarser)
                total += ADJACENT[seen] * share
                support = (here - 1, *support)
                if seen == DISTRICT:  # what stands before the district is another address
                    break
            elif before.suffix and before.suffix < len(name.code) and not _open_area(before):
                total -= CONTRADICTED * share
        return total, support

    def _around(self, mention: Mention, *, linked: float) -> float:
        """What the characters around the mention, and the text's other cities, say."""
        before = self.text[max(0, mention.start - BEFORE) : mention.start]
        score = 0.0
        if BEIJING.search(before):
            score += AFTER_BEIJING
        elif self.beijing:
            score += SAYS_BEIJING
        elif self.foreign:
            score -= SAYS_FOREIGN
        if LIVES.search(before) or TOWARDS.search(before) or DIRECTION.match(self.text, mention.end):
            score -= ROLE_AGAINST
        elif HERE.search(before):
            score += ROLE_HERE
        glued = before[-1:].isalnum() and before[-1:] not in OPENERS and not BEIJING.search(before)
        if glued and linked <= 0 and mention.suffix != DISTRICT:
            score -= GLUED if mention.thin else GLUED / 4
        return score

    def _other_district(self, at: int, district: str) -> bool:
        """The text names districts, and this one is not among them."""
        if self.times[district] - (self.speaks[at] == district) > 0:
            return False
        return any(len(code) == DISTRICT and code != district for code in self.said)


def _holds(other: PlaceName, name: PlaceName) -> int:
    """The level at which a place holds another, 0 if it does not; a functional area says the district."""
    if name.code.startswith(other.code):
        return len(other.code)
    return DISTRICT if other.kind == FUNCTIONAL and name.code.startswith(other.code[:DISTRICT]) else 0


def _open_area(mention: Mention) -> bool:
    """What is written after it may lie outside it: a vicinity, or a functional area over several streets."""
    return mention.near or any(name.kind == FUNCTIONAL for name in mention.names)


def _only_unit(mention: Mention) -> str:
    """Code of the one district or street a mention speaks for; empty when it is unsure."""
    if mention.follow in {Follow.ROAD, Follow.ROAD_ITSELF, Follow.SITE} or mention.near:
        return ""
    for level in (DISTRICT, STREET):
        codes = {name.code for name in mention.names if len(name.code) == level}
        if len(codes) == 1 and (level == DISTRICT or mention.suffix or not mention.thin):
            return codes.pop()
    return ""


def _alone(mention: Mention, name: PlaceName, level: int) -> float:
    """What a name is worth before the rest of the text is asked."""
    suffixed, bare, thin = BASE[level]
    if mention.suffix and not mention.near:
        score = THIN_WITH_SUFFIX[level] if mention.thin else suffixed
    else:
        score = thin if mention.thin else bare
    if mention.common:
        score -= COMMON[level]
    if len(mention.stem) >= LONG_NAME and not mention.thin:
        score += LONG_BONUS
    score -= FOLLOW_COST[mention.follow]
    if mention.near:
        score -= NEAR_COST
    if name.alias and not name.whole and level > DISTRICT:
        score -= ALIAS_COST
    return score


def choose(candidates: list[Candidate]) -> Candidate | None:
    """The best candidate, refined: a trusted finer place inside it says more than it does."""
    if not candidates:
        return None
    best = max(candidates, key=lambda candidate: (candidate.score, -candidate.mention))
    finer = [
        candidate
        for candidate in candidates
        if len(candidate.code) > len(best.code)
        and candidate.code.startswith(best.code)
        and candidate.score >= REFINE
    ]
    return max(finer, key=lambda candidate: (candidate.score, -candidate.mention), default=best)


def _settle(scored: list[Candidate], *, bare: bool) -> Candidate:
    """The best place of a mention; when several are as good, what they share."""
    top = max(scored, key=lambda candidate: (candidate.score, candidate.code))
    if bare and len(top.code) > DISTRICT:
        streets = [
            candidate
            for candidate in scored
            if len(candidate.code) == STREET
            and candidate.code.startswith(top.code[:DISTRICT])
            and top.score - candidate.score <= STREET_FIRST
        ]
        streeted = {street.code[:DISTRICT] for street in streets}
        scored = [
            candidate
            for candidate in scored
            if len(candidate.code) < COMMUNITY or candidate.code[:DISTRICT] not in streeted
        ]
        top = max(scored, key=lambda candidate: (candidate.score, candidate.code))
    alike = [candidate for candidate in scored if top.score - candidate.score <= TIE]
    shared = next(
        (
            top.code[:level]
            for level in reversed(LEVELS)
            if all(_within(other, top, level) for other in alike)
        ),
        "",
    )
    if len({candidate.code for candidate in alike}) == 1:
        return top
    if any(candidate.code == shared for candidate in alike):  # a district and its own street of one name
        return next(candidate for candidate in alike if candidate.code == shared)
    return Candidate(top.mention, shared, top.score - SHARED_COST, top.support)


def _within(other: Candidate, top: Candidate, level: int) -> bool:
    """Both places lie in, or are, the same unit of that level."""
    return len(top.code) >= level and other.code[:level] == top.code[:level]
