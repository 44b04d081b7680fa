"""What pages remember for some seconds: by what is seen, and whom a move makes count anew."""

from __future__ import annotations

from models.counting import Today
from models.lines import Count
from models.viewing import Scope, Viewer
from triage.web.keys import Caches

SOME = Count(3, more=False)
CITY, UNIT = Scope(everything=True), Scope(own=frozenset({"110105026"}))


async def test_a_move_makes_only_those_count_anew_who_see_what_its_maker_sees() -> None:
    """With everybody's gone at each move a city's people found no summary ever."""
    caches, made = Caches(), []

    async def make() -> Today:
        made.append(1)
        return Today(SOME, SOME, SOME, SOME, SOME, SOME, SOME, SOME, SOME)

    for scope in (CITY, UNIT):
        await caches.today.get(scope, make)
    caches.moved(Viewer("zhang", UNIT))
    await caches.today.get(CITY, make)
    assert len(made) == 2
    await caches.today.get(UNIT, make)
    assert len(made) == 3
    await caches.close()


async def test_there_is_room_for_every_unit_of_a_city() -> None:
    caches, made = Caches(), []

    async def make() -> Today:
        made.append(1)
        return Today(SOME, SOME, SOME, SOME, SOME, SOME, SOME, SOME, SOME)

    for _ in range(2):
        for number in range(700):
            await caches.today.get(Scope(own=frozenset({f"unit-{number}"})), make)
    assert len(made) == 700
    await caches.close()
