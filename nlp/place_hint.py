"""The caller's registered area as a hint (登记地区): only where the text itself leaves the place open.

A name that may be several places is read as the one in that area; a text that names no place at all is read
as the area. What the text says is never overridden: once it gives a place, or names only places that lie
elsewhere, there is no hint. What was hinted is marked, and its probability is one constant, below what goes
through without a person unless the site's setting says otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from models.vocab import PlaceRole
from nlp.gazetteer import COMMUNITY, DISTRICT, STREET
from nlp.place_answer import PRECISIONS
from nlp.types import PlaceCandidate, PlaceReading

if TYPE_CHECKING:
    from nlp.place_match import Mention
    from nlp.place_score import Scene
    from nlp.places import PlaceReader

#: A place where one lives or goes to says nothing of the scene.
ASIDE: Final = frozenset({PlaceRole.HOME, PlaceRole.DIRECTION, PlaceRole.DENIED, PlaceRole.OUTSIDE})
WHY: Final = "来电人登记地区在此，仅作参考"


def hinted(reader: PlaceReader, source: str, scene: Scene, reading: PlaceReading, area: str) -> PlaceReading:
    """The reading with the hint, or as it was."""
    if reading.district is not None or reading.outside is not None or area not in reader.gazetteer.places:
        return reading
    if any(_denied(mention, area) for mention in _playing(scene, PlaceRole.DENIED)):
        return reading
    spoken = [
        mention
        for mention, role in zip(scene.mentions, scene.roles, strict=True)
        if mention.names and role not in ASIDE
    ]
    if not spoken:
        return _given(reader, reading, area, None, source)
    for mention in sorted(spoken, key=_sayings):
        code = _within(mention, area)
        if code:
            return _given(reader, reading, code, mention, source)
    return reading


def _playing(scene: Scene, wanted: PlaceRole) -> list[Mention]:
    return [mention for mention, role in zip(scene.mentions, scene.roles, strict=True) if role is wanted]


def _denied(mention: Mention, area: str) -> bool:
    """Whether the text says that it is not there: in the area, or where that lies."""
    return any(area.startswith(name.code) or name.code.startswith(area) for name in mention.names)


def _sayings(mention: Mention) -> tuple[bool, int]:
    return mention.thin, -mention.info.size


def _within(mention: Mention, area: str) -> str:
    """The finest unit that the mention's places in the area share; empty when none lies there."""
    for inside in dict.fromkeys((area, area[:DISTRICT])):
        codes = {name.code for name in mention.names if name.code.startswith(inside)}
        streets = [code for code in codes if len(code) == STREET]
        if len(streets) == 1 and not mention.suffix:
            return streets[0]  # a bare name of a street and of a community means the street
        if codes:
            return next(
                (
                    min(codes)[:level]
                    for level in (COMMUNITY, STREET, DISTRICT)
                    if len({code[:level] for code in codes}) == 1 and len(min(codes, key=len)) >= level
                ),
                "",
            )
    return ""


def _given(
    reader: PlaceReader, reading: PlaceReading, code: str, mention: Mention | None, source: str
) -> PlaceReading:
    """The place of a code, marked as hinted."""
    places, point = reader.gazetteer.places, reader.atlas.point(code, None)
    start, end = (mention.start, mention.end) if mention else (None, None)
    text = source[start:end] if mention else ""
    candidate = PlaceCandidate(code, reader.full_names[code], text, 0.0, reader.hint, (WHY,))
    others = tuple(item for item in reading.candidates if item.code != code)
    return PlaceReading(
        span=text or None,
        start=start,
        end=end,
        district=places[code[:DISTRICT]].name,
        district_code=code[:DISTRICT],
        street=places[code[:STREET]].name if len(code) >= STREET else None,
        street_code=code[:STREET] if len(code) >= STREET else None,
        community=places[code].name if len(code) == COMMUNITY else None,
        community_code=code if len(code) == COMMUNITY else None,
        lon=point.lon if point else None,
        lat=point.lat if point else None,
        radius=point.radius if point else None,
        precision=PRECISIONS[len(code)],
        confidence=reader.hint,
        mentions=reading.mentions,
        candidates=(candidate, *others)[:3],
        hinted=True,
    )
