"""A given-up appeal that was registered by hand: what comes later, and what it had, reach the other one."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import triage.tables
from connectors.vault import Vault
from models import files
from models.appeals import Appeal, Source
from models.citizens import CitizenWord
from models.files import Attachment
from models.identities import Erasure
from models.ledger import LedgerRow
from models.outbox import Outbox, living_on
from models.vocab import AppealState
from models.vocab_files import FileOwner
from models.vocab_ledger import LedgerAct
from tests.factories import NOW
from tests.triage.services.test_registering import (
    CLERK,
    PHONE,
    appeals,
    given_up,
    instead_of,
    opened,
    send,
    wish,
)
from triage.clock import FixedClock
from triage.errors import BadInput
from triage.services import attachments, confiding, intake, registering, retrying
from triage.services.attachments import Owner, Prepared
from triage.services.citizen import cases
from triage.services.citizen.cases import TooEarly
from triage.services.deps import Deps
from triage.services.identities import erasing
from triage.services.intake import NewAppeal
from triage.settings import Settings

if TYPE_CHECKING:
    from models.db import Database


@pytest.fixture
def deps(db: Database) -> Deps:
    return Deps(Settings(), FixedClock(NOW), triage.tables.load(), db, Vault({1: bytes(32)}))


async def kill(deps: Deps, appeal_id: int) -> None:
    """A worker gives this one up, too."""
    async with deps.db.writes.begin() as session:
        dead = sa.update(Appeal).where(Appeal.id == appeal_id).values(state=AppealState.DEAD.value)
        await session.execute(dead)
        await session.execute(sa.delete(Outbox))


async def three(deps: Deps) -> list[int]:
    """One given up, the one in its place given up as well, and the one in place of that."""
    first = await given_up(deps)
    second = (await send(deps, await instead_of(deps, first))).appeal_id
    await kill(deps, second)
    third = (await send(deps, await instead_of(deps, second, key="another"))).appeal_id
    return [first, second, third]


async def asked(deps: Deps) -> list[int]:
    async with deps.db.reads() as session:
        return list(await session.scalars(sa.select(Erasure.appeal_id).order_by(Erasure.appeal_id)))


async def test_one_lives_on_as_the_one_registered_for_it_and_so_on(deps: Deps) -> None:
    first, second, third = await three(deps)
    async with deps.db.reads() as session:
        assert await living_on(session, [first]) == [second, third]
        assert await living_on(session, [first, second]) == [third]
        assert await living_on(session, [third]) == []
        assert await living_on(session, []) == []


async def test_what_its_source_keeps_secret_later_is_so_in_its_place_too(deps: Deps) -> None:
    ids = await three(deps)
    async with deps.db.writes.begin() as session:
        key = await session.scalar(sa.select(Appeal.dedupe_key).where(Appeal.id == ids[0])) or ""
        source = await session.scalar(sa.select(Source.key).where(Source.key == "platform")) or ""
        assert await confiding.told(session, {(source, key)}, now=NOW) == len(ids)
        assert await confiding.told(session, {(source, key)}, now=NOW) == 0
    assert [appeal.confidential for appeal in await appeals(deps)] == [True] * len(ids)
    async with deps.db.reads() as session:
        said = await session.scalars(
            sa.select(LedgerRow.subject).where(LedgerRow.act == LedgerAct.CONFIDED.value)
        )
    assert sorted(said) == [str(number) for number in ids]


async def test_a_wish_to_be_erased_is_for_every_copy_of_what_was_sealed(deps: Deps) -> None:
    ids = await three(deps)
    async with deps.db.writes.begin() as session:
        # By the number that all of them bear; two of them were given up.
        assert await erasing.ask(session, CLERK, "P-7", "来函 1 号", now=NOW) == ids[0]
    assert await asked(deps) == ids


async def test_a_wish_by_the_number_of_the_later_one_is_for_the_first_as_well(deps: Deps) -> None:
    first = await given_up(deps)
    second = (await send(deps, await instead_of(deps, first, number="BJ-8"))).appeal_id
    await kill(deps, second)
    async with deps.db.writes.begin() as session:
        assert await erasing.ask(session, CLERK, "BJ-8", "来函 1 号", now=NOW) == second
    assert await asked(deps) == [first, second]


async def test_the_way_back_needs_no_entry_of_the_ledger(deps: Deps) -> None:
    """Which goes long before the identities do."""
    first = await given_up(deps)
    second = await given_up(deps, external_id="BJ-9")
    async with deps.db.writes.begin() as session:
        await retrying.taken_over(session, first, by=second, now=NOW)
    async with deps.db.writes.begin() as session:
        assert await erasing.ask(session, CLERK, "BJ-9", "来函 1 号", now=NOW) == second
    assert await asked(deps) == [first, second]


async def test_a_wish_waits_for_who_holds_the_first_and_holds_no_other_meanwhile(deps: Deps) -> None:
    first, second, third = await three(deps)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Appeal).where(Appeal.id == third).values(external_id="BJ-9"))
    await kill(deps, third)

    async def wanted() -> int:
        async with deps.db.writes.begin() as session:
            return await erasing.ask(session, CLERK, "BJ-9", "来函 1 号", now=NOW)

    async with deps.db.writes.begin() as session:
        await session.get_one(Appeal, first, with_for_update=True)
        pressed = asyncio.create_task(wanted())
        # Long enough to come to where it waits.
        await asyncio.sleep(0.5)
        for later in (second, third):
            await session.get_one(Appeal, later, with_for_update=True)
    assert await pressed == third
    assert await asked(deps) == [first, second, third]


async def test_two_of_one_number_that_have_nothing_to_do_with_each_other_are_not_told_apart(
    deps: Deps,
) -> None:
    await three(deps)
    other = NewAppeal("elsewhere", "别处来的一件事。", NOW, external_id="P-7")
    async with deps.db.writes.begin() as session:
        (number,) = (await intake.receive(session, deps.vault, [other], now=NOW)).stored
    await kill(deps, number)
    async with deps.db.writes.begin() as session:
        with pytest.raises(BadInput, match="分不清"):
            await erasing.ask(session, CLERK, "P-7", "来函 1 号", now=NOW)
    assert await asked(deps) == []


async def test_a_wish_that_waits_goes_along(deps: Deps) -> None:
    first = await given_up(deps)
    async with deps.db.writes.begin() as session:
        await erasing.ask(session, CLERK, "P-7", "来函 1 号", now=NOW - timedelta(hours=1))
    second = (await send(deps, await instead_of(deps, first))).appeal_id
    assert await asked(deps) == [first, second]


async def picture(deps: Deps, appeal_id: int, sha256: str) -> None:
    photo = Prepared(b"x", "image/jpeg", "照片 1.jpg", 1, 1, b"t")
    owner = Owner(appeal_id, FileOwner.APPEAL, "citizen")
    async with deps.db.writes.begin() as session:
        await attachments.register(session, owner, [photo], [(sha256, "t" * 64)], now=NOW)


async def photos(deps: Deps, appeal_id: int) -> list[tuple[str, str | None, str]]:
    async with deps.db.reads() as session:
        found = await files.sent_with(session, appeal_id)
    return [(photo.sha256, photo.thumb_sha256, photo.by) for photo in found]


async def test_photos_added_words_and_what_else_was_told_go_along(deps: Deps) -> None:
    first = await given_up(deps, extra={"备注": "下午在家"})
    await picture(deps, first, "a" * 64)
    async with deps.db.writes.begin() as session:
        assert await cases.add(session, deps, first, f"我叫欧阳示例，电话{PHONE}。", "k1", now=NOW)
    form = await instead_of(deps, first)
    second = (await send(deps, form)).appeal_id
    assert (await send(deps, form)).repeated
    assert await photos(deps, second) == await photos(deps, first) == [("a" * 64, "t" * 64, "citizen")]
    async with deps.db.reads() as session:
        word = (await session.scalars(sa.select(CitizenWord).where(CitizenWord.appeal_id == second))).one()
    assert word.text == "我叫[姓名]，电话[手机号]。"
    sealed = deps.vault.open(word.original or b"", belongs_to=f"citizen_word:{second}:k1")
    assert (PHONE in sealed, word.at) == (True, NOW)
    assert "下午在家" in (await opened(deps, second))["original"]


async def test_what_was_erased_is_not_given_nor_what_may_name_who_is_not_carried(deps: Deps) -> None:
    first = await given_up(deps, extra={"备注": "下午在家"})
    form = await instead_of(deps, first, carry=False, anonymous=True)
    await picture(deps, first, "a" * 64)
    async with deps.db.writes.begin() as session:
        session.add(Erasure(appeal_id=first, asked_at=NOW, asked_by="clerk", reason="来函", erased_at=NOW))
    await picture_later(deps, first)
    second = (await send(deps, form)).appeal_id
    assert [sha256 for sha256, *_ in await photos(deps, second)] == ["b" * 64]
    assert "下午在家" not in (await opened(deps, second))["original"]


async def picture_later(deps: Deps, appeal_id: int) -> None:
    await picture(deps, appeal_id, "b" * 64)
    async with deps.db.writes.begin() as session:
        later = sa.update(Attachment).where(Attachment.sha256 == "b" * 64)
        await session.execute(later.values(at=NOW + timedelta(hours=1)))


async def test_a_photo_more_is_another_form_and_none_is_the_same(deps: Deps) -> None:
    photo = Prepared(b"x", "image/jpeg", "照片 1.jpg", 1, 1, b"t")

    async def press(*hashes: str) -> registering.Registered:
        kept = [(sha256, None) for sha256 in hashes]
        async with deps.db.writes.begin() as session:
            return await registering.register(
                session, deps, CLERK, wish(), files=[photo for _ in kept], hashes=kept, now=NOW
            )

    made = await press("a" * 64)
    assert (await press("a" * 64)).repeated
    assert (await press()).repeated
    with pytest.raises(registering.FormReused):
        await press("a" * 64, "b" * 64)
    assert [sha256 for sha256, *_ in await photos(deps, made.appeal_id)] == ["a" * 64]


async def test_nothing_is_added_to_an_appeal_that_nobody_reads_any_more(deps: Deps) -> None:
    first = await given_up(deps)
    async with deps.db.writes.begin() as session:
        assert await cases.add(session, deps, first, "还有一件事。", "k1", now=NOW)
    await send(deps, await instead_of(deps, first))
    async with deps.db.writes.begin() as session:
        with pytest.raises(TooEarly, match="重新登记"):
            await cases.add(session, deps, first, "又有一件事。", "k2", now=NOW)
    async with deps.db.writes.begin() as session:
        with pytest.raises(TooEarly, match="重新登记"):
            await cases.urge(session, deps, first, "k3", now=NOW)


async def test_what_is_added_in_the_moment_of_a_registration_is_not_lost(deps: Deps) -> None:
    first = await given_up(deps)
    form = await instead_of(deps, first)

    async def added() -> bool:
        async with deps.db.writes.begin() as session:
            return await cases.add(session, deps, first, "又有一件事。", "k2", now=NOW)

    async with deps.db.writes.begin() as session:
        await registering.register(session, deps, CLERK, form, now=NOW)
        pressed = asyncio.create_task(added())
        # Long enough to come to where it waits.
        await asyncio.sleep(0.5)
    with pytest.raises(TooEarly, match="重新登记"):
        await pressed


async def test_a_retry_that_waits_for_a_registration_makes_no_second_case(deps: Deps) -> None:
    first = await given_up(deps)
    form = await instead_of(deps, first)

    async def again() -> int:
        async with deps.db.writes.begin() as session:
            return await retrying.retry(session, CLERK, now=NOW)

    async with deps.db.writes.begin() as session:
        await registering.register(session, deps, CLERK, form, now=NOW)
        pressed = asyncio.create_task(again())
        # Long enough to come to where it waits.
        await asyncio.sleep(0.5)
    assert await pressed == 0
    assert [appeal.state for appeal in await appeals(deps)] == ["dead", "waiting"]
