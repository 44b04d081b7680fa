"""Parties of tickets: gathered under one name, merged and split by people, and every step taken back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import triage.tables
from connectors.vault import Vault
from models.outbox import Outbox
from models.parties import Party, PartyMention, PartyName, PartyPair
from models.viewing import Scope as ViewScope
from models.viewing import Viewer, all_seeing
from models.vocab import AppealState, State
from tests.factories import NOW, TicketIn, add_appeal, add_tickets
from tests.triage.services.trends.helpers import correct, refreshed
from triage.clock import FixedClock
from triage.errors import BadInput, NotFound
from triage.services import backlog
from triage.services.deps import Deps
from triage.services.parties import changing, gathering, history, listing
from triage.services.parties.listing import PartyAsk
from triage.settings import Settings

if TYPE_CHECKING:
    from models.db import Database

VIEWER = all_seeing("local")
LEGAL = TicketIn(party="北京绿泉餐饮有限公司")
SHOP = TicketIn(party="绿泉餐厅", age=timedelta(days=40))
NOBODY = TicketIn(party="一处工地")
ELSEWHERE = replace(SHOP, district="110108", street="110108010")


def deps_of(db: Database) -> Deps:
    return Deps(Settings(), FixedClock(NOW), triage.tables.load(), db, Vault({1: bytes(32)}))


async def gathered(db: Database, *items: TicketIn) -> Deps:
    await add_tickets(db, *items)
    deps = deps_of(db)
    await gathering.Gatherer(deps).catch_up()
    return deps


async def lines(deps: Deps, *, least: int = 1) -> dict[str, int]:
    ask = PartyAsk(NOW - timedelta(days=365), least=least)
    async with deps.db.reads() as session:
        return {line.name: line.cases for line in await listing.parties(session, VIEWER, ask)}


async def ids(deps: Deps) -> dict[str, int]:
    async with deps.db.reads() as session:
        return {row.written: row.party_id for row in await session.scalars(sa.select(PartyName))}


async def test_spellings_gather_under_one_name_and_who_names_nobody_is_left_out(db: Database) -> None:
    deps = await gathered(db, LEGAL, replace(LEGAL, party="绿泉餐饮公司"), NOBODY, replace(LEGAL, party=None))
    assert await lines(deps) == {"北京绿泉餐饮有限公司": 2}
    async with db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count(PartyMention.ticket_id))) == 4
    assert not await gathering.Gatherer(deps).catch_up()
    assert await lines(deps) == {"北京绿泉餐饮有限公司": 2}


async def test_who_is_named_in_confidence_alone_is_no_party(sqlite_db: Database) -> None:
    deps = await gathered(
        sqlite_db, LEGAL, replace(SHOP, confidential=True), replace(LEGAL, confidential=True)
    )
    assert await lines(deps) == {"北京绿泉餐饮有限公司": 1}
    assert list(await ids(deps)) == ["北京绿泉餐饮有限公司"]


async def test_a_shop_of_the_same_name_in_another_district_is_another_one(sqlite_db: Database) -> None:
    deps = await gathered(sqlite_db, SHOP, ELSEWHERE)
    async with deps.db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count(Party.id))) == 2


async def test_it_waits_while_appeals_wait(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "BUSY", 1)
    await add_tickets(sqlite_db, LEGAL)
    async with sqlite_db.writes.begin() as session:
        for _ in range(2):
            appeal = await add_appeal(session, LEGAL, state=AppealState.WAITING)
            await session.execute(
                sa.insert(Outbox), {"topic": "read", "key": appeal, "created_at": NOW, "available_at": NOW}
            )
    deps = deps_of(sqlite_db)
    assert not await gathering.Gatherer(deps).catch_up()
    assert await lines(deps) == {}


async def test_merged_it_has_both_histories_and_undone_each_its_own(db: Database) -> None:
    deps = await gathered(db, LEGAL, SHOP)
    party = await ids(deps)
    shop, legal = party["绿泉餐厅"], party["北京绿泉餐饮有限公司"]
    async with db.writes.begin() as session:
        change = await changing.merge(session, shop, legal, version=1, reason="同一家", by="a", now=NOW)
    assert await lines(deps) == {"北京绿泉餐饮有限公司": 2}
    async with db.reads() as session:
        found = await history.whole(session, VIEWER, legal, now=NOW)
        pair = await session.scalar(sa.select(PartyPair.state))
    assert found.total == 2
    assert found.pairs == ()
    assert pair == "merged"
    async with db.writes.begin() as session:
        await changing.undo(session, change, of=shop, by="a", now=NOW + timedelta(minutes=1))
    assert await lines(deps) == {"北京绿泉餐饮有限公司": 1, "绿泉餐厅": 1}
    async with db.reads() as session:
        found = await history.whole(session, VIEWER, legal, now=NOW)
    assert [pair.theirs for pair in found.pairs] == ["绿泉餐厅"]
    async with db.writes.begin() as session:
        with pytest.raises(BadInput, match="已经撤回过"):
            await changing.undo(session, change, of=legal, by="a", now=NOW)


async def test_a_step_is_undone_from_the_page_of_one_of_its_parties(sqlite_db: Database) -> None:
    deps = await gathered(sqlite_db, LEGAL, SHOP)
    party = await ids(deps)
    shop, legal = party["绿泉餐厅"], party["北京绿泉餐饮有限公司"]
    async with sqlite_db.writes.begin() as session:
        change = await changing.merge(session, shop, legal, version=1, reason="同一家", by="a", now=NOW)
        with pytest.raises(NotFound):
            await changing.undo(session, change, of=max(shop, legal) + 1, by="a", now=NOW)


async def test_split_off_spellings_are_a_party_and_are_not_proposed_again(sqlite_db: Database) -> None:
    deps = await gathered(sqlite_db, LEGAL, SHOP)
    party = await ids(deps)
    shop, legal = party["绿泉餐厅"], party["北京绿泉餐饮有限公司"]
    async with sqlite_db.writes.begin() as session:
        await changing.merge(session, shop, legal, version=1, reason="同一家", by="a", now=NOW)
        name = await session.scalar(sa.select(PartyName.id).where(PartyName.written == "绿泉餐厅"))
        assert name is not None
        await changing.split(session, legal, [name], version=2, reason="并非一家", by="b", now=NOW)
    assert await lines(deps) == {"北京绿泉餐饮有限公司": 1, "绿泉餐厅": 1}
    async with sqlite_db.reads() as session:
        found = await history.whole(session, VIEWER, legal, now=NOW)
    assert found.pairs == ()
    assert [step.change.act for step in found.steps] == ["split", "merge"]


async def test_who_looked_at_an_older_state_is_refused(sqlite_db: Database) -> None:
    deps = await gathered(sqlite_db, LEGAL, SHOP)
    party = await ids(deps)
    shop, legal = party["绿泉餐厅"], party["北京绿泉餐饮有限公司"]
    async with sqlite_db.writes.begin() as session:
        with pytest.raises(changing.PartyMoved):
            await changing.merge(session, shop, legal, version=7, reason="同一家", by="a", now=NOW)
        with pytest.raises(BadInput, match="理由"):
            await changing.merge(session, shop, legal, version=1, reason=" ", by="a", now=NOW)


async def test_history_counts_kinds_months_and_outcomes(sqlite_db: Database) -> None:
    deps = await gathered(
        sqlite_db,
        LEGAL,
        replace(LEGAL, kind="AIR-01", age=timedelta(days=40), state=State.CLOSED),
        replace(LEGAL, age=timedelta(days=400)),
    )
    (party,) = set((await ids(deps)).values())
    async with deps.db.reads() as session:
        found = await history.whole(session, VIEWER, party, now=NOW)
    assert dict(found.months) == {("NOI-01", "2026-11"): 1, ("AIR-01", "2026-10"): 1}
    assert found.outcomes == {State.DISPATCHED: 1, State.CLOSED: 1}
    assert [case.kind for case in found.open_cases] == ["NOI-01"]
    assert listing.months_until(NOW)[0] == "2025-12"
    assert listing.months_until(NOW)[-1] == "2026-11"


async def test_kinds_and_districts_are_as_people_corrected_them(db: Database) -> None:
    no, _ = await add_tickets(db, LEGAL, replace(LEGAL, kind="NOI-01"))
    deps = deps_of(db)
    await gathering.Gatherer(deps).catch_up()
    await correct(deps, no, {"kind": "AIR-01", "place": "110108010"})
    await refreshed(deps)
    ask = PartyAsk(NOW - timedelta(days=365), least=1)
    asks = [
        replace(ask, kind="AIR-01"), replace(ask, kind="NOI-01"), replace(ask, district="110108"),
        replace(ask, kind="WAT-01"),
    ]  # fmt: skip
    async with db.reads() as session:
        counts = [[line.cases for line in await listing.parties(session, VIEWER, ask)] for ask in asks]
        party = await session.scalar(sa.select(Party.id))
        assert party is not None
        found = await history.whole(session, VIEWER, party, now=NOW)
    assert counts == [[1], [1], [1], []]
    assert {kind for kind, _ in found.months} == {"AIR-01", "NOI-01"}
    assert found.places["110108", "110108010"] == 1


async def test_another_party_is_named_to_whom_it_may_be_told_of_alone(db: Database) -> None:
    deps = await gathered(db, LEGAL, replace(SHOP, unit="110108010", assist=(), copies=()))
    legal = (await ids(deps))["北京绿泉餐饮有限公司"]
    async with db.reads() as session:
        (pair,) = (await history.whole(session, VIEWER, legal, now=NOW)).pairs
    async with db.writes.begin() as session:
        await changing.refuse(session, pair.a_id, pair.b_id, by="a", now=NOW)
    street = Viewer("s", ViewScope(units=frozenset({"110105026"})), unit_code="110105026")
    told = {}
    for viewer in (VIEWER, street):
        async with db.reads() as session:
            (step,) = (await history.whole(session, viewer, legal, now=NOW)).steps
        told[viewer.login] = ({step.from_name, step.to_name} - {"北京绿泉餐饮有限公司"}, step.reason)
    assert told == {
        VIEWER.login: ({"绿泉餐厅"}, "判为不是同一家"),
        "s": ({history.OTHER_PARTY}, ""),
    }


async def test_an_unknown_party_is_not_found(sqlite_db: Database) -> None:
    async with sqlite_db.reads() as session:
        with pytest.raises(NotFound):
            await history.whole(session, VIEWER, 99, now=NOW)


async def test_that_two_are_not_one_is_taken_back_and_both_steps_are_kept(db: Database) -> None:
    deps = await gathered(db, LEGAL, SHOP)
    legal = (await ids(deps))["北京绿泉餐饮有限公司"]
    async with db.reads() as session:
        (pair,) = (await history.whole(session, VIEWER, legal, now=NOW)).pairs
    later = NOW + timedelta(minutes=1)
    async with db.writes.begin() as session:
        await changing.refuse(session, pair.a_id, pair.b_id, by="a", now=NOW)
        with pytest.raises(BadInput, match="现在是“不是同一家”"):
            await changing.refuse(session, pair.a_id, pair.b_id, by="b", now=later)
    async with db.reads() as session:
        found = await history.whole(session, VIEWER, legal, now=NOW)
    assert found.pairs == ()
    assert [(one.theirs, one.by) for one in found.refused] == [("绿泉餐厅", "a")]
    with pytest.raises(BadInput, match="理由"):
        async with db.writes.begin() as session:
            await changing.propose_again(session, pair.a_id, pair.b_id, reason=" ", by="b", now=later)
    async with db.writes.begin() as session:
        await changing.propose_again(session, pair.b_id, pair.a_id, reason="执照一致", by="b", now=later)
        with pytest.raises(BadInput, match="现在是“待确认”"):
            await changing.propose_again(session, pair.a_id, pair.b_id, reason="再", by="b", now=later)
        with pytest.raises(NotFound):
            await changing.propose_again(session, 98, 99, reason="没有", by="b", now=later)
    async with db.reads() as session:
        found = await history.whole(session, VIEWER, legal, now=NOW)
    assert [one.theirs for one in found.pairs] == ["绿泉餐厅"]
    assert found.refused == ()
    steps = [(step.change.act, step.change.by, step.change.reason, step.undone) for step in found.steps]
    assert steps == [("again", "b", "执照一致", True), ("refuse", "a", "判为不是同一家", True)]
    async with db.writes.begin() as session:
        with pytest.raises(BadInput, match="不能再撤回"):
            await changing.undo(session, found.steps[1].change.id, of=legal, by="b", now=later)
