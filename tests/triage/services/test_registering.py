"""人工登记: one form is one case, numbers may meet, identities are sealed, a given-up one is taken over."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import triage.tables
from connectors.vault import Vault
from models.appeals import Appeal, Appellant, Source
from models.counting import today
from models.everything import metadata
from models.ledger import LedgerRow
from models.outbox import DeadLetter, Outbox
from models.viewing import Scope, all_seeing
from models.vocab import AppealState, Channel
from models.vocab_ledger import LedgerAct
from tests.factories import NOW
from triage.clock import FixedClock
from triage.errors import NotFound
from triage.services import intake, registered, registering, registration, retrying
from triage.services.deps import Deps
from triage.services.intake import NewAppeal
from triage.services.registering import FormReused, NotGivenUp, Registered
from triage.services.registration import Typed
from triage.settings import Settings
from triage.web.asking import day_of

if TYPE_CHECKING:
    from models.db import Database
    from triage.services.registration import Registration

CLERK = all_seeing("clerk")
PHONE = "13912340007"
TEXT = "朝阳区望京街道一处工地每天夜里打桩，我叫欧阳示例，电话13912340007。"
FORM = Typed(
    key="k" * 32, how="visit", title="夜间施工", text=TEXT, place="望京北路南侧",
    name="欧阳示例", phone=PHONE, received="2026-11-23T15:30", number="BJ-2026-1",
)  # fmt: skip


@pytest.fixture
def deps(db: Database) -> Deps:
    return Deps(Settings(), FixedClock(NOW), triage.tables.load(), db, Vault({1: bytes(32)}))


def wish(**more: Any) -> Registration:  # noqa: ANN401
    found, faults = registration.check(replace(FORM, **more), now=NOW)
    assert faults == {}
    assert found is not None
    return found


async def send(deps: Deps, form: Registration | None = None, who: str = "clerk") -> Registered:
    async with deps.db.writes.begin() as session:
        return await registering.register(session, deps, all_seeing(who), form or wish(), now=NOW)


async def appeals(deps: Deps) -> list[Appeal]:
    async with deps.db.reads() as session:
        return list(await session.scalars(sa.select(Appeal).order_by(Appeal.id)))


async def opened(deps: Deps, appeal_id: int) -> dict[str, str]:
    """What is sealed of an appeal, opened."""
    async with deps.db.reads() as session:
        person = await session.scalar(sa.select(Appellant).where(Appellant.appeal_id == appeal_id))
    parts = ("name", "phone", "id_number", "original")
    sealed = {part: getattr(person, part, None) for part in parts}
    return {
        part: deps.vault.open(value, belongs_to=f"appellant.{part}:{appeal_id}")
        for part, value in sealed.items()
        if value is not None
    }


async def test_it_is_an_appeal_like_any_other(deps: Deps) -> None:
    made = await send(deps)
    (appeal,) = await appeals(deps)
    async with deps.db.reads() as session:
        source = await session.get_one(Source, appeal.source_id)
        owed = list(await session.scalars(sa.select(Outbox.key)))
        entry = (await session.scalars(sa.select(LedgerRow))).one()
    assert (made, owed, source.name) == (Registered(appeal.id), [appeal.id], "人工登记")
    assert (appeal.external_id, appeal.channel, appeal.state) == ("BJ-2026-1", "visit", "waiting")
    assert appeal.received_at == NOW - timedelta(minutes=30)
    assert (entry.who, entry.act, entry.subject) == (
        "clerk", LedgerAct.REGISTERED.value, str(appeal.id),
    )  # fmt: skip
    assert entry.detail == {
        "channel": "visit", "number": "BJ-2026-1", "confidential": False, "anonymous": False, "files": 0,
        "failed": None,
    }  # fmt: skip
    sealed = await opened(deps, appeal.id)
    assert (sealed["name"], sealed["phone"], PHONE in sealed["original"]) == ("欧阳示例", PHONE, True)


async def test_what_lies_in_the_clear_holds_nobody(deps: Deps) -> None:
    await send(deps)
    async with deps.db.reads() as session:
        for table in metadata.sorted_tables:
            for row in await session.execute(sa.select(table)):
                assert [mark for mark in (PHONE, "欧阳示例") if mark in repr(tuple(row))] == [], table.name
    assert PHONE not in repr(FORM) + repr(wish())


async def test_one_form_is_one_case_and_what_was_changed_is_told(deps: Deps) -> None:
    first = await send(deps)
    assert await send(deps) == Registered(first.appeal_id, repeated=True)
    for more in ({"text": TEXT + "今天也是。"}, {"phone": "13912340008"}, {"name": "欧阳"}, {"number": ""}):
        with pytest.raises(FormReused) as caught:
            await send(deps, wish(**more))
        assert caught.value.appeal_id == first.appeal_id
    assert len(await appeals(deps)) == 1
    # Another clerk's form is another one, whatever its key.
    assert (await send(deps, who="other")).repeated is False


async def test_two_presses_at_once_are_one_case(deps: Deps) -> None:
    both = await asyncio.gather(send(deps), send(deps))
    (appeal,) = await appeals(deps)
    assert {one.appeal_id for one in both} == {appeal.id}
    assert sorted(one.repeated for one in both) == [False, True]
    old = await given_up(deps)
    form = replace(await instead_of(deps, old), key="another")
    both = await asyncio.gather(send(deps, form), send(deps, form))
    assert sorted(one.repeated for one in both) == [False, True]


async def test_a_form_without_a_moment_is_sent_twice_as_well(deps: Deps) -> None:
    await send(deps, wish(received=""))
    later = replace(deps, clock=FixedClock(NOW + timedelta(minutes=3)))
    async with deps.db.writes.begin() as session:
        again = await registering.register(session, later, CLERK, wish(received=""), now=later.clock.now())
    assert again.repeated


async def test_a_number_may_be_registered_again_and_finds_them_all(deps: Deps) -> None:
    await send(deps)
    second = await send(deps, wish(key="another"))
    order = NewAppeal("platform", "平台来的一件事。", NOW, external_id="BJ-2026-1", channel=Channel.PHONE)
    async with deps.db.writes.begin() as session:
        assert (await intake.receive(session, deps.vault, [order], now=NOW)).stored
    async with deps.db.reads() as session:
        found = await registered.bearing(session, CLERK, "BJ-2026-1", besides=second.appeal_id)
        assert await registered.bearing(session, CLERK, "BJ-2026-2") == ()
    assert [(one.source, one.state, one.no) for one in found] == [
        ("platform", "待处理", None), ("人工登记", "待处理", None),
    ]  # fmt: skip


async def test_a_number_is_found_however_a_platform_writes_it(deps: Deps) -> None:
    theirs = "京（2026）ａ12号"
    order = NewAppeal("platform", "平台来的一件事。", NOW, external_id=theirs, channel=Channel.PHONE)
    async with deps.db.writes.begin() as session:
        await intake.receive(session, deps.vault, [order], now=NOW)
    made = await send(deps, wish(number=f" {theirs} "))
    plain = await send(deps, wish(number="ＢJ-9", key="another"))
    async with deps.db.reads() as session:
        numbers = {one.id: one.external_id for one in await session.scalars(sa.select(Appeal))}
        found = await registered.bearing(session, CLERK, theirs, besides=made.appeal_id)
        for given in ("bj-9", "BJ-9", "ＢＪ-9"):
            assert len(await registered.bearing(session, CLERK, given)) == 1
        assert "电话" in (await registering.number_fault(session, "１３９１２３４０００７") or "")
    # As the platform writes it, so that both are found by it; else as people type it.
    assert (numbers[made.appeal_id], numbers[plain.appeal_id]) == (theirs, "BJ-9")
    assert [one.source for one in found] == ["platform"]
    assert (await send(deps, wish(number="ＢJ-9", key="another"))).repeated


async def given_up(deps: Deps, *, confidential: bool = False, **more: Any) -> int:  # noqa: ANN401
    """An appeal that a worker gave up, with a name, a phone and a number in its words."""
    item = NewAppeal(
        "platform", TEXT, NOW - timedelta(days=1), external_id="P-7", name="欧阳示例", phone=PHONE,
        confidential=confidential, address="家住示例苑17号楼1705室",
    )  # fmt: skip
    item = replace(item, **more)
    async with deps.db.writes.begin() as session:
        (appeal_id,) = (await intake.receive(session, deps.vault, [item], now=NOW)).stored
        await session.execute(
            sa.update(Appeal).where(Appeal.id == appeal_id).values(state=AppealState.DEAD.value)
        )
        await session.execute(sa.delete(Outbox))
        letter = {"topic": "read_appeals", "key": appeal_id, "reason": "MemoryError @ read:1"}
        await session.execute(sa.insert(DeadLetter).values(**letter, detail={}, created_at=NOW))
    return appeal_id


async def instead_of(deps: Deps, appeal_id: int, **more: Any) -> Registration:  # noqa: ANN401
    """The form that a given-up appeal begins, as it is."""
    async with deps.db.reads() as session:
        old = await registering.failed(session, CLERK, appeal_id)
    assert PHONE not in old.text
    assert old.identity
    told = {
        "title": old.title, "text": old.text, "place": old.place, "number": old.number,
        "name": "", "phone": "", "failed": appeal_id, "carry": True,
    }  # fmt: skip
    return wish(**(told | more))


async def dead(deps: Deps) -> tuple[int, int]:
    """How many are listed as given up, and how many the list's page counts."""
    async with deps.db.reads() as session:
        listed = await retrying.given_up(session, CLERK)
        return len(listed), (await today(session, CLERK, day_of(NOW))).dead.value


async def test_a_given_up_appeal_is_taken_over_with_what_is_sealed_of_it(deps: Deps) -> None:
    old = await given_up(deps)
    assert await dead(deps) == (1, 1)
    form = await instead_of(deps, old)
    made = await send(deps, form)
    assert await send(deps, form) == Registered(made.appeal_id, repeated=True)
    sealed = await opened(deps, made.appeal_id)
    # The words of the citizen, though the form only ever showed them masked.
    assert (sealed["name"], sealed["phone"]) == ("欧阳示例", PHONE)
    assert TEXT in sealed["original"]
    assert "1705" in sealed["original"]
    assert await dead(deps) == (0, 0)
    async with deps.db.writes.begin() as session:
        assert await retrying.retry(session, CLERK, now=NOW) == 0
        assert await retrying.retry(session, CLERK, now=NOW, ids=[old]) == 0
    with pytest.raises(NotGivenUp):
        await send(deps, replace(form, key="another"))
    async with deps.db.reads() as session:
        with pytest.raises(NotFound):
            await registering.failed(session, CLERK, old)
        (same,) = await registered.bearing(session, CLERK, "P-7", besides=made.appeal_id)
    assert same.state == "处理失败，已人工登记"


async def test_what_was_written_anew_and_who_was_not_carried_is_not_taken_over(deps: Deps) -> None:
    old = await given_up(deps, confidential=True)
    form = await instead_of(
        deps, old, text="工地夜里打桩，请处理。", carry=False, anonymous=True, confidential=False
    )
    made = await send(deps, form)
    appeal = (await appeals(deps))[-1]
    sealed = await opened(deps, made.appeal_id)
    assert (appeal.text, set(sealed)) == ("工地夜里打桩，请处理。", {"original"})
    assert PHONE not in sealed["original"]
    # Whoever asked for 保密 has it, whatever the form says.
    assert appeal.confidential


@pytest.mark.parametrize(
    "more", [{"carry": False, "anonymous": True}, {"carry": False, "name": "王小二"}, {"name": "王小二"}]
)
async def test_the_name_that_the_words_were_masked_by_stays_masked(deps: Deps, more: dict[str, Any]) -> None:
    said = "住户欧阳示例家门口夜里打桩。"
    old = await given_up(deps, title=said, text=said, address=f"示例苑{said}")
    form = await instead_of(deps, old, **more)
    made = await send(deps, form)
    assert await send(deps, form) == Registered(made.appeal_id, repeated=True)
    appeal = (await appeals(deps))[-1]
    assert (appeal.title, appeal.text) == ("住户欧某家门口夜里打桩。",) * 2
    assert "欧阳" not in (appeal.address or "")
    # What they wrote is there for who may open it.
    assert said in (await opened(deps, made.appeal_id))["original"]


async def test_who_may_not_see_it_may_not_take_it_over(deps: Deps) -> None:
    old = await given_up(deps)
    form = await instead_of(deps, old)
    narrow = replace(CLERK, scope=Scope(units=frozenset({"110105026"})))
    async with deps.db.writes.begin() as session:
        with pytest.raises(NotFound):
            await registering.register(session, deps, narrow, form, now=NOW)


async def test_one_of_a_unit_sees_how_far_their_own_is(deps: Deps) -> None:
    made = await send(deps)
    unit = replace(CLERK, scope=Scope(units=frozenset({"110105026"})))
    async with deps.db.reads() as session:
        assert (await registered.progress(session, unit, made.appeal_id)).no is None
        with pytest.raises(NotFound):
            await registered.progress(session, replace(unit, login="other"), made.appeal_id)


WRONG = {
    "how": {"how": "web"},
    "title": {"title": "题" * 101},
    "text": {"text": " 吵 "},
    "place": {"place": "地" * 201},
    "number": {"number": "没有数字"},
    "received": {"received": "昨天"},
    "phone": {"phone": "12345"},
    "name": {"name": "13912340007"},
    "anonymous": {"anonymous": True},
    "form": {"key": ""},
}


@pytest.mark.parametrize("field", WRONG)
def test_a_fault_is_told_by_its_field(field: str) -> None:
    found, faults = registration.check(replace(FORM, **WRONG[field]), now=NOW)  # type: ignore[arg-type]
    assert (found, set(faults)) == (None, {field})


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("2026-11-23T16:09", None),
        ("2026-11-23T16:11", "将来"),
        ("1999-12-31T10:00", "2000 年以后"),
        ("9999-12-31T23:59-23:59", "2000 年以后"),
        ("0001-01-01T00:00+23:59", "2000 年以后"),
    ],
)
def test_a_moment_is_beijings_and_has_been(typed: str, told: str | None) -> None:
    _, wrong = registration.moment_of(typed, NOW)
    assert (told or "") in (wrong or "")
    assert (wrong is None) == (told is None)


def test_somebody_is_named_or_nobody_and_the_form_says_so() -> None:
    nobody = replace(FORM, name="", phone="")
    assert registration.check(nobody, now=NOW)[1].keys() == {"phone"}
    assert registration.check(replace(nobody, anonymous=True), now=NOW)[1] == {}
    assert registration.check(replace(nobody, name="王"), now=NOW)[1].keys() == {"name"}
    # Nobody to be carried from.
    assert registration.check(replace(nobody, carry=True), now=NOW)[1].keys() == {"phone"}


async def test_a_phone_is_no_number_of_a_platform_unless_one_has_it(deps: Deps) -> None:
    async with deps.db.reads() as session:
        assert "电话" in (await registering.number_fault(session, PHONE) or "")
        assert await registering.number_fault(session, "BJ-2026-1") is None
    order = NewAppeal("platform", "平台来的一件事。", NOW, external_id=PHONE)
    async with deps.db.writes.begin() as session:
        await intake.receive(session, deps.vault, [order], now=NOW)
    async with deps.db.reads() as session:
        assert await registering.number_fault(session, PHONE) is None
