"""How far a role reaches: the whole city by 12345's word alone, never by that of one unit's administrator."""

from __future__ import annotations

from datetime import date

import pytest

from models.vocab_staff import Permission, Role
from tests.triage.rules.helpers import tables
from triage.rules import access
from triage.rules.access_rows import row_of

TABLES = tables()
DAY = date(2026, 11, 28)
#: A department of the city, a district, its bureau, a street: each has an administrator who grants its roles.
UNITS = ("bj-ecology", "110105", "110105-ecology", "110105026")


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("role", Role)
def test_no_role_of_a_unit_reaches_beyond_it(role: Role, unit: str) -> None:
    who = access.viewer(TABLES, login="x", name="某人", roles=(role,), unit_code=unit, at=DAY)
    assert (who.scope.everything, who.scope.secret, who.scope.any_unit) == (False, False, False)
    assert who.scope.units <= access.below(TABLES, unit)
    assert not access.of_office(TABLES, who)
    assert access.districts_of(TABLES, who) is not None


@pytest.mark.parametrize("unit", UNITS)
def test_what_is_one_for_the_whole_city_is_not_run_by_the_administrator_of_a_unit(unit: str) -> None:
    of_unit, of_desk, of_city = (
        access.viewer(TABLES, login="x", name="某人", roles=(Role.ADMIN,), unit_code=code, at=DAY)
        for code in (unit, "bj-desk", None)
    )
    assert of_city.permissions == of_desk.permissions
    assert of_city.permissions - of_unit.permissions == {Permission.SOURCES}


@pytest.mark.parametrize("unit", UNITS)
def test_two_administrators_of_a_unit_make_no_auditor_of_the_city(unit: str) -> None:
    """The ledger is one: whoever read it for a street read every unit's looks at identities."""
    of_unit, of_city = (
        access.viewer(TABLES, login="x", name="某人", roles=(Role.AUDITOR,), unit_code=code, at=DAY)
        for code in (unit, None)
    )
    assert of_city.permissions - of_unit.permissions == {Permission.AUDIT}


@pytest.mark.parametrize("role", [Role.CLERK, Role.ANALYST])
@pytest.mark.parametrize("unit", UNITS)
def test_the_leads_of_the_city_are_not_decided_by_one_unit(unit: str, role: Role) -> None:
    of_unit, of_desk, of_city = (
        access.viewer(TABLES, login="x", name="某人", roles=(role,), unit_code=code, at=DAY)
        for code in (unit, "bj-desk", None)
    )
    assert of_city.permissions == of_desk.permissions
    assert of_city.permissions - of_unit.permissions == {Permission.LEADS}


@pytest.mark.parametrize("unit", [None, "bj-desk"])
def test_a_role_of_the_whole_city_is_granted_for_no_unit_or_for_the_desk(unit: str | None) -> None:
    who = access.viewer(TABLES, login="x", name="某人", roles=(Role.SUPERVISOR,), unit_code=unit, at=DAY)
    row = row_of(TABLES.access, Role.SUPERVISOR, DAY)
    assert row is not None
    assert (who.scope.everything, who.scope.secret) == (True, row.secret)
    assert access.of_office(TABLES, who)
