"""Signals of a day: found where they were planted, told in words, kept once, decided by a person."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
import sqlalchemy as sa

from models.outbox import Outbox
from models.rollups import MEASURES, RollupCursor, RollupDistrict, RollupPlace
from models.signals import Forecast, Signal, SignalDay
from models.vocab_ledger import LedgerAct
from models.vocab_trends import SignalKind, SignalState
from tests.triage.services.trends.helpers import deps_of
from tests.written import written
from triage.errors import BadInput, NotFound
from triage.services import backlog
from triage.services.trends import figures, judging, noticing, sources
from triage.services.trends.judging import SignalAsk

if TYPE_CHECKING:
    from models.db import Database

#: 01:00 in Beijing on the 26th: yesterday is the 25th.
NOW: Final = datetime(2026, 11, 25, 17, 0, tzinfo=UTC)
DAY: Final = date(2026, 11, 25)
NUMBERS: Final = (
    "version", "events_seen", "events_settled", "corrections_settled", "mark_events", "mark_corrections",
    "mark_xmax",
)  # fmt: skip
FIRST: Final = DAY - timedelta(days=199)


def day_row(day: date, kind: str, district: str, demands: int) -> dict[str, Any]:
    return {**dict.fromkeys(MEASURES, 0), "day": day, "kind": kind, "district": district, "demands": demands}


def place_row(day: date, grid: str, kind: str, demands: int) -> dict[str, Any]:
    return {
        "day": day, "district": "110105", "street": "110105026", "community": "", "grid": grid,
        "kind": kind, "demands": demands, "cases": demands, "unsolved": 0,
    }  # fmt: skip


async def plant(db: Database, *, counted: datetime = NOW) -> None:
    """200 quiet days of two kinds; a burst of one on the last day; a hot grid and a chronic one."""
    days = [FIRST + timedelta(days=n) for n in range(200)]
    series = [
        day_row(day, kind, "110105", 4 + (day.toordinal() * 7 + shift) % 5 + 60 * (day == DAY and shift == 0))
        for day in days
        for shift, kind in enumerate(("NOI-01", "AIR-01"))
    ]
    places = [place_row(DAY - timedelta(days=n), "125-101", "NOI-01", 2) for n in range(20)]
    places += [place_row(DAY - timedelta(days=n), "130-99", "AIR-01", 1) for n in range(0, 90, 9)]
    async with db.writes.begin() as session:
        await session.execute(sa.insert(RollupDistrict), series)
        await session.execute(sa.insert(RollupPlace), places)
        cursor = dict.fromkeys(NUMBERS, 0) | {"id": 1, "at": counted, "mark_at": counted}
        await session.execute(sa.insert(RollupCursor), [cursor])


async def signals(db: Database) -> list[Signal]:
    async with db.reads() as session:
        return list(await session.scalars(sa.select(Signal).order_by(Signal.what, Signal.district)))


async def test_what_was_planted_is_found_told_and_kept_once(db: Database) -> None:
    await plant(db)
    deps = deps_of(db, NOW)
    assert await noticing.poke(deps) is True
    assert await noticing.poke(deps) is False
    found = await signals(db)
    assert [(s.what, s.kind, s.district, s.place) for s in found] == [
        ("burst", "NOI-01", "", ""),
        ("burst", "NOI-01", "110105", ""),
        ("chronic", "AIR-01", "110105", "130-99"),
        ("hot_grid", "NOI-01", "110105", "125-101"),
    ]
    assert found[1].told["why"][0].startswith("11月25日 6")
    assert "每周容许误报 3 次" in found[1].told["why"][1]
    async with db.reads() as session:
        forecasts = await judging.forecasts(session, date(2026, 12, 1), district="110105")
        day = (await session.scalars(sa.select(SignalDay))).one()
    assert {f.kind for f in forecasts} == {"NOI-01", "AIR-01"}
    assert all(f.low < f.expected < f.high for f in forecasts)
    assert (day.series, day.found) == (4, 4)


async def test_the_same_thing_next_day_is_the_same_signal(sqlite_db: Database) -> None:
    await plant(sqlite_db)
    deps = deps_of(sqlite_db, NOW)
    await noticing.notice(deps, DAY - timedelta(days=1))
    before = await signals(sqlite_db)
    await noticing.notice(deps, DAY)
    after = await signals(sqlite_db)
    hot_before = next(s for s in before if s.what == "hot_grid")
    hot_after = [s for s in after if s.what == "hot_grid"]
    assert [s.id for s in hot_after] == [hot_before.id]
    assert (hot_after[0].first_day, hot_after[0].last_day) == (DAY - timedelta(days=1), DAY)
    async with sqlite_db.reads() as session:
        months = await session.scalars(sa.select(Forecast.month).distinct())
        assert list(months) == [date(2026, 12, 1)]


async def test_a_hot_square_on_a_border_is_told_where_most_of_it_was_told_of(sqlite_db: Database) -> None:
    await plant(sqlite_db)
    over_there = {**place_row(DAY, "125-101", "NOI-01", 1), "district": "110112", "street": "110112001"}
    async with sqlite_db.writes.begin() as session:
        await session.execute(sa.insert(RollupPlace), [over_there])
    await noticing.notice(deps_of(sqlite_db, NOW), DAY)
    (hot,) = [s for s in await signals(sqlite_db) if s.what == "hot_grid"]
    assert (hot.district, hot.told["numbers"]["street"]) == ("110105", "110105026")
    async with sqlite_db.reads() as session:
        (most, *_) = await figures.places(session, sources.Scope(DAY, DAY), by="grid")
    assert (most.code, most.district, most.demands) == ("125-101", "110105", 3)


async def test_a_hot_square_that_moves_over_the_border_has_the_district_of_its_street(
    sqlite_db: Database,
) -> None:
    await plant(sqlite_db)
    deps = deps_of(sqlite_db, NOW)
    await noticing.notice(deps, DAY - timedelta(days=1))
    async with sqlite_db.writes.begin() as session:
        moved = sa.update(RollupPlace).where(RollupPlace.grid == "125-101")
        await session.execute(moved.values(district="110112", street="110112001"))
    await noticing.notice(deps, DAY)
    (hot,) = [s for s in await signals(sqlite_db) if s.what == "hot_grid"]
    assert (hot.district, hot.told["numbers"]["street"]) == ("110112", "110112001")


async def test_a_chronic_place_is_told_before_busier_squares_where_nothing_stands_out(db: Database) -> None:
    await plant(db)
    busy = [
        place_row(DAY - timedelta(days=n), f"{200 + square}-99", kind, 3)
        for n in range(0, 90, 6)
        for square in range(25)
        for kind in ("NOI-01", "AIR-01")
    ]
    async with db.writes.begin() as session:
        await session.execute(sa.insert(RollupPlace), busy)
    await noticing.notice(deps_of(db, NOW), DAY)
    async with db.reads() as session:
        listed = await judging.listed(session, SignalAsk())
    # As the page, the file and the report list them.
    chronic = [s for s in listed if s.what == "chronic"]
    assert len(chronic) == 20
    assert chronic[0].place == "130-99"
    assert chronic[0].told["numbers"]["windows"] == [3, 3, 4]
    assert "这一格同期约为" in chronic[0].told["why"][1]


async def test_a_decision_is_not_taken_back_where_the_same_thing_waits_by_itself(sqlite_db: Database) -> None:
    deps = deps_of(sqlite_db, NOW)
    same = {
        "what": "hot_grid", "place": "125-101", "first_day": DAY, "last_day": DAY, "score": 5.0,
        "row_id": "x", "told": {"numbers": {}, "why": []}, "made_at": NOW,
    }  # fmt: skip
    async with sqlite_db.writes.begin() as session:
        session.add_all([
            Signal(id=1, kind="NOI-01", district="110105", state="dismissed", by="a", **same),
            # The same square, though most of it is of another kind and district by now.
            Signal(id=2, kind="AIR-01", district="110108", state="new", **same),
            Signal(id=3, kind="", district="110105", state="dismissed", by="a", **same | {"place": "9-9"}),
        ])  # fmt: skip
    async with deps.db.writes.begin() as session:
        with pytest.raises(BadInput, match="编号 2"):
            await judging.take_back(session, 1, "看错了", by="b", now=NOW)
        assert (await judging.take_back(session, 3, "看错了", by="b", now=NOW)).state == "new"


async def test_a_hot_place_stays_one_signal_when_its_commonest_kind_changes(sqlite_db: Database) -> None:
    await plant(sqlite_db)
    await noticing.notice(deps_of(sqlite_db, NOW), DAY)
    following = DAY + timedelta(days=1)
    async with sqlite_db.writes.begin() as session:
        await session.execute(sa.insert(RollupPlace), [place_row(following, "125-101", "AIR-01", 60)])
    await noticing.notice(deps_of(sqlite_db, NOW + timedelta(days=1)), following)
    hot = [s for s in await signals(sqlite_db) if s.what == "hot_grid"]
    assert [(s.place, s.kind, s.first_day, s.last_day) for s in hot] == [
        ("125-101", "AIR-01", DAY, following)
    ]


async def test_signals_wait_while_many_appeals_are_to_be_read(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "BUSY", 0)
    await plant(sqlite_db)
    row = {"topic": "appeal.read", "key": 1, "created_at": NOW, "available_at": NOW, "attempts": 0}
    async with sqlite_db.writes.begin() as session:
        await session.execute(sa.insert(Outbox), [row])
    assert await noticing.poke(deps_of(sqlite_db, NOW)) is False
    assert await signals(sqlite_db) == []


async def test_days_on_which_nothing_ran_are_caught_up_with_in_order(sqlite_db: Database) -> None:
    await plant(sqlite_db)
    async with sqlite_db.writes.begin() as session:
        done = {"day": DAY - timedelta(days=3), "series": 2, "found": 0, "at": NOW}
        await session.execute(sa.insert(SignalDay), [done])
    deps = deps_of(sqlite_db, NOW)
    assert [await noticing.poke(deps) for _ in range(4)] == [True, True, True, False]
    async with sqlite_db.reads() as session:
        days = list(await session.scalars(sa.select(SignalDay.day).order_by(SignalDay.day)))
    assert days == [DAY - timedelta(days=n) for n in (3, 2, 1, 0)]
    # Not for ever: after a month no more than two weeks are.
    later = deps_of(sqlite_db, NOW + timedelta(days=30))
    await counted_until(sqlite_db, NOW + timedelta(days=30))
    await noticing.poke(later)
    async with sqlite_db.reads() as session:
        assert await session.scalar(sa.select(sa.func.max(SignalDay.day))) == DAY + timedelta(days=16)


async def counted_until(db: Database, moment: datetime) -> None:
    async with db.writes.begin() as session:
        await session.execute(sa.update(RollupCursor).values(at=moment))


async def test_a_day_that_is_not_whole_waits(sqlite_db: Database) -> None:
    await plant(sqlite_db, counted=NOW - timedelta(hours=2))
    assert await noticing.poke(deps_of(sqlite_db, NOW)) is False
    assert await signals(sqlite_db) == []


def old_signal(what: str, state: SignalState, last: date, *, score: float, place: str = "") -> Signal:
    return Signal(
        what=what, kind="NOI-01", district="110105", place=place, first_day=last, last_day=last, score=score,
        told={"numbers": {"seen": 7}, "why": ["as it was"]}, row_id="x", state=state.value, made_at=NOW,
    )  # fmt: skip


@pytest.mark.parametrize("state", [SignalState.DISMISSED, SignalState.ACKNOWLEDGED])
@pytest.mark.parametrize("ended", [1, 5])
async def test_another_burst_is_another_signal_once_a_person_decided(
    db: Database, state: SignalState, ended: int
) -> None:
    await plant(db)
    last = DAY - timedelta(days=ended)
    async with db.writes.begin() as session:
        session.add(old_signal("burst", state, last, score=90.0))
    await noticing.poke(deps_of(db, NOW))
    found = [one for one in await signals(db) if (one.what, one.district) == ("burst", "110105")]
    decided, fresh = sorted(found, key=lambda one: one.first_day)
    assert (decided.state, decided.last_day, decided.score) == (state.value, last, 90.0)
    assert decided.told["why"] == ["as it was"]
    assert (fresh.state, fresh.first_day, fresh.last_day) == ("new", DAY, DAY)


@pytest.mark.parametrize(
    ("ended", "score", "states"),
    [
        # It goes on as it was decided on; it has grown by half; it was away for a week.
        (1, 30.0, ["acknowledged"]), (1, 10.0, ["acknowledged", "new"]), (7, 30.0, ["acknowledged", "new"]),
    ],
)  # fmt: skip
async def test_a_hot_place_that_was_decided_is_raised_anew_when_it_grew_or_came_back(
    sqlite_db: Database, ended: int, score: float, states: list[str]
) -> None:
    await plant(sqlite_db)
    last = DAY - timedelta(days=ended)
    async with sqlite_db.writes.begin() as session:
        session.add(old_signal("hot_grid", SignalState.ACKNOWLEDGED, last, score=score, place="125-101"))
    await noticing.poke(deps_of(sqlite_db, NOW))
    found = [one for one in await signals(sqlite_db) if one.what == "hot_grid"]
    decided, *fresh = sorted(found, key=lambda one: one.first_day)
    assert [decided.state, *(one.state for one in fresh)] == states
    assert (decided.score, decided.told["why"]) == (score, ["as it was"])
    # The one that goes on says until when; nobody has to look at it again.
    assert max(one.last_day for one in found) == DAY


async def test_a_person_decides_with_a_reason_and_once(db: Database) -> None:
    await plant(db)
    await noticing.poke(deps_of(db, NOW))
    first, second, *_ = await signals(db)
    async with db.writes.begin() as session:
        await judging.decide(
            session, first.id, SignalState.ACKNOWLEDGED, "工地夜间赶工，已交办", by="local", now=NOW
        )
        await judging.decide(session, second.id, SignalState.DISMISSED, "同一件事", by="local", now=NOW)
    with pytest.raises(BadInput, match="已由 local"):
        async with db.writes.begin() as session:
            await judging.decide(session, first.id, SignalState.DISMISSED, "再想想", by="b", now=NOW)
    with pytest.raises(BadInput, match="理由"):
        async with db.writes.begin() as session:
            await judging.decide(session, first.id, SignalState.DISMISSED, "  ", by="b", now=NOW)
    with pytest.raises(BadInput, match="采纳或排除"):
        async with db.writes.begin() as session:
            await judging.decide(session, first.id, SignalState.NEW, "好", by="b", now=NOW)
    with pytest.raises(NotFound):
        async with db.writes.begin() as session:
            await judging.decide(session, 10_000, SignalState.DISMISSED, "没有", by="b", now=NOW)
    assert await written(deps_of(db, NOW), LedgerAct.SIGNAL_DECIDED) == [str(first.id), str(second.id)]
    async with db.reads() as session:
        fates = {fate.what: fate for fate in await judging.fates(session, since=DAY)}
        left = await judging.listed(session, SignalAsk(SignalState.NEW))
        mine = await judging.listed(session, SignalAsk(what=SignalKind.BURST, district="110105"))
    burst = fates[SignalKind.BURST]
    assert (burst.new, burst.acknowledged, burst.dismissed, burst.held) == (0, 1, 1, 0.5)
    assert fates[SignalKind.CHRONIC].held is None
    assert {signal.what for signal in left} == {"chronic", "hot_grid"}
    assert [signal.reason for signal in mine] == ["同一件事"]
