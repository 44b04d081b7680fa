"""A session that a reset or 停用 ended while its request was under way sets nothing and begins no other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.staff import Account, SignInSession
from models.vocab_signin import End
from models.vocab_staff import Role
from tests.triage.services.staff.helpers import HERE, code_at, enrolled, enter, kept_hash, person
from triage.services.staff import accounts, sessions, signing_in
from triage.services.staff.rules import rule_at
from triage.services.staff.sessions import Found, Over
from triage.services.staff.signing_in import Refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.shared_counts import SharedCounts
    from tests.triage.services.staff.conftest import Clock
    from triage.services.deps import Deps

RESET = "the hash of a reset"


async def _disable(session: AsyncSession, deps: Deps, _: int) -> None:
    await accounts.disable(session, "wang", by="boss", now=deps.clock.now())


async def _reset(session: AsyncSession, deps: Deps, _: int) -> None:
    await accounts.reset(session, deps, "wang", RESET, forget_codes=False, by="boss", now=deps.clock.now())


async def _end(session: AsyncSession, deps: Deps, number: int) -> None:
    await sessions.end_all(session, number, End.REVOKED, now=deps.clock.now())


async def here(deps: Deps, token: str) -> Found:
    """The session as a request finds it when it comes in."""
    async with deps.db.reads() as session:
        now = deps.clock.now()
        found = await sessions.find(session, token, rule_at(deps.tables, now), now=now)
    assert found is not None
    return found


async def set_own(deps: Deps, found: Found, proved: str | None) -> None:
    now = deps.clock.now()
    async with deps.db.writes.begin() as session:
        rule = rule_at(deps.tables, now)
        await accounts.set_own_password(session, found, "my own", proved=proved, rule=rule, now=now)


async def strengthen(deps: Deps, found: Found, token: str) -> None:
    now = deps.clock.now()
    async with deps.db.writes.begin() as session:
        rule = rule_at(deps.tables, now)
        await signing_in.strengthened(session, found, token, rule, came=HERE, now=now)


async def in_force(deps: Deps) -> list[int]:
    async with deps.db.reads() as session:
        return list(
            await session.scalars(sa.select(SignInSession.id).where(SignInSession.ended_at.is_(None)))
        )


@pytest.mark.parametrize("take", [_disable, _reset, _end])
async def test_a_password_is_not_set_over_what_was_done_meanwhile(
    deps: Deps, counts: SharedCounts, take: Callable[[AsyncSession, Deps, int], Awaitable[None]]
) -> None:
    number = await person(deps, "wang", (Role.CLERK, None))
    found, proved = await here(deps, (await enter(deps, counts, "wang")).token), await kept_hash(deps, number)

    async with deps.db.writes.begin() as session:
        await take(session, deps, number)
        kept = await session.scalar(sa.select(Account.password_hash).where(Account.staff_id == number))
        # Not committed yet: it is waited for.
        changing = asyncio.create_task(set_own(deps, found, proved))
        await asyncio.sleep(0.2)
    with pytest.raises(Over):
        await changing

    assert await kept_hash(deps, number) == kept
    assert await in_force(deps) == []


async def test_a_password_that_was_proved_by_another_hash_is_not_set(
    deps: Deps, counts: SharedCounts
) -> None:
    number = await person(deps, "wang", (Role.CLERK, None))
    found, kept = await here(deps, (await enter(deps, counts, "wang")).token), await kept_hash(deps, number)
    with pytest.raises(Refused):
        await set_own(deps, found, "of before")
    assert await kept_hash(deps, number) == kept
    await set_own(deps, found, kept)
    assert (await kept_hash(deps, number), await in_force(deps)) == ("my own", [found.id])


@pytest.mark.parametrize("take", [_disable, _reset, _end])
async def test_neither_a_code_nor_enrolling_makes_another_session_of_it(
    deps: Deps,
    counts: SharedCounts,
    clock: Clock,
    take: Callable[[AsyncSession, Deps, int], Awaitable[None]],
) -> None:
    number = await person(deps, "wang", (Role.CLERK, None))
    app, _ = await enrolled(deps, number)
    clock.later(seconds=60)
    token = (await enter(deps, counts, "wang")).token
    found, code = await here(deps, token), code_at(app, clock.now())

    async with deps.db.writes.begin() as session:
        await take(session, deps, number)
        showing = asyncio.create_task(
            signing_in.by_code(deps, found, token, code, came=HERE, now=clock.now())
        )
        await asyncio.sleep(0.2)
    with pytest.raises(Over):
        await showing
    with pytest.raises(Over):
        await strengthen(deps, found, token)

    assert await in_force(deps) == []
