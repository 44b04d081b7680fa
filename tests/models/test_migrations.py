"""Migrations: head equals the mapped rows, one way down and up again; events cannot be changed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from models import migrate, revision
from models.corrections import Correction
from models.db import AwareUtc
from models.files import Attachment
from models.incidents import Incident, IncidentTold
from models.notices import Notice
from models.tickets import Ticket, TicketEvent
from models.units import Staff
from tests import factories

if TYPE_CHECKING:
    from models.db import Database

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


async def test_the_newest_schema_equals_the_mapped_rows(db: Database) -> None:
    assert await revision.current_revision(db) == revision.head_revision()
    assert await migrate.differences(db) == []


async def test_the_schema_goes_down_and_up_again(db: Database) -> None:
    await migrate.downgrade(db, "base")
    assert await revision.current_revision(db) is None
    await migrate.upgrade(db)
    assert await migrate.differences(db) == []


async def test_the_schema_tells_how_old_code_may_be(db: Database) -> None:
    async with db.reads() as session:
        floor = await session.scalar(sa.text("SELECT code_from FROM schema_floor"))
    assert floor == "0017"
    assert (await revision.fit(db)).works
    await migrate.downgrade(db, "-1")
    assert not (await revision.fit(db)).works


def test_who_takes_something_away_says_how_old_code_may_be() -> None:
    """A `_pre_` migration only adds (bench/migrations.py runs old code on it); another moves the floor."""
    others = [path for path in revision.VERSIONS.glob("[0-9]*.py") if "_pre_" not in path.name]
    assert [path.name for path in others if "schema_floor" not in path.read_text(encoding="utf-8")] == []


async def test_a_migration_waits_for_whoever_writes(sqlite_db: Database) -> None:
    await migrate.downgrade(sqlite_db, "-1")
    async with sqlite_db.writes() as session:
        await session.execute(sa.text("UPDATE alembic_version SET version_num = version_num"))
        upgrading = asyncio.create_task(migrate.upgrade(sqlite_db))
        await asyncio.sleep(0.3)
        await session.commit()
    await upgrading
    assert await revision.current_revision(sqlite_db) == revision.head_revision()


@pytest.mark.parametrize(
    ("told", "clock"),
    [
        ({"opening": {"clocks": {"sign": {"due": "2026-11-23T17:00:00+08:00"}}}}, "sign"),
        ({"clocks": {"start": {"contact": {"due": "2026-11-23T09:00:00+00:00"}}}}, "contact"),
        ({"clocks": {"start": {"contact": {"due": "2026-11-23T09:00:01+00:00"}}}}, None),
        ({"opening": {"clocks": None}}, None),
        ({"clock": "answer"}, None),
    ],
)
async def test_the_clock_of_an_older_ticket_is_what_its_events_told(
    db: Database, told: dict[str, object], clock: str | None
) -> None:
    await factories.add_reference(db)
    await factories.add_tickets(db, factories.TicketIn(due=timedelta(hours=1)), factories.TicketIn())
    async with db.writes.begin() as session:
        first = await session.scalar(sa.text("SELECT min(id) FROM ticket"))
        await session.execute(sa.text("UPDATE ticket SET answer_by = NULL WHERE id = :id"), {"id": first})
        event = {"ticket_id": first, "seq": 90, "at": NOW, "tag": "ticket:sign", "data": told}
        await session.execute(sa.insert(TicketEvent), [event])
    await migrate.downgrade(db, "0007")
    await migrate.upgrade(db)
    async with db.reads() as session:
        found = await session.scalars(sa.text("SELECT due_clock FROM ticket ORDER BY id"))
        assert list(found) == [clock, "answer"]


async def test_a_place_that_was_put_right_before_becomes_the_tickets(db: Database) -> None:
    await factories.add_reference(db)
    await factories.add_tickets(db, *[factories.TicketIn()] * 4)
    async with db.writes.begin() as session:
        one, two, _, none = await session.scalars(sa.select(Ticket.id).order_by(Ticket.id))
        said = [(one, "place", "110108017"), (one, "place", "110115403"), (one, "kind", "NOI-02")]
        said += [(two, "place", "110108017"), (two, "place", "110106"), (none, "place", "")]
        await session.execute(
            sa.insert(Correction),
            [
                {
                    "ticket_id": number, "appeal_id": number, "field": field, "new": new, "by": "local",
                    "at": NOW, "model_version": "x",
                }
                for number, field, new in said
            ],
        )  # fmt: skip
    await migrate.downgrade(db, "0034")
    await migrate.upgrade(db)
    async with db.reads() as session:
        found = await session.execute(
            sa.select(Ticket.district_code, Ticket.street_code, Ticket.lon).order_by(Ticket.id)
        )
        assert [tuple(row) for row in found] == [
            ("110115", "110115403", None),
            ("110106", None, None),
            ("110105", "110105026", None),
            (None, None, None),
        ]


def _incident(state: str) -> dict[str, object]:
    return {
        "version": 1, "state": state, "scope": "near", "family": "AIR", "kind": None, "reach": 0.0,
        "first_at": NOW, "last_at": NOW, "opened_at": NOW, "calls": 5, "told_calls": 5, "row_id": "r",
        "callers": 5, "usual": 0.1, "chance": 0.0, "confirm_by": NOW, "answer_by": NOW, "late_told": False,
    }  # fmt: skip


async def test_who_was_alerted_to_an_incident_before_is_read_off_the_notices(db: Database) -> None:
    """Told of its growth anew, a district that knows would be alerted for nothing."""
    stood = ("proposed", "closed")
    async with db.writes.begin() as session:
        await session.execute(sa.insert(Incident), [_incident(state) for state in stood])
        keys = ("1:1:incident_opened:110105", "1:4:incident_grew:110105", "1:1:incident_opened:bj-desk")
        said = [*keys, "2:1:incident_opened:110108"]
        await session.execute(
            sa.insert(Notice),
            [
                {
                    "key": f"incident:{key}", "recipient_kind": "unit", "recipient": key.rsplit(":", 1)[1],
                    "template": key.split(":")[2], "urgency": "U1", "facts": {}, "state": "sent",
                    "created_at": NOW + timedelta(minutes=minute), "not_before": NOW,
                }
                for minute, key in enumerate(said)
            ],
        )  # fmt: skip
    await migrate.downgrade(db, "0042")
    await migrate.upgrade(db)
    async with db.reads() as session:
        found = await session.execute(
            sa.select(IncidentTold.incident_id, IncidentTold.unit_code, IncidentTold.at).order_by(
                IncidentTold.at
            )
        )
        assert [tuple(row) for row in found] == [
            (1, "110105", NOW), (1, "bj-desk", NOW + timedelta(minutes=2))
        ]  # fmt: skip


async def test_addresses_of_citizens_go_from_their_events_and_the_events_stay_guarded(db: Database) -> None:
    await factories.add_reference(db)
    await factories.add_tickets(db, factories.TicketIn())
    told = {"move": "urge", "values": {"note": "还在排放"}}
    async with db.writes.begin() as session:
        ticket = await session.scalar(sa.select(Ticket.id))
        for login in ("citizen", "clerk"):
            who = Staff(login=login, name=login, active=True, created_at=NOW)
            session.add(who)
            await session.flush()
            session.add_all(
                TicketEvent(ticket_id=ticket, seq=100 + who.id * 10 + n, at=NOW, tag="ticket:urge",
                            staff_id=who.id, data=told | more)
                for n, more in enumerate(({"origin": "203.0.113.77"}, {}))
            )  # fmt: skip
    await migrate.downgrade(db, "0040")
    await migrate.upgrade(db)
    async with db.reads() as session:
        found = await session.execute(
            sa.select(Staff.login, TicketEvent.data).join(Staff).order_by(TicketEvent.seq)
        )
        assert [tuple(row) for row in found] == [
            ("citizen", told), ("citizen", told),
            ("clerk", told | {"origin": "203.0.113.77"}), ("clerk", told),
        ]  # fmt: skip
    for statement in ("UPDATE ticket_event SET seq = 9", "DELETE FROM ticket_event"):
        with pytest.raises(DBAPIError, match="append-only"):
            async with db.writes.begin() as session:
                await session.execute(sa.text(statement))


async def test_what_citizens_named_their_photos_goes_and_staff_s_names_stay(db: Database) -> None:
    await factories.add_reference(db)
    await factories.add_tickets(db, factories.TicketIn())
    sent = [
        ("citizen", "image/jpeg", "李小明家.jpg"),
        ("citizen", "image/png", "李小明.png"),
        ("li", "image/png", "河边.png"),
    ]
    async with db.writes.begin() as session:
        appeal = await session.scalar(sa.select(Ticket.appeal_id))
        session.add_all(
            Attachment(
                appeal_id=appeal,
                owner="appeal",
                sha256=str(n),
                size=1,
                media_type=kind,
                name=name,
                by=by,
                at=NOW,
            )
            for n, (by, kind, name) in enumerate(sent)
        )
    await migrate.downgrade(db, "0040")
    await migrate.upgrade(db)
    async with db.reads() as session:
        found = await session.scalars(sa.select(Attachment.name).order_by(Attachment.sha256))
        assert list(found) == ["照片.jpg", "照片.png", "河边.png"]


@pytest.mark.parametrize("statement", ["UPDATE ticket_event SET seq = 9", "DELETE FROM ticket_event"])
async def test_events_are_append_only(db: Database, statement: str) -> None:
    await factories.add_reference(db)
    await factories.add_tickets(db, factories.TicketIn())
    with pytest.raises(DBAPIError, match="append-only"):
        async with db.writes.begin() as session:
            await session.execute(sa.text(statement))


async def test_naive_times_are_refused(db: Database) -> None:
    with pytest.raises(ValueError, match="aware"):
        AwareUtc().process_bind_param(datetime(2026, 1, 1), db.engine.dialect)  # noqa: DTZ001  (on purpose)


async def test_stored_times_come_back_aware(db: Database) -> None:
    stored = AwareUtc().process_bind_param(NOW, db.engine.dialect)
    assert AwareUtc().process_result_value(stored, db.engine.dialect) == NOW


async def test_an_error_never_tells_the_values(db: Database) -> None:
    with pytest.raises(DBAPIError) as caught:
        async with db.writes.begin() as session:
            await session.execute(sa.text("INSERT INTO nowhere VALUES (:text)"), {"text": "河水发黑发臭"})
    assert "河水发黑发臭" not in str(caught.value)
