"""平台工单 on a ticket's page: attachments are told to who sees it, linked for who may see the identity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.appeals import Appeal
from models.db import Database  # noqa: TC001  (a fixture's annotation)
from models.hotline import HotlineOrder
from models.vocab_staff import Role
from tests.factories import NOW, TicketIn, add_tickets
from triage.services import reference

if TYPE_CHECKING:
    from tests.triage.web.conftest import Client, ClientOf
    from triage.services.deps import Deps

LINK = "https://files.example/7.jpg"


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough for pages."""
    return sqlite_db


@pytest.fixture
async def no(deps: Deps) -> str:
    """A ticket at the street, whose order has a photo and a program."""
    (found,) = await add_tickets(deps.db, TicketIn())
    await reference.sync(deps)
    kept = {"id": "F7", "type": "image/jpeg", "size": 240_000, "url": LINK, "refused": None}
    wrong = kept | {
        "type": "application/x-sh",
        "url": "https://files.example/x.sh",
        "refused": "不接受这一类文件",
    }
    facts = {"deadline": "2026-11-30T10:00:00+08:00", "days": "7", "grade": "红灯", "supervised": "1"}
    async with deps.db.writes.begin() as session:
        appeal = (await session.scalars(sa.select(Appeal))).one()
        session.add(
            HotlineOrder(
                source_id=appeal.source_id, order_no=appeal.external_id, day=NOW.date(), status="open",
                foreign_status="办理中", updated_at=NOW, first_seen_at=NOW, via="pull",
                attachments=[kept, wrong], facts=facts,
            )
        )  # fmt: skip
    return found


async def page_of(client: Client, no: str) -> str:
    answer = await client.get(f"/desk/tickets/{no}")
    assert answer.status == 200
    return await answer.text()


async def test_who_handles_it_opens_what_was_accepted(client_of: ClientOf, no: str) -> None:
    page = await page_of(await client_of(Role.STREET, unit="110105026"), no)
    assert f'<a href="{LINK}" rel="noreferrer noopener" target="_blank">图片 1</a>' in page
    assert "240.0 kB" in page
    assert "没有接收，不接受这一类文件" in page
    assert "x.sh" not in page
    assert "平台状态“办理中”" in page
    for label, value in (
        ("平台时限", "2026-11-30 10:00"),
        ("平台办理天数", "7 天"),
        ("平台紧急程度", "红灯"),
    ):
        assert f"<dt>{label}</dt><dd>{value}</dd>" in page
    assert "<dt>平台督办件</dt><dd>是</dd>" in page


async def test_who_may_not_see_the_identity_reads_that_there_is_something(
    client_of: ClientOf, no: str
) -> None:
    page = await page_of(await client_of(Role.SUPERVISOR), no)
    assert "图片 1" in page
    assert LINK not in page
    assert "能查看身份的人才有链接" in page


async def test_a_ticket_that_came_another_way_has_no_such_box(client: Client, deps: Deps, no: str) -> None:
    async with deps.db.writes.begin() as session:
        await session.execute(sa.delete(HotlineOrder))
    assert "平台工单" not in await page_of(client, no)
