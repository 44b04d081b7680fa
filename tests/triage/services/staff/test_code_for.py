"""Who enters a code at sign-in, by the rows that come with Jiesu."""

from __future__ import annotations

import pytest

import triage.tables
from models.vocab_staff import Role
from tests.factories import NOW
from triage.clock import local
from triage.services.staff.rules import rule_at


@pytest.mark.parametrize("role", Role)
def test_every_role_that_comes_with_it_needs_a_code(role: Role) -> None:
    """The last without one was the auditor, who takes the whole ledger away as a file."""
    tables = triage.tables.load()
    (row,) = (row for row in tables.access if row.role is role and row.holds(local(NOW).date()))
    assert not rule_at(tables, NOW).code_for.isdisjoint(row.permissions)
