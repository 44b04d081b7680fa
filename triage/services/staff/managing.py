"""Whose accounts somebody may manage: those of their units and below, every role of which lies there too."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.staff import RoleGrant
from triage.clock import local
from triage.errors import BadInput, TriageError
from triage.services.staff import people

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.units import Staff
    from models.viewing import Viewer
    from triage.rules.rows import Tables


class NotYours(TriageError):
    """这个单位不在您管理的范围内。"""

    code = "not_yours"
    status = 403


async def units_of(
    session: AsyncSession, tables: Tables, viewer: Viewer, *, now: datetime
) -> frozenset[str] | None:
    """The units whose accounts a person manages; None: all, the city's own as well."""
    person = await people.person_at(session, viewer.login, now=now)
    return frozenset() if person is None else people.managed(tables, person, now=now)


async def may_manage(
    session: AsyncSession, units: frozenset[str] | None, staff: Staff, *, now: datetime
) -> bool:
    """Whether an account lies within these units, with every role that it holds or will hold."""
    if units is None:
        return True
    held = await session.scalars(
        sa.select(RoleGrant.unit_code).where(
            RoleGrant.staff_id == staff.id,
            RoleGrant.withdrawn_at.is_(None),
            sa.or_(RoleGrant.valid_to.is_(None), RoleGrant.valid_to >= local(now).date()),
        )
    )
    return staff.unit_code in units and all(code in units for code in held)


def check_unit(units: frozenset[str] | None, unit_code: str | None) -> None:
    """Whether something may be given for that unit. Raises NotYours."""
    if units is not None and unit_code not in units:
        raise NotYours


def day(text: str, what: str) -> date | None:
    """A day as forms and files write it; None when nothing is written. Raises BadInput."""
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise BadInput(f"“{what}”应形如 2026-11-23") from None
