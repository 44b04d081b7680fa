"""来电查件: a phone's cases, for whom they are, and what the ledger has of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import triage.tables
from connectors.vault import Vault
from models.appeals import Appeal, Appellant, Reading
from models.corrections import Correction
from models.ledger import LedgerRow
from models.notices import Notice
from models.tickets import Ticket, TicketEvent
from models.viewing import ALL, Viewer
from models.vocab import AppealState, Corrected, Post, State, Tag
from models.vocab_identities import IdentityField
from models.vocab_ledger import LedgerAct
from models.vocab_staff import Role
from tests.factories import NOW, TEXT, TicketIn, add_appeal, add_reference, add_tickets
from tests.plans import heard, plans, scanned
from tests.written import written
from triage.clock import FixedClock
from triage.errors import BadInput
from triage.rules import access
from triage.services import callers
from triage.services.callers import MOST, spellings
from triage.services.deps import Deps
from triage.services.identities import erasing, revealing
from triage.services.identities.holding import Holder
from triage.services.identities.revealing import Reason
from triage.services.limiting import TooOften
from triage.services.rewards import owning
from triage.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.db import Database

PHONE, OTHER = "13800005678", "13800005679"
TABLES = triage.tables.load()
VAULT = Vault({1: bytes(32)})
DAY = NOW.date()
WANGJING, ECOLOGY, DISTRICT = "110105026", "110105-ecology", "110105"


def person(*roles: Role, unit: str | None = None) -> Viewer:
    return access.viewer(TABLES, login="clerk", name="甲", roles=roles, unit_code=unit, at=DAY)


CLERK, FOLLOW_UP = person(Role.CLERK), person(Role.FOLLOW_UP)
#: A clerk of one district's own desk.
LOCAL = person(Role.CLERK, unit=DISTRICT)


@pytest.fixture
def deps(db: Database) -> Deps:
    return Deps(Settings(), FixedClock(NOW), TABLES, db, VAULT)


async def from_phone(deps: Deps, *appeals: int, phone: str = PHONE) -> None:
    """These appeals were made from the phone."""
    rows = [
        {
            "appeal_id": one, "phone": VAULT.seal(phone, belongs_to=f"appellant.phone:{one}"),
            "phone_index": VAULT.phone_index(phone), "created_at": NOW,
        }
        for one in appeals
    ]  # fmt: skip
    async with deps.db.writes.begin() as session:
        await session.execute(sa.insert(Appellant), rows)


async def cases(deps: Deps, *items: TicketIn, phone: str = PHONE) -> list[str]:
    """Cases of the phone, oldest first. Gives their numbers."""
    numbers = await add_tickets(deps.db, *items)
    async with deps.db.reads() as session:
        found = await session.scalars(sa.select(Ticket.appeal_id).where(Ticket.no.in_(numbers)))
        appeals = sorted(found)
    await from_phone(deps, *appeals, phone=phone)
    return numbers


async def entries(deps: Deps, *acts: LedgerAct) -> list[LedgerRow]:
    async with deps.db.reads() as session:
        asked = sa.select(LedgerRow).where(LedgerRow.act.in_([act.value for act in acts]))
        return list(await session.scalars(asked.order_by(LedgerRow.seq)))


async def numbers(deps: Deps, viewer: Viewer = CLERK, phone: str = PHONE) -> list[str | None]:
    return [one.no for one in (await callers.look(deps, viewer, phone)).cases]


WRITTEN = {
    "138 0000 5678": PHONE,
    "138-0000-5678": PHONE,
    "+86 138 0000 5678": PHONE,
    "0086-13800005678": PHONE,
    "１３８００００５６７８": PHONE,
    "(010) 8765-4321": "01087654321",
    "+86 10 8765 4321": "01087654321",
    "0311－87654321": "031187654321",
    "8765 4321": "87654321",
}


@pytest.mark.parametrize("typed", WRITTEN)
async def test_a_number_is_found_however_it_is_written(deps: Deps, typed: str) -> None:
    (no,) = await cases(deps, TicketIn(), phone=WRITTEN[typed])
    assert await numbers(deps, phone=typed) == [no]


async def test_a_landline_is_found_that_a_source_wrote_as_from_abroad(deps: Deps) -> None:
    (no,) = await cases(deps, TicketIn(), phone="+86 10 8765 4321")
    assert await numbers(deps, phone="010-87654321") == [no]


@pytest.mark.parametrize(
    "typed",
    ["", "李小明", "1380000567", "138000056789", "12345", "010", "\0", "1" * 5000, f"138{' ' * 40}00005678"],
)
async def test_what_is_no_phone_is_refused_and_nothing_is_written(deps: Deps, typed: str) -> None:
    with pytest.raises(BadInput, match="电话号码不对"):
        await callers.look(deps, CLERK, typed)
    assert await entries(deps, LedgerAct.CALLER_LOOKED, LedgerAct.REVEAL_REFUSED) == []


async def test_the_newest_are_told_and_that_there_are_more(deps: Deps) -> None:
    items = [TicketIn(age=timedelta(hours=one + 1)) for one in range(MOST + 1)]
    made = await cases(deps, *items)
    await cases(deps, TicketIn(), phone=OTHER)
    found = await callers.look(deps, CLERK, PHONE)
    assert ([one.no for one in found.cases], found.more) == (made[:MOST], True)


@pytest.mark.parametrize("viewer", [CLERK, FOLLOW_UP])
async def test_a_case_is_told_with_its_state_unit_and_matter(deps: Deps, viewer: Viewer) -> None:
    await cases(deps, TicketIn(title="张示例反映施工，电话13900001111"))
    (one,) = (await callers.look(deps, viewer, PHONE)).cases
    assert (one.state, one.unit, one.kind) == (State.DISPATCHED, "望京街道办事处", "NOI-01")
    assert one.received_at == NOW - timedelta(hours=1)
    assert "13900001111" not in one.title
    assert "施工" in one.title
    assert PHONE not in repr(one)


@pytest.mark.parametrize(
    ("viewer", "state", "urged"),
    [
        (CLERK, State.DISPATCHED, True),
        (CLERK, State.FEEDBACK, True),
        (CLERK, State.CLOSED, False),
        (CLERK, State.DIVERTED, False),
        (FOLLOW_UP, State.DISPATCHED, False),
    ],
)
async def test_who_may_note_an_urge_is_offered_it_where_it_can_be_noted(
    deps: Deps, viewer: Viewer, state: State, urged: object
) -> None:
    (no,) = await cases(deps, TicketIn(state=state))
    (one,) = (await callers.look(deps, viewer, PHONE)).cases
    assert one.urge == {True: no, False: None}[urged]  # type: ignore[index]


async def merge(deps: Deps, no: str, into: str, *, archived: bool = False) -> None:
    async with deps.db.writes.begin() as session:
        ticket = (await session.scalars(sa.select(Ticket).where(Ticket.no == no))).one()
        ticket.state = {False: State.MERGED, True: State.ARCHIVED}[archived].value
        said = {"values": {"other_ticket": into}}
        session.add(TicketEvent(ticket_id=ticket.id, seq=50, at=NOW, tag=Tag.MERGE.value, data=said))


@pytest.mark.parametrize("archived", [False, True])
async def test_a_merged_case_is_told_with_the_one_it_is_handled_with(deps: Deps, archived: bool) -> None:  # noqa: FBT001
    (mine,) = await cases(deps, TicketIn())
    (middle, head) = await cases(deps, TicketIn(), TicketIn(state=State.HANDLING), phone=OTHER)
    await merge(deps, mine, middle, archived=archived)
    await merge(deps, middle, head)
    (one,) = (await callers.look(deps, CLERK, PHONE)).cases
    assert one.head is not None
    assert (one.no, one.head.no, one.head.state, one.head.unit) == (
        mine, head, State.HANDLING, "望京街道办事处",
    )  # fmt: skip
    assert one.urge == head


async def test_of_a_head_that_is_not_for_the_viewer_nothing_is_told(deps: Deps) -> None:
    (mine,) = await cases(deps, TicketIn())
    (head,) = await cases(deps, TicketIn(confidential=True, unit=ECOLOGY), phone=OTHER)
    await merge(deps, mine, head)
    (one,) = (await callers.look(deps, LOCAL, PHONE)).cases
    assert (one.no, one.state, one.head, one.urge) == (mine, State.MERGED, None, None)


async def test_what_is_no_ticket_yet_is_told_too(deps: Deps) -> None:
    await add_reference(deps.db)
    async with deps.db.writes.begin() as session:
        waits = await add_appeal(session, TicketIn(title=None), state=AppealState.WAITING)
        dead = await add_appeal(session, TicketIn(confidential=True), state=AppealState.DEAD)
    await from_phone(deps, waits, dead)
    found = (await callers.look(deps, CLERK, PHONE)).cases
    assert [(one.appeal_id, one.no, one.state, one.waits) for one in found] == [
        (dead, None, None, AppealState.DEAD), (waits, None, None, AppealState.WAITING),
    ]  # fmt: skip
    assert found[1].title == TEXT[:40]
    assert [one.urge for one in found] == [None, None]
    # No unit has a part in what nobody read.
    assert (await callers.look(deps, LOCAL, PHONE)).cases == ()


NOT_THEIRS = {
    "in confidence": TicketIn(confidential=True),
    "another district's": TicketIn(unit="110108010", assist=(), copies=(), district="110108"),
    "about themselves": TicketIn(text="我要反映朝阳区政府不作为，工地夜里打桩没有人管。"),
    "about themselves, by the party": TicketIn(party="朝阳区人民政府"),
}


@pytest.mark.parametrize("what", NOT_THEIRS)
async def test_what_the_viewer_may_not_know_is_neither_told_nor_counted(deps: Deps, what: str) -> None:
    seen, _ = await cases(deps, TicketIn(), NOT_THEIRS[what])
    found = await callers.look(deps, LOCAL, PHONE)
    assert ([one.no for one in found.cases], found.more) == ([seen], False)
    (row,) = await entries(deps, LedgerAct.CALLER_LOOKED)
    assert row.detail["found"] == 1
    assert await written(deps, LedgerAct.CALLER_FOUND) == ["1"]
    assert len((await callers.look(deps, CLERK, PHONE)).cases) == 2


async def test_more_is_not_said_of_what_is_hidden(deps: Deps) -> None:
    await cases(deps, *[TicketIn()] * MOST, TicketIn(confidential=True))
    assert not (await callers.look(deps, LOCAL, PHONE)).more
    assert (await callers.look(deps, CLERK, PHONE)).more


REPORTED = {
    "the ticket": sa.update(Ticket).values(appeal_type="举报"),
    "its source": sa.update(Appeal).values(told_type="举报"),
    "a clerk": sa.insert(Correction).values(
        ticket_id=1,
        appeal_id=1,
        field=Corrected.APPEAL_TYPE.value,
        old="投诉",
        new="举报",
        by="yi",
        at=NOW,
        model_version="m",
    ),
}


@pytest.mark.parametrize("who", REPORTED)
@pytest.mark.parametrize(
    ("item", "viewer", "may"),
    [
        (TicketIn(), LOCAL, False),
        (TicketIn(unit=DISTRICT, copies=()), LOCAL, True),
        (TicketIn(), CLERK, True),
        (TicketIn(), FOLLOW_UP, True),
    ],
)
async def test_a_report_is_for_those_who_handle_it_as_for_every_look(
    deps: Deps,
    who: str,
    item: TicketIn,
    viewer: Viewer,
    may: bool,  # noqa: FBT001
) -> None:
    (no,) = await cases(deps, item)
    async with deps.db.writes.begin() as session:
        await session.execute(REPORTED[who])
    assert await numbers(deps, viewer) == [no] * may
    async with deps.db.reads() as session:
        case = await revealing.facts_of(session, viewer, no)
        refused = await revealing.apart(session, viewer, case, IdentityField.PHONE)
    assert (refused is None) == may


async def test_a_look_is_written_down_without_the_phone(deps: Deps) -> None:
    made = await cases(deps, TicketIn(), TicketIn())
    await callers.look(deps, CLERK, PHONE)
    rows = await entries(deps, LedgerAct.CALLER_LOOKED, LedgerAct.CALLER_FOUND)
    assert [(row.who, row.subject_kind, row.subject, row.case_no) for row in rows] == [
        ("clerk", "caller", "不记", None),
        ("clerk", "appeal", "2", made[1]),
        ("clerk", "appeal", "1", made[0]),
    ]
    assert rows[0].detail == {"found": 2, "more": False, "registering": False}
    told = "".join(f"{row.subject}{row.old}{row.new}{row.reason}{row.detail}" for row in rows)
    assert [mark for mark in (PHONE, PHONE[-4:], VAULT.phone_index(PHONE).hex()) if mark in told] == []


async def test_a_look_that_finds_nothing_is_written_down_too(deps: Deps) -> None:
    assert await numbers(deps) == []
    (row,) = await entries(deps, LedgerAct.CALLER_LOOKED)
    assert row.detail["found"] == 0


async def test_looks_by_phone_and_at_an_identity_are_counted_together(deps: Deps) -> None:
    (no,) = await cases(deps, TicketIn())
    rate = TABLES.reveals.rate(NOW)
    for _ in range(rate.alert):
        await callers.look(deps, CLERK, OTHER)
    assert await entries(deps, LedgerAct.REVEAL_ALERT) == []
    why = Reason("contact", "电话约现场查看")
    await revealing.look(deps, CLERK, Holder(no), field=IdentityField.PHONE, reason=why)
    assert len(await entries(deps, LedgerAct.REVEAL_ALERT)) == 1
    for _ in range(rate.most - rate.alert - 1):
        await callers.look(deps, CLERK, PHONE)
    with pytest.raises(TooOften):
        await callers.look(deps, CLERK, PHONE)
    with pytest.raises(TooOften):
        await revealing.look(deps, CLERK, Holder(no), field=IdentityField.PHONE, reason=why)
    assert [row.detail["code"] for row in await entries(deps, LedgerAct.REVEAL_REFUSED)] == ["too_often"] * 2
    assert len(await entries(deps, LedgerAct.CALLER_LOOKED)) == rate.most - 1
    # Another person's looks are their own.
    assert await numbers(deps, replace(CLERK, login="yi")) == [no]


async def test_the_auditor_is_told_of_many_looks_by_phone(deps: Deps) -> None:
    for _ in range(TABLES.reveals.rate(NOW).alert + 1):
        await callers.look(deps, CLERK, PHONE)
    (row,) = await entries(deps, LedgerAct.REVEAL_ALERT)
    assert (row.subject_kind, row.subject, row.case_no) == ("caller", "不记", None)
    async with deps.db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count(Notice.id))) == 1


async def test_whoever_found_a_case_by_its_phone_knew_the_phone(deps: Deps) -> None:
    await cases(deps, TicketIn())
    async with deps.db.reads() as session:
        assert not await owning.looked(session, "clerk", 1)
    await callers.look(deps, CLERK, PHONE)
    async with deps.db.reads() as session:
        assert await owning.looked(session, "clerk", 1)
        assert not await owning.looked(session, "yi", 1)


async def test_an_erased_person_is_not_found(deps: Deps) -> None:
    (no,) = await cases(deps, TicketIn(state=State.CLOSED, due=None))
    assert await numbers(deps) == [no]
    async with deps.db.writes.begin() as session:
        await erasing.ask(session, CLERK, no, "来函 7 号", now=NOW)
        assert await erasing.erase(session, 1, why="本人要求", now=NOW)
    assert await numbers(deps) == []


async def test_before_registering_nothing_is_counted_unless_something_is_shown(deps: Deps) -> None:
    (no,) = await cases(deps, TicketIn())
    assert (await callers.known(deps, CLERK, OTHER)).cases == ()
    assert await entries(deps, LedgerAct.CALLER_LOOKED) == []
    assert [one.no for one in (await callers.known(deps, CLERK, PHONE)).cases] == [no]
    assert (await callers.known(deps, CLERK, PHONE, besides=1)).cases == ()
    (row,) = await entries(deps, LedgerAct.CALLER_LOOKED)
    assert row.detail == {"found": 1, "more": False, "registering": True}
    await callers.known(deps, CLERK, OTHER, always=True)
    assert len(await entries(deps, LedgerAct.CALLER_LOOKED)) == 2


async def test_who_looked_too_often_registers_all_the_same(deps: Deps) -> None:
    await cases(deps, TicketIn())
    for _ in range(TABLES.reveals.rate(NOW).most):
        await callers.look(deps, CLERK, OTHER)
    assert await callers.known(deps, CLERK, PHONE) == callers.Found()
    assert await callers.known(deps, CLERK, "nonsense") == callers.Found()
    (row,) = await entries(deps, LedgerAct.REVEAL_REFUSED)
    assert row.detail == {"code": "too_often", "registering": True}
    assert await written(deps, LedgerAct.CALLER_FOUND) == []


async def test_it_is_found_by_its_index_in_few_questions(deps: Deps) -> None:
    made = await cases(deps, *[TicketIn()] * 5)
    await merge(deps, made[0], made[1])
    for viewer in (CLERK, LOCAL):

        async def ask(session: AsyncSession, who: Viewer = viewer) -> None:
            await callers._find(session, deps, who, spellings(PHONE), besides=None, now=NOW)

        found = next(plan for plan in await plans(deps.db, ask) if "phone_index" in plan)
        rows = ("appellant", "caller_number", "appeal", "ticket", "reading")
        assert [one for one in rows if scanned(found, one)] == []
    with heard(deps.db) as said:
        await callers.look(deps, CLERK, PHONE)
    assert len([one for one in said if one[0].startswith(("SELECT", "WITH"))]) <= 8


async def test_the_terminal_and_whoever_does_everything_are_told_all(deps: Deps) -> None:
    made = await cases(deps, TicketIn(confidential=True), TicketIn())
    everybody = Viewer("local", ALL, posts=frozenset({Post.HOTLINE}))
    assert await numbers(deps, everybody) == made[::-1]
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Ticket).values(reading_id=None))
        await session.execute(sa.delete(Reading))
    # A ticket whose reading is gone is found too, also where the party is asked for.
    assert await numbers(deps, LOCAL) == [made[1]]
