"""告知 (个保法第十七条): every citizen's page leads to it; it says who, why, how long, what one may ask."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import TestClient, TestServer

from models.vocab_retention import Kept
from triage.web import guard
from triage.web.app import make_app
from triage.web.citizen import page as citizen_page
from triage.web.citizen import session
from triage.web.citizen.notice import told
from triage.web.rewards import citizen as rewards

if TYPE_CHECKING:
    from tests.triage.web.citizen.conftest import Citizen
    from triage.services.deps import Deps


async def test_every_page_leads_to_the_notice_and_the_form_before_anything_is_sent(citizen: Citizen) -> None:
    for path in ("/citizen", "/citizen/report", "/citizen/track", "/citizen/privacy"):
        page = await citizen.get(path)
        assert '<a href="/citizen/privacy">' in page.partition("<footer>")[2], path
    form = (await citizen.get("/citizen/report")).partition("<footer>")[0]
    assert '<a href="/citizen/privacy">' in form


async def test_it_says_what_the_law_asks_for(citizen: Citizen) -> None:
    page = await citizen.get("/citizen/privacy")
    assert citizen.status == 200
    duties = (
        "谁处理",
        "联系方式",
        "为了什么",
        "怎样处理",
        "保存多久",
        "查阅",
        "复制",
        "更正",
        "删除",
        "投诉",
    )
    assert [word for word in duties if word not in page] == []
    assert "本网站的主办单位。联系方式：拨打 12345。" in page


async def test_it_says_who_is_given_what_and_what_stays_in_the_browser(citizen: Citizen) -> None:
    page = await citizen.get("/citizen/privacy")
    told = ("短信通道", "虚拟号服务方", "付款的银行", "/open311/v2/requests", "网络地址")
    assert [word for word in told if word not in page] == []
    kept = page.partition("本网站在您的浏览器里只存")[2].partition("</li>")[0]
    spans = (
        "防止冒名提交的凭据，关掉浏览器就没有",
        "大字与否，一年",
        "打开您那件诉求的凭据，三十分钟",
        "领奖时的凭据，三十分钟",
    )
    assert [words for words in spans if words not in kept] == []
    # These are the cookies that pages for citizens set, and how long they stay.
    assert (guard.COOKIE, citizen_page.LARGE, session.COOKIE, rewards._COOKIE) == (
        "jiesu_token", "jiesu_large", "jiesu_case", "jiesu_reward",
    )  # fmt: skip
    assert session.LASTS == rewards._LASTS == timedelta(minutes=30)
    assert citizen_page._KEEP_SECONDS == 365 * 24 * 3600


async def test_the_site_names_itself_and_the_days_are_those_of_the_table(deps: Deps) -> None:
    rows = tuple(
        replace(row, keep_days={Kept.IDENTITY: 730, Kept.LEDGER: 200}.get(row.what, row.keep_days))
        for row in deps.tables.retention
    )
    settings = deps.settings.model_copy(update={"handler": "某市热线中心", "handler_contact": "12345 转 9"})
    house = replace(deps, settings=settings, tables=replace(deps.tables, retention=rows))
    async with TestClient(TestServer(make_app(house))) as client:
        page = await (await client.get("/citizen/privacy")).text()
    assert "某市热线中心。联系方式：12345 转 9。" in page
    assert "办结后 2 年，到期自动删除" in page
    assert "谁看过的记录：200 天" in page


@pytest.mark.parametrize(
    ("days", "words"), [(1826, "5 年"), (365, "1 年"), (366, "1 年"), (184, "184 天"), (730, "2 年")]
)
def test_days_are_told_as_years_where_they_are_such(days: int, words: str) -> None:
    assert told(days) == words
