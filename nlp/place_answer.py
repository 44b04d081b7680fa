"""From the chosen candidate to the reading: names, point, mentions and roles, candidates and reasons."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from models.vocab import PlaceRole, Precision
from models.vocab_places import PlaceRelation
from nlp.gazetteer import COMMUNITY, DISTRICT, STREET
from nlp.place_match import Follow
from nlp.place_relations import middle, relation_words
from nlp.place_span import address_span, door_of, told_right_after
from nlp.types import Evidence, Head, PlaceCandidate, PlaceMention, PlaceReading

if TYPE_CHECKING:
    from nlp.gazetteer import Place, PlaceName
    from nlp.place_group import Group
    from nlp.place_point import Point
    from nlp.place_relations import Told
    from nlp.place_score import Candidate, Scene
    from nlp.place_stems import Stem
    from nlp.places import PlaceReader

PRECISIONS: Final = {
    DISTRICT: Precision.DISTRICT,
    STREET: Precision.STREET,
    COMMUNITY: Precision.COMMUNITY,
}
MAX_AGAINST: Final = 3
MAX_MENTIONS: Final = 20
#: How many candidates a reading carries, and how many more that only share a name.
SHOWN: Final = 3
TIED_SHOWN: Final = 5

Ranked = list[tuple[float, "Candidate"]]


def answer(
    reader: PlaceReader, source: str, scene: Scene, candidates: list[Candidate], ranked: Ranked
) -> PlaceReading:
    """Fill the reading; nothing but mentions and candidates when the first is too unsure."""
    mentions = tuple(_mentions(reader, source, scene))
    shown = tuple(
        _shown(reader, source, scene, candidate, likely=likely, why=_why(source, scene, candidate))
        for likely, candidate in _distinct(ranked)
    )
    if scene.open or any(candidate.tied for _, candidate in ranked):
        shown += _tied(reader, source, scene, candidates, ranked=ranked, seen={item.code for item in shown})
    if not ranked or ranked[0][0] < reader.abstain:
        return PlaceReading(mentions=mentions, candidates=shown, outside=_outside(source, scene))
    likely, best = ranked[0]
    places = reader.gazetteer.places
    level = len(best.code)
    start, end = address_span(scene, best)
    street = places[best.code[:STREET]] if level >= STREET else None
    community = places[best.code] if level == COMMUNITY else None
    own = _own_point(scene, best, ranked)
    point = reader.atlas.point(best.code, own)
    told = scene.told.get(best.mention)
    if told and point:
        point = _told_point(scene, best, told, point)
    return PlaceReading(
        span=source[start:end],
        start=start,
        end=end,
        district=places[best.code[:DISTRICT]].name,
        district_code=best.code[:DISTRICT],
        street=street.name if street else None,
        street_code=street.code if street else None,
        community=community.name if community else None,
        community_code=community.code if community else None,
        lon=point.lon if point else None,
        lat=point.lat if point else None,
        radius=point.radius if point else None,
        precision=point.precision if point and own else PRECISIONS[level],
        confidence=round(likely, 3),
        evidence=tuple(_evidence(places, source, scene, best, candidates)),
        mentions=mentions,
        candidates=shown,
        door=door_of(scene.text, scene.mentions[best.mention].end, end),
        relation=_relation(source, scene, best.mention),
    )


def _relation(source: str, scene: Scene, at: int) -> str | None:
    """How the scene lies to the mention that decided, or to those told together right after it."""
    if at not in scene.told and (follows := told_right_after(scene, at)) is not None:
        at = follows
    return relation_words(source, scene, at) or None


def full_name(places: dict[str, Place], code: str) -> str:
    """朝阳区望京街道…: every unit that holds the code, largest first."""
    return "".join(places[code[:level]].name for level in (DISTRICT, STREET, COMMUNITY) if level <= len(code))


def _distinct(ranked: Ranked) -> Ranked:
    """The first candidates, each place once."""
    seen: dict[str, tuple[float, Candidate]] = {}
    for pair in ranked:
        seen.setdefault(pair[1].code, pair)
        if len(seen) == SHOWN:
            break
    return list(seen.values())


def _shown(
    reader: PlaceReader,
    source: str,
    scene: Scene,
    candidate: Candidate,
    *,
    likely: float,
    why: tuple[str, ...],
) -> PlaceCandidate:
    mention = scene.mentions[candidate.mention]
    return PlaceCandidate(
        code=candidate.code,
        name=reader.full_names[candidate.code],
        text=source[mention.start : mention.end],
        score=round(candidate.score, 2),
        confidence=round(likely, 3),
        why=why,
    )


def _tied(
    reader: PlaceReader,
    source: str,
    scene: Scene,
    candidates: list[Candidate],
    *,
    ranked: Ranked,
    seen: set[str],
) -> tuple[PlaceCandidate, ...]:
    """Places of one name that are as likely: a person can tell which. Each has its share."""
    found: list[PlaceCandidate] = []
    groups = [scene.open, *(candidate.tied for _, candidate in ranked)]
    for item in [item for group in groups for item in group]:
        if item.code not in seen and len(found) < TIED_SHOWN:
            seen.add(item.code)
            alike = sum(other.mention == item.mention for group in groups for other in group)
            share = reader.likely(scene, item, candidates) / alike
            why = (f"同名的有{alike}处，文中没有说是哪一处", *_why(source, scene, item))
            found.append(_shown(reader, source, scene, item, likely=share, why=why))
    return tuple(found)


def _mentions(reader: PlaceReader, source: str, scene: Scene) -> list[PlaceMention]:
    """Every place that is named, in order, with its role."""
    full, found = reader.full_names, []
    for mention, role in zip(scene.mentions[:MAX_MENTIONS], scene.roles, strict=False):
        start, end, code = mention.start, mention.end, mention.names.code
        found.append(PlaceMention(source[start:end], start, end, role, code, full[code] if code else ""))
    for at, told in scene.told.items():
        if at < len(found):
            found[at] = found[at]._replace(relation=told.relation)
    return found


def _outside(source: str, scene: Scene) -> str | None:
    """The first place elsewhere that is named outright: 河北省廊坊市, up to the last unit that follows on."""
    for at, mention in enumerate(scene.mentions):
        if not mention.info.foreign or mention.thin:
            continue
        end = mention.end
        for later in range(at + 1, len(scene.mentions)):
            if not (scene.tight[later] and scene.mentions[later].info.foreign):
                break
            end = scene.mentions[later].end
        return source[mention.start : end]
    return None


def _own_point(scene: Scene, best: Candidate, ranked: Ranked) -> PlaceName | None:
    """A name with a point inside the chosen unit: its own, one spelt alike, or another mention's."""
    names: list[PlaceName | None] = [best.name, *scene.mentions[best.mention].names]
    if len(ranked) > 1:
        names += [
            other.name
            for _, other in ranked
            if other.code.startswith(best.code[:STREET]) and scene.roles[other.mention] is not PlaceRole.HOME
        ]
    for name in names:
        if (
            name is not None
            and name.lon is not None
            and (name.code.startswith(best.code) or best.code.startswith(name.code))
        ):
            return name
    return _namesake(scene.mentions[best.mention].names, best.code)


def _namesake(names: Group, code: str) -> PlaceName | None:
    """An overlay's point of the same name in the same district, whose street is but a guess.

    The registry's word on the street is taken, and the point is the compound's: when there is one of each.
    """
    district = code[:DISTRICT]
    if len(code) < COMMUNITY or not names.overlay:
        return None
    points = [name for name in names if name.lon is not None and name.code.startswith(district)]
    known = {name.code for name in names if name.lon is None and name.code.startswith(district)}
    return points[0] if len(points) == 1 and points[0].trust < 1 and known == {code} else None


def _told_point(scene: Scene, best: Candidate, told: Told, point: Point) -> Point:
    """The point of what is told by others: so many metres off, or in the middle between two known points."""
    if told.away is not None:
        lon, lat = told.away.moved(point.lon, point.lat)
        return replace(point, lon=lon, lat=lat, radius=told.away.radius(point.radius))
    other = next((name for name in scene.mentions[told.other].names if name.lon is not None), None)
    if told.relation is not PlaceRelation.BETWEEN or best.name is None or other is None:
        return point
    found = middle(best.name, other)
    return (
        point if found is None else replace(point, lon=found[0], lat=found[1], radius=point.radius + found[2])
    )


def _evidence(
    places: dict[str, Place], source: str, scene: Scene, best: Candidate, candidates: list[Candidate]
) -> list[Evidence]:
    """The mention that decided, those that support it, and the strongest for another district."""
    found = []
    for at in sorted({best.mention, *best.support}):
        mention = scene.mentions[at]
        code = best.code if at == best.mention else _agreeing(mention.names, best.code)
        weight = best.score if at == best.mention else 1.0
        found.append(_item(source, mention.start, mention.end, places[code].name, round(weight, 2)))
    district = best.code[:DISTRICT]
    against = [other for other in candidates if other.code[:DISTRICT] != district]
    against.sort(key=_strongest)
    for other in against[:MAX_AGAINST]:
        mention = scene.mentions[other.mention]
        found.append(
            _item(source, mention.start, mention.end, places[other.code].name, -round(other.score, 2))
        )
    return found


def _strongest(candidate: Candidate) -> tuple[float, int]:
    return -candidate.score, candidate.mention


def _agreeing(names: tuple[PlaceName, ...], code: str) -> str:
    """The finest place of a supporting mention that contains `code`; the district if it only shares that."""
    holding = [name.code for name in names if code.startswith(name.code)]
    return max(holding, key=len, default=code[:DISTRICT])


def _item(source: str, start: int, end: int, value: str, weight: float) -> Evidence:
    """One place evidence over [start, end) of the source text."""
    return Evidence(Head.PLACE, start, end, source[start:end], value, weight)


_FOLLOWED: Final = {
    Follow.ROAD: "后面接路名，可能只是路",
    Follow.ROAD_ITSELF: "本身也是路名",
    Follow.SITE: "后面接单位或场所名",
}
_ROLES: Final = {
    PlaceRole.SCENE: "前面写明是地点",
    PlaceRole.HOME: "说的是居住地",
    PlaceRole.DIRECTION: "说的是方向、途经或来处",
    PlaceRole.OFFICE: "说的是机关单位",
}


def _why(source: str, scene: Scene, candidate: Candidate) -> tuple[str, ...]:
    """The reasons for and against a candidate, in words."""
    mention, name = scene.mentions[candidate.mention], candidate.name
    role = scene.roles[candidate.mention]
    said = [f"按同音或错字认作“{mention.info.text}”"] if mention.misspelt else []
    if links := _links(candidate):
        said.append(links)
    if mention.suffix or mention.near:
        said.append("只说明在附近" if mention.near else "名称完整")
    if candidate.rivals:
        said.append(f"同名的有{candidate.rivals + 1}处，只取共同的上级")
    if namesakes := _namesakes(mention.info):
        said.append(namesakes)
    if mention.follow in _FOLLOWED:
        said.append(_FOLLOWED[mention.follow])
    if role in _ROLES:
        said.append(_ROLES[role])
    if scene.foreign:
        said.append("文中提到外地")
    if candidate.mention in scene.told:
        said.append(relation_words(source, scene, candidate.mention))
    if name is not None and name.trust < 1:
        said.append("街道由附近地点推定")
    return tuple(said)


def _links(candidate: Candidate) -> str:
    """What the units named in the text say."""
    if candidate.linked > 0:
        return "紧跟在所属的区或街道之后"
    if candidate.linked < 0:
        return "与前面写的地名不一致"
    return "文中另处提到所属的区或街道" if candidate.support else ""


def _namesakes(info: Stem) -> str:
    """What else the name means."""
    if info.common:
        return "也是常用词"
    return f"外省也有{info.namesakes}处同名" if info.namesakes else ""
