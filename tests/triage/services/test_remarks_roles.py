"""内部备注: for whom somebody with several roles writes and reads; numbers of tickets in the words; cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from models import ticket_detail
from models.remarks import TicketRemark
from models.vocab import Post
from models.vocab_remarks import Audience
from models.vocab_staff import Role
from tests.factories import NOW, TicketIn, add_tickets
from tests.signed_in import add_person
from tests.triage.services.test_remarks import (
    CALLED,
    CHAOYANG,
    LASTS,
    WANGJING,
    deps,
    no,
    tables,
    texts,
    viewer,
    write,
)
from triage.rules.moves import Actor
from triage.services import remarks
from triage.services.moving import Person
from triage.services.remarks import Wish

if TYPE_CHECKING:
    from models.db import Database
    from triage.services.deps import Deps

__all__ = ["deps", "no", "tables"]


async def test_a_clerk_of_a_district_writes_for_the_district(deps: Deps, no: str) -> None:
    await add_person(deps, "local-clerk", (Role.CLERK, CHAOYANG), name="区里")
    who = await viewer(deps, "local-clerk")
    person = Person(Actor(Post.HOTLINE, None, "local-clerk"), "区里")
    async with deps.db.writes.begin() as session:
        wish = Wish(no, CALLED, Audience.OWN, "k")
        await remarks.write(session, deps.tables, who, person, wish, now=NOW)
        (kept,) = (await session.scalars(sa.select(TicketRemark.unit_code))).all()
    assert kept == CHAOYANG
    assert (await texts(deps, "qu", no), await texts(deps, "clerk", no)) == ([CALLED], [])


async def test_a_clerk_of_two_districts_does_not_write_for_12345(deps: Deps, no: str) -> None:
    await add_person(deps, "two", (Role.CLERK, CHAOYANG), (Role.CLERK, "110108"), name="两区")
    who = await viewer(deps, "two")
    assert who.unit_code is None
    person = Person(Actor(Post.HOTLINE, None, "two"), "两区")
    async with deps.db.writes.begin() as session:
        await remarks.write(session, deps.tables, who, person, Wish(no, CALLED, Audience.OWN, "k"), now=NOW)
    assert (await texts(deps, "qu", no), await texts(deps, "clerk", no)) == ([CALLED], [])


async def test_two_roles_apart_do_not_make_one_of_12345s_own(deps: Deps, no: str) -> None:
    """The whole city by 有奖举报, a desk's post by 督办 of a district."""
    await add_person(deps, "both", (Role.SUPERVISOR, CHAOYANG), (Role.REWARD, None), name="两样")
    await write(deps, "clerk", no, "只给 12345", Audience.OWN)
    assert await texts(deps, "both", no) == []
    who, person = await viewer(deps, "both"), Person(Actor(Post.SUPERVISOR, None, "both"), "两样")
    async with deps.db.writes.begin() as session:
        await remarks.write(session, deps.tables, who, person, Wish(no, CALLED, Audience.OWN, "k"), now=NOW)
    assert (await texts(deps, "qu", no), await texts(deps, "clerk", no)) == ([CALLED], ["只给 12345"])


async def test_a_role_of_the_city_reads_of_12345_whatever_else_somebody_has(deps: Deps, no: str) -> None:
    await add_person(deps, "both", (Role.SUPERVISOR, None), (Role.STREET, WANGJING), name="两样")
    await write(deps, "clerk", no, "只给 12345", Audience.OWN)
    await write(deps, "li", no, "只给街道", Audience.OWN)
    assert sorted(str(text) for text in await texts(deps, "both", no)) == ["只给 12345", "只给街道"]


async def test_a_tickets_number_is_not_masked_as_a_telephone(deps: Deps, db: Database, no: str) -> None:
    far = TicketIn(unit="110108010", assist=(), copies=(), district="110108", street="110108010")
    (unseen,) = await add_tickets(db, far)
    typed = f"电话没打通的：{no}；联系电话：20200101-000001；电话：{unseen}，回电 13812345678"
    await write(deps, "clerk", no, typed)
    kept = f"电话没打通的：{no}；联系电话：[电话号]-000001；电话：{unseen}，回电 [手机号]"
    for login in ("li", "qu", "clerk"):
        assert await texts(deps, login, no) == [kept]
    await write(deps, "li", no, f"电话：{unseen}")
    assert (await texts(deps, "li", no))[0] != f"电话：{unseen}"


async def test_a_case_that_is_not_merged_costs_one_query(deps: Deps, no: str) -> None:
    await write(deps, "li", no)
    who, asked = await viewer(deps, "qu"), []

    def note(*told: Any) -> None:  # noqa: ANN401
        asked.append(told[2])

    async with deps.db.reads() as session:
        whole = await ticket_detail.whole_ticket(session, who, no)
        assert whole is not None
        engine = deps.db.engine.sync_engine
        sa.event.listen(engine, "before_cursor_execute", note)
        found = await remarks.of_case(session, who, remarks.case_of(whole), lasts=LASTS, now=NOW)
        sa.event.remove(engine, "before_cursor_execute", note)
    assert (len(asked), len(found.items)) == (1, 1)
