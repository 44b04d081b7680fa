"""巡查上报 over a real server, as a phone's browser without a script sends it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.files import Attachment
from models.matters import MatterPair
from models.tickets import Ticket, TicketUnit
from models.vocab_staff import Role
from tests.factories import TicketIn, add_tickets
from tests.pictures import jpeg
from tests.triage.web.open311.conftest import read_all
from tests.triage.web.patrol.conftest import GOOD, HANDLED, PAGE, STREET, Officer, count, ticket_of

if TYPE_CHECKING:
    from nlp.pipeline import Reader
    from tests.triage.web.conftest import Client, ClientOf
    from triage.services.deps import Deps


async def test_a_street_reports_and_comes_to_its_ticket(officer: Officer, deps: Deps, reader: Reader) -> None:
    assert "以<b>望京街道办事处</b>的名义" in await officer.get()
    assert "没有诉求人" in officer.page
    fields = officer.fields
    await officer.send(before=[jpeg()])
    assert "正在识别" in officer.page
    waits = officer.address
    await read_all(deps, reader)
    await officer.get(waits)
    assert officer.address.endswith("?done=patrolled")
    page = officer.page
    assert ("巡查发现" in page, "自建工单" in page, "巡查所见" in page) == (True, True, True)
    assert (await ticket_of(deps)).state == "signed"
    # Sent once more it is the same one, with other words it is told.
    await officer.post({**fields, **GOOD}, before=[jpeg()])
    assert officer.address.endswith("?done=patrolled")
    await officer.post({**fields, **GOOD, "text": "望京北路另一处，沟渠发黑发臭。"})
    assert officer.address.endswith("?done=registered-before")
    assert await count(deps) == 1


async def test_dealt_with_on_the_spot_it_ends_at_once_and_can_be_taken_back(
    officer: Officer, deps: Deps, reader: Reader
) -> None:
    await officer.get()
    await officer.send(jpeg(), before=[jpeg(320, 240)], more=HANDLED)
    waits = officer.address
    await read_all(deps, reader)
    page = await officer.get(waits)
    assert ("已办结" in page, "巡查时当场处理，自办" in page, "处理后照片 1 张" in page) == (True, True, True)
    ticket = await ticket_of(deps)
    assert "处理后照片 1" in await officer.get(f"/desk/tickets/{ticket.no}/files")
    await officer.get(f"/desk/tickets/{ticket.no}")
    form = officer.page.partition('data-form="undo"')[2].partition("</form>")[0]
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))
    answer = await officer.client.post(
        f"/desk/tickets/{ticket.no}/moves", data={**hidden, "reason": "还有一堆没有清"}
    )
    assert answer.url.query["done"] == "undo"
    page = await answer.text()
    assert ((await ticket_of(deps)).state, "首次联系时限" in page) == ("signed", False)


@pytest.mark.parametrize(
    ("more", "field", "words"),
    [
        ({"text": "垃圾"}, "text", "请写明看到了什么"),
        ({"text": "圾" * 9000}, "text", "内容太长"),
        ({"place": ""}, "place", "请写明在哪里"),
        ({"place": "路" * 400}, "place", "地点最多"),
        ({"lat": "31.2", "lon": "121.5"}, "place", "不在本市范围内"),
        ({"handled": "1", "note": "清"}, "note", "请写明怎样处理的"),
        (HANDLED, "after", "要有处理后的照片"),
        ({"note": "已清走垃圾"}, "handled", "请选“已当场处理”"),
    ],
)
async def test_what_is_wrong_is_told_at_its_field(
    officer: Officer, deps: Deps, more: dict[str, str], field: str, words: str
) -> None:
    await officer.get()
    await officer.send(more=more)
    assert officer.status == 400
    assert words in officer.faults[field]
    assert await count(deps) == 0


async def test_photos_have_their_limits_and_names_of_ours(officer: Officer, deps: Deps) -> None:
    await officer.get()
    await officer.send(jpeg(), jpeg(1), before=[jpeg(2), jpeg(3)], more=HANDLED)
    assert "两处合起来最多 3 张" in officer.faults["files"]
    await officer.send(b"no picture", more=HANDLED)
    assert ("只收照片" in officer.faults["after"], "重新选一次" in officer.faults["files"]) == (True, True)
    await officer.send(jpeg(), before=[jpeg(320, 240)], more=HANDLED)
    async with deps.db.reads() as session:
        names = set(await session.scalars(sa.select(Attachment.name)))
    assert names == {"现场照片 1.jpg", "处理后照片 1.jpg"}


async def test_one_photo_in_both_places_is_no_evidence(officer: Officer, deps: Deps) -> None:
    await officer.get()
    await officer.send(jpeg(2), jpeg(320, 240), before=[jpeg(320, 240)], more=HANDLED)
    assert (officer.status, "两处是同一张照片" in officer.faults["after"]) == (400, True)
    assert await count(deps) == 0


async def test_what_is_open_there_is_shown_first_and_said_again_it_is_sent(
    officer: Officer, deps: Deps
) -> None:
    said = TicketIn(text="望京北路边一大堆生活垃圾没有人清，臭", title="垃圾没有清")
    (no,) = await add_tickets(deps.db, said)
    await officer.get()
    await officer.send()
    assert (officer.status, no in officer.page, "可能是同一件事" in officer.page) == (409, True, True)
    await officer.send()
    assert (officer.status, await count(deps)) == (200, 2)


async def test_what_another_street_has_is_not_shown_to_who_reported_it(
    client_of: ClientOf, deps: Deps, reader: Reader
) -> None:
    theirs = Officer(await client_of(Role.STREET, unit="110108010"))
    await theirs.get()
    await theirs.send()
    assert theirs.status == 409
    await theirs.send()
    waits = theirs.address
    await read_all(deps, reader)
    page = await theirs.get(waits)
    assert ("已生成工单" in page, "望京街道办事处" in page) == (True, True)
    assert (await ticket_of(deps)).no not in page
    assert (await theirs.client.get(f"/desk/tickets/{(await ticket_of(deps)).no}")).status == 404
    other = Officer(await client_of(Role.STREET, unit="110108010", login="zhao"))
    await other.get(waits)
    assert other.status == 404


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("review", "等热线人工核对"),
        ("handed_over", "没有单位办理：请打 12345"),
        ("diverted", "热线已分流"),
        ("dispatched", "由那里办理"),
    ],
)
async def test_the_page_tells_the_truth_of_where_it_is(
    officer: Officer, deps: Deps, reader: Reader, state: str, words: str
) -> None:
    await officer.get()
    await officer.send()
    waits = officer.address
    await read_all(deps, reader)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.delete(TicketUnit))
        await session.execute(sa.update(Ticket).values(state=state, unit_code=None))
    page = await officer.get(waits)
    assert (words in page, "它不归您单位" in page) == (True, state == "dispatched")


async def test_before_sending_the_script_may_ask_the_same(officer: Officer, deps: Deps) -> None:
    await add_tickets(deps.db, TicketIn(text=GOOD["text"], title="垃圾没有清"))
    await officer.get()
    fields = officer.fields
    asked = {**fields, "text": GOOD["text"], "place": "海淀区学院路街道"}
    told = await (await officer.client.post(f"{PAGE}/look", data=asked)).json()
    assert (told["sent"], told["elsewhere"], told["same"]) == (None, "海淀区学院路街道", [])
    told = await (await officer.client.post(f"{PAGE}/look", data={**asked, "place": ""})).json()
    assert [one["title"] for one in told["same"]] == ["垃圾没有清"]
    await officer.send(more={"seen": told["mark"]})
    told = await (await officer.client.post(f"{PAGE}/look", data={**fields, "text": ""})).json()
    assert (told["sent"] is not None, told["same"]) == (True, [])
    answer = await officer.client.post(f"{PAGE}/look", data={"text": GOOD["text"]})
    assert answer.status == 403, "without the page's token"


async def test_the_map_is_pressed_without_a_script(officer: Officer) -> None:
    await officer.get()
    await officer.post({**officer.fields, **GOOD, "do": "", "area": "", "spot.x": "160", "spot.y": "160"})
    assert 'name="lat" value=""' in officer.page
    area = re.findall(r'<option value="(\d{6})"[^>]* selected', officer.page)
    assert len(area) == 1
    await officer.post({**officer.fields, **GOOD, "area": area[0], "spot.x": "160", "spot.y": "160"})
    assert (officer.status, 'name="lat" value=""' in officer.page) == (200, False)
    assert GOOD["text"] in officer.page


@pytest.mark.parametrize("role", [Role.CLERK, Role.FOLLOW_UP, Role.ANALYST, Role.SUPERVISOR, Role.AUDITOR])
async def test_only_who_handles_cases_reports(client_of: ClientOf, role: Role) -> None:
    somebody = await client_of(role)
    assert (await somebody.get(PAGE)).status == 403
    assert (await somebody.post(PAGE, data=GOOD)).status == 403


async def test_a_bureau_and_a_district_report_as_their_own(client_of: ClientOf) -> None:
    for unit, name in (("110105-ecology", "朝阳区生态环境局"), ("110105", "朝阳区人民政府")):
        page = await Officer(await client_of(Role.BUREAU, unit=unit, login=unit)).get()
        assert f"以<b>{name}</b>的名义" in page


async def test_the_browser_may_say_where_one_is_on_this_page_alone(officer: Officer) -> None:
    allowed = {
        path: "geolocation=(self)" in (await officer.client.get(path)).headers["Permissions-Policy"]
        for path in (PAGE, "/desk", "/desk/due")
    }
    assert allowed == {PAGE: True, "/desk": False, "/desk/due": False}


async def test_who_has_no_unit_yet_chooses_one(client: Client, deps: Deps) -> None:
    somebody = Officer(client)
    await somebody.get()
    assert ("的名义" in somebody.page, "当前身份" in somebody.page) == (False, True)
    await somebody.send()
    assert ("请先在下面选“承办单位”" in somebody.page, await count(deps)) == (True, 0)


async def test_the_figures_are_on_the_page_of_trends_and_as_json(
    officer: Officer, client_of: ClientOf, deps: Deps, reader: Reader
) -> None:
    await officer.get()
    await officer.send(jpeg(), more=HANDLED)
    await read_all(deps, reader)
    analyst = await client_of(Role.ANALYST)
    told = await (await analyst.get("/api/v1/patrol/figures")).json()
    (item,) = told["items"]
    assert (told["found"], item["street"], item["found"], item["ended"], item["later"]) == (
        1,
        STREET,
        1,
        1,
        0,
    )
    page = await (await analyst.get("/desk/trends")).text()
    part = page.partition('id="patrol"')[2].partition("</section>")[0]
    assert ("望京街道" in part, "本期共 1 件" in part) == (True, True)
    assert (await analyst.get("/api/v1/patrol/figures?from=2026")).status == 400
    assert (await officer.client.get("/api/v1/patrol/figures")).status == 403


async def test_the_compare_view_offers_it_into_the_complaint(
    officer: Officer, client_of: ClientOf, deps: Deps, reader: Reader
) -> None:
    await officer.get()
    await officer.send()
    await read_all(deps, reader)
    mine = await ticket_of(deps)
    one, other = await add_tickets(deps.db, TicketIn(kind=mine.kind), TicketIn(kind=mine.kind))
    row = {
        "p": 0.9, "same_caller": False, "why": [], "state": "proposed", "at": mine.opened_at,
        "model_version": "test", "head_id": mine.id,
    }  # fmt: skip
    async with deps.db.writes.begin() as session:
        ids = await session.scalars(sa.select(Ticket.id).where(Ticket.no.in_([one, other])))
        await session.execute(sa.insert(MatterPair), [{**row, "ticket_id": number} for number in ids])
    clerk = await client_of(Role.CLERK)
    page = await (await clerk.get("/desk/repeats")).text()
    # Not all at once into it: each pair by itself, and the other way round.
    assert (f"/desk/compare/{one}/{mine.no}" in page, 'action="/desk/bulk"' in page) == (True, False)
    page = await (await clerk.get(f"/desk/compare/{one}/{mine.no}")).text()
    place = f"/desk/compare/{mine.no}/{one}/merge"
    form = page.split(f'action="{place}"')[1].split("</form>", maxsplit=1)[0]
    assert "先登记的是巡查自建的" in page
    await clerk.post(place, data=dict(re.findall(r'name="([^"]+)" value="([^"]*)"', form)))
    async with deps.db.reads() as session:
        state = await session.scalar(sa.select(Ticket.state).where(Ticket.no == mine.no))
    assert state == "merged"
