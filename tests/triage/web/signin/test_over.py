"""我的账号, while an administrator resets it: what the reset makes anew stays so."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.staff import Account, ApiToken
from models.vocab_staff import Role
from tests.triage.services.staff.helpers import PASSWORD, kept_hash, person
from tests.triage.web.signin.conftest import without_codes
from triage.services.staff import accounts, passwords

if TYPE_CHECKING:
    from tests.triage.web.signin.conftest import Hand
    from triage.services.deps import Deps

RESET = "the hash of a reset"
NEW = "另一串 long enough words"


@pytest.fixture
def deps(deps: Deps) -> Deps:
    """Whoever needs a code is led to enrol first."""
    return without_codes(deps)


async def made_anew(deps: Deps) -> None:
    async with deps.db.writes.begin() as session:
        await accounts.made_anew(session, deps, "wang", RESET, by="boss", now=deps.clock.now())


async def test_a_reset_while_the_old_password_is_proved_stands(
    deps: Deps, hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await person(deps, "wang", (Role.AUDITOR, None), must=True)
    await hand.sign_in("wang", PASSWORD)
    verify = passwords.Hasher.verify

    async def slow(self: passwords.Hasher, kept: str | None, password: str) -> bool:
        proved = await verify(self, kept, password)
        await made_anew(deps)
        return proved

    monkeypatch.setattr(passwords.Hasher, "verify", slow)
    page = await hand.post("/me/password", old=PASSWORD, new=NEW, again=NEW)

    assert (hand.status, "这次登录已经结束" in page) == (403, True)
    assert await kept_hash(deps, number) == RESET
    await hand.get("/me")
    assert hand.address.startswith("/login")


async def test_no_token_outlives_a_reset_that_revoked_all(deps: Deps, hand: Hand) -> None:
    await person(deps, "wang", (Role.AUDITOR, None))
    await hand.sign_in("wang", PASSWORD)
    await hand.get("/me")
    async with deps.db.writes.begin() as session:
        await accounts.made_anew(session, deps, "wang", RESET, by="boss", now=deps.clock.now())
        sending = asyncio.create_task(hand.post("/me/tokens", name="表", scopes="audit", days="30"))
        await asyncio.sleep(0.3)
    assert ("这次登录已经结束" in await sending, hand.status) == (True, 403)
    async with deps.db.reads() as session:
        assert list(await session.scalars(sa.select(ApiToken.id))) == []


async def test_no_authenticator_waits_that_an_ended_session_was_shown(deps: Deps, hand: Hand) -> None:
    number = await person(deps, "wang", (Role.AUDITOR, None))
    await hand.sign_in("wang", PASSWORD)
    async with deps.db.writes.begin() as session:
        await accounts.made_anew(session, deps, "wang", RESET, by="boss", now=deps.clock.now())
        asking = asyncio.create_task(hand.get("/me/code"))
        await asyncio.sleep(0.3)
    await asking
    assert hand.status == 403
    async with deps.db.reads() as session:
        pending = await session.scalar(sa.select(Account.code_pending).where(Account.staff_id == number))
    assert pending is None
