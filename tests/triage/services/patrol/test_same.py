"""自建工单 and those who complain: merged into their case, never the other way; what counts where."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from models.filters import all_seeing
from models.matters import MatterPair
from models.sums import in_demands, in_sums
from models.tickets import Ticket
from models.vocab import Move, Post, State
from models.vocab_matters import Proposal
from tests.factories import NOW, TicketIn, add_tickets
from tests.triage.services.patrol.conftest import NOTE, STREET, found, officer, wish
from triage.clock import local
from triage.rules import rates
from triage.rules.fields import Refusal
from triage.rules.moves import Actor
from triage.rules.rate_rows import Cause
from triage.rules.rates import By
from triage.services import moving
from triage.services.histories import by_ids
from triage.services.moving import Person, Wish
from triage.services.patrol import figures, nearby
from triage.services.trends import gathering
from triage.services.trends.sources import Scope

if TYPE_CHECKING:
    from nlp.pipeline import Reader
    from triage.services.deps import Deps

HOTLINE = Person(Actor(Post.HOTLINE, login="clerk"), "坐席甲")
UNIT = Person(Actor(Post.UNIT, STREET, "wang"), "望京街道办事处 王巡查")
SAME = "与巡查发现的是同一处"
DAYS = timedelta(days=40)


async def ticket_of(deps: Deps, no: str) -> Ticket:
    async with deps.db.reads() as session:
        return (await session.scalars(sa.select(Ticket).where(Ticket.no == no))).one()


async def move(deps: Deps, no: str, which: Move, by: Person = HOTLINE, **values: Any) -> Ticket:  # noqa: ANN401
    version = (await ticket_of(deps, no)).version
    wanted = Wish(no, which, values, version, f"{which.value}-{no}-{version}")
    async with deps.db.writes.begin() as session:
        await moving.make(session, deps.tables, all_seeing("clerk"), by, wanted, now=NOW)
    return await ticket_of(deps, no)


async def test_no_demand_goes_behind_it(deps: Deps, reader: Reader) -> None:
    """Behind it no ticket of the matter would count for 三率."""
    head, _ = await found(deps, reader, wish())
    (caller,) = await add_tickets(deps.db, TicketIn(kind=head.kind, urgency=head.urgency))
    with pytest.raises(Refusal) as refused:
        await move(deps, caller, Move.MERGE, other_ticket=head.no, reason=SAME)
    assert "把巡查的那张并入这张" in refused.value.detail
    assert (await ticket_of(deps, caller)).state == "dispatched"
    await move(deps, head.no, Move.MERGE, other_ticket=caller, reason=SAME)
    month = f"{local(NOW):%Y-%m}"
    async with deps.db.reads() as session:
        ids = [(await ticket_of(deps, caller)).id]
        figured = rates.count(
            deps.tables, list((await by_ids(session, ids)).values()), month=month, as_of=NOW + DAYS
        )
    assert {out.cause for verdict in figured.verdicts for out in verdict.outs}.isdisjoint(
        {Cause.PATROL, Cause.MERGED}
    )


async def test_merged_into_a_case_it_is_followed_up_by_nobody(deps: Deps, reader: Reader) -> None:
    mine, _ = await found(deps, reader, wish())
    (head,) = await add_tickets(deps.db, TicketIn(state=State.HANDLING, kind=mine.kind, urgency=mine.urgency))
    await move(deps, mine.no, Move.MERGE, other_ticket=head, reason=SAME)
    await move(deps, head, Move.FEEDBACK, UNIT, note=NOTE, attachment="照片两张", told_citizen="phone")
    merged = await ticket_of(deps, mine.no)
    assert (merged.state, merged.due_clock) == ("merged", None)
    assert (await move(deps, mine.no, Move.ARCHIVE)).state == "archived"


async def test_it_is_no_demand_and_in_no_rate(deps: Deps, reader: Reader) -> None:
    mine, _ = await found(deps, reader, wish(handled=True, note=NOTE, after=1))
    await add_tickets(deps.db, TicketIn())
    async with deps.db.reads() as session:
        counted = set(await session.scalars(sa.select(Ticket.id).where(in_demands())))
        summed = set(await session.scalars(sa.select(Ticket.id).where(in_sums())))
        assert await gathering.facts(session, [mine.id]) == {}
        history = (await by_ids(session, [mine.id]))[mine.id]
    assert summed - counted == {mine.id}
    month = f"{local(NOW):%Y-%m}"
    figured = rates.count(deps.tables, [history], month=month, as_of=NOW + DAYS)
    line = figured.line(By.UNIT, STREET)
    assert line is not None
    assert (line.assessed, line.out, line.patrol, line.answered) == (0, 1, 1, 0)
    (verdict,) = figured.verdicts
    assert {out.cause for out in verdict.outs} == {Cause.PATROL}
    assert {out.row_id for out in verdict.outs} == {"out.patrol"}


async def test_figures_tell_what_was_found_and_what_was_complained_about_later(
    deps: Deps, reader: Reader
) -> None:
    first, _ = await found(deps, reader, wish())
    second, _ = await found(deps, reader, wish(key="second" * 4, handled=True, note=NOTE, after=1))
    day = timedelta(days=1)
    soon, late, refused, before = await add_tickets(
        deps.db,
        TicketIn(age=-5 * day),
        TicketIn(age=-40 * day),
        TicketIn(age=-2 * day),
        TicketIn(age=3 * day),
    )
    ids = {no: (await ticket_of(deps, no)).id for no in (soon, late, refused, before)}

    async def pair(no: str, head: Ticket, state: Proposal) -> None:
        row = {
            "ticket_id": ids[no], "head_id": head.id, "p": 0.9, "same_caller": False, "why": [],
            "state": state.value, "at": NOW, "model_version": "test",
        }  # fmt: skip
        async with deps.db.writes.begin() as session:
            await session.execute(sa.insert(MatterPair), [row])

    today = local(NOW).date()
    scope = Scope(today, today)
    await pair(late, first, Proposal.PROPOSED)
    await pair(refused, first, Proposal.REFUSED)
    # A complaint that had been made before is none that came later.
    await pair(before, first, Proposal.MERGED)
    async with deps.db.reads() as session:
        (line,) = await figures.lines(session, scope)
    assert (line.street, line.kind, line.found, line.ended, line.later) == (STREET, first.kind, 2, 1, 0)
    await pair(soon, second, Proposal.MERGED)
    async with deps.db.reads() as session:
        (line,) = await figures.lines(session, scope)
        assert line.later == 1
        assert await figures.lines(session, Scope(today, today, district="110108")) == []
        assert await figures.lines(session, Scope(today - day, today - day)) == []


@pytest.mark.parametrize(
    ("more", "shown"),
    [
        ({}, 1),
        ({"confidential": True}, 0),
        ({"state": State.CLOSED, "due": None}, 0),
        ({"unit": "110108010", "street": "110108010", "district": "110108", "copies": ()}, 0),
        ({"text": "公交站旁边音箱很响。", "title": None}, 0),
    ],
)
async def test_what_is_open_there_already_is_shown_to_who_may_see_it(
    deps: Deps, more: dict[str, Any], shown: int
) -> None:
    text = "望京北路边上一大堆生活垃圾没有人清，臭味大"
    item = {"text": text, "title": None, "assist": (), "unit": "110105-ecology", "copies": (STREET,), **more}
    (no,) = await add_tickets(deps.db, TicketIn(**item))
    async with deps.db.reads() as session:
        cases = await nearby.cases(
            session, officer(deps), text="望京北路边有一大堆生活垃圾，臭", point=None, streets={STREET}
        )
    assert [one.no for one in cases] == [no] * shown


async def test_what_lies_near_the_point_is_shown_whatever_it_says(deps: Deps) -> None:
    near, far = await add_tickets(deps.db, TicketIn(text="别的话"), TicketIn(text="别的话"))
    for no, lat in ((near, 40.001), (far, 40.01)):
        async with deps.db.writes.begin() as session:
            await session.execute(sa.update(Ticket).where(Ticket.no == no).values(lon=116.48, lat=lat))
    async with deps.db.reads() as session:
        (one,) = await nearby.cases(
            session, officer(deps), text="沟渠发黑", point=(116.48, 40.0), streets=set()
        )  # fmt: skip
        assert await nearby.cases(session, officer(deps), text="沟渠发黑", point=None, streets=()) == ()
    assert (one.no, one.metres) == (near, 111)
