"""经办人: who may take, give and let go; two at once; what ends it; that it moves nothing. Both databases."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import triage.tables
from connectors.vault import Vault
from models.counting import count_tickets
from models.filters import TicketFilter, View
from models.keepers import TicketKeeper
from models.ledger import LedgerRow
from models.lines import Count
from models.queries import Ask, ticket_page
from models.staff import Account, RoleGrant
from models.tickets import Ticket, TicketEvent, TicketUnit
from models.units import Staff
from models.vocab import Move, State
from models.vocab import Role as Part
from models.vocab_keepers import Keeping
from models.vocab_ledger import LedgerAct
from models.vocab_staff import Permission, Role
from tests.factories import NOW, TicketIn, add_tickets
from tests.signed_in import add_person
from tests.triage.services.test_moving import HOTLINE, OBJECTION, STREET, do, row
from triage.clock import FixedClock
from triage.errors import BadInput, NotFound
from triage.services import keeping, reference
from triage.services.deps import Deps
from triage.services.due_lists import REPORT_IN, Window, due_list
from triage.services.keeping import Keeper, KeeperChanged, Kept, NotOfTheUnit, NotOpen, Wish
from triage.services.staff import people
from triage.settings import Settings
from triage.web.asking import day_of

if TYPE_CHECKING:
    from models.db import Database
    from models.viewing import Viewer
    from triage.rules.rows import Tables

WANGJING, ECOLOGY, WATER = "110105026", "110105-ecology", "110105-water"
REASSIGNED = {"unit": ECOLOGY, "reason": "异议成立"}


@pytest.fixture(scope="session")
def tables() -> Tables:
    return triage.tables.load()


@pytest.fixture
def deps(db: Database, tables: Tables) -> Deps:
    return Deps(Settings(), FixedClock(NOW), tables, db, Vault({1: bytes(32)}))


@pytest.fixture
async def no(db: Database, deps: Deps) -> str:
    (number,) = await add_tickets(db, TicketIn(assist=(ECOLOGY,), copies=("110105",)))
    await reference.sync(deps)
    for login, role, unit, name in (
        ("li", Role.STREET, WANGJING, "李四"),
        ("wang", Role.STREET, WANGJING, "王五"),
        ("shen", Role.BUREAU, ECOLOGY, "沈六"),
        ("qu", Role.BUREAU, "110105", "曲七"),
        ("clerk", Role.CLERK, None, "热线甲"),
    ):
        await add_person(deps, login, (role, unit), name=name)
    return str(number)


async def viewer(deps: Deps, login: str) -> Viewer:
    async with deps.db.reads() as session:
        person = await people.person_at(session, login, now=NOW)
    assert person is not None
    return people.viewer_of(deps.tables, person, now=NOW)


async def number(deps: Deps, login: str) -> int:
    return (await keep_ids(deps))[login]


async def keep_ids(deps: Deps) -> dict[str, int]:
    async with deps.db.reads() as session:
        return {row.login: row.id for row in await session.execute(sa.select(Staff.login, Staff.id))}


async def press(deps: Deps, login: str, no: str, keeping_: Keeping, **said: Any) -> Kept:  # noqa: ANN401
    who = await viewer(deps, login)
    async with deps.db.writes.begin() as session:
        wish = Wish(no, keeping_, said.pop("seen", None), **said)
        return await keeping.keep(session, deps.tables, who, wish, now=NOW)


async def kept(deps: Deps, no: str) -> dict[str, Keeper]:
    ticket = await row(deps.db, no)
    async with deps.db.reads() as session:
        found = await keeping.of_tickets(session, deps.tables, [ticket.id], now=NOW)
    return found.get(ticket.id, {})


async def names(deps: Deps, no: str) -> dict[str, tuple[str, str | None]]:
    return {unit: (one.name, one.gone) for unit, one in (await kept(deps, no)).items()}


async def mine(deps: Deps, login: str, **more: Any) -> list[str]:  # noqa: ANN401
    who = await viewer(deps, login)
    async with deps.db.reads() as session:
        page = await ticket_page(session, Ask(who, TicketFilter(mine=True, **more), day_of(NOW)))
        total = await count_tickets(session, Ask(who, TicketFilter(mine=True, **more), day_of(NOW)))
    assert total == Count(len(page.rows), more=False)
    return [one.no for one in page.rows]


async def test_taken_given_let_go_and_nothing_else_moved(deps: Deps, no: str) -> None:
    before, li, wang = await row(deps.db, no), await number(deps, "li"), await number(deps, "wang")
    assert await press(deps, "li", no, Keeping.TAKE) == Kept(no, WANGJING, li, "李四", repeated=False)
    assert await mine(deps, "li") == [no]
    given = await press(deps, "li", no, Keeping.GIVE, seen=li, to=wang)
    assert given == Kept(no, WANGJING, wang, "王五", repeated=False)
    (one,) = (await kept(deps, no)).values()
    assert (one.name, one.by, one.taken, one.since) == ("王五", "李四", False, NOW)
    assert (await mine(deps, "li"), await mine(deps, "wang")) == ([], [no])
    gone = await press(deps, "wang", no, Keeping.LET_GO, seen=wang)
    assert gone == Kept(no, WANGJING, None, None, repeated=False)
    assert await kept(deps, no) == {}
    after = await row(deps.db, no)
    for column in ("version", "state", "due_at", "due_clock", "answer_by", "unit_code"):
        assert getattr(after, column) == getattr(before, column)
    async with deps.db.reads() as session:
        events = await session.scalar(sa.select(sa.func.count()).where(TicketEvent.ticket_id == after.id))
        entries = (
            await session.execute(
                sa.select(LedgerRow.who, LedgerRow.old, LedgerRow.new, LedgerRow.case_no, LedgerRow.detail)
                .where(LedgerRow.act == LedgerAct.KEEPER_SET.value)
                .order_by(LedgerRow.seq)
            )
        ).all()
    assert events == 5
    unit = {"unit": WANGJING}
    assert [tuple(entry) for entry in entries] == [
        ("li", None, "li", no, unit), ("li", "li", "wang", no, unit), ("wang", "wang", None, no, unit),
    ]  # fmt: skip


async def test_the_second_of_two_is_told_who_has_it(deps: Deps, no: str) -> None:
    came = await asyncio.gather(
        press(deps, "li", no, Keeping.TAKE), press(deps, "wang", no, Keeping.TAKE), return_exceptions=True
    )
    (first,) = [one for one in came if isinstance(one, Kept)]
    (told,) = [one for one in came if isinstance(one, KeeperChanged)]
    assert f"{first.name}已在经办这张工单" in told.detail
    assert {unit: name for unit, (name, _) in (await names(deps, no)).items()} == {WANGJING: first.name}


async def test_what_was_seen_is_asked_and_sent_twice_is_done_once(deps: Deps, no: str) -> None:
    li, wang = await number(deps, "li"), await number(deps, "wang")
    await press(deps, "li", no, Keeping.TAKE)
    assert (await press(deps, "li", no, Keeping.TAKE)).repeated
    with pytest.raises(KeeperChanged, match="李四已在经办"):
        await press(deps, "wang", no, Keeping.LET_GO, seen=wang)
    await press(deps, "wang", no, Keeping.TAKE, seen=li)
    with pytest.raises(KeeperChanged, match="王五已在经办"):
        await press(deps, "li", no, Keeping.GIVE, seen=li, to=li)
    await press(deps, "li", no, Keeping.LET_GO, seen=wang)
    assert (await press(deps, "li", no, Keeping.LET_GO, seen=wang)).repeated
    with pytest.raises(KeeperChanged, match="现在没有人经办"):
        await press(deps, "li", no, Keeping.TAKE, seen=wang)
    assert await kept(deps, no) == {}


async def test_each_unit_has_its_own_and_names_only_its_own_people(deps: Deps, no: str) -> None:
    await press(deps, "li", no, Keeping.TAKE)
    await press(deps, "shen", no, Keeping.TAKE)
    assert await names(deps, no) == {WANGJING: ("李四", None), ECOLOGY: ("沈六", None)}
    ids = await keep_ids(deps)
    with pytest.raises(BadInput, match="本单位的承办人"):
        await press(deps, "li", no, Keeping.GIVE, seen=ids["li"], to=ids["shen"])
    with pytest.raises(NotOfTheUnit):
        await press(deps, "li", no, Keeping.LET_GO, seen=ids["shen"], unit=ECOLOGY)
    for copied_or_city in ("qu", "clerk"):
        with pytest.raises(NotOfTheUnit):
            await press(deps, copied_or_city, no, Keeping.TAKE)
    ticket = await row(deps.db, no)
    for login, name in (("li", "李四"), ("shen", "沈六"), ("clerk", "李四")):
        who = await viewer(deps, login)
        assert keeping.told(await kept(deps, no), ticket.unit_code, who) == name


async def test_a_token_without_the_permission_names_nobody(deps: Deps, no: str) -> None:
    who = people.within(await viewer(deps, "li"), [Permission.SEE_CASES])
    async with deps.db.writes.begin() as session:
        with pytest.raises(NotOfTheUnit):
            await keeping.keep(session, deps.tables, who, Wish(no, Keeping.TAKE, None), now=NOW)


async def test_a_disabled_account_and_one_that_left_are_none_and_it_is_said_why(deps: Deps, no: str) -> None:
    ids = await keep_ids(deps)
    await press(deps, "li", no, Keeping.TAKE)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Account).where(Account.staff_id == ids["li"]).values(disabled_at=NOW))
    assert await names(deps, no) == {WANGJING: ("李四", "账号已停用")}
    assert keeping.told(await kept(deps, no), WANGJING, await viewer(deps, "wang")) is None
    with pytest.raises(BadInput):
        await press(deps, "wang", no, Keeping.GIVE, to=ids["li"])
    await press(deps, "wang", no, Keeping.TAKE)
    async with deps.db.writes.begin() as session:
        await session.execute(
            sa.update(RoleGrant)
            .where(RoleGrant.staff_id == ids["wang"])
            .values(valid_to=NOW.date() - timedelta(days=1))
        )
    assert await names(deps, no) == {WANGJING: ("王五", "已不在本单位承办")}


async def test_it_ends_where_the_case_leaves_the_unit(deps: Deps, no: str) -> None:
    await press(deps, "li", no, Keeping.TAKE)
    await press(deps, "shen", no, Keeping.TAKE)
    await do(deps.db, deps.tables, no, STREET, Move.OBJECT, 1, OBJECTION)
    assert await names(deps, no) == {WANGJING: ("李四", None), ECOLOGY: ("沈六", None)}
    await do(deps.db, deps.tables, no, HOTLINE, Move.OBJECT_UPHOLD, 2, {"reason": "建议有道理，应改派"})
    assert await names(deps, no) == {ECOLOGY: ("沈六", None)}
    with pytest.raises(NotOfTheUnit):
        await press(deps, "li", no, Keeping.TAKE)
    await do(deps.db, deps.tables, no, HOTLINE, Move.REASSIGN, 3, REASSIGNED)
    # From assisting to leading it is the same unit's.
    assert await names(deps, no) == {ECOLOGY: ("沈六", None)}


async def test_an_ended_or_merged_case_takes_no_keeper_and_keeps_the_one_it_has(deps: Deps, no: str) -> None:
    await press(deps, "li", no, Keeping.TAKE)
    for state in (State.CLOSED, State.MERGED, State.ARCHIVED):
        async with deps.db.writes.begin() as session:
            await session.execute(sa.update(Ticket).values(state=state.value))
        with pytest.raises(NotOpen, match=state.label):
            await press(deps, "wang", no, Keeping.TAKE)
    assert await names(deps, no) == {WANGJING: ("李四", None)}
    assert (await mine(deps, "li"), len(await mine(deps, "li", view=View.ALL))) == ([], 1)


@pytest.mark.usefixtures("no")
async def test_a_case_that_is_not_seen_is_not_there(deps: Deps) -> None:
    (other,) = await add_tickets(deps.db, TicketIn(unit=ECOLOGY, confidential=True, copies=(WANGJING,)))
    for hidden in (other, "20261123-99999999", "\0", "长" * 500):
        with pytest.raises(NotFound):
            await press(deps, "li", hidden, Keeping.TAKE)
    await press(deps, "shen", other, Keeping.TAKE)
    assert await mine(deps, "shen") == [other]


async def test_an_undone_objection_leaves_it_as_it_was(deps: Deps, no: str) -> None:
    await press(deps, "li", no, Keeping.TAKE)
    await do(deps.db, deps.tables, no, STREET, Move.OBJECT, 1, OBJECTION)
    await do(deps.db, deps.tables, no, STREET, Move.UNDO, 2, {"reason": "提交错了工单"})
    assert await names(deps, no) == {WANGJING: ("李四", None)}


async def test_what_an_older_release_left_is_shown_to_nobody(deps: Deps, no: str) -> None:
    await press(deps, "li", no, Keeping.TAKE)
    ticket = await row(deps.db, no)
    async with deps.db.writes.begin() as session:
        await session.execute(
            sa.update(TicketUnit)
            .where(TicketUnit.ticket_id == ticket.id, TicketUnit.unit_code == WANGJING)
            .values(role=Part.COPY.value)
        )
        assert await session.scalar(sa.select(sa.func.count()).select_from(TicketKeeper)) == 1
    assert (await names(deps, no), await mine(deps, "li")) == ({}, [])


@pytest.mark.parametrize("state", [State.TO_REASSIGN, State.REVIEW])
async def test_what_an_older_release_left_where_the_unit_was_wrong_is_nobodys(
    deps: Deps, no: str, state: State
) -> None:
    """Nobody could let it go: the lead unit deals with the case no more."""
    await press(deps, "li", no, Keeping.TAKE)
    await press(deps, "shen", no, Keeping.TAKE)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Ticket).values(state=state.value))
    assert await names(deps, no) == {ECOLOGY: ("沈六", None)}
    assert (await mine(deps, "li"), await mine(deps, "shen")) == ([], [no])
    with pytest.raises(NotOfTheUnit):
        await press(deps, "li", no, Keeping.LET_GO)


async def test_under_the_time_to_report_stands_who_deals_with_it_for_the_unit_that_was_called(
    deps: Deps, no: str
) -> None:
    await add_person(deps, "shui", (Role.BUREAU, WATER), name="水八")
    await press(deps, "li", no, Keeping.TAKE)
    await do(deps.db, deps.tables, no, STREET, Move.SIGN, 1)
    called = {"assist": [WATER], "until": "2026-11-24T12:00", "reason": "排口归属要会商"}
    await do(deps.db, deps.tables, no, STREET, Move.WHISTLE, 2, called)
    assert await reporting(deps, "li") == await reporting(deps, "clerk") == [None]
    await press(deps, "shui", no, Keeping.TAKE)
    assert [await reporting(deps, login) for login in ("li", "clerk", "shui")] == [["水八"]] * 3
    assert await reporting(deps, "shui", mine=True) == ["水八"]


async def test_who_acts_for_two_units_has_the_time_to_report_of_the_part_that_is_theirs(
    deps: Deps, no: str
) -> None:
    await add_person(deps, "both", (Role.STREET, WANGJING), (Role.BUREAU, WATER), name="双九")
    await do(deps.db, deps.tables, no, STREET, Move.SIGN, 1)
    called = {"assist": [WATER], "until": "2026-11-24T12:00", "reason": "排口归属要会商"}
    await do(deps.db, deps.tables, no, STREET, Move.WHISTLE, 2, called)
    await press(deps, "both", no, Keeping.TAKE, unit=WANGJING)
    assert await reporting(deps, "both") == [None]
    assert await reporting(deps, "both", mine=True) == []
    await press(deps, "both", no, Keeping.TAKE, unit=WATER)
    assert await reporting(deps, "both", mine=True) == ["双九"]


async def reporting(deps: Deps, login: str, *, mine: bool = False) -> list[str | None]:
    """Whom the lines under 报到时限 name."""
    window = Window(None, None, NOW, timedelta(days=7), mine=mine)
    async with deps.db.reads() as session:
        found = await due_list(session, deps.tables, await viewer(deps, login), window, clock=REPORT_IN)
    return [line.keeper for line in found.lines]


@pytest.mark.usefixtures("no")
async def test_two_of_one_name_are_told_apart(deps: Deps) -> None:
    await add_person(deps, "wang2", (Role.STREET, WANGJING), name="王五")
    async with deps.db.reads() as session:
        found = await keeping.colleagues(session, deps.tables, [WANGJING], now=NOW)
    assert [one.label for one in found[WANGJING]] == ["李四", "王五（wang）", "王五（wang2）"]
