"""From a person's roles and unit to what they may do and see. Pure: tables, unit and day are given.

Of several roles the permissions, posts and scopes add up. 全市 (`Reach.CITY`) holds for a person of no unit
or of the review desk; whoever belongs to a city department, district, bureau or street sees that unit and
what lies below it, whatever the role.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from models.viewing import AT_DESK, Scope, Viewer
from models.vocab import Level, Post
from models.vocab_staff import Permission, Reach, Role
from triage.errors import TriageError
from triage.rules.access_rows import row_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from triage.rules.access_rows import AccessRow
    from triage.rules.rows import Tables

#: Posts that act for a unit.
WITH_UNIT: Final = (Post.UNIT, Post.DISTRICT)
#: Whoever makes moves has one of these.
MOVERS: Final = (Permission.INTAKE, Permission.HANDLE, Permission.FOLLOW_UP, Permission.SUPERVISE)
#: Whoever has one of these by a role works in shifts at its desk.
_IN_SHIFTS: Final = frozenset({Permission.INTAKE, Permission.FOLLOW_UP})
#: What is one for the whole city: a role of one unit does not give it. Sources are the intake of all (12345,
#: the media), the provider of 回拨 learns all numbers, the ledger (审计) tells of all units' people;
#: leads (媒体线索) are told and decided before anybody knows whose they are.
_OF_THE_CITY: Final = frozenset({Permission.SOURCES, Permission.AUDIT, Permission.LEADS})


class PostNotYours(TriageError):
    """您的角色没有这个岗位，或这个单位不在您的范围内。"""

    code = "post_not_yours"
    status = 403


def of_city(tables: Tables, unit_code: str | None) -> bool:
    """Whether a role for that unit is one of the whole city: for none, or for 12345's own desk.

    A city department is one unit among others: its administrator grants roles for it, never for the city.
    """
    unit = tables.units.get(unit_code or "")
    return unit_code is None or (unit is not None and unit.level is Level.DESK)


def below(tables: Tables, unit_code: str) -> frozenset[str]:
    """The unit and what lies below it: for a district's government its streets and bureaus."""
    unit = tables.units.get(unit_code)
    if unit is None:
        return frozenset()
    if not unit.governs:
        return frozenset({unit_code})
    district = unit.district_code
    return frozenset(code for code, row in tables.units.items() if row.district_code == district)


def viewer(
    tables: Tables, *, login: str, name: str, roles: Iterable[Role], unit_code: str | None, at: date
) -> Viewer:
    """The person with these roles in this unit, on that day. Unknown units and no roles see nothing."""
    held = frozenset(roles)
    rows = [row for role in sorted(held) if (row := row_of(tables.access, role, at)) is not None]
    withheld = frozenset() if of_city(tables, unit_code) else _OF_THE_CITY
    return Viewer(
        login,
        _scope(tables, rows, unit_code),
        unit_code,
        name,
        held,
        frozenset(permission for row in rows for permission in row.permissions) - withheld,
        frozenset(post for row in rows for post in row.posts if _fits(tables, row, post, unit_code)),
    )


def _fits(tables: Tables, row: AccessRow, post: Post, unit_code: str | None) -> bool:
    """Whether one of that unit can have the post: 承办单位 needs a unit, 区级中心 a district government.

    An officer's role (reach 本单位) that was granted for no unit acts for any; a city role does not.
    """
    if post not in WITH_UNIT:
        return True
    if unit_code is None:
        return row.reach is Reach.UNIT
    unit = tables.units.get(unit_code or "")
    if unit is None or unit.level is Level.DESK:
        return False
    return post is Post.UNIT or unit.governs


def _scope(tables: Tables, rows: Iterable[AccessRow], unit_code: str | None) -> Scope:
    unit = tables.units.get(unit_code or "")
    whole = of_city(tables, unit_code)
    city = [row for row in rows if row.reach is Reach.CITY and whole]
    # A role by itself: the reach of one does not go with the post of another.
    desks = [(row, desk) for row in rows for desk in _desk(tables, row, unit_code) if AT_DESK & {*row.posts}]
    local = unit_code is not None and any(
        row.reach is Reach.UNIT or (row.reach is Reach.CITY and not whole) for row in rows
    )
    return Scope(
        everything=bool(city),
        secret=any(row.secret for row in city),
        units=below(tables, unit_code) if local and unit_code else frozenset(),
        own=frozenset({unit_code}) if local and unit is not None and unit_code else frozenset(),
        any_unit=unit_code is None and any(row.reach is Reach.UNIT for row in rows),
        desks=frozenset(desk for _, desk in desks),
        shifts=frozenset(desk for row, desk in desks if _IN_SHIFTS & {*row.permissions}),
    )


def _desk(tables: Tables, row: AccessRow, unit_code: str | None) -> tuple[str | None, ...]:
    """Whose desk such a role is at: None is 12345's own; () none, as of a unit that nobody knows."""
    if row.reach is Reach.CITY and of_city(tables, unit_code):
        return (None,)
    reaches = row.reach is not Reach.NONE and unit_code in tables.units
    return (unit_code,) if reaches else ()


def of_office(tables: Tables, who: Viewer) -> bool:
    """Whether figures are told in full: to the whole city's people, not to those of a district or bureau.

    To the others no count from 1 to 4 is told, nor what it follows from (`trends.figures.line`).
    """
    return who.scope.everything or (of_city(tables, who.unit_code) and not who.scope.units)


def districts_of(tables: Tables, who: Viewer) -> frozenset[str] | None:
    """The districts whose signals and forecasts somebody is told of; None: all, of the office."""
    if of_office(tables, who):
        return None
    codes = {*who.scope.units, who.unit_code or ""}
    units = (tables.units.get(code) for code in codes)
    return frozenset(unit.district_code for unit in units if unit is not None and unit.district_code)


def check_post(who: Viewer, post: Post, unit: str | None) -> None:
    """Whether they may act as that post, for that unit. Raises PostNotYours."""
    if post not in who.posts:
        raise PostNotYours
    if post in WITH_UNIT and not (who.scope.any_unit or unit in who.scope.units):
        raise PostNotYours
