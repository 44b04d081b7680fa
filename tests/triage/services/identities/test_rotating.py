"""轮换密钥: every sealed value is found, goes on after a break, and opens throughout."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from connectors.vault import Stamp, Vault
from models.appeals import Appellant
from models.everything import metadata
from tests.factories import NOW
from triage.services import intake
from triage.services.identities import rotating
from triage.services.identities.sealed_places import PLACES

if TYPE_CHECKING:
    from models.db import Database

OLD, NEW = bytes(32), bytes([7]) * 32
PEOPLE = 7


async def filled(db: Database, vault: Vault) -> None:
    items = [
        intake.NewAppeal(
            source="test", external_id=str(n), text=f"工地夜里施工 {n}", received_at=NOW, name="张示例",
            phone=f"1380000000{n}",
        )
        for n in range(PEOPLE)
    ]  # fmt: skip
    async with db.writes.begin() as session:
        await intake.receive(session, vault, items, now=NOW)


async def opened(db: Database, vault: Vault) -> set[str]:
    async with db.reads() as session:
        rows = await session.execute(sa.select(Appellant.appeal_id, Appellant.phone))
        return {vault.open(phone or b"", belongs_to=f"appellant.phone:{number}") for number, phone in rows}


async def test_a_rotation_goes_on_where_it_was_broken_off(db: Database) -> None:
    await filled(db, Vault({1: OLD}))
    vault = Vault({2: NEW, 1: OLD})
    before = await opened(db, vault)
    place = PLACES[0]
    async with db.writes.begin() as session:
        first = await rotating.step(session, vault, place, now=NOW, batch=4)
    async with db.reads() as session:
        assert set(await rotating.uses(session)) == {Stamp(2, 1), Stamp(2, 2)}
    assert await opened(db, vault) == before
    async with db.writes.begin() as session:
        second = await rotating.step(session, vault, place, now=NOW, batch=4)
    assert [(s.seen, s.renewed, s.finished) for s in (first, second)] == [(4, 8, False), (3, 6, True)]
    async with db.reads() as session:
        assert await rotating.uses(session) == {Stamp(2, 2): {"appellant": 2 * PEOPLE}}
    assert await opened(db, Vault({2: NEW})) == before


async def test_what_a_process_with_the_old_ring_sealed_meanwhile_is_found(sqlite_db: Database) -> None:
    vault = Vault({2: NEW, 1: OLD})
    async with sqlite_db.writes.begin() as session:
        assert (await rotating.step(session, vault, PLACES[0], now=NOW)).finished
    await filled(sqlite_db, Vault({1: OLD}))
    async with sqlite_db.writes.begin() as session:
        await rotating.begin_again(session, 2)
        assert (await rotating.step(session, vault, PLACES[0], now=NOW)).renewed == 2 * PEOPLE


async def test_a_value_that_no_key_opens_stays_and_is_told(sqlite_db: Database) -> None:
    await filled(sqlite_db, Vault({1: OLD}))
    vault = Vault({2: NEW})
    async with sqlite_db.writes.begin() as session:
        done = await rotating.step(session, vault, PLACES[0], now=NOW)
    assert (done.renewed, done.unopened) == (0, 2 * PEOPLE)
    assert len(await opened(sqlite_db, Vault({1: OLD}))) == PEOPLE


def test_every_sealed_column_is_known_to_the_rotation() -> None:
    """A column with sealed values says so in its comment."""
    told = {
        (table.name, column.name)
        for table in metadata.tables.values()
        for column in table.columns
        # Rewards are sealed with keys of their own, which have a rotation of their own.
        if (column.comment or "").startswith("sealed") and table.schema is None
    }
    assert len({(place.name, column) for place in PLACES for column in place.columns}) == sum(
        len(place.columns) for place in PLACES
    )
    assert told == {(place.name, column) for place in PLACES for column in place.columns}
