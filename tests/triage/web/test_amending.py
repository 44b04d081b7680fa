"""更正反馈 and 退回补充 over HTTP: forms without a script, what the page shows, who is refused."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from aiohttp import FormData

from models.files import Attachment
from models.tickets import TicketEvent
from models.vocab import Move, Tag
from models.vocab_staff import Role
from tests.factories import TicketIn, add_tickets
from tests.triage.services.test_moving import REACHED
from tests.triage.web.test_evidence import photo
from tests.triage.web.test_moves import SAME_SITE, form_of, post, stored
from triage.services import reference
from triage.services.repeats.comparing import Part, differences
from triage.settings import Settings
from triage.web import answers_box

if TYPE_CHECKING:
    from pathlib import Path

    from tests.triage.web.conftest import Client, ClientOf
    from triage.services.deps import Deps

WANGJING, OTHER = "110105026", "110105023"
FIRST = {"note": "已责令夜间停工并补办手续", "attachment": "照片 1", "told_citizen": "phone"}
AS_UNIT = {"post": "unit", "unit": WANGJING}
AMEND = {"note": "已责令 22 时以后停工并补办手续", "reason": "时间写错了"}


@pytest.fixture
def deps(deps: Deps, tmp_path: Path) -> Deps:
    return replace(deps, settings=Settings(files_dir=tmp_path / "files"))


async def answered(client_of: ClientOf, deps: Deps, **more: Any) -> tuple[str, Client]:  # noqa: ANN401
    """A ticket that its unit answered, and a browser of the unit."""
    (no,) = await add_tickets(deps.db, TicketIn(age=timedelta(0), assist=(), copies=(), **more))
    await reference.sync(deps)
    street = await client_of(Role.STREET, unit=WANGJING)
    for version, (move, values) in enumerate(
        (("sign", {}), ("contact", REACHED), ("feedback", FIRST)), start=1
    ):
        body = {"move": move, "version": version, "as": AS_UNIT, "values": values}
        assert (await post(street, no, body, key=f"{move}-1")).status == 200
    return no, street


async def page_of(client: Client, no: str) -> str:
    return await (await client.get(f"/desk/tickets/{no}")).text()


async def amended(street: Client, no: str, version: int, **values: str) -> None:
    body = {"move": "amend", "version": version, "as": AS_UNIT, "values": AMEND | values}
    assert (await post(street, no, body, key=f"a-{version}")).status == 200


def open_form(page: str, move: str) -> str:
    found = re.search(rf'<details class="move[^>]*id="move-{move}".*?</details>', page, re.DOTALL)
    assert found is not None
    return found[0]


async def test_the_unit_s_form_begins_with_what_it_said_and_is_sent_without_a_script(
    client_of: ClientOf, deps: Deps
) -> None:
    no, street = await answered(client_of, deps)
    page = await page_of(street, no)
    form = open_form(page, "amend")
    assert re.search(rf'<textarea id="amend-note"[^>]*>{FIRST["note"]}</textarea>', form)
    assert ('id="move-supplement"' in page, 'id="answers"' in page) == (False, False)
    hidden = await form_of(street, no, "amend")
    answer = await street.post(f"/desk/tickets/{no}/moves", data={**hidden, **AMEND}, headers=SAME_SITE)
    text = await answer.text()
    assert (answer.status, "已更正反馈" in text) == (200, True)
    assert (await stored(deps.db, no)).state == "feedback"
    # The newest first, what changed marked, the first kept as 已更正.
    box = text[text.index('id="answers"') : text.index("c-text")]
    assert "更正 1 次" in box
    assert box.index("更正反馈</b>") < box.index("以前的 1 份") < box.index('<span class="tag">已更正</span>')
    assert '<mark class="own"> 22 时以后</mark>' in box
    assert '<mark class="own">夜间</mark>' in box
    assert "为什么更正：时间写错了" in box


async def test_nothing_changed_is_refused_beside_the_field_and_what_was_typed_stays(
    client_of: ClientOf, deps: Deps
) -> None:
    no, street = await answered(client_of, deps)
    hidden = await form_of(street, no, "amend")
    sent = {**hidden, "note": FIRST["note"], "reason": "漏了照片，后补"}
    answer = await street.post(f"/desk/tickets/{no}/moves", data=sent, headers=SAME_SITE)
    text = await answer.text()
    assert "没有更正的内容" in text
    assert re.search(r'<textarea id="amend-note"[^>]*aria-invalid="true"', text)
    assert "漏了照片，后补" in open_form(text, "amend")


async def test_a_forgotten_photo_is_evidence_of_the_amendment(client_of: ClientOf, deps: Deps) -> None:
    no, street = await answered(client_of, deps)
    hidden = await form_of(street, no, "amend")
    form = FormData()
    for name, value in {**hidden, "note": FIRST["note"], "reason": "漏了现场照片"}.items():
        form.add_field(name, value)
    form.add_field("files", photo(90), filename="a.jpg", content_type="image/jpeg")
    answer = await street.post(f"/desk/tickets/{no}/moves", data=form, headers=SAME_SITE)
    assert (answer.status, "已更正反馈" in await answer.text()) == (200, True)
    async with deps.db.reads() as session:
        seq = await session.scalar(sa.select(TicketEvent.seq).where(TicketEvent.tag == Tag.AMEND.value))
        files = list(await session.scalars(sa.select(Attachment.event_seq)))
    assert files == [seq]


async def test_the_desk_sends_back_with_a_reason_from_the_table(client_of: ClientOf, deps: Deps) -> None:
    no, street = await answered(client_of, deps)
    caller = await client_of(Role.FOLLOW_UP)
    form = open_form(await page_of(caller, no), "supplement")
    select = re.search(r'<select id="supplement-lack".*?</select>', form, re.DOTALL)
    assert select is not None
    titles = re.findall(r">([^<]+)</option>", select[0])
    assert titles == ["请选择", "未说明办理情况", "未附佐证", "未双向反馈", "答非所问", "其他"]
    hidden = await form_of(caller, no, "supplement")
    for sent, said, at in (
        ({"lack": ""}, "必须写明反馈缺什么", "select"),
        ({"lack": "lack.other"}, "请写明反馈还缺什么", "textarea"),
    ):
        answer = await caller.post(f"/desk/tickets/{no}/moves", data={**hidden, **sent}, headers=SAME_SITE)
        text = await answer.text()
        assert said in text
        assert re.search(rf'<{at} id="supplement-[a-z]+"[^>]*aria-invalid="true"', text)
    sent = {**hidden, "lack": "lack.other", "reason": "没有说清停工到几时"}
    answer = await caller.post(f"/desk/tickets/{no}/moves", data=sent, headers=SAME_SITE)
    text = await answer.text()
    assert ("已退回补充" in text, 'id="move-undo"' in text) == (True, True)
    assert "反馈缺什么：其他；理由：没有说清停工到几时；待回访 → 办理中" in text
    page = await page_of(street, no)
    assert '<span class="tag">退回补充：其他</span>' in page
    assert "<p><b>退回时写明：</b>没有说清停工到几时</p>" in page
    # What it said stands in the form, to be completed; it can neither be extended nor put on the ledger.
    assert FIRST["note"] in open_form(page, "feedback")
    assert ('id="move-extend_ask"' in page, 'id="move-ledger_ask"' in page) == (False, False)


@pytest.mark.parametrize(
    ("move", "role", "unit", "acts", "status"),
    [
        (Move.AMEND, Role.STREET, WANGJING, AS_UNIT, 200),
        (Move.AMEND, Role.STREET, OTHER, {"post": "unit", "unit": OTHER}, 404),
        (Move.AMEND, Role.CLERK, None, {"post": "hotline"}, 422),
        (Move.AMEND, Role.CLERK, None, AS_UNIT, 403),
        (Move.AMEND, Role.FOLLOW_UP, None, {"post": "follow_up"}, 422),
        (Move.SUPPLEMENT, Role.FOLLOW_UP, None, {"post": "follow_up"}, 200),
        (Move.SUPPLEMENT, Role.CLERK, None, {"post": "hotline"}, 200),
        (Move.SUPPLEMENT, Role.STREET, WANGJING, AS_UNIT, 422),
        (Move.SUPPLEMENT, Role.STREET, WANGJING, {"post": "hotline"}, 403),
        (Move.SUPPLEMENT, Role.SUPERVISOR, None, {"post": "supervisor"}, 422),
    ],
)
async def test_who_may(  # noqa: PLR0917  (a table)
    client_of: ClientOf,
    deps: Deps,
    move: Move,
    role: Role,
    unit: str | None,
    acts: dict[str, str],
    status: int,
) -> None:
    no, _ = await answered(client_of, deps)
    who = await client_of(role, unit=unit, login="somebody")
    values = {Move.AMEND: AMEND, Move.SUPPLEMENT: {"lack": "lack.evidence"}}[move]
    body = {"move": move.value, "version": 4, "as": acts, "values": values}
    assert (await post(who, no, body)).status == status


async def test_of_a_confidential_case_its_unit_and_the_desk_alone_see_and_move(
    client_of: ClientOf, deps: Deps
) -> None:
    no, street = await answered(client_of, deps, confidential=True)
    other = await client_of(Role.STREET, unit=OTHER)
    body = {"move": "amend", "version": 4, "as": {"post": "unit", "unit": OTHER}, "values": AMEND}
    assert (await post(other, no, body)).status == 404
    await amended(street, no, 4)
    assert "更正 1 次" in await page_of(street, no)
    assert (await other.get(f"/desk/tickets/{no}")).status == 404


@pytest.mark.parametrize("move", ["amend", "supplement"])
async def test_neither_is_made_of_many_at_once(client_of: ClientOf, deps: Deps, move: str) -> None:
    no, _ = await answered(client_of, deps)
    clerk = await client_of(Role.CLERK)
    body = {"move": move, "tickets": [no], "values": {"lack": "lack.evidence"}, "as": {"post": "hotline"}}
    answer = await clerk.post("/api/v1/bulk", json=body, headers={"Idempotency-Key": "b1"})
    assert (answer.status, "不能批量办理" in await answer.text()) == (400, True)


async def test_by_json_the_options_are_told_and_versions_compared(client_of: ClientOf, deps: Deps) -> None:
    no, street = await answered(client_of, deps)
    clerk = await client_of(Role.CLERK)
    items = (await (await clerk.get(f"/api/v1/tickets/{no}/moves?post=hotline")).json())["items"]
    (found,) = [item for item in items if item["move"]["code"] == "supplement"]
    (lack,) = [field for field in found["fields"] if field["name"] == "lack"]
    assert (lack["kind"], lack["required"]) == ("choice", True)
    assert {"code": "lack.evidence", "label": "未附佐证"} in lack["options"]
    await amended(street, no, 4)
    body = {
        "move": "supplement",
        "version": 4,
        "as": {"post": "hotline"},
        "values": {"lack": "lack.evidence"},
    }
    answer = await post(clerk, no, body)
    assert (answer.status, "更正反馈" in await answer.text()) == (409, True)


async def test_the_box_shows_all_rounds_and_takes_in_what_was_undone(client_of: ClientOf, deps: Deps) -> None:
    no, street = await answered(client_of, deps)
    caller = await client_of(Role.FOLLOW_UP)
    as_caller = {"post": "follow_up"}
    back = {"move": "supplement", "version": 4, "as": as_caller, "values": {"lack": "lack.told"}}
    assert (await post(caller, no, back, key="s1")).status == 200
    undo = {"move": "undo", "version": 5, "as": as_caller, "values": {"reason": "其实告知过了"}}
    assert (await post(caller, no, undo, key="u1")).status == 200
    assert 'id="answers"' not in await page_of(caller, no)
    await amended(street, no, 6)
    await amended(street, no, 7, note="<b>已停工</b> 13912340007")
    page = await page_of(caller, no)
    assert "更正 2 次" in page
    assert "以前的 2 份" in page
    assert ("<b>已停工</b>" in page, "13912340007" in page) == (False, False)


async def test_only_the_newest_two_are_compared_and_not_on_the_loop(
    client_of: ClientOf, deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    no, street = await answered(client_of, deps)
    for version in range(4, 7):
        await amended(street, no, version, note=f"已责令停工，第 {version} 次到场")
    seen: list[tuple[str, bool]] = []

    def compared(one: str, other: str, *, most: int) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
        seen.append((one, threading.current_thread() is threading.main_thread()))
        return differences(one, other, most=most)

    monkeypatch.setattr(answers_box, "differences", compared)
    page = await page_of(street, no)
    assert seen == [("已责令停工，第 5 次到场", False)]
    assert page.count('<mark class="own">') == 2


async def test_words_made_to_be_slow_are_shown_unmarked(client_of: ClientOf, deps: Deps) -> None:
    no, street = await answered(client_of, deps)
    periods = ["".join(chr(0x4E00 + at * step % 10) for at in range(1_000)) for step in (1, 7)]
    for version, words in enumerate(periods, start=4):
        await amended(street, no, version, note=words)
    page = await page_of(street, no)
    assert (periods[0] in page, periods[1] in page, '<mark class="own">' in page) == (True, True, False)
