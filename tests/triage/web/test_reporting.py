"""Reports and open data over HTTP: drafted, edited, signed, fetched; the public page, CSV and JSON."""

from __future__ import annotations

import io
import re
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from openpyxl import load_workbook

from models.reports import Report
from models.vocab_ledger import LedgerAct
from models.vocab_staff import Role
from tests.factories import TicketIn, add_tickets
from tests.triage.services.reporting.test_reports import ITEMS
from tests.written import written
from triage.services import reference
from triage.services.open_data import publishing
from triage.services.reporting import drafting, rendering
from triage.services.trends import refreshing

if TYPE_CHECKING:
    from models.db import Database
    from tests.triage.web.conftest import Client, ClientOf
    from triage.services.deps import Deps


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    """One kind of database is enough: the reads are tested on both elsewhere."""
    return sqlite_db


def hidden(page: str, form: str) -> dict[str, str]:
    """The hidden fields of the form that leads to `form`."""
    part = page.split(f'action="{form}"')[1].split("</form>", maxsplit=1)[0]
    return dict(re.findall(r'name="([^"]+)" value="([^"]*)"', part))


async def test_outside_the_office_small_numbers_are_hidden_and_nothing_is_written(
    client: Client, client_of: ClientOf, deps: Deps
) -> None:
    await add_tickets(deps.db, *ITEMS)
    await reference.sync(deps)
    while await refreshing.catch_up(deps):
        pass
    form = hidden(await (await client.get("/desk/reports")).text(), "/desk/reports/draft")
    await client.post("/desk/reports/draft", data=form | {"kind": "monthly", "period": "2026-10"})
    assert "<td>3</td>" not in await (await client.get("/desk/reports/1")).text()
    assert "本期共收到诉求3件" in await (await client.get("/desk/reports/1")).text()
    bureau = await client_of(Role.BUREAU, unit="110108")
    one = await (await bureau.get("/desk/reports/1")).text()
    assert "诉求3件" not in one
    assert "＜5" in one
    assert "textarea" not in one
    assert (await bureau.get("/desk/reports/1?draft=1")).status == 403
    district = await client_of(Role.SUPERVISOR, unit="110105")
    book = load_workbook(io.BytesIO(await (await district.get("/desk/reports/1.xlsx")).read()))
    counts = {cell.value for row in book["区域情况表"].iter_rows(min_row=4) for cell in row[1:]}
    assert "＜5" in counts
    form = {"token": (await district.get("/desk/reports")).cookies["jiesu_token"].value}
    for path in ("draft", "1/edit", "1/sign"):
        answer = await district.post(
            f"/desk/reports/{path}", data=form | {"version": "1", "text": "# 甲\n乙"}
        )
        assert answer.status == 403


async def test_who_was_not_first_to_draft_is_told(
    client: Client, deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_tickets(deps.db, *ITEMS)
    await reference.sync(deps)
    while await refreshing.catch_up(deps):
        pass
    form = hidden(await (await client.get("/desk/reports")).text(), "/desk/reports/draft")
    asked = form | {"kind": "monthly", "period": "2026-10"}
    assert (await client.post("/desk/reports/draft", data=asked)).status == 200
    monkeypatch.setattr(drafting, "_newest", lambda _: sa.select(Report).where(sa.false()))
    second = await client.post("/desk/reports/draft", data=asked)
    assert (second.status, "刚由别人起草" in await second.text()) == (409, True)


async def test_drafted_signed_and_fetched(
    client: Client, deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_tickets(deps.db, *ITEMS)
    await reference.sync(deps)
    while await refreshing.catch_up(deps):
        pass
    page = await (await client.get("/desk/reports")).text()
    form = hidden(page, "/desk/reports/draft")
    for period in ("x", "9999-12", "0001-01"):
        wrong = await client.post("/desk/reports/draft", data=form | {"kind": "monthly", "period": period})
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

    def made_by(report: Report, *, office: bool = True) -> bytes:
        makers.add(threading.get_ident())
        return rendering.pdf(report, office=office)

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


async def test_what_was_typed_stays_and_a_person_s_draft_is_not_replaced_unasked(
    client: Client, deps: Deps
) -> None:
    await add_tickets(deps.db, *ITEMS)
    await reference.sync(deps)
    while await refreshing.catch_up(deps):
        pass
    wanted = {"kind": "monthly", "period": "2026-10"}
    form = hidden(await (await client.get("/desk/reports")).text(), "/desk/reports/draft") | wanted
    one = await (await client.post("/desk/reports/draft", data=form)).text()
    mine = hidden(one, "/desk/reports/1/edit")
    # Refused: the words are still in the form, and the version is the one to go on from.
    refused = await client.post("/desk/reports/1/edit", data=mine | {"text": "没有小标题的一句"})
    told = await refused.text()
    assert (refused.status, "没有小标题的一句</textarea>" in told) == (400, True)
    await client.post("/desk/reports/1/edit", data=mine | {"text": "# 总体情况\n共3件。"})
    late = await client.post("/desk/reports/1/edit", data=mine | {"text": "# 总体情况\n来晚的3件。"})
    told = await late.text()
    assert (late.status, "来晚的3件。</textarea>" in told, "共3件。" in told) == (409, True, True)
    # Signed is what is saved, never what stands in the form beside it.
    unsaved = hidden(told, "/desk/reports/1/edit") | {"text": "# 总体情况\n别的3件。"}
    answer = await client.post("/desk/reports/1/sign", data=unsaved)
    assert (answer.status, "还没保存的改动" in await answer.text()) == (400, True)
    # Drafting the period again asks first; each draft can be read and restored.
    asked = await client.post("/desk/reports/draft", data=form)
    told = await asked.text()
    assert (asked.status, "现在是第 2 稿" in told) == (409, True)
    again = await client.post("/desk/reports/draft", data=hidden(told, "/desk/reports/draft") | wanted)
    assert "本期共收到诉求3件" in await again.text()
    earlier = await (await client.get("/desk/reports/1?draft=2")).text()
    assert "共3件。</textarea>" in earlier
    assert "恢复这一稿" in earlier
    assert (await client.get("/desk/reports/1?draft=9")).status == 404


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
    assert next(row for row in rows if row.startswith("#")).startswith("# 诉求：当月收到")
    told = await (await client.get("/open/2026-10.json")).json()
    assert told["least"] == 5
    assert {"district_code": "", "district": "全市", "sort": "", "sort_name": "合计", "count": 7} in told[
        "cells"
    ]
    assert (await client.get("/open?month=x")).status == 400
