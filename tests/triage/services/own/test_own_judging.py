"""A unit's month as it stands: the same as what closing the month publishes; what pulls it down."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import triage.tables
from connectors.vault import Vault
from models.filters import Scope, Viewer
from models.tickets import ObjectionRow, Ticket
from models.vocab import State
from models.vocab_reports import Shortfall
from tests.factories import NOW, TicketIn, add_tickets
from tests.plans import heard, plans, scanned
from tests.triage.rules.helpers import moment
from tests.triage.services.own.living import (
    BAD,
    ECOLOGY,
    GOOD,
    WANGJING,
    XUEYUANLU,
    Life,
    happened,
    lived,
    put,
    said,
)
from triage.clock import FixedClock
from triage.rules.rate_rows import Rate
from triage.rules.rates import By, percent
from triage.services import months, reference
from triage.services.deps import Deps
from triage.services.own import behind, closed, figures, judging
from triage.settings import Settings

if TYPE_CHECKING:
    from models.db import Database
    from triage.rules.rows import Tables
    from triage.services.own.figures import OwnFigures
    from triage.services.own.judging import Judged

STREET = Viewer("li", Scope(units=frozenset({WANGJING}), own=frozenset({WANGJING})))
DISTRICT = Viewer("qu", Scope(units=frozenset({"110105", WANGJING}), own=frozenset({"110105"})))
AGO = timedelta(days=10)


@pytest.fixture(scope="session")
def tables() -> Tables:
    return triage.tables.load()


@pytest.fixture
async def deps(db: Database, tables: Tables) -> Deps:
    made = Deps(Settings(), FixedClock(NOW), tables, db, Vault({1: bytes(32)}))
    await reference.sync(made)
    return made


async def judged(deps: Deps, viewer: Viewer = STREET, unit: str = WANGJING, month: str = "2026-11") -> Judged:
    async with deps.db.reads() as session:
        asked = figures.asked_of(unit, month, now=NOW)
        return await judging.judged(session, deps.tables, viewer, asked)


async def load(deps: Deps, month: str = "2026-11", viewer: Viewer = STREET) -> OwnFigures:
    async with deps.db.reads() as session:
        asked = figures.asked_of(WANGJING, month, now=NOW)
        known = {
            month: await closed.read(session, deps.tables, month, version)
            for month, version in (await figures.versions(session, asked)).items()
        }
        return await figures.load(session, deps.tables, viewer, asked, known)


def lists(found: Judged) -> dict[Shortfall, list[str]]:
    return {what: [one.no for one in found.short if one.what is what] for what in Shortfall}


async def test_the_month_so_far_is_what_closing_it_publishes(deps: Deps) -> None:
    await lived(deps.db, AGO, GOOD, BAD, GOOD)
    await lived(deps.db, AGO, GOOD, unit=XUEYUANLU, district="110108", street=XUEYUANLU)
    unreached = ("ticket:follow_up", timedelta(days=4), {"values": {"outcome": "unreachable"}})
    await lived(deps.db, AGO, (*GOOD[:2], unreached))
    found = await judged(deps)
    assert found.line is not None
    assert found.line.assessed == 3
    later = replace(deps, clock=FixedClock(moment("2026-12-01 00:00")))
    published = (await months.close(later, "2026-11")).published
    assert published.figures.line(By.UNIT, WANGJING) == found.line
    assert [percent(found.line.of(rate).share) for rate in Rate] == ["66.67%", "66.67%", "86.67%"]


async def test_each_sort_of_what_pulls_it_down_is_named(deps: Deps) -> None:
    _, bad = await lived(deps.db, AGO, GOOD, BAD)
    found = lists(await judged(deps))
    assert found[Shortfall.LATE_CONTACT] == [bad]
    assert found[Shortfall.UNSOLVED] == [bad]
    assert found[Shortfall.DISSATISFIED] == [bad]
    assert found[Shortfall.LATE_ANSWER] == []
    assert found[Shortfall.REHANDLED] == []


async def test_an_answer_after_its_limit_counts_in_the_month_it_was_given_in(deps: Deps) -> None:
    late: Life = (GOOD[0], ("ticket:feedback", timedelta(days=25), {}))
    (no,) = await lived(deps.db, timedelta(days=30), late)
    assert lists(await judged(deps))[Shortfall.LATE_ANSWER] == [no]
    assert lists(await judged(deps, month="2026-10"))[Shortfall.LATE_ANSWER] == []


async def test_what_was_done_again_counts_until_that_is_taken_back(deps: Deps) -> None:
    (no,) = await lived(deps.db, AGO, BAD)
    await happened(
        deps.db, no, ("ticket:rehandle", NOW - timedelta(days=1), {"values": {"reason": "未解决"}})
    )
    assert lists(await judged(deps))[Shortfall.REHANDLED] == [no]
    await happened(deps.db, no, ("ticket:undo", NOW - timedelta(hours=23), {"undoes": 9}))
    assert lists(await judged(deps))[Shortfall.REHANDLED] == []


@pytest.mark.parametrize(
    ("ruling", "ruled", "told"),
    [
        ("object_reject", None, 1), ("arbitrate", WANGJING, 1), ("arbitrate", ECOLOGY, 0),
        ("object_uphold", None, 0), (None, None, 0),
    ],
)  # fmt: skip
async def test_only_an_objection_that_did_not_succeed_is_one_of_them(
    deps: Deps, ruling: str | None, ruled: str | None, told: int
) -> None:
    (no,) = await add_tickets(deps.db, TicketIn())
    async with deps.db.writes.begin() as session:
        ticket = await session.scalar(sa.select(Ticket.id).where(Ticket.no == no))
        session.add(ObjectionRow(
            ticket_id=ticket, seq=9, at=NOW - timedelta(days=1), unit_code=WANGJING, proposed_unit=ECOLOGY,
            clause="第十二条", reason="不归街道", ruling=ruling, ruled_unit=ruled,
        ))  # fmt: skip
    assert lists(await judged(deps))[Shortfall.OBJECTION_LOST] == [no] * told


async def test_what_the_unit_only_helps_with_or_is_told_of_is_not_its_own(deps: Deps) -> None:
    await lived(deps.db, AGO, BAD, unit=ECOLOGY, assist=(WANGJING,), copies=("110105",))
    assert await judged(deps) == judging.Judged(None, ())
    assert (await judged(deps, DISTRICT, "110105")).line is None


async def test_a_confidential_case_counts_for_who_deals_with_it_and_for_nobody_above(deps: Deps) -> None:
    await lived(deps.db, AGO, BAD, confidential=True)
    assert (await judged(deps)).line is not None
    above = await judged(deps, DISTRICT)
    assert above == judging.Judged(None, ())


async def test_a_merged_case_is_left_out_and_pulls_nothing_down(deps: Deps) -> None:
    (no,) = await lived(deps.db, AGO, GOOD[:1])
    await happened(deps.db, no, ("ticket:merge", NOW - timedelta(days=1), {"into": "20261123-00000001"}))
    await put(deps.db, no, state=State.MERGED.value)
    found = await judged(deps)
    assert found.line is not None
    assert (found.line.assessed, found.line.out) == (0, 1)
    assert found.short == ()


async def test_a_month_with_more_cases_than_a_page_judges_says_so(
    deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lived(deps.db, AGO, GOOD, GOOD)
    monkeypatch.setattr(judging, "MOST", 1)
    found = await load(deps)
    assert not found.whole
    assert found.months[0].line is None
    assert found.months[0].received.count == 2


async def test_a_published_month_stays_as_published_whatever_happens_since(deps: Deps) -> None:
    october = timedelta(days=40)
    (bad,) = await lived(deps.db, october, BAD)
    await months.close(replace(deps, clock=FixedClock(moment("2026-11-01 00:00"))), "2026-10")
    granted = {"values": {"reason": "重复登记"}}
    await happened(deps.db, bad, ("ticket:exclude_grant", NOW - timedelta(days=1), granted))
    found = await load(deps, "2026-10")
    line = found.months[0].line
    assert line is not None
    assert (line.assessed, line.out) == (1, 0)
    assert [one.count for one in found.short[:3]] == [1, 1, 1]
    assert [case.no for case in found.short[0].first] == [bad]


async def test_changes_are_against_the_month_before_where_both_have_a_figure(deps: Deps) -> None:
    await lived(deps.db, timedelta(days=40), GOOD)
    await lived(deps.db, AGO, BAD)
    await months.close(replace(deps, clock=FixedClock(moment("2026-11-01 00:00"))), "2026-10")
    this, last, *_ = (await load(deps)).months
    assert this.change is not None
    assert this.change.composite == -100 + 40 * 60 // 100
    assert last.version == 1
    assert last.change is None


async def test_the_place_is_the_own_one_and_needs_the_row(deps: Deps) -> None:
    await lived(deps.db, timedelta(days=40), BAD)
    await lived(deps.db, timedelta(days=40), GOOD, unit=XUEYUANLU, district="110108", street=XUEYUANLU)
    await months.close(replace(deps, clock=FixedClock(moment("2026-11-01 00:00"))), "2026-10")
    assert (await load(deps)).months[1].place == closed.Place(2, 2)
    silent = replace(deps.tables, publishing=tuple(
        row for row in deps.tables.publishing if row.id != "own.place"
    ))  # fmt: skip
    assert (await load(replace(deps, tables=silent))).months[1].place is None
    refused = replace(deps.tables, publishing=tuple(
        replace(row, value=0) if row.id == "own.place" else row for row in deps.tables.publishing
    ))  # fmt: skip
    assert (await load(replace(deps, tables=refused))).months[1].place is None


async def test_a_month_before_the_rules_begin_is_told_without_rates(deps: Deps) -> None:
    found = await load(deps, "2019-05")
    assert found.untold
    assert found.months[0].line is None
    assert (await load(deps, "2020-05")).untold == ""


async def test_the_cases_behind_a_rate_are_those_it_was_counted_from(deps: Deps) -> None:
    good, bad = await lived(deps.db, AGO, GOOD, BAD)
    unsaid = (*GOOD[:2], ("ticket:follow_up", timedelta(days=4), said()))
    (out,) = await lived(deps.db, AGO, unsaid)

    async def behind_it() -> dict[str, list[str]]:
        async with deps.db.reads() as session:
            asked = figures.asked_of(WANGJING, "2026-11", now=NOW)
            found = await behind.sorts(session, deps.tables, STREET, asked, Rate.RESOLUTION)
        assert found is not None
        return {sort.title: [no for no, _ in sort.cases] for sort in found}

    told = {"得满分": [good], "得部分分": [], "不得分": [bad], "不计入": [out]}
    assert await behind_it() == told
    await months.close(replace(deps, clock=FixedClock(moment("2026-12-01 00:00"))), "2026-11")
    assert await behind_it() == told


async def test_a_page_asks_as_often_for_many_cases_as_for_few(deps: Deps) -> None:
    await lived(deps.db, AGO, BAD)
    with heard(deps.db) as few:
        await load(deps)
    await lived(deps.db, AGO, *[BAD] * 20)
    with heard(deps.db) as many:
        await load(deps)
    assert len(many) == len(few)


async def test_no_table_of_years_is_read_from_end_to_end(deps: Deps) -> None:
    await lived(deps.db, AGO, BAD, GOOD)

    async def ask(_: object) -> None:
        await load(deps)

    found = "\n\n".join(await plans(deps.db, ask))
    assert found
    assert [
        t for t in ("ticket", "ticket_event", "appeal", "reading", "objection") if scanned(found, t)
    ] == []
