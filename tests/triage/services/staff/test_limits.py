"""How often an address may try: one count for all processes, in Redis or else in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from connectors.shared_counts import SharedCounts
from models.citizens import RateCount
from triage.services import limiting
from triage.services.limiting import TooOften
from triage.services.staff import limits

if TYPE_CHECKING:
    from models.db import Database
    from triage.services.deps import Deps


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough: `limiting` is tested on both."""
    return sqlite_db


async def test_two_processes_share_one_count_in_redis(deps: Deps, redis_url: str) -> None:
    one, other = SharedCounts(redis_url), SharedCounts(redis_url)
    now = deps.clock.now()
    for counts in (one, other, one):
        await limits.ask(deps, counts, "192.0.2.7", most=3, now=now)
    with pytest.raises(TooOften, match="网络地址"):
        await limits.ask(deps, other, "192.0.2.7", most=3, now=now)
    await limits.ask(deps, other, "192.0.2.8", most=3, now=now)

    async with deps.db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(RateCount)) == 0
    await one.close()
    await other.close()


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::2", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", ""),
    ],
)
def test_one_customers_ipv6_addresses_are_one_place(address: str, place: str) -> None:
    assert limiting.place_of(address) == place


async def test_another_address_of_the_same_customer_is_no_fresh_start(
    deps: Deps, counts: SharedCounts
) -> None:
    now = deps.clock.now()
    for last in (1, 2, 3):
        await limits.ask(deps, counts, f"2001:db8::{last}", most=3, now=now)
    with pytest.raises(TooOften, match="网络地址"):
        await limits.ask(deps, counts, "2001:db8::4", most=3, now=now)
    await limits.ask(deps, counts, "2001:db8:0:1::4", most=3, now=now)


async def test_a_site_of_many_places_may_ten_times_as_much(deps: Deps, counts: SharedCounts) -> None:
    now = deps.clock.now()
    for place in range(20):
        await limits.ask(deps, counts, f"2001:db8:0:{place:x}::1", most=2, now=now)
    with pytest.raises(TooOften, match="网络地址"):
        await limits.ask(deps, counts, "2001:db8:0:99::1", most=2, now=now)
    await limits.ask(deps, counts, "2001:db8:1::1", most=2, now=now)


async def test_without_redis_the_database_counts(deps: Deps, counts: SharedCounts) -> None:
    now = deps.clock.now()
    for _ in range(3):
        await limits.ask(deps, counts, "192.0.2.7", most=3, now=now)
    with pytest.raises(TooOften, match="网络地址"):
        await limits.ask(deps, counts, "192.0.2.7", most=3, now=now)
