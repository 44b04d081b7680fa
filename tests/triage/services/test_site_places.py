"""What clerks pick is a correction; a phrase is learned only when it is sure. Names of places are ours."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import triage.tables
from connectors.vault import Vault
from models import site_places
from models.corrections import Correction
from models.filters import all_seeing
from models.ledger import LedgerRow
from models.site_places import SitePlace
from models.viewing import Scope, Viewer
from models.vocab_ledger import LedgerAct
from nlp.gazetteer import Gazetteer
from nlp.pipeline import Reader
from tests.factories import NOW, TicketIn, add_tickets
from triage.clock import FixedClock
from triage.errors import BadInput, NotFound
from triage.services import site_places as service
from triage.services.correcting import AS_READ, correct
from triage.services.deps import Deps
from triage.services.site_places import CitysOwn, Standing, Wish
from triage.settings import Settings
from triage.site_names import SiteNames

if TYPE_CHECKING:
    from datetime import datetime

    from models.db import Database
    from triage.rules.rows import Tables

CLERK = all_seeing("local")
#: Of one district: its own cases, and a dictionary that is the whole city's.
OF_DISTRICT = Viewer("chaoyang", Scope(units=frozenset({"110105026"})), "110105026")
BACK = Wish(AS_READ)
GAZETTEER = Gazetteer.load()
WANGJING, QINGHE = "110105026", "110108017"
TEXT = "鹊桥大院西边每天夜里有人烧烤，烟很大。"


@pytest.fixture(scope="module")
def tables() -> Tables:
    return triage.tables.load()


async def stored(db: Database, count: int = 1, text: str = TEXT) -> list[str]:
    item = TicketIn(title=None, text=text, district="110105", street=None)
    return list(await add_tickets(db, *[item] * count))


async def pick(
    db: Database, tables: Tables, no: str, wish: Wish, *, who: Viewer = CLERK, at: datetime = NOW
) -> bool:
    async with db.writes.begin() as session:
        return await service.pick(session, tables, who, no, wish, gazetteer=GAZETTEER, at=at)


async def names(db: Database, needed: int = 2) -> list[tuple[str, str]]:
    async with db.reads() as session:
        rows = await site_places.standing(session)
        return [(name.text, name.code) for name in service.learned(rows, needed=needed)]


async def stands(db: Database) -> list[Standing]:
    async with db.reads() as session:
        return [service.standing(one, needed=2) for one in await site_places.listed(session, limit=9)]


PICK = Wish(WANGJING, "鹊桥大院", 116.47, 39.99)


async def test_another_point_for_the_same_ticket_is_news_for_workers(db: Database, tables: Tables) -> None:
    (no,) = await stored(db)
    found = []
    for lon, hours in ((116.47, 0), (116.48, 1)):
        async with db.writes.begin() as session:
            await service.pick(
                session, tables, CLERK, no, replace(PICK, lon=lon), gazetteer=GAZETTEER,
                at=NOW + timedelta(hours=hours),
            )  # fmt: skip
            found.append(await site_places.version(session))
    first, second = found
    assert first[:3] == second[:3] == (1, 1, 0)
    assert (first[3], second[3]) == (NOW, NOW + timedelta(hours=1))


async def test_nothing_picked_has_a_version(db: Database) -> None:
    async with db.reads() as session:
        assert await site_places.version(session) == (0, 0, 0, None)


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


async def test_one_ticket_that_is_picked_again_after_another_took_its_pick_back_counts_once(
    db: Database, tables: Tables
) -> None:
    """Whose picks are left is not known then: one ticket must not teach the whole city a phrase."""
    mine, others, third = await stored(db, 3)
    await pick(db, tables, mine, PICK)
    await pick(db, tables, others, PICK)
    assert await names(db) == [("鹊桥大院", WANGJING)]
    await pick(db, tables, others, BACK)
    await pick(db, tables, mine, PICK)
    assert await names(db) == []
    await pick(db, tables, third, PICK)
    assert await names(db) == [("鹊桥大院", WANGJING)]


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


async def test_a_row_in_the_way_stands_beside_the_one_that_it_keeps_out(db: Database, tables: Tables) -> None:
    one, two, three = await stored(db, 3, f"{TEXT}清风大院也是。")
    await pick(db, tables, one, replace(PICK, code=QINGHE))
    await pick(db, tables, two, replace(PICK, phrase="清风大院"), at=NOW + timedelta(hours=1))
    await pick(db, tables, three, replace(PICK, always=True), at=NOW + timedelta(hours=2))
    async with db.reads() as session:
        pages = [await site_places.listed(session, limit=1, offset=at) for at in range(4)]
    told = [(one.row.phrase, one.row.code, service.standing(one, needed=2)) for page in pages for one in page]
    # Each page alone knows that 鹊桥大院 means neither place.
    assert told == [
        ("鹊桥大院", WANGJING, Standing.CONFLICT), ("鹊桥大院", QINGHE, Standing.CONFLICT),
        ("清风大院", WANGJING, Standing.ONCE_MORE),
    ]  # fmt: skip


async def test_a_pick_that_is_taken_back_teaches_nothing(db: Database, tables: Tables) -> None:
    one, two = await stored(db, 2)
    await pick(db, tables, one, replace(PICK, always=True))
    await pick(db, tables, one, BACK)
    assert (await names(db), await stands(db)) == ([], [Standing.REVOKED])
    await pick(db, tables, one, PICK)
    await pick(db, tables, two, PICK)
    assert await names(db) == [("鹊桥大院", WANGJING)]
    await pick(db, tables, two, BACK)
    # The other ticket's stays.
    assert sorted(await stands(db), key=lambda stand: stand.name) == [Standing.ONCE_MORE, Standing.REVOKED]
    async with db.reads() as session:
        acts = (LedgerAct.PLACE_ADDED.value, LedgerAct.PLACE_REMOVED.value)
        told = await session.scalars(
            sa.select(LedgerRow.act).where(LedgerRow.act.in_(acts)).order_by(LedgerRow.seq)
        )
    assert list(told) == [acts[0], acts[1], acts[0], acts[0], acts[1]]


@pytest.mark.parametrize("by_json", [False, True])
async def test_a_ticket_that_is_put_elsewhere_does_not_stand_in_its_own_way(
    db: Database, tables: Tables, *, by_json: bool
) -> None:
    (no,) = await stored(db)
    await pick(db, tables, no, replace(PICK, code=QINGHE))
    async with db.writes.begin() as session:
        said = {"place": {True: WANGJING, False: "110108"}[by_json]}
        await correct(session, tables, CLERK, no, said, at=NOW)
    await pick(db, tables, no, replace(PICK, always=True))
    assert await names(db) == [("鹊桥大院", WANGJING)]


async def test_the_dictionary_of_the_city_is_decided_by_the_whole_city(db: Database, tables: Tables) -> None:
    one, two = await stored(db, 2)
    with pytest.raises(CitysOwn):
        await pick(db, tables, one, replace(PICK, always=True), who=OF_DISTRICT)
    await pick(db, tables, one, replace(PICK, always=True))
    async with db.writes.begin() as session:
        (number,) = await session.scalars(sa.select(SitePlace.id))
        with pytest.raises(CitysOwn):
            await service.revoke(session, OF_DISTRICT, number, at=NOW)
    # Nor by the way of a ticket of theirs; their own pick counts, and is theirs to take back.
    await pick(db, tables, one, BACK, who=OF_DISTRICT)
    await pick(db, tables, two, replace(PICK, phrase="大院西边"), who=OF_DISTRICT)
    assert await names(db, needed=1) == [("大院西边", WANGJING), ("鹊桥大院", WANGJING)]
    await pick(db, tables, two, BACK, who=OF_DISTRICT)
    assert await names(db, needed=1) == [("鹊桥大院", WANGJING)]


async def test_one_pick_less_and_one_more_is_another_dictionary(db: Database, tables: Tables) -> None:
    one, two, three = await stored(db, 3)
    await pick(db, tables, one, PICK)
    await pick(db, tables, two, PICK)
    async with db.reads() as session:
        before = await site_places.version(session)
    await pick(db, tables, two, BACK)
    await pick(db, tables, three, PICK, at=NOW + timedelta(minutes=1))
    async with db.reads() as session:
        assert await site_places.version(session) != before
