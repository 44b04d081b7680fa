"""What the tests of accounts do over and over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyotp
import sqlalchemy as sa

from models.ledger import LedgerRow
from models.staff import Account
from tests.signed_in import add_person
from triage.services.staff import codes, signing_in
from triage.services.staff.passwords import hasher_of
from triage.services.staff.rules import rule_at
from triage.services.staff.sessions import Came

if TYPE_CHECKING:
    from datetime import datetime

    from connectors.shared_counts import SharedCounts
    from models.vocab_staff import Role
    from triage.services.deps import Deps
    from triage.services.staff.signing_in import SignedIn

PASSWORD = "一串 long enough words"  # noqa: S105  (a test's)
HERE = Came("192.0.2.7", "a browser")


async def person(
    deps: Deps,
    login: str,
    *roles: tuple[Role, str | None],
    password: str | None = PASSWORD,
    must: bool = False,
) -> int:
    """An account with a password. Gives its id."""
    kept = await hasher_of(deps.settings).make(password) if password else None
    return await add_person(deps, login, *roles, password_hash=kept, must_change=must)


async def enter(
    deps: Deps,
    counts: SharedCounts,
    login: str,
    password: str = PASSWORD,
    *,
    before: str | None = None,
    came: Came = HERE,
) -> SignedIn:
    """Sign in with a password, now."""
    return await signing_in.by_password(
        deps, counts, login, password, came=came, before=before, now=deps.clock.now()
    )


async def enrolled(deps: Deps, staff_id: int) -> tuple[pyotp.TOTP, list[str]]:
    """Give an account an authenticator. Gives it, and the recovery codes."""
    now = deps.clock.now()
    async with deps.db.writes.begin() as session:
        rule = rule_at(deps.tables, now)
        app = pyotp.TOTP(await codes.begin(session, deps.vault, staff_id), interval=rule.code_seconds)
        found = await codes.confirm(session, deps.vault, staff_id, code_at(app, now), rule, now=now)
    return app, found


def code_at(app: pyotp.TOTP, now: datetime, steps: int = 0) -> str:
    """The code that the authenticator shows then, or so many steps later."""
    return app.generate_otp(int(now.timestamp()) // app.interval + steps)


async def acts(deps: Deps, login: str) -> list[str]:
    """What the ledger has of an account, in order."""
    async with deps.db.reads() as session:
        rows = await session.scalars(
            sa.select(LedgerRow.act).where(LedgerRow.subject == login).order_by(LedgerRow.seq)
        )
        return list(rows)


async def kept_hash(deps: Deps, staff_id: int) -> str | None:
    async with deps.db.reads() as session:
        found: str | None = await session.scalar(
            sa.select(Account.password_hash).where(Account.staff_id == staff_id)
        )
        return found
