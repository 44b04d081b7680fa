"""People who are signed in, for tests: rows put in directly, so that no test pays for a password's hash.

`sign_in(deps)` gives the cookie of somebody with every role in the whole city; `sign_in(deps, Role.STREET,
unit="110105026")` of anyone else. In web tests the fixture `client` is signed in so, and `client_of(role,
unit=unit)` makes a client of any role and unit. A browser takes `browser_cookie(address, token)`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from models.staff import Account, RoleGrant, SignInSession
from models.units import Staff
from models.vocab_signin import Way
from models.vocab_staff import Permission, Role
from tests.factories import add_reference
from triage.clock import local
from triage.services.staff import sessions, tokens
from triage.services.staff.rules import rule_at
from triage.services.staff.sessions import Came

if TYPE_CHECKING:
    from aiohttp.test_utils import BaseTestServer
    from playwright.async_api import BrowserContext

    from triage.services.deps import Deps

#: Without TLS, as in tests.
COOKIE: Final = "jiesu_session"
#: A district government: whoever is a bureau's officer there has the posts of a unit and of a district.
_DISTRICT: Final = "110105"


async def add_person(
    deps: Deps,
    login: str,
    *grants: tuple[Role, str | None],
    name: str = "",
    **account: Any,  # noqa: ANN401
) -> int:
    """Insert an account with these roles. Gives its id. Fields of `Account` can be given by name."""
    await add_reference(deps.db)
    now = deps.clock.now()
    async with deps.db.writes.begin() as session:
        unit = grants[0][1] if len(grants) == 1 else None
        values = {"login": login, "name": name, "unit_code": unit, "active": True, "created_at": now}
        staff_id = (await session.scalars(sa.insert(Staff).values(values).returning(Staff.id))).one()
        fields = {"must_change": False, "demo": False, "code_step": 0, "created_by": "test", **account}
        await session.execute(sa.insert(Account).values(staff_id=staff_id, **fields))
        if grants:
            await session.execute(
                sa.insert(RoleGrant),
                [
                    {
                        "staff_id": staff_id, "role": role.value, "unit_code": code, "granted_by": "test",
                        "valid_from": local(now).date() - timedelta(days=1), "granted_at": now,
                    }
                    for role, code in grants
                ],
            )  # fmt: skip
    return staff_id


async def session_for(deps: Deps, staff_id: int, *, strong: bool = True) -> str:
    """A session for an account: its token, the value of the cookie."""
    async with deps.db.writes.begin() as session:
        return await sessions.begin(
            session, staff_id, way=Way.PASSWORD, strong=strong, lasts=timedelta(days=3650),
            came=Came("127.0.0.1", "test"), now=deps.clock.now(),
        )  # fmt: skip


async def sign_in(deps: Deps, *roles: Role, unit: str | None = None, login: str = "") -> str:
    """Somebody new who is signed in: with these roles for a unit, or with every role in the whole city."""
    if roles:
        who = login or "-".join(role.value for role in roles) + (f"-{unit}" if unit else "")
        return await session_for(deps, await add_person(deps, who, *((role, unit) for role in roles)))
    grants = [(role, None) for role in Role if role is not Role.BUREAU]
    return await session_for(
        deps, await add_person(deps, login or "local", *grants, (Role.BUREAU, _DISTRICT))
    )


async def renewed(deps: Deps) -> None:
    """Every session as if it had just been used: for tests whose clock jumps by days."""
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(SignInSession).values(seen_at=deps.clock.now()))


def browser_cookie(address: str, token: str) -> dict[str, Any]:
    """A session as Playwright's `add_cookies` takes it."""
    return {"name": COOKIE, "value": token, "url": address, "httpOnly": True, "sameSite": "Lax"}


async def api_token(deps: Deps, *, login: str = "program") -> str:
    """A program's token with every permission of somebody with every role."""
    grants = [(role, None) for role in Role if role is not Role.BUREAU]
    staff_id = await add_person(deps, login, *grants, (Role.BUREAU, _DISTRICT))
    return await token_for(deps, staff_id, login)


async def token_for(deps: Deps, staff_id: int, login: str) -> str:
    """A token of somebody who is there, with every permission; what the roles do not have stays away."""
    now = deps.clock.now()
    async with deps.db.writes.begin() as session:
        return await tokens.make(
            session, staff_id, name="test", scopes=list(Permission), allowed=list(Permission), days=30,
            rule=rule_at(deps.tables, now), by="test", login=login, now=now,
        )  # fmt: skip


class Address(str):
    """Where a server of a test is, with a session of somebody who is signed in there."""

    __slots__ = ("token",)
    token: str

    @classmethod
    async def of(cls, server: BaseTestServer, deps: Deps, *roles: Role, unit: str | None = None) -> Address:
        """The address of a running server, signed in there as `sign_in` does."""
        made = cls(str(server.make_url("/")).rstrip("/"))
        made.token = await sign_in(deps, *roles, unit=unit)
        return made


async def enter(context: BrowserContext, address: Address) -> None:
    """Let a browser be signed in."""
    cookie: Any = browser_cookie(address, address.token)
    await context.add_cookies([cookie])
