"""回访台: one case after the other, its phone, its result, 约定时间; what is refused, and to whom."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from connectors.vault import Vault
from models.appeals import Appeal, Appellant
from models.ledger import LedgerRow
from models.ringing import CallAfter, FollowUpHold
from models.tickets import Ticket, TicketEvent
from models.vocab import Move, State
from models.vocab_ledger import LedgerAct
from models.vocab_staff import Role
from tests import signed_in
from tests.factories import TicketIn
from tests.triage.services.repeats.test_following import AWAY, act, answered, merged
from tests.triage.services.test_moving import CALLER, ready
from tests.triage.web.test_dead import form_of, origin
from tests.written import written
from triage.clock import FixedClock
from triage.services.deps import Deps
from triage.settings import Settings

if TYPE_CHECKING:
    from models.db import Database
    from tests.triage.web.conftest import Client, ClientOf
    from triage.rules.rows import Tables

#: The limit of the answer is over, that of 回访 is 2026-11-26 19:20.
LATER = datetime.fromisoformat("2026-11-24T10:00+08:00")
PHONE = "13800005678"
REACHED = {"outcome": "reached", "contacted": "yes", "solved": "yes", "satisfaction": "satisfied"}
DESK = "/desk/followup"


@pytest.fixture
def deps(db: Database, tables: Tables) -> Deps:
    return Deps(
        settings=Settings(), clock=FixedClock(LATER), tables=tables, db=db, vault=Vault({1: bytes(32)})
    )


@pytest.fixture
async def cases(deps: Deps) -> list[str]:
    """Three that wait to be rung, due at one moment; each with a phone."""
    found = await ready(deps.db, deps.tables, TicketIn(), TicketIn(), TicketIn())
    for no in found:
        await answered(deps.db, no)
        await phone(deps, no)
    return found


async def phone(deps: Deps, no: str) -> None:
    async with deps.db.writes.begin() as session:
        number = await session.scalar(sa.select(Ticket.appeal_id).where(Ticket.no == no))
        sealed = deps.vault.seal(PHONE, belongs_to=f"appellant.phone:{number}")
        await session.execute(sa.insert(Appellant).values(appeal_id=number, created_at=LATER, phone=sealed))


@pytest.fixture
async def anne(client_of: ClientOf) -> Client:
    return await client_of(Role.FOLLOW_UP, login="anne")


@pytest.fixture
async def bert(client_of: ClientOf) -> Client:
    return await client_of(Role.FOLLOW_UP, login="bert")


async def opened(client: Client, path: str = DESK) -> tuple[str, str]:
    answer = await client.get(path)
    assert answer.status == 200
    return answer.url.path, await answer.text()


async def sent(client: Client, page: str, path: str, form: str, **values: str) -> tuple[int, str, str]:
    """Send a form of the page: status, where it led, the page."""
    part = page.partition(f'action="{path}"')[2].partition("</form>")[0]
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', part))
    assert hidden, form
    answer = await client.post(path, data={**hidden, **values}, headers=origin(client))
    return answer.status, answer.url.path, await answer.text()


async def state_of(deps: Deps, no: str) -> str:
    async with deps.db.reads() as session:
        return str(await session.scalar(sa.select(Ticket.state).where(Ticket.no == no)))


async def test_the_day_begins_with_the_next_call_and_two_are_given_two(
    anne: Client, bert: Client, cases: list[str]
) -> None:
    path, page = await opened(anne, "/")
    assert path == f"{DESK}/{cases[0]}"
    # All that the call needs, and no number.
    for words in (
        "夜间施工扰民",
        "已到现场处理",
        "望京街道办事处",
        "没有照片",
        "还没有打过",
        "回访时限",
        "看电话",
    ):
        assert words in page
    assert PHONE not in page
    assert (await opened(bert))[0] == f"{DESK}/{cases[1]}"
    _, page = await opened(bert, f"{DESK}/{cases[0]}")
    assert "anne正开着这张" in page
    assert 'id="result"' not in page
    assert 'id="look"' not in page
    assert re.search(r"同事正在打</dt><dd>1 ", page)


async def test_a_result_leads_to_the_next_case(anne: Client, deps: Deps, cases: list[str]) -> None:
    _, page = await opened(anne)
    here = f"{DESK}/{cases[0]}"
    status, path, page = await sent(anne, page, here, "result", **REACHED, note="问过了")
    assert (status, path) == (200, f"{DESK}/{cases[1]}")
    assert "已记录回访，可以办结" in page
    assert await state_of(deps, cases[0]) == State.FOLLOWED_UP
    unhappy = {**REACHED, "solved": "no"}
    _, path, page = await sent(anne, page, f"{DESK}/{cases[1]}", "result", **unhappy)
    assert path == f"{DESK}/{cases[2]}"
    assert "没有解决或不满意。重办" in page
    _, path, page = await sent(anne, page, f"{DESK}/{cases[2]}", "result", **AWAY)
    assert path == DESK
    assert "已记一次未接通" in page
    assert "现在没有可以打的" in page
    assert re.search(r"最早一张 2026-11-24 14:00 可以打", page)
    assert re.search(r"打过，间隔未到</dt><dd>1 ", page)
    async with deps.db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(FollowUpHold)) == 0


async def test_what_is_missing_is_said_and_what_was_chosen_stays(anne: Client, cases: list[str]) -> None:
    _, page = await opened(anne)
    here = f"{DESK}/{cases[0]}"
    given = {"outcome": "reached", "contacted": "yes", "note": "说得很长"}
    status, path, page = await sent(anne, page, here, "result", **given)
    assert (status, path) == (422, here)
    assert re.search(r'role="alert" id="result-error">[^<]*解决', page)
    assert re.search(r'name="contacted" value="yes" checked', page)
    assert "说得很长" in page
    status, *_ = await sent(anne, page, here, "result", **REACHED)
    assert status == 200


async def test_the_same_form_twice_is_done_once(anne: Client, deps: Deps, cases: list[str]) -> None:
    _, page = await opened(anne)
    here = f"{DESK}/{cases[0]}"
    for _ in range(2):
        assert (await sent(anne, page, here, "result", **REACHED))[0] == 200
    async with deps.db.reads() as session:
        events = await session.scalars(sa.select(TicketEvent.id).where(TicketEvent.tag == "ticket:follow_up"))
        assert len(list(events)) == 1


async def test_who_was_slower_is_told_and_nothing_is_lost(anne: Client, deps: Deps, cases: list[str]) -> None:
    _, page = await opened(anne)
    await act(deps.db, cases[0], CALLER, Move.FOLLOW_UP, AWAY, at=LATER)
    status, _, page = await sent(anne, page, f"{DESK}/{cases[0]}", "result", **AWAY, note="响了很久")
    assert status == 409
    assert "这张工单又有变化" in page
    assert "响了很久" in page
    assert re.search(r"<b>未接通</b> <span class=\"tag\">上午</span>", page)
    assert "上一次没打通也是在上午" in page


async def test_the_number_is_an_answer_to_a_form_and_written_down(
    anne: Client, bert: Client, deps: Deps, cases: list[str]
) -> None:
    _, page = await opened(anne)
    here = f"{DESK}/{cases[0]}"
    status, path, shown = await sent(anne, page, f"{here}/phone", "look", words="回访办理结果")
    assert (status, path) == (200, f"{here}/phone")
    assert f'href="tel:{PHONE}"' in shown
    # The result is written on the same page.
    assert 'id="result"' in shown
    assert PHONE not in (await opened(anne, here))[1]
    assert (await anne.get(f"{here}/phone")).status == 405
    assert await written(deps, LedgerAct.REVEALED) == ["1"]
    async with deps.db.reads() as session:
        reasons = list(
            await session.scalars(sa.select(LedgerRow.reason).where(LedgerRow.reason.is_not(None)))
        )
    assert reasons == ["回访：回访办理结果"]
    # Without a reason nobody looks; nor while a colleague has it open.
    status, _, refused = await sent(anne, page, f"{here}/phone", "look", words="")
    assert status == 400
    assert 'id="phone-error"' in refused
    _, other = await opened(bert)
    token = form_of(other)
    answer = await bert.post(f"{here}/phone", data={**token, "words": "回访办理结果"}, headers=origin(bert))
    assert answer.status == 409
    assert PHONE not in await answer.text()
    assert await written(deps, LedgerAct.REVEALED) == ["1"]


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
async def test_a_time_that_cannot_be_agreed(
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


async def test_one_who_is_merged_is_asked_of_the_others_answer(anne: Client, deps: Deps) -> None:
    head, one = await ready(deps.db, deps.tables, TicketIn(), TicketIn())
    await merged(deps.db, one, head)
    await answered(deps.db, head)
    await act(deps.db, head, CALLER, Move.FOLLOW_UP, REACHED, at=LATER)
    path, page = await opened(anne)
    assert path == f"{DESK}/{one}"
    assert "已到现场处理" in page
    assert f'是并入的工单 <a href="/desk/tickets/{head}">' in page
    assert "没有登记电话" in page
    status, path, page = await sent(anne, page, f"{DESK}/{one}", "result", **REACHED)
    assert (status, path) == (200, DESK)
    assert "没有待回访的工单" in page


async def test_a_case_that_waits_no_more_says_so(anne: Client, deps: Deps, cases: list[str]) -> None:
    await act(deps.db, cases[0], CALLER, Move.FOLLOW_UP, REACHED, at=LATER)
    _, page = await opened(anne, f"{DESK}/{cases[0]}")
    assert "这张不用再打：现在是“已回访”" in page
    assert 'id="result"' not in page
    async with deps.db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(FollowUpHold)) == 0
    assert "现在不是待回访" in (await opened(anne, f"/desk/tickets/{cases[0]}/call-after"))[1]
    assert (await anne.get(f"{DESK}/20261123-99999999")).status == 404
    assert (await anne.get(f"{DESK}?nonsense=1")).status == 400


async def test_skipping_all_says_so(anne: Client, cases: list[str]) -> None:
    _, page = await opened(anne)
    for no in cases[1:]:
        skip = re.search(r'id="skip" href="([^"]+)"', page)
        assert skip
        path, page = await opened(anne, skip[1].replace("&amp;", "&"))
        assert path == f"{DESK}/{no}"
    skip = re.search(r'id="skip" href="([^"]+)"', page)
    assert skip
    path, page = await opened(anne, skip[1].replace("&amp;", "&"))
    assert path == DESK
    assert "其余的都跳过了" in page
    assert "跳过的 3 张还在等" in page


async def test_leaving_lets_go(anne: Client, bert: Client, cases: list[str]) -> None:
    _, page = await opened(anne)
    until = re.search(r'data-until="([^"]+)"', page)
    assert until
    token = form_of(page)["token"]

    async def leave(value: str) -> int:
        data = {"token": token, "until": value}
        return (await anne.post(f"{DESK}/leave", data=data, headers=origin(anne))).status

    assert (await leave("x"), await leave("2026-11-24T10:00")) == (400, 400)
    # A page from before says nothing of what was opened after it.
    assert await leave((LATER + timedelta(minutes=9)).isoformat()) == 204
    assert (await opened(bert))[0] == f"{DESK}/{cases[1]}"
    assert await leave(until[1]) == 204
    assert (await opened(bert))[0] == f"{DESK}/{cases[0]}"


async def test_outside_the_hours_it_says_from_when(anne: Client, deps: Deps, cases: list[str]) -> None:
    object.__setattr__(deps, "clock", FixedClock(LATER.replace(hour=21)))
    await signed_in.renewed(deps)
    path, page = await opened(anne)
    assert path == DESK
    assert "现在不是打回访电话的时候" in page
    assert "2026-11-25 08:30 起再打，那时有 3 张可以打" in page
    _, page = await opened(anne, f"{DESK}/{cases[0]}")
    assert "现在不是打回访电话的时候：2026-11-25 08:30 以后再打" in page


async def test_a_confidential_case_is_shown_to_nobody_who_may_not_see_it(
    client_of: ClientOf, anne: Client, deps: Deps, cases: list[str]
) -> None:
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Appeal).values(confidential=True))
    assert (await opened(anne))[0] == f"{DESK}/{cases[0]}"
    there = await client_of(Role.FOLLOW_UP, unit="110105", login="district")
    path, page = await opened(there)
    assert path == DESK
    assert "没有待回访的工单" in page
    for address in (f"{DESK}/{cases[0]}", f"/desk/tickets/{cases[0]}/call-after"):
        assert (await there.get(address)).status == 404
    answer = await there.post(f"/api/v1/tickets/{cases[0]}/call-after", json={"at": None, "seen": None})
    assert answer.status == 404
