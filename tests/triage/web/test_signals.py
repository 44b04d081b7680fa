"""态势信号 on the desk: outside the office of one's district, without small counts; figure and list agree."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from models.rollups import RollupTicket
from models.signals import Forecast, Signal
from models.vocab_staff import Role
from models.vocab_trends import SignalState
from tests.factories import NOW, TicketIn, add_tickets
from tests.triage.services.trends.helpers import refreshed
from triage.rules.trends.grid import middle
from triage.services import reference
from triage.services.trends import judging
from triage.web.citizen import maps

if TYPE_CHECKING:
    from models.db import Database
    from tests.triage.web.conftest import Client, ClientOf
    from triage.services.deps import Deps

DAY = date(2026, 11, 22)


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough: the reads are tested on both elsewhere."""
    return sqlite_db


def signal(number: int, what: str, district: str, told: dict[str, Any], **other: Any) -> Signal:  # noqa: ANN401
    numbers = {"from": "2026-10-26", "to": str(DAY), **told}
    row: dict[str, Any] = {
        "kind": "NOI-01", "place": "", "first_day": DAY, "last_day": DAY, "score": 9.0, "row_id": "x",
        "told": {"numbers": numbers, "why": [f"如实{number}"]}, "state": SignalState.NEW.value,
        "made_at": NOW, **other,
    }  # fmt: skip
    return Signal(id=number, what=what, district=district, **row)


@pytest.fixture
async def noticed(deps: Deps) -> None:
    """Signals of the city and two districts, and their forecasts."""
    async with deps.db.writes.begin() as session:
        session.add_all([
            signal(1, "burst", "", {"seen": 30}),
            signal(2, "burst", "110105", {"seen": 20}),
            signal(3, "burst", "110108", {"seen": 20}),
            signal(4, "hot_grid", "110105", {"now": 12, "before": 3}, place="125-101"),
            signal(5, "chronic", "110105", {"windows": [3, 6, 7]}, place="125-102"),
        ])  # fmt: skip
        session.add_all([
            Forecast(
                month=date(2026, 12, 1), kind="NOI-01", district=district, expected=expected, low=1.0,
                high=999.0, method="x", made_at=NOW,
            ) for district, expected in (("", 700.0), ("110105", 80.0), ("110108", 60.0))
        ])  # fmt: skip


async def page(client: Client, query: str = "", status: int = 200) -> str:
    answer = await client.get(f"/desk/signals{query}")
    assert answer.status == status
    return await answer.text()


async def test_the_office_is_told_everything(client: Client, noticed: None) -> None:
    del noticed
    told = await page(client)
    assert all(f"如实{number}<" in told for number in range(1, 6))
    assert "网格 125-101（中心东经 116.472°、北纬 39.914°）" in told
    assert "<td>700</td>" in told


async def test_outside_the_office_only_signals_of_ones_own_district_are_there(
    client_of: ClientOf, noticed: None
) -> None:
    del noticed
    district = await client_of(Role.SUPERVISOR, unit="110105")
    told = await page(district)
    assert "如实2<" in told
    assert not [number for number in (1, 3) if f"如实{number}<" in told]
    assert "<td>80</td>" in told
    assert "<td>700</td>" not in told
    assert '<th scope="row">突增</th><td><a href="/desk/signals?state=new&amp;what=burst">1</a></td>' in told
    await page(district, "?district=110108", 400)
    token = (await district.get("/desk/signals")).cookies["jiesu_token"].value
    form = {"token": token, "state": "dismissed", "reason": "已知"}
    for number, status in ((1, 404), (3, 404), (2, 200)):
        assert (await district.post(f"/desk/signals/{number}", data=form)).status == status


async def test_who_works_for_a_unit_of_no_district_is_not_told_that_the_city_expects_nothing(
    client_of: ClientOf, deps: Deps, noticed: None
) -> None:
    del noticed
    await reference.sync(deps)
    bureau = await client_of(Role.SUPERVISOR, unit="bj-ecology")
    told = await page(bureau)
    assert ("本单位不属于哪个区" in told, "/desk/forecast.csv" in told) == (True, False)
    assert (await bureau.get("/desk/forecast.csv")).status == 404


async def test_outside_the_office_a_lasting_square_tells_nothing_of_its_other_kinds(
    client_of: ClientOf, deps: Deps
) -> None:
    why = {"why": ["每段都不少于 3 件。", "这一格同期约为 2.4 件。"]}
    row = signal(6, "chronic", "110105", {"windows": [6, 6, 7]}, place="125-102")
    row.told = {**row.told, **why}
    async with deps.db.writes.begin() as session:
        session.add(row)
    told = await page(await client_of(Role.SUPERVISOR, unit="110105"))
    assert "每段都不少于 3 件。" in told
    assert "同期约为" not in told


async def test_outside_the_office_a_signal_tells_no_small_count(client_of: ClientOf, noticed: None) -> None:
    del noticed
    told = await page(await client_of(Role.SUPERVISOR, unit="110105"))
    assert "共 12 件；此前的基期里少于 5 件。" in told
    assert "分别 ＜5、6、7 件" in told
    assert not [number for number in (4, 5) if f"如实{number}<" in told]


@pytest.mark.parametrize(("what", "count"), [("hot_grid", 3), ("chronic", 2)])
async def test_the_list_behind_a_place_is_what_was_counted(
    client: Client, deps: Deps, what: str, count: int
) -> None:
    over_there: dict[str, Any] = {"district": "110108", "street": "110108010", "unit": "110108010"}
    made = await add_tickets(
        deps.db, TicketIn(), TicketIn(**over_there), TicketIn(kind="AIR-01"), TicketIn(kind=None)
    )
    await refreshed(deps)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(RollupTicket).values(grid="125-101"))
        told = {"now": 3, "before": 0, "windows": [2], "to": "2026-11-23"}
        session.add(signal(1, what, "110105", told, place="125-101"))
    link = re.search(r'<a href="([^"]+)">看这些工单', await page(client))
    assert link is not None
    listed = await (await client.get(link[1].replace("&amp;", "&"))).text()
    # Not the one that is no environmental matter; of a chronic square both sides of the border.
    assert set(re.findall(r"/desk/tickets/([0-9-]+)", listed)) == {made[0], made[1], *made[2:count]}


async def test_the_forecast_of_a_district_stands_beside_last_month_on_page_and_file(
    client: Client, client_of: ClientOf, deps: Deps, noticed: None
) -> None:
    del noticed
    await add_tickets(deps.db, *[TicketIn(age=timedelta(days=30))] * 3)
    await refreshed(deps)
    async with deps.db.writes.begin() as session:
        session.add(Forecast(
            month=date(2026, 10, 1), kind="NOI-01", district="110105", expected=70.0, low=50.0, high=90.0,
            method="x", made_at=NOW,
        ))  # fmt: skip
    told = await page(client, "?district=110105")
    cells = ["80", "1", "999", "70", "50", "90"]
    assert "".join(f"<td>{cell}</td>" for cell in cells) in told
    link = re.search(r'<td><a href="(/desk\?[^"]+)">3</a></td>', told)
    assert link is not None
    listed = await (await client.get(link[1].replace("&amp;", "&"))).text()
    assert len(set(re.findall(r"/desk/tickets/([0-9-]+)", listed))) == 3
    assert '<option value="110105" selected>朝阳区</option>' in told
    assert "/desk/forecast.csv?district=110105" in told
    csv = await (await client.get("/desk/forecast.csv?district=110105")).text()
    assert csv.splitlines()[1].split(",")[1:] == [f"{cell}.0" for cell in cells] + ["3"]
    city = await (await client.get("/desk/forecast.csv")).text()
    assert city.splitlines()[1].split(",")[1:] == ["700.0", "1.0", "999.0", "", "", "", "3"]
    sheet = await client.get("/desk/forecast.xlsx")
    assert (await sheet.read())[:2] == b"PK"
    district = await client_of(Role.SUPERVISOR, unit="110105")
    own = await (await district.get("/desk/forecast.csv")).text()
    assert own.splitlines()[1].endswith(",＜5")
    assert (await district.get("/desk/forecast.csv?district=110108")).status == 400


async def token_of(client: Client) -> str:
    return (await client.get("/desk/signals")).cookies["jiesu_token"].value


async def test_the_list_says_how_many_there_are_and_goes_on(client: Client, deps: Deps) -> None:
    async with deps.db.writes.begin() as session:
        session.add_all([
            signal(n, "burst", "110105", {"seen": 30}, score=float(1000 - n)) for n in range(1, 106)
        ])  # fmt: skip
    first, second = await page(client), await page(client, "?skip=100")
    assert "共 105 条，这里是第 1 至 100 条" in first
    assert "共 105 条，这里是第 101 至 105 条" in second
    assert '<a href="/desk/signals?skip=100">下一页' in first
    assert '<a href="/desk/signals">上一页' in second
    assert "下一页" not in second
    assert sorted(int(n) for n in re.findall(r"如实(\d+)<", first + second)) == list(range(1, 106))


async def test_the_file_has_every_signal_of_the_filter_within_sight(
    client: Client, client_of: ClientOf, deps: Deps, noticed: None
) -> None:
    del noticed
    async with deps.db.writes.begin() as session:
        await session.execute(
            sa.update(Signal)
            .where(Signal.id == 2)
            .values(state="dismissed", by="li", decided_at=NOW, reason="已知的活动")
        )
    assert "/desk/signals.csv?what=burst" in await page(client, "?what=burst")
    lines = (await (await client.get("/desk/signals.csv?state=all&what=burst")).text()).splitlines()
    assert [line.split(",")[0] for line in lines[1:4]] == ["1", "2", "3"]
    assert lines[2].split(",")[1:3] == ["突增", "朝阳区"]
    assert lines[2].endswith(",已知的活动")
    assert "已排除,li 2026-11-23" in lines[2]
    sheet = await client.get("/desk/signals.xlsx")
    assert (await sheet.read())[:2] == b"PK"
    district = await client_of(Role.SUPERVISOR, unit="110105")
    own = (await (await district.get("/desk/signals.csv?state=all")).text()).splitlines()
    assert [line.split(",")[0] for line in own[1:5]] == ["2", "4", "5", ""]
    assert not [line for line in own if "如实4" in line]
    assert (await district.get("/desk/signals.csv?district=110108")).status == 400
    assert (await (await client_of(Role.STREET, unit="110105")).get("/desk/signals.csv")).status == 403


async def test_a_decision_is_taken_back_and_what_it_was_stays_in_the_history(
    client: Client, client_of: ClientOf, deps: Deps, noticed: None
) -> None:
    del noticed
    token = await token_of(client)
    decide = {"token": token, "state": "dismissed", "reason": "看错了区"}
    assert (await client.post("/desk/signals/2", data=decide)).status == 200
    back = {"token": token, "reason": "误点，重新研判"}
    answer = await client.post("/desk/signals/2/back", data=back)
    told = await answer.text()
    assert answer.url.path == "/desk/signals/2"
    assert "待研判" in told
    assert re.findall(r"<li>(\S+) <span[^>]*>[^<]+</span>：([^<]+)</li>", told) == [
        ("已排除", "看错了区"), ("撤回处置", "误点，重新研判")
    ]  # fmt: skip
    assert (await client.post("/desk/signals/2/back", data=back)).status == 400
    async with deps.db.reads() as session:
        found = await session.get_one(Signal, 2)
    assert (found.state, found.by, found.decided_at, found.reason) == ("new", None, None, None)
    again = {"token": token, "state": "acknowledged", "reason": "属实"}
    assert (await client.post("/desk/signals/2", data=again)).status == 200
    fates = re.findall(r'what=burst">(\d+)</a>|<td>(0)</td>', (await page(client)).split("信号的去向")[1])
    assert ["".join(found) for found in fates][:3] == ["2", "1", "0"]
    assert (await client.post("/desk/signals/2/back", data={"token": token, "reason": " "})).status == 400
    assert (await client.post("/desk/signals/3", data=decide)).status == 200
    other = await client_of(Role.SUPERVISOR, unit="110105")
    form = {"token": await token_of(other), "reason": "不是我的"}
    assert (await other.post("/desk/signals/3/back", data=form)).status == 404
    assert (await other.get("/desk/signals/3")).status == 404


@pytest.mark.usefixtures("noticed")
async def test_a_refused_decision_keeps_what_was_written(client: Client) -> None:
    token, why = await token_of(client), "和去年同一时段一样"
    unsaid = await client.post("/desk/signals/2", data={"token": token, "reason": why})
    page = await unsaid.text()
    assert unsaid.status == 400
    assert f'name="reason" value="{why}"' in page
    assert "请选择采纳或排除。没有记下。您写的理由：" in page
    said = {"token": token, "state": "dismissed", "reason": why}
    assert (await client.post("/desk/signals/2", data=said)).status == 200
    # Somebody else was first: the words are shown, and are no reason to take that back.
    late = await client.post("/desk/signals/2", data={**said, "reason": "报修已经在办"})
    page = await late.text()
    assert (late.status, "您写的理由：报修已经在办" in page) == (400, True)
    assert 'value="报修已经在办"' not in page
    back = await client.post("/desk/signals/2/back", data={"token": token, "reason": "长" * 501})
    assert (back.status, f'value="{"长" * 501}"' in await back.text()) == (400, True)


async def test_a_hot_square_is_drawn_on_the_map_of_its_district(
    client: Client, client_of: ClientOf, noticed: None
) -> None:
    del noticed
    assert 'href="/desk/signals/4#map">在图上看' in await page(client)
    told = await (await client.get("/desk/signals/4")).text()
    square = re.search(
        r'<rect x="([0-9.]+)" y="([0-9.]+)" width="([0-9.]+)" height="([0-9.]+)" fill="#a3', told
    )
    assert square is not None
    x, y, wide, high = (float(part) for part in square.groups())
    lon, lat = maps.view("110105").degrees(x + wide / 2, y + high / 2)
    assert (round(lon, 3), round(lat, 3)) == tuple(round(at, 3) for at in middle("125-101"))
    assert "算进去的工单见<a" in told
    assert "<svg" not in (await (await client.get("/desk/signals/2")).text()).split("<main", 1)[1]
    analyst = await (await (await client_of(Role.ANALYST)).get("/desk/signals/4")).text()
    assert "<svg" in analyst
    assert "看这些工单" not in analyst


async def test_a_community_goes_by_its_name(client: Client, deps: Deps) -> None:
    async with deps.db.writes.begin() as session:
        told = {"now": 9, "before": 0}
        session.add(signal(1, "hot_community", "110105", told, place="110105026034"))
    assert "朝阳区花家地西里社区 · " in await page(client)
    link = re.search(r'<a href="([^"]+)">看这些工单', await page(client))
    assert link is not None
    listed = await (await client.get(link[1].replace("&amp;", "&"))).text()
    assert "花家地西里社区" in listed
    assert "社区 110105026034" not in listed


async def test_a_file_that_is_cut_says_so(
    client: Client, noticed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    del noticed
    monkeypatch.setattr(judging, "MOST", 2)
    lines = (await (await client.get("/desk/signals.csv")).text()).splitlines()
    assert len([line for line in lines[1:] if line.split(",")[0].isdecimal()]) == 2
    assert "共 5 条，文件里是最近的 2 条。" in "".join(lines)
