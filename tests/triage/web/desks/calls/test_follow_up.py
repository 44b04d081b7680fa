"""回访台: one case after the other, its phone and its result; what is refused, and to whom."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.appeals import Appeal
from models.ledger import LedgerRow
from models.ringing import FollowUpHold
from models.tickets import TicketEvent
from models.vocab import Move, State
from models.vocab_ledger import LedgerAct
from models.vocab_staff import Role
from tests import signed_in
from tests.factories import TicketIn
from tests.triage.services.repeats.test_following import AWAY, act, answered, merged
from tests.triage.services.test_moving import CALLER, ready
from tests.triage.web.desks.calls.conftest import DESK, LATER, PHONE, REACHED, opened, sent, state_of
from tests.triage.web.test_dead import form_of, origin
from tests.written import written
from triage.clock import FixedClock

if TYPE_CHECKING:
    from tests.triage.web.conftest import Client, ClientOf
    from triage.services.deps import Deps


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


async def test_what_was_skipped_stays_skipped_when_something_is_pressed(
    anne: Client, deps: Deps, cases: list[str]
) -> None:
    _, page = await opened(anne, f"{DESK}?but={cases[0]}")
    here = f"{DESK}/{cases[1]}"
    _, path, page = await sent(anne, page, f"{here}/phone", "look", words="回访办理结果")
    assert path == f"{here}/phone"
    # A result that is refused, too.
    _, path, page = await sent(anne, page, here, "result", outcome="reached")
    assert path == here
    _, path, page = await sent(anne, page, here, "result", **REACHED)
    assert path == f"{DESK}/{cases[2]}"
    five = {"quick": "2026-11-24T17:00", "at": "", "words": ""}
    _, path, page = await sent(anne, page, f"{DESK}/{cases[2]}/after", "after", **five)
    assert path == DESK
    assert "其余的都跳过了" in page
    assert await state_of(deps, cases[0]) == State.FEEDBACK


async def test_the_page_that_looks_again_by_itself_takes_nothing(
    anne: Client, deps: Deps, cases: list[str]
) -> None:
    path, page = await opened(anne, f"{DESK}?look=1")
    assert path == DESK
    assert "有 3 张可以打" in page
    assert '<a class="button" href="/desk/followup">看下一张</a>' in page
    skipped = (await opened(anne, f"{DESK}?look=1&but={cases[0]}"))[1]
    assert f'<a class="button" href="/desk/followup?but={cases[0]}">看下一张</a>' in skipped
    assert (
        "其余的都跳过了" in (await opened(anne, f"{DESK}?look=1&" + "&".join(f"but={no}" for no in cases)))[1]
    )
    async with deps.db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(FollowUpHold)) == 0


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
