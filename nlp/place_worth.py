"""What a name is worth before the rest of the text is asked: tiers by level, suffix, length and kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nlp.gazetteer import COMMUNITY, DISTRICT, KNOWN, STREET
from nlp.place_group import LEARNED
from nlp.place_match import Follow, Mention

if TYPE_CHECKING:
    from nlp.gazetteer import PlaceName

#: What a name is worth alone, by level: with its suffix, bare, bare and thin.
BASE: Final = {
    DISTRICT: (4.0, 2.5, 2.5),
    STREET: (4.0, 2.5, 1.5),
    COMMUNITY: (3.0, 1.5, -0.5),
}
#: What an overlay's name is worth alone, whatever its level: less than an exact community, so that names of
#: compounds, roads and stops fill in what the registry does not know and never outvote it.
OVERLAY: Final = {
    KNOWN: 3.0,
    LEARNED: 3.0,
    "compound": 2.5,
    "company": 2.5,
    "site": 2.5,
    "landmark": 2.25,
    "stop": 1.75,
    "road": 1.5,
}
OVERLAY_THIN: Final = 1.5
COMMON: Final = {DISTRICT: 0.0, STREET: 1.0, COMMUNITY: 1.0}
THIN_WITH_SUFFIX: Final = {DISTRICT: 4.0, STREET: 3.0, COMMUNITY: 1.0}
LONG_NAME: Final = 4
LONG_BONUS: Final = 1.0
#: A name of three characters or more that no other province bears.
ONLY_HERE: Final = 0.75
FOLLOW_COST: Final = {
    Follow.NOTHING: 0.0,
    Follow.ROAD: 1.5,
    Follow.ROAD_ITSELF: 0.75,
    Follow.SITE: 1.0,
    Follow.OFFICE: 0.5,
}
NEAR_COST: Final = 1.5
MISSPELT_COST: Final = 1.5
ALIAS_COST: Final = 0.75


def worths(mention: Mention) -> tuple[float, tuple[float, ...]]:
    """What the best and each place of a mention is worth alone: the same for every mention written so."""
    key = (
        mention.follow
        | (mention.suffix > 0) << 3
        | mention.near << 4
        | mention.misspelt << 5
        | mention.thin << 6
    )
    kept = mention.names.worth.get(key)
    if kept is None:
        each = tuple(worth_alone(mention, name, len(name.code)) for name in mention.names)
        kept = max(each), each
        mention.names.worth[key] = kept
    return kept


def worth_alone(mention: Mention, name: PlaceName, level: int) -> float:
    """What a name is worth before the rest of the text is asked."""
    info = mention.info
    if name.kind in OVERLAY:
        return _alone_own(mention, name)
    suffixed, bare, thin = BASE[level]
    if mention.suffix and not mention.near:
        score = THIN_WITH_SUFFIX[level] if mention.thin else suffixed
    else:
        score = thin if mention.thin else bare
    if info.common:
        score -= COMMON[level]
    if not mention.thin:
        if info.size >= LONG_NAME:
            score += LONG_BONUS
        if not info.namesakes and level > DISTRICT:
            score += ONLY_HERE
    score -= FOLLOW_COST[mention.follow]
    if mention.near:
        score -= NEAR_COST
    if mention.misspelt:
        score -= MISSPELT_COST
    if name.alias and not name.whole and level > DISTRICT:
        score -= ALIAS_COST
    return score


def _alone_own(mention: Mention, name: PlaceName) -> float:
    """What a name of an overlay, or one that everybody knows, is worth."""
    score = OVERLAY[name.kind]
    if name.kind == KNOWN:
        return score
    if mention.thin:
        return score - OVERLAY_THIN
    return score + (LONG_BONUS if mention.info.size >= LONG_NAME else 0.0)
