"""HEAD of an export: it is neither made nor written down, and still for whoever may export alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import triage.web
from models.ledger import LedgerRow
from models.vocab_ledger import LedgerAct
from models.vocab_staff import Role
from tests.factories import TicketIn, add_tickets

if TYPE_CHECKING:
    from models.db import Database
    from tests.triage.web.conftest import Client, ClientOf
    from triage.services.deps import Deps

EXPORTS = (
    "/desk/list.csv", "/desk/signals.csv", "/desk/forecast.csv", "/desk/trends/volume.csv",
    "/desk/audit/moves.csv", "/desk/audit/export.csv", "/desk/bulk/1/results.csv",
    "/desk/own.csv", "/desk/contacts.csv",
    "/desk/month/2026-10/1.xlsx", "/desk/reports/1.docx", "/desk/rewards/year/2026.xlsx",
)  # fmt: skip
TAKEN = (LedgerAct.EXPORTED.value, LedgerAct.LEDGER_EXPORTED.value)


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough: nothing is read."""
    return sqlite_db


async def taken(deps: Deps) -> int:
    async with deps.db.reads() as session:
        query = sa.select(sa.func.count()).where(LedgerRow.act.in_(TAKEN))
        return await session.scalar(query) or 0


@pytest.mark.parametrize("path", EXPORTS)
async def test_head_of_an_export_takes_nothing(client: Client, deps: Deps, path: str) -> None:
    answer = await client.head(path)
    assert (answer.status, await answer.read(), answer.headers["Cache-Control"]) == (200, b"", "no-store")
    assert await taken(deps) == 0


async def test_get_takes_it_and_is_written_down(client: Client, deps: Deps) -> None:
    await add_tickets(deps.db, TicketIn())
    answer = await client.get("/desk/list.csv?urgency=U3")
    assert (answer.status, len(await answer.read()) > 0) == (200, True)
    assert await taken(deps) == 1


async def test_head_is_for_whoever_may_export_alone(client_of: ClientOf, deps: Deps) -> None:
    street = await client_of(Role.STREET, unit="110105026")
    assert (await street.head("/desk/list.csv")).status == 403
    assert await taken(deps) == 0


def test_every_export_by_get_is_declared_as_a_file() -> None:
    modules = (path for path in Path(triage.web.__file__).parent.rglob("*.py") if path.name != "access.py")
    sources = "\n".join(path.read_text() for path in modules)
    named = re.findall(r'access\.(get|file)\(\s*"([^"]+\.(?:csv|xlsx|docx|\{kind|\{form)[^"]*)"', sources)
    assert len(named) == len(EXPORTS)
    assert {how for how, _ in named} == {"file"}
