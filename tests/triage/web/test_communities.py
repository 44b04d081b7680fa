"""Communities and villages go by the names people use."""

from __future__ import annotations

import pytest

from nlp.gazetteer import Gazetteer
from triage.web import communities


@pytest.mark.parametrize(
    ("committee", "name"),
    [
        ("多福巷社区居委会", "多福巷社区"), ("夏都雅园社区居民委员会", "夏都雅园社区"),
        ("望京村委会", "望京村"), ("龙虎台村委会", "龙虎台村"),
    ],
)  # fmt: skip
def test_a_committee_is_not_the_place(committee: str, name: str) -> None:
    code = next(code for code, place in Gazetteer.load().places.items() if place.name == committee)
    assert communities.name(code) == name


async def test_what_nobody_knows_stays_a_code() -> None:
    assert await communities.names(["110199999999"]) == {"110199999999": "110199999999"}
    assert await communities.names([]) == {}
