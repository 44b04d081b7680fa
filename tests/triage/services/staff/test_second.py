"""双人复核 on both databases: what is confirmed opens with both halves alone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from models.vocab_staff import Role
from tests.triage.services.staff.helpers import kept_hash, person
from triage.clock import local
from triage.services.staff import passwords, second

if TYPE_CHECKING:
    from triage.services.deps import Deps


async def test_a_role_to_come_is_confirmed_and_opens_with_both_halves_alone(deps: Deps) -> None:
    now = deps.clock.now()
    for login in ("a", "b"):
        await person(deps, f"admin-{login}", (Role.ADMIN, None), password=None)
    staff_id = await person(deps, "wang")
    wanted = second.Grant(Role.CLERK, None, local(now).date() + timedelta(days=9))
    async with deps.db.writes.begin() as session:
        first = await second.grant(session, deps, staff_id, wanted, by="admin-a", now=now)
        assert await second.privileged(session, deps.tables, staff_id, now=now)
        (one,) = await second.waiting(session, None, now=now)
        number = one.row.id
    async with deps.db.writes.begin() as session:
        came = await second.decide(session, deps, number, None, confirm=True, by="admin-b", now=now)
    kept, hasher = await kept_hash(deps, staff_id), passwords.hasher_of(deps.settings)
    halves = (first or "", came.half or "")
    opens = [await hasher.verify(kept, one) for one in (*halves, passwords.joined(*halves))]
    assert opens == [False, False, True]
