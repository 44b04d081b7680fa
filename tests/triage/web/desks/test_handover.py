"""交接班 on the page: empty, written, relieved, undone, taken back without a script; figures; who finds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from models.vocab import State
from models.vocab_staff import Role
from tests.factories import TicketIn, add_tickets

if TYPE_CHECKING:
    from models.db import Database
    from tests.triage.web.conftest import Client, ClientOf

PAGE = "/desk/handover"
WORDS = "三号线路的复测结果明早来"


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough for pages; the service is tested on both."""
    return sqlite_db


@pytest.fixture
async def no(db: Database) -> str:
    (number, *_) = await add_tickets(
        db, TicketIn(), TicketIn(state=State.REVIEW, unit=None, flagged=True), TicketIn(state=State.FEEDBACK)
    )
    return str(number)


@pytest.fixture
async def day(client_of: ClientOf, no: str) -> Client:
    assert no
    return await client_of(Role.CLERK, login="day")


@pytest.fixture
async def night(client_of: ClientOf, no: str) -> Client:
    assert no
    return await client_of(Role.FOLLOW_UP, login="night")


async def text(client: Client, address: str = PAGE) -> str:
    return await (await client.get(address)).text()


async def press(client: Client, page: str, address: str, **said: str) -> tuple[int, str, str]:
    """Send a form as it stands in a page: status, place, page of the answer."""
    form = re.findall(rf'<form[^>]*action="{address}".*?</form>', page, re.DOTALL)[0]
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))
    answer = await client.post(address, data={**hidden, **said}, allow_redirects=False)
    return answer.status, answer.headers.get("Location", ""), await answer.text()


def pressed(page: str, what: str) -> str:
    return str(re.findall(rf'action="({PAGE}/[0-9]+/{what})"', page)[0])


async def test_an_empty_page_says_so_and_counts_what_is_open(day: Client, night: Client) -> None:
    page = await text(day)
    assert ("没有等着接的" in page, "这些天没有接过班的记录" in page) == (True, True)
    figures = dict(re.findall(r'<a class="tile plain" href="[^"]*"><span>([^<]*)</span><b>([^<]*)</b>', page))
    assert {label: figures[label] for label in ("待审核", "待回访", "处理失败", "突发事件", "督办中")} == {
        "待审核": "1", "待回访": "1", "处理失败": "0", "突发事件": "0", "督办中": "0",
    }  # fmt: skip
    for address in re.findall(r'<a class="tile plain" href="([^"]*)"', page):
        assert (await day.get(address.replace("&amp;", "&"))).status == 200
    page = await text(night)
    assert ("待审核" in page, "处理失败" in page, "待回访" in page) == (False, False, True)
    for address in re.findall(r'<a class="tile plain" href="([^"]*)"', page):
        assert (await night.get(address.replace("&amp;", "&"))).status == 200


async def test_written_found_relieved_and_undone_without_a_script(
    day: Client, night: Client, no: str
) -> None:
    assert re.search(r"交接班待接</span><b>0</b>", await text(day, "/desk"))
    status, place, _ = await press(day, await text(day), PAGE, text=f"{WORDS}：{no}", numbers="")
    assert (status, place) == (303, f"{PAGE}?done=written")
    page = await text(day, place)
    assert ("已交班" in page, "撤回</button>" in page) == (True, True)
    for address in ("/desk", "/desk/list"):
        assert re.search(r'href="/desk/handover"><span>交接班待接</span><b>1</b>', await text(night, address))
    for address in ("/desk/review", "/desk/review/queue"):
        assert "交接班：1 条还没有接" in await text(day, address)
    assert f'href="{PAGE}"' in await text(night, "/desk")
    page = await text(night)
    assert (WORDS in page, f'<a href="/desk/tickets/{no}">{no}</a>' in page) == (True, True)
    assert '<span class="state dispatched">已派单</span>' in page
    assert (await press(night, page, pressed(page, "relieve")))[:2] == (303, f"{PAGE}?done=relieved")
    page = await text(night)
    assert ("<b>night</b>" in page, "没有等着接的" in page) == (True, True)
    assert (await press(night, page, pressed(page, "undo")))[:2] == (303, f"{PAGE}?done=undone")
    page = await text(day)
    assert (await press(day, page, pressed(page, "take-back")))[:2] == (303, f"{PAGE}?done=back")
    page = await text(night)
    assert (WORDS in page, "<p>已撤回</p>" in page) == (False, True)


async def test_whoever_is_slower_reads_who_has_it(day: Client, night: Client) -> None:
    await press(day, await text(day), PAGE, text=WORDS)
    before, page = await text(day), await text(night)
    await press(night, page, pressed(page, "relieve"))
    status, _, told = await press(day, before, pressed(before, "relieve"))
    assert (status, "night已在" in told, "这次没有改动" in told) == (409, True, True)
    status, _, told = await press(day, before, pressed(before, "take-back"))
    assert (status, "night已在" in told) == (409, True)
    # At the address of a press no page can be had: it follows from its own.
    (followed,) = re.findall(r'data-again="30" data-from="([^"]*)"', told)
    assert (await day.get(followed)).status == 200


@pytest.mark.parametrize(
    ("said", "words", "field"),
    [
        ({"text": " "}, "交班内容：请写内容", "text"),
        ({"text": "长" * 2001}, "现在是 2001 个字", "text"),
        ({"numbers": "20200101-000001"}, "您无权查看：20200101-000001", "numbers"),
        ({"key": ""}, "提交编号 key", "text"),
    ],
)
async def test_what_is_refused_comes_back_with_its_words_and_its_field(
    day: Client, said: dict[str, str], words: str, field: str
) -> None:
    sent = {"text": WORDS, "numbers": "", **said}
    status, _, page = await press(day, await text(day), PAGE, **sent)
    assert (status, words in page, f'name="{field}"' in page) == (400, True, True)
    marked = re.findall(r'<textarea[^>]*name="(\w+)"[^>]*aria-invalid="true"', page)
    assert (marked, sent["text"].strip() in page) == ([field], True)
    assert "没有等着接的" in await text(day)


async def test_a_double_press_is_one_and_another_text_is_told(day: Client) -> None:
    page = await text(day)
    assert [(await press(day, page, PAGE, text=WORDS))[0] for _ in range(2)] == [303, 303]
    status, _, told = await press(day, page, PAGE, text="<改>过的")
    assert (status, "这次改过的没有记" in told, "&lt;改&gt;过的</textarea>" in told) == (409, True, True)
    assert (await text(day)).count(WORDS) == 1


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.REWARD, Role.ANALYST, Role.ADMIN, Role.AUDITOR])
async def test_nobody_else_opens_or_is_offered_it(client_of: ClientOf, day: Client, role: Role) -> None:
    await press(day, await text(day), PAGE, text=WORDS)
    client = await client_of(role, login="else")
    answer = await client.get(PAGE)
    assert (answer.status, WORDS in await answer.text()) == (403, False)
    assert f'href="{PAGE}"' not in await text(client, "/me")


async def test_an_officer_is_offered_none(client_of: ClientOf, no: str) -> None:
    assert no
    client = await client_of(Role.STREET, unit="110105026", login="li")
    assert ((await client.get(PAGE)).status, PAGE in await text(client, "/desk")) == (403, False)


@pytest.mark.parametrize("number", ["0", "x", "99", "9" * 30])
async def test_another_number_is_none(day: Client, number: str) -> None:
    page = await text(day)
    token = re.findall(r'name="token" value="([^"]*)"', page)[0]
    for what in ("relieve", "undo", "take-back"):
        answer = await day.post(f"{PAGE}/{number}/{what}", data={"token": token})
        assert answer.status == 404
