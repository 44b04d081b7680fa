"""Every page of the desk leads to every other, and says which one it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from models.vocab_staff import Role

if TYPE_CHECKING:
    from tests.triage.web.conftest import Client, ClientOf

PAGES = {
    "/desk": "工单",
    "/desk/review": "审核台",
    "/desk/followup": "回访台",
    "/desk/register": "登记诉求",
    "/desk/handover": "交接班",
    "/desk/map": "在办地图",
    "/desk/patrol": "巡查上报",
    "/desk/due": "到期清单",
    "/desk/contacts": "通讯录",
    "/desk/own": "本单位数据",
    "/desk/repeats": "同一事项",
    "/desk/incidents": "突发事件",
    "/desk/bulk": "批量办理记录",
    "/desk/trends": "态势",
    "/desk/signals": "态势信号",
    "/desk/topics": "专题",
    "/desk/parties": "被反映对象",
    "/desk/leads": "媒体线索",
    "/desk/reports": "报告",
    "/desk/rewards": "有奖举报",
    "/desk/calls": "吹哨与督办",
    "/desk/month": "三率",
    "/desk/objections": "退单分析",
    "/desk/notices": "外发通知",
    "/desk/places": "点选词典",
    "/desk/dead": "处理失败",
    "/desk/sources": "来源",
    "/desk/numbers": "回拨",
    "/desk/audit": "审计台账",
    "/desk/staff": "账号",
}
LINK = re.compile(r'<a href="([^"]+)"(?: aria-current="(page|true)")?>([^<]+)</a>')
CHILDREN = {
    "/desk/bulk/new": "/desk/bulk",
    "/desk/nothing": "/desk",
    "/desk/tickets/20261126-00000001": "/desk",
    "/desk/sources/new/feed": "/desk/sources",
    "/desk/compare/20261126-00000001/20261126-00000002": "/desk/repeats",
}


async def links(client: Client, path: str) -> list[tuple[str, str, str]]:
    """Address, whether it is the page itself, and words of each link of the navigation."""
    page = await (await client.get(path)).text()
    return LINK.findall(page.partition('<nav class="site"')[2].partition("</nav>")[0])


@pytest.mark.parametrize("path", PAGES)
async def test_each_page_leads_to_all_and_marks_itself(client: Client, path: str) -> None:
    found = await links(client, path)

    assert {address: label for address, _, label in found} == PAGES
    assert [(address, current) for address, current, _ in found if current] == [(path, "page")]
    assert (await client.get(path)).status == 200


@pytest.mark.parametrize("path", CHILDREN)
async def test_other_pages_lead_to_all_as_well_and_mark_their_section(client: Client, path: str) -> None:
    found = await links(client, path)

    assert {address: label for address, _, label in found} == PAGES
    assert [(address, current) for address, current, _ in found if current] == [(CHILDREN[path], "true")]


@pytest.mark.parametrize(
    ("role", "unit", "place"),
    [
        (Role.CLERK, None, "/desk/review"),
        (Role.STREET, "110105026", "/desk/due"),
        (Role.BUREAU, "110105-ecology", "/desk/due"),
        (Role.FOLLOW_UP, None, "/desk/followup"),
        (Role.SUPERVISOR, None, "/desk"),
        (Role.ANALYST, None, "/desk/trends"),
        (Role.AUDITOR, None, "/desk/audit"),
    ],
)
async def test_the_day_begins_at_what_is_to_be_done(
    client_of: ClientOf, role: Role, unit: str | None, place: str
) -> None:
    somebody = await client_of(role, unit=unit)
    answer = await somebody.get("/", allow_redirects=False)
    assert answer.headers["Location"] == place
