"""Windows: whatever pages a platform gives, in whatever order, the place never runs ahead of what came."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.hotline.client import Page, PlatformAway
from triage.services.hotline import windows
from triage.services.hotline.windows import Incomplete, Paging, Place, Window, window

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
    return place.after(whole, overlap=paging.overlap), not whole.more


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


def test_a_page_that_stood_in_for_another_is_asked_for_in_a_second_pass() -> None:
    asked: list[int] = []

    def wrong_once(number: int) -> int:
        asked.append(number)
        return 3 if len(asked) == 2 else number

    wild = Wild(list(range(1, 10)), choose=wrong_once)
    place, _ = step(wild, Place(BASE, timedelta(seconds=64)))
    assert place.until == BASE + timedelta(seconds=64)
    assert wild.due(place.until) <= wild.stored


@pytest.mark.parametrize(
    ("span", "seconds", "then"), [(1, 5.0, 2), (32, 5.0, 64), (1, 7.0, 1), (64, 5.0, 64), (64, 2.0, 128)]
)
def test_a_span_shorter_than_the_overlap_grows_though_it_took_long(
    span: int, seconds: float, then: int
) -> None:
    whole = Window(BASE + timedelta(seconds=span), BASE, seconds)
    place = Place(BASE, timedelta(seconds=span)).after(whole, overlap=timedelta(seconds=60))
    assert place.span == timedelta(seconds=then)


def leaving(wild: Wild, passes: int) -> windows.Ask:
    """An order that is changed leaves the window and moves the others up: one would be skipped. So often."""
    asked: list[Any] = []

    async def ask(after: datetime, until: datetime, number: int) -> Page:
        page = await wild.ask(after, until, number)
        asked.extend([number] * (number == 1))
        wild.times = wild.times[number == 1 and len(asked) <= passes :]
        return page

    return ask


def test_a_page_that_leaves_while_we_read_is_noticed() -> None:
    wild = Wild(list(range(1, 8)), choose=int)
    place, paging = Place(BASE, timedelta(seconds=64)), Paging(SIZE, 9, timedelta(0))
    with pytest.raises(Incomplete, match="平台说这一段有 6 件"):
        asyncio.run(window(leaving(wild, 2), wild.store, place, paging, now=BASE))


def test_when_none_leaves_the_second_pass_is_whole() -> None:
    wild = Wild(list(range(1, 8)), choose=int)
    place, paging = Place(BASE, timedelta(seconds=64)), Paging(SIZE, 9, timedelta(0))
    whole = asyncio.run(window(leaving(wild, 1), wild.store, place, paging, now=BASE))
    assert whole.until == BASE + timedelta(seconds=64)
    assert wild.due(whole.until) <= wild.stored


def test_a_window_with_too_many_pages_is_cut_in_half() -> None:
    wild = Wild(list(range(1, END)), choose=int)
    place, ended = step(wild, Place(BASE, timedelta(seconds=64)), most_pages=2)
    assert (place.until - BASE, ended) == (timedelta(seconds=4), False)


def test_the_place_never_passes_the_platforms_own_now() -> None:
    wild = Wild([5], choose=int)
    place, ended = step(wild, Place(BASE, timedelta(days=1)))
    assert (place.until - BASE, ended) == (timedelta(seconds=END), True)
    again, _ = step(wild, Place(BASE + timedelta(seconds=END + 50)), overlap=50)
    assert again.until == BASE + timedelta(seconds=END + 50), "put back by no more than is looked at anyway"


def test_the_place_goes_back_with_a_clock_that_was_put_back() -> None:
    """It stayed where it was, all looked well, and what the platform wrote meanwhile was never asked for."""
    wild = Wild([5, END - 1], choose=int)
    place, ended = step(wild, Place(BASE + timedelta(hours=5), at=BASE), overlap=50)
    assert (place.until - BASE, ended) == (timedelta(seconds=END), True)
    step(wild, place, overlap=50)
    assert wild.stored == {"P1"}


@pytest.mark.parametrize(
    ("back", "away", "until"),
    [
        # Since the last look all may have been written by the clock of now.
        (90, 1, 90),
        (90, 240, 90),
        # By less than we were away: its now lies behind the place, and what was written meanwhile before it.
        (20, 15, 20),
        (20, 60, 20),
        # What the overlap looks at anyway.
        (9, 60, None),
        (0, 60, None),
        (-30, 60, None),
    ],
)
def test_what_was_written_since_the_clock_was_put_back_is_asked_for(
    back: int, away: int, until: int | None
) -> None:
    """Minutes: how far it was put back, and since when we had not looked. Back to its now lost the rest."""
    minutes, overlap = timedelta(minutes=1), timedelta(minutes=10)
    place = Place.read(Place(BASE, at=BASE).stored(), default=BASE)
    now = BASE + away * minutes
    theirs = now - back * minutes
    whole = Window(max(theirs, BASE), theirs, asked=now)
    gone = None if until is None else BASE - until * minutes
    assert place.put_back(whole, overlap) == gone
    then = place.after(whole, overlap=overlap)
    assert (then.until, then.at) == (gone or whole.until, now)
    assert then.put_back(Window(theirs, theirs + minutes, asked=now + minutes), overlap) is None, "once"
    assert place.put_back(replace(whole, told=False), overlap) is None


def test_where_nobody_knows_since_when_a_day_is_asked_for_again() -> None:
    place = Place.read({"until": (BASE + timedelta(hours=5)).isoformat(), "span": 60}, default=BASE)
    whole = Window(place.until, BASE, asked=BASE)
    then = place.after(whole, overlap=timedelta(minutes=10))
    assert (then.until, then.at) == (BASE - timedelta(days=1), BASE)
    assert then.shorter(timedelta(hours=1)).at == BASE


@pytest.mark.parametrize(
    "told",
    [
        0.0,
        1.0,
        -5e9,
        BASE.timestamp() * 1000,
        1e30,
        float("inf"),
        *(BASE.timestamp() + n for n in (-2e5, 2e5)),
    ],
)
def test_a_now_that_is_none_is_told_and_moves_nothing(told: float) -> None:
    async def ask(_after: datetime, _until: datetime, number: int) -> Page:
        return Page(number, 0, (), told)

    async def store(_page: Page) -> set[str]:
        return set()

    with pytest.raises(Incomplete, match="now 不是可信的时间"):
        asyncio.run(window(ask, store, Place(BASE), Paging(SIZE, 4, timedelta(0)), now=BASE))


@pytest.mark.parametrize("date", [0.0, BASE.timestamp() - 200_000, BASE.timestamp() + 200_000, 1e30])
def test_a_date_of_another_year_is_none(date: float) -> None:
    async def ask(_after: datetime, _until: datetime, number: int) -> Page:
        return Page(number, 0, (), None, date)

    async def store(_page: Page) -> set[str]:
        return set()

    place = Place(BASE - timedelta(hours=1))
    whole = asyncio.run(window(ask, store, place, Paging(SIZE, 4, timedelta(0)), now=BASE))
    assert (whole.until, whole.theirs, whole.told) == (BASE, BASE, False)


@pytest.mark.parametrize(
    ("ends", "newest", "until", "more"),
    [
        (0, -3, -3, False),
        (0, None, -12, False),
        (-5, -6, -6, True),
        (-5, None, -12, True),
        (-20, None, -20, True),
        (-20, -21, -20, True),
    ],
)
def test_of_a_platform_that_tells_no_time_nothing_is_sure_behind_its_newest_change(
    ends: int,
    newest: int | None,
    until: int,
    more: bool,  # noqa: FBT001  (a parameter of the test)
) -> None:
    """Hours from now. Half a day back all is sure: a quiet platform does not hold the place for ever."""
    moment = None if newest is None else BASE + timedelta(hours=newest)
    end = BASE + timedelta(hours=ends)
    whole = Window(end, BASE, told=False).sure(moment, now=BASE)
    assert (whole.until - BASE, whole.more) == (timedelta(hours=until), more)
    assert Window(end, BASE).sure(moment, now=BASE).until == end


@pytest.mark.parametrize("ahead", [timedelta(minutes=-40), timedelta(minutes=15), timedelta(hours=8)])
def test_a_date_may_hold_our_clock_back_and_never_pushes_it_on(ahead: timedelta) -> None:
    """A proxy that writes Beijing time and calls it GMT: those eight hours would never be asked for."""

    async def ask(_after: datetime, _until: datetime, number: int) -> Page:
        return Page(number, 0, (), None, (BASE + ahead).timestamp())

    async def store(_page: Page) -> set[str]:
        return set()

    paging = Paging(SIZE, 4, timedelta(minutes=10))
    whole = asyncio.run(window(ask, store, Place(BASE - timedelta(hours=1)), paging, now=BASE))
    assert (whole.theirs, whole.told) == (min(BASE, BASE + ahead), True)
    assert whole.until <= BASE
