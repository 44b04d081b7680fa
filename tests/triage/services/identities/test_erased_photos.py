"""删除身份: the photos, the point on the map and the public link go with whoever sent them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from connectors.file_store import FolderStore
from connectors.ports import StoreDown
from models.appeals import Appellant
from models.citizens import CitizenAccess, CitizenWord
from models.files import Attachment
from models.open311 import Open311Key, Open311Request
from models.tickets import Ticket, TicketEvent
from models.vocab import State, Tag
from models.vocab_files import FileOwner
from tests.factories import NOW
from tests.triage.services.identities.test_erasing import ME, at, case, entries, keep_days
from triage.services.identities import erasing
from triage.services.identities.erased_photos import Photos

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.db import Database

PAST = timedelta(days=1)


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "files")


async def photo(
    db: Database,
    store: FolderStore,
    no: str,
    *,
    content: bytes = b"photo",
    owner: FileOwner = FileOwner.APPEAL,
    at: datetime = NOW,
) -> None:
    """One that is kept, with its small picture."""
    sha256, thumb = store.put(content), store.put(b"small " + content)
    async with db.writes.begin() as session:
        number = await session.scalar(sa.select(Ticket.appeal_id).where(Ticket.no == no))
        session.add(
            Attachment(
                appeal_id=number, owner=owner.value, sha256=sha256, thumb_sha256=thumb, size=1,
                name="照片 1.jpg", media_type="image/jpeg", by="citizen", at=at,
            )
        )  # fmt: skip


async def left(db: Database, store: FolderStore) -> tuple[int, int]:
    """How many rows and how many contents there are."""
    async with db.reads() as session:
        rows = await session.scalar(sa.select(sa.func.count(Attachment.id)))
    return rows or 0, len(list(store.hashes()))


async def erase(db: Database, store: FolderStore, *, days: int = 0) -> None:
    await erasing.Eraser(at(db, days=days)).keep()
    await Photos(at(db, days=days), store).keep()


async def wanted(db: Database, no: str) -> None:
    async with db.writes.begin() as session:
        await erasing.ask(session, ME, no, "来函", now=NOW)


async def test_photos_go_with_the_identity_and_not_before(db: Database, store: FolderStore) -> None:
    no = await case(db)
    await photo(db, store, no)
    await photo(db, store, no, content=b"site", owner=FileOwner.TICKET)
    days = keep_days(at(db))
    await erase(db, store, days=days - 1)
    assert await left(db, store) == (2, 4)
    await erase(db, store, days=days + 1)
    assert await left(db, store) == (1, 2), "what the unit put there is the case's own"
    await erase(db, store, days=days + 2)
    assert [row.detail for row in await entries(db)] == [
        {"parts": ["phone", "phone_index"], "added_words": 1}, {"parts": ["photos"], "files": 1},
    ]  # fmt: skip


async def test_who_left_no_name_left_a_photo_and_a_point(db: Database, store: FolderStore) -> None:
    no = await case(db)
    await photo(db, store, no)
    async with db.writes.begin() as session:
        number = await session.scalar(sa.select(Ticket.appeal_id).where(Ticket.no == no))
        for table in (Appellant, CitizenWord):
            await session.execute(sa.delete(table))
        key = Open311Key(name="x", key_hash="x", created_at=NOW)
        session.add(key)
        await session.flush()
        session.add(CitizenAccess(appeal_id=number, form_hash="x", lon=116.4, lat=39.9))
        session.add(
            Open311Request(
                appeal_id=number, key_id=key.id, token="t" * 9, service_code="NOI-01", description="[手机号]",
                lon=116.4, lat=39.9, media_url="https://x.cn/1.jpg", answers={},
            )
        )  # fmt: skip
    days = keep_days(at(db))
    await erase(db, store, days=days - 1)
    assert await left(db, store) == (1, 2)
    await erase(db, store, days=days + 1)
    assert await left(db, store) == (0, 0)
    async with db.reads() as session:
        posted = (await session.scalars(sa.select(Open311Request))).one()
        pressed = (await session.scalars(sa.select(CitizenAccess))).one()
    assert (posted.media_url, posted.lon, posted.lat, pressed.lon, pressed.lat) == (None,) * 5
    assert posted.description == "[手机号]"
    assert [row.detail for row in await entries(db)] == [
        {"parts": ["point", "open311"], "added_words": 0}, {"parts": ["photos"], "files": 1},
    ]  # fmt: skip
    await erase(db, store, days=days + 2)
    assert len(await entries(db)) == 2


async def test_a_content_that_others_name_stays(sqlite_db: Database, store: FolderStore) -> None:
    mine, others = await case(sqlite_db), await case(sqlite_db)
    await photo(sqlite_db, store, mine)
    await photo(sqlite_db, store, others)
    await wanted(sqlite_db, mine)
    await erase(sqlite_db, store)
    assert await left(sqlite_db, store) == (1, 2)
    await wanted(sqlite_db, others)
    await erase(sqlite_db, store)
    assert await left(sqlite_db, store) == (0, 0)


async def test_what_is_the_proof_of_a_reward_stays(sqlite_db: Database, store: FolderStore) -> None:
    """佐证 is kept by its content as well: a photo that an office fetched and handed in is one content."""
    no = await case(sqlite_db)
    await photo(sqlite_db, store, no)
    path = sqlite_db.engine.url.database
    assert path is not None
    # A connection of its own asks for no outcome behind the file.
    with closing(sqlite3.connect(path)) as base, base:
        base.execute(
            "INSERT INTO reward_file (outcome_id, sha256, size, media_type, name, by, at)"
            " VALUES (1, ?, 1, 'image/jpeg', '照片.jpg', 'a', '2026-11-20')",
            (store.put(b"photo"),),
        )
    await wanted(sqlite_db, no)
    await erase(sqlite_db, store)
    assert await left(sqlite_db, store) == (0, 1)
    assert store.read(store.put(b"photo")) == b"photo"


async def test_a_case_that_is_needed_keeps_what_another_shared_with_it(
    sqlite_db: Database, store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, needed = await case(sqlite_db), await case(sqlite_db)
    for no in (mine, needed):
        await photo(sqlite_db, store, no)
        await wanted(sqlite_db, no)
    await erasing.Eraser(at(sqlite_db)).keep()

    async def is_needed(_session: AsyncSession, ticket: Ticket) -> bool:
        return ticket.no == needed

    with monkeypatch.context() as asked:
        asked.setattr(erasing, "needed", is_needed)
        await Photos(at(sqlite_db), store).keep()
    assert await left(sqlite_db, store) == (1, 2)
    await Photos(at(sqlite_db), store).keep()
    assert await left(sqlite_db, store) == (0, 0)


async def test_what_came_after_the_erasure_goes_in_its_turn(sqlite_db: Database, store: FolderStore) -> None:
    """Opened again, the case got another photo: it waits until it is asked for, or its own time is over."""
    no = await case(sqlite_db)
    await photo(sqlite_db, store, no)
    await wanted(sqlite_db, no)
    await erase(sqlite_db, store)
    async with sqlite_db.writes.begin() as session:
        ticket = (await session.scalars(sa.select(Ticket))).one()
        event = {"ticket_id": ticket.id, "seq": 90, "at": NOW + PAST, "tag": Tag.CLOSE.value, "data": {}}
        await session.execute(sa.insert(TicketEvent).values(**event))
    await photo(sqlite_db, store, no, content=b"later", at=NOW + PAST)
    await erase(sqlite_db, store, days=2)
    assert await left(sqlite_db, store) == (1, 2)
    await wanted(sqlite_db, no)
    await erase(sqlite_db, store, days=2)
    assert await left(sqlite_db, store) == (0, 0)


async def test_an_open_case_keeps_the_photos_of_who_was_erased_before(
    sqlite_db: Database, store: FolderStore
) -> None:
    no = await case(sqlite_db)
    await photo(sqlite_db, store, no)
    await wanted(sqlite_db, no)
    await erasing.Eraser(at(sqlite_db)).keep()
    async with sqlite_db.writes.begin() as session:
        await session.execute(sa.update(Ticket).values(state=State.HANDLING.value))
    await Photos(at(sqlite_db), store).keep()
    assert await left(sqlite_db, store) == (1, 2)


async def test_a_disk_that_refuses_is_asked_again(
    sqlite_db: Database, store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    no = await case(sqlite_db)
    await photo(sqlite_db, store, no)
    await wanted(sqlite_db, no)

    def refuse(_store: FolderStore, _hash: str) -> None:
        raise StoreDown

    with monkeypatch.context() as broken:
        broken.setattr(FolderStore, "remove", refuse)
        await erase(sqlite_db, store)
    assert await left(sqlite_db, store) == (1, 2)
    await Photos(at(sqlite_db), store).keep()
    assert await left(sqlite_db, store) == (0, 0)


async def test_batches_follow_one_another(
    sqlite_db: Database, store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triage.services.identities.erased_photos.BATCH", 2)
    for n in range(3):
        no = await case(sqlite_db)
        await photo(sqlite_db, store, no, content=b"%d" % n)
        await wanted(sqlite_db, no)
    await erasing.Eraser(at(sqlite_db)).keep()
    photos = Photos(at(sqlite_db), store)
    assert [await photos.keep() for _ in range(3)] == [True, False, False]
    assert await left(sqlite_db, store) == (0, 0)
