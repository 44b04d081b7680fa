"""态势 of an area: functional areas stand where streets do, a street goes with its district."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import openpyxl
import pytest
import sqlalchemy as sa

import triage.tables
from models.appeals import Appeal, Reading
from models.ledger import LedgerRow
from models.tickets import Ticket, TicketUnit
from models.vocab import Channel
from models.vocab_ledger import LedgerAct
from models.vocab_staff import Role
from tests.factories import TicketIn, add_tickets
from tests.triage.services.trends.helpers import correct, refreshed
from triage.rules.areas import street_name
from triage.rules.rates import By
from triage.services import reference
from triage.services.month_sheets import name_of
from triage.services.notices import telling
from triage.web.names import names_of

if TYPE_CHECKING:
    from models.db import Database
    from tests.triage.web.conftest import Client, ClientOf
    from triage.services.deps import Deps

PERIOD = "from=2026-11-01&to=2026-11-23"
ZONE, AIRPORT = "110115403", "110115406"
TABLES = triage.tables.load()


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough: the sums are tested on both elsewhere."""
    return sqlite_db


async def text(client: Client, path: str, status: int = 200) -> str:
    async with client.get(path) as answer:
        assert answer.status == status
        return await answer.text()


def chosen(page: str, name: str) -> list[str]:
    """What the form of 态势 has chosen in a field."""
    field = re.search(rf'<select name="{name}">.*?</select>', page, re.DOTALL)
    return re.findall(r'value="([^"]+)" selected', field[0]) if field is not None else []


def test_the_districts_are_those_that_have_a_government() -> None:
    names = names_of(TABLES)
    assert len(names.districts) == 16
    assert ZONE not in names.districts
    assert (names.street(ZONE), names.streets[ZONE][1]) == ("北京经济技术开发区", "110115")


@pytest.mark.parametrize("code", [area for area in TABLES.functional_areas if area != ZONE])
def test_a_functional_area_without_an_office_is_told_by_its_name(code: str) -> None:
    name = TABLES.functional_areas[code].name
    assert name_of(TABLES, By.STREET, code) == name == street_name(TABLES, code)
    assert names_of(TABLES).street(code) == name
    assert telling.place(TABLES, TABLES.functional_areas[code].district_code, code).endswith(f"区{name}")


async def test_functional_areas_are_chosen_below_their_district(client: Client, deps: Deps) -> None:
    made = await add_tickets(deps.db, *[TicketIn()] * 3)
    for no, code in zip(made, (ZONE, AIRPORT, AIRPORT), strict=True):
        await correct(deps, no, {"place": code})
    await refreshed(deps)
    page = await text(client, f"/desk/trends?{PERIOD}&district=110115")
    assert '<option value="110115403">北京经济技术开发区</option>' in page
    assert "大兴国际机场,2,2," in await text(client, f"/desk/trends/areas.csv?{PERIOD}&district=110115")
    listed = await text(client, f"/desk/trends/areas.csv?{PERIOD}&street={AIRPORT}")
    assert listed.splitlines()[1].startswith("大兴国际机场,2,2,")


@pytest.mark.parametrize(
    "path",
    [
        "/desk/trends/map.json?area=110115403",
        "/desk/trends?district=110115403",
        "/desk/map?district=110115403",
    ],
)
async def test_a_zone_is_no_district(client: Client, path: str) -> None:
    async with client.get(f"{path}{ZONE}") as answer:
        assert answer.status in {400, 404}


async def test_every_district_of_the_map_of_open_cases_has_a_map(client: Client) -> None:
    page = await text(client, "/desk/map")
    tabs = re.findall(r'href="(/desk/map\?district=\d+)"', page)
    assert len(tabs) == 16
    for tab in tabs:
        await text(client, tab)


async def test_an_officer_of_the_zone_sees_the_zones_cases_and_no_others(
    client_of: ClientOf, deps: Deps
) -> None:
    own, other = await add_tickets(deps.db, *[TicketIn(assist=(), copies=())] * 2)
    await reference.sync(deps)
    async with deps.db.writes.begin() as session:
        for number, unit in ((1, ZONE), (2, "110115001")):
            told = {"unit_code": unit, "district_code": "110115", "street_code": unit}
            await session.execute(sa.update(Ticket).where(Ticket.id == number).values(**told))
            mine = sa.update(TicketUnit).where(TicketUnit.ticket_id == number)
            await session.execute(mine.values(unit_code=unit))
    officer = await client_of(Role.STREET, unit=ZONE)
    for path in ("/desk", "/desk/map", "/desk/due"):
        page = await text(officer, path)
        assert (own in page, other in page) == (True, False), path
    await text(officer, f"/desk/tickets/{other}", 404)


@pytest.mark.parametrize(
    ("asked", "district", "street"),
    [
        ("street=110105026", ["110105"], ["110105026"]),
        ("district=110105&street=110105026", ["110105"], ["110105026"]),
        # As the form sends it: the district was cleared or changed, the street was left as it was.
        ("district=&street=110105026", [], []),
        ("district=110108&street=110105026", ["110108"], []),
    ],
)
async def test_no_street_is_in_force_that_the_page_does_not_show(
    client: Client, asked: str, district: list[str], street: list[str]
) -> None:
    page = await text(client, f"/desk/trends?{PERIOD}&{asked}")
    assert (chosen(page, "district"), chosen(page, "street")) == (district, street)
    links = re.findall(r'data-charts="([^"]+)"', page)
    assert ("street=" in links[0]) == bool(street)


NARROW = f"{PERIOD}&district=110105&street=110105026&kind=NOI-01&channel=phone"


@pytest.mark.parametrize(
    ("panel", "told", "kept"),
    [
        (
            "kinds",
            "，朝阳区，望京街道，建筑施工噪声(含夜间)，电话",
            ["district", "street", "kind", "channel"],
        ),
        ("communities", "，朝阳区，望京街道，建筑施工噪声(含夜间)", ["district", "street", "kind"]),
        ("rates", "，朝阳区，望京街道", ["district", "street"]),
        ("model", "，全市", []),
        ("words", "，全市", []),
    ],
)
async def test_a_file_says_what_it_is_narrowed_to_and_the_ledger_too(
    client: Client, deps: Deps, panel: str, told: str, kept: list[str]
) -> None:
    await add_tickets(deps.db, *[TicketIn()] * 3)
    await refreshed(deps)
    assert f"（2026-11-01 至 2026-11-23{told}）" in await text(client, f"/desk/trends/{panel}.csv?{NARROW}")
    async with client.get(f"/desk/trends/{panel}.xlsx?{NARROW}") as answer:
        book = openpyxl.load_workbook(io.BytesIO(await answer.read()))
    values = [cell.value for row in book.active.iter_rows() for cell in row]  # type: ignore[union-attr]
    assert f"2026-11-01 至 2026-11-23{told}" in values
    async with deps.db.reads() as session:
        rows = await session.scalars(
            sa.select(LedgerRow.detail).where(LedgerRow.act == LedgerAct.EXPORTED.value)
        )
        filters = [row["filters"] or [] for row in rows]
    assert [[one.partition("=")[0] for one in found] for found in filters] == [kept, kept]


async def test_a_community_leads_to_the_tickets_it_counts_whatever_the_channel(
    client: Client, deps: Deps
) -> None:
    made = await add_tickets(deps.db, *[TicketIn()] * 3)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Reading).values(community_code="110105026001"))
        await session.execute(sa.update(Appeal).where(Appeal.id > 1).values(channel=Channel.WEB.value))
    await refreshed(deps)
    page = await text(client, f"/desk/trends?{PERIOD}&channel=web")
    ((link, count),) = re.findall(r'<td><a href="([^"]+community[^"]+)">(\d+)</a>', page)
    listed = await text(client, link.replace("&amp;", "&"))
    assert set(re.findall(r"/desk/tickets/([0-9-]+)", listed)) == set(made)
    assert int(count) == len(made)
