"""处理失败的诉求: why, in words; run again, one or all; and only from our own page."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from aiohttp import FormData

from models.appeals import Appeal
from models.ledger import LedgerRow
from models.outbox import DeadLetter, Outbox
from models.vocab import AppealState
from models.vocab_ledger import LedgerAct
from tests.factories import NOW, TicketIn, add_appeal
from triage.web.dead import PER_PAGE
from triage.web.guard import COOKIE, FIELD

if TYPE_CHECKING:
    from models.db import Database
    from tests.triage.web.conftest import Client

RETRY = "/desk/dead/retry"


async def add_dead(db: Database, *reasons: str) -> list[int]:
    """Given-up appeals with these reasons."""
    async with db.writes.begin() as session:
        ids = []
        for reason in reasons:
            ids.append(await add_appeal(session, TicketIn(), state=AppealState.DEAD))
            letter = {
                "topic": "read_appeals",
                "key": ids[-1],
                "reason": reason,
                "detail": {},
                "created_at": NOW,
            }
            older = letter | {"reason": "KeyError @ old:1", "created_at": NOW - timedelta(days=1)}
            await session.execute(sa.insert(DeadLetter), [older, letter])
    return ids


async def page(client: Client, path: str = "/desk/dead") -> str:
    response = await client.get(path)
    assert response.status == 200
    return await response.text()


def origin(client: Client) -> dict[str, str]:
    return {"Origin": str(client.make_url("/")).rstrip("/"), "Sec-Fetch-Site": "same-origin"}


def form_of(text: str, **values: str) -> dict[str, str]:
    """What the page's own form sends."""
    token = re.search(rf'name="{FIELD}" value="([A-Za-z0-9_-]+)"', text)
    assert token is not None
    return {FIELD: token[1], **values}


async def states(db: Database) -> list[tuple[int, str]]:
    async with db.reads() as session:
        rows = await session.execute(sa.select(Appeal.id, Appeal.state).order_by(Appeal.id))
        return [(row.id, row.state) for row in rows]


async def owed(db: Database) -> list[int]:
    async with db.reads() as session:
        return list(await session.scalars(sa.select(Outbox.key).order_by(Outbox.id)))


async def test_each_says_why_in_words(client: Client, db: Database) -> None:
    await add_dead(db, "WorkerLost @ ?", "OperationalError @ execute:7", "RuntimeError @ read:3", "")
    text = await page(client)
    for words in (
        "常见于内存不足",
        "当时连不上数据库",
        "识别程序出错",
        "原因没有记录",
        "RuntimeError @ read:3",
    ):
        assert words in text
    assert "KeyError" not in text
    assert "夜里十一点还在打桩" in text
    assert text.count(">重试</button>") == 4
    assert "/desk/dead" in await (await client.get("/desk")).text()


async def test_nothing_given_up_is_said_too(client: Client) -> None:
    text = await page(client)
    assert "没有处理失败的诉求" in text
    assert '<button class="button' not in text.partition("<dialog")[0]


async def test_one_is_run_again(client: Client, db: Database) -> None:
    first, second = await add_dead(db, "MemoryError @ read:1", "MemoryError @ read:1")
    form = form_of(await page(client), id=str(second))
    for expected in ("已放回 1 条", "没有可以重试的"):
        response = await client.post(RETRY, data=form, headers=origin(client))
        assert (response.status, response.url.path) == (200, "/desk/dead")
        assert expected in await response.text()
    assert await states(db) == [(first, "dead"), (second, "waiting")]
    assert await owed(db) == [second]
    assert "1 条诉求处理失败" in await (await client.get("/desk")).text()


async def test_a_selection_is_run_again_and_written_down(client: Client, db: Database) -> None:
    first, second, third = await add_dead(db, *["MemoryError @ read:1"] * 3)
    text = await page(client)
    assert re.findall(r'name="id" value="(\d+)" form="chosen"', text) == [str(first), str(second), str(third)]
    form = [*form_of(text).items(), ("id", str(first)), ("id", str(third))]
    answer = await client.post(RETRY, data=FormData(form), headers=origin(client))
    assert "已放回 2 条" in await answer.text()
    assert await states(db) == [(first, "waiting"), (second, "dead"), (third, "waiting")]
    assert await owed(db) == [first, third]
    async with db.reads() as session:
        rows = sa.select(LedgerRow.who, LedgerRow.subject, LedgerRow.detail).where(
            LedgerRow.act == LedgerAct.APPEALS_RETRIED.value
        )
        entries = [tuple(row) for row in await session.execute(rows)]
    detail = {"appeals": 2, "ids": [str(first), str(third)]}
    assert [entry[1:] for entry in entries] == [("several", detail)]
    assert entries[0][0]


async def test_all_are_run_again(client: Client, db: Database) -> None:
    ids = await add_dead(db, *["MemoryError @ read:1"] * (PER_PAGE + 1))
    text = await page(client)
    onward = re.search(r'rel="next" href="([^"]+)"', text)
    assert onward is not None
    assert f"诉求 {ids[-1]}<" in await page(client, onward[1])
    answer = await client.post(RETRY, data=form_of(text, all="1"), headers=origin(client))
    assert f"已放回 {len(ids)} 条" in await answer.text()
    assert "没有处理失败的诉求" in await page(client)
    assert await owed(db) == ids


@pytest.mark.parametrize(
    "values", [{}, {"id": "x"}, {"id": "1", "all": "1"}, {"id": "9" * 19}, {"all": "yes"}]
)
async def test_a_form_that_chooses_nothing_is_refused(
    client: Client, db: Database, values: dict[str, str]
) -> None:
    await add_dead(db, "MemoryError @ read:1")
    form = form_of(await page(client), **values)
    answer = await client.post(RETRY, data=form, headers=origin(client))
    assert (answer.status, await states(db)) == (400, [(1, "dead")])


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
async def test_only_this_host_may_write(
    client: Client, db: Database, headers: dict[str, str], status: int
) -> None:
    await add_dead(db, "MemoryError @ read:1")
    form = form_of(await page(client), all="1")
    answer = await client.post(RETRY, data=form, headers=headers)
    assert answer.status == status
    assert await states(db) == [(1, {403: "dead", 200: "waiting"}[status])]


@pytest.mark.parametrize("token", ["", "00", "f" * 64, "错"])
async def test_a_wrong_token_writes_nothing(client: Client, db: Database, token: str) -> None:
    await add_dead(db, "MemoryError @ read:1")
    form = form_of(await page(client), all="1") | {FIELD: token}
    answer = await client.post(RETRY, data=form, headers=origin(client))
    assert answer.status == 403
    assert "刷新" in await answer.text()
    assert await states(db) == [(1, "dead")]


async def test_the_token_of_another_browser_writes_nothing(client: Client, db: Database) -> None:
    await add_dead(db, "MemoryError @ read:1")
    form = form_of(await page(client), all="1")
    client.session.cookie_jar.clear(lambda morsel: morsel.key == COOKIE)
    without = await client.post(RETRY, data=form, headers=origin(client))
    await page(client)
    with_another = await client.post(RETRY, data=form, headers=origin(client))
    assert (without.status, with_another.status, await states(db)) == (403, 403, [(1, "dead")])


async def test_only_forms_are_read(client: Client, db: Database) -> None:
    await add_dead(db, "MemoryError @ read:1")
    form = form_of(await page(client), all="1")
    as_json = await client.post(RETRY, json=form, headers=origin(client))
    strange = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-7"}
    as_other = await client.post(RETRY, data=b"all=1", headers=origin(client) | strange)
    assert (as_json.status, as_other.status, await states(db)) == (403, 403, [(1, "dead")])


async def test_the_cookie_is_for_this_site_alone_and_made_once(client: Client, db: Database) -> None:
    await add_dead(db, "MemoryError @ read:1")
    first, second = await client.get("/desk/dead"), await client.get("/desk/dead")
    made = first.cookies[COOKIE]
    assert (made["httponly"], made["samesite"], made["path"]) == (True, "Strict", "/")
    assert form_of(await first.text()) == form_of(await second.text())


async def test_other_addresses_say_that_they_take_no_post(client: Client) -> None:
    assert (await client.post("/desk")).status == 405
    assert (await client.post("/nowhere")).status == 404


@pytest.mark.parametrize("path", ["/desk/dead?after=x", "/desk/dead?done=-1", "/desk/dead?x=1"])
async def test_strange_parameters_are_refused(client: Client, path: str) -> None:
    assert (await client.get(path)).status == 400
