"""Whichever sum answers, the answer is the same. And code of before counts meanwhile."""

from __future__ import annotations

import random
from datetime import date, timedelta
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import pytest
import sqlalchemy as sa

from models.rollups import RollupCursor, RollupDay, RollupKind, RollupKnown, RollupMonthDistrict, RollupTicket
from models.vocab_mood import Mood
from models.vocab_trends import Axis, Ending
from tests.factories import TicketIn, add_tickets
from tests.triage.services.trends.helpers import deps_of, refreshed, sums
from triage.services.trends import applying, figures, sources
from triage.services.trends.sources import Scope

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.db import Base, Database

FIRST: Final = date(2026, 8, 1)
LAST: Final = date(2026, 10, 31)
KINDS: Final = ("NOI-01", "AIR-01", "")
STREETS: Final = {"110105026": "110105", "110105001": "110105", "110108001": "110108", "": ""}
CHANNELS: Final = ("phone", "web")


def facts(seed: int, count: int) -> list[dict[str, Any]]:
    """Facts of any sort within the months."""
    dice = random.Random(seed)  # noqa: S311  (no secret)
    found = []
    for number in range(count):
        street = dice.choice(list(STREETS))
        mood = dice.choice(("", *(m.value for m in Mood)))
        found.append({
            "ticket_id": -1 - number, "seq": 1, "correction_id": 0,
            "day": FIRST + timedelta(days=dice.randrange(92)), "hour": dice.randrange(24),
            "kind": dice.choice(KINDS), "district": STREETS[street], "street": street,
            "channel": dice.choice(CHANNELS), "ending": dice.choice(list(Ending)).value,
            "community": dice.choice(("", f"{street}{dice.randrange(3):03d}")),
            "grid": dice.choice(("", "125-101", "126-101")), "model": "m", "band": dice.randrange(10),
            "reached": dice.randrange(2), "satisfied": dice.randrange(2), "reviewed": dice.randrange(2),
            "corrected": dice.randrange(2), "mood": mood, "angry": int(mood == Mood.NEGATIVE),
        })  # fmt: skip
    return found


async def told(session: AsyncSession, scope: Scope) -> list[Any]:
    """Everything that is told of a scope by months."""
    found: list[Any] = [await figures.totals(session, scope)]
    single = (Axis.KIND, Axis.DISTRICT, Axis.STREET, Axis.CHANNEL)
    double = ((Axis.DISTRICT, Axis.STREET), (Axis.KIND, Axis.DISTRICT), (Axis.KIND, Axis.CHANNEL))
    found += [await figures.told_by(session, scope, axis) for axis in single]
    found += [await figures.crossed(session, scope, *axes) for axes in double]
    found.append(await figures.series(session, scope, Axis.MONTH))
    found.append(await figures.places(session, scope))
    return found


async def test_sums_by_month_tell_what_those_by_day_tell(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with db.writes.begin() as session:
        await session.execute(sa.insert(RollupTicket), facts(1, 400))
        await applying.sum_up(session)
    narrowed = product(
        (None, ("NOI-01",), ("NOI-01", "")), (None, "110105"), (None, "110105026"), (None, "web")
    )
    scopes = [
        Scope(FIRST, LAST, kinds=kinds, district=district, street=street, channel=channel)
        for kinds, district, street, channel in narrowed
    ]
    async with db.reads() as session:
        by_month = [await told(session, scope) for scope in scopes]
        monkeypatch.setattr(Scope, "whole_months", property(lambda _: False))
        by_day = [await told(session, scope) for scope in scopes]
    assert by_month == by_day
    assert by_month[0][0].demands == 400


async def test_short_sums_by_day_tell_what_the_long_one_tells(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with db.writes.begin() as session:
        await session.execute(sa.insert(RollupTicket), facts(3, 400))
        await applying.sum_up(session)
    first, last = FIRST + timedelta(days=3), LAST - timedelta(days=3)
    narrowed = product((None, ("NOI-01",)), (None, "110105"), (None, "110105026"), (None, "web"))
    scopes = [
        Scope(first, last, kinds=kinds, district=district, street=street, channel=channel)
        for kinds, district, street, channel in narrowed
    ]
    async with db.reads() as session:
        short = [await told(session, scope) for scope in scopes]
        monkeypatch.setattr(sources, "table_of", lambda *_: RollupDay)
        long = [await told(session, scope) for scope in scopes]
    assert short == long
    assert 0 < short[0][0].demands < 400


async def test_hours_of_every_kind_are_those_of_all_kinds_together(db: Database) -> None:
    async with db.writes.begin() as session:
        await session.execute(sa.insert(RollupTicket), facts(2, 300))
        await applying.sum_up(session)
    async with db.reads() as session:
        for district in (None, "110108"):
            every = await figures.hours(session, Scope(FIRST, LAST, district=district))
            assert every == await figures.hours(session, Scope(FIRST, LAST, kinds=KINDS, district=district))


#: The sums of 0042, which the release before does not know; the one before that knew none.
NEWEST: Final = (RollupKind, RollupMonthDistrict)


@pytest.mark.parametrize("unknown", [tuple(applying.SHORTER), NEWEST])
@pytest.mark.parametrize("called", [(), (TicketIn(kind="AIR-01"),)])
async def test_what_older_code_counted_is_made_up_for(
    db: Database, called: tuple[TicketIn, ...], unknown: tuple[type[Base], ...]
) -> None:
    """Whether somebody calls afterwards or not."""
    deps = deps_of(db)
    await add_tickets(db, TicketIn())
    await refreshed(deps)
    # As code does that does not know of these sums: it counts, and says a new version.
    async with db.writes.begin() as session:
        for model in unknown:
            await session.execute(sa.delete(model))
        later = RollupCursor.version + 1
        await session.execute(sa.update(RollupCursor).values(version=later, months_version=later))
        await session.execute(
            sa.update(RollupKnown)
            .where(RollupKnown.name.not_in([model.__tablename__ for model in unknown]))
            .values(version=RollupKnown.version + 1)
        )
    await add_tickets(db, *called)
    await refreshed(deps)
    kept = await sums(db)
    async with db.writes.begin() as session:
        assert await session.scalar(sa.select(sa.func.sum(RollupMonthDistrict.demands))) == 1 + len(called)
        await applying.sum_up(session)
    assert await sums(db) == kept
