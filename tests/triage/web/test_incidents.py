"""突发事件 on the desk: the list, the page that grows, what a person does there, the card."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.appeals import Reading
from models.tickets import Ticket
from models.vocab_ledger import SubjectKind
from models.vocab_staff import Role
from tests.factories import NOW, TicketIn, add_tickets
from tests.triage.services.incidents.test_watching import ENOUGH, at, begun, only, smells
from triage.services.auditing import reading
from triage.services.incidents import watching
from triage.web.incidents import drawing

if TYPE_CHECKING:
    from models.db import Database
    from models.incidents import Incident
    from tests.triage.web.conftest import Client, ClientOf
    from triage.services.deps import Deps


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough here: the statements are asked of both in the service's tests."""
    return sqlite_db


async def ready(deps: Deps) -> Incident:
    await begun(deps)
    await add_tickets(deps.db, *smells(ENOUGH))
    await watching.watch(deps)
    return await only(deps.db)


async def send(client: Client, act: str, *, version: int | None = None, **more: str) -> tuple[int, str]:
    page = await (await client.get("/desk/incidents/1")).text()
    hidden = dict(re.findall(r'<input type="hidden" name="(token|version)" value="([^"]*)">', page))
    data = {**hidden, "act": act, **more, **({} if version is None else {"version": str(version)})}
    answer = await client.post("/desk/incidents/1", data=data, allow_redirects=False)
    return answer.status, await answer.text()


async def test_the_list_has_what_is_not_over(client: Client, deps: Deps) -> None:
    assert "没有这样的事件" in await (await client.get("/desk/incidents")).text()
    await ready(deps)
    page = await (await client.get("/desk/incidents")).text()
    assert "朝阳区望京街道 · 工业废气" in page
    assert "SJ20261123-0001" in page
    assert "11-23 16:15</time> 前确认" in page
    assert "没有这样的事件" in await (await client.get("/desk/incidents?tab=closed")).text()
    assert (await client.get("/desk/incidents?tab=x")).status == 400
    assert (await client.get("/desk/incidents?before=x")).status == 400


async def test_the_page_has_map_times_calls_and_course(client: Client, deps: Deps) -> None:
    await ready(deps)
    page = await (await client.get("/desk/incidents/1")).text()
    assert page.count(' class="dot') == ENOUGH
    assert page.count("<rect ") >= 3
    assert page.count("/desk/tickets/20261123-") == ENOUGH
    assert f'<b class="count">{ENOUGH}</b> 件诉求，<b>{ENOUGH}</b> 张在办工单' in page
    assert "30 分钟内" in page or "10 分钟内" in page
    assert (await client.get("/desk/incidents/2")).status == 404


async def test_it_grows_while_it_is_looked_at(client: Client, deps: Deps) -> None:
    await ready(deps)
    await add_tickets(deps.db, *smells(4))
    await watching.watch(at(deps, NOW + timedelta(seconds=5)))
    part = await (await client.get("/desk/incidents/1/part")).text()
    assert f'<b class="count">{ENOUGH + 4}</b>' in part
    assert "<html" not in part


async def test_demands_and_cases_are_told_apart(client: Client, deps: Deps) -> None:
    await ready(deps)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Ticket).where(Ticket.id.in_([2, 3])).values(state="merged"))
    page = await (await client.get("/desk/incidents/1")).text()
    assert f"{ENOUGH}</b> 件诉求，<b>{ENOUGH - 2}</b> 张在办工单" in page


async def test_a_person_decides_with_a_reason_and_takes_it_back(client: Client, deps: Deps) -> None:
    await ready(deps)
    assert (await send(client, "confirm"))[0] == 303
    status, page = await send(client, "scale")
    assert (status, "升级要写明原因" in page) == (400, True)
    assert (await send(client, "scale", reason="影响三个街道"))[0] == 303
    page = await (await client.get("/desk/incidents/1")).text()
    assert "已升级" in page
    assert "最近的决定：影响三个街道" in page
    assert (await send(client, "undo"))[0] == 303
    assert (await only(deps.db)).state == "confirmed"
    entries = [row async for row in reading.every(deps.db, reading.LedgerFilter(kind=SubjectKind.INCIDENT))]
    assert [(row.old, row.new, row.reason) for row in entries] == [
        ("待确认", "已确认", None), ("已确认", "已升级", "影响三个街道"), ("已升级", "已确认", None)
    ]  # fmt: skip


async def test_what_is_refused_keeps_what_was_typed(client: Client, deps: Deps) -> None:
    incident = await ready(deps)
    await send(client, "confirm")
    status, page = await send(client, "dismiss", version=incident.version, reason="餐厅开业")
    assert (status, "刚刚有变化" in page, 'value="餐厅开业"' in page) == (409, True, True)
    # In its own act's box, in no other.
    assert page.count('value="餐厅开业"') == 1
    status, page = await send(client, "remove", ticket="x", reason="跨区了")
    assert (status, page.count('value="跨区了"'), 'aria-label="移出的原因" value="跨区了"' in page) == (
        404,
        1,
        True,
    )
    assert (await send(client, "fly"))[0] == 400
    assert (await send(client, "opened"))[0] == 400


async def test_who_comes_second_after_it_was_taken_in_finds_where_it_is(client: Client, deps: Deps) -> None:
    """They got 没有这个事件, and what was typed was gone."""
    await ready(deps)
    later = at(deps, NOW + timedelta(minutes=5))
    away = [replace(call, district="110108", street="110108010") for call in smells(ENOUGH, minutes_ago=-5)]
    await add_tickets(deps.db, *away)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Reading).where(Reading.id > ENOUGH).values(lon=116.385, lat=39.99))
    await watching.watch(later)
    page = await (await client.get("/desk/incidents/2")).text()
    hidden = dict(re.findall(r'<input type="hidden" name="(token|version)" value="([^"]*)">', page))
    assert (await send(client, "take", ticket="2"))[0] == 303
    answer = await client.post("/desk/incidents/2", data={**hidden, "act": "scale", "reason": "扩散到海淀"})
    page = await answer.text()
    assert (answer.status, 'value="扩散到海淀"' in page) == (409, True)
    assert "事件 SJ20261123-0002 已并入 SJ20261123-0001" in page
    # The form is the other one's: sent again it is done there.
    assert 'action="/desk/incidents/1"' in page
    assert 'action="/desk/incidents/2"' not in page
    for end in ("", "/part", "/card"):
        answer = await client.get(f"/desk/incidents/2{end}", allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (303, f"/desk/incidents/1{end}")


async def test_the_card_can_be_sent_on_and_quotes_nobody(client: Client, deps: Deps) -> None:
    await ready(deps)
    page = await (await client.get("/desk/incidents/1/card")).text()
    assert "【突发事件卡】SJ20261123-0001 待确认" in page
    assert f"诉求：{ENOUGH} 件" in page
    assert "刺鼻" not in page


def part_of(count: int) -> list[TicketIn]:
    """Calls that the district over the border handles alone."""
    street = "110108010"
    return [
        replace(call, district="110108", street=street, unit=street, assist=(), copies=())
        for call in smells(count)
    ]


async def test_who_sees_a_part_is_told_so_on_page_and_card(deps: Deps, client_of: ClientOf) -> None:
    await begun(deps)
    await add_tickets(deps.db, *smells(ENOUGH), *part_of(3))
    await watching.watch(deps)
    district = await client_of(Role.SUPERVISOR, unit="110108", login="haidian.a")
    page = await (await district.get("/desk/incidents/1")).text()
    assert f'<b class="count">{ENOUGH + 3}</b> 件诉求，<b>3</b> 张在办工单（您能看到其中 3 件诉求' in page
    assert page.count("/desk/tickets/20261123-") == 3
    assert "结束、排除、并入，以及撤销他人的操作，由市热线决定" in page
    assert 'value="confirm"' in page
    assert 'value="close"' not in page
    assert "并入另一事件" not in page
    assert (await send(district, "confirm"))[0] == 303
    page = await (await district.get("/desk/incidents/1")).text()
    assert "撤销上一步" in page
    assert (await send(district, "undo"))[0] == 303
    card = await (await district.get("/desk/incidents/1/card")).text()
    assert f"诉求</dt><dd>{ENOUGH + 3} 件，可见的 3 件中有 3 张在办工单" in card
    assert "分布（其中可见的 3 件）：" in card


async def test_who_was_told_and_sees_no_call_yet_finds_the_page(deps: Deps, client_of: ClientOf) -> None:
    await begun(deps)
    await add_tickets(deps.db, *[replace(call, unit=None) for call in part_of(ENOUGH)])
    await watching.watch(deps)
    district = await client_of(Role.SUPERVISOR, unit="110108", login="haidian.a")
    assert "/desk/incidents/1" in await (await district.get("/desk/incidents")).text()
    page = await (await district.get("/desk/incidents/1")).text()
    assert "您看不到工单；派到本区后会出现在这里" in page
    assert "/desk/tickets/20261123-" not in page
    card = await (await district.get("/desk/incidents/1/card")).text()
    assert "分布" not in card.split("来电分布图", maxsplit=1)[0]
    assert (await district.get("/desk/incidents/1/part")).status == 200
    street = await client_of(Role.STREET, unit="110108010", login="street.a")
    assert (await street.get("/desk/incidents/1")).status == 404


def test_bars_are_few_and_hold_every_call() -> None:
    moments = [NOW + timedelta(minutes=n) for n in range(0, 600, 7)]
    bars, minutes = drawing.bars(moments)
    assert minutes == 10
    assert sum(bar.count for bar in bars) == len(moments)
    assert len(bars) <= 60
    assert drawing.bars([]) == ((), 1)


def test_only_what_is_in_view_is_drawn() -> None:
    near, far = (116.47, 39.99), (116.9, 40.3)
    ground = drawing.Ground(
        {"110105": [[[(116.46, 39.99), (116.47, 39.985), far, (116.48, 39.99), (116.48, 39.992)]]]},
        {"a": near, "b": far},
        {"a": "望京街道", "b": "远处"},
    )
    found = drawing.draw(ground, near, 500.0, [(*near, True), (116.475, 39.99, False)])
    assert [name.words for name in found.names] == ["望京街道"]
    assert found.borders.count("M") == 2
    assert (found.dots[0].x, found.dots[0].y, found.dots[0].fresh) == (0, 0, True)
    assert 400 < found.dots[1].x < 450
    assert (found.scale.metres, found.scale.words) == (1_000, "1 公里")


def test_a_view_widens_to_the_nearest_name_but_not_over_the_whole_city() -> None:
    here = (116.47, 39.99)
    # 3.3, 4.4 and 55 kilometres to the north.
    centres = {"a": (116.47, 40.02), "b": (116.47, 40.03), "c": (116.47, 40.49)}
    ground = drawing.Ground({}, centres, {"a": "近处", "b": "稍远", "c": "远处"})
    found = drawing.draw(ground, here, 0.0, [(*here, True)])
    assert [name.words for name in found.names] == ["近处"]
    assert (found.scale.metres, found.scale.words) == (2_000, "2 公里")
    # A centre without a name tells nothing.
    unnamed = drawing.draw(drawing.Ground({}, centres, {"b": "稍远"}), here, 0.0, [(*here, True)])
    assert [name.words for name in unnamed.names] == ["稍远"]
    nowhere = drawing.draw(drawing.Ground({}, {}, {}), here, 0.0, [(*here, True)])
    assert nowhere.box == "-2250 -1500 4500 3000"
    assert nowhere.scale.words == "1 公里"


def test_where_a_name_shows_two_places_that_are_apart_are_drawn_apart() -> None:
    here, there = (116.47, 39.99), (116.4718, 39.99)  # 150 metres to the east
    ground = drawing.Ground({}, {"a": (116.475, 39.995)}, {"a": "望京街道"})
    found = drawing.draw(ground, here, 75.0, [(*here, False), (*there, True)])
    assert found.box == "-2250 -1500 4500 3000"
    # The dot's radius and half the square's side, in units (drawings.html).
    assert found.dots[1].x - found.dots[0].x > (7 + 4) * found.unit


def test_a_name_that_would_be_cut_at_the_edge_is_left_out() -> None:
    here, edge = (116.47, 39.99), (116.4945, 39.99)  # 2.1 of 2.25 kilometres to the east
    ground = drawing.Ground({}, {"a": here, "b": edge}, {"a": "望京街道", "b": "天通苑北街道"})
    assert [name.words for name in drawing.draw(ground, here, 0.0, []).names] == ["望京街道"]
