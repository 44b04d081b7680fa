"""二次派单 of a platform's order: none of the seven actions tells it, and 签收 names who has it now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.vocab import Move, Post
from tests.triage.services.hotline.test_sending import actions, brief, move, tickets
from triage.rules.moves import Actor
from triage.services.moving import Person

if TYPE_CHECKING:
    from tests.triage.services.hotline.bed import Bed

GOVERNMENT, ECOLOGY = "110105", "110105-ecology"
HOTLINE = Person(Actor(Post.HOTLINE, None, "local:h"), "热线 丙")
DISTRICT = Person(Actor(Post.UNIT, GOVERNMENT, "local:d"), "朝阳区甲")
BUREAU = Person(Actor(Post.UNIT, ECOLOGY, "local:e"), "生态环境局乙")


async def test_the_platform_hears_of_it_by_who_signs(bed: Bed) -> None:
    (no,) = await tickets(bed, 1)
    await move(bed, no, Move.REASSIGN, HOTLINE, unit=GOVERNMENT, reason="请区里统筹")
    await move(bed, no, Move.PASS_ON, DISTRICT, unit=ECOLOGY)
    await move(bed, no, Move.UNDO, DISTRICT, reason="派错单位了")
    await move(bed, no, Move.PASS_ON, DISTRICT, unit=ECOLOGY, reason="属区里管的点位")
    assert await brief(bed) == []
    await move(bed, no, Move.SIGN, BUREAU)
    (told,) = await actions(bed)
    assert (told.kind, told.body["unit"], told.body["unit_name"]) == ("signed", ECOLOGY, "朝阳区生态环境局")
