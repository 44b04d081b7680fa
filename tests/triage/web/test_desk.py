"""The pages without a browser: what they say, what they never say, what they cost."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import event

from models.counting import Today
from models.lines import Count
from models.revision import head_revision
from models.tickets import Ticket
from models.units import Unit
from models.vocab import AppealState, State
from tests import signed_in
from tests.factories import TicketIn, add_appeal, add_reference, add_tickets, span
from triage.services import reference
from triage.web.app import make_app
from triage.web.cache import Cache
from triage.web.keys import Caches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.db import Database
    from models.filters import Viewer
    from tests.triage.web.conftest import Client
    from triage.services.deps import Deps

HOUR = timedelta(hours=1)
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}"


async def text_of(client: Client, path: str, status: int = 200) -> str:
    response = await client.get(path)
    text = await response.text()
    assert response.status == status, text
    assert response.content_type == "text/html"
    return text


async def test_the_front_door_leads_to_what_is_to_be_done(client: Client) -> None:
    response = await client.get("/", allow_redirects=False)
    assert (response.status, response.headers["Location"]) == (302, "/desk/review")


async def test_the_list_says_how_much_time_is_left(client: Client, db: Database) -> None:
    (no,) = await add_tickets(db, TicketIn(due=3 * HOUR + timedelta(minutes=20)))
    text = await text_of(client, "/desk")
    for words in (
        no,
        "办理</span> 剩 3 小时 20 分",
        "望京街道办事处",
        "建筑施工噪声(含夜间)",
        "U3",
        "已派单",
    ):
        assert words in text


async def test_an_empty_desk_says_so(client: Client) -> None:
    assert "没有未结的工单" in await text_of(client, "/desk")
    assert "没有符合条件的工单" in await text_of(client, "/desk?urgency=U1")
    assert "没有找到" in await text_of(client, "/desk?q=油烟")


async def test_nothing_found_under_a_filter_offers_to_look_everywhere(client: Client, db: Database) -> None:
    (no,) = await add_tickets(db, TicketIn(state=State.HANDED_OVER, due=None))
    narrow = await text_of(client, "/desk?q=打桩")
    onward = re.search(r'href="([^"]+)">在全部工单中查找', narrow)
    assert onward is not None
    assert no in await text_of(client, onward[1].replace("&amp;", "&"))
    assert "在全部工单中查找" not in await text_of(client, "/desk?state=all&q=没有这样的事")
    assert "按编号找到" in await text_of(client, f"/desk?urgency=U1&q={no}")


async def test_the_tile_of_today_leads_to_what_came_today(client: Client, db: Database) -> None:
    of_today, of_old = await add_tickets(db, TicketIn(), TicketIn(age=timedelta(days=3)))
    home = await text_of(client, "/desk")
    tile = re.search(r'href="([^"]+)"[^>]*><span>今日接收</span><b>1</b>', home)
    assert tile is not None
    listed = await text_of(client, tile[1].replace("&amp;", "&"))
    assert (of_today in listed, of_old in listed) == (True, False)
    assert 'aria-current="page"><span>今日接收' in listed


async def test_what_was_given_up_is_told_on_the_list(client: Client, db: Database) -> None:
    await add_tickets(db, TicketIn())
    async with db.writes.begin() as session:
        for _ in range(2):
            await add_appeal(session, TicketIn(), state=AppealState.DEAD)
    for path in ("/desk", "/desk/list", "/desk?urgency=U1"):
        assert "2 条诉求处理失败，没有生成工单，需人工登记" in await text_of(client, path)


async def test_nothing_given_up_is_nothing_to_tell(client: Client, db: Database) -> None:
    await add_tickets(db, TicketIn())
    assert "条诉求处理失败" not in await text_of(client, "/desk")


async def test_the_part_is_the_list_of_the_page(client: Client, db: Database) -> None:
    await add_tickets(db, TicketIn(), TicketIn(urgency="U1"))
    page = await text_of(client, "/desk?urgency=U1")
    part = await text_of(client, "/desk/list?urgency=U1")
    assert part.strip() in page
    assert "<html" not in part


async def test_pages_link_to_their_neighbours_with_the_filter(client: Client, db: Database) -> None:
    made = await add_tickets(db, *([TicketIn()] * 3))
    first = await text_of(client, "/desk?district=110105&limit=2")
    onward = re.search(r'rel="next" href="([^"]+)"', first)
    assert onward is not None
    second = await text_of(client, onward[1].replace("&amp;", "&"))
    assert "district=110105" in onward[1]
    assert (made[2] in second, made[0] in second) == (True, False)
    assert 'rel="prev"' in second


@pytest.mark.parametrize("path", ["/desk", "/desk?q=alert", "/desk/tickets/20261123-00000001"])
async def test_what_a_citizen_writes_never_becomes_markup(client: Client, db: Database, path: str) -> None:
    item = TicketIn(title=HOSTILE, text=f"正文{HOSTILE}")
    marked = replace(item, evidence=(span("kind", "<script>", HOSTILE, item=item),))
    await add_tickets(db, marked)
    text = await text_of(client, path)
    assert [tag for tag in ("<script>alert", "<img src=x", ">49") if tag in text] == []


async def test_a_search_is_repeated_safely(client: Client) -> None:
    text = await text_of(client, "/desk?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script>alert" not in text


async def test_the_ticket_page_explains_everything(client: Client, db: Database) -> None:
    item = TicketIn(identity=True, state=State.REVIEW, flagged=True)
    evidence = (
        span("kind", "打桩", "NOI-01", item=item),
        span("kind", "孩子", "NOI-06", weight=-1.0, item=item),
        span("place", "朝阳区望京街道", "望京街道", item=item),
    )
    (no,) = await add_tickets(db, replace(item, evidence=evidence))
    text = await text_of(client, f"/desk/tickets/{no}")
    for words in (
        '<mark class="h-kind" title="污染种类：建筑施工噪声(含夜间)">打桩</mark>',
        '<mark class="h-place" title="地点：望京街道">朝阳区望京街道</mark>',
        "建筑施工噪声，由街道主办。",
        "污染种类把握不足",
        "自派单时起 7 个自然日",
        "answer.u3",
        "京政发〔2020〕9号",
        "abcdef123456",
        "协办",
        "抄送",
        "已登记，已加密",
        "未登记",
        "转人工审核",
        "每天夜里十一点",
    ):
        assert words in text
    # What speaks against a kind is no reason for the decision: it is not marked.
    assert ">孩子</mark>" not in text


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State.HANDED_OVER, "已转办，待人工核实"),
        (State.DISPATCHED, "已派单，待复核"),
        (State.REVIEW, ">待复核<"),
    ],
)
async def test_a_flag_says_what_became_of_the_ticket(
    client: Client, db: Database, state: State, words: str
) -> None:
    (no,) = await add_tickets(db, TicketIn(state=state, flagged=True))
    text = await text_of(client, f"/desk/tickets/{no}")
    said = re.findall(r'class="flag"(>[^<]*<)', text)
    assert len(said) == 1
    assert words in said[0]


async def test_an_emergency_that_was_handed_over_stands_first(client: Client, db: Database) -> None:
    (_, no) = await add_tickets(
        db, TicketIn(due=-HOUR), TicketIn(state=State.HANDED_OVER, due=None, flagged=True)
    )
    for path in ("/desk", "/desk?state=review", "/desk?review=1"):
        text = await text_of(client, path)
        assert re.findall(r'data-no="([^"]+)"', text)[0] == no
        assert "待审核</span><b>1</b>" in text


async def test_a_ticket_without_a_reading_is_shown_all_the_same(client: Client, db: Database) -> None:
    (no,) = await add_tickets(
        db, TicketIn(title=None, unit=None, assist=(), copies=(), kind=None, district=None, due=None)
    )
    async with db.writes.begin() as session:
        await session.execute(sa.text("UPDATE ticket SET reading_id = NULL, decision = '{}'"))
    text = await text_of(client, f"/desk/tickets/{no}")
    for words in ("还没有识别结果", "没有承办单位", "没有记录理由", "无时限"):
        assert words in text


async def test_errors_are_plain_pages(client: Client) -> None:
    for no in ("none", "%00", "20261123-00000001%00", "20261123-%EF%BC%91234567"):
        assert "没有这张工单" in await text_of(client, f"/desk/tickets/{no}", 404)
    assert "没有这个页面" in await text_of(client, "/desk/nothing", 404)
    assert "参数 state 只能是" in await text_of(client, "/desk?state=x", 400)


async def test_every_answer_carries_the_security_headers(client: Client) -> None:
    for path in (
        "/desk",
        "/desk/tickets/none",
        "/api/v1/tickets",
        "/healthz",
        "/static/desk.css",
        "/nothing",
    ):
        headers = (await client.get(path)).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Request-Id"]
    assert (await client.get("/desk")).headers["Cache-Control"] == "no-store"


async def test_a_request_id_is_kept_when_it_is_one(client: Client) -> None:
    kept = await client.get("/healthz", headers={"X-Request-Id": "abc-1"})
    made = await client.get("/healthz", headers={"X-Request-Id": "a b<script>"})
    assert kept.headers["X-Request-Id"] == "abc-1"
    assert re.fullmatch(r"[0-9a-f]{32}", made.headers["X-Request-Id"])


async def test_no_page_has_inline_script_or_leads_elsewhere(client: Client, db: Database) -> None:
    (no,) = await add_tickets(db, TicketIn())
    for path in ("/desk", f"/desk/tickets/{no}", "/desk?state=x"):
        text = await (await client.get(path)).text()
        assert re.findall(r"<script(?![^>]*\bsrc=)|\bon[a-z]+=|\bstyle=|<style", text) == []
        assert re.findall(r"""(?:src|href|action)=["'](?:[a-z]+:|//)""", text) == []
    for name in ("desk.js", "desk.css"):
        text = await (await client.get(f"/static/{name}")).text()
        assert re.findall(r"[a-z]+://|url\(|@import|import ", text) == []


@pytest.fixture
def statements(db: Database) -> Iterator[list[str]]:
    """Every statement the database was asked."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    event.listen(db.engine.sync_engine, "before_cursor_execute", note)
    yield seen
    event.remove(db.engine.sync_engine, "before_cursor_execute", note)


@pytest.mark.parametrize(
    ("path", "most"), [("/desk", 15), ("/desk?q=打桩", 17), ("/desk/tickets/20261123-00000001", 15)]
)
async def test_a_page_asks_little_however_many_rows_it_has(
    client: Client, db: Database, statements: list[str], path: str, most: int
) -> None:
    await add_tickets(db, *([TicketIn()] * 60))
    statements.clear()
    await text_of(client, path)
    asked = [statement for statement in statements if statement.startswith(("SELECT", "WITH"))]
    assert 0 < len(asked) <= most
    statements.clear()
    await text_of(client, path)
    again = [statement for statement in statements if statement.startswith(("SELECT", "WITH"))]
    # The ticket page: who looks, the ticket whole (4), calls and news that may be the same matter (2),
    # corrections, exposure, the platform's order, who deals with it, its units' numbers, remarks and names
    # of who may read them (2), when to ring.
    assert len(again) <= 15


async def test_list_ticket_search_counts_and_api_hide_the_same(
    client: Client, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, hidden = await add_tickets(db, TicketIn(), TicketIn(district="110108"))

    def only_chaoyang(viewer: Viewer) -> sa.ColumnElement[bool]:
        assert (viewer.login, viewer.scope.everything) == ("local", True)
        return Ticket.district_code == "110105"

    for module in ("models.filters", "models.counting", "models.ticket_detail"):
        monkeypatch.setattr(f"{module}.may_see", only_chaoyang)
    for path in ("/desk", "/desk?q=打桩", "/desk?state=all", f"/desk?q={hidden}"):
        assert f'data-no="{hidden}"' not in await text_of(client, path)
    assert "今日接收</span><b>1</b>" in await text_of(client, "/desk")
    await text_of(client, f"/desk/tickets/{shown}")
    await text_of(client, f"/desk/tickets/{hidden}", 404)
    listed = await (await client.get("/api/v1/tickets")).json()
    assert [item["no"] for item in listed["items"]] == [shown]
    assert listed["count"]["value"] == 1
    assert (await client.get(f"/api/v1/tickets/{hidden}")).status == 404


async def stand_at(db: Database, revision: str, code_from: str) -> None:
    """Let the database say that it is at a revision, and how old code may be."""
    async with db.writes.begin() as session:
        await session.execute(sa.text("UPDATE alembic_version SET version_num = :at"), {"at": revision})
        await session.execute(sa.text("UPDATE schema_floor SET code_from = :at"), {"at": code_from})


async def test_ready_when_the_schema_is_at_head(client: Client, db: Database, deps: Deps) -> None:
    await reference.sync(deps)
    response = await client.get("/readyz")
    assert (response.status, (await response.json())["degraded"]) == (200, ["queue"])
    await stand_at(db, "0000", "0000")
    behind = await client.get("/readyz")
    assert behind.status == 503
    assert "jiesu db upgrade" in (await behind.json(content_type=None))["detail"]


async def test_not_ready_as_long_as_a_unit_of_the_tables_is_not_in_the_database(
    client: Client, db: Database, deps: Deps
) -> None:
    await reference.sync(deps)
    async with db.writes.begin() as session:
        await session.execute(sa.delete(Unit).where(Unit.code == "110105026"))
    lacking = await client.get("/readyz")
    assert lacking.status == 503
    assert "有 1 个承办单位数据库里还没有" in (await lacking.json(content_type=None))["detail"]
    await reference.complete(deps)
    assert (await client.get("/readyz")).status == 200


async def test_old_code_stays_ready_on_a_newer_schema_that_does_for_it(
    client: Client, db: Database, deps: Deps
) -> None:
    await reference.sync(deps)
    head = head_revision()
    await stand_at(db, "9999", head)
    response = await client.get("/readyz")
    told = await response.json()
    assert (response.status, told["revision"], told["code"]) == (200, "9999", head)
    await stand_at(db, "9999", "9998")
    beyond = await client.get("/readyz")
    assert beyond.status == 503
    assert "请换新版本的程序" in (await beyond.json(content_type=None))["detail"]


async def test_the_cache_makes_once_and_forgets_failures() -> None:
    cache: Cache[int] = Cache(seconds=60, size=2)
    made: list[str] = []

    async def make() -> int:
        made.append("x")
        await asyncio.sleep(0)
        return len(made)

    async def fail() -> int:
        raise RuntimeError("no")

    assert await asyncio.gather(*(cache.get("a", make) for _ in range(5))) == [1] * 5
    with pytest.raises(RuntimeError):
        await cache.get("b", fail)
    assert await cache.get("b", make) == 2
    assert await cache.get("c", make) == 3
    assert await cache.get("a", make) == 4


async def test_a_slow_count_does_not_hold_up_the_list(deps: Deps, monkeypatch: pytest.MonkeyPatch) -> None:
    await add_tickets(deps.db, *([TicketIn()] * 3))
    counted = asyncio.Event()

    async def slow(*_: object) -> Count:
        await counted.wait()
        return Count(3, more=False)

    monkeypatch.setattr("models.counting.count_tickets", slow)
    monkeypatch.setattr("triage.web.listing.load_today", no_figures)
    cookies = {signed_in.COOKIE: await signed_in.sign_in(deps)}
    app = make_app(deps, caches=Caches(count_patience=0))
    async with TestClient(TestServer(app), cookies=cookies) as client:
        assert "<b>2+</b> 张工单" in await text_of(client, "/desk?limit=2")
        counted.set()
        await asyncio.sleep(0)
        assert "<b>3</b> 张工单" in await text_of(client, "/desk?limit=2")


async def no_figures(_: object) -> Today:
    none = Count(0, more=False)
    return Today(none, none, none, none, none, none, none, none, none)


async def test_units_of_the_picker_are_those_in_force(client: Client, db: Database) -> None:
    await add_reference(db)
    found = await (await client.get("/api/v1/units?q=望京")).json()
    assert [unit["code"] for unit in found["items"]] == ["110105026"]
