"""What clerks pick is a correction; a phrase is learned only when it is sure. Names of places are ours."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import triage.tables
from connectors.vault import Vault
from models import site_places
from models.corrections import Correction
from models.filters import all_seeing
from models.site_places import SitePlace
from nlp.gazetteer import Gazetteer
from nlp.pipeline import Reader
from tests.factories import NOW, TicketIn, add_tickets
from triage.clock import FixedClock
from triage.errors import BadInput, NotFound
from triage.services import site_places as service
from triage.services.deps import Deps
from triage.services.site_places import Standing, Wish
from triage.settings import Settings
from triage.site_names import SiteNames

if TYPE_CHECKING:
    from models.db import Database
    from triage.rules.rows import Tables

CLERK = all_seeing("local")
GAZETTEER = Gazetteer.load()
WANGJING, QINGHE = "110105026", "110108017"
TEXT = "鹊桥大院西边每天夜里有人烧烤，烟很大。"


@pytest.fixture(scope="module")
def tables() -> Tables:
    return triage.tables.load()


async def stored(db: Database, count: int = 1, text: str = TEXT) -> list[str]:
    item = TicketIn(title=None, text=text, district="110105", street=None)
    return list(await add_tickets(db, *[item] * count))


async def pick(db: Database, tables: Tables, no: str, wish: Wish) -> bool:
    async with db.writes.begin() as session:
        return await service.pick(session, tables, CLERK, no, wish, gazetteer=GAZETTEER, at=NOW)


async def names(db: Database, needed: int = 2) -> list[tuple[str, str]]:
    async with db.reads() as session:
        rows = await site_places.standing(session)
        return [(name.text, name.code) for name in service.learned(rows, needed=needed)]


async def stands(db: Database) -> list[Standing]:
    async with db.reads() as session:
        return service.standings(await site_places.latest(session, limit=9), needed=2)


PICK = Wish(WANGJING, "鹊桥大院", 116.47, 39.99)


async def test_a_pick_is_kept_as_a_correction(db: Database, tables: Tables) -> None:
    (no,) = await stored(db)
    await pick(db, tables, no, replace(PICK, code="110105026038"))
    async with db.reads() as session:
        kept = (await session.scalars(sa.select(Correction))).one()
        row = (await session.scalars(sa.select(SitePlace))).one()
    assert (kept.field, kept.new, kept.community, kept.by) == ("place", WANGJING, "110105026038", "local")
    assert (row.phrase, row.code, row.lon, row.lat, row.picks) == (
        "鹊桥大院",
        "110105026038",
        116.47,
        39.99,
        1,
    )
    assert (row.picked_by, row.picked_at) == ("local", NOW)


async def test_what_a_pick_changes_is_told_and_so_is_that_it_changes_nothing(
    db: Database, tables: Tables
) -> None:
    (no,) = await stored(db)
    community = Wish("110105026038")
    assert await pick(db, tables, no, community)
    assert not await pick(db, tables, no, community)
    # Another one of the same street is another place.
    assert await pick(db, tables, no, replace(community, code="110105026035"))
    assert await pick(db, tables, no, community)
    assert await pick(db, tables, no, replace(community, lon=116.47, lat=39.99))
    assert await pick(db, tables, no, replace(community, phrase="鹊桥大院"))


async def test_a_phrase_is_learned_after_the_same_pick_on_two_tickets(db: Database, tables: Tables) -> None:
    one, two = await stored(db, 2)
    await pick(db, tables, one, PICK)
    assert await names(db) == []
    assert await stands(db) == [Standing.ONCE_MORE]
    await pick(db, tables, one, PICK)  # the same ticket again says nothing new
    assert await names(db) == []
    await pick(db, tables, two, replace(PICK, lon=None, lat=None))
    assert await names(db) == [("鹊桥大院", WANGJING)]
    assert await stands(db) == [Standing.LEARNED]
    async with db.reads() as session:
        (row,) = await site_places.standing(session)
    assert (row.lon, row.lat) == (116.47, 39.99)


async def test_one_pick_with_always_is_enough(db: Database, tables: Tables) -> None:
    (no,) = await stored(db)
    await pick(db, tables, no, replace(PICK, always=True))
    assert await names(db) == [("鹊桥大院", WANGJING)]


async def test_picks_that_differ_give_neither_until_one_is_revoked(db: Database, tables: Tables) -> None:
    one, two = await stored(db, 2)
    await pick(db, tables, one, replace(PICK, always=True))
    await pick(db, tables, two, replace(PICK, code=QINGHE))
    assert await names(db) == []
    assert await stands(db) == [Standing.CONFLICT, Standing.CONFLICT]
    async with db.writes.begin() as session:
        (number,) = await session.scalars(sa.select(SitePlace.id).where(SitePlace.code == QINGHE))
        await service.revoke(session, CLERK, number, at=NOW)
    assert await names(db) == [("鹊桥大院", WANGJING)]
    async with db.writes.begin() as session:
        with pytest.raises(NotFound):
            await service.revoke(session, CLERK, number, at=NOW)


async def test_what_was_revoked_can_be_picked_anew(db: Database, tables: Tables) -> None:
    one, two = await stored(db, 2)
    await pick(db, tables, one, replace(PICK, always=True))
    async with db.writes.begin() as session:
        (number,) = await session.scalars(sa.select(SitePlace.id))
        await service.revoke(session, CLERK, number, at=NOW)
    assert await names(db) == []
    await pick(db, tables, two, PICK)
    assert sorted(await stands(db), key=lambda stand: stand.name) == [Standing.ONCE_MORE, Standing.REVOKED]


async def test_a_pick_without_a_phrase_teaches_nothing(db: Database, tables: Tables) -> None:
    (no,) = await stored(db)
    await pick(db, tables, no, Wish(WANGJING, always=True))
    async with db.reads() as session:
        assert (await session.scalars(sa.select(SitePlace))).all() == []
        assert (await session.scalars(sa.select(Correction.new))).all() == [WANGJING]


@pytest.mark.parametrize(
    ("phrase", "told"),
    [
        ("小区", "太短或是通称"),
        ("院", "太短或是通称"),
        ("石家庄", "与外地省市区县同名"),
        ("东边大院", "原文里没有"),
        ("鹊桥大院3单元", "不能有房间号"),
        ("[手机号]", "不能有房间号"),
        ("鹊桥" * 11, "叫法太长"),
    ],
)
async def test_a_phrase_that_can_stand_for_no_place_is_refused(
    sqlite_db: Database, tables: Tables, phrase: str, told: str
) -> None:
    (no,) = await stored(sqlite_db)
    with pytest.raises(BadInput, match=told):
        await pick(sqlite_db, tables, no, replace(PICK, phrase=phrase))
    async with sqlite_db.reads() as session:
        assert (await session.scalars(sa.select(Correction))).all() == []


async def test_a_place_or_ticket_that_is_none_is_refused(sqlite_db: Database, tables: Tables) -> None:
    (no,) = await stored(sqlite_db)
    with pytest.raises(BadInput, match="请先选一个地点"):
        await pick(sqlite_db, tables, no, replace(PICK, code="999999"))
    with pytest.raises(NotFound):
        await pick(sqlite_db, tables, "20261123-99999999", PICK)


async def test_a_running_reader_learns_and_forgets_without_a_restart(
    sqlite_db: Database, tables: Tables
) -> None:
    deps = Deps(Settings(), FixedClock(NOW), tables, sqlite_db, Vault({1: bytes(32)}))
    reader, site = Reader.load(weights=None), SiteNames()
    before = reader.model_version
    assert not await site.refresh(deps, reader, every=0)
    assert reader.read(None, TEXT).place.street is None
    (no,) = await stored(sqlite_db)
    await pick(sqlite_db, tables, no, replace(PICK, always=True))
    assert await site.refresh(deps, reader, every=0)
    place = reader.read(None, TEXT).place
    assert (place.street_code, place.lon, place.lat) == (WANGJING, 116.47, 39.99)
    assert reader.model_version != before
    assert not await site.refresh(deps, reader, every=0)
    async with sqlite_db.writes.begin() as session:
        (number,) = await session.scalars(sa.select(SitePlace.id))
        await service.revoke(session, CLERK, number, at=NOW)
    assert not await site.refresh(deps, reader)  # asked a moment ago
    assert await site.refresh(deps, reader, every=0)
    assert reader.model_version == before
    assert reader.read(None, TEXT).place.street is None
