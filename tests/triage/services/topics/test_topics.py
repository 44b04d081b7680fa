"""Topics of cases and leads: found, known again, ranked and decided; nothing sent in confidence is read."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import triage.tables
from connectors.vault import Vault
from models.appeals import Appeal
from models.topics import Topic, TopicRun, TopicText
from models.viewing import all_seeing
from models.vocab import State
from models.vocab_topics import ThemeDecision, TopicLevel
from tests.factories import NOW, TicketIn, add_tickets
from tests.nlp.test_topic_clusters import GRILL, RIVER
from tests.triage.services.trends.helpers import correct, refreshed
from triage.clock import FixedClock
from triage.errors import BadInput
from triage.services.deps import Deps
from triage.services.topics import finding, listing
from triage.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.db import Database

VIEWER = all_seeing("local")
LOCAL = TopicLevel.LOCAL
DISTRICTS = ("110105", "110108", "110101", "110102", "110106")
OILY = [
    TicketIn(
        title="餐馆油烟扰民",
        text=f"楼下餐馆油烟没有净化直排，熏得居民开不了窗，第{at}次反映油烟扰民。",
        district=code,
        street=None,
        unit=None,
        assist=(),
        copies=(),
        state=State.CLOSED if at == 0 else State.REVIEW,
        age=timedelta(days=1 + 5 * at),
    )
    for at, code in enumerate(DISTRICTS)
]
GRILLS = [TicketIn(title=title, text=text) for title, text in GRILL]
RIVERS = [
    TicketIn(title=title, text=text, district="110108", street="110108010", kind="WAT-01", unit="110108010")
    for title, text in RIVER
]


def deps_of(db: Database, *, days: int = 0) -> Deps:
    clock = FixedClock(NOW + timedelta(days=days))
    return Deps(Settings(), clock, triage.tables.load(), db, Vault({1: bytes(32)}))


async def titles(db: Database, level: TopicLevel = LOCAL) -> dict[str, int]:
    async with db.reads() as session:
        run = await listing.last_run(session, level)
        assert run is not None
        return {line.topic.title: line.topic.id for line in await listing.lines(session, run)}


async def test_topics_have_a_place_and_words_and_are_known_again(db: Database) -> None:
    await add_tickets(db, *GRILLS, *RIVERS)
    deps = deps_of(db)
    found = await finding.find(deps, LOCAL, now=NOW)
    assert (found.texts, found.topics, found.known) == (6, 2, 0)
    first = await titles(db)
    assert any(title.startswith("望京街道：") and "烧烤" in title for title in first)
    await add_tickets(db, replace(GRILLS[0], text=GRILLS[0].text + "又来了。", age=-timedelta(hours=12)))
    again = await finding.find(deps, LOCAL, now=NOW + timedelta(days=1))
    assert (again.topics, again.known) == (2, 2)
    assert set((await titles(db)).values()) == set(first.values())
    async with db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(Topic)) == 2
        grown = [line for line in await listing.lines(session, await _run(session)) if line.before == 3]
    assert sorted(line.state.size for line in grown) == [3, 4]


async def _run(session: AsyncSession) -> TopicRun:
    run = await listing.last_run(session, LOCAL)
    assert run is not None
    return run


async def test_what_was_sent_in_confidence_is_not_read(sqlite_db: Database) -> None:
    await add_tickets(sqlite_db, *GRILLS, *RIVERS)
    async with sqlite_db.writes.begin() as session:
        await session.execute(sa.update(Appeal).where(Appeal.id <= 3).values(confidential=True))
    found = await finding.find(deps_of(sqlite_db), LOCAL, now=NOW)
    assert (found.texts, found.topics) == (3, 1)
    async with sqlite_db.reads() as session:
        assert set(await session.scalars(sa.select(TopicText.ref))) == {4, 5, 6}


async def test_the_oldest_are_left_out_and_counted(sqlite_db: Database) -> None:
    await add_tickets(sqlite_db, *GRILLS, *RIVERS)
    found = await finding.find(deps_of(sqlite_db), LOCAL, now=NOW, most=4)
    assert (found.texts, found.left_out) == (4, 2)


async def test_kinds_and_places_are_as_people_corrected_them(db: Database) -> None:
    made = await add_tickets(db, *GRILLS, *RIVERS)
    deps = deps_of(db)
    for no in made[:3]:
        await correct(deps, no, {"kind": "WAT-01", "place": "110108010"})
    await correct(deps, made[5], {"environmental": "false"})
    await refreshed(deps)
    found = await finding.find(deps, LOCAL, now=NOW)
    assert (found.texts, found.left_out, found.topics) == (5, 0, 1)
    async with db.reads() as session:
        (line,) = await listing.lines(session, await _run(session))
    assert (line.state.kind, line.state.places) == ("WAT-01", [["110108", "110108010", 3]])


async def test_growth_is_told_of_what_was_read_when_there_was_more(sqlite_db: Database) -> None:
    old = [replace(RIVERS[0], age=timedelta(days=25 - at)) for at in range(6)]
    lately = [replace(GRILLS[at % 3], age=timedelta(days=10 - 2 * at)) for at in range(5)]
    await add_tickets(sqlite_db, *old, *lately)
    found = await finding.find(deps_of(sqlite_db), LOCAL, now=NOW, most=5)
    assert (found.texts, found.left_out, found.topics) == (5, 6, 1)
    async with sqlite_db.reads() as session:
        run = await _run(session)
        (line,) = await listing.lines(session, run)
    assert run.since == NOW - timedelta(days=10)
    # 10, 8, 6 | 4, 2 days before: halfway is 5 days before, not 15.
    assert (line.state.size, line.state.later) == (5, 2)


async def test_themes_are_what_several_districts_share_with_their_evidence(sqlite_db: Database) -> None:
    await add_tickets(sqlite_db, *OILY, *GRILLS)
    deps = deps_of(sqlite_db)
    await finding.find(deps, TopicLevel.CITY, now=NOW)
    async with sqlite_db.reads() as session:
        run = await listing.last_run(session, TopicLevel.CITY)
        assert run is not None
        found = listing.candidates(deps.tables, await listing.lines(session, run), NOW.date())
    (one,) = found
    assert one.line.state.districts >= 5
    assert one.evidence[0] == f"涉及 {one.line.state.districts} 个区"
    assert 0 < one.points <= 100


async def test_a_decision_has_a_reason_and_can_be_taken_back(sqlite_db: Database) -> None:
    await add_tickets(sqlite_db, *GRILLS)
    await finding.find(deps_of(sqlite_db), LOCAL, now=NOW)
    (topic,) = (await titles(sqlite_db)).values()
    chosen, shelved, withdrawn = ThemeDecision.CHOSEN, ThemeDecision.SHELVED, ThemeDecision.WITHDRAWN

    async def decide(
        what: ThemeDecision, seen: int, reason: str = "涉及面广", month: str = "2026-12"
    ) -> None:
        async with sqlite_db.writes.begin() as session:
            await listing.decide(session, topic, what, seen=seen, month=month, reason=reason, by="a", now=NOW)

    with pytest.raises(BadInput, match="理由"):
        await decide(chosen, 0, reason=" ")
    with pytest.raises(BadInput, match="哪个月"):
        await decide(chosen, 0, month="明年")
    with pytest.raises(BadInput, match="还没有可以撤回"):
        await decide(withdrawn, 0)
    await decide(chosen, 0)
    with pytest.raises(listing.ThemeMoved):
        await decide(shelved, 0)
    with pytest.raises(BadInput, match="先撤回"):
        await decide(shelved, 1)
    await decide(withdrawn, 1)
    await decide(shelved, 2)
    async with sqlite_db.reads() as session:
        found = await listing.whole(session, VIEWER, topic)
    assert [(one.decision, one.month) for one in found.choices] == [
        ("shelved", None), ("withdrawn", None), ("chosen", "2026-12"),
    ]  # fmt: skip
    assert len(found.typical) == 3
    assert len(found.cases) == 3


async def test_the_timetable_finds_once_a_day_and_after_three(sqlite_db: Database) -> None:
    await add_tickets(sqlite_db, *GRILLS)
    night = replace(deps_of(sqlite_db), clock=FixedClock(NOW.replace(hour=17)))  # 01:00 in Beijing
    await finding.DailyFinder(night).poke()
    async with sqlite_db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(TopicRun)) == 0
    day = deps_of(sqlite_db)
    await finding.DailyFinder(day).poke()
    await finding.DailyFinder(day).poke()
    async with sqlite_db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(TopicRun)) == 2


async def test_a_night_that_was_cut_between_the_levels_is_ended(sqlite_db: Database) -> None:
    await add_tickets(sqlite_db, *GRILLS)
    day = deps_of(sqlite_db)
    await finding.find(day, TopicLevel.LOCAL, now=NOW)
    await finding.DailyFinder(day).poke()
    async with sqlite_db.reads() as session:
        levels = await session.scalars(sa.select(TopicRun.level).order_by(TopicRun.id))
        assert list(levels) == [TopicLevel.LOCAL.value, TopicLevel.CITY.value]


async def test_of_two_timetables_that_look_at_once_one_keeps_what_it_found(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two runs of one day: the list held the second against the first, and nothing had grown."""
    await add_tickets(db, *GRILLS)
    day, look, quicker = deps_of(db), finding._look, [True]

    async def slowly(*args: Any, **more: Any) -> Any:  # noqa: ANN401  (as `_look`)
        found = await look(*args, **more)
        while quicker:
            quicker.pop()
            await finding.DailyFinder(day).poke()
        return found

    monkeypatch.setattr(finding, "_look", slowly)
    await finding.DailyFinder(day).poke()
    async with db.reads() as session:
        levels = await session.scalars(sa.select(TopicRun.level).order_by(TopicRun.id))
        assert list(levels) == [TopicLevel.LOCAL.value, TopicLevel.CITY.value]


async def test_why_a_theme_was_chosen_names_nobody(sqlite_db: Database) -> None:
    await add_tickets(sqlite_db, *GRILLS)
    await finding.find(deps_of(sqlite_db), LOCAL, now=NOW)
    (topic,) = (await titles(sqlite_db)).values()
    async with sqlite_db.writes.begin() as session:
        await listing.decide(
            session, topic, ThemeDecision.SHELVED, seen=0, month=None, by="a", now=NOW,
            reason="等居民 13800001234 回话",
        )  # fmt: skip
    async with sqlite_db.reads() as session:
        (choice,) = (await listing.whole(session, VIEWER, topic)).choices
    assert "13800001234" not in choice.reason
    assert choice.reason.startswith("等居民")
