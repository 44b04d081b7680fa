"""专题 on the desk: the lists, a topic's page, a decision."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.appeals import Appeal
from models.topics import TopicState
from models.vocab_staff import Role
from models.vocab_topics import TopicLevel
from tests.factories import NOW, add_tickets
from tests.triage.services.topics.test_topics import GRILLS, OILY
from tests.triage.web import test_leads
from triage.services import reference
from triage.services.topics import finding

if TYPE_CHECKING:
    from models.db import Database
    from tests.triage.web.conftest import Client, ClientOf
    from triage.services.deps import Deps


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough: the reads are tested on both elsewhere."""
    return sqlite_db


async def ready(deps: Deps) -> None:
    await add_tickets(deps.db, *GRILLS, *OILY)
    await reference.sync(deps)
    for level in TopicLevel:
        await finding.find(deps, level, now=NOW)


async def test_list_themes_page_and_decision(client: Client, deps: Deps) -> None:
    await ready(deps)
    page = await (await client.get("/desk/topics")).text()
    assert "望京街道：" in page
    themes = await (await client.get("/desk/topics?by=themes")).text()
    assert "个区；" in themes
    topic = re.findall(r'href="/desk/topics/(\d+)"', themes)[0]
    one = await (await client.get(f"/desk/topics/{topic}")).text()
    assert "典型的几条" in one
    part = one.split("/decide")[1].split("</form>", maxsplit=1)[0]
    form = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', part))
    form |= {"decision": "chosen", "reason": "多区共性", "month": "2026-12"}
    done = await (await client.post(f"/desk/topics/{topic}/decide", data=form)).text()
    assert "选中 2026-12" in done
    stale = await client.post(f"/desk/topics/{topic}/decide", data=form)
    assert stale.status == 409
    assert "刚被别人决定过" in await stale.text()


async def test_nothing_found_yet_and_wrong_wishes(client: Client) -> None:
    assert "还没有找过专题" in await (await client.get("/desk/topics")).text()
    assert (await client.get("/desk/topics?by=x")).status == 400
    assert (await client.get("/desk/topics/77")).status == 404


async def test_outside_the_office_no_small_count_is_told_and_no_theme_is_chosen(
    client: Client, client_of: ClientOf, deps: Deps
) -> None:
    await ready(deps)
    assert '<td data-label="条数" class="share">3</td>' in await (await client.get("/desk/topics")).text()
    district = await client_of(Role.SUPERVISOR, unit="110105")
    listed = await (await district.get("/desk/topics")).text()
    assert '<td data-label="条数" class="share">＜5</td>' in listed
    assert '<td data-label="条数" class="share">3</td>' not in listed
    assert re.search(r'data-label="地点">[^<]*＜5', listed)
    topic = re.findall(r'href="/desk/topics/(\d+)"', listed)[-1]
    answer = await district.get(f"/desk/topics/{topic}")
    one = await answer.text()
    assert "共 ＜5 条" in one
    assert "/decide" not in one
    form = {"token": answer.cookies["jiesu_token"].value, "decision": "chosen", "seen": "0", "reason": "好"}
    assert (await district.post(f"/desk/topics/{topic}/decide", data=form)).status == 403
    themes = await (await district.get("/desk/topics?by=themes")).text()
    assert "后半期 ＜5 条，前半期 ＜5 条" in themes


async def test_who_is_told_sums_alone_reads_typical_sentences_without_their_cases(
    client_of: ClientOf, deps: Deps
) -> None:
    await ready(deps)
    analyst = await client_of(Role.ANALYST)
    listed = await (await analyst.get("/desk/topics")).text()
    topic = next(
        n for n, title in re.findall(r'href="/desk/topics/(\d+)">([^<]+)', listed) if "烧烤" in title
    )
    path = f"/desk/topics/{topic}"
    one = await (await analyst.get(path)).text()
    assert one.count('<article class="typical">') == 3
    assert "/desk/tickets/" not in one
    part = one.split("/decide")[1].split("</form>", maxsplit=1)[0]
    form = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', part))
    shelved = await analyst.post(f"{path}/decide", data=form | {"decision": "shelved", "reason": "再看"})
    assert "搁置" in await shelved.text()
    async with deps.db.writes.begin() as session:
        # What is in confidence by now is not told any more.
        await session.execute(sa.update(Appeal).values(confidential=True))
    assert "typical" not in (await (await analyst.get(path)).text()).split("典型的几条")[1]
    of_unit = await client_of(Role.ANALYST, unit="110105")
    assert "typical" not in (await (await of_unit.get(path)).text()).split("典型的几条")[1]


async def test_a_typical_report_leads_to_the_leads_whoever_may_open_them(
    client: Client, client_of: ClientOf, deps: Deps
) -> None:
    await ready(deps)
    (lead, *_) = await test_leads.add(deps, *test_leads.TEXTS)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(TopicState).values(typical=[["lead", lead]]))
        topic = await session.scalar(sa.select(TopicState.topic_id))
    district = await client_of(Role.SUPERVISOR, unit="110105")
    own, others = [await (await who.get(f"/desk/topics/{topic}")).text() for who in (client, district)]
    assert ["标题0" in text for text in (own, others)] == [True, True]
    assert ["/desk/leads?state=all" in text for text in (own, others)] == [True, False]
