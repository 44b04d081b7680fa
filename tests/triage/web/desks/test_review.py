"""审核台: which ticket is given to whom, what one form does, what stands beside it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models import holding
from models.appeals import Appeal
from models.corrections import Correction
from models.filters import all_seeing
from models.holding import ReviewHold
from models.matters import MatterKey
from models.tickets import Ticket, TicketEvent
from models.vocab import State
from tests.factories import NOW, TicketIn, add_tickets
from tests.triage.web.desks.conftest import waiting
from triage.services import reference
from triage.services.correcting import correct
from triage.web.desks.review import HOLD

if TYPE_CHECKING:
    from models.db import Database
    from tests.triage.web.conftest import Client
    from triage.services.deps import Deps


async def opened(client: Client, path: str = "/desk/review") -> tuple[str, str]:
    """The address a page is at in the end, and the page."""
    answer = await client.get(path)
    return answer.url.path, await answer.text()


def form_of(page: str) -> dict[str, str]:
    found = page.partition('id="decide"')[2].partition("</form>")[0]
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', found))


async def states(db: Database, numbers: list[str]) -> list[str]:
    async with db.reads() as session:
        rows = await session.execute(sa.select(Ticket.no, Ticket.state))
        known = {row.no: row.state for row in rows}
    return [known[no] for no in numbers]


async def test_the_most_pressing_is_given_and_the_next_clerk_is_given_another(
    client: Client, deps: Deps, numbers: list[str]
) -> None:
    assert (await opened(client))[0] == f"/desk/review/{numbers[1]}"
    # The same clerk is given the same again; who skips it, the next.
    assert (await opened(client))[0] == f"/desk/review/{numbers[1]}"
    assert (await opened(client, f"/desk/review?but={numbers[1]}"))[0] == f"/desk/review/{numbers[2]}"
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(ReviewHold).values(by="local:somebody"))
    assert (await opened(client))[0] == f"/desk/review/{numbers[0]}"
    _, page = await opened(client, f"/desk/review/{numbers[1]}")
    assert "别的坐席刚打开了这张工单" in page
    # Nobody keeps a ticket for ever.
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(ReviewHold).values(until=NOW))
    assert (await opened(client))[0] == f"/desk/review/{numbers[1]}"


async def test_one_of_two_is_faster(db: Database, numbers: list[str]) -> None:
    del numbers
    async with db.writes.begin() as session:
        assert await holding.hold(session, 1, "a", now=NOW, span=HOLD)
        assert not await holding.hold(session, 1, "b", now=NOW, span=HOLD)
        assert await holding.hold(session, 1, "a", now=NOW, span=HOLD)
        assert await holding.hold(session, 1, "b", now=NOW + HOLD, span=HOLD)


async def test_what_was_skipped_is_anybody_s_and_the_one_being_read_is_not(
    client: Client, deps: Deps, numbers: list[str]
) -> None:
    await opened(client)
    skipped, read = numbers[1], numbers[2]
    await opened(client, f"/desk/review?but={skipped}")
    await opened(client, f"/desk/review?but={read}&but={skipped}")
    async with deps.db.reads() as session:
        held = await session.scalars(
            sa.select(Ticket.no).join(ReviewHold, ReviewHold.ticket_id == Ticket.id).order_by(Ticket.id)
        )
        assert sorted(held) == sorted([numbers[0], read])


async def test_a_decision_lets_go_of_its_ticket_and_of_no_other(db: Database, numbers: list[str]) -> None:
    async with db.writes.begin() as session:
        for ticket_id in (1, 2):
            assert await holding.hold(session, ticket_id, "a", now=NOW, span=HOLD)
        assert await holding.hold(session, 3, "b", now=NOW - HOLD, span=HOLD)
        await holding.release(session, numbers[0], now=NOW)
        assert list(await session.scalars(sa.select(ReviewHold.ticket_id))) == [2]


async def test_what_the_model_holds_likely_is_a_key_away_with_its_units(
    client: Client, numbers: list[str]
) -> None:
    _, page = await opened(client, f"/desk/review/{numbers[0]}")
    likely = re.findall(r'value="([^"]+)" data-key="(\d)" data-unit="([^"]*)"[^>]*?( checked)?>', page)
    assert [(code, key, bool(checked)) for code, key, _, checked in likely] == [
        ("NOI-01", "1", True), ("NOI-02", "2", False), ("AIR-01", "3", False)
    ]  # fmt: skip
    assert [unit for _, _, unit, _ in likely[:2]] == ["望京街道办事处", "朝阳区生态环境局"]
    assert re.search(r'data-kinds="NOI-01" open><summary>夜间施工', page)
    assert re.search(r'data-kinds="NOI-07" hidden><summary>装修', page)


async def test_another_kind_has_its_own_units(client: Client, numbers: list[str]) -> None:
    place = f"/desk/review/{numbers[0]}/units"
    assert (await (await client.get(f"{place}?kind=NOI-02")).json())["unit"] == "朝阳区生态环境局"
    assert (await client.get(f"{place}?kind=nothing")).status == 400
    assert (await client.get("/desk/review/20261123-99999999/units?kind=NOI-02")).status == 404


async def test_a_corrected_place_has_its_own_units(client: Client, deps: Deps, numbers: list[str]) -> None:
    async with deps.db.writes.begin() as session:
        await correct(session, deps.tables, all_seeing("local"), numbers[0], {"place": "110108022"}, at=NOW)
    _, page = await opened(client, f"/desk/review/{numbers[0]}")
    units = re.findall(r'data-key="\d" data-unit="([^"]*)"', page)
    assert units[:2] == ["上地街道办事处", "海淀区生态环境局"]
    assert 'value="上地街道办事处"' in page.partition('id="review-unit"')[2].partition(">")[0]
    asked = await client.get(f"/desk/review/{numbers[0]}/units?kind=NOI-02")
    assert (await asked.json())["unit"] == "海淀区生态环境局"
    # The ticket's page and the API propose the same.
    page = await (await client.get(f"/desk/tickets/{numbers[0]}")).text()
    assert 'value="上地街道办事处"' in page.partition('id="dispatch-unit"')[2].partition(">")[0]
    found = await (await client.get(f"/api/v1/tickets/{numbers[0]}/moves?post=hotline")).json()
    (dispatch,) = [item for item in found["items"] if item["move"]["code"] == "dispatch"]
    assert [f["value"] for f in dispatch["fields"] if f["name"] == "unit"] == ["上地街道办事处"]


async def test_a_corrected_kind_is_proposed_to_its_own_unit(
    client: Client, deps: Deps, numbers: list[str]
) -> None:
    async with deps.db.writes.begin() as session:
        await correct(session, deps.tables, all_seeing("local"), numbers[0], {"kind": "NOI-02"}, at=NOW)
    _, page = await opened(client, f"/desk/review/{numbers[0]}")
    assert 'value="朝阳区生态环境局"' in page.partition('id="review-unit"')[2].partition(">")[0]
    page = await (await client.get(f"/desk/tickets/{numbers[0]}")).text()
    assert 'value="朝阳区生态环境局"' in page.partition('id="dispatch-unit"')[2].partition(">")[0]


async def test_the_address_tells_the_situation_of_a_corrected_kind(
    client: Client, deps: Deps, numbers: list[str]
) -> None:
    async def unit_of() -> str:
        _, page = await opened(client, f"/desk/review/{numbers[0]}")
        return page.partition('id="review-unit"')[2].partition(">")[0]

    async with deps.db.writes.begin() as session:
        await correct(session, deps.tables, all_seeing("local"), numbers[0], {"kind": "AIR-11"}, at=NOW)
    before = await unit_of()
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Appeal).values(address="望京垃圾转运站东侧"))
    assert await unit_of() != before


async def test_what_is_no_environmental_matter_is_proposed_to_nobody(
    client: Client, deps: Deps, numbers: list[str]
) -> None:
    async with deps.db.writes.begin() as session:
        await correct(
            session, deps.tables, all_seeing("local"), numbers[0], {"environmental": "false"}, at=NOW
        )
    _, page = await opened(client, f"/desk/review/{numbers[0]}")
    assert 'value=""' in page.partition('id="review-unit"')[2].partition(">")[0]


async def test_a_changed_kind_is_a_correction_and_the_ticket_goes_on(
    client: Client, deps: Deps, numbers: list[str]
) -> None:
    _, page = await opened(client)
    form = form_of(page)
    sent = {**form, "kind": "NOI-02", "urgency": "U2", "unit": "朝阳区生态环境局", "assist": ""}
    answer = await client.post(f"/desk/review/{numbers[1]}", data=sent)
    assert answer.url.path == f"/desk/review/{numbers[2]}"
    assert f"{numbers[1]}</a> 已派单。这是下一张。" in await answer.text()
    async with deps.db.reads() as session:
        ticket = (await session.scalars(sa.select(Ticket).where(Ticket.no == numbers[1]))).one()
        kept = (await session.execute(sa.select(Correction.field, Correction.old, Correction.new))).all()
        holds = list(await session.scalars(sa.select(ReviewHold.ticket_id)))
    assert (ticket.state, ticket.unit_code, ticket.urgency) == ("dispatched", "110105-ecology", "U2")
    assert [tuple(row) for row in kept] == [("kind", "NOI-01", "NOI-02"), ("urgency", "U3", "U2")]
    assert holds == [3]
    # Sent twice, done once.
    again = await client.post(f"/desk/review/{numbers[1]}", data=sent)
    assert again.status == 200
    async with deps.db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(Correction)) == 2


@pytest.mark.parametrize(("chosen", "kept"), [("U2", []), ("U1", [("urgency", "U3", "U1")])])
async def test_a_grade_that_a_rule_raised_is_no_correction_of_the_clerk(
    client: Client, deps: Deps, numbers: list[str], chosen: str, kept: list[tuple[str, str, str]]
) -> None:
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Ticket).where(Ticket.no == numbers[1]).values(urgency="U2"))
    _, page = await opened(client)
    # Refused once: the form that comes back still knows what the ticket's grade was.
    sent = {**form_of(page), "kind": "NOI-01", "urgency": chosen, "unit": ""}
    again = await (await client.post(f"/desk/review/{numbers[1]}", data=sent)).text()
    await client.post(f"/desk/review/{numbers[1]}", data={**sent, **form_of(again), "unit": "望京街道办事处"})
    async with deps.db.reads() as session:
        rows = await session.execute(sa.select(Correction.field, Correction.old, Correction.new))
        assert [tuple(row) for row in rows] == kept
    assert await states(deps.db, numbers[1:2]) == ["dispatched"]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"unit": "没有这个单位"}, "没有这个单位"),
        ({"unit": ""}, "承办单位"),
        ({"kind": "X"}, "污染种类"),
        ({"version": "7"}, "又有变化"),
    ],
)
async def test_a_refusal_changes_nothing_and_keeps_what_was_typed(
    client: Client, deps: Deps, numbers: list[str], changed: dict[str, str], told: str
) -> None:
    _, page = await opened(client)
    sent = {
        **form_of(page),
        "kind": "NOI-01",
        "urgency": "U3",
        "unit": "望京街道办事处",
        "note": "请尽快",
        **changed,
    }
    answer = await client.post(f"/desk/review/{numbers[1]}", data=sent)
    text = await answer.text()
    assert answer.status in {400, 409, 422}
    assert told in re.sub(r"<script.*?</script>", "", text)
    assert ">请尽快</textarea>" in text
    assert await states(deps.db, numbers[:3]) == ["review"] * 3
    async with deps.db.reads() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(Correction)) == 0


def as_it_stands(page: str) -> dict[str, str]:
    """What a browser sends when nothing is touched."""
    return {
        **form_of(page),
        "kind": re.findall(r'name="kind" value="([^"]+)"[^>]*checked', page)[0],
        "urgency": re.findall(r'<option value="(U\d)" selected', page)[0],
        "unit": re.findall(r'id="review-unit" name="unit" value="([^"]*)"', page)[0],
        "assist": re.findall(r'id="review-assist" name="assist" value="([^"]*)"', page)[0],
        "note": re.findall(r'<textarea[^>]*name="note"[^>]*>([^<]*)<', page)[0],
    }


async def said(db: Database) -> list[tuple[str | None, ...]]:
    async with db.reads() as session:
        rows = await session.execute(
            sa.select(Correction.field, Correction.old, Correction.new, Correction.by).order_by(Correction.id)
        )
        return [tuple(row) for row in rows]


async def test_a_colleague_s_correction_is_not_taken_back_by_a_page_from_before(
    client: Client, deps: Deps, numbers: list[str]
) -> None:
    no = numbers[0]
    _, page = await opened(client, f"/desk/review/{no}")
    async with deps.db.writes.begin() as session:
        await correct(session, deps.tables, all_seeing("clerk-b"), no, {"kind": "NOI-02"}, at=NOW)

    answer = await client.post(f"/desk/review/{no}", data={**as_it_stands(page), "note": "请尽快"})
    page = await answer.text()
    assert (answer.status, "clerk-b 更正了污染种类" in page) == (409, True)
    assert await states(deps.db, [no]) == ["review"]
    # Untouched, kind and unit are those of now; what was written is there.
    now = as_it_stands(page)
    assert (now["kind"], now["unit"], now["note"]) == ("NOI-02", "朝阳区生态环境局", "请尽快")

    await client.post(f"/desk/review/{no}", data=now)
    async with deps.db.reads() as session:
        unit = await session.scalar(sa.select(Ticket.unit_code).where(Ticket.no == no))
    assert unit == "110105-ecology"
    assert await said(deps.db) == [("kind", "NOI-01", "NOI-02", "clerk-b")]


async def test_who_holds_another_kind_than_a_colleague_keeps_it_with_its_unit(
    client: Client, deps: Deps, numbers: list[str]
) -> None:
    no = numbers[0]
    _, page = await opened(client, f"/desk/review/{no}")
    async with deps.db.writes.begin() as session:
        await correct(session, deps.tables, all_seeing("clerk-b"), no, {"kind": "NOI-02"}, at=NOW)
    # The same unit as was proposed: chosen with the kind, so it is no longer the one that was shown.
    sent = {**as_it_stands(page), "kind": "AIR-01"}
    page = await (await client.post(f"/desk/review/{no}", data=sent)).text()
    now = as_it_stands(page)
    assert (now["kind"], now["unit"]) == ("AIR-01", sent["unit"])
    await client.post(f"/desk/review/{no}", data=now)
    assert [row[:3] for row in await said(deps.db)] == [
        ("kind", "NOI-01", "NOI-02"), ("kind", "NOI-02", "AIR-01")
    ]  # fmt: skip


async def test_sent_twice_is_no_news_of_its_own_correction(
    client: Client, deps: Deps, numbers: list[str]
) -> None:
    _, page = await opened(client, f"/desk/review/{numbers[0]}")
    sent = {**as_it_stands(page), "kind": "NOI-02"}
    answers = [await client.post(f"/desk/review/{numbers[0]}", data=sent) for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 200]
    assert len(await said(deps.db)) == 1


async def test_past_cases_say_how_they_were_answered(client: Client, deps: Deps) -> None:
    old, new = await add_tickets(deps.db, TicketIn(state=State.CLOSED, title="旧的一件"), waiting(30))
    async with deps.db.writes.begin() as session:
        session.add_all([MatterKey(key=key, ticket_id=ticket) for key in (7, 8) for ticket in (1, 2)])
        session.add(
            TicketEvent(
                ticket_id=1,
                seq=99,
                at=NOW,
                tag="ticket:feedback",
                data={"values": {"note": "已责令夜间停工"}},
            )
        )
    _, page = await opened(client, f"/desk/review/{new}")
    past = page.partition("相似的过往工单")[2].partition("</section>")[0]
    assert f'href="/desk/tickets/{old}">旧的一件</a>' in past
    assert "<q>已责令夜间停工</q>" in past


async def test_the_review_desk_itself_is_no_unit_to_send_to(client: Client, deps: Deps) -> None:
    proposed = {"proposed": {"unit": "bj-desk", "assist": [], "cc": []}}
    (no,) = await add_tickets(deps.db, replace(waiting(30), decision=proposed, district=None, street=None))
    await reference.sync(deps)
    page = await (await client.get(f"/desk/review/{no}")).text()
    assert re.findall(r'<input[^>]*id="review-unit"[^>]*value="([^"]*)"', page) == [""]


async def test_an_empty_desk_says_so(client: Client) -> None:
    path, page = await opened(client)
    assert (path, "没有等待审核的工单" in page) == ("/desk/review", True)
    assert "没有在等的了" in await (await client.get("/desk/review/queue")).text()
