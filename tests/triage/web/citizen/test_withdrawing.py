"""撤诉 and 取消撤诉 by the citizen: with the 查询码, told what it does, confirmed, taken back in a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.citizens import CitizenAccess
from models.rewards import Reward
from models.tickets import Ticket, TicketEvent
from models.vocab import Move, Post, State
from models.vocab_rewards import RewardState
from tests.factories import NOW
from tests.triage.web.citizen.steps import PHONE, move, move_of, ticket_of, track
from tests.triage.web.citizen.test_apart import joined
from tests.triage.web.open311.conftest import read_all
from triage.services.citizen import filing

if TYPE_CHECKING:
    from nlp.pipeline import Reader
    from tests.triage.web.citizen.conftest import Citizen, Clock
    from triage.services.deps import Deps

ASK = "/citizen/case/withdraw"


async def opened(citizen: Citizen, deps: Deps, reader: Reader, manner: str = "named") -> str:
    """A case that is a ticket and open in the browser. Gives its 查询码."""
    await citizen.report(manner=manner)
    code = citizen.code
    await read_all(deps, reader)
    await citizen.get("/citizen/case")
    return code


async def withdraw(citizen: Citizen, code: str, **more: str) -> None:
    await citizen.get(ASK)
    told = {"case": citizen.hidden("case"), "key": citizen.hidden("key"), "why": "solved", "sure": "1"}
    await citizen.post(ASK, {**told, "secret": code, **more})


async def test_told_what_it_does_confirmed_and_taken_back(
    citizen: Citizen, deps: Deps, reader: Reader, clock: Clock
) -> None:
    code = await opened(citizen, deps, reader)
    assert f'href="{ASK}"' in citizen.page
    await citizen.get(ASK)
    assert all(words in citizen.page for words in ("不再联系和回访您", "由承办单位依职权决定", "24 小时之内"))
    before = (await ticket_of(deps)).state
    await withdraw(citizen, code.lower(), why="other", note="我姓李小明，已经搬走了，电话13912340007")
    assert (citizen.status, citizen.address) == (200, "/citizen/case?done=withdrawn")
    assert "已撤诉，不再为您办理" in citizen.page
    assert f'href="{ASK}"' not in citizen.page
    assert "催一下" not in citizen.page
    assert (await ticket_of(deps)).state == State.CLOSED
    async with deps.db.reads() as session:
        data = await session.scalar(sa.select(TicketEvent.data).where(TicketEvent.tag == "ticket:withdraw"))
    assert data is not None
    assert ("李小明" in str(data), PHONE in str(data), "origin" in data) == (False, False, False)
    clock.later(hours=23)
    await track(citizen, (await ticket_of(deps)).no, PHONE)
    await citizen.post("/citizen/case/takeup", {"case": citizen.hidden("case"), "key": citizen.hidden("key")})
    assert "撤诉已取消，接着办理" in citizen.page
    assert (await ticket_of(deps)).state == before


async def test_after_a_day_it_is_the_hotline_s(
    citizen: Citizen, deps: Deps, reader: Reader, clock: Clock
) -> None:
    code = await opened(citizen, deps, reader)
    await withdraw(citizen, code)
    form = {"case": citizen.hidden("case"), "key": citizen.hidden("key")}
    clock.later(hours=24)
    await track(citizen, (await ticket_of(deps)).no, PHONE)
    assert "已经不能在这里取消撤诉" in citizen.page
    assert "/citizen/case/takeup" not in citizen.page
    await citizen.post("/citizen/case/takeup", {**form, "case": ""})
    assert (citizen.status, "没有取消" in citizen.page or "不能在这里取消" in citizen.page) == (409, True)
    await move(deps, Post.HOTLINE, Move.TAKE_UP, reason="诉求人来电要求继续")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"secret": "22222222"}, ("secret", "查询码不对")),
        ({"secret": PHONE}, ("secret", "查询码不对")),
        ({"secret": " "}, ("secret", "请写查询码")),
        ({"sure": ""}, ("sure", "勾选")),
        ({"why": ""}, ("why", "请选为什么撤诉")),
        ({"why": "nonsense"}, ("note", "请选为什么撤诉")),
        ({"why": "other"}, ("note", "请写几个字说明")),
        ({"note": "长" * 301}, ("note", "最多 300 个字")),
    ],
)
async def test_what_is_wrong_is_said_at_its_field_and_nothing_is_done(
    citizen: Citizen, deps: Deps, reader: Reader, more: dict[str, str], told: tuple[str, str]
) -> None:
    code = await opened(citizen, deps, reader)
    await withdraw(citizen, code, **more)
    assert citizen.status in {400, 403}
    field, words = told
    assert words in citizen.faults[field]
    assert (await ticket_of(deps)).state != State.CLOSED


async def test_the_code_is_guessed_only_so_often(citizen: Citizen, deps: Deps, reader: Reader) -> None:
    code = await opened(citizen, deps, reader)
    for _ in range(deps.settings.reward_tries):
        await withdraw(citizen, "22222222")
    await withdraw(citizen, code)
    assert citizen.status == 429
    assert (await ticket_of(deps)).state != State.CLOSED


async def test_pressed_twice_it_is_one(citizen: Citizen, deps: Deps, reader: Reader) -> None:
    code = await opened(citizen, deps, reader)
    await citizen.get(ASK)
    form = {"case": citizen.hidden("case"), "key": citizen.hidden("key"), "why": "mistake", "sure": "1"}
    for _ in range(2):
        await citizen.post(ASK, {**form, "secret": code})
        assert citizen.address == "/citizen/case?done=withdrawn"


async def test_a_danger_and_a_supervision_do_not_end_by_it(
    citizen: Citizen, deps: Deps, reader: Reader
) -> None:
    code = await opened(citizen, deps, reader)
    until = "2026-11-30T09:00"
    await move(deps, Post.SUPERVISOR, Move.SUPERVISE, reason="多次反映没有解决", until=until)
    await citizen.get(ASK)
    assert "不能在网上撤诉" in citizen.page
    assert 'name="secret"' not in citizen.page
    await rewarded(deps, await ticket_of(deps))
    await citizen.post(ASK, {"case": "", "key": "k", "why": "solved", "sure": "1", "secret": code})
    assert (citizen.status, "正在办奖励" in citizen.page) == (409, False), "it is none of theirs anyway"
    assert (await ticket_of(deps)).state == State.DISPATCHED


async def test_that_a_claim_waits_is_told_to_who_knows_the_code(
    citizen: Citizen, deps: Deps, reader: Reader
) -> None:
    """Number and phone open the case, and others know both."""
    code = await opened(citizen, deps, reader)
    await rewarded(deps, await ticket_of(deps))
    await citizen.get(ASK)
    assert ("正在办奖励" in citizen.page, 'name="secret"' in citizen.page) == (False, True)
    await withdraw(citizen, "22222222")
    assert (citizen.status, "正在办奖励" in citizen.page) == (403, False)
    await withdraw(citizen, code)
    assert (citizen.status, "正在办奖励" in citizen.page) == (409, True)
    assert (await ticket_of(deps)).state == State.DISPATCHED


async def test_a_reward_of_a_report_behind_says_nothing_to_who_sent_the_head(
    citizen: Citizen, deps: Deps, reader: Reader
) -> None:
    """撤诉 that were refused for it would tell that somebody reported it in confidence."""
    head, own = await joined(citizen, deps, reader, head="named", mine="confidential")
    async with deps.db.reads() as session:
        both = list(await session.scalars(sa.select(Ticket).order_by(Ticket.id)))
    assert [one.no for one in both] == [head, own]
    await rewarded(deps, both[0], of=both[1].appeal_id)
    code = await code_of(deps, head)
    await citizen.post("/citizen/track", {"number": head, "secret": code})
    await withdraw(citizen, code)
    assert citizen.address == "/citizen/case?done=withdrawn"


async def rewarded(deps: Deps, ticket: Ticket, *, of: int | None = None) -> None:
    """A candidate rooted in a ticket: its own report's, or that of another one."""
    async with deps.db.writes.begin() as session:
        session.add(
            Reward(
                no="J1",
                root_ticket_id=ticket.id,
                winner_appeal_id=of or ticket.appeal_id,
                state=RewardState.CANDIDATE.value,
                version=1,
                kind="WAT-02",
                reported_at=NOW,
                found_at=NOW,
                real_name=False,
                exclusions=[],
                parts=[],
                verdict={},
                proof=[],
                checks=[],
            )
        )


async def test_of_a_case_merged_into_another_one_only_the_own_part(
    citizen: Citizen, deps: Deps, reader: Reader
) -> None:
    head, own = await joined(citizen, deps, reader, head="named", mine="named")
    code = await code_of(deps, own)
    await withdraw(citizen, code)
    assert "那件事照常办理" in citizen.page
    async with deps.db.reads() as session:
        rows = await session.execute(sa.select(Ticket.no, Ticket.state))
        found = dict(rows.all())
    assert (found[own], found[head] in {State.MERGED, State.CLOSED}) == (State.MERGED, False)
    await move_of(deps, own, Post.HOTLINE, Move.TAKE_UP, reason="诉求人又来电要求办")
    await citizen.get("/citizen/case")
    assert "已并入一起办理" in citizen.page


async def test_the_sender_of_a_head_is_not_told_that_others_wait(
    citizen: Citizen, deps: Deps, reader: Reader
) -> None:
    """Else whoever reports what somebody may have reported in confidence learns by 撤诉 whether they did."""
    head, own = await joined(citizen, deps, reader, head="named", mine="confidential")
    code = await code_of(deps, head)
    await citizen.post("/citizen/track", {"number": head, "secret": code})
    await withdraw(citizen, code)
    assert citizen.address == "/citizen/case?done=withdrawn"
    await move_of(deps, head, Post.UNIT, Move.SIGN)
    await citizen.get("/citizen/case")
    assert "已撤诉，不再为您办理" in citizen.page
    told = citizen.page[citizen.page.index("<h1") :]
    assert [words in told for words in ("别人", "照常办理", "签收", "谁来办", own)] == [False] * 5
    await citizen.post("/citizen/case/takeup", {"case": citizen.hidden("case"), "key": citizen.hidden("key")})
    assert "承办单位签收" in citizen.page


async def test_a_head_that_is_a_danger_is_refused_as_one_alone(
    citizen: Citizen, deps: Deps, reader: Reader
) -> None:
    head, _ = await joined(citizen, deps, reader, head="named", mine="confidential")
    code = await code_of(deps, head)
    until = "2026-11-30T09:00"
    await move_of(deps, head, Post.SUPERVISOR, Move.SUPERVISE, reason="多次反映没有解决", until=until)
    await citizen.post("/citizen/track", {"number": head, "secret": code})
    await citizen.get(ASK)
    assert "不能在网上撤诉" in citizen.page


async def code_of(deps: Deps, no: str) -> str:
    """A 查询码 that is known, for a case whose own was shown long ago."""
    async with deps.db.writes.begin() as session:
        appeal_id = await session.scalar(sa.select(Ticket.appeal_id).where(Ticket.no == no))
        code = "ABCD2345"
        await session.execute(
            sa.update(CitizenAccess)
            .where(CitizenAccess.appeal_id == appeal_id)
            .values(code_hash=filing.code_hash(deps.vault, appeal_id or 0, code))
        )
    return code


async def test_nothing_is_open_and_nothing_is_told(citizen: Citizen) -> None:
    await citizen.get(ASK)
    assert citizen.address == "/citizen/track"
