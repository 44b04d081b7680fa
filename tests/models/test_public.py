"""What the public may see: the one predicate, on both databases, by list, single read and count alike."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from models import public
from models.appeals import Appeal
from models.corrections import Correction
from models.open311 import Open311Key, Open311Request
from models.public import PublicFilter
from models.tickets import Ticket, TicketEvent
from models.vocab import AppealState, State, Tag
from tests.factories import NOW, TicketIn, add_appeal, add_reference, add_tickets

if TYPE_CHECKING:
    from models.db import Database
    from models.public import PublicCase

DAY = timedelta(days=1)


async def seen(db: Database, asked: PublicFilter | None = None) -> list[PublicCase]:
    """The list; and that single reads and the count agree with it."""
    asked = asked or PublicFilter()
    async with db.reads() as session:
        rows = await public.public_cases(session, asked, limit=100)
        assert await public.count_public(session, asked, most=100) == len(rows)
        every = list(await session.scalars(sa.select(Appeal.id)))
        single = [
            number
            for number in every
            if await public.public_cases(session, PublicFilter(ids=(number,)), limit=1)
        ]
    assert {row.id for row in rows} <= set(single)
    return rows


async def update(db: Database, model: Any, **values: Any) -> None:  # noqa: ANN401
    async with db.writes.begin() as session:
        await session.execute(sa.update(model).values(**values))


async def test_an_ordinary_ticket_is_seen_without_its_words(db: Database) -> None:
    await add_tickets(db, TicketIn(text="朝阳区望京街道有人夜里施工，我家住在三号楼"))
    (row,) = await seen(db)
    assert (row.kind, row.unit, row.district, row.street) == (
        "NOI-01",
        "望京街道办事处",
        "朝阳区人民政府",
        "望京街道",
    )
    assert (row.description, row.address, row.lon, row.lat, row.media_url) == (None, None, None, None, None)


@pytest.mark.parametrize("told", ["投诉", "其他", None])
async def test_what_its_source_calls_no_report_is_seen(db: Database, told: str | None) -> None:
    await add_tickets(db, TicketIn())
    await update(db, Appeal, told_type=told)
    assert len(await seen(db)) == 1


HIDDEN: dict[str, tuple[Any, dict[str, Any]]] = {
    "in confidence": (Appeal, {"confidential": True}),
    "a report": (Ticket, {"appeal_type": "举报"}),
    "told to be a report": (Appeal, {"told_type": "举报"}),
    "told to be of a type of tomorrow": (Appeal, {"told_type": "检举"}),
    "a type of tomorrow": (Ticket, {"appeal_type": "检举"}),
    "diverted for secrecy": (Ticket, {"divert": "explain", "state": "diverted"}),
    "diverted for decency": (Ticket, {"divert": "dissuade", "state": "diverted"}),
    "of no kind": (Ticket, {"kind": None}),
    "given up": (Appeal, {"state": "dead"}),
}


@pytest.mark.parametrize("case", HIDDEN)
async def test_what_must_not_be_seen_is_not(db: Database, case: str) -> None:
    await add_tickets(db, TicketIn())
    model, values = HIDDEN[case]
    assert len(await seen(db)) == 1
    await update(db, model, **values)
    assert await seen(db) == []
    async with db.reads() as session:
        assert await public.public_cases(session, PublicFilter(ids=(1,)), limit=1) == []


async def test_what_a_clerk_corrected_to_a_report_is_hidden(db: Database) -> None:
    await add_tickets(db, TicketIn())
    async with db.writes.begin() as session:
        session.add(
            Correction(
                ticket_id=1, appeal_id=1, field="appeal_type", old="投诉", new="举报", by="x", at=NOW,
                model_version="m",
            )
        )  # fmt: skip
    assert await seen(db) == []


async def _posted(db: Database) -> int:
    await add_reference(db)
    async with db.writes.begin() as session:
        number = await add_appeal(session, TicketIn(), state=AppealState.WAITING)
        session.add(Open311Key(id=1, name="k", key_hash="h", created_at=NOW))
        await session.flush()
        session.add(
            Open311Request(
                appeal_id=number, key_id=1, token="t" * 24, service_code="AIR-01", description="扬尘",
                address="望京", lon=116.4, lat=39.9, answers={"HOURS": ["night", "dawn"]},
            )
        )  # fmt: skip
    return number


async def test_what_was_posted_shows_its_words_only_when_it_was_read(db: Database) -> None:
    number = await _posted(db)
    (row,) = await seen(db)
    assert (row.id, row.kind, row.state, row.description, row.lat, row.answers) == (
        number, "AIR-01", None, None, None, None,
    )  # fmt: skip
    async with db.reads() as session:
        assert await public.by_token(session, "t" * 24) == (number, False)
        assert await public.by_token(session, "u" * 24) is None


async def test_what_was_not_posted_and_not_read_is_not_seen(db: Database) -> None:
    await add_reference(db)
    async with db.writes.begin() as session:
        await add_appeal(session, TicketIn(), state=AppealState.WAITING)
    assert await seen(db) == []


async def test_filters_and_order(db: Database) -> None:
    await add_tickets(
        db,
        TicketIn(age=5 * DAY),
        TicketIn(age=3 * DAY, kind="AIR-06", state=State.CLOSED),
        TicketIn(age=DAY, kind="WAT-01"),
    )

    async def ids(**asked: Any) -> list[int]:  # noqa: ANN401
        return [row.id for row in await seen(db, PublicFilter(**asked))]

    assert await ids() == [3, 2, 1]
    assert await ids(kinds=("AIR-06", "WAT-01")) == [3, 2]
    assert (await ids(closed=True), await ids(closed=False)) == ([2], [3, 1])
    assert await ids(start=NOW - 3 * DAY, end=NOW - 3 * DAY) == [2]
    assert await ids(ids=(1, 99), kinds=("WAT-01",), closed=True) == [1]


async def test_closed_is_told_with_the_moment_it_closed(db: Database) -> None:
    await add_tickets(db, TicketIn(age=5 * DAY, state=State.ARCHIVED), TicketIn(age=5 * DAY))
    async with db.writes.begin() as session:
        for ticket in (1, 2):
            for seq, tag, at in ((6, Tag.CLOSE, NOW - 2 * DAY), (7, Tag.ARCHIVE, NOW - DAY)):
                event: dict[str, Any] = {
                    "ticket_id": ticket,
                    "seq": seq,
                    "at": at,
                    "tag": tag.value,
                    "data": {},
                }
                await session.execute(sa.insert(TicketEvent), event)
    rows = {row.id: row.updated_at for row in await seen(db)}
    assert rows == {1: NOW - 2 * DAY, 2: NOW - DAY}


async def _merged(db: Database, ticket: int, into: int) -> None:
    no = {"other_ticket": f"20261123-{into:08d}"}
    event = {
        "ticket_id": ticket,
        "seq": 6,
        "at": NOW - 4 * DAY,
        "tag": Tag.MERGE.value,
        "data": {"values": no},
    }
    async with db.writes.begin() as session:
        await session.execute(sa.insert(TicketEvent), event)
        await session.execute(sa.update(Ticket).where(Ticket.id == ticket).values(state=State.MERGED.value))


async def _state(db: Database, ticket: int, state: State) -> None:
    async with db.writes.begin() as session:
        await session.execute(sa.update(Ticket).where(Ticket.id == ticket).values(state=state.value))


async def test_a_merged_case_is_told_by_the_one_that_stands_for_it(db: Database) -> None:
    """Merges of merges too: open while that is, over when that is, with its end."""
    await add_tickets(db, *[TicketIn(age=5 * DAY)] * 3, TicketIn(age=5 * DAY, state=State.CLOSED))
    await _merged(db, 3, 2)
    await _merged(db, 2, 1)
    await _state(db, 1, State.HANDLING)
    rows = {row.id: row for row in await seen(db)}
    assert {number: (row.state, row.closed, row.merged) for number, row in rows.items()} == {
        1: ("handling", False, False), 2: ("handling", False, True), 3: ("handling", False, True),
        4: ("closed", True, False),
    }  # fmt: skip
    assert rows[3].answer_by == rows[1].answer_by
    assert [row.id for row in await seen(db, PublicFilter(closed=False))] == [3, 2, 1]
    async with db.writes.begin() as session:
        event = {"ticket_id": 1, "seq": 7, "at": NOW - DAY, "tag": Tag.CLOSE.value, "data": {}}
        await session.execute(sa.insert(TicketEvent), event)
    await _state(db, 1, State.CLOSED)
    await _state(db, 2, State.ARCHIVED)
    rows = {row.id: row for row in await seen(db)}
    assert [(rows[n].state, rows[n].updated_at) for n in (2, 3)] == [
        ("archived", NOW - DAY), ("closed", NOW - DAY),
    ]  # fmt: skip
    assert [row.id for row in await seen(db, PublicFilter(closed=True))] == [4, 3, 2, 1]


@pytest.mark.parametrize(
    "head", [TicketIn(confidential=True), TicketIn(kind=None, state=State.HANDED_OVER), None]
)
async def test_what_stands_for_a_merged_case_and_may_not_be_seen_tells_nothing(
    db: Database, head: TicketIn | None
) -> None:
    await add_tickets(db, TicketIn(), *filter(None, [head]))
    await _merged(db, 1, 2)
    (row,) = await seen(db)
    assert (row.id, row.state, row.merged, row.updated_at) == (1, "merged", False, NOW - 4 * DAY)


async def test_who_was_taken_out_again_is_told_alone(db: Database) -> None:
    await add_tickets(db, *[TicketIn(age=5 * DAY)] * 2)
    await _merged(db, 2, 1)
    async with db.writes.begin() as session:
        for seq, tag, at in ((7, Tag.SPLIT, NOW - 3 * DAY), (8, Tag.CLOSE, NOW - DAY)):
            event = {"ticket_id": 2, "seq": seq, "at": at, "tag": tag.value, "data": {}}
            await session.execute(sa.insert(TicketEvent), event)
    await _state(db, 2, State.ARCHIVED)
    rows = {row.id: row for row in await seen(db)}
    assert (rows[2].state, rows[2].updated_at) == ("archived", NOW - DAY)
