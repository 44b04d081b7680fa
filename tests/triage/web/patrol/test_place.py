"""Where a report lies: what is told before it is sent, and whose words stand in its address."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.appeals import Appeal
from tests.triage.web.patrol.conftest import STREET, Officer, count

if TYPE_CHECKING:
    from triage.services.deps import Deps

#: Hardly farther from the centre of 望京街道 than from the nearest; and three kilometres from it.
NEAR = {"lat": "39.9819", "lon": "116.4757"}
FAR = {"lat": "39.9749", "lon": "116.4917"}
RUBBISH = "路边一大堆生活垃圾没有人清，臭味很大。"


async def test_what_lies_elsewhere_is_said_before_it_is_sent(officer: Officer, deps: Deps) -> None:
    await officer.get()
    await officer.send(more={"place": "海淀区学院路街道成府路"})
    assert officer.status == 409
    assert "这里像是<b>海淀区学院路街道</b>，不归望京街道办事处管" in officer.page
    assert await count(deps) == 0
    # Said by the point as well.
    await officer.get()
    await officer.send(more={"place": "", "lat": "39.9990", "lon": "116.3260"})
    assert (officer.status, "<b>海淀区" in officer.page) == (409, True)


@pytest.mark.parametrize(
    ("more", "place", "hint"),
    [
        # The own centre is the nearest, or hardly farther than another.
        ({}, "朝阳区望京街道", STREET),
        # Words name where it is: a guess does not outvote them.
        ({"place": "北侧沟边"}, "朝阳区，北侧沟边", STREET),
        ({"text": "劲松五区门口一大堆生活垃圾没有人清。"}, "朝阳区", STREET),
        ({"text": "花家地西里三区门口一大堆生活垃圾没有人清。"}, "朝阳区望京街道", STREET),
        # Three kilometres away.
        (FAR, "朝阳区", "110105"),
    ],
)
async def test_a_guess_of_the_street_outvotes_no_words_and_no_distance(
    officer: Officer, deps: Deps, more: dict[str, str], place: str, hint: str
) -> None:
    await officer.get()
    said = {"text": RUBBISH, "place": "", **NEAR, **more}
    await officer.send(more=said)
    # What lies elsewhere is said first.
    await officer.send(more=said)
    async with deps.db.reads() as session:
        appeal = (await session.scalars(sa.select(Appeal))).one()
    assert (appeal.address, appeal.caller_area) == (place, hint)
