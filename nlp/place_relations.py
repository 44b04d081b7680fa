"""Places told by others: a crossing (交叉口), a border (交界处), between two (之间), metres off (相距).

Two names that are told together must agree: of the places each may stand for, those that lie in one street
are kept, else those in one district. Two roads that are known in different streets of one district meet
somewhere in that district: the street is left open. A distance moves the point and widens its radius.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from models.vocab_places import PlaceRelation
from nlp.gazetteer import DISTRICT, STREET
from nlp.place_group import NOBODY, Group, group

if TYPE_CHECKING:
    from nlp.gazetteer import PlaceName
    from nlp.place_match import Mention
    from nlp.place_score import Scene

CROSSING_TAIL: Final = re.compile(r"交叉(?:路?口|处)?|交[汇会界]处?|[十丁]字路口|(?<=[路街道线巷])路?口|相交")
BETWEEN_TAIL: Final = re.compile(r"之间|中间|(?:的|这|这一)?(?:路段|区间)|(?:的|这|这一)?段(?![时期落])")
#: 交界, 交汇; 十字路口 and 路口 are of roads alone.
MEET: Final = "交"
#: A text without any of these tells nothing by others.
CROSSING_SIGNS: Final = ("交叉", "交汇", "交会", "交界", "字路口", "路口", "相交")
BETWEEN_SIGNS: Final = ("之间", "中间", "段", "区间")
AWAY_SIGNS: Final = ("米", "公里", "M")
#: What may stand between two names told together: the rest of the first road's name, and a word that joins.
JOINED: Final = re.compile(
    r"[大小东西南北中外内]{0,2}[路街道桥巷口里园区线村镇乡]{0,2}(?P<word>[与和跟及到至、/~]|[-—]{1,2})[\W]?"
)
#: Words that join what crosses; a list or a way from one to the other ends in 路口 without a crossing.
CROSSED: Final = frozenset("与和跟及、/")
CROSSED_BRIEFLY: Final = frozenset("与和跟及/")
BRIEF: Final = frozenset({"路口", "口"})
#: Between two roads that no list knows no word need stand: 青禾路柳泉街路口, 青禾路(柳泉街路口).
BESIDE: Final = frozenset({"", "(", "（"})
#: What may stand between the second name and the tail: the rest of a road's name.
REST: Final = re.compile(r"[大小东西南北中外内]{0,2}[路街道桥巷口里园区线村镇乡]{0,2}[\W的]{0,2}")
MAX_GAP: Final = 6

DISTANCE: Final = re.compile(
    r"(?:地铁站|公交站|小区|社区|村|镇|乡)?(?:[东南西北]{1,2}[门口](?=[以往向]))?[以往向的]?(?P<side>[东南西北]{1,2})?(?:侧|边|面|方向|方|门|口)?(?:方向)?"
    r"(?P<about>大?约|不到|不足|近|大概|差不多)?"
    r"(?P<count>[0-9十百千万两]{1,6}(?:\.[0-9]{1,2})?)(?P<more>多|余|来)?(?P<unit>米|M|公里|千米|KM)"
    r"(?P<after>左右|以外|开外|处|外|的地方|范围|有)?"
)
MAX_DISTANCE: Final = 24
FROM: Final = ("距离", "距", "相距", "离")
UNITS: Final = {"米": 1.0, "M": 1.0, "公里": 1000.0, "千米": 1000.0, "KM": 1000.0}
#: A longer way is a journey, not a place told by another.
FARTHEST: Final = 5000.0
BEARINGS: Final = {"东": (1, 0), "西": (-1, 0), "南": (0, -1), "北": (0, 1)}
#: Who says 200 metres to the east means that direction and distance roughly.
ROUGHLY: Final = 0.3
TIMES: Final = {"十": 10, "百": 100, "千": 1000, "万": 10_000}


@dataclass(frozen=True, slots=True)
class Away:
    """So many metres off, to a side of the compass or any."""

    metres: float
    side: str

    def moved(self, lon: float, lat: float) -> tuple[float, float]:
        """The point that far off, in WGS-84 degrees; the same point when no side is told."""
        east = sum(BEARINGS[sign][0] for sign in self.side)
        north = sum(BEARINGS[sign][1] for sign in self.side)
        length = math.hypot(east, north)
        if not length:
            return lon, lat
        share = self.metres / length / 111_195
        return (
            round(lon + share * east / math.cos(math.radians(lat)), 6),
            round(lat + share * north, 6),
        )

    def radius(self, radius: int) -> int:
        """The radius of the point once it is moved, or not."""
        return radius + round(self.metres * (ROUGHLY if self.side else 1.0))


@dataclass(slots=True)
class Told:
    """What a mention is told with: the relation, where its words end, the mention beside it, the distance."""

    relation: PlaceRelation
    end: int
    other: int = -1
    away: Away | None = None


def relate(text: str, mentions: list[Mention]) -> dict[int, Told]:
    """Find what is told by others, by the number of the mention; the places of pairs are narrowed."""
    found: dict[int, Told] = {}
    if any(sign in text for sign in CROSSING_SIGNS):
        _pairs(text, mentions, CROSSING_TAIL, PlaceRelation.CROSSING, found)
    if any(sign in text for sign in BETWEEN_SIGNS):
        _pairs(text, mentions, BETWEEN_TAIL, PlaceRelation.BETWEEN, found)
    if any(sign in text for sign in AWAY_SIGNS):
        _distances(text, mentions, found)
    return found


def _pairs(
    text: str, mentions: list[Mention], tail: re.Pattern[str], relation: PlaceRelation, found: dict[int, Told]
) -> None:
    """Two mentions joined by a word right before a tail."""
    at, last = 0, len(mentions) - 1
    for match in tail.finditer(text):
        while at < last and mentions[at + 1].end <= match.start():
            at += 1
        if not at or at in found or mentions[at].end > match.start():
            continue
        one, other = mentions[at - 1], mentions[at]
        between = text[one.end : other.start]
        rest = text[other.end : match.start()]
        if len(between) > MAX_GAP or len(rest) > MAX_GAP:
            continue
        joined = JOINED.fullmatch(between)
        unknown = _unknown(one) or _unknown(other)
        if not (joined or (unknown and between in BESIDE)) or not REST.fullmatch(rest):
            continue
        crossed = CROSSED_BRIEFLY if match[0] in BRIEF else CROSSED
        if relation is PlaceRelation.CROSSING and joined and joined["word"] not in crossed:
            continue
        if unknown:
            # A road that no list knows agrees with whatever it is told with.
            found[at - 1], found[at] = (Told(relation, match.end(), number) for number in (at, at - 1))
            continue
        if not (one.names and other.names):
            continue
        meet = relation is PlaceRelation.CROSSING and match[0][0] == MEET
        border = meet and _is_unit(one) and _is_unit(other)
        if _agree(one, other) or border:
            shown = PlaceRelation.BORDER if border else relation
            found[at - 1], found[at] = (Told(shown, match.end(), number) for number in (at, at - 1))


def _agree(one: Mention, other: Mention) -> bool:
    """Keep of two mentions the places that agree; nothing is told where they lie in different districts."""
    narrowed = _narrowed(one, other), _narrowed(other, one)
    if narrowed[0] and narrowed[1]:
        one.names, other.names = narrowed
        return True
    return False


def _is_unit(mention: Mention) -> bool:
    """A street, township or district by name, no road: two meet along a border, of two districts as well."""
    return not mention.info.road and all(len(name.code) <= STREET for name in mention.names)


def _unknown(mention: Mention) -> bool:
    """A road that no list knows (`nlp.place_roads`)."""
    return not (mention.names or mention.info.foreign)


def _narrowed(one: Mention, other: Mention) -> Group:
    """Those places of a mention that agree with the other: in one street, else in one district, else none."""
    for level in (STREET, DISTRICT):
        theirs = {name.code[:level] for name in other.names if len(name.code) >= level}
        shared = [name for name in one.names if len(name.code) >= level and name.code[:level] in theirs]
        if not shared:
            continue
        if level == DISTRICT and all(name.kind == "road" for name in shared):
            # Each road's street is a guess from its middle: where they meet is another matter.
            shared = [replace(name, code=name.code[:DISTRICT]) for name in shared]
        return one.names if tuple(shared) == one.names else group(dict.fromkeys(shared))
    return NOBODY


def _distances(text: str, mentions: list[Mention], found: dict[int, Told]) -> None:
    """A distance right after a mention, with a side, or with 距 before the mention, or told as a place."""
    for at, mention in enumerate(mentions):
        if at in found or not mention.names:
            continue
        match = DISTANCE.match(text, mention.end, mention.end + MAX_DISTANCE)
        if match is None:
            continue
        if not (match["side"] or match["after"] or text.endswith(FROM, 0, mention.start)):
            continue
        length = number(match["count"]) * UNITS[match["unit"]]
        if 0 < length <= FARTHEST:
            side = "" if match["side"] in {"东西", "南北", "西东", "北南"} else match["side"] or ""
            found[at] = Told(PlaceRelation.AWAY, match.end(), away=Away(length, side))


def number(written: str) -> float:
    """A number in figures, or mixed with tens, hundreds and thousands: 3百5十, 两千; 0 for none.

    Two figures that follow on each other (三四百, 两三百) are a range: its middle.
    """
    try:
        return float(written)
    except ValueError:
        pass
    total = part = 0.0
    for sign in written:
        if sign in TIMES:
            tens, ones = divmod(part, 10)
            if tens and ones == tens + 1:
                part = (tens + ones) / 2
            total, part = total + (part or 1) * TIMES[sign], 0
        elif sign == "两":
            part = 2
        elif sign.isdigit():
            part = 10 * part + int(sign)
        else:
            return 0
    return total + part


def middle(one: PlaceName, other: PlaceName) -> tuple[float, float, int] | None:
    """The point between two names' points, and half their distance in metres; None when one has no point."""
    if one.lon is None or one.lat is None or other.lon is None or other.lat is None:
        return None
    lon, lat = (one.lon + other.lon) / 2, (one.lat + other.lat) / 2
    east = (one.lon - other.lon) * math.cos(math.radians(lat))
    return round(lon, 6), round(lat, 6), round(111_195 * math.hypot(east, one.lat - other.lat) / 2)


def relation_words(source: str, scene: Scene, at: int) -> str:
    """How the scene lies to a mention, in Chinese; empty when it is not told by others."""
    told = scene.told.get(at)
    if told is None:
        return ""
    if told.away is not None:
        mention = scene.mentions[at]
        return f"距“{source[mention.start : mention.end]}”{told.away.side}约 {told.away.metres:g} 米"
    pair = [scene.mentions[number] for number in sorted((at, told.other))]
    one, other = (source[mention.start : mention.end] for mention in pair)
    return f"在“{one}”与“{other}”{told.relation.label}"
