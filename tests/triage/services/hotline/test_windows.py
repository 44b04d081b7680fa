"""Windows: whatever pages a platform gives, in whatever order, the place never runs ahead of what came."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.hotline.client import Page, PlatformAway
from triage.services.hotline import windows
from triage.services.hotline.windows import Incomplete, Paging, Place, window

if TYPE_CHECKING:
    from collections.abc import Callable

BASE = datetime(2026, 11, 23, tzinfo=UTC)
SIZE = 3
END = 100


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "_FIRST_PAUSE", 0)


@dataclass
class Wild:
    """Orders at moments (seconds after BASE); what `choose` says is given instead of the page asked for."""

    times: list[int]
    choose: Callable[[int], int]
    mix: Callable[[list[str]], list[str]] = list
    fails: Callable[[], bool] = bool
    stored: set[str] = field(default_factory=set)

    async def ask(self, after: datetime, until: datetime, number: int) -> Page:
        if self.fails():
            raise PlatformAway
        found = [
            f"P{n}"
            for n, seconds in enumerate(self.times)
            if after < BASE + timedelta(seconds=seconds) <= min(until, BASE + timedelta(seconds=END))
        ]
        given = self.choose(number)
        rows = self.mix(found[(given - 1) * SIZE : given * SIZE])
        return Page(number, len(found), tuple(rows), (BASE + timedelta(seconds=END)).timestamp())

    async def store(self, page: Page) -> set[str]:
        numbers = set(page.rows)
        self.stored |= numbers
        return numbers

    def due(self, until: datetime) -> set[str]:
        """What lies up to a moment."""
        return {f"P{n}" for n, at in enumerate(self.times) if BASE + timedelta(seconds=at) <= until}


def step(wild: Wild, place: Place, *, overlap: int = 0, most_pages: int = 4) -> tuple[Place, bool]:
    """One run: where it is then, and whether it is at the end."""
    paging = Paging(SIZE, most_pages, timedelta(seconds=overlap))
    try:
        whole = asyncio.run(window(wild.ask, wild.store, place, paging, now=BASE))
    except Incomplete as error:
        return place.shorter(error.tried), False
    return place.after(whole), not whole.more


@settings(max_examples=40, deadline=None)
@given(times=st.lists(st.integers(1, END - 1), max_size=30), overlap=st.integers(0, 30), data=st.data())
def test_no_order_of_pages_loses_one(times: list[int], overlap: int, data: st.DataObject) -> None:
    wild = Wild(
        sorted(times),
        choose=lambda number: data.draw(st.integers(1, number + 1)),
        mix=lambda rows: [*data.draw(st.permutations(rows)), *rows[:1]],
        fails=lambda: data.draw(st.integers(0, 9)) == 0,
    )
    place = Place(BASE, timedelta(seconds=64))
    for _ in range(25):
        place, _ = step(wild, place, overlap=overlap)
        assert wild.due(place.until) <= wild.stored
    calm = Wild(sorted(times), choose=int, stored=wild.stored)
    ended, rounds = False, 0
    while not ended and rounds < 300:
        place, ended = step(calm, place, overlap=overlap)
        assert calm.due(place.until) <= calm.stored
        rounds += 1
    assert (ended, calm.due(BASE + timedelta(seconds=END)) - calm.stored) == (True, set())


def test_a_page_that_leaves_while_we_read_is_noticed() -> None:
    """An order that is changed leaves the window and moves the others up: one would be skipped."""
    wild = Wild(list(range(1, 8)), choose=int)
    asked: list[Any] = []

    async def moving(after: datetime, until: datetime, number: int) -> Page:
        asked.append(number)
        page = await wild.ask(after, until, number)
        wild.times = wild.times if len(asked) > 1 else wild.times[1:]
        return page

    with pytest.raises(Incomplete, match="平台说这一段有 7 件"):
        asyncio.run(
            window(
                moving,
                wild.store,
                Place(BASE, timedelta(seconds=64)),
                Paging(SIZE, 9, timedelta(0)),
                now=BASE,
            )
        )


def test_a_window_with_too_many_pages_is_cut_in_half() -> None:
    wild = Wild(list(range(1, END)), choose=int)
    place, ended = step(wild, Place(BASE, timedelta(seconds=64)), most_pages=2)
    assert (place.until - BASE, ended) == (timedelta(seconds=4), False)


def test_the_place_never_passes_the_platforms_own_now() -> None:
    wild = Wild([5], choose=int)
    place, ended = step(wild, Place(BASE, timedelta(days=1)))
    assert (place.until - BASE, ended) == (timedelta(seconds=END), True)
    again, _ = step(wild, Place(BASE + timedelta(seconds=END + 50)))
    assert again.until == BASE + timedelta(seconds=END + 50), "a platform whose clock was put back"
