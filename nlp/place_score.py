"""Choose where it happens among the mentions of a text.

Every place a mention may stand for is scored: what the name is worth alone, whether the district or street
written before it agrees, whether the rest of the text agrees, and what the words around it say (位于 for it,
我住在 and 往…方向 against). Scores are tiers, not votes: a finer name only wins when it is trusted, and two
places of one name that score alike leave only what they share (street, district or nothing).
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from models.vocab import PlaceRole
from nlp.gazetteer import COMMUNITY, DISTRICT, KNOWN, LEVELS, STREET
from nlp.place_match import SUFFIX, TAKEN_OVER, Mention
from nlp.place_relations import Told, relate
from nlp.place_roles import HANDED, STAYS_FIRST, hands_on, one_address, role_of, stays
from nlp.place_settle import known, settle
from nlp.place_worth import OVERLAY, worths

if TYPE_CHECKING:
    from nlp.gazetteer import PlaceName

TIGHT_GAP: Final = re.compile(r"(?:[ \t,，·\-—/的]|市|辖区|境内|范围内|内){0,3}")
CLAUSE_END: Final = re.compile(r"[。！？!?;；\n、]")
MAX_LOOSE_GAP: Final = 16
MAX_CHAIN: Final = 3
#: A name that begins so many characters after a unit may be the rest of a longer one.
LATE: Final = 2

BEIJING: Final = ("北京", "北京市")
#: A CJK character before a thin name is part of another word (湖滨花园), except these.
OPENERS: Final = frozenset("在于住的到对是从和与及至区县镇乡道村市里内外京映诉报是位处由向距离")

#: A short or plain name of an overlay (城市广场) without the unit it lies in written before it.
UNBOUND: Final = 3.0
UNBOUND_KINDS: Final = frozenset(OVERLAY) - {KNOWN}
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
#: The most that a place can gain by its level, by its containers elsewhere in the text, and right before it.
FINER_MOST: Final = FINER * (COMMUNITY - DISTRICT) / 3
ELSEWHERE_MOST: Final = sum(ELSEWHERE_IN_TEXT.values())
ADJACENT_MOST: Final = sum(ADJACENT.values())
ROLE_HERE: Final = 0.75
ROLE_AGAINST: Final = 1.5
AGAINST: Final = frozenset({PlaceRole.HOME, PlaceRole.DIRECTION})
LATER: Final = 0.15
MAX_LATER: Final = 1.5
#: Below this a candidate is not worth showing.
FLOOR: Final = 0.5


#: A mention before another: its number, its share, what it may hold, from which level on it contradicts.
_Link = tuple[int, float, tuple[tuple[str, int, str], ...], int]
#: In place of the level: a place elsewhere in China.
FOREIGN: Final = -1


@dataclass(slots=True)
class Candidate:
    """One mention read as one place: its code (6, 9 or 12 digits), the score and the mentions that agree.

    `linked` is what the units written right before the name were worth; `rivals` counts other places of the
    mention's name that scored as well, `tied` are all of those, where only what they share is taken. `known`
    is the unit holding it that everybody, or this site, means by the name: sure where the place is not.
    """

    mention: int
    code: str
    score: float
    support: tuple[int, ...]
    name: PlaceName | None = None
    linked: float = 0.0
    rivals: int = 0
    tied: tuple[Candidate, ...] = ()
    known: Candidate | None = None


@dataclass(slots=True)
class Scene:
    """A folded text with its mentions, and what the whole text says of districts and streets."""

    text: str
    mentions: list[Mention]
    tight: list[bool] = field(default_factory=list)
    loose: list[bool] = field(default_factory=list)
    roles: list[PlaceRole] = field(default_factory=list)
    glued: list[bool] = field(default_factory=list)
    #: district or street code → the names it was said by, each with its first mention
    said: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    times: dict[str, int] = field(default_factory=dict)
    speaks: list[str] = field(default_factory=list)
    districts: set[str] = field(default_factory=set)
    told: dict[int, Told] = field(default_factory=dict)
    foreign: bool = False
    beijing: bool = False
    #: places of one name that share not even a district, filled by `candidates`
    open: list[Candidate] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Link each mention to the one before it and note what the text says."""
        text, last = self.text, -MAX_LOOSE_GAP - 1
        self.told = told = relate(text, self.mentions)
        for at, mention in enumerate(self.mentions):
            start = mention.start
            tight = loose = False
            if at and start - last <= MAX_LOOSE_GAP:
                gap = text[last:start]
                tight = not gap or TIGHT_GAP.fullmatch(gap) is not None
                loose = not tight and not CLAUSE_END.search(gap)
            self.tight.append(tight)
            self.loose.append(loose)
            last = mention.end
            self._play(at, mention, joined=at in told and told[at].other >= 0)
            before = text[start - 1 : start]
            self.glued.append(
                before.isalnum() and before not in OPENERS and not text.endswith(BEIJING, 0, start)
            )
            self.foreign = self.foreign or (mention.info.foreign and not mention.thin)
            self._note(at, mention)
        self.beijing = "北京" in text

    def _play(self, at: int, mention: Mention, *, joined: bool) -> None:
        """Note a mention's role: a unit hands its own on to what lies in it, and has what is said after."""
        text, roles = self.text, self.roles
        role = role_of(text, mention, joined=joined)
        if role is PlaceRole.NAMED and self.tight[at] and roles[-1] in HANDED:
            first = self._first_of_address(at)
            if first < at and hands_on(text, self.mentions[first], roles[-1]):
                role = roles[-1]
        roles.append(role)
        if text[mention.end : mention.end + 1] in STAYS_FIRST and stays(text, mention):
            first = self._first_of_address(at)
            if roles[first] is PlaceRole.SCENE:
                roles[first:] = [PlaceRole.HOME] * (at + 1 - first)

    def _first_of_address(self, at: int) -> int:
        """The first of the units that are written right one after another, each in the one before it."""
        while at and self.tight[at] and one_address(self.text, self.mentions[at - 1], self.mentions[at]):
            at -= 1
        return at

    def _note(self, at: int, mention: Mention) -> None:
        """Note the district and street a mention speaks for, if it speaks for one only."""
        code = "" if self.roles[at] is PlaceRole.DENIED else _only_unit(mention)
        district = code[:DISTRICT]
        self.speaks.append(district)
        if code:
            self.said[district].setdefault(mention.info.text, at)
            self.times[district] = self.times.get(district, 0) + 1
            self.districts.add(district)
            if len(code) >= STREET:
                self.said[code[:STREET]].setdefault(mention.info.text, at)

    def whole(self, at: int) -> bool:
        """Whether a mention looks like all of a name: not cut from a longer one that follows on a unit.

        房山区X良各庄村 is hardly 良各庄村, nor 怀柔区东岔X村 the village 东岔.
        """
        mention = self.mentions[at]
        end = mention.end
        goes_on = mention.thin and not mention.suffix and self.text[end : end + 1].isalpha()
        if goes_on and SUFFIX.match(self.text, end + 1):
            return False
        if not self.glued[at] or not at:
            return True
        before = self.mentions[at - 1]
        return not (before.names.holders and 0 < mention.start - before.end <= LATE)

    def candidates(self) -> list[Candidate]:
        """Score every mention; each gives its best place, or what its equally good places share."""
        first: dict[str, int] = {}
        found = []
        for at, mention in enumerate(self.mentions):
            if mention.info.foreign or not mention.names or self.roles[at] is PlaceRole.DENIED:
                continue
            order = first.setdefault(mention.info.text, len(first))
            around = self._around(at, mention) - min(LATER * order, MAX_LATER)
            best, alone_all = worths(mention)
            if self._at_most(at, mention, best + around) < FLOOR:
                continue
            chain = self._chain(at) if self.tight[at] or self.loose[at] else []
            scored = [
                self._score(at, mention, name, alone, around=around, chain=chain)
                for name, alone in zip(mention.names, alone_all, strict=True)
            ]
            settled = settle(scored, bare=not mention.suffix, overlay=mention.names.overlay)
            if mention.names.overlay:
                settled.known = known(scored, settled)
            if settled.score >= FLOOR and len(settled.code) in LEVELS:
                found.append(settled)
            elif settled.tied and settled.tied[0].score >= FLOOR:
                self.open += settled.tied
        return found

    def _at_most(self, at: int, mention: Mention, most: float) -> float:
        """No place of a mention can score more: most of what is hopeless is passed over here."""
        most += FINER_MOST
        if self.said:
            most += ELSEWHERE_MOST
        if self.tight[at] or self.loose[at]:
            return most + ADJACENT_MOST
        if self.glued[at] and mention.suffix != DISTRICT:
            most -= GLUED if mention.thin else GLUED / 4
        return most

    def _score(
        self,
        at: int,
        mention: Mention,
        name: PlaceName,
        alone: float,
        *,
        around: float,
        chain: list[_Link],
    ) -> Candidate:
        """Score one place of one mention, `alone` being what its name is worth without the text."""
        code = name.code
        level = len(code)
        linked, support = _linked(chain, code) if chain else (0.0, ())
        score = alone + linked + around
        if linked <= 0:
            if self.glued[at] and mention.suffix != DISTRICT:
                score -= GLUED if mention.thin else GLUED / 4
            if mention.thin and name.kind in UNBOUND_KINDS:
                score -= UNBOUND
        if self.said:
            for container in (DISTRICT, STREET):
                if container < level and code[:container] in self.said:
                    others = self._others(at, code[:container]) - set(support)
                    if others:
                        score += ELSEWHERE_IN_TEXT[container]
                        support = (*support, min(others))
            if not linked and self._other_district(at, code[:DISTRICT]):
                score -= OTHER_DISTRICT
        return Candidate(at, code, score + FINER * (level - DISTRICT) / 3, support, name, linked)

    def _others(self, at: int, code: str) -> set[int]:
        """Mentions that speak for a unit, leaving out this mention's own name said again."""
        stem = self.mentions[at].info.text
        return {first for other, first in self.said[code].items() if other != stem}

    def _chain(self, at: int) -> list[_Link]:
        """The mentions written right before one that say anything of it, nearest first."""
        chain: list[_Link] = []
        share = 1.0
        for here in range(at, max(at - MAX_CHAIN, 0), -1):
            if not self.tight[here]:
                if not self.loose[here]:
                    break
                share = LOOSE_SHARE
            before = self.mentions[here - 1]
            if self.roles[here - 1] is PlaceRole.DENIED:
                break
            if before.info.foreign:
                chain.append((here - 1, share, (), FOREIGN))
                break
            holders = before.names.holders
            against = before.suffix if before.suffix and not _open_area(before) else COMMUNITY
            if holders or against < COMMUNITY:
                chain.append((here - 1, share, holders, against))
        return chain

    def _around(self, at: int, mention: Mention) -> float:
        """What the characters around the mention, and the text's other cities, say."""
        score = 0.0
        if self.text.endswith(BEIJING, max(0, mention.start - 3), mention.start):
            score += AFTER_BEIJING
        elif self.beijing:
            score += SAYS_BEIJING
        elif self.foreign:
            score -= SAYS_FOREIGN
        role = self.roles[at]
        if role in AGAINST:
            score -= ROLE_AGAINST
        elif role is PlaceRole.SCENE:
            score += ROLE_HERE
        return score

    def _other_district(self, at: int, district: str) -> bool:
        """The text names districts, and this one is not among them."""
        if self.times.get(district, 0) - (self.speaks[at] == district) > 0:
            return False
        return len(self.districts) > (district in self.districts)


def _linked(chain: list[_Link], code: str) -> tuple[float, tuple[int, ...]]:
    """What the mentions written right before say of a place."""
    total, seen = 0.0, len(code)
    support: tuple[int, ...] = ()
    for number, share, holders, against in chain:
        if against == FOREIGN:
            return total - AFTER_FOREIGN * share, support
        coarser = 0
        for holder, level, functional in holders:
            holds = level if code.startswith(holder) else 0
            if not holds and functional and code.startswith(functional):
                holds = DISTRICT
            if coarser < holds < seen:
                coarser = holds
        if coarser:
            seen = coarser
            total += ADJACENT[seen] * share
            support = (number, *support)
            if seen == DISTRICT:  # what stands before the district is another address
                break
        elif against < len(code):
            total -= CONTRADICTED * share
    return total, support


def _open_area(mention: Mention) -> bool:
    """What is written after it may lie outside it: a vicinity, or a functional area over several streets."""
    return mention.near or mention.info.functional or mention.names.overlay


def _only_unit(mention: Mention) -> str:
    """Code of the one district or street a mention speaks for; empty when it is unsure."""
    if mention.follow in TAKEN_OVER or mention.near:
        return ""
    district, street = mention.names.only
    if district:
        return district
    return street if mention.suffix or not mention.thin else ""
