"""约定时间: set, changed and cleared; shown; what cannot be agreed, and by whom."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.ledger import LedgerRow
from models.ringing import CallAfter
from models.vocab import Move
from models.vocab_ledger import LedgerAct
from models.vocab_staff import Role
from tests import signed_in
from tests.triage.services.repeats.test_following import act
from tests.triage.services.test_moving import CALLER
from tests.triage.web.desks.calls.conftest import DESK, LATER, REACHED, opened, sent
from tests.written import written
from triage.clock import FixedClock

if TYPE_CHECKING:
    from tests.triage.web.conftest import Client, ClientOf
    from triage.services.deps import Deps


async def test_an_agreed_time_rests_the_case_and_is_shown_where_it_matters(
    anne: Client, deps: Deps, cases: list[str]
) -> None:
    _, page = await opened(anne)
    here = f"{DESK}/{cases[0]}"
    assert re.findall(r'name="quick" value="([^"]+)"', page) == [
        "2026-11-24T10:30", "2026-11-24T14:00", "2026-11-24T17:00", "2026-11-24T19:00",
        "2026-11-25T09:00", "2026-11-25T10:30", "2026-11-25T14:00", "2026-11-25T17:00", "2026-11-25T19:00",
    ]  # fmt: skip
    quick = {"quick": "2026-11-24T17:00", "at": "", "words": "白天上班，打 13912345678"}
    status, path, page = await sent(anne, page, f"{here}/after", "after", **quick)
    assert (status, path) == (200, f"{DESK}/{cases[1]}")
    assert "已约定时间" in page
    assert re.search(r"约定稍后</dt><dd>1 .*?>11-24 17:00<", page)
    _, page = await opened(anne, f"/desk/tickets/{cases[0]}")
    assert "<b>2026-11-24 17:00</b></time> 以后再打回访电话：白天上班，打 " in page
    assert "13912345678" not in page
    assert "anne" in page
    assert "更改、清除约定时间" in page
    _, page = await opened(anne, "/desk?state=feedback")
    assert re.search(r"约定 <time [^>]*>11-24 17:00</time> 以后打", page)
    whole = await (await anne.get(f"/api/v1/tickets/{cases[0]}")).json()
    assert whole["item"]["call_after"] == "2026-11-24T09:00:00Z"
    async with deps.db.reads() as session:
        row = (
            await session.scalars(sa.select(LedgerRow).where(LedgerRow.act == LedgerAct.CALL_AFTER_SET.value))
        ).one()
        kept = (await session.scalars(sa.select(CallAfter))).one()
    assert (row.who, row.subject, row.old, row.new) == ("anne", cases[0], None, "2026-11-24 17:00")
    assert "白天" not in f"{row.detail}{row.reason}"
    assert "13912345678" not in kept.words
    assert kept.by == "anne"


async def test_it_is_changed_and_cleared_on_the_ticket_too(
    anne: Client, deps: Deps, cases: list[str]
) -> None:
    path = f"/desk/tickets/{cases[0]}/call-after"
    _, page = await opened(anne, path)
    _, at, page = await sent(anne, page, path, "after", at="2026-11-24T15:00", words="")
    assert at == f"/desk/tickets/{cases[0]}"
    assert "已约定：到时间以前" in page
    _, page = await opened(anne, path)
    assert 'value="2026-11-24T15:00"' in page
    stale = page
    _, _, page = await sent(anne, page, path, "after", at="2026-11-24T16:00", words="")
    # Who saw another time changes nothing, and what they wrote stays.
    status, _, page = await sent(anne, stale, path, "after", at="2026-11-24T18:00", words="下班后")
    assert status == 409
    assert "anne已约定 2026-11-24 16:00 以后再打，这次没有改动" in page
    assert 'value="下班后"' in page
    assert 'value="2026-11-24T18:00"' in page
    _, at, page = await sent(anne, page, path, "after", clear="1", at="2026-11-24T18:00", words="")
    assert at == f"/desk/tickets/{cases[0]}"
    assert "已清除约定时间" in page
    assert "以后再打回访电话" not in page
    assert len(await written(deps, LedgerAct.CALL_AFTER_SET)) == 3


@pytest.mark.parametrize(
    ("at", "status", "told"),
    [
        ("", 400, "请选一个时间"),
        ("下午五点", 400, "应形如 2026-11-23T17:00"),
        ("0001-01-01T00:00", 400, "应形如"),
        ("9" * 5000, 400, "应形如"),
        ("2026-11-24T10:00", 400, "已经过了"),
        ("2026-11-24T21:00", 400, "回访只在 08:30—20:30 打"),
        ("2026-12-01T10:01", 400, "最多约到 7 天以后"),
        ("2026-11-26T19:21", 422, "晚于回访时限 11-26 19:20"),
    ],
)
async def test_a_time_that_cannot_be_agreed(  # noqa: PLR0917  (columns, one by one)
    anne: Client, deps: Deps, cases: list[str], at: str, status: int, told: str
) -> None:
    here = f"{DESK}/{cases[0]}"
    _, page = await opened(anne)
    found, path, page = await sent(anne, page, f"{here}/after", "after", at=at, words="说过的话")
    assert (found, path) == (status, f"{here}/after")
    assert re.search(rf'id="after-error">[^<]*{re.escape(told)}', page)
    assert "说过的话" in page
    assert await written(deps, LedgerAct.CALL_AFTER_SET) == []
    assert ('name="late"' in page) is (status == 422)


async def test_after_the_limit_it_is_said_that_it_is_known(
    anne: Client, deps: Deps, cases: list[str]
) -> None:
    here = f"{DESK}/{cases[0]}"
    _, page = await opened(anne)
    status, path, _ = await sent(
        anne, page, f"{here}/after", "after", at="2026-11-27T10:00", words="", late="1"
    )
    assert (status, path) == (200, f"{DESK}/{cases[1]}")
    assert await written(deps, LedgerAct.CALL_AFTER_SET) == [cases[0]]


async def test_what_is_one_press_away_says_itself_that_it_is_late(
    anne: Client, deps: Deps, cases: list[str]
) -> None:
    object.__setattr__(deps, "clock", FixedClock(datetime.fromisoformat("2026-11-26T15:00+08:00")))
    await signed_in.renewed(deps)
    here = f"{DESK}/{cases[0]}"
    _, page = await opened(anne)
    offers = re.findall(r'name="quick" value="([^"]+)" formnovalidate>([^<]+)<', page)
    assert offers[1:3] == [
        ("2026-11-26T19:00", "今天 19:00"), ("2026-11-27T09:00", "明天 09:00（晚于回访时限）")
    ]  # fmt: skip
    _, path, _ = await sent(anne, page, f"{here}/after", "after", quick="2026-11-27T09:00", at="", words="")
    assert path == f"{DESK}/{cases[1]}"
    # Where the limit is over already nothing keeps it.
    object.__setattr__(deps, "clock", FixedClock(datetime.fromisoformat("2026-11-27T15:00+08:00")))
    await signed_in.renewed(deps)
    _, page = await opened(anne, f"{DESK}/{cases[2]}")
    assert "回访时限 2026-11-26 19:20 已过，约定以后仍算超期" in page
    _, path, _ = await sent(anne, page, f"{DESK}/{cases[2]}/after", "after", at="2026-11-28T10:00", words="")
    assert path != f"{DESK}/{cases[2]}/after"


async def test_by_json(anne: Client, deps: Deps, cases: list[str]) -> None:
    path = f"/api/v1/tickets/{cases[0]}/call-after"

    async def post(**body: object) -> tuple[int, dict[str, object]]:
        answer = await anne.post(path, json=body)
        return answer.status, await answer.json()

    five = "2026-11-24T17:00:00+08:00"
    assert (await post(at=five))[1]["code"] == "bad_input"
    assert (await post(at="2026-11-24T17:00", seen=None))[0] == 400
    assert (await post(at=five, seen=None, words=3))[0] == 400
    assert (await post(at=five, seen=None, late="yes"))[0] == 400
    assert (await post(at=five, seen=None, words="长" * 61))[0] == 400
    assert (await post(at="2026-11-27T10:00:00+08:00", seen=None))[1]["code"] == "call_after_late"
    status, found = await post(at=five, seen=None, words="白天上班")
    assert (status, found) == (200, {"no": cases[0], "at": "2026-11-24T09:00:00Z", "repeated": False})
    assert (await post(at=five, seen=None, words="白天上班"))[1]["repeated"] is True
    assert (await post(at=None, seen=None))[1]["code"] == "call_after_changed"
    assert (await post(at=None, seen="2026-11-24T09:00:00Z"))[0] == 200
    assert len(await written(deps, LedgerAct.CALL_AFTER_SET)) == 2
    await act(deps.db, cases[0], CALLER, Move.FOLLOW_UP, REACHED, at=LATER)
    assert (await post(at=five, seen=None))[1]["code"] == "not_to_follow"


async def test_who_does_not_follow_up_sees_the_time_and_sets_none(
    client_of: ClientOf, anne: Client, cases: list[str]
) -> None:
    await anne.post(
        f"/api/v1/tickets/{cases[0]}/call-after", json={"at": "2026-11-24T17:00:00+08:00", "seen": None}
    )
    for who in (await client_of(Role.STREET, unit="110105026"), await client_of(Role.CLERK)):
        page = (await opened(who, f"/desk/tickets/{cases[0]}"))[1]
        assert "以后再打回访电话" in page
        assert 'call-after">' not in page.replace('<p id="call-after">', "")
        assert (await who.get(DESK)).status == 403
        assert (await who.get(f"/desk/tickets/{cases[0]}/call-after")).status == 403
        answer = await who.post(f"/api/v1/tickets/{cases[0]}/call-after", json={"at": None, "seen": None})
        assert answer.status == 403
    stranger = await client_of(Role.STREET, unit="110108010")
    assert (await stranger.get(f"/desk/tickets/{cases[0]}")).status == 404
