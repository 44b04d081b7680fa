"""From rows to what the pages show, and the one way they are answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from models.vocab_signin import Way
from models.vocab_staff import Permission, Role
from triage.clock import local
from triage.services.staff.rules import rule_at
from triage.services.staff.sessions import token_hash
from triage.web import desk, guard
from triage.web.keys import DEPS, TEMPLATES
from triage.web.signin.views import GrantView, SessionView, TokenView
from triage.web.views import Term

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from models.staff import ApiToken, RoleGrant, SignInSession
    from triage.rules.rows import Tables
    from triage.rules.signin_rows import SignInRow

CITY = "全市"


def answer(
    request: web.Request, template: str, page: object, token: str, *, status: int = 200
) -> web.Response:
    """A page with its form's token."""
    text = request.app[TEMPLATES].get_template(template).render(page=page, **desk.around(request, token))
    response = web.Response(text=text, content_type="text/html", status=status)
    guard.keep(response, token)
    return response


def to(address: str) -> web.Response:
    """See there."""
    return web.Response(status=303, headers={"Location": address})


async def texts(request: web.Request) -> dict[str, str]:
    """The texts of a form."""
    return {name: value for name, value in (await request.post()).items() if isinstance(value, str)}


def rule(request: web.Request) -> SignInRow:
    """The rule that holds now."""
    deps = request.app[DEPS]
    return rule_at(deps.tables, deps.clock.now())


def unit_name(tables: Tables, code: str | None) -> str:
    """The name of a unit; of none: the whole city."""
    if code is None:
        return CITY
    row = tables.units.get(code)
    return row.name if row else code


def grant_views(tables: Tables, rows: Iterable[RoleGrant], now: datetime) -> tuple[GrantView, ...]:
    """Roles in words."""
    today = local(now).date()
    known = {role.value: role for role in Role}
    return tuple(
        GrantView(
            id=row.id,
            role=Term(row.role, known[row.role].label if row.role in known else row.role),
            unit=unit_name(tables, row.unit_code),
            valid_from=row.valid_from.isoformat(),
            valid_to=row.valid_to.isoformat() if row.valid_to else None,
            now=row.valid_from <= today and (row.valid_to is None or today <= row.valid_to),
            by=row.granted_by,
        )
        for row in rows
    )


def session_views(rows: Iterable[SignInSession], here: str | None) -> tuple[SessionView, ...]:
    """Sessions in words; `here`: the token of the browser that looks."""
    mine = token_hash(here) if here else None
    return tuple(
        SessionView(
            row.id, Way(row.way).label, row.ip, row.agent, row.created_at, row.seen_at, row.token_hash == mine
        )
        for row in rows
    )


def token_views(rows: Iterable[ApiToken], now: datetime) -> tuple[TokenView, ...]:
    """Tokens in words."""
    labels = {permission.value: permission.label for permission in Permission}
    return tuple(
        TokenView(
            id=row.id,
            name=row.name,
            prefix=row.prefix,
            scopes=tuple(labels.get(scope, scope) for scope in row.scopes),
            created_at=row.created_at,
            expires_at=row.expires_at,
            used_at=row.used_at,
            over=row.expires_at <= now,
        )
        for row in rows
    )
