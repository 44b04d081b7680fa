"""登记诉求 without a script: one case, nothing typed lost, on to the ticket when it is read."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING
from unittest.mock import AsyncMock

import pytest
import sqlalchemy as sa

from connectors.ports import StoreDown
from models import files as file_rows
from models.appeals import Appeal
from models.outbox import DeadLetter, Outbox
from models.vocab import AppealState
from models.vocab_ledger import LedgerAct
from models.vocab_staff import Role
from tests import pictures
from tests.factories import NOW
from tests.triage.web.open311.conftest import read_all
from tests.triage.web.registering.conftest import GOOD, PAGE, PHONE, Clerk, appeals
from tests.written import written
from triage.services import attachments, intake
from triage.services.intake import NewAppeal
from triage.web.citizen import maps, pressed

if TYPE_CHECKING:
    from nlp.pipeline import Reader
    from tests.triage.web.conftest import Client, ClientOf
    from triage.services.deps import Deps


async def test_it_is_registered_and_leads_to_its_ticket_when_it_is_read(
    clerk: Clerk, deps: Deps, reader: Reader
) -> None:
    assert 'type="datetime-local" name="received" value="2026-11-23T16:00"' in await clerk.get()
    await clerk.send(("李小明家门口.jpg", pictures.jpeg()), number="BJ-7", confidential="1")
    (appeal,) = await appeals(deps)
    here = f"{PAGE}/{appeal.id}"
    assert (clerk.status, clerk.address) == (200, here)
    assert "正在识别" in clerk.page
    assert "BJ-7" in clerk.page
    assert [mark for mark in ("李小明", PHONE, "打桩") if mark in clerk.page] == []
    assert (appeal.channel, appeal.external_id, appeal.confidential) == ("visit", "BJ-7", True)
    async with deps.db.reads() as session:
        (photo,) = await file_rows.sent_with(session, appeal.id)
    assert (photo.name, photo.by) == ("照片 1.jpg", "local")
    assert await written(deps, LedgerAct.REGISTERED) == [str(appeal.id)]
    assert await read_all(deps, reader) == 1
    await clerk.get(here)
    assert re.fullmatch(r"/desk/tickets/20261123-\d{8}\?done=registered", clerk.address)
    for words in ("已登记。请核对", "来访", "BJ-7", "识别结果", "望京街道"):
        assert words in clerk.page
    found = await clerk.get("/desk?q=BJ-7")
    assert "按编号找到" in found


async def test_sent_twice_it_is_one_case_and_a_change_is_told(
    clerk: Clerk, deps: Deps, reader: Reader
) -> None:
    await clerk.get()
    form = {**clerk.fields, **GOOD, "number": "BJ-7"}
    for _ in range(2):
        await clerk.post(form)
        assert clerk.address == f"{PAGE}/1"
    await clerk.post({**form, "text": GOOD["text"] + "今天也是。"})
    assert clerk.address == f"{PAGE}/1?changed=1"
    assert "这次改过的没有登记" in clerk.page
    assert len(await appeals(deps)) == 1
    await read_all(deps, reader)
    await clerk.post({**form, "phone": "13912340008"})
    assert clerk.address.endswith("?done=registered-before")
    assert "这次改过的没有登记" in clerk.page


FAULTS = {
    "no words": ({"text": " \n "}, "text"),
    "no way it came": ({"how": "loud"}, "how"),
    "nobody": ({"name": "", "phone": ""}, "phone"),
    "no such phone": ({"phone": "12345"}, "phone"),
    "anonymous, with a name": ({"anonymous": "1"}, "anonymous"),
    "no time": ({"received": "昨天"}, "received"),
    "a time to come": ({"received": "2026-11-24T16:00"}, "received"),
    "a phone for a number": ({"number": PHONE}, "number"),
    "a place outside": ({"lat": "31.2", "lon": "121.4"}, "place"),
}


@pytest.mark.parametrize("case", FAULTS)
async def test_what_is_wrong_is_told_beside_its_field_and_nothing_is_lost(
    clerk: Clerk, deps: Deps, case: str
) -> None:
    more, field = FAULTS[case]
    await clerk.get()
    await clerk.send(confidential="1", **more)
    assert clerk.status == 400
    assert set(clerk.faults) == {field}
    typed = {**GOOD, **more}
    for name in ("title", "place", "name", "phone", "number", "received"):
        assert re.search(rf'name="{name}" value="{typed[name]}"', clerk.page)
    assert f">\n{typed['text']}</textarea>" in clerk.page
    assert re.search(r'name="confidential" value="1" checked', clerk.page)
    assert f'aria-describedby="{field}-fault"' in clerk.page or field == "how"
    assert await appeals(deps) == []


async def test_what_is_typed_is_shown_as_text(clerk: Clerk) -> None:
    await clerk.get()
    await clerk.send(text='</textarea><script>alert("x")</script>', place='"><img src=x>', phone="1")
    assert [mark for mark in ("<script>alert", "<img src=x>") if mark in clerk.page] == []


async def test_bad_photos_are_told_and_the_words_kept(
    clerk: Clerk, deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    await clerk.get()
    await clerk.send(("a.pdf", b"%PDF-1.4"))
    assert (clerk.status, set(clerk.faults)) == (400, {"files"})
    await clerk.send(("a.jpg", pictures.jpeg()), phone="1")
    assert "重新选一次照片" in clerk.faults["files"]
    monkeypatch.setattr(attachments, "store_all", AsyncMock(side_effect=StoreDown("full")))
    await clerk.send(("a.jpg", pictures.jpeg()))
    assert (clerk.status, set(clerk.faults)) == (503, {"files"})
    assert GOOD["text"] in clerk.page
    assert await appeals(deps) == []


async def test_a_number_that_is_known_is_shown_before_another_case_is_made(
    clerk: Clerk, deps: Deps, reader: Reader
) -> None:
    await clerk.get(f"{PAGE}?number=%EF%BC%A2J-7")
    # As it was given; nobody has it yet, so it is kept in plain width.
    assert 'name="number" value="ＢJ-7"' in clerk.page
    await clerk.send(number="ＢJ-7")
    await read_all(deps, reader)
    await clerk.get()
    # From another phone each time: the cases of one are told as well (`callers`).
    await clerk.send(number="BJ-7", phone="13912340008")
    assert (clerk.status, set(clerk.faults)) == (409, {"number"})
    assert re.search(r'<a href="/desk/tickets/20261123-00000001">', clerk.page)
    await clerk.send(number="BJ-7", phone="13912340008")
    assert clerk.address == f"{PAGE}/2"
    assert '<a href="/desk/tickets/20261123-00000001">' in clerk.page
    assert len(await appeals(deps)) == 2
    # Begun from where the number stands, it is shown from the start, however it is written.
    await clerk.get(f"{PAGE}?number=bj-7")
    assert '<a href="/desk/tickets/20261123-00000001">' in clerk.page
    await clerk.send(number="bj-7", phone="13912340009")
    assert clerk.address == f"{PAGE}/3"


async def test_the_map_is_pressed_without_a_script(clerk: Clerk, deps: Deps) -> None:
    await clerk.get()
    x, y = (n * pressed.SHOWN / maps.SIZE for n in maps.view(maps.CITY).place(116.47, 39.99))
    city = {**clerk.fields, **GOOD, "area": "", "spot.x": x, "spot.y": y}
    await clerk.post(city)
    assert '<option value="110105"' in clerk.page
    assert re.search(r'value="110105" data-view="[^"]+" selected', clerk.page)
    assert GOOD["text"] in clerk.page
    x, y = (n * pressed.SHOWN / maps.SIZE for n in maps.view("110105").place(116.47, 39.99))
    await clerk.post({**clerk.fields, **GOOD, "area": "110105", "spot.x": x, "spot.y": y})
    assert "您点的位置" in clerk.page
    await clerk.post({**clerk.fields, **GOOD, "area": "110105", "do": "map"})
    await clerk.send(area="110105")
    (appeal,) = await appeals(deps)
    assert (appeal.address or "").startswith("朝阳区，") or (appeal.address or "").startswith("朝阳区")
    assert "望京北路南侧" in (appeal.address or "")


async def test_where_a_press_lies_is_told_to_the_script(clerk: Clerk) -> None:
    await clerk.get()
    token = clerk.fields["token"]
    told = await clerk.client.post(f"{PAGE}/where", data={"token": token, "lon": "116.47", "lat": "39.99"})
    assert (await told.json())["area"] == "110105"
    away = await clerk.client.post(f"{PAGE}/where", data={"token": token, "lon": "121.4", "lat": "31.2"})
    none = await clerk.client.post(f"{PAGE}/where", data={"token": token, "lon": "x", "lat": "31.2"})
    assert (away.status, none.status) == (404, 400)


async def give_up(deps: Deps, number: int) -> None:
    async with deps.db.writes.begin() as session:
        dead = sa.update(Appeal).where(Appeal.id == number).values(state=AppealState.DEAD.value)
        await session.execute(dead)
        await session.execute(sa.delete(Outbox))
        told = {"topic": "read_appeals", "key": number, "reason": "MemoryError @ read:1", "detail": {}}
        await session.execute(sa.insert(DeadLetter).values(**told, created_at=deps.clock.now()))


async def test_a_given_up_appeal_begins_the_form_and_leaves_the_list(clerk: Clerk, deps: Deps) -> None:
    await clerk.get()
    await clerk.send(number="BJ-7", text=GOOD["text"] + f"电话{PHONE}。")
    await give_up(deps, 1)
    await clerk.get(f"{PAGE}/1")
    assert "识别没有成功" in clerk.page
    assert f'href="{PAGE}?failed=1"' in await clerk.get("/desk/dead")
    await clerk.get(f"{PAGE}?failed=1")
    assert [mark for mark in ("李小明", PHONE) if mark in clerk.page] == []
    for words in ('name="number" value="BJ-7"', "[手机号]", 'name="carry" value="1" checked', "处理失败，"):
        assert words in clerk.page
    typed = {"number": "BJ-7", "name": "", "phone": "", "carry": "1", "text": GOOD["text"] + "电话[手机号]。"}
    first = {**clerk.fields, **GOOD, **typed}
    await clerk.post(first)
    assert clerk.address == f"{PAGE}/2"
    assert "没有处理失败的诉求" in await clerk.get("/desk/dead")
    assert "诉求处理失败" not in await clerk.get("/desk")
    # Whoever had the same form open is told, and loses nothing.
    await clerk.post({**first, "key": "another"})
    assert (clerk.status, "已经有人重试或登记" in clerk.page) == (409, True)
    assert GOOD["text"] in clerk.page
    assert 'name="failed"' not in clerk.page
    assert (await clerk.client.get(f"{PAGE}?failed=1")).status == 404


async def test_the_longest_that_a_source_sends_is_taken_over_as_it_is(clerk: Clerk, deps: Deps) -> None:
    item = NewAppeal(
        "platform", "工地夜里打桩。" * 3000, NOW, external_id="号" * 200, title="题 \n" * 1500, name="李小明",
        address="望京北路" * 600,
    )  # fmt: skip
    async with deps.db.writes.begin() as session:
        await intake.receive(session, deps.vault, [item], now=NOW)
    await give_up(deps, 1)
    await clerk.get(f"{PAGE}?failed=1")
    shown = dict(re.findall(r'name="(title|place|number|received)" value="([^"]*)"', clerk.page))
    whole = {**shown, "how": "phone", "text": item.text, "carry": "1", "name": "", "phone": ""}
    for more in ({"text": item.text + "。"}, {"title": shown["title"] + "题"}, {"number": "号" * 199}):
        await clerk.send(**(whole | more))
        assert set(clerk.faults) == set(more)
        assert item.text in clerk.page
    form = {**clerk.fields, **GOOD, **whole}
    for _ in range(2):
        await clerk.post(form)
        assert clerk.address == f"{PAGE}/2"
    old, new = await appeals(deps)
    assert (new.text, new.address, new.external_id) == (old.text, old.address, old.external_id)


async def test_a_mistake_in_a_form_that_is_too_late_loses_nothing(clerk: Clerk) -> None:
    await clerk.get()
    await clerk.send(failed="999", phone="1")
    assert (clerk.status, "已经有人重试或登记" in clerk.page) == (400, True)
    assert GOOD["text"] in clerk.page


async def test_the_screens_that_say_so_lead_to_it(clerk: Clerk, deps: Deps) -> None:
    await clerk.get()
    await clerk.send()
    await give_up(deps, 1)
    assert f'<a href="{PAGE}">登记诉求</a>' in (await clerk.get("/desk/list"))


@pytest.mark.parametrize("path", ["?x=1", "?failed=x", "/1?x=1"])
async def test_strange_parameters_are_refused(client: Client, path: str) -> None:
    assert (await client.get(PAGE + path)).status == 400


@pytest.mark.parametrize("number", ["1", "x", "9" * 30])
async def test_what_nobody_registered_is_not_there(client: Client, number: str) -> None:
    assert (await client.get(f"{PAGE}/{number}")).status == 404


async def test_only_a_form_of_ours_is_taken(clerk: Clerk, deps: Deps) -> None:
    await clerk.get()
    await clerk.send(token="0" * 43)
    assert (clerk.status, await appeals(deps)) == (403, [])


async def test_who_handles_may_not_register(client_of: ClientOf) -> None:
    street = await client_of(Role.STREET, unit="110105026")
    assert (await street.get(PAGE)).status == 403


async def test_no_line_of_the_log_holds_anybody(clerk: Clerk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await clerk.get()
    await clerk.send(phone="1")
    await clerk.send()
    told = "\n".join(record.getMessage() for record in caplog.records)
    assert [mark for mark in ("李小明", PHONE, "1234 0007", "打桩") if mark in told] == []
    assert clerk.address == f"{PAGE}/1"
