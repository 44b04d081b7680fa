"""What the page of one account shows of the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.staff import ProviderLink
from triage.clock import local
from triage.errors import NotFound
from triage.services.staff import listing, locking, roles, sessions, tokens
from triage.web.acting import unit_text
from triage.web.signin import showing
from triage.web.signin.views import AccountView

if TYPE_CHECKING:
    from datetime import datetime

    from triage.rules.signin_rows import SignInRow
    from triage.services.deps import Deps
    from triage.web.signin.views import GrantView, SessionView, TokenView


@dataclass(frozen=True, slots=True)
class Parts:
    """An account as it stands; all empty for one that is still to be made."""

    name: str = ""
    unit: str = ""
    provider: str = ""
    linked: tuple[str, ...] = ()
    account: AccountView | None = None
    locked_until: datetime | None = None
    grants: tuple[GrantView, ...] = ()
    sessions: tuple[SessionView, ...] = ()
    tokens: tuple[TokenView, ...] = ()


async def parts(deps: Deps, login: str | None, rule: SignInRow) -> Parts:
    """Read them. Raises NotFound."""
    if login is None:
        return Parts()
    now = deps.clock.now()
    async with deps.db.reads() as session:
        found = await listing.one(session, login)
        if found is None:
            raise NotFound("没有这个账号。")
        staff, account = found
        locked_until = await locking.locked_until(session, deps.vault, login, now=now)
        issuers = await session.scalars(
            sa.select(ProviderLink.issuer)
            .where(ProviderLink.staff_id == staff.id)
            .order_by(ProviderLink.issuer)
        )
        return Parts(
            name=staff.name,
            unit=unit_text(deps.tables, staff.unit_code, on=local(now).date()) if staff.unit_code else "",
            provider=account.provider_name or "",
            linked=tuple(issuers),
            account=AccountView(
                disabled=account.disabled_at is not None,
                demo=account.demo,
                enrolled=account.code_secret is not None,
                must_change=account.must_change,
                has_password=account.password_hash is not None,
                last_login_at=account.last_login_at,
                created_by=account.created_by,
            ),
            locked_until=locked_until,
            grants=showing.grant_views(deps.tables, await roles.of(session, staff.id), now),
            sessions=showing.session_views(await sessions.listed(session, staff.id, rule, now=now), None),
            tokens=showing.token_views(await tokens.listed(session, staff.id), now),
        )
