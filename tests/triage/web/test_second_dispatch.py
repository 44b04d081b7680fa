"""二次派单 over HTTP: the form without a script, the units that it offers, who is refused."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.notices import Notice
from models.vocab_staff import Role
from tests.factories import TicketIn, add_tickets
from tests.triage.web.test_bulk import call, worked
from tests.triage.web.test_moves import SAME_SITE, form_of, post, stored
from triage.services import reference

if TYPE_CHECKING:
    from tests.triage.web.conftest import ClientOf
    from triage.services.deps import Deps

GOVERNMENT, WANGJING = "110105", "110105026"


async def one(deps: Deps, **more: object) -> str:
    told = {"unit": GOVERNMENT, "assist": (), "copies": (), "age": timedelta(0), **more}
    (no,) = await add_tickets(deps.db, TicketIn(**told))  # type: ignore[arg-type]
    await reference.sync(deps)
    return no


def offered(page: str) -> list[str]:
    """The values of the select that asks for the unit."""
    (select,) = re.findall(r'<select id="pass_on-unit".*?</select>', page, re.DOTALL)
    return re.findall(r'<option value="([^"]+)"', select)


async def test_the_page_offers_the_district_s_own_units_and_sends_without_a_script(
    client_of: ClientOf, deps: Deps
) -> None:
    no = await one(deps)
    officer = await client_of(Role.BUREAU, unit=GOVERNMENT)
    page = await (await officer.get(f"/desk/tickets/{no}")).text()
    units = offered(page)
    known = deps.tables.units
    assert {known[code].district_code for code in units} == {GOVERNMENT}
    assert {known[code].level.value for code in units} == {"street", "bureau"}
    assert (WANGJING in units, GOVERNMENT in units) == (True, False)
    assert page.index('id="move-sign"') < page.index('id="move-pass_on"') < page.index('id="move-object"')
    hidden = await form_of(officer, no, "pass_on")
    sent = {**hidden, "unit": WANGJING, "reason": ""}
    answer = await officer.post(f"/desk/tickets/{no}/moves", data=sent, headers=SAME_SITE)
    text = await answer.text()
    assert (answer.status, "二次派单" in text, 'id="move-undo"' in text) == (200, True, True)
    assert (await stored(deps.db, no)).unit_code == WANGJING
    street = await client_of(Role.STREET, unit=WANGJING)
    seen = await (await street.get(f"/desk/tickets/{no}")).text()
    assert ('id="move-sign"' in seen, 'id="move-pass_on"' in seen) == (True, False)


async def test_a_unit_of_another_district_is_refused_beside_the_field_and_what_was_chosen_stays(
    client_of: ClientOf, deps: Deps
) -> None:
    no = await one(deps)
    officer = await client_of(Role.BUREAU, unit=GOVERNMENT)
    hidden = await form_of(officer, no, "pass_on")
    sent = {**hidden, "unit": "110108-water", "reason": "属区管道路"}
    answer = await officer.post(f"/desk/tickets/{no}/moves", data=sent, headers=SAME_SITE)
    text = await answer.text()
    assert "二次派单只能给朝阳区人民政府下面的街道乡镇或区级部门" in text
    assert re.search(r'<select id="pass_on-unit"[^>]*aria-invalid="true"', text)
    assert "属区管道路" in text
    assert (await stored(deps.db, no)).unit_code == GOVERNMENT


async def test_by_json_a_whole_name_is_taken_and_options_are_told(client_of: ClientOf, deps: Deps) -> None:
    no = await one(deps)
    officer = await client_of(Role.BUREAU, unit=GOVERNMENT)
    asked = f"/api/v1/tickets/{no}/moves?post=district&unit={GOVERNMENT}"
    items = (await (await officer.get(asked)).json())["items"]
    (found,) = [item for item in items if item["move"]["code"] == "pass_on"]
    (unit,) = [field for field in found["fields"] if field["name"] == "unit"]
    assert unit["kind"] == "choice"
    assert {"code": WANGJING, "label": "望京街道办事处"} in unit["options"]
    body = {
        "move": "pass_on", "version": 1, "as": {"post": "district", "unit": GOVERNMENT},
        "values": {"unit": "望京街道办事处"},
    }  # fmt: skip
    assert (await post(officer, no, body)).status == 200
    assert (await stored(deps.db, no)).unit_code == WANGJING


@pytest.mark.parametrize(
    ("role", "unit", "acts", "status"),
    [
        (Role.STREET, WANGJING, {"post": "unit", "unit": WANGJING}, 404),
        (Role.STREET, WANGJING, {"post": "district", "unit": GOVERNMENT}, 403),
        (Role.BUREAU, "110108", {"post": "district", "unit": "110108"}, 404),
        (Role.BUREAU, "110108", {"post": "district", "unit": GOVERNMENT}, 403),
        (Role.CLERK, None, {"post": "hotline"}, 422),
        (Role.SUPERVISOR, None, {"post": "district", "unit": GOVERNMENT}, 403),
        (Role.SUPERVISOR, GOVERNMENT, {"post": "supervisor"}, 422),
        (Role.SUPERVISOR, GOVERNMENT, {"post": "district", "unit": GOVERNMENT}, 200),
    ],
)
async def test_who_may(  # noqa: PLR0917  (a table)
    client_of: ClientOf, deps: Deps, role: Role, unit: str | None, acts: dict[str, str], status: int
) -> None:
    no = await one(deps)
    who = await client_of(role, unit=unit)
    body = {"move": "pass_on", "version": 1, "as": acts, "values": {"unit": "110105023"}}
    assert (await post(who, no, body)).status == status


async def test_of_a_confidential_case_the_district_is_told_that_it_no_longer_sees_it(
    client_of: ClientOf, deps: Deps
) -> None:
    no = await one(deps, confidential=True)
    officer = await client_of(Role.BUREAU, unit=GOVERNMENT)
    page = await (await officer.get(f"/desk/tickets/{no}")).text()
    assert "要求保密的：转给本区街道乡镇或区级部门以后，区里不再看得到，也不能撤销" in page
    hidden = await form_of(officer, no, "pass_on")
    sent = {**hidden, "unit": WANGJING}
    answer = await officer.post(f"/desk/tickets/{no}/moves", data=sent, headers=SAME_SITE)
    text = await answer.text()
    assert (answer.status, "不再看得到它" in text, "data-gone" in text) == (200, True, True)
    assert (await officer.get(f"/desk/tickets/{no}")).status == 404


async def test_several_at_once_are_sent_by_name_and_the_unit_hears_once(
    client_of: ClientOf, deps: Deps
) -> None:
    numbers = [await one(deps), await one(deps, unit=WANGJING), await one(deps, confidential=True)]
    officer = await client_of(Role.BUREAU, unit=GOVERNMENT)
    acts = {"post": "unit", "unit": GOVERNMENT}
    asked = {"move": "pass_on", "tickets": numbers, "values": {"unit": "110105-ecology"}, "as": acts}
    draft = await call(officer, "", asked, 201)
    await call(officer, f"/{draft['id']}/start", {"as": acts}, 200)
    await worked(deps, draft["id"])
    assert [(await stored(deps.db, no)).unit_code for no in numbers] == [
        "110105-ecology", WANGJING, "110105-ecology",
    ]  # fmt: skip
    async with deps.db.reads() as session:
        rows = await session.execute(sa.select(Notice.template, Notice.recipient))
        assert [tuple(row) for row in rows] == [("bulk", "110105-ecology")]
    shown = await (await officer.get(f"/desk/bulk/{draft['id']}")).text()
    assert (numbers[0] in shown, numbers[2] in shown) == (True, False)


async def test_what_a_secret_case_comes_to_is_said_of_those_alone_before_many_are_handed_on(
    client_of: ClientOf, deps: Deps
) -> None:
    no = await one(deps)
    officer = await client_of(Role.BUREAU, unit=GOVERNMENT)
    page = await (await officer.get(f"/desk/bulk/new?no={no}&move=pass_on")).text()
    assert "；要求保密的：转给本区街道乡镇或区级部门以后，区里不再看得到，也不能撤销" in page
    assert "办完后可以整批撤销（短时间内，要求保密的除外）" in page
    others = await (await officer.get(f"/desk/bulk/new?no={no}&move=extend_ask")).text()
    assert "要求保密的除外" not in others
