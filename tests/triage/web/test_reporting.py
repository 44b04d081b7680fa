"""Reports and open data over HTTP: drafted, edited, signed, fetched; the public page, CSV and JSON."""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from models.vocab_ledger import LedgerAct
from tests.factories import TicketIn, add_tickets
from tests.triage.services.reporting.test_reports import ITEMS
from tests.written import written
from triage.services import reference
from triage.services.open_data import publishing
from triage.services.reporting import rendering
from triage.services.trends import refreshing

if TYPE_CHECKING:
    from models.db import Database
    from models.reports import Report
    from tests.triage.web.conftest import Client
    from triage.services.deps import Deps


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough: the reads are tested on both elsewhere."""
    return sqlite_db


def hidden(page: str, form: str) -> dict[str, str]:
    """The hidden fields of the form that leads to `form`."""
    part = page.split(f'action="{form}"')[1].split("</form>", maxsplit=1)[0]
    return dict(re.findall(r'name="([^"]+)" value="([^"]*)"', part))


async def test_drafted_signed_and_fetched(
    client: Client, deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_tickets(deps.db, *ITEMS)
    await reference.sync(deps)
    while await refreshing.catch_up(deps):
        pass
    page = await (await client.get("/desk/reports")).text()
    form = hidden(page, "/desk/reports/draft")
    wrong = await client.post("/desk/reports/draft", data=form | {"kind": "monthly", "period": "x"})
    assert wrong.status == 400
    answer = await client.post("/desk/reports/draft", data=form | {"kind": "monthly", "period": "2026-10"})
    one = await answer.text()
    assert "本期共收到诉求3件" in one
    form = hidden(one, "/desk/reports/1/edit")
    edited = await client.post("/desk/reports/1/edit", data=form | {"text": "# 总体情况\n共999件。"})
    assert "数据里没有这些数字：999" in await edited.text()
    refused = await client.post("/desk/reports/1/sign", data=form | {"version": "2"})
    assert refused.status == 400
    await client.post("/desk/reports/1/edit", data=form | {"version": "2", "text": "# 总体情况\n共3件。"})
    signed = await (await client.post("/desk/reports/1/sign", data=form | {"version": "3"})).text()
    assert "已签发" in signed
    makers: set[int] = set()

    def made_by(report: Report) -> bytes:
        makers.add(threading.get_ident())
        return rendering.pdf(report)

    monkeypatch.setitem(rendering.FORMS, "pdf", (made_by, "application/pdf"))
    for kind, head in (("docx", b"PK"), ("xlsx", b"PK"), ("pdf", b"%PDF")):
        file = await client.get(f"/desk/reports/1.{kind}")
        assert (file.status, (await file.read())[: len(head)]) == (200, head)
    assert await written(deps, LedgerAct.REPORT_MADE) == ["monthly-2026-10-1"]
    assert await written(deps, LedgerAct.EXPORTED) == [
        f"report-2026-10-1.{kind}" for kind in ("docx", "xlsx", "pdf")
    ]
    # Beside the loop that serves the other pages.
    assert makers
    assert threading.get_ident() not in makers
    assert (await client.get("/desk/reports/9")).status == 404


async def test_open_data(client: Client, deps: Deps) -> None:
    assert "还没有公布" in await (await client.get("/open")).text()
    assert (await client.get("/open/2026-10.csv")).status == 404
    await add_tickets(deps.db, *[TicketIn(age=timedelta(days=30))] * 7)
    await publishing.Publisher(deps).poke()
    page = await client.get("/open")
    # It gives its browser a token, which no cache of many may hand on.
    assert page.headers["Cache-Control"] == "private, max-age=3600"
    assert "2026-10" in await page.text()
    rows = (await (await client.get("/open/2026-10.csv")).text()).splitlines()
    assert "2026-10,110105,朝阳区,噪声,噪声,7" in rows
    told = await (await client.get("/open/2026-10.json")).json()
    assert told["least"] == 5
    assert {"district_code": "", "district": "全市", "sort": "", "sort_name": "合计", "count": 7} in told[
        "cells"
    ]
    assert (await client.get("/open?month=x")).status == 400
