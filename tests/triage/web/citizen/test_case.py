"""查进度: whose case is opened by what, what is told of it, and what its sender can do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from unittest.mock import AsyncMock

import pytest
import sqlalchemy as sa

from connectors.ports import StoreDown
from models.appeals import Appeal
from models.citizens import CitizenRating, CitizenWord
from models.files import Attachment
from models.filters import all_seeing
from models.tickets import Ticket, TicketEvent
from models.vocab import Move, Post, State
from tests import pictures
from tests.triage.web.citizen.conftest import GOOD, Citizen
from tests.triage.web.citizen.steps import PHONE, answered, contacted, move, move_of, ticket_of, track
from tests.triage.web.open311.conftest import read_all
from triage.rules.moves import Actor
from triage.services import attachments, moving
from triage.services.moving import Person, Wish

if TYPE_CHECKING:
    from nlp.pipeline import Reader
    from tests.triage.web.citizen.conftest import Clock
    from triage.services.deps import Deps


async def test_number_and_phone_open_it_and_nothing_else_does(
    citizen: Citizen, deps: Deps, reader: Reader
) -> None:
    await citizen.report()
    receipt = citizen.receipt
    await read_all(deps, reader)
    no = (await ticket_of(deps)).no
    await citizen.post("/citizen/leave", {})
    wrong = [
        (receipt, "13912340008"), (receipt, ""), ("W20261123-999999", PHONE), (receipt + "0", PHONE),
        (no, "1"),
        ("%00", "\0"), (receipt, "' or 1=1"),
    ]  # fmt: skip
    for number, secret in wrong:
        assert await track(citizen, number, secret) in {400, 403}
        assert (await citizen.client.get("/citizen/case", allow_redirects=False)).status == 303
    for number in (receipt, receipt.lower().replace("-", " "), receipt[1:].replace("-", ""), no):
        assert await track(citizen, number, "+86 139-1234-0007") == 200
        assert citizen.address == "/citizen/case"


async def test_an_anonymous_case_opens_by_its_code_alone(citizen: Citizen) -> None:
    await citizen.report(manner="anonymous")
    receipt, code = citizen.receipt, citizen.code
    assert await track(citizen, receipt, PHONE) == 403
    assert await track(citizen, receipt, code.lower()) == 200


async def test_guessing_ends_soon(citizen: Citizen, clock: Clock) -> None:
    await citizen.report()
    receipt = citizen.receipt
    told = [await track(citizen, receipt, f"139000000{n:02d}") for n in range(31)]
    assert told == [403] * 30 + [429]
    # Also for who knows the phone, until the hour is over.
    assert await track(citizen, receipt, PHONE) == 429
    clock.later(hours=1)
    assert await track(citizen, receipt, PHONE) == 200


async def test_what_was_taken_back_is_not_told(
    citizen: Citizen, deps: Deps, reader: Reader, clock: Clock
) -> None:
    await citizen.report()
    await read_all(deps, reader)
    clock.later(minutes=5)
    await contacted(deps)
    await move(deps, Post.UNIT, Move.HANDLE)
    assert "开始办理" in await citizen.get("/citizen/case")
    await move(deps, Post.UNIT, Move.UNDO, reason="写错了工单")
    page = await citizen.get("/citizen/case")
    assert ("开始办理" in page, "承办单位联系诉求人" in page) == (False, True)


async def test_a_merged_case_follows_the_one_it_was_merged_into(
    citizen: Citizen, deps: Deps, reader: Reader
) -> None:
    await citizen.report(text=GOOD["text"] + "另一家的邻居", name="赵大海", phone="13912340008")
    await read_all(deps, reader)
    head = await ticket_of(deps)
    await citizen.report()
    await read_all(deps, reader)
    async with deps.db.reads() as session:
        mine = (await session.scalars(sa.select(Ticket).order_by(Ticket.id.desc()))).first()
    assert mine is not None
    hotline = Person(Actor(Post.HOTLINE, None, "test:hotline"), "王经办")

    async def made(name: Move, version: int, **values: str) -> str:
        async with deps.db.writes.begin() as session:
            wish = Wish(mine.no, name, values, version, f"{name}-{version}")
            await moving.make(session, deps.tables, all_seeing("x"), hotline, wish, now=deps.clock.now())
        return await citizen.get("/citizen/case")

    page = await made(Move.MERGE, mine.version, other_ticket=head.no, reason="同一处同一事项")
    assert "已并入一起办理。那件工单现在：已派给承办单位，等对方签收。" in page
    assert ("最晚答复" in page, "这件诉求已经结束" in page) == (True, False)
    assert [words for words in (head.no, "另一家的邻居", "赵大海", "王经办") if words in page] == []
    await citizen.post("/citizen/case/add", {"key": "k" * 32, "text": "昨晚又响到三点"})
    await citizen.post("/citizen/case/urge", {"key": "u-" + "x" * 32})
    assert "已催办" in citizen.page
    for name, values in (
        (Move.SIGN, {}),
        (Move.CONTACT, {"outcome": "reached", "told_citizen": "phone"}),
        (Move.FEEDBACK, {"note": "已责令停工", "attachment": "照片 1 号", "told_citizen": "phone"}),
    ):
        await move_of(deps, head.no, Post.UNIT, name, **values)
    page = await citizen.get("/citizen/case")
    assert ("一起办理的工单：承办单位答复" in page, "<q>已责令停工</q>" in page) == (True, True)
    assert "昨晚又响到三点" not in re.sub(r'<p class="words">.*?</p>', "", page, flags=re.DOTALL)
    assert [words for words in (head.no, "另一家的邻居", "赵大海", "王经办") if words in page] == []
    await citizen.post("/citizen/case/rate", {"solved": "yes", "satisfaction": "satisfied"})
    assert ("提交评价" in citizen.page, "<p>满意 <small>" in citizen.page) == (False, True)
    async with deps.db.reads() as session:
        urged = await session.scalars(
            sa.select(TicketEvent.data)
            .join(Ticket, Ticket.id == TicketEvent.ticket_id)
            .where(Ticket.no == head.no, TicketEvent.tag == "ticket:urge")
            .order_by(TicketEvent.seq)
        )
        notes = [data["values"]["note"] for data in urged]
    assert notes == [
        f"诉求人网上补充（并入的工单 {mine.no}）：昨晚又响到三点",
        f"诉求人网上催办（并入的工单 {mine.no}）",
    ]
    async with deps.db.reads() as session:
        # The answer of the head was told on this one as well.
        version = await session.scalar(sa.select(Ticket.version).where(Ticket.no == mine.no))
    page = await made(Move.SPLIT, version or 0, reason="不是同一处")
    assert ("不再合并，单独办理" in page, "催一下" in page, "那件工单" in page) == (True, True, False)


async def test_a_case_closes_by_itself_and_a_forged_cookie_opens_none(citizen: Citizen, clock: Clock) -> None:
    await citizen.report()
    await citizen.get("/citizen/case")
    assert citizen.address == "/citizen/case"
    clock.later(minutes=31)
    await citizen.get("/citizen/case")
    assert citizen.address == "/citizen/track"
    citizen.client.session.cookie_jar.update_cookies({"jiesu_case": "AAAA" * 20})
    await citizen.get("/citizen/case")
    assert citizen.address == "/citizen/track"


async def test_a_life_is_told_without_names(
    citizen: Citizen, deps: Deps, reader: Reader, clock: Clock
) -> None:
    await citizen.report()
    await read_all(deps, reader)
    clock.later(minutes=5)
    await contacted(deps)
    await move(deps, Post.UNIT, Move.HANDLE, note="内部安排：王经办和赵队长今晚去")
    page = await citizen.get("/citizen/case")
    assert re.search(r"<h1>([^<]+)</h1>", page)[1] == "承办单位正在办理。"  # type: ignore[index]
    for words in (
        "派给承办单位：望京街道办事处",
        "承办单位签收",
        "最晚答复",
        "自然日",
        "依据：DB11/T 2021",
        "望京街道</dd>",
    ):
        assert words in page
    clock.later(minutes=5)
    await move(
        deps,
        Post.UNIT,
        Move.FEEDBACK,
        note="已责令工地夜间停工",
        attachment="照片 1 号",
        told_citizen="phone",
    )
    page = await citizen.get("/citizen/case")
    assert ("已责令工地夜间停工" in page, "承办单位已经答复" in page) == (True, True)
    assert [name for name in ("王经办", "赵队长", "test:unit", PHONE, "李小明") if name in page] == []


async def test_it_is_urged_once_for_each_form(citizen: Citizen, deps: Deps, reader: Reader) -> None:
    await citizen.report()
    assert "催一下" not in await citizen.get("/citizen/case")
    await read_all(deps, reader)
    await citizen.get("/citizen/case")
    key = re.findall(r'value="(u-[^"]+)"', citizen.page)[0]
    for _ in range(3):
        await citizen.post("/citizen/case/urge", {"key": key})
        assert "已催办" in citizen.page
    ticket = await ticket_of(deps)
    async with deps.db.reads() as session:
        event = (await session.scalars(sa.select(TicketEvent).where(TicketEvent.tag == "ticket:urge"))).one()
    assert (ticket.urges, event.data["values"]["note"]) == (1, "诉求人网上催办")
    for n in range(5):
        await citizen.post("/citizen/case/urge", {"key": f"u-{n}" * 9})
    assert (citizen.status, "提交太频繁" in citizen.page) == (429, True)


async def test_who_moved_it_meanwhile_is_not_told(
    citizen: Citizen, deps: Deps, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    await citizen.report()
    await read_all(deps, reader)
    await citizen.get("/citizen/case")

    async def moved(*_: object, **__: object) -> None:
        raise moving.Conflict([moving.Change(deps.clock.now(), "签收", "王经办")], 9)

    monkeypatch.setattr(moving, "make", moved)
    for path in ("add", "urge"):
        page = await citizen.post(f"/citizen/case/{path}", {"key": f"{path}-key", "text": "还在响"})
        assert (citizen.status, "请再按一次" in page, "王经办" in page) == (409, True, False)


async def test_what_is_added_is_masked_kept_once_and_told_to_the_unit(
    citizen: Citizen, deps: Deps, reader: Reader
) -> None:
    await citizen.report()
    await read_all(deps, reader)
    await citizen.get("/citizen/case")
    key = re.findall(r'name="key" value="([^u][^"]+)"', citizen.page)[-1]
    for _ in range(2):
        await citizen.post(
            "/citizen/case/add",
            {"key": key, "text": "昨晚又响到三点，打我电话 13800001111"},
            [("x.jpg", pictures.jpeg())],
        )
        assert "补充的内容已记下" in citizen.page
    async with deps.db.reads() as session:
        word = (await session.scalars(sa.select(CitizenWord))).one()
        event = (await session.scalars(sa.select(TicketEvent).where(TicketEvent.tag == "ticket:urge"))).one()
    assert ("13800001111" in word.text, "13800001111" in str(event.data)) == (False, False)
    assert event.data["values"]["note"].startswith("诉求人网上补充：昨晚又响到三点")
    assert word.original is not None
    assert "13800001111" in deps.vault.open(word.original, belongs_to=f"citizen_word:1:{key}")
    assert re.findall(r'src="(/citizen/files/\d+/thumb)"', citizen.page) == ["/citizen/files/1/thumb"]
    desk = await (await citizen.client.get(f"/desk/tickets/{(await ticket_of(deps)).no}/files")).text()
    assert "昨晚又响到三点" in desk
    for text in ("", "x" * 801):
        await citizen.post("/citizen/case/add", {"key": "k" * 32, "text": text})
        assert (citizen.status, text in citizen.page, "text" in citizen.faults) == (400, True, True)


async def test_one_form_brings_its_photos_once(citizen: Citizen, deps: Deps, reader: Reader) -> None:
    await citizen.report()
    await read_all(deps, reader)
    await citizen.get("/citizen/case")
    for n in range(3):
        picture = pictures.jpeg(40 + n, 30)
        await citizen.post("/citizen/case/add", {"key": "k" * 32, "text": "又响了"}, [("x.jpg", picture)])
        assert citizen.address == "/citizen/case?done=added"
    assert len(set(re.findall(r'src="(/citizen/files/\d+/thumb)"', citizen.page))) == 1
    for path in ("add", "urge"):
        await citizen.post(f"/citizen/case/{path}", {"key": "k\0", "text": "又响了"})
        assert (citizen.status, "页面已过期" in citizen.page) == (400, True)


async def test_photos_are_counted_before_they_cost_those_of_a_form_sent_again_too(
    citizen: Citizen, deps: Deps, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    await citizen.report()
    await read_all(deps, reader)
    await citizen.get("/citizen/case")
    decode = AsyncMock(return_value=())
    monkeypatch.setattr(attachments, "prepare_all", decode)
    statuses = []
    # Five additions an hour, three forms with photos for each; all but the first are sent again.
    for _ in range(16):
        fields = {"key": "k" * 32, "text": "又响了"}
        await citizen.post("/citizen/case/add", fields, [("x.jpg", pictures.jpeg())])
        statuses.append(citizen.status)
    assert statuses == [200] * 15 + [429]
    assert ("提交太频繁" in citizen.page, "又响了" in citizen.page, decode.await_count) == (True, True, 15)
    await citizen.post("/citizen/case/add", {"key": "m" * 32, "text": "不带照片照样能补充"})
    assert citizen.address == "/citizen/case?done=added"


async def test_ones_own_name_is_masked_in_what_is_said_later(
    citizen: Citizen, deps: Deps, reader: Reader
) -> None:
    await citizen.report(manner="confidential")
    await read_all(deps, reader)
    await citizen.get("/citizen/case")
    await citizen.post("/citizen/case/add", {"key": "k" * 32, "text": "我是李小明，昨晚又响了"})
    await answered(deps)
    await citizen.post(
        "/citizen/case/rate", {"solved": "no", "satisfaction": "dissatisfied", "note": "李小明再说一次"}
    )
    async with deps.db.reads() as session:
        word = (await session.scalars(sa.select(CitizenWord))).one()
        rating = (await session.scalars(sa.select(CitizenRating))).one()
        data = (await session.scalars(sa.select(TicketEvent.data))).all()
    assert (word.text, rating.note) == ("我是[姓名]，昨晚又响了", "李某再说一次")
    assert "李小明" not in str(data)


async def test_photos_are_shown_to_their_sender_alone(citizen: Citizen) -> None:
    await citizen.report(("x.jpg", pictures.jpeg()))
    assert (await citizen.client.get("/citizen/files/1")).status == 200
    await citizen.report()
    assert (await citizen.client.get("/citizen/files/1")).status == 404
    await citizen.get("/citizen/case")
    await citizen.post("/citizen/leave", {})
    assert (await citizen.client.get("/citizen/files/1/thumb")).status == 404


async def test_an_urge_does_not_stop_staff_from_taking_back(
    citizen: Citizen, deps: Deps, reader: Reader
) -> None:
    await citizen.report()
    await read_all(deps, reader)
    await move(deps, Post.UNIT, Move.SIGN)
    await citizen.get("/citizen/case")
    await citizen.post("/citizen/case/urge", {"key": "u-" + "x" * 32})
    await move(deps, Post.UNIT, Move.UNDO, reason="签错了工单")
    ticket = await ticket_of(deps)
    assert (ticket.state, ticket.urges) == ("dispatched", 1)
    page = await citizen.get("/citizen/case")
    assert ("承办单位签收</span>" in page, "催办 <small>已记 1 次" in page) == (False, True)


async def test_a_waiting_or_stuck_appeal_says_so(citizen: Citizen, deps: Deps) -> None:
    await citizen.report()
    assert "正在识别和分派" in await citizen.get("/citizen/case")
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Appeal).values(state="dead"))
    assert "工作人员会处理" in await citizen.get("/citizen/case")


@pytest.mark.parametrize("path", ["/citizen/case/add", "/citizen/case/urge", "/citizen/case/rate"])
async def test_without_an_open_case_nothing_is_done(citizen: Citizen, path: str) -> None:
    await citizen.get("/citizen/track")
    await citizen.post(path, {"key": "x" * 32, "text": GOOD["text"]})
    assert (citizen.status, "手机号或查询码" in citizen.page) == (403, True)


def test_every_state_has_words() -> None:
    """The words of the page know every state: a new one must not be shown as its key."""
    from triage.web.citizen import words  # noqa: PLC0415

    assert set(State) - set(words._STATES) == set()


async def test_what_was_answered_at_once_is_read_by_number_until_it_is_taken_back(
    citizen: Citizen, deps: Deps, reader: Reader
) -> None:
    await citizen.report(text="请问望京街道夜间施工要办什么证明，在哪里办？")
    await read_all(deps, reader)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Ticket).values(appeal_type="咨询"))
    assert (await ticket_of(deps)).state == State.REVIEW, "a question that waits for a clerk"
    words = "夜间施工证明由街道受理，工作日上午可查。" * 30
    await move(deps, Post.HOTLINE, Move.ANSWER_NOW, note=words, told_citizen="web")
    page = await citizen.get("/citizen/case")
    assert "已当场答复，不再派单" in page
    assert words in page, "the whole of it: it is all there is"
    assert ("最晚答复" in page, "王经办" in page) == (False, False)
    await move(deps, Post.HOTLINE, Move.ACCEPT, reason="诉求人还有一处要问")
    page = await citizen.get("/citizen/case")
    assert ("已当场答复，不再派单" in page, words in page) == (False, True)


async def test_photos_that_cannot_be_kept_cost_no_words(
    citizen: Citizen, deps: Deps, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await citizen.report()
    await citizen.get("/citizen/case")
    key = citizen.hidden("key")
    addition = {"key": key, "text": "昨晚又响到三点", "case": citizen.hidden("case")}
    with monkeypatch.context() as broken:
        broken.setattr(attachments, "store_all", AsyncMock(side_effect=StoreDown("full")))
        await citizen.post("/citizen/case/add", addition, [("a.jpg", pictures.jpeg())])
    assert (citizen.status, set(citizen.faults)) == (503, {"files"})
    assert ["昨晚又响到三点" in citizen.page, citizen.hidden("key") == key] == [True, True]
    assert "file_store_down" in caplog.text
    # The same form, once the store is there again.
    await citizen.post("/citizen/case/add", addition, [("a.jpg", pictures.jpeg())])
    async with deps.db.reads() as session:
        assert len(list(await session.scalars(sa.select(CitizenWord)))) == 1
        assert await session.scalar(sa.select(sa.func.count()).select_from(Attachment)) == 1
