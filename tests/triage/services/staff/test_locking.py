"""锁定: whoever tries somebody's login keeps himself out, the owner only with many addresses, for an hour."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.staff import SignInLock
from tests.triage.services.staff.helpers import enter, person
from triage.services.staff import locking
from triage.services.staff.rules import rule_at
from triage.services.staff.sessions import Came
from triage.services.staff.signing_in import Refused

if TYPE_CHECKING:
    from datetime import datetime

    from connectors.shared_counts import SharedCounts
    from tests.triage.services.staff.conftest import Clock
    from triage.services.deps import Deps

ELSEWHERE = Came("203.0.113.9", "a script")
OFFICE = "192.0.2.7"


async def tried(deps: Deps, address: str, login: str = "wang") -> tuple[bool, datetime | None]:
    """One try that is never proved."""
    now = deps.clock.now()
    async with deps.db.writes.begin() as session:
        return await locking.enter(session, deps.vault, login, address, rule_at(deps.tables, now), now=now)


async def left(deps: Deps, address: str) -> None:
    async with deps.db.writes.begin() as session:
        await locking.leave(session, deps.vault, "wang", address, now=deps.clock.now())


async def shown(deps: Deps, *logins: str) -> dict[str, datetime]:
    async with deps.db.reads() as session:
        return await locking.locks_of(session, deps.vault, logins, now=deps.clock.now())


async def many(deps: Deps, login: str = "wang") -> list[bool]:
    """As many failures as all together may have, from eleven addresses."""
    return [(await tried(deps, f"203.0.113.{n // 5}", login))[0] for n in range(51)]


async def test_a_stranger_keeps_himself_out_and_not_the_owner(
    deps: Deps, counts: SharedCounts, clock: Clock
) -> None:
    await person(deps, "wang")
    for _ in range(5):
        with pytest.raises(Refused):
            await enter(deps, counts, "wang", "not the password", came=ELSEWHERE)
    with pytest.raises(Refused, match="锁定"):
        await enter(deps, counts, "wang", came=ELSEWHERE)

    await enter(deps, counts, "wang")

    with pytest.raises(Refused, match="锁定"):
        await enter(deps, counts, "wang", came=ELSEWHERE)
    clock.later(minutes=1)
    await enter(deps, counts, "wang", came=ELSEWHERE)


@pytest.mark.parametrize("login", ["wang", "nobody"])
async def test_many_addresses_hold_a_login_for_the_rest_of_the_hour(
    deps: Deps, clock: Clock, login: str
) -> None:
    await person(deps, "wang")
    clock.later(minutes=20)
    assert await many(deps, login) == [True] * 50 + [False]
    ends = clock.now() + timedelta(minutes=40)
    assert await tried(deps, OFFICE, login) == (False, ends)
    assert await shown(deps, login, "other") == {login: ends}

    # What the owner tried meanwhile is not held against him.
    for _ in range(9):
        await tried(deps, OFFICE, login)
    clock.later(minutes=40)
    assert await tried(deps, OFFICE, login) == (True, None)


async def test_tries_at_once_from_many_addresses_get_no_more(deps: Deps) -> None:
    tries = [tried(deps, f"203.0.113.{n}") for n in range(60)]
    assert sum(may for may, _ in await asyncio.gather(*tries)) == 50


async def test_one_address_never_holds_a_login_however_long_it_goes_on(deps: Deps, clock: Clock) -> None:
    # Of one line: an IPv4 address, and a /64 that it has whole.
    ways = ("203.0.113.9", "2001:db8::1", "2001:db8::2")
    for n in range(26 * 60):
        await tried(deps, ways[n % 3])
        clock.later(minutes=1)
    assert await tried(deps, OFFICE) == (True, None)


async def test_one_line_with_many_places_never_holds_a_login(deps: Deps, clock: Clock) -> None:
    # A home line has a /56: 256 places.
    for hour in range(2):
        tries = [(await tried(deps, f"2001:db8:7:{n:x}::1"))[0] for n in range(60)]
        assert tries == [True] * 20 + [False] * 40
        assert (await tried(deps, OFFICE), await tried(deps, "2001:db8:8::1")) == ((True, None), (True, None))
        await left(deps, OFFICE)
        await left(deps, "2001:db8:8::1")
        assert await shown(deps, "wang") == {"wang": clock.now() + timedelta(hours=1)}
        clock.later(hours=1)
        assert await shown(deps, "wang") == {}, hour


async def test_what_its_site_is_refused_is_no_failure_of_a_place(deps: Deps, clock: Clock) -> None:
    for n in range(20):
        await tried(deps, f"2001:db8:7:{n:x}::1")
    for _ in range(9):
        assert (await tried(deps, "2001:db8:7:99::1"))[0] is False
    clock.later(hours=1)
    assert await tried(deps, "2001:db8:7:99::1") == (True, None)


async def test_proved_or_opened_a_site_is_free_again(deps: Deps) -> None:
    now = deps.clock.now()
    for n in range(19):
        await tried(deps, f"2001:db8:7:{n:x}::1")
    assert (await tried(deps, "2001:db8:7:99::1"))[0]
    await left(deps, "2001:db8:7:99::1")
    for n in range(20):
        assert (await tried(deps, f"2001:db8:7:{n + 100:x}::1"))[0]
    assert (await tried(deps, "2001:db8:7:99::1"))[0] is False
    async with deps.db.writes.begin() as session:
        await locking.open_again(session, deps.vault, "wang", now=now)
        assert await session.scalar(sa.select(sa.func.count()).select_from(SignInLock)) == 0


async def test_who_proves_it_forgets_his_own_failures_and_those_of_the_hour(deps: Deps) -> None:
    for n in range(49):
        await tried(deps, f"203.0.113.{n // 5}")
    assert (await tried(deps, OFFICE))[0]
    await left(deps, OFFICE)
    assert (await tried(deps, OFFICE)) == (True, None)
    assert (await tried(deps, "203.0.113.0"))[0] is False


async def test_an_administrator_opens_it_from_everywhere(deps: Deps) -> None:
    now = deps.clock.now()
    await many(deps)
    await many(deps, "li")
    async with deps.db.writes.begin() as session:
        for _ in range(5):
            await locking.enter_code(session, deps.vault, "wang", rule_at(deps.tables, now), now=now)
    async with deps.db.writes.begin() as session:
        assert await locking.locked_until(session, deps.vault, "wang", now=now) is not None
        await locking.open_again(session, deps.vault, "wang", now=now)
        assert await locking.locked_until(session, deps.vault, "wang", now=now) is None
        assert list(await locking.locks_of(session, deps.vault, ["wang", "li"], now=now)) == ["li"]
        # Ten addresses and the hour, of the other.
        assert await session.scalar(sa.select(sa.func.count()).select_from(SignInLock)) == 11


async def test_many_logins_are_asked_about_at_once(deps: Deps) -> None:
    await many(deps)
    logins = [f"staff{n}" for n in range(500)]
    assert list(await shown(deps, *logins, "wang")) == ["wang"]
