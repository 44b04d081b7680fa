"""更正反馈 and 退回补充 as whoever complained reads them: the newest words, also behind another case."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.citizens import CitizenRating
from models.tickets import Ticket
from models.vocab import Move, Post
from tests.triage.web.citizen.steps import PHONE, contacted, move, move_of, ticket_of, track
from tests.triage.web.citizen.test_apart import OTHER, joined
from tests.triage.web.open311.conftest import read_all

if TYPE_CHECKING:
    from nlp.pipeline import Reader
    from tests.triage.web.citizen.conftest import Citizen
    from triage.services.deps import Deps

FIRST = {"note": "已告知隔壁小区停工", "attachment": "照片 1", "told_citizen": "phone"}
RIGHT = {"note": "已责令本小区北侧工地停工", "reason": "贴成了别的工单"}
RATING = {"solved": "no", "satisfaction": "dissatisfied", "note": "说的不是我家"}


async def fed_back(citizen: Citizen, deps: Deps, reader: Reader) -> None:
    await citizen.report()
    await read_all(deps, reader)
    await contacted(deps)
    await move(deps, Post.UNIT, Move.FEEDBACK, **FIRST)


async def test_the_newest_answer_is_shown_and_of_the_first_that_there_was_one(
    citizen: Citizen, deps: Deps, reader: Reader
) -> None:
    await fed_back(citizen, deps, reader)
    assert FIRST["note"] in await citizen.get("/citizen/case")
    await move(deps, Post.UNIT, Move.AMEND, **RIGHT)
    page = await citizen.get("/citizen/case")
    assert (RIGHT["note"] in page, "承办单位更正了答复" in page) == (True, True)
    assert "承办单位答复（后来更正过，以更正后的为准）" in page
    # Not the words that were wrong, which may be another citizen's matter, nor why.
    assert (FIRST["note"] in page, RIGHT["reason"] in page) == (False, False)
    await move(deps, Post.UNIT, Move.AMEND, note="已责令北侧工地停工并处罚", reason="漏写了处罚")
    page = await citizen.get("/citizen/case")
    assert ("已责令北侧工地停工并处罚" in page, RIGHT["note"] in page) == (True, False)
    assert page.count("后来更正过") == 2


async def test_a_rating_of_before_is_marked_and_the_new_words_may_be_rated(
    citizen: Citizen, deps: Deps, reader: Reader
) -> None:
    await fed_back(citizen, deps, reader)
    await citizen.get("/citizen/case")
    await citizen.post("/citizen/case/rate", RATING)
    assert "提交评价" not in await citizen.get("/citizen/case")
    await move(deps, Post.UNIT, Move.AMEND, **RIGHT)
    page = await citizen.get("/citizen/case")
    assert ("不满意（说的是更正前的答复）" in page, "提交评价" in page) == (True, True)
    await citizen.post("/citizen/case/rate", {"solved": "yes", "satisfaction": "satisfied"})
    page = await citizen.get("/citizen/case")
    assert ("提交评价" in page, page.count("说的是更正前的答复")) == (False, 1)
    async with deps.db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(CitizenRating)) == 2


async def test_a_rating_of_the_words_that_were_shown_is_not_booked_on_the_new_ones(
    citizen: Citizen, deps: Deps, reader: Reader
) -> None:
    await fed_back(citizen, deps, reader)
    await citizen.get("/citizen/case")
    shown = citizen.hidden("answer")
    await move(deps, Post.UNIT, Move.AMEND, **RIGHT)
    page = await citizen.post("/citizen/case/rate", RATING | {"answer": shown})
    assert (citizen.status, "答复刚刚更正过" in page, RATING["note"] in page) == (409, True, True)
    assert RIGHT["note"] in page, "the words that count are read before it is pressed again"
    async with deps.db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(CitizenRating)) == 0
    await citizen.post("/citizen/case/rate", RATING | {"answer": citizen.hidden("answer")})
    assert "谢谢您的评价" in citizen.page


async def test_what_was_wrong_before_a_merge_does_not_come_back_with_it(
    citizen: Citizen, deps: Deps, reader: Reader
) -> None:
    await fed_back(citizen, deps, reader)
    await move(deps, Post.UNIT, Move.AMEND, **RIGHT)
    await move(deps, Post.HOTLINE, Move.SUPPLEMENT, lack="lack.evidence")
    own = (await ticket_of(deps)).no
    await citizen.report(**OTHER, manner="named")
    await read_all(deps, reader)
    async with deps.db.reads() as session:
        head = await session.scalar(sa.select(Ticket.no).where(Ticket.no != own))
    await track(citizen, own, PHONE)
    await move_of(deps, own, Post.HOTLINE, Move.MERGE, other_ticket=head or "", reason="同一处同一事项")
    page = await citizen.get("/citizen/case")
    assert ("同一件事" in page, RIGHT["note"] in page, FIRST["note"] in page) == (True, True, False)


async def test_what_is_sent_back_is_told_without_why(citizen: Citizen, deps: Deps, reader: Reader) -> None:
    await fed_back(citizen, deps, reader)
    await move(deps, Post.HOTLINE, Move.SUPPLEMENT, lack="lack.other", reason="内部的话：没有照片")
    page = await citizen.get("/citizen/case")
    assert ("请承办单位补充答复" in page, "内部的话" in page, "提交评价" in page) == (True, False, False)
    assert FIRST["note"] in page, "what was told stays told"
    # By when the rest is wanted is between desk and unit: the citizen reads the limit of before, and its why.
    assert ("最晚答复" in page, "已经超过时限" in page, "派单后有过改派、延期或重办" in page) == (
        True,
        False,
        False,
    )
    await move(deps, Post.UNIT, Move.FEEDBACK, **FIRST | {"note": "已停工，附照片"})
    page = await citizen.get("/citizen/case")
    assert ("已停工，附照片" in page, "后来更正过" in page) == (True, False)


async def test_what_is_sent_back_after_the_limit_is_not_late_for_whoever_has_an_answer(
    citizen: Citizen, deps: Deps, reader: Reader
) -> None:
    await fed_back(citizen, deps, reader)
    await move(deps, Post.HOTLINE, Move.SUPPLEMENT, lack="lack.evidence")
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Ticket).values(answer_by=deps.clock.now() - timedelta(hours=1)))
    page = await citizen.get("/citizen/case")
    assert ("最晚答复" in page, "已经超过时限" in page) == (False, False)


@pytest.mark.parametrize(("head", "words"), [("named", True), ("confidential", False)])
async def test_who_waits_behind_reads_the_newest_too(
    citizen: Citizen,
    deps: Deps,
    reader: Reader,
    head: str,
    words: bool,  # noqa: FBT001  (a table)
) -> None:
    first, _ = await joined(citizen, deps, reader, head=head, mine="named")
    await move_of(deps, first, Post.UNIT, Move.SIGN)
    await move_of(deps, first, Post.UNIT, Move.CONTACT, outcome="reached", told_citizen="phone")
    await move_of(deps, first, Post.UNIT, Move.FEEDBACK, **FIRST)
    await citizen.get("/citizen/case")
    await citizen.post("/citizen/case/rate", RATING)
    await move_of(deps, first, Post.UNIT, Move.AMEND, **RIGHT)
    page = await citizen.get("/citizen/case")
    assert (RIGHT["note"] in page, FIRST["note"] in page) == (words, False)
    assert "一起办理的工单：承办单位更正了答复" in page
    assert "不满意（说的是更正前的答复）" in page
    await move_of(deps, first, Post.FOLLOW_UP, Move.SUPPLEMENT, lack="lack.evidence")
    page = await citizen.get("/citizen/case")
    assert ("请承办单位补充答复" in page) is words
