"""What is told of a topic: its title, places, weeks, kind, typical texts. Pure over what was read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from models.vocab_topics import TextKind, TopicLevel
from nlp import topic_clusters
from triage.clock import local
from triage.rules.rates import By
from triage.services.month_sheets import name_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triage.rules.rows import Tables
    from triage.services.topics.finding import Read

#: A place is in the title when most of the texts are there.
_MOSTLY: Final = 0.5
_PLACES: Final = 12


@dataclass(frozen=True, slots=True)
class Shape:
    """A group as the grouping gives it, by the texts' positions."""

    members: tuple[int, ...]
    middle: tuple[int, ...]
    later: int
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Named:
    """What people read of it."""

    title: str
    kind: str | None
    open: int
    leads: int
    districts: int
    places: list[list[object]]
    weeks: list[list[object]]
    typical: list[list[object]]


def named(
    tables: Tables, level: TopicLevel, shape: Shape, members: Sequence[Read], texts: Sequence[Read]
) -> Named:
    """Put a group into words."""
    places = Counter((text.district or "", text.street or "") for text in members)
    weeks = Counter(
        (local(text.at).date() - timedelta(days=local(text.at).weekday())).isoformat() for text in members
    )
    kinds = Counter(text.kind for text in members if text.kind)
    typical = texts[shape.middle[0]]
    place = _place(tables, level, members)
    # What a title says names the matter sooner than what its text tells.
    words = [word for word in shape.words if word not in place]
    words.sort(key=lambda word: word not in (typical.title or ""))
    return Named(
        title=topic_clusters.title_of(words, place, f"{typical.title or ''}\n{typical.text}")[:120],
        kind=kinds.most_common(1)[0][0] if kinds else None,
        open=sum(1 for text in members if text.open),
        leads=sum(1 for text in members if text.what is TextKind.LEAD),
        districts=len({text.district for text in members if text.district}),
        places=[[district, street, count] for (district, street), count in places.most_common(_PLACES)],
        weeks=[[week, weeks[week]] for week in sorted(weeks)],
        typical=[[texts[at].what.value, texts[at].ref] for at in shape.middle],
    )


def _place(tables: Tables, level: TopicLevel, members: Sequence[Read]) -> str:
    """Where it mostly is; a problem of many districts is the city's."""
    streets = Counter(text.street for text in members if text.street)
    districts = Counter(text.district for text in members if text.district)
    if streets and streets.most_common(1)[0][1] > _MOSTLY * len(members):
        return name_of(tables, By.STREET, streets.most_common(1)[0][0]).removesuffix("办事处")
    if districts and districts.most_common(1)[0][1] > _MOSTLY * len(members):
        return name_of(tables, By.DISTRICT, districts.most_common(1)[0][0])
    return f"{len(districts)} 个区" if level is TopicLevel.CITY and len(districts) > 1 else ""
