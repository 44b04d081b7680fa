"""态势: every figure leads to its tickets, has table, definition and export; small ones are hidden."""

from __future__ import annotations

import io
import re
from datetime import date
from typing import TYPE_CHECKING

import openpyxl
import pytest
import sqlalchemy as sa

from models.counted import Counted
from models.parties import Party, PartyMention, PartyName
from models.rollups import RollupWord, RollupWordDay
from models.tickets import Ticket
from models.vocab import State
from models.vocab_ledger import LedgerAct
from models.vocab_staff import Role
from models.vocab_trends import Ending
from tests.factories import NOW, TicketIn, add_tickets
from tests.triage.services.trends.helpers import correct, refreshed
from tests.written import written
from triage.services.trends.sources import Scope
from triage.web.trends.asks import TrendsAsk

if TYPE_CHECKING:
    from tests.triage.web.conftest import Client, ClientOf
    from triage.services.deps import Deps

PERIOD = "from=2026-11-01&to=2026-11-23"
ID = r'<section class="panel chart[^>]*id="([a-z]+)"'


@pytest.fixture
async def city(deps: Deps) -> list[str]:
    """Seven demands: six of one kind and one that a clerk corrected to another."""
    made = await add_tickets(deps.db, *[TicketIn()] * 6, TicketIn(kind="NOI-01"))
    await correct(deps, made[-1], {"kind": "AIR-01"})
    await refreshed(deps)
    return made


async def text(client: Client, path: str, status: int = 200) -> str:
    async with client.get(path) as answer:
        assert answer.status == status
        return await answer.text()


async def test_a_figure_leads_to_exactly_its_tickets(client: Client, city: list[str]) -> None:
    page = await text(client, f"/desk/trends?{PERIOD}")
    row = re.search(r'<th scope="row">　施工扬尘</th><td><a href="([^"]+)">1</a>', page)
    assert row is not None
    listed = await text(client, row[1].replace("&amp;", "&"))
    assert set(re.findall(r"/desk/tickets/([0-9-]+)", listed)) == {city[-1]}
    assert "态势下钻：2026-11-01 至 2026-11-23 · 施工扬尘" in listed
    assert "<b>7</b>" in page


async def test_a_new_word_leads_to_the_tickets_that_say_it(client: Client, deps: Deps) -> None:
    made = await add_tickets(deps.db, *[TicketIn(text="楼下有臭豆腐")] * 2, TicketIn())
    await refreshed(deps)
    async with deps.db.writes.begin() as session:
        for day, word, demands in ((date(2026, 10, 31), "噪声", 900), (date(2026, 11, 22), "臭豆腐", 30)):
            session.add(RollupWordDay(day=day, demands=900, at=NOW))
            session.add(RollupWord(day=day, word=word, demands=demands))
    page = await text(client, f"/desk/trends?{PERIOD}")
    link = re.search(r'<a href="([^"]+)">臭豆腐</a>', page)
    assert link is not None
    listed = await text(client, link[1].replace("&amp;", "&"))
    assert set(re.findall(r"/desk/tickets/([0-9-]+)", listed)) == set(made[:2])


async def test_outside_the_office_no_score_tells_a_small_count(client_of: ClientOf, deps: Deps) -> None:
    async with deps.db.writes.begin() as session:
        for day, word, demands in (
            (date(2026, 10, 31), "臭豆腐", 3), (date(2026, 11, 22), "臭豆腐", 60),
            (date(2026, 10, 31), "泡沫板", 20), (date(2026, 11, 21), "泡沫板", 90),
        ):  # fmt: skip
            session.add(RollupWord(day=day, word=word, demands=demands))
        session.add_all(
            RollupWordDay(day=day, demands=900, at=NOW) for day in (date(2026, 10, 31), date(2026, 11, 22))
        )
    office, outside = await client_of(Role.ANALYST), await client_of(Role.SUPERVISOR, unit="110105")
    csv = f"/desk/trends/words.csv?{PERIOD}"
    told, hidden = [dict(re.findall(r"(\S+?),\d+,([^\r\n]*)", await text(c, csv))) for c in (office, outside)]
    assert re.fullmatch(r"3,\d+\.\d", told["臭豆腐"])
    assert hidden["臭豆腐"] == "＜5,"
    assert hidden["泡沫板"] == told["泡沫板"]


async def test_every_chart_has_table_definition_and_export(
    client: Client, deps: Deps, city: list[str]
) -> None:
    del city
    page = await text(client, f"/desk/trends?{PERIOD}")
    panels = re.findall(ID, page)
    assert panels == [
        "volume", "mix", "kinds", "areas", "hours", "channels", "endings", "rates", "repeats", "moods",
        "angry", "words", "communities", "parties", "patrol", "model",
    ]  # fmt: skip
    assert page.count('<details class="definition">') == len(panels)
    # As `test_placed_community` holds the sums to.
    assert "更正过地点的按更正时点选的社区计，没有点选社区的不计入" in page
    async with client.get(f"/desk/trends/charts.json?{PERIOD}") as answer:
        charts = await answer.json()
    assert set(charts) == {
        "volume", "mix", "kinds", "areas", "hours", "channels", "endings", "repeats", "model"
    }  # fmt: skip
    assert charts["mix"]["option"]["series"][0]["data"] == [85.7]
    assert charts["volume"]["option"]["series"][0]["data"][-1] == 7
    csv = await text(client, f"/desk/trends/kinds.csv?{PERIOD}")
    assert "　施工扬尘,1," in csv
    async with client.get(f"/desk/trends/areas.xlsx?{PERIOD}") as answer:
        book = openpyxl.load_workbook(io.BytesIO(await answer.read()))
    values = [cell.value for row in book.active.iter_rows() for cell in row]  # type: ignore[union-attr]
    assert "朝阳区" in values
    assert 7 in values
    assert await written(deps, LedgerAct.EXPORTED) == [
        f"trends-{name}-2026-11-01-2026-11-23.{kind}" for name, kind in (("kinds", "csv"), ("areas", "xlsx"))
    ]


async def test_small_numbers_are_hidden_outside_the_office(
    client_of: ClientOf, deps: Deps, city: list[str]
) -> None:
    del city, deps
    outside = await client_of(Role.SUPERVISOR, unit="110105")
    page = await text(outside, f"/desk/trends?{PERIOD}")
    assert re.search(r'<th scope="row">　施工扬尘</th><td>＜5</td>', page)
    assert "少于 5 件的数字不显示" in page
    csv = await text(outside, f"/desk/trends/kinds.csv?{PERIOD}")
    assert "　施工扬尘,＜5," in csv


async def test_a_small_number_is_not_told_by_its_share(
    client_of: ClientOf, deps: Deps, city: list[str]
) -> None:
    del city
    await add_tickets(deps.db, TicketIn(state=State.REVIEW))
    await refreshed(deps)
    outside = await client_of(Role.SUPERVISOR, unit="110105")
    ends = await text(outside, f"/desk/trends/endings.csv?{PERIOD}")
    # The other one goes with it: from the sum and the rest a hidden number would follow.
    assert [line for line in ends.splitlines() if "＜5" in line] == [
        f"{Ending.REVIEW.label},＜5,", f"{Ending.OPEN.label},＜5,"
    ]  # fmt: skip


async def test_who_sees_no_cases_gets_figures_without_links(client_of: ClientOf, city: list[str]) -> None:
    del city
    analyst = await client_of(Role.ANALYST)
    page = await text(analyst, f"/desk/trends?{PERIOD}")
    assert "counted=" not in page
    street = await client_of(Role.STREET, unit="110105026")
    await text(street, "/desk/trends", 403)


async def test_an_empty_city_says_so(client: Client) -> None:
    page = await text(client, "/desk/trends")
    assert "还没有汇总" in page
    assert page.count("这段时间没有可显示的数字") >= 5


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        ("from=2026-11-31", "参数 from 应是日期"),
        ("from=2026-11-20&to=2026-11-01", "参数 from 应不晚于 to"),
        ("kind=NO-99", "参数 kind 不是"), ("district=1", "参数 district 不是"),
        ("street=x", "参数 street 不是"),
        ("channel=pigeon", "参数 channel 只能是"), ("from=1990-01-01", "参数 from 不在"),
        ("other=1", "不认识的参数：other"), ("from=2019-01-01&to=2026-01-01", "一次最多看 6 年"),
    ],
)  # fmt: skip
async def test_a_wrong_question_is_refused_by_name(client: Client, bad: str, named: str) -> None:
    assert named in await text(client, f"/desk/trends?{bad}", 400)


async def test_the_map_is_geojson_of_ours(client: Client) -> None:
    async with client.get("/desk/trends/map.json") as answer:
        ground = await answer.json()
    assert len(ground["map"]["features"]) == 16
    assert len(ground["centres"]) > 300
    async with client.get("/desk/trends/map.json?area=110105") as answer:
        ground = await answer.json()
    assert [f["properties"]["name"] for f in ground["map"]["features"]] == ["朝阳区"]
    await text(client, "/desk/trends/map.json?area=999999", 404)
    await text(client, "/desk/trends/nothing.csv", 404)


@pytest.mark.parametrize(
    "bad",
    [
        "2026-11-01", "2026-11-01..2026-13-01", "2026-11-01..2026-11-02;kind=x",
        "2026-11-01..2026-11-02;grid=",
        "2026-11-01..2026-11-02;ending=nothing", "2026-11-01..2026-11-02;grid=1;grid=2",
        "2026-11-01..2026-11-02;mood=odd", "2026-11-01..2026-11-02;hour=24",
        "2026-11-01..2026-11-02;weekday=0", "2026-11-01..2026-11-02;street=%00",
        "2026-11-01..2026-11-02;kinds=" + ",".join(["A"] * 81),
        "0001-01-01..9999-12-31;weekday=1",
    ],
)  # fmt: skip
async def test_a_wrong_drill_is_refused(client: Client, bad: str) -> None:
    await text(client, f"/desk?state=all&counted={bad}", 400)


async def test_a_drill_is_as_long_as_trends_are_and_no_longer(client: Client) -> None:
    """Every Monday of it is named in one statement."""
    await text(client, "/desk?state=all&counted=2020-01-01..2026-12-31;weekday=1")
    page = await text(client, "/desk?state=all&counted=2019-12-31..2026-12-31;weekday=1", 400)
    assert "一次最多看 6 年" in page


async def test_a_hidden_child_does_not_follow_from_its_parent(client_of: ClientOf, deps: Deps) -> None:
    """大气 of 10: 7 of one kind and 3 of another. The 3 is not told, so the 7 is not either."""
    await add_tickets(
        deps.db, *[TicketIn(kind="AIR-01")] * 7, *[TicketIn(kind="AIR-06")] * 3, *[TicketIn()] * 20
    )
    await refreshed(deps)
    outside = await client_of(Role.SUPERVISOR, unit="110105")
    rows = (await text(outside, f"/desk/trends/kinds.csv?{PERIOD}")).splitlines()
    told = {row.split(",")[0]: row.split(",")[1] for row in rows if row.count(",") > 3}
    assert (told["大气"], told["　施工扬尘"]) == ("10", "＜5")
    assert sum(",＜5," in row for row in rows) == 2


async def test_tone_is_told_by_day_kind_and_place_and_leads_to_its_tickets(
    client: Client, deps: Deps
) -> None:
    made = await add_tickets(
        deps.db,
        *[TicketIn(mood="negative", angry=True)] * 2,
        *[TicketIn(mood="negative")] * 3,
        *[TicketIn(mood="neutral")] * 15,
        TicketIn(),
    )
    await refreshed(deps)
    days = await text(client, f"/desk/trends/moods.csv?{PERIOD}")
    assert "2026-11-23,20,2,0.1,5,0.25,0" in days
    by = await text(client, f"/desk/trends/angry.csv?{PERIOD}")
    assert "类别,夜间建筑施工噪声,20,2,0.1,5,0.25,0" in by or "类别," in by
    assert "地区,朝阳区,20,2,0.1,5,0.25,0" in by
    page = await text(client, f"/desk/trends?{PERIOD}")
    link = re.search(r'<td><a href="([^"]+angry[^"]+)">2</a>', page)
    assert link is not None
    listed = await text(client, link[1].replace("&amp;", "&"))
    assert set(re.findall(r"/desk/tickets/([0-9-]+)", listed)) == set(made[:2])
    assert "语气激烈" in listed


async def test_hours_of_a_street_and_parties_are_told(
    client: Client, client_of: ClientOf, deps: Deps, city: list[str]
) -> None:
    async with deps.db.writes.begin() as session:
        ids = list(await session.scalars(sa.select(Ticket.id).order_by(Ticket.id)))
        party = Party(name="某某搅拌站", district_code="110105", version=1, made_at=NOW)
        session.add(party)
        await session.flush()
        name = PartyName(party_id=party.id, form="搅拌站", scope="110105", written="某某搅拌站", made_at=NOW)
        session.add(name)
        await session.flush()
        rows = [{"ticket_id": one, "name_id": name.id, "received_at": NOW} for one in ids[:3]]
        await session.execute(sa.insert(PartyMention), rows)
    del city
    listed = await text(client, f"/desk/trends/parties.csv?{PERIOD}")
    assert "某某搅拌站,朝阳区,3,3,0" in listed
    analyst = await client_of(Role.ANALYST)
    assert "某某搅拌站" not in await text(analyst, f"/desk/trends?{PERIOD}")
    here = await text(client, f"/desk/trends/hours.csv?{PERIOD}&district=110105&street=110105026")
    assert sum(int(n) for row in here.splitlines()[1:25] for n in row.split(",")[1:]) == 7
    there = await text(client, f"/desk/trends/hours.csv?{PERIOD}&district=110105&street=110105001")
    assert "诉求人反映的时刻" in there
    assert ",7" not in there
    page = await text(client, f"/desk/trends?{PERIOD}&district=110105&street=110105026")
    link = re.search(r'<td><a href="([^"]+weekday[^"]+)">7</a>', page)
    assert link is not None
    assert (
        len(set(re.findall(r"/desk/tickets/([0-9-]+)", await text(client, link[1].replace("&amp;", "&")))))
        == 7
    )


def test_a_drill_is_read_back_as_it_was_written() -> None:
    told = "2026-11-01..2026-11-30;kinds=NOI-01,-;district=110105;street=-;ending=solved;grid=125-101"
    found = Counted.decode(told)
    assert found.encode() == told
    assert found.kinds == ("NOI-01", "")
    assert found.street == ""


@pytest.mark.parametrize(
    ("first", "last", "today", "before"),
    [
        # The present month as far as it has gone, a past one whole.
        ("2026-01-01", "2026-11-30", "2026-11-26", ("2025-01-01", "2025-11-26")),
        ("2026-01-01", "2026-10-31", "2026-11-26", ("2025-01-01", "2025-10-31")),
        ("2023-12-01", "2024-02-29", "2024-02-28", ("2022-12-01", "2023-02-28")),
        ("2023-12-01", "2024-02-29", "2024-03-05", ("2022-12-01", "2023-02-28")),
        ("2026-11-01", "2026-11-30", "2026-11-26", ("2025-11-02", "2025-12-01")),
    ],
)
def test_last_year_goes_no_further_than_this_one(
    first: str, last: str, today: str, before: tuple[str, str]
) -> None:
    scope = Scope(date.fromisoformat(first), date.fromisoformat(last))
    found = TrendsAsk(scope, "", date.fromisoformat(today), office=True, drill=True).before
    assert (str(found.first), str(found.last)) == before
