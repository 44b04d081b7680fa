"""频次: counted in the database, so that however many processes there are, the limit is one."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from connectors.vault import Vault
from models.citizens import RateCount
from models.vocab_citizen import Asked
from tests.factories import NOW
from triage.services import limiting

if TYPE_CHECKING:
    from datetime import datetime

    from models.db import Database

VAULT = Vault({1: bytes(32)})


async def ask(db: Database, who: str, *, most: int = 3, now: datetime = NOW) -> bool:
    try:
        async with db.writes.begin() as session:
            await limiting.count(session, VAULT, Asked.REPORT, who, most=most, now=now)
    except limiting.TooOften:
        return False
    return True


async def test_so_often_and_no_more_until_the_hour_is_over(db: Database) -> None:
    assert [await ask(db, "10.0.0.1") for _ in range(5)] == [True, True, True, False, False]
    assert await ask(db, "10.0.0.2")
    assert not await ask(db, "10.0.0.1", now=NOW + timedelta(minutes=59))
    assert await ask(db, "10.0.0.1", now=NOW + timedelta(hours=1))


async def test_many_at_once_do_not_slip_through(db: Database) -> None:
    assert sum(await asyncio.gather(*(ask(db, "x") for _ in range(20)))) == 3


async def test_a_look_counts_nothing_and_says_what_counting_would(db: Database) -> None:
    async def look() -> None:
        async with db.reads() as session:
            await limiting.look(session, VAULT, Asked.REPORT, "x", most=1, now=NOW)

    await look()
    await look()
    assert await ask(db, "x", most=1)
    with pytest.raises(limiting.TooOften, match="最多 1 次，请约 60 分钟后"):
        await look()


async def test_who_it_was_cannot_be_read(db: Database) -> None:
    await ask(db, "13912340007")
    async with db.reads() as session:
        (row,) = (await session.scalars(sa.select(RateCount))).all()
    assert "13912340007" not in row.who
    async with db.writes.begin() as session:
        await limiting.forget(session, now=NOW + timedelta(hours=1))
    async with db.reads() as session:
        assert (await session.scalars(sa.select(RateCount))).all() == []


async def test_it_says_how_long_to_wait(db: Database) -> None:
    await ask(db, "x", most=1)
    with pytest.raises(limiting.TooOften, match="约 60 分钟后"):
        async with db.writes.begin() as session:
            await limiting.count(session, VAULT, Asked.REPORT, "x", most=1, now=NOW)


async def test_old_counts_go_with_new_ones(db: Database) -> None:
    for who in ("a", "b", "c"):
        await ask(db, who)
    await ask(db, "d", now=NOW + timedelta(hours=2))
    async with db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(RateCount)) == 1


@pytest.mark.parametrize(
    ("address", "site"),
    [
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("2001:db8:1:ffff::1", "2001:db8:1::/48"),
        ("::ffff:192.0.2.1", None),
        ("192.0.2.1", None),
        ("", None),
    ],
)
def test_a_site_is_what_one_line_has_of_ipv6(address: str, site: str | None) -> None:
    assert limiting.site_of(address) == site
