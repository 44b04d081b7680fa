"""From an account to the viewer that everything else asks: roles of today, their units, and what they give.

A role counts for the unit it was granted for; what several give adds up, each within its own unit's reach as
`triage.rules.access` says.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar

import sqlalchemy as sa

from models.staff import Account, DemoWaiver, RoleGrant
from models.units import Staff
from models.viewing import Scope, Viewer
from models.vocab import Post
from models.vocab_staff import Permission, Role
from triage.clock import local
from triage.rules import access
from triage.services.staff import sessions
from triage.services.staff.rules import rule_at

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.rules.rows import Tables
    from triage.services.staff.sessions import Person

T = TypeVar("T")

#: As whom somebody acts, and the permissions that stand for it: a token without them does not act so.
_STANDS_FOR: Final = {
    Post.HOTLINE: {Permission.INTAKE},
    Post.UNIT: {Permission.HANDLE},
    Post.DISTRICT: {Permission.HANDLE, Permission.SUPERVISE},
    Post.FOLLOW_UP: {Permission.FOLLOW_UP},
    Post.SUPERVISOR: {Permission.SUPERVISE},
}


def viewer_of(tables: Tables, person: Person, *, now: datetime) -> Viewer:
    """What a person may do and see today."""
    at = local(now).date()
    known = {role.value for role in Role}
    by_unit: defaultdict[str | None, set[Role]] = defaultdict(set)
    for held in person.held:
        # A role that this version does not know gives nothing.
        if held.role in known:
            by_unit[held.unit_code].add(Role(held.role))
    parts = [
        access.viewer(tables, login=person.login, name=person.name, roles=roles, unit_code=unit, at=at)
        for unit, roles in by_unit.items()
    ]
    units = list(by_unit)
    # Whoever sees the whole city still acts only for their own units.
    scope = Scope(
        everything=any(part.scope.everything for part in parts),
        secret=any(part.scope.secret for part in parts),
        units=_all(part.scope.units for part in parts),
        own=_all(part.scope.own for part in parts),
        any_unit=any(part.scope.any_unit for part in parts),
        desks=_all(part.scope.desks for part in parts),
        shifts=_all(part.scope.shifts for part in parts),
    )
    return Viewer(
        login=person.login,
        scope=scope,
        unit_code=units[0] if len(units) == 1 else person.unit_code,
        name=person.name,
        roles=_all(part.roles for part in parts),
        permissions=_all(part.permissions for part in parts),
        posts=_all(part.posts for part in parts),
    )


def within(viewer: Viewer, scopes: Collection[Permission]) -> Viewer:
    """The same viewer with no more than these permissions, and no post that they do not stand for.

    What a token gives. A post that the table gives without any of its permissions is not theirs to take.
    """
    kept = frozenset(scopes)
    taken = {
        post
        for post, needed in _STANDS_FOR.items()
        if not viewer.permissions.isdisjoint(needed) and kept.isdisjoint(needed)
    }
    return replace(viewer, permissions=viewer.permissions & kept, posts=viewer.posts - taken)


def wants_code(tables: Tables, viewer: Viewer, *, now: datetime) -> bool:
    """Whether such a person must have a second factor."""
    return not viewer.permissions.isdisjoint(rule_at(tables, now).code_for)


async def waived(session: AsyncSession, person: Person) -> bool:
    """Whether a demo account is let in without one, by the demo's own row.

    Production does not start with that row (`public.check_accounts`).
    """
    return person.demo and await session.scalar(sa.select(DemoWaiver.id)) is not None


def managed(tables: Tables, person: Person, *, now: datetime) -> frozenset[str] | None:
    """The units whose accounts somebody may manage; None: all of them, the city's own as well."""
    at = local(now).date()
    units: set[str] = set()
    for held in person.held:
        one = access.viewer(
            tables,
            login=person.login,
            name=person.name,
            roles=_known(held.role),
            unit_code=held.unit_code,
            at=at,
        )
        if not one.may(Permission.STAFF):
            continue
        if held.unit_code is None or access.of_city(tables, held.unit_code):
            return None
        units |= access.below(tables, held.unit_code)
    return frozenset(units)


async def has_manager(session: AsyncSession, tables: Tables, *, now: datetime) -> bool:
    """Whether somebody who manages accounts (账号管理) can sign in, other than a demo account."""
    at = local(now).date()
    rows = await session.execute(
        sa.select(RoleGrant.role)
        .distinct()
        .join(Account, Account.staff_id == RoleGrant.staff_id)
        .where(
            Account.disabled_at.is_(None),
            Account.demo.is_(False),
            sa.or_(Account.password_hash.is_not(None), Account.provider_name.is_not(None)),
            *sessions.in_force(at),
        )
    )
    roles = {role for (text,) in rows for role in _known(text)}
    one = access.viewer(tables, login="", name="", roles=roles, unit_code=None, at=at)
    return one.may(Permission.STAFF)


async def person_at(session: AsyncSession, login: str, *, now: datetime) -> Person | None:
    """An account that may act now, by its login."""
    rows = (await session.execute(sessions.people(now=now).where(Staff.login == login))).all()
    return sessions.person_of([tuple(row) for row in rows]) if rows else None


def _known(role: str) -> frozenset[Role]:
    return frozenset({Role(role)}) if role in {known.value for known in Role} else frozenset()


def _all(parts: Iterable[frozenset[T]]) -> frozenset[T]:
    return frozenset().union(*parts)
