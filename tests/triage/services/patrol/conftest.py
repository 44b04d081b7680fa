"""Reports of officers over real rows, on both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import triage.tables
from connectors.vault import Vault
from models.tickets import Ticket, TicketEvent
from models.vocab import Post
from models.vocab_staff import Role
from nlp.pipeline import Reader
from tests.factories import NOW
from tests.triage.web.open311.conftest import read_all
from triage.clock import FixedClock
from triage.rules import access
from triage.rules.calendar import beijing
from triage.rules.moves import Actor
from triage.services import reference
from triage.services.attachments import Prepared
from triage.services.deps import Deps
from triage.services.moving import Person
from triage.services.patrol import form, reporting
from triage.services.patrol.form import Report, Typed
from triage.services.patrol.reporting import Photos, Reported
from triage.settings import Settings

if TYPE_CHECKING:
    from models.db import Database
    from models.viewing import Viewer

STREET = "110105026"
#: What 望京街道 deals with itself.
RUBBISH = "望京街道望京北路边上一大堆生活垃圾没有人清，臭味很大。"
#: Who else deals with it.
FACTORY = "望京街道望京北路一家工厂烟囱冒黑烟，刺鼻。"
NOTE = "已当场清走垃圾两车，路面冲洗干净。"
BEFORE, AFTER = (Prepared(bytes([n]), "image/jpeg", f"照片 {n}.jpg", 1, 1) for n in (1, 2))
HASHES = ("a" * 64, None), ("b" * 64, None)


@pytest.fixture(scope="session")
def reader() -> Reader:
    return Reader.load(weights=None)


@pytest.fixture
async def deps(db: Database) -> Deps:
    made = Deps(Settings(), FixedClock(NOW), triage.tables.load(), db, Vault({1: bytes(32)}))
    await reference.sync(made)
    return made


def officer(deps: Deps, unit: str = STREET, login: str = "wang") -> Viewer:
    return access.viewer(
        deps.tables, login=login, name="王巡查", roles=[Role.STREET], unit_code=unit, at=beijing(NOW).date()
    )


def wish(**more: Any) -> Report:  # noqa: ANN401
    typed = Typed(**{"key": "k" * 24, "text": RUBBISH, "place": "望京北路", **more})
    found, faults = form.check(typed, placed=False)
    assert faults == {}
    assert found is not None
    return found


async def send(
    deps: Deps, report: Report, *, unit: str = STREET, login: str = "wang", photos: Photos | None = None
) -> Reported:
    by = Person(Actor(Post.UNIT, unit, login), "望京街道办事处 王巡查")
    handled = Photos((BEFORE,), HASHES[:1], (AFTER,), HASHES[1:])
    async with deps.db.writes.begin() as session:
        return await reporting.report(
            session, deps, officer(deps, unit, login), report, by,
            photos=photos or [Photos(), handled][report.note is not None], now=NOW,
        )  # fmt: skip


async def found(deps: Deps, reader: Reader, report: Report, **more: Any) -> tuple[Ticket, list[TicketEvent]]:  # noqa: ANN401
    """Send a report, read it, and give its ticket with its events."""
    made = await send(deps, report, **more)
    assert await read_all(deps, reader) == 1
    async with deps.db.reads() as session:
        ticket = (await session.scalars(sa.select(Ticket).where(Ticket.appeal_id == made.appeal_id))).one()
        events = await session.scalars(
            sa.select(TicketEvent).where(TicketEvent.ticket_id == ticket.id).order_by(TicketEvent.seq)
        )
        return ticket, list(events)
