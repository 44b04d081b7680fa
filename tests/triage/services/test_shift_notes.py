"""交接班: left for the own desk, tickets checked, relieved once, undone, taken back, 保密. Both databases."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import triage.tables
from connectors.vault import Vault
from models.appeals import Appeal
from models.ledger import LedgerRow
from models.shift_notes import ShiftNote, ShiftTicket
from models.tickets import Ticket
from models.vocab_staff import Role
from tests.factories import NOW, TicketIn, add_tickets
from tests.signed_in import add_person
from triage.clock import FixedClock
from triage.errors import BadInput, NotFound
from triage.services import reference, shift_notes
from triage.services.deps import Deps
from triage.services.moving import KeyReused
from triage.services.remarks import TooLate
from triage.services.shift_notes import (
    LONGEST,
    MOST_TICKETS,
    AlreadyRelieved,
    Done,
    NoDesk,
    Note,
    NotYourNote,
    Wish,
)
from triage.services.staff import people
from triage.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from models.db import Database
    from models.viewing import Viewer
    from triage.rules.rows import Tables

CHAOYANG = "110105"
LASTS = timedelta(minutes=15)
SINCE = NOW - timedelta(days=14)
WORDS = "平台上午停过半小时，补登的还没有核对"
HAIDIAN = TicketIn(unit="110108010", assist=(), copies=(), district="110108", street="110108010")


@pytest.fixture(scope="session")
def tables() -> Tables:
    return triage.tables.load()


@pytest.fixture
def deps(db: Database, tables: Tables) -> Deps:
    return Deps(Settings(), FixedClock(NOW), tables, db, Vault({1: bytes(32)}))


@pytest.fixture
async def nos(db: Database, deps: Deps) -> Sequence[str]:
    """Two of 朝阳, one of 海淀."""
    made = await add_tickets(db, TicketIn(), TicketIn(), HAIDIAN)
    await reference.sync(deps)
    for login, role, unit in (
        ("day", Role.CLERK, None),
        ("night", Role.CLERK, None),
        ("ring", Role.FOLLOW_UP, None),
        ("local", Role.CLERK, CHAOYANG),
        ("local2", Role.FOLLOW_UP, CHAOYANG),
        ("none", Role.ANALYST, None),
    ):
        await add_person(deps, login, (role, unit), name=f"{login}某")
    return made


async def viewer(deps: Deps, login: str) -> Viewer:
    async with deps.db.reads() as session:
        person = await people.person_at(session, login, now=NOW)
    assert person is not None
    return people.viewer_of(deps.tables, person, now=NOW)


async def write(  # (a note in one line is read at a glance)
    deps: Deps, login: str, text: str = WORDS, numbers: str = "", *, key: str = "", at: datetime = NOW
) -> Done:
    who = await viewer(deps, login)
    async with deps.db.writes.begin() as session:
        return await shift_notes.write(session, who, Wish(text, numbers, key or text[:40]), now=at)


async def relieve(deps: Deps, login: str, note: int, *, at: datetime = NOW) -> Done:
    who = await viewer(deps, login)
    async with deps.db.writes.begin() as session:
        return await shift_notes.relieve(session, who, note, now=at)


async def undo(deps: Deps, login: str, note: int, *, at: datetime = NOW) -> Done:
    who = await viewer(deps, login)
    async with deps.db.writes.begin() as session:
        return await shift_notes.undo(session, who, note, lasts=LASTS, now=at)


async def back(deps: Deps, login: str, note: int, *, at: datetime = NOW) -> Done:
    who = await viewer(deps, login)
    async with deps.db.writes.begin() as session:
        return await shift_notes.take_back(session, who, note, lasts=LASTS, now=at)


async def read(deps: Deps, login: str, *, at: datetime = NOW) -> tuple[tuple[Note, ...], tuple[Note, ...]]:
    who = await viewer(deps, login)
    async with deps.db.reads() as session:
        return await shift_notes.notes(session, who, since=SINCE, lasts=LASTS, now=at)


async def count(deps: Deps, login: str) -> int:
    who = await viewer(deps, login)
    async with deps.db.reads() as session:
        return await shift_notes.waiting(session, who)


def words(notes: Sequence[Note]) -> list[str | None]:
    return [None if one.pieces is None else "".join(piece for piece, _ in one.pieces) for one in notes]


async def test_left_by_one_and_relieved_by_another(deps: Deps, nos: Sequence[str]) -> None:
    done = await write(deps, "day", WORDS, f"{nos[0]}，{nos[1]}\n{nos[0]}")
    (one,), over = await read(deps, "night")
    assert (one.by, one.at, words([one]), over) == ("day某", NOW, [WORDS], ())
    assert [(ticket.no, ticket.state) for ticket in one.tickets] == [
        (nos[0], "dispatched"), (nos[1], "dispatched"),
    ]  # fmt: skip
    assert (one.back_until, one.undo_until, await count(deps, "night")) == (None, None, 1)
    (own,), _ = await read(deps, "day")
    assert own.back_until == NOW + LASTS
    later = NOW + timedelta(hours=1)
    assert await relieve(deps, "night", done.id, at=later) == Done(done.id)
    assert await relieve(deps, "night", done.id, at=later) == Done(done.id, repeated=True)
    standing, (one,) = await read(deps, "night", at=later)
    assert (standing, one.relieved_by, one.relieved_at) == ((), "night某", later)
    assert (one.undo_until, await count(deps, "day")) == (later + LASTS, 0)
    (_, (seen,)) = await read(deps, "ring", at=later)
    assert (seen.undo_until, len(seen.tickets)) == (None, 2)
    async with deps.db.reads() as session:
        entries = (
            await session.execute(
                sa.select(LedgerRow.who, LedgerRow.act, LedgerRow.subject, LedgerRow.detail)
                .where(LedgerRow.subject_kind == "shift")
                .order_by(LedgerRow.seq)
            )
        ).all()
    assert [tuple(entry) for entry in entries] == [
        ("day", "shift.written", str(done.id), {"unit": None}),
        ("night", "shift.relieved", str(done.id), {"unit": None}),
    ]


async def test_undone_it_waits_again_and_only_for_a_while(deps: Deps, nos: Sequence[str]) -> None:
    assert nos
    done = await write(deps, "day")
    await relieve(deps, "night", done.id)
    with pytest.raises(NotYourNote):
        await undo(deps, "ring", done.id)
    with pytest.raises(TooLate):
        await undo(deps, "night", done.id, at=NOW + LASTS + timedelta(seconds=1))
    assert await undo(deps, "night", done.id, at=NOW + LASTS) == Done(done.id)
    assert await undo(deps, "night", done.id) == Done(done.id, repeated=True)
    assert await count(deps, "night") == 1
    assert await relieve(deps, "ring", done.id) == Done(done.id)


async def test_the_second_of_two_at_once_is_told_who_has_it(deps: Deps, nos: Sequence[str]) -> None:
    assert nos
    done = await write(deps, "day")
    came = await asyncio.gather(
        relieve(deps, "night", done.id), relieve(deps, "ring", done.id), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in came) == ["AlreadyRelieved", "Done"]
    (told,) = (one for one in came if isinstance(one, AlreadyRelieved))
    assert "某已在 " in told.detail
    with pytest.raises(AlreadyRelieved):
        await back(deps, "day", done.id)


async def test_taken_back_by_its_writer_while_nobody_relieved(deps: Deps, nos: Sequence[str]) -> None:
    done = await write(deps, "day", numbers=nos[0])
    with pytest.raises(NotYourNote):
        await back(deps, "night", done.id)
    with pytest.raises(TooLate):
        await back(deps, "day", done.id, at=NOW + LASTS + timedelta(seconds=1))
    assert await back(deps, "day", done.id) == Done(done.id)
    assert await back(deps, "day", done.id) == Done(done.id, repeated=True)
    with pytest.raises(AlreadyRelieved, match="撤回"):
        await relieve(deps, "night", done.id)
    standing, (one,) = await read(deps, "night")
    assert (standing, words([one]), one.tickets, one.relieved_by) == ((), [None], (), None)
    async with deps.db.reads() as session:
        assert (await session.execute(sa.select(ShiftNote.text))).all() == [(None,)]
        assert (await session.execute(sa.select(ShiftTicket.ticket_id))).all() == []
    assert await count(deps, "night") == 0


async def test_a_desk_reads_its_own_alone(deps: Deps, nos: Sequence[str]) -> None:
    assert nos
    city, local = await write(deps, "day", "全市的"), await write(deps, "local", "朝阳的")
    assert (words((await read(deps, "ring"))[0]), await count(deps, "ring")) == (["全市的"], 1)
    assert (words((await read(deps, "local2"))[0]), await count(deps, "local2")) == (["朝阳的"], 1)
    for login, note in (("day", local.id), ("local2", city.id)):
        for press in (relieve, undo, back):
            with pytest.raises(NotFound):
                await press(deps, login, note)
    with pytest.raises(NoDesk):
        await write(deps, "none")
    assert await count(deps, "none") == 0


async def test_a_number_that_is_none_or_out_of_sight_is_named_and_nothing_is_kept(
    deps: Deps, nos: Sequence[str]
) -> None:
    gone = "20200101-000001"
    with pytest.raises(BadInput, match=f"工单编号：没有这些工单，或您无权查看：{gone}、明天。"):
        await write(deps, "day", numbers=f"{nos[0]} {gone} 明天")
    with pytest.raises(BadInput, match=nos[2]):
        await write(deps, "local", numbers=nos[2])
    with pytest.raises(BadInput, match=f"最多 {MOST_TICKETS} 个"):
        await write(deps, "day", numbers=" ".join(f"{number}" for number in range(MOST_TICKETS + 1)))
    assert (await read(deps, "day"), await read(deps, "local")) == (((), ()), ((), ()))


async def test_a_number_in_the_words_leads_to_its_ticket(deps: Deps, nos: Sequence[str]) -> None:
    full = nos[1].translate({ord(digit): chr(ord(digit) + 0xFEE0) for digit in "0123456789"})
    await write(deps, "day", f"先看{nos[0]}，平台的 20200101-000001 不急", full)
    (one,), _ = await read(deps, "night")
    assert one.pieces == (("先看", None), (nos[0], nos[0]), ("，平台的 20200101-000001 不急", None))
    assert [ticket.no for ticket in one.tickets] == [nos[0], nos[1]]


async def test_a_case_that_went_out_of_sight_is_neither_named_nor_counted(
    deps: Deps, db: Database, nos: Sequence[str]
) -> None:
    await write(deps, "local", f"请盯住 {nos[0]}", nos[1])
    async with db.writes.begin() as session:
        appeals = sa.select(Ticket.appeal_id).where(Ticket.no.in_(nos[:2])).scalar_subquery()
        await session.execute(sa.update(Appeal).where(Appeal.id.in_(appeals)).values(confidential=True))
    (one,), _ = await read(deps, "local2")
    assert (words([one]), one.tickets) == (["请盯住 〔您看不到的工单〕"], ())


@pytest.mark.parametrize("text", ["", " \n\x00", "长" * (LONGEST + 1)])
async def test_without_words_or_with_too_many_it_is_refused_by_the_fields_name(
    deps: Deps, nos: Sequence[str], text: str
) -> None:
    assert nos
    with pytest.raises(BadInput, match="交班内容："):
        await write(deps, "day", text, key="k")


async def test_phones_are_not_kept(deps: Deps, nos: Sequence[str]) -> None:
    await write(deps, "day", f"{nos[0]} 回电 13812345678")
    (one,), _ = await read(deps, "day")
    assert words([one]) == [f"{nos[0]} 回电 [手机号]"]
    async with deps.db.reads() as session:
        assert "138" not in str(await session.scalar(sa.select(ShiftNote.text)))


async def test_sent_twice_at_once_it_is_one_and_another_text_is_told(deps: Deps, nos: Sequence[str]) -> None:
    both = await asyncio.gather(*(write(deps, "day", numbers=nos[0], key="k") for _ in range(2)))
    assert sorted(one.repeated for one in both) == [False, True]
    assert len({one.id for one in both}) == 1
    with pytest.raises(KeyReused):
        await write(deps, "day", "改过的", key="k")
    assert not (await write(deps, "night", "同号", key="k")).repeated
    assert await count(deps, "day") == 2


async def test_what_nobody_relieved_stays_first_and_the_rest_goes_after_two_weeks(
    deps: Deps, nos: Sequence[str]
) -> None:
    assert nos
    old = SINCE - timedelta(hours=1)
    await write(deps, "day", "老的没人接", at=old)
    done = await write(deps, "day", "老的接过", at=old)
    await relieve(deps, "night", done.id, at=old)
    edge = await write(deps, "day", "正好两周", at=SINCE)
    await relieve(deps, "night", edge.id, at=SINCE)
    await write(deps, "day", "今天的")
    standing, over = await read(deps, "night")
    assert (words(standing), words(over)) == (["今天的", "老的没人接"], ["正好两周"])


async def test_however_many_notes_it_costs_three_queries(deps: Deps, nos: Sequence[str]) -> None:
    for number in range(5):
        await write(deps, "day", f"第{number}条", nos[0])
    who = await viewer(deps, "night")
    asked: list[str] = []

    def note(*told: object) -> None:
        asked.append(str(told[2]))

    engine = deps.db.engine.sync_engine
    async with deps.db.reads() as session:
        sa.event.listen(engine, "before_cursor_execute", note)
        await shift_notes.notes(session, who, since=SINCE, lasts=LASTS, now=NOW)
        sa.event.remove(engine, "before_cursor_execute", note)
    assert len([one for one in asked if one.startswith("SELECT")]) == 3


async def test_two_roles_apart_do_not_open_12345s_own_shifts(deps: Deps, nos: Sequence[str]) -> None:
    """The whole city by 有奖举报 or 督办, 受理 by a district: the shifts are the district's."""
    assert nos
    await add_person(deps, "prize", (Role.CLERK, CHAOYANG), (Role.REWARD, None), name="两样")
    await add_person(deps, "boss", (Role.FOLLOW_UP, CHAOYANG), (Role.SUPERVISOR, None), name="两样")
    await add_person(deps, "looks", (Role.SUPERVISOR, None), (Role.STREET, "110105026"), name="没有班")
    city = await write(deps, "day", "全市的")
    await write(deps, "local", "朝阳的")
    for login in ("prize", "boss"):
        assert (words((await read(deps, login))[0]), await count(deps, login)) == (["朝阳的"], 1)
        with pytest.raises(NotFound):
            await relieve(deps, login, city.id)
    assert await count(deps, "looks") == 0
    with pytest.raises(NoDesk):
        await read(deps, "looks")


async def test_a_tickets_number_is_not_masked_as_a_telephone(
    deps: Deps, db: Database, nos: Sequence[str]
) -> None:
    typed = f"电话没打通的：{nos[0]}，回电 13812345678，联系电话 20200101-000001"
    await write(deps, "local", typed)
    (one,), _ = await read(deps, "local2")
    assert one.pieces == (
        ("电话没打通的：", None), (nos[0], nos[0]), ("，回电 [手机号]，联系电话 [电话号]-000001", None),
    )  # fmt: skip
    async with db.writes.begin() as session:
        appeal = sa.select(Ticket.appeal_id).where(Ticket.no == nos[0]).scalar_subquery()
        await session.execute(sa.update(Appeal).where(Appeal.id == appeal).values(confidential=True))
    (one,), _ = await read(deps, "local2")
    assert words([one]) == ["电话没打通的：〔您看不到的工单〕，回电 [手机号]，联系电话 [电话号]-000001"]


async def test_an_old_one_that_was_relieved_just_now_stands_and_is_undone(
    deps: Deps, nos: Sequence[str]
) -> None:
    assert nos
    done = await write(deps, "day", "老的没人接", at=SINCE - timedelta(days=9))
    await relieve(deps, "night", (await write(deps, "day", "今天的")).id, at=NOW - timedelta(hours=1))
    await relieve(deps, "night", done.id)
    standing, over = await read(deps, "night")
    assert (standing, words(over)) == ((), ["老的没人接", "今天的"])
    assert over[0].undo_until == NOW + LASTS
    assert await undo(deps, "night", done.id) == Done(done.id)


async def test_the_same_words_with_other_tickets_are_not_the_same_note(
    deps: Deps, nos: Sequence[str]
) -> None:
    await write(deps, "day", numbers=nos[0], key="k")
    assert (await write(deps, "day", numbers=nos[0], key="k")).repeated
    for numbers in ("", nos[1], f"{nos[0]} {nos[1]}"):
        with pytest.raises(KeyReused):
            await write(deps, "day", numbers=numbers, key="k")
