"""回访台: who has withdrawn (撤诉), and the newest words of an answer; what both are while somebody rings."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.citizens import RateCount
from models.files import Attachment
from models.tickets import Ticket, TicketEvent
from models.vocab import Move, State, Tag
from models.vocab_citizen import Asked
from models.vocab_ledger import LedgerAct
from tests.factories import TicketIn
from tests.triage.services.repeats.test_following import act, answered, merged
from tests.triage.services.test_moving import CALLER, HOTLINE, STREET, ready, row
from tests.triage.web.desks.calls.conftest import DESK, LATER, PHONE, opened, phone, sent
from tests.triage.web.test_dead import form_of, origin
from tests.written import written
from triage.rules.fields import Refusal
from triage.services import limiting

if TYPE_CHECKING:
    from tests.triage.web.conftest import Client
    from triage.services.deps import Deps

BY = {"withdrawn_by": "caller", "withdrawn_why": "solved", "note": "诉求人来电说已经解决"}


@pytest.fixture
async def pair(deps: Deps) -> list[str]:
    """An answered case, and one that waits behind it; both with a phone."""
    head, one = await ready(deps.db, deps.tables, TicketIn(), TicketIn())
    await merged(deps.db, one, head)
    await answered(deps.db, head)
    for no in (head, one):
        await phone(deps, no)
    return [head, one]


async def test_who_has_withdrawn_is_rung_no_more(anne: Client, deps: Deps, pair: list[str]) -> None:
    head, one = pair
    _, page = await opened(anne, f"{DESK}/{head}")
    token = form_of(page)
    await act(deps.db, head, HOTLINE, Move.WITHDRAW, BY, at=LATER)
    _, page = await opened(anne, f"{DESK}/{head}")
    assert "诉求人已撤诉，不再回访" in page
    assert "待回访”" not in page
    for part in ('id="look"', 'id="result"', 'id="after"', "拨打"):
        assert part not in page
    data = {**token, "words": "回访办理结果"}
    answer = await anne.post(f"{DESK}/{head}/phone", data=data, headers=origin(anne))
    assert answer.status == 409
    wish = {"at": "2026-11-24T17:00:00+08:00", "seen": None}
    answer = await anne.post(f"/api/v1/tickets/{head}/call-after", json=wish)
    assert (answer.status, (await answer.json())["code"]) == (422, "not_to_follow")
    assert 'call-after">' not in (await opened(anne, f"/desk/tickets/{head}"))[1]
    assert "诉求人已撤诉" in (await opened(anne, f"/desk/tickets/{head}/call-after"))[1]
    # Who waits behind is rung as before.
    assert (await opened(anne))[0] == f"{DESK}/{one}"
    await act(deps.db, head, HOTLINE, Move.TAKE_UP, {"reason": "诉求人又来电要求办"}, at=LATER)
    assert 'id="look"' in (await opened(anne, f"{DESK}/{head}"))[1]


async def test_a_look_more_at_one_case_is_written_down_and_not_counted(
    anne: Client, deps: Deps, pair: list[str]
) -> None:
    here = f"{DESK}/{pair[0]}"
    _, page = await opened(anne, here)
    _, _, page = await sent(anne, page, f"{here}/phone", "look", words="回访办理结果")
    assert f"tel:{PHONE}" in page
    # A result, and a time, that are not taken leave the number where it was.
    _, _, page = await sent(anne, page, here, "result", outcome="reached")
    assert f"tel:{PHONE}" in page
    _, _, page = await sent(anne, page, f"{here}/after", "after", at="", words="")
    assert f"tel:{PHONE}" in page
    assert len(await written(deps, LedgerAct.REVEALED)) == 3
    async with deps.db.reads() as session:
        assert list(await session.scalars(sa.select(RateCount.times))) == [1]
    # Who did not look is shown nothing, whatever their form says.
    there = f"{DESK}/{pair[1]}"
    _, page = await opened(anne, there)
    _, _, page = await sent(anne, page, there, "result", outcome="reached", shown="回访办理结果")
    assert PHONE not in page


async def test_the_looks_of_whoever_rings_have_a_rate_of_their_own(
    anne: Client, deps: Deps, pair: list[str]
) -> None:
    async with deps.db.writes.begin() as session:
        for _ in range(deps.tables.reveals.rate(LATER).most):
            await limiting.count(session, deps.vault, Asked.REVEAL, "anne", most=999, now=LATER)
    here = f"{DESK}/{pair[0]}"
    _, page = await opened(anne, here)
    assert f"tel:{PHONE}" in (await sent(anne, page, f"{here}/phone", "look", words="回访办理结果"))[2]


async def test_it_says_from_when_a_call_in_vain_may_be_written_again(
    anne: Client, deps: Deps, pair: list[str]
) -> None:
    head, _ = pair
    before = LATER - timedelta(hours=1)
    await act(deps.db, head, CALLER, Move.FOLLOW_UP, {"outcome": "unreachable"}, at=before)
    _, page = await opened(anne, f"{DESK}/{head}")
    assert "2026-11-24 13:00 以前没打通的不能记“未接通”" in page


BETTER = {"note": "已到现场处理，围挡已复原", "reason": "漏写了围挡的情况"}
LACKS = {"lack": "lack.evidence", "reason": "没有现场照片"}


async def file_of(deps: Deps, no: str, tag: Tag) -> None:
    """An attachment of the last such event."""
    async with deps.db.writes.begin() as session:
        ticket = (await session.scalars(sa.select(Ticket).where(Ticket.no == no))).one()
        seq = await session.scalar(
            sa.select(sa.func.max(TicketEvent.seq)).where(
                TicketEvent.ticket_id == ticket.id, TicketEvent.tag == tag.value
            )
        )
        sha = f"{seq:064d}"
        session.add(
            Attachment(
                appeal_id=ticket.appeal_id, owner="event", event_seq=seq, sha256=sha, size=1,
                media_type="image/png", name="a.png", by="local", at=LATER,
            )
        )  # fmt: skip


async def test_the_newest_words_are_read_to_the_citizen(anne: Client, deps: Deps, pair: list[str]) -> None:
    head, one = pair
    await file_of(deps, head, Tag.FEEDBACK)
    await act(deps.db, head, STREET, Move.AMEND, BETTER, at=LATER)
    await file_of(deps, head, Tag.AMEND)
    for no in (head, one):
        _, page = await opened(anne, f"{DESK}/{no}")
        assert "围挡已复原" in page
        assert "更正过 1 次" in page
        # Of the whole round.
        assert "照片、附件 2 个" in page
    _, page = await opened(anne, f"{DESK}/{head}")
    assert f'id="send-back" href="/desk/tickets/{head}#move-supplement"' in page


async def test_while_somebody_rings_the_answer_is_not_changed_by_others(
    anne: Client, deps: Deps, pair: list[str]
) -> None:
    head, one = pair
    # Who waits behind is being rung: of the same answer.
    await opened(anne, f"{DESK}/{one}")
    for who, move, values in ((STREET, Move.AMEND, BETTER), (CALLER, Move.SUPPLEMENT, LACKS)):
        with pytest.raises(Refusal, match=r"anne在回访台开着这张.*最晚到 10:10"):
            await act(deps.db, head, who, move, values, at=LATER)
    await act(deps.db, head, STREET, Move.AMEND, BETTER, at=LATER + timedelta(minutes=10))
    # Whoever rings may send it back themselves.
    await opened(anne, f"{DESK}/{head}")
    with pytest.raises(Refusal, match="anne在回访台"):
        await act(deps.db, head, CALLER, Move.SUPPLEMENT, LACKS, at=LATER)
    form = {"move": "supplement", **LACKS, "version": str((await row(deps.db, head)).version), "key": "own"}
    _, page = await opened(anne, f"/desk/tickets/{head}")
    answer = await anne.post(
        f"/desk/tickets/{head}/moves", data={**form_of(page), **form}, headers=origin(anne)
    )
    assert answer.status == 200
    assert (await row(deps.db, head)).state == State.HANDLING
