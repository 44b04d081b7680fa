"""How far a role reaches: the whole city by 12345's word alone, never by that of one unit's administrator."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from models.vocab import Post
from models.vocab_staff import Permission, Role
from tests.triage.rules.helpers import tables
from triage.errors import BadInput
from triage.rules import access
from triage.rules.access_rows import row_of
from triage.services.staff import people
from triage.services.staff.sessions import Held
from triage.services.staff.sessions import Person as SignedIn
from triage.web import acting

TABLES = tables()
DAY = date(2026, 11, 28)
#: 北京经济技术开发区管理委员会: of a district's level, and the government of none.
ZONE = "110115403"
#: A department of the city, a district, its bureau, a street, a zone's office: each has an administrator who
#: grants its roles.
UNITS = ("bj-ecology", "110105", "110105-ecology", "110105026", ZONE)


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


@pytest.mark.parametrize("role", Role)
def test_an_office_of_a_zone_reaches_its_own_alone_and_not_the_district_around_it(role: Role) -> None:
    who = access.viewer(TABLES, login="x", name="某人", roles=(role,), unit_code=ZONE, at=DAY)
    assert who.scope.units <= {ZONE}
    assert who.scope.own <= {ZONE}
    assert Post.DISTRICT not in who.posts
    assert access.below(TABLES, ZONE) == {ZONE}
    assert {"110115", ZONE} < access.below(TABLES, "110115")


def test_who_manages_accounts_of_a_zone_manages_none_of_the_district_around_it() -> None:
    held = (Held(Role.ADMIN.value, ZONE),)
    one = SignedIn(1, "x", "某人", ZONE, must_change=False, enrolled=True, demo=False, held=held)
    assert people.managed(TABLES, one, now=datetime(2026, 11, 28, tzinfo=UTC)) == frozenset({ZONE})


def test_nobody_is_the_centre_of_a_zone() -> None:
    """An officer whose role was granted for no unit may act for any: for a government as its centre."""
    who = access.viewer(TABLES, login="x", name="某人", roles=(Role.BUREAU,), unit_code=None, at=DAY)
    said = {"post": "district", "unit": "110115"}
    assert acting.chosen(TABLES, who, said, on=DAY).unit == "110115"
    with pytest.raises(BadInput, match="区级中心要选区政府"):
        acting.chosen(TABLES, who, {**said, "unit": ZONE}, on=DAY)
