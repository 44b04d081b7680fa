"""当场答复 on 审核台: its form, what is refused, who may."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.appeals import Appeal
from models.tickets import Ticket, TicketEvent
from models.vocab import ReviewReason
from models.vocab_staff import Role
from tests.factories import add_tickets
from tests.triage.web.desks.conftest import waiting
from tests.triage.web.desks.test_review import form_of, opened, states
from triage.services import reference

if TYPE_CHECKING:
    from tests.triage.web.conftest import Client, ClientOf
    from triage.services.deps import Deps


def answer_form(page: str) -> dict[str, str]:
    found = page.partition('id="answer-form"')[2].partition("</form>")[0]
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', found))


async def asked(deps: Deps, **more: object) -> str:
    (no,) = await add_tickets(deps.db, waiting(30, **{"appeal_type": "咨询", **more}))
    await reference.sync(deps)
    return no


ANSWER = {"note": "夜间施工证明由街道受理，工作日上午可查", "told_citizen": "phone"}


async def test_a_question_is_answered_at_once_and_the_next_is_given(
    client: Client, deps: Deps, numbers: list[str]
) -> None:
    no = await asked(deps)
    _, page = await opened(client, f"/desk/review/{no}")
    assert "诉求人看得到" in page
    assert 'data-fill="' in page
    answer = await client.post(f"/desk/review/{no}/answer", data={**answer_form(page), **ANSWER})
    assert answer.url.path == f"/desk/review/{numbers[1]}"
    assert f"{no}</a> 已当场答复，10 分钟内可在它的工单页撤销" in await answer.text()
    assert await states(deps.db, [no]) == ["closed"]
    # Sent twice it is one answer.
    answer = await client.post(f"/desk/review/{no}/answer", data={**answer_form(page), **ANSWER})
    assert answer.status == 200
    async with deps.db.reads() as session:
        tags = await session.scalars(sa.select(TicketEvent.tag).where(TicketEvent.tag == "ticket:answer_now"))
        assert len(tags.all()) == 1
    ticket = await (await client.get(f"/desk/tickets/{no}")).text()
    assert "当场答复" in ticket
    assert ANSWER["note"] in ticket


async def test_what_was_answered_was_sent_to_nobody_and_waits_for_no_clerk(
    client: Client, deps: Deps
) -> None:
    no = await asked(deps)
    async with deps.db.writes.begin() as session:
        await session.execute(
            sa.update(Ticket).where(Ticket.no == no).values(
                dispatched_at=None, decision={"review_reasons": [ReviewReason.KIND_UNSURE.value]}
            )
        )  # fmt: skip
    words = ("为什么派给这个单位", "为什么要人工审核", "识别时为什么没有直接派出")
    before = await (await client.get(f"/desk/tickets/{no}")).text()
    _, page = await opened(client, f"/desk/review/{no}")
    await client.post(f"/desk/review/{no}/answer", data={**answer_form(page), **ANSWER})
    after = await (await client.get(f"/desk/tickets/{no}")).text()
    assert [one in before for one in words] == [False, True, False]
    assert [one in after for one in words] == [False, False, True]


async def test_what_is_refused_comes_back_with_what_was_typed(client: Client, deps: Deps) -> None:
    no = await asked(deps)
    _, page = await opened(client, f"/desk/review/{no}")
    form = answer_form(page)
    for sent, words in (
        ({**ANSWER, "note": "已答复"}, "至少 8 个字"),
        ({"note": ANSWER["note"]}, "必须写明向诉求人说明的方式"),
        ({**ANSWER, "version": "7"}, "这张工单又有变化"),
    ):
        answer = await client.post(f"/desk/review/{no}/answer", data={**form, **sent})
        told = await answer.text()
        assert (answer.status in {409, 422}, words in told, sent["note"] in told) == (True, True, True)
    assert await states(deps.db, [no]) == ["review"]


async def test_a_complaint_has_no_such_form_and_a_secret_question_says_why(
    client: Client, deps: Deps, numbers: list[str]
) -> None:
    _, page = await opened(client, f"/desk/review/{numbers[0]}")
    assert ('id="answer"' in page, "data-fill" in page) == (False, False)
    sent = {**form_of(page), **ANSWER, "version": "1", "key": "k"}
    answer = await client.post(f"/desk/review/{numbers[0]}/answer", data=sent)
    assert answer.status == 422
    assert "这件是投诉" in await answer.text()
    assert await states(deps.db, [numbers[0]]) == ["review"]
    secret = await asked(deps, confidential=True)
    _, page = await opened(client, f"/desk/review/{secret}")
    assert ("不能当场答复：诉求人要求保密" in page, "answer-form" in page) == (True, False)


async def test_an_answer_needs_the_right(client_of: ClientOf, deps: Deps) -> None:
    no = await asked(deps)
    unit = await client_of(Role.STREET, unit="110105026")
    answer = await unit.post(f"/desk/review/{no}/answer", data=ANSWER)
    assert answer.status == 403
    assert await states(deps.db, [no]) == ["review"]


async def test_both_pages_show_the_type_that_is_in_force(client: Client, deps: Deps) -> None:
    no = await asked(deps)
    async with deps.db.writes.begin() as session:
        await session.execute(
            sa.update(Appeal).where(Appeal.id == Ticket.appeal_id, Ticket.no == no).values(told_type="投诉")
        )
    pages = [await (await client.get(f"/desk/{where}/{no}")).text() for where in ("tickets", "review")]
    assert [" · 投诉" in page for page in pages] == [True, True]
    assert "投诉（现为此项）" in pages[0]
    answer = await client.post(f"/api/v1/tickets/{no}/corrections", json={"appeal_type": "咨询"})
    assert answer.status == 201
    pages = [await (await client.get(f"/desk/{where}/{no}")).text() for where in ("tickets", "review")]
    assert [" · 咨询" in page for page in pages] == [True, True]
    assert "咨询（现为此项）" in pages[0]
    assert "answer-form" in pages[1]


async def test_what_its_source_calls_a_report_is_marked_as_one(client: Client, deps: Deps) -> None:
    no = await asked(deps)
    async with deps.db.writes.begin() as session:
        await session.execute(
            sa.update(Appeal).where(Appeal.id == Ticket.appeal_id, Ticket.no == no).values(told_type="举报")
        )
    answer = await client.post(f"/api/v1/tickets/{no}/corrections", json={"appeal_type": "咨询"})
    assert answer.status == 201
    page = await (await client.get(f"/desk/tickets/{no}")).text()
    assert (" · 举报" in page, "举报（现为此项）" in page, "咨询（现为此项）" in page) == (True, True, False)
