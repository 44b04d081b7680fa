"""A desk with tickets that wait for review."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from models.db import Database  # noqa: TC001  (a fixture's annotation)
from models.vocab import State
from tests.factories import TicketIn, add_tickets
from triage.services import reference

if TYPE_CHECKING:
    from triage.services.deps import Deps


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough for pages."""
    return sqlite_db


def waiting(minutes: int, **more: object) -> TicketIn:
    """A ticket that a clerk is asked to confirm."""
    return TicketIn(
        state=State.REVIEW, unit="bj-desk", assist=(), copies=(), due=timedelta(minutes=minutes),
        decision={"proposed": {"unit": "110105026", "assist": [], "cc": ["110105"]}}, **more,  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.fixture
async def numbers(deps: Deps) -> list[str]:
    """Three that wait, the second the most pressing, and one that does not."""
    found = await add_tickets(deps.db, waiting(90), waiting(30), waiting(60), TicketIn())
    await reference.sync(deps)
    return found
