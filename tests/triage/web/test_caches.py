"""What pages remember for some seconds: by what is seen, and whom a move makes count anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.counting import Today
from models.lines import Count
from models.viewing import Decides, Scope, Viewer
from models.vocab import State, WishKind
from triage.web.keys import Caches

if TYPE_CHECKING:
    from collections.abc import Callable

SOME = Count(3, more=False)
CITY = Viewer("clerk", Scope(everything=True))
UNIT = Viewer("li", Scope(own=frozenset({"110105026"})))
NOTHING: tuple[Decides, ...] = ()
OBJECTIONS = (Decides(WishKind.OBJECTION, (State.OBJECTED,)),)


@pytest.mark.parametrize("forget", [Caches.moved, Caches.forget_today])
async def test_a_move_makes_only_those_count_anew_who_see_what_its_maker_sees(
    forget: Callable[[Caches, Viewer], None],
) -> None:
    """With everybody's gone at each move a city's people found no summary ever."""
    caches, made = Caches(), []

    async def make() -> Today:
        made.append(1)
        return Today(SOME, SOME, SOME, SOME, SOME, SOME, SOME, SOME, SOME)

    async def look() -> int:
        for viewer in (CITY, UNIT):
            for decides in (NOTHING, OBJECTIONS):
                await caches.summary(viewer, decides, make)
        return len(made)

    assert (await look(), await look()) == (4, 4)
    # A colleague of the same unit: whatever either may answer.
    forget(caches, Viewer("zhang", UNIT.scope))
    assert await look() == 6
    await caches.close()


async def test_there_is_room_for_every_unit_of_a_city() -> None:
    caches, made = Caches(), []

    async def make() -> Today:
        made.append(1)
        return Today(SOME, SOME, SOME, SOME, SOME, SOME, SOME, SOME, SOME)

    for _ in range(2):
        for number in range(700):
            viewer = Viewer("li", Scope(own=frozenset({f"unit-{number}"})))
            await caches.summary(viewer, NOTHING, make)
    assert len(made) == 700
    await caches.close()
