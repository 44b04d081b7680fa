"""单位通讯录: versions, two at once, put back, whose somebody reads, the file. Both databases."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import triage.tables
from connectors.vault import Vault
from models import directory as rows
from models.directory import KEPT, DirectoryEntry
from models.ledger import LedgerRow
from models.tickets import Ticket, TicketUnit
from models.vocab import Role as PartRole
from models.vocab import State
from models.vocab_directory import DirectoryField as F
from models.vocab_ledger import LedgerAct
from models.vocab_staff import Role
from tests.factories import NOW, TicketIn, add_reference, add_tickets
from triage.clock import FixedClock
from triage.errors import BadInput, NotFound
from triage.rules import access
from triage.rules.directory import DirectoryRefused
from triage.services import directory, directory_files, reference
from triage.services.deps import Deps
from triage.services.directory import DirectoryChanged, NotYours
from triage.settings import Settings

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.db import Database
    from models.viewing import Viewer
    from triage.rules.rows import Tables

WANGJING, ECOLOGY, XUEYUAN, CHAOYANG = "110105026", "110105-ecology", "110108010", "110105"
ON = date(2026, 11, 29)
SAID = {F.DUTY_PHONE: "010-84123456", F.STEWARD: "张三", F.STEWARD_PHONE: "84123457"}


@pytest.fixture(scope="session")
def tables() -> Tables:
    return triage.tables.load()


@pytest.fixture
async def deps(db: Database, tables: Tables) -> Deps:
    found = Deps(Settings(), FixedClock(NOW), tables, db, Vault({1: bytes(32)}))
    await add_reference(db)
    await reference.sync(found)
    return found


def viewer(
    tables: Tables, role: Role = Role.STREET, unit: str | None = WANGJING, login: str = "li"
) -> Viewer:
    return access.viewer(tables, login=login, name="", roles=[role], unit_code=unit, at=ON)


async def save(
    deps: Deps, said: dict[F, str], *, seen: int | None, unit: str = WANGJING, days: int = 0
) -> int:
    async with deps.db.writes.begin() as session:
        made = await directory.save(
            session, viewer(deps.tables), unit, said, seen=seen, now=NOW + timedelta(days=days)
        )
    return made.id


async def stands(deps: Deps, unit: str = WANGJING) -> DirectoryEntry | None:
    async with deps.db.reads() as session:
        return (await rows.in_force(session, [unit])).get(unit)


async def visible(deps: Deps, who: Viewer) -> set[str]:
    async with deps.db.reads() as session:
        return {unit.code for unit in await directory.visible(session, deps.tables, who, on=ON)}


async def test_each_save_is_a_version_and_the_ledger_tells_which_fields(deps: Deps) -> None:
    first = await save(deps, SAID, seen=None)
    second = await save(deps, {**SAID, F.DUTY_PHONE: "010-84000000"}, seen=first, days=1)
    async with deps.db.reads() as session:
        found = await rows.versions(session, WANGJING)
        entries = (
            await session.scalars(
                sa.select(LedgerRow)
                .where(LedgerRow.act == LedgerAct.DIRECTORY_SET.value)
                .order_by(LedgerRow.seq)
            )
        ).all()
    day = NOW + timedelta(days=1)
    assert [(one.id, one.valid_from, one.valid_to) for one in found] == [
        (second, day, None),
        (first, NOW, day),
    ]
    assert [(one.subject, one.who, one.detail) for one in entries] == [
        (WANGJING, "li", {"field": ["24 小时值班电话", "环保管家", "环保管家电话"]}),
        (WANGJING, "li", {"field": ["24 小时值班电话"]}),
    ]
    told = "".join(f"{one.old}{one.new}{one.detail}{one.reason}" for one in entries)
    assert ("张三" in told, "8412" in told) == (False, False)


async def test_the_same_again_is_a_confirmation(deps: Deps) -> None:
    first = await save(deps, SAID, seen=None)
    assert await save(deps, SAID, seen=first, days=5) == first
    found = await stands(deps)
    assert found is not None
    assert (found.valid_from, found.confirmed_at, found.valid_to) == (NOW, NOW + timedelta(days=5), None)
    async with deps.db.writes.begin() as session:
        who = viewer(deps.tables, login="wang")
        made = await directory.confirm(session, who, WANGJING, seen=first, now=NOW + timedelta(days=6))
    found = await stands(deps)
    assert found is not None
    assert (made.same, found.confirmed_at, found.confirmed_by) == (True, NOW + timedelta(days=6), "wang")


async def test_whoever_saw_another_version_changes_nothing(deps: Deps) -> None:
    first = await save(deps, SAID, seen=None)
    with pytest.raises(DirectoryChanged, match="li 在"):
        await save(deps, {F.DUTY_PHONE: "84000000"}, seen=None)
    with pytest.raises(DirectoryChanged):
        await save(deps, {F.DUTY_PHONE: "84000000"}, seen=first + 1000)
    async with deps.db.writes.begin() as session:
        with pytest.raises(DirectoryChanged, match="还没有填过"):
            await directory.confirm(session, viewer(deps.tables, unit=ECOLOGY), ECOLOGY, seen=None, now=NOW)
    found = await stands(deps)
    assert found is not None
    assert (found.id, found.duty_phone) == (first, "010-84123456")


async def test_of_two_at_once_one_saves(deps: Deps) -> None:
    tries = await asyncio.gather(
        *(save(deps, {F.DUTY_PHONE: f"8412000{n}"}, seen=None) for n in range(4)), return_exceptions=True
    )
    assert [type(one) for one in tries].count(DirectoryChanged) == 3
    async with deps.db.reads() as session:
        assert len(await rows.versions(session, WANGJING)) == 1


async def test_a_double_press_is_told_that_it_is_saved(deps: Deps) -> None:
    first = await save(deps, SAID, seen=None)
    assert await save(deps, SAID, seen=None) == first
    second = await save(deps, {F.OFFICE_PHONE: "84000000"}, seen=first)
    who = viewer(deps.tables)

    async def back(who: Viewer, days: int = 0) -> directory.Saved:
        later = NOW + timedelta(days=days)
        async with deps.db.writes.begin() as session:
            return await directory.put_back(session, who, WANGJING, first, seen=second, now=later)

    made, again = await back(who), await back(who)
    assert (made.repeated, again) == (False, directory.Saved(WANGJING, made.id, same=True, repeated=True))
    async with deps.db.reads() as session:
        acts = list(await session.scalars(sa.select(LedgerRow.act)))
    assert acts == [LedgerAct.DIRECTORY_SET] * 3
    # Somebody else, another day: what they sent is right as of then.
    assert (await back(viewer(deps.tables, login="wang"), days=3)).repeated
    found = await stands(deps)
    assert found is not None
    assert (found.id, found.confirmed_by, found.confirmed_at) == (made.id, "wang", NOW + timedelta(days=3))


async def test_a_version_is_put_back_as_a_new_one(deps: Deps) -> None:
    first = await save(deps, SAID, seen=None)
    second = await save(deps, {F.OFFICE_PHONE: "84000000"}, seen=first, days=1)
    who, later = viewer(deps.tables), NOW + timedelta(days=2)
    async with deps.db.writes.begin() as session:
        made = await directory.put_back(session, who, WANGJING, first, seen=second, now=later)
    found = await stands(deps)
    assert found is not None
    assert (found.id, found.duty_phone, found.office_phone) == (made.id, "010-84123456", "")
    other = await save(deps, {**SAID, F.REMARK: "新的"}, seen=made.id, days=3)
    async with deps.db.writes.begin() as session:
        with pytest.raises(DirectoryChanged):
            await directory.put_back(session, who, WANGJING, first, seen=second, now=later)
        with pytest.raises(NotFound):
            await directory.put_back(session, who, WANGJING, 10**9, seen=other, now=later)
        # Of another unit, by its number.
        with pytest.raises(NotFound):
            await directory.put_back(
                session, viewer(deps.tables, unit=ECOLOGY), ECOLOGY, first, seen=None, now=later
            )


async def test_no_more_than_the_newest_are_kept(deps: Deps) -> None:
    seen = None
    for n in range(KEPT + 3):
        seen = await save(deps, {F.DUTY_PHONE: f"84120{n:03}"}, seen=seen, days=n)
    async with deps.db.reads() as session:
        found = await rows.versions(session, WANGJING)
    assert (len(found), found[0].duty_phone, found[-1].duty_phone) == (KEPT, "84120022", "84120003")


async def test_others_and_unknown_units_are_refused(deps: Deps) -> None:
    for unit in (XUEYUAN, "110105-nobody"):
        with pytest.raises(NotYours):
            await save(deps, SAID, seen=None, unit=unit)
    async with deps.db.writes.begin() as session:
        city = viewer(deps.tables, Role.SUPERVISOR, None)
        with pytest.raises(NotFound):
            await directory.save(session, city, "nobody", SAID, seen=None, now=NOW)
        with pytest.raises(DirectoryRefused):
            await directory.save(session, city, WANGJING, {}, seen=None, now=NOW)


async def test_whoever_shares_an_open_case_reads_it_and_nobody_by_one_they_may_not_see(
    deps: Deps, db: Database
) -> None:
    street = viewer(deps.tables, unit=XUEYUAN)
    assert {XUEYUAN, "110108"} < await visible(deps, street)
    assert WANGJING not in await visible(deps, street)
    shared = TicketIn(assist=(XUEYUAN,), copies=())
    confidential = replace(shared, assist=(), copies=(XUEYUAN,), confidential=True)
    await add_tickets(db, replace(shared, state=State.ARCHIVED), confidential)
    assert WANGJING not in await visible(deps, street)
    await add_tickets(db, shared)
    seen = await visible(deps, street)
    assert (WANGJING in seen, ECOLOGY in seen) == (True, False)
    assert len(await visible(deps, viewer(deps.tables, Role.CLERK, None))) > 300
    assert len(await visible(deps, viewer(deps.tables, Role.BUREAU, CHAOYANG))) > 300


async def test_ones_own_come_first(deps: Deps) -> None:
    async with deps.db.reads() as session:
        found = await directory.visible(session, deps.tables, viewer(deps.tables), on=ON)
    assert found[0].code == WANGJING


async def test_one_is_reminded_of_ones_own(deps: Deps) -> None:
    who = viewer(deps.tables)

    async def remind(days: int) -> dict[str, bool]:
        async with deps.db.reads() as session:
            return await directory.to_remind(session, who, now=NOW + timedelta(days=days))

    assert await remind(0) == {WANGJING: False}
    await save(deps, SAID, seen=None)
    assert (await remind(90), await remind(91)) == ({}, {WANGJING: True})
    async with deps.db.reads() as session:
        nobody = viewer(deps.tables, Role.CLERK, None)
        assert await directory.to_remind(session, nobody, now=NOW) == {}


async def bring(deps: Deps, text: str, who: Viewer) -> directory_files.Imported:
    found = directory_files.read(directory_files.text_of(text.encode("gb18030")), deps.tables, on=ON)
    return await directory_files.store(deps.db, who, found, now=NOW)


async def test_of_a_file_the_good_lines_are_kept_and_the_bad_ones_named(deps: Deps) -> None:
    await save(deps, {**SAID, F.REMARK: "旧的"}, seen=None)
    name = deps.tables.units[ECOLOGY].name
    made = await bring(
        deps,
        "单位编码,单位,24 小时值班电话,环保管家,环保管家电话,备注\n"
        f"{WANGJING},,010-84120001,王五,84123457,新的\n"
        f',{name},"\'+8610 84120002",,,\n'
        "\n"
        f"{WANGJING},,1,,,\n"
        ",没有的局,84120003,,,\n"
        "110105-nobody,,84120003,,,\n"
        f"{XUEYUAN},,84120004,,,\n"
        f"{CHAOYANG},,很多,,,\n"
        f"110105001,,84120003\n"
        ",,84120003,,,\n"
        "110105002,,,,,\n",
        viewer(deps.tables, Role.SUPERVISOR, CHAOYANG),
    )
    assert (made.saved, made.same) == (2, 1)
    assert [(number, words[:8]) for number, words in made.faults] == [
        (5, "和第 2 行是同"), (6, "没有单位叫“没有"), (7, "没有这个单位编码"),
        (8, "这个单位的通讯录"), (9, "24 小时值班电"), (10, "列数与表头不同"), (11, "没有写单位"),
    ]  # fmt: skip
    first, second = await stands(deps), await stands(deps, ECOLOGY)
    assert first is not None
    assert second is not None
    assert (first.duty_phone, first.steward, first.remark) == ("010-84120001", "王五", "新的")
    assert second.duty_phone == "+8610 84120002"
    assert await stands(deps, XUEYUAN) is None


async def test_what_was_good_stays_where_a_file_is_cut_off(
    deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = directory.put

    async def put(
        session: AsyncSession, who: Viewer, unit: str, said: dict[F, str], *, now: datetime
    ) -> bool:
        if unit == WANGJING:
            raise ConnectionError
        return await whole(session, who, unit, said, now=now)

    monkeypatch.setattr(directory_files, "_AT_ONCE", 1)
    monkeypatch.setattr(directory_files, "put", put)
    text = f"单位编码,24 小时值班电话\n{WANGJING},84120001\n{ECOLOGY},84120002\n"
    who = viewer(deps.tables, Role.SUPERVISOR, CHAOYANG)
    with pytest.raises(ConnectionError):
        await bring(deps, text, who)
    assert (await stands(deps), await stands(deps, ECOLOGY) is not None) == (None, True)
    monkeypatch.undo()
    made = await bring(deps, text, who)
    assert (made.saved, made.same) == (1, 1)


async def test_a_save_and_a_dispatch_to_the_unit_pass_each_other(
    postgres_db: Database, tables: Tables
) -> None:
    deps = Deps(Settings(), FixedClock(NOW), tables, postgres_db, Vault({1: bytes(32)}))
    await add_tickets(postgres_db, TicketIn(assist=(), copies=()))
    await reference.sync(deps)
    async with postgres_db.writes.begin() as dispatch:
        ticket = await dispatch.scalar(sa.select(Ticket.id))
        part = {"ticket_id": ticket, "unit_code": ECOLOGY, "role": PartRole.ASSIST.value}
        await dispatch.execute(sa.insert(TicketUnit), part)
        text = f"单位编码,24 小时值班电话\n{WANGJING},84120001\n{ECOLOGY},84120002\n"
        async with asyncio.timeout(10):
            made = await bring(deps, text, viewer(tables, Role.SUPERVISOR, CHAOYANG))
        assert made.saved == 2
        # And the other way about: a save that holds the unit does not keep the dispatch waiting.
        async with postgres_db.writes.begin() as other:
            assert await rows.lock(other, CHAOYANG)
            async with asyncio.timeout(10):
                await dispatch.execute(sa.insert(TicketUnit), {**part, "unit_code": CHAOYANG})


async def test_columns_that_a_file_lacks_stay(deps: Deps) -> None:
    await save(deps, SAID, seen=None)
    made = await bring(deps, f"单位编码,备注\n{WANGJING},节假日打总值班室\n", viewer(deps.tables))
    found = await stands(deps)
    assert found is not None
    assert (made.saved, found.remark, found.steward) == (1, "节假日打总值班室", "张三")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "表头里要有"),
        ("名字,备注\n", "不认识：名字"),
        ("备注\n", "表头里要有"),
        ("单位,单位\n", "有两列同名"),
        ('单位\n"a"b\n', "第 2 行：不是合法的 CSV"),
        ('单位\n"a\n', "不是合法的 CSV"),
        ("单位\n" + "a\n" * 2001, "最多 2000 行"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_as_a_whole(tables: Tables, text: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        directory_files.read(text, tables, on=ON)


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(BadInput, match="CSV UTF-8"):
        directory_files.text_of(b"\xff\xff\xff")


async def test_what_is_exported_is_imported_again_and_changes_nothing(deps: Deps) -> None:
    await save(deps, {**SAID, F.REMARK: "=1+1", F.OFFICE_PHONE: "+86 10 84123456"}, seen=None)
    who = viewer(deps.tables, Role.SUPERVISOR, CHAOYANG)
    async with deps.db.reads() as session:
        units = await directory.visible(session, deps.tables, who, on=ON)
        body = await directory_files.table(session, [one for one in units if one.district_code == CHAOYANG])
    text = directory_files.text_of(body)
    assert ("'=1+1" in text, "2026-11" in text) == (True, True)
    made = await bring(deps, text, who)
    assert (made.saved, made.faults) == (0, ())
