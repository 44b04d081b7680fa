"""What a merged case's citizen adds reaches whoever handles the one it was merged into; 保密 does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.appeals import Appeal
from models.files import Attachment
from models.tickets import Ticket, TicketUnit
from models.viewing import Scope
from models.vocab import Move, Post
from models.vocab_staff import Role
from tests import pictures
from tests.triage.web.citizen.steps import move_of
from tests.triage.web.citizen.test_apart import OTHER, joined, shown
from tests.triage.web.open311.conftest import read_all

if TYPE_CHECKING:
    from nlp.pipeline import Reader
    from tests.triage.web.citizen.conftest import Citizen
    from tests.triage.web.conftest import Client, ClientOf
    from triage.services.deps import Deps

WORDS = "昨晚又响到三点，电话13912340007"
MASKED = "昨晚又响到三点"


async def added(citizen: Citizen) -> str:
    """What the citizen is told after adding words and a photo."""
    await citizen.get("/citizen/case")
    return await citizen.post(
        "/citizen/case/add", {"key": "k" * 32, "text": WORDS}, [("1.jpg", pictures.jpeg())]
    )


async def nobodys(deps: Deps, *numbers: str) -> None:
    """No unit has a part in these any more."""
    these = sa.select(Ticket.id).where(Ticket.no.in_(numbers))
    async with deps.db.writes.begin() as session:
        await session.execute(sa.delete(TicketUnit).where(TicketUnit.ticket_id.in_(these)))


async def handler(deps: Deps, client_of: ClientOf, head: str, *merged: str) -> tuple[Client, str]:
    """Whoever handles the head, and has no part in the merged cases; and their unit."""
    await nobodys(deps, *merged)
    async with deps.db.reads() as session:
        unit = await session.scalar(sa.select(Ticket.unit_code).where(Ticket.no == head))
    assert unit is not None
    return await client_of(Role.STREET, unit=unit, login="handler"), unit


async def photo_of(deps: Deps) -> int:
    async with deps.db.reads() as session:
        return (await session.scalars(sa.select(Attachment.id))).one()


async def seen(client: Client, deps: Deps, head: str) -> tuple[bool, int, int]:
    """Whether the words stand on the head's 附件和补充, and the answers for the photo and its small one."""
    page = await (await client.get(f"/desk/tickets/{head}/files")).text()
    number = await photo_of(deps)
    one, small = [await client.get(f"/desk/files/{number}{end}") for end in ("", "/thumb")]
    assert (f"/desk/files/{number}" in page) == (one.status == 200)
    assert "13912340007" not in page
    return MASKED in page, one.status, small.status


async def test_words_and_photos_reach_who_handles_the_head(
    citizen: Citizen, deps: Deps, reader: Reader, client_of: ClientOf
) -> None:
    head, own = await joined(citizen, deps, reader, head="named", mine="named")
    client, unit = await handler(deps, client_of, head, own)
    assert "补充的内容已记下，承办单位看得到" in await added(citizen)
    page = await shown(deps, head, Scope(units=frozenset({unit})))
    assert (MASKED in page, own in page, "并入的工单，编号不显示" in page) == (True, False, True)
    assert await seen(client, deps, head) == (True, 200, 200)
    assert (await client.get(f"/desk/tickets/{own}/files")).status == 404
    elsewhere = await client_of(Role.STREET, unit="110108010", login="elsewhere")
    assert (await elsewhere.get(f"/desk/files/{await photo_of(deps)}")).status == 404


async def test_of_a_confidential_case_nothing_does(
    citizen: Citizen, deps: Deps, reader: Reader, client_of: ClientOf
) -> None:
    head, own = await joined(citizen, deps, reader, head="named", mine="confidential")
    client, _ = await handler(deps, client_of, head, own)
    told = await added(citizen)
    assert ("已记下，承办单位看得到" in told, "能看保密诉求的工作人员" in told) == (False, True)
    assert await seen(client, deps, head) == (False, 404, 404)


async def test_what_is_confided_later_is_hidden_from_then_on(
    citizen: Citizen, deps: Deps, reader: Reader, client_of: ClientOf
) -> None:
    head, own = await joined(citizen, deps, reader, head="named", mine="named")
    client, unit = await handler(deps, client_of, head, own)
    await added(citizen)
    async with deps.db.writes.begin() as session:
        appeal = await session.scalar(sa.select(Ticket.appeal_id).where(Ticket.no == own))
        await session.execute(sa.update(Appeal).where(Appeal.id == appeal).values(confidential=True))
    assert await seen(client, deps, head) == (False, 404, 404)
    assert MASKED not in await shown(deps, head, Scope(units=frozenset({unit})))


async def test_a_case_that_left_takes_its_words_and_photos_along(
    citizen: Citizen, deps: Deps, reader: Reader, client_of: ClientOf
) -> None:
    head, own = await joined(citizen, deps, reader, head="named", mine="named")
    client, unit = await handler(deps, client_of, head, own)
    await added(citizen)
    assert MASKED in await shown(deps, head, Scope(units=frozenset({unit})))
    await move_of(deps, own, Post.HOTLINE, Move.SPLIT, reason="不是同一事项")
    await nobodys(deps, own)
    assert await seen(client, deps, head) == (False, 404, 404)
    assert MASKED not in await shown(deps, head, Scope(units=frozenset({unit})))


async def test_through_another_that_was_merged(
    citizen: Citizen, deps: Deps, reader: Reader, client_of: ClientOf
) -> None:
    """Merged into one that is merged into a third itself: that is the one that is worked on."""
    for form in (OTHER | {"text": OTHER["text"] + "。", "phone": "13912340009"}, OTHER, {}):
        await citizen.report(**form)
        await read_all(deps, reader)
    async with deps.db.reads() as session:
        top, between, own = await session.scalars(sa.select(Ticket.no).order_by(Ticket.id))
    await move_of(deps, own, Post.HOTLINE, Move.MERGE, other_ticket=between, reason="同一处同一事项")
    await move_of(deps, between, Post.HOTLINE, Move.MERGE, other_ticket=top, reason="同一处同一事项")
    client, _ = await handler(deps, client_of, top, between, own)
    await added(citizen)
    assert await seen(client, deps, top) == (True, 200, 200)
