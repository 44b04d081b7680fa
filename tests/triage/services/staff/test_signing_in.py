"""登录: the same work for known and unknown, locks that grow, no code twice, ends that hold at once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.db import open_database
from models.ledger import LedgerRow
from models.staff import SignInLock, SignInSession
from models.vocab_signin import End
from models.vocab_staff import Role
from tests.triage.services.staff.helpers import (
    HERE,
    PASSWORD,
    acts,
    code_at,
    enrolled,
    enter,
    kept_hash,
    person,
)
from triage.errors import BadInput
from triage.services.limiting import TooOften
from triage.services.staff import accounts, passwords, roles, sessions, signing_in
from triage.services.staff.rules import rule_at
from triage.services.staff.signing_in import Refused
from triage.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.shared_counts import SharedCounts
    from tests.triage.services.staff.conftest import Clock
    from triage.services.deps import Deps
    from triage.services.staff.sessions import Found


async def found(deps: Deps, token: str) -> Found | None:
    async with deps.db.reads() as session:
        now = deps.clock.now()
        return await sessions.find(session, token, rule_at(deps.tables, now), now=now)


async def half(deps: Deps, token: str) -> Found:
    """A session that is in force, whatever it lacks."""
    seen = await found(deps, token)
    assert seen is not None
    return seen


async def show(deps: Deps, counts: SharedCounts, code: str) -> str:
    """Sign in anew and show a code: what came of it."""
    token = (await enter(deps, counts, "wang")).token
    shown = signing_in.by_code(deps, await half(deps, token), token, code, came=HERE, now=deps.clock.now())
    (done,) = await asyncio.gather(shown, return_exceptions=True)
    return type(done).__name__


async def wrong(deps: Deps, counts: SharedCounts, login: str = "wang") -> str:
    """A try with a wrong password: what is said."""
    with pytest.raises(Refused) as refused:
        await enter(deps, counts, login, "not the password")
    return refused.value.detail


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every hash that is computed, by what was given."""
    seen: list[str] = []
    check = passwords.Hasher._check

    def note(self: passwords.Hasher, kept: str, password: str) -> bool:
        seen.append(password)
        return check(self, kept, password)

    monkeypatch.setattr(passwords.Hasher, "_check", note)
    return seen


async def test_a_right_password_opens_a_session_with_the_roles_of_today(
    deps: Deps, counts: SharedCounts
) -> None:
    await person(deps, "wang", (Role.CLERK, None))

    done = await enter(deps, counts, " WANG ")
    seen = await found(deps, done.token)

    assert seen is not None
    assert (seen.person.login, [held.role for held in seen.person.held]) == ("wang", ["clerk"])
    assert await acts(deps, "wang") == ["staff.signed_in"]


async def test_unknown_disabled_and_without_password_cost_one_hash_and_are_told_the_same(
    deps: Deps, counts: SharedCounts, checks: list[str]
) -> None:
    await person(deps, "wang")
    await person(deps, "provider.only", password=None)
    await person(deps, "gone")
    async with deps.db.writes.begin() as session:
        await accounts.disable(session, "gone", by="boss", now=deps.clock.now())

    told = {await wrong(deps, counts, login) for login in ("wang", "nobody", "provider.only")}
    with pytest.raises(Refused) as refused:
        await enter(deps, counts, "gone")

    assert told == {refused.value.detail}
    assert len(checks) == 4


async def test_the_fifth_failure_locks_and_each_further_one_twice_as_long_whoever_it_is(
    deps: Deps, counts: SharedCounts, clock: Clock, checks: list[str]
) -> None:
    await person(deps, "wang")
    for login in ("wang", "nobody"):
        for _ in range(4):
            assert "锁定，" not in await wrong(deps, counts, login)
        assert "暂时锁定，2026-11-23 16:01" in await wrong(deps, counts, login)
    checks.clear()

    with pytest.raises(Refused, match="锁定"):
        await enter(deps, counts, "wang")
    assert checks == []

    clock.later(minutes=1)
    assert "2026-11-23 16:03" in await wrong(deps, counts, "wang")
    assert "2026-11-23 16:03" in await wrong(deps, counts, "nobody")
    clock.later(minutes=2)
    await enter(deps, counts, "wang")
    assert "锁定，" not in await wrong(deps, counts, "wang")
    assert (await acts(deps, "wang")).count("staff.locked") == 2


async def test_many_tries_at_once_do_not_get_more_of_them(
    deps: Deps, counts: SharedCounts, checks: list[str]
) -> None:
    await person(deps, "wang")
    tries = [enter(deps, counts, "wang", f"guess number {n}") for n in range(12)]

    done = await asyncio.gather(*tries, return_exceptions=True)

    assert {type(one) for one in done} == {Refused}
    assert len(checks) == 5


async def test_a_day_without_failures_forgets_them(deps: Deps, counts: SharedCounts, clock: Clock) -> None:
    await person(deps, "wang")
    for _ in range(4):
        await wrong(deps, counts)
    clock.later(hours=25)
    await wrong(deps, counts)
    async with deps.db.reads() as session:
        assert await session.scalar(sa.select(SignInLock.failed)) == 1


async def test_an_address_may_not_try_for_ever(deps: Deps, counts: SharedCounts, checks: list[str]) -> None:
    few = replace(deps.tables.signins[0], attempts_per_address=3)
    strict = replace(deps, tables=replace(deps.tables, signins=(few,)))
    for number in range(3):
        await wrong(strict, counts, f"nobody{number}")
    with pytest.raises(TooOften, match="网络地址"):
        await enter(strict, counts, "nobody")
    assert len(checks) == 3


async def test_a_login_that_nobody_has_stands_nowhere_in_the_ledger(deps: Deps, counts: SharedCounts) -> None:
    await wrong(deps, counts, "my password by mistake")
    async with deps.db.reads() as session:
        rows = (await session.execute(sa.select(LedgerRow.who, LedgerRow.subject))).all()
    assert [row for row in rows if "mistake" in f"{row}"] == []
    assert len(rows) == 1


async def test_the_session_that_the_browser_brought_is_worth_nothing_afterwards(
    deps: Deps, counts: SharedCounts
) -> None:
    await person(deps, "wang")
    await person(deps, "attacker")
    planted = (await enter(deps, counts, "attacker")).token

    done = await enter(deps, counts, "wang", before=planted)

    assert done.token != planted
    assert await found(deps, planted) is None


async def test_the_token_itself_is_nowhere_in_the_database(deps: Deps, counts: SharedCounts) -> None:
    await person(deps, "wang")
    token = (await enter(deps, counts, "wang")).token
    async with deps.db.reads() as session:
        kept = await session.scalar(sa.select(SignInSession.token_hash))
    assert kept == sessions.token_hash(token)
    assert kept != token


async def test_a_hash_of_older_settings_opens_and_is_made_anew(deps: Deps, counts: SharedCounts) -> None:
    number = await person(deps, "wang")
    before = await kept_hash(deps, number)
    stronger = Settings(
        password_memory_kib=16, password_passes=1, password_lanes=1, redis_url="redis://127.0.0.1:1/0"
    )

    await enter(replace(deps, settings=stronger), counts, "wang")

    after = await kept_hash(deps, number)
    assert before != after
    await enter(replace(deps, settings=stronger), counts, "wang")
    assert await kept_hash(deps, number) == after


async def _disable(session: AsyncSession, deps: Deps, _: int) -> None:
    await accounts.disable(session, "wang", by="boss", now=deps.clock.now())


async def _grant(session: AsyncSession, deps: Deps, number: int) -> None:
    now = deps.clock.now()
    await roles.grant(
        session,
        deps.tables,
        number,
        Role.SUPERVISOR,
        unit_code=None,
        valid_from=now.date(),
        valid_to=None,
        by="boss",
        now=now,
    )


async def _withdraw(session: AsyncSession, deps: Deps, number: int) -> None:
    (held,) = await roles.of(session, number)
    await roles.withdraw(session, number, held.id, by="boss", now=deps.clock.now())


async def _reset(session: AsyncSession, deps: Deps, _: int) -> None:
    await accounts.reset(session, deps, "wang", "x", forget_codes=False, by="boss", now=deps.clock.now())


async def _end(session: AsyncSession, deps: Deps, number: int) -> None:
    await sessions.end_all(session, number, End.REVOKED, now=deps.clock.now())


@pytest.mark.parametrize("take", [_disable, _reset])
async def test_what_is_taken_away_while_the_password_is_checked_opens_nothing(
    deps: Deps,
    counts: SharedCounts,
    monkeypatch: pytest.MonkeyPatch,
    take: Callable[[AsyncSession, Deps, int], Awaitable[None]],
) -> None:
    number = await person(deps, "wang", (Role.CLERK, None))
    stronger = Settings(
        password_memory_kib=16, password_passes=1, password_lanes=1, redis_url="redis://127.0.0.1:1/0"
    )
    verify, taken = passwords.Hasher.verify, []

    async def slow(self: passwords.Hasher, kept: str | None, password: str) -> bool:
        proved = await verify(self, kept, password)
        async with deps.db.writes.begin() as session:
            await take(session, deps, number)
        taken.append(await kept_hash(deps, number))
        return proved

    monkeypatch.setattr(passwords.Hasher, "verify", slow)
    with pytest.raises(Refused):
        await enter(replace(deps, settings=stronger), counts, "wang")

    assert [await kept_hash(deps, number)] == taken
    async with deps.db.reads() as session:
        assert list(await session.scalars(sa.select(SignInSession.id))) == []


@pytest.mark.parametrize("take", [_disable, _grant, _withdraw, _reset, _end])
async def test_what_is_taken_away_ends_the_session_at_once_in_every_process(
    deps: Deps, counts: SharedCounts, take: Callable[[AsyncSession, Deps, int], Awaitable[None]]
) -> None:
    number = await person(deps, "wang", (Role.CLERK, None))
    token = (await enter(deps, counts, "wang")).token
    # Another process: its own pool, nothing shared but the database.
    other = replace(deps, db=open_database(deps.db.engine.url.render_as_string(hide_password=False)))
    assert await found(other, token) is not None

    async with deps.db.writes.begin() as session:
        await take(session, deps, number)

    assert await found(other, token) is None
    await other.db.close()


async def test_a_session_ends_idle_and_at_last(deps: Deps, counts: SharedCounts, clock: Clock) -> None:
    await person(deps, "wang")
    idle = (await enter(deps, counts, "wang")).token
    clock.later(minutes=121)
    assert await found(deps, idle) is None

    busy = (await enter(deps, counts, "wang")).token
    for _ in range(11):
        clock.later(hours=1)
        seen = await found(deps, busy)
        assert seen is not None
        assert seen.stale(clock.now())
        async with deps.db.writes.begin() as session:
            await sessions.touch(session, seen.id, now=clock.now())
    clock.later(hours=1)
    assert await found(deps, busy) is None


async def test_a_role_counts_from_its_day_to_its_last(deps: Deps, counts: SharedCounts, clock: Clock) -> None:
    number = await person(deps, "wang")
    async with deps.db.writes.begin() as session:
        await roles.grant(
            session, deps.tables, number, Role.CLERK, unit_code=None,
            valid_from=clock.now().date().replace(day=24),
            valid_to=clock.now().date().replace(day=24), by="boss", now=clock.now(),
        )  # fmt: skip
    held = []
    for _ in range(3):
        seen = await found(deps, (await enter(deps, counts, "wang")).token)
        assert seen is not None
        held.append(len(seen.person.held))
        clock.later(days=1)
    assert held == [0, 1, 0]


async def test_a_code_opens_once_even_in_two_processes(
    deps: Deps, counts: SharedCounts, clock: Clock
) -> None:
    number = await person(deps, "wang")
    app, _ = await enrolled(deps, number)
    clock.later(seconds=60)
    first, second = [await enter(deps, counts, "wang") for _ in range(2)]
    assert (first.wants_code, second.wants_code) == (True, True)
    code = code_at(app, clock.now())

    shown = [
        signing_in.by_code(deps, await half(deps, one.token), one.token, code, came=HERE, now=clock.now())
        for one in (first, second)
    ]
    done = await asyncio.gather(*shown, return_exceptions=True)

    assert sorted(type(one).__name__ for one in done) == ["SignedIn", "WrongCode"]


async def test_no_code_twice_within_its_window_nor_an_older_one(
    deps: Deps, counts: SharedCounts, clock: Clock
) -> None:
    number = await person(deps, "wang")
    app, _ = await enrolled(deps, number)
    clock.later(seconds=90)
    later = code_at(app, clock.now(), 1)

    # One step ahead is taken; then neither it again nor the one before it.
    told = [await show(deps, counts, code) for code in (later, later, code_at(app, clock.now()))]
    assert told == ["SignedIn", "WrongCode", "WrongCode"]
    clock.later(seconds=60)
    assert await show(deps, counts, code_at(app, clock.now())) == "SignedIn"
    assert await show(deps, counts, code_at(app, clock.now(), -3)) == "WrongCode"


async def test_wrong_codes_lock_and_a_right_password_does_not_open_that(
    deps: Deps, counts: SharedCounts, clock: Clock
) -> None:
    number = await person(deps, "wang")
    app, _ = await enrolled(deps, number)
    clock.later(seconds=60)
    told = [await show(deps, counts, code) for code in ["000000"] * 5 + [code_at(app, clock.now())]]
    assert told == ["WrongCode"] * 4 + ["Refused"] * 2


async def test_a_recovery_code_opens_once(deps: Deps, counts: SharedCounts) -> None:
    number = await person(deps, "wang")
    _, recovery = await enrolled(deps, number)
    assert len(set(recovery)) == 10
    codes_ = (recovery[0], recovery[0], recovery[1].lower())
    told = [await show(deps, counts, code) for code in codes_]
    assert told == ["SignedIn", "WrongCode", "SignedIn"]


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("short", "至少 12 个字符"),
        ("my name is WANG, yes", "不能有账号"),
        ("Password1234", "太常见"),
        ("aaaaaaaaaaaaab", "不同的字符"),
        ("x" * 300, "最多"),
    ],
)
async def test_a_poor_password_is_refused_in_words(deps: Deps, password: str, fault: str) -> None:
    with pytest.raises(BadInput, match=fault):
        await accounts.password_hash(deps, "wang", password, now=deps.clock.now())
    assert await accounts.password_hash(deps, "wang", PASSWORD, now=deps.clock.now())
