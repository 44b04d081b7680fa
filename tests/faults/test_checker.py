"""The checker of the fault runs finds what is planted: a loss, a double, a clock that was missed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from bench.fault_check import Findings, check
from bench.fault_clients import MARK, Complaint, MoveMade, Told
from models.tickets import MoveRequest, Ticket, TicketEvent
from models.units import Staff
from tests.factories import NOW, TEXT, TicketIn, add_tickets

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.db import Database

LATER = NOW + timedelta(days=9)


def complaint(serial: int, *, photo: bool = False) -> Complaint:
    """A form that was taken."""
    return Complaint(serial, "k", photo, taken=True)


async def event(session: AsyncSession, seq: int, tag: str, data: dict[str, Any], *, staff: bool) -> None:
    ticket_id = (await session.scalars(sa.select(Ticket.id).order_by(Ticket.id))).first()
    staff_id = (await session.scalars(sa.select(Staff.id))).one() if staff else None
    row = {"ticket_id": ticket_id, "seq": seq, "at": NOW, "tag": tag, "staff_id": staff_id, "data": data}
    await session.execute(sa.insert(TicketEvent), [row])


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """SQLite alone: the fault runs themselves are on PostgreSQL."""
    return sqlite_db


@pytest.fixture
async def no(db: Database) -> str:
    """A ticket whose complaint and one move were told of rightly."""
    (no,) = await add_tickets(db, TicketIn(text=TEXT + MARK.format(serial=1)))
    async with db.writes.begin() as session:
        await session.execute(
            sa.insert(Staff),
            [{"login": "u", "name": "甲", "unit_code": None, "active": True, "created_at": NOW}],
        )
        await event(session, 90, "ticket:sign", {"version": 2}, staff=True)
        ticket_id = (await session.scalars(sa.select(Ticket.id))).one()
        await session.execute(sa.update(Ticket).values(version=2))
        session.add(MoveRequest(ticket_id=ticket_id, key="k", digest="0" * 64, version=2, at=NOW))
    return no


async def found(db: Database, told: Told, files: Path) -> Findings:
    url = db.engine.url.render_as_string(hide_password=False)
    return await check(url, told, files, at=LATER)


async def known(db: Database, no: str, files: Path) -> tuple[Told, Findings]:
    """What is told of the sound ticket, and what the rows of a factory lack beside a worker's."""
    told = Told([complaint(1)], [MoveMade(no, "sign", "k", 2)])
    return told, await found(db, told, files)


async def test_what_is_sound_is_neither_lost_nor_doubled(db: Database, no: str, tmp_path: Path) -> None:
    _, base = await known(db, no, tmp_path)
    assert (base.doubled, base.missed) == (set(), set())
    assert {name for name in base.lost if "dispatch told nobody" not in name} == set()
    assert (base.compared["complaints"], base.compared["moves"]) == (1, 1)


@pytest.mark.parametrize(
    ("complaints", "moves", "lost"),
    [
        ([complaint(7)], [], "form: 7"),
        ([Complaint(1, "k", photo=False, taken=True, receipt="W20261123000000")], [], "receipt: 1"),
        ([complaint(1, photo=True)], [], "photo: 1"),
        ([], [MoveMade("?", "contact", "k2", 3)], "move: ? contact k2"),
        ([], [MoveMade("?", "sign", "k9", 2)], "move: ? sign k9"),
    ],
)
async def test_a_planted_loss_is_found(  # noqa: PLR0917  (fixtures)
    db: Database, no: str, tmp_path: Path, complaints: list[Complaint], moves: list[MoveMade], lost: str
) -> None:
    told, base = await known(db, no, tmp_path)
    told.complaints += complaints
    for one in moves:
        one.no = no
    told.moves += moves
    new = (await found(db, told, tmp_path)).without(base)
    assert new.lost == {lost.replace("?", no)}


@pytest.mark.parametrize("seq_and_version", [(91, 2), (91, 3)])
async def test_a_move_done_twice_is_found(
    db: Database, no: str, tmp_path: Path, seq_and_version: tuple[int, int]
) -> None:
    told, base = await known(db, no, tmp_path)
    async with db.writes.begin() as session:
        await event(session, seq_and_version[0], "ticket:sign", {"version": seq_and_version[1]}, staff=True)
    new = (await found(db, told, tmp_path)).without(base)
    assert f"moves: {no} ticket:sign" in new.doubled


async def test_a_form_stored_twice_is_found(db: Database, no: str, tmp_path: Path) -> None:
    told, base = await known(db, no, tmp_path)
    await add_tickets(db, TicketIn(text=TEXT + MARK.format(serial=1)))
    new = (await found(db, told, tmp_path)).without(base)
    assert new.doubled == {"form: 1"}


async def test_a_reminder_told_of_twice_is_found(db: Database, no: str, tmp_path: Path) -> None:
    told, base = await known(db, no, tmp_path)
    said = {"clock": "sign", "run": 1, "percent": 100, "also": [50]}
    async with db.writes.begin() as session:
        for seq in (91, 92):
            await event(session, seq, "ticket:reminded", said, staff=False)
    new = (await found(db, told, tmp_path)).without(base)
    assert {name.partition("/")[2] for name in new.doubled} == {"sign/1/100", "sign/1/50"}


async def test_a_clock_that_ran_out_unseen_is_found(db: Database, no: str, tmp_path: Path) -> None:
    told, base = await known(db, no, tmp_path)
    due = (NOW + timedelta(days=1)).isoformat()
    async with db.writes.begin() as session:
        await event(
            session, 91, "ticket:opened", {"opening": {"clocks": {"answer": {"due": due}}}}, staff=False
        )
    new = (await found(db, told, tmp_path)).without(base)
    assert [name.partition("answer ")[2] for name in new.missed] == ["[50, 80, 100]"]
