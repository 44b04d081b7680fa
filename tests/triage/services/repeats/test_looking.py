"""The likely same matters of new tickets: found by names, proposed once, joined where it is sure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import triage.tables
from connectors.vault import Vault
from models import matters
from models.appeals import Appeal, Appellant
from models.filters import all_seeing
from models.matters import MatterKey, MatterPair, MatterSeen
from models.outbox import Outbox
from models.tickets import Ticket, TicketUnit
from models.viewing import Scope
from models.vocab import Field, Move, State
from models.vocab_matters import Proposal
from tests.factories import NOW, TicketIn, add_tickets
from triage.clock import FixedClock
from triage.errors import NotFound
from triage.services import backlog, moving, near, reference
from triage.services.auditing import reading
from triage.services.deps import Deps
from triage.services.repeats import comparing, looking
from triage.settings import Settings

if TYPE_CHECKING:
    from models.db import Database

VIEWER = all_seeing("local")
FIRST = TicketIn(
    title="望京西园四区烧烤油烟",
    text="望京西园四区12号楼底商烧烤店每晚油烟熏人，窗户都不敢开，请处理。",
    age=timedelta(days=3),
)
AGAIN = replace(
    FIRST,
    title="望京西园四区烧烤油烟扰民",
    text="望京西园四区12号楼底商烧烤店每晚油烟熏人，上次投诉后停了两天又开始，一直没解决，请处理。",
    age=timedelta(hours=1),
)
RIVER = TicketIn(title="温榆河死鱼", text="温榆河沙子营段出现大量死鱼，请检测水质。", age=timedelta(days=1))


@pytest.fixture
def deps(db: Database) -> Deps:
    vault = Vault({1: bytes(32)})
    return Deps(Settings(), FixedClock(NOW), triage.tables.load(), db, vault)


async def ready(deps: Deps, *items: TicketIn) -> list[str]:
    made = await add_tickets(deps.db, *items)
    await reference.sync(deps)
    return made


async def called_from(db: Database, phone: bytes, *numbers: str) -> None:
    """Register one phone (its blind index) with the appeals of these tickets."""
    async with db.writes.begin() as session:
        for no in numbers:
            appeal = await session.scalar(sa.select(Ticket.appeal_id).where(Ticket.no == no))
            row = {"appeal_id": appeal, "phone": b"sealed", "phone_index": phone, "created_at": NOW}
            await session.execute(sa.insert(Appellant), row)


async def pairs_of(db: Database) -> list[MatterPair]:
    async with db.reads() as session:
        return list(await session.scalars(sa.select(MatterPair).order_by(MatterPair.ticket_id)))


async def merged(deps: Deps, later: str, head: str) -> None:
    values = {Field.OTHER_TICKET.value: head, Field.REASON.value: "同一家店"}
    async with deps.db.writes.begin() as session:
        version = await session.scalar(sa.select(Ticket.version).where(Ticket.no == later))
        wish = moving.Wish(
            no=later, move=Move.MERGE, values=values, version=version or 0, key=f"{later}-{head}"
        )
        await moving.make(session, deps.tables, VIEWER, moving.SYSTEM, wish, now=NOW)


async def heads_of(db: Database, ticket_id: int) -> dict[int, str]:
    return {pair.head_id: pair.state for pair in await pairs_of(db) if pair.ticket_id == ticket_id}


async def state_of(db: Database, no: str) -> str | None:
    async with db.reads() as session:
        return await session.scalar(sa.select(Ticket.state).where(Ticket.no == no))


async def test_the_same_matter_is_proposed_and_another_is_not(deps: Deps) -> None:
    await ready(deps, FIRST, RIVER, AGAIN)
    assert await looking.Finder(deps).catch_up() is False
    (pair,) = await pairs_of(deps.db)
    assert (pair.head_id, pair.ticket_id, pair.state, pair.same_caller) == (1, 3, "proposed", False)
    assert any("望京西园四区" in reason for reason in pair.why)
    async with deps.db.reads() as session:
        (shown,) = await matters.proposals(session, VIEWER)
        assert await session.scalar(sa.select(sa.func.count()).select_from(MatterSeen)) == 3
    assert (shown.head.title, shown.state) == (FIRST.title, Proposal.PROPOSED)


async def test_pairs_that_may_not_be_seen_take_up_no_places(
    deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matters, "PAGE", 1)
    secret = replace(FIRST, confidential=True)
    await ready(deps, secret, FIRST, RIVER, AGAIN)
    pairs = [(1, 4, 0.99), (3, 4, 0.98), (2, 4, 0.97)]
    rows = [
        {"head_id": head, "ticket_id": ticket, "p": p, "same_caller": False, "why": [], "state": "proposed",
         "at": NOW, "model_version": "t"}
        for head, ticket, p in pairs
    ]  # fmt: skip
    async with deps.db.writes.begin() as session:
        await session.execute(sa.insert(MatterPair), rows)
        await session.execute(sa.delete(TicketUnit).where(TicketUnit.ticket_id == 3))
        unit = Scope(units=frozenset(await session.scalars(sa.select(TicketUnit.unit_code))))
    async with deps.db.reads() as session:
        seen = {
            name: [pair.p for pair in await matters.proposals(session, replace(VIEWER, scope=scope))]
            for name, scope in (("all", VIEWER.scope), ("clerk", Scope(everything=True)), ("unit", unit))
        }
    # A page, and one more if there is more.
    assert seen == {"all": [0.99, 0.98], "clerk": [0.98, 0.97], "unit": [0.97]}


async def test_reading_what_waits_comes_first(deps: Deps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "BUSY", 1)
    await ready(deps, FIRST, AGAIN)
    waits = [{"topic": "read", "key": key, "created_at": NOW, "available_at": NOW} for key in (91, 92)]
    async with deps.db.writes.begin() as session:
        await session.execute(sa.insert(Outbox), waits)
    assert await looking.Finder(deps).catch_up() is False
    assert await pairs_of(deps.db) == []
    async with deps.db.writes.begin() as session:
        await session.execute(sa.delete(Outbox).where(Outbox.key == 92))
    await looking.Finder(deps).catch_up()
    assert len(await pairs_of(deps.db)) == 1


async def test_looking_twice_finds_nothing_new(deps: Deps) -> None:
    await ready(deps, FIRST, AGAIN)
    await looking.look(deps, looking.pair_reader(deps.settings), [1, 2])
    await looking.look(deps, looking.pair_reader(deps.settings), [1, 2])
    assert len(await pairs_of(deps.db)) == 1


async def test_what_was_refused_is_not_proposed_again(deps: Deps) -> None:
    first, again = await ready(deps, FIRST, AGAIN)
    await looking.Finder(deps).catch_up()
    async with deps.db.writes.begin() as session:
        await comparing.refuse(session, VIEWER, again, first, by="hotline.a", now=NOW)
        await session.execute(sa.delete(MatterSeen))
    await looking.Finder(deps).catch_up()
    (pair,) = await pairs_of(deps.db)
    assert (pair.state, pair.by) == ("refused", "hotline.a")
    async with deps.db.reads() as session:
        assert await matters.proposals(session, VIEWER) == []
    async with deps.db.writes.begin() as session:
        await comparing.reopen(session, VIEWER, again, first, by="hotline.b", now=NOW)
    entries = [row async for row in reading.every(deps.db, reading.LedgerFilter(case_no=again))]
    assert [(row.who, row.new, row.detail) for row in entries] == [
        ("hotline.a", "不是同一事项", {"other": first}), ("hotline.b", "待确认", {"other": first})
    ]  # fmt: skip


async def test_a_number_that_no_database_takes_names_no_ticket(deps: Deps) -> None:
    (first,) = await ready(deps, FIRST)
    for decide in (comparing.refuse, comparing.reopen):
        async with deps.db.writes.begin() as session:
            with pytest.raises(NotFound):
                await decide(session, VIEWER, "2026\0", first, by="hotline.a", now=NOW)


async def test_the_same_caller_s_certain_repeat_is_joined_at_once(deps: Deps) -> None:
    first, again = await ready(deps, FIRST, replace(FIRST, age=timedelta(hours=1)))
    await called_from(deps.db, b"one phone", first, again)
    await looking.Finder(deps).catch_up()
    (pair,) = await pairs_of(deps.db)
    assert (pair.state, pair.by, pair.same_caller) == ("merged", None, True)
    assert (await state_of(deps.db, again), await state_of(deps.db, first)) == ("merged", "dispatched")


@pytest.mark.parametrize("confidential", [1, 2])
async def test_a_report_in_confidence_is_not_tied_to_what_its_sender_says_openly(
    deps: Deps, confidential: int
) -> None:
    first, again = await ready(deps, FIRST, replace(FIRST, age=timedelta(hours=1)))
    await called_from(deps.db, b"one phone", first, again)
    async with deps.db.writes.begin() as session:
        hidden = sa.select(Ticket.appeal_id).where(Ticket.id == confidential).scalar_subquery()
        await session.execute(sa.update(Appeal).where(Appeal.id == hidden).values(confidential=True))
    await looking.Finder(deps).catch_up()
    (pair,) = await pairs_of(deps.db)
    assert (pair.state, pair.same_caller, await state_of(deps.db, again)) == ("proposed", False, "dispatched")
    async with deps.db.reads() as session:
        assert await matters.same_caller(session, 1, 2) is False


async def test_other_callers_are_left_to_a_person(deps: Deps) -> None:
    first, again = await ready(deps, FIRST, replace(FIRST, age=timedelta(hours=1)))
    await called_from(deps.db, b"one phone", first)
    await called_from(deps.db, b"another", again)
    await looking.Finder(deps).catch_up()
    (pair,) = await pairs_of(deps.db)
    assert (pair.state, await state_of(deps.db, again)) == ("proposed", "dispatched")


async def test_nothing_is_joined_where_the_setting_forbids_it(deps: Deps) -> None:
    first, again = await ready(deps, FIRST, replace(FIRST, age=timedelta(hours=1)))
    await called_from(deps.db, b"one phone", first, again)
    settings = deps.settings.model_copy(update={"repeats_automatic": False})
    await looking.Finder(replace(deps, settings=settings)).catch_up()
    (pair,) = await pairs_of(deps.db)
    assert (pair.state, pair.same_caller) == ("proposed", True)


async def test_a_flagged_repeat_waits_for_a_person(deps: Deps) -> None:
    first, again = await ready(deps, FIRST, replace(FIRST, age=timedelta(hours=1), flagged=True))
    await called_from(deps.db, b"one phone", first, again)
    await looking.Finder(deps).catch_up()
    (pair,) = await pairs_of(deps.db)
    assert (pair.state, await state_of(deps.db, again)) == ("proposed", "dispatched")


@pytest.mark.parametrize(
    "old", [replace(FIRST, state=State.CLOSED), replace(FIRST, age=timedelta(days=31))], ids=["closed", "old"]
)
async def test_what_is_closed_or_old_is_no_candidate(deps: Deps, old: TicketIn) -> None:
    await ready(deps, old, AGAIN)
    await looking.look(deps, looking.pair_reader(deps.settings), [1, 2])
    assert await pairs_of(deps.db) == []


async def test_a_name_that_thousands_share_costs_no_more(deps: Deps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matters, "PER_KEY", 3)
    await ready(deps, *[FIRST] * 6)
    async with deps.db.writes.begin() as session:
        rows = [{"key": 7, "ticket_id": number} for number in range(1, 6)]
        await session.execute(sa.insert(MatterKey), rows)
    async with deps.db.reads() as session:
        found = await near.cases(session, 6, [7, 8], since=NOW - timedelta(days=30))
    assert found == [5, 4, 3]


@pytest.mark.parametrize("since", [State.MERGED, State.ARCHIVED])
async def test_the_case_that_many_were_merged_into_is_found_by_them(
    deps: Deps, monkeypatch: pytest.MonkeyPatch, since: State
) -> None:
    """Forty neighbours about one works: the case is older than the newest of its name, all merged into it."""
    monkeypatch.setattr(matters, "PER_KEY", 3)
    first, *others = await ready(deps, FIRST, *[replace(FIRST, age=timedelta(hours=9))] * 5, AGAIN)
    # The last one by way of another: merges of merges are followed.
    await merged(deps, others[4], others[3])
    for later in others[:4]:
        await merged(deps, later, first)
    async with deps.db.writes.begin() as session:
        rows = [{"key": 7, "ticket_id": number} for number in range(1, 7)]
        await session.execute(sa.insert(MatterKey), rows)
        # Whose citizen was asked: archived, while the case goes on.
        behind = Ticket.state == State.MERGED.value
        await session.execute(sa.update(Ticket).where(behind).values(state=since.value))
    async with deps.db.reads() as session:
        assert await near.cases(session, 7, [7], since=NOW - timedelta(days=30)) == [1]
    await looking.look(deps, looking.pair_reader(deps.settings), range(1, 8))
    assert await heads_of(deps.db, 7) == {1: "proposed"}


async def test_what_is_over_hides_no_open_case_of_the_same_name(
    deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty cases of one estate that were closed since an open one came took all its places."""
    monkeypatch.setattr(matters, "PER_KEY", 3)
    over = [State.CLOSED, State.ARCHIVED, State.DIVERTED, State.HANDED_OVER, State.ARCHIVED, State.CLOSED]
    newer = [replace(FIRST, age=timedelta(hours=9), state=state) for state in over]
    await ready(deps, FIRST, *newer, AGAIN)
    async with deps.db.writes.begin() as session:
        rows = [{"key": 7, "ticket_id": number} for number in range(1, 8)]
        await session.execute(sa.insert(MatterKey), rows)
    async with deps.db.reads() as session:
        assert await near.cases(session, 8, [7], since=NOW - timedelta(days=30)) == [1]
    monkeypatch.setattr(matters, "LOOKED_AT", 3)
    async with deps.db.reads() as session:
        # Not all of a name that thousands had are looked at.
        assert await near.cases(session, 8, [7], since=NOW - timedelta(days=30)) == []


async def test_what_was_merged_into_a_closed_case_leads_to_none(deps: Deps) -> None:
    first, second, _ = await ready(deps, FIRST, replace(FIRST, age=timedelta(hours=9)), AGAIN)
    await merged(deps, second, first)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Ticket).where(Ticket.no == first).values(state=State.CLOSED.value))
    await looking.look(deps, looking.pair_reader(deps.settings), [1, 2, 3])
    assert await pairs_of(deps.db) == []


@pytest.mark.parametrize("state", [State.FEEDBACK, State.FOLLOWED_UP])
async def test_nothing_joins_by_itself_what_has_its_answer(deps: Deps, state: State) -> None:
    """The matter came back: a unit must hear of it."""
    first, again = await ready(deps, replace(FIRST, state=state), replace(FIRST, age=timedelta(hours=1)))
    await called_from(deps.db, b"one phone", first, again)
    await looking.Finder(deps).catch_up()
    (pair,) = await pairs_of(deps.db)
    assert (pair.state, pair.same_caller, await state_of(deps.db, again)) == ("proposed", True, "dispatched")


@pytest.mark.parametrize(("earlier", "later", "state"), [("U3", "U1", "proposed"), ("U1", "U3", "merged")])
async def test_nothing_joins_by_itself_what_is_less_urgent(
    deps: Deps, earlier: str, later: str, state: str
) -> None:
    """The clock of the graver one would stop."""
    first, again = await ready(deps, FIRST, replace(FIRST, age=timedelta(hours=1)))
    await called_from(deps.db, b"one phone", first, again)
    async with deps.db.writes.begin() as session:
        for no, grade in ((first, earlier), (again, later)):
            await session.execute(sa.update(Ticket).where(Ticket.no == no).values(urgency=grade))
    await looking.Finder(deps).catch_up()
    (pair,) = await pairs_of(deps.db)
    assert pair.state == state


async def test_what_a_person_refused_is_not_joined_and_the_next_one_is(deps: Deps) -> None:
    """Any two tickets can be compared, also before the search comes to them."""
    first, second, again = await ready(
        deps, FIRST, replace(FIRST, age=timedelta(days=2)), replace(FIRST, age=timedelta(hours=1))
    )
    await called_from(deps.db, b"one phone", first, again)
    async with deps.db.writes.begin() as session:
        await comparing.refuse(session, VIEWER, again, first, by="hotline.a", now=NOW)
    await looking.look(deps, looking.pair_reader(deps.settings), [1, 2, 3])
    assert await state_of(deps.db, again) == "dispatched"
    assert await heads_of(deps.db, 3) == {1: "refused", 2: "proposed"}
    await called_from(deps.db, b"one phone", second)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.delete(MatterPair).where(MatterPair.head_id == 2))
        await session.execute(sa.delete(MatterSeen))
    await looking.look(deps, looking.pair_reader(deps.settings), [3])
    assert await state_of(deps.db, again) == "merged"
    assert await heads_of(deps.db, 3) == {1: "refused", 2: "merged"}
