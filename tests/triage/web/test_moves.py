"""Moves over HTTP: JSON and the forms of the page, refusals in words, forged requests refused."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import sqlalchemy as sa

from models.tickets import Ticket
from models.vocab import Move, State
from models.vocab_staff import Role
from tests.factories import TicketIn, add_tickets
from tests.triage.web.problem import assert_problem
from triage.services import reference
from triage.web.openapi import document

if TYPE_CHECKING:
    from models.db import Database
    from tests.triage.web.conftest import Client, ClientOf
    from triage.services.deps import Deps

STREET = {"post": "unit", "unit": "望京街道办事处", "name": "甲"}
SAME_SITE = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
async def no(deps: Deps) -> str:
    (made,) = await add_tickets(deps.db, TicketIn())
    await reference.sync(deps)
    return made


async def post(client: Client, no: str, body: dict[str, Any], key: str = "k1", **headers: str) -> Any:  # noqa: ANN401
    return await client.post(
        f"/api/v1/tickets/{no}/moves", json=body, headers={"Idempotency-Key": key, **headers}
    )


def valid(view: str, body: object) -> None:
    schema = {"$ref": f"#/components/schemas/{view}", "components": document()["components"]}
    jsonschema.Draft202012Validator(schema).validate(body)


async def stored(db: Database, no: str) -> Ticket:
    async with db.reads() as session:
        return (await session.execute(sa.select(Ticket).where(Ticket.no == no))).scalar_one()


async def test_the_list_of_moves_says_what_and_why_not(client: Client, no: str) -> None:
    response = await client.get(f"/api/v1/tickets/{no}/moves?post=unit&unit=110105026")
    body = await response.json()
    valid("MoveList", body)
    assert (body["version"], body["next"]["code"]) == (1, "sign")
    assert {item["move"]["code"] for item in body["items"]} == {move.value for move in Move}
    assert all(item["possible"] or "依据" in item["why"] for item in body["items"])
    objection = next(item for item in body["items"] if item["move"]["code"] == "object")
    assert [f["name"] for f in objection["fields"] if f["required"]] == ["reason", "clause", "proposed_unit"]


async def test_a_move_is_made_and_sending_it_again_changes_nothing(
    client: Client, no: str, db: Database
) -> None:
    body = {"move": "sign", "version": 1, "as": STREET}
    first, again = await post(client, no, body), await post(client, no, body)
    made = await first.json()
    valid("MoveMade", made)
    assert (made["state"]["code"], made["version"], made["repeated"]) == ("signed", 2, False)
    assert (await again.json())["repeated"] is True
    assert (await stored(db, no)).version == 2


async def test_a_field_that_some_results_need_says_which(client: Client, no: str) -> None:
    await post(client, no, {"move": "sign", "version": 1, "as": STREET})
    body = await (await client.get(f"/api/v1/tickets/{no}/moves?post=unit&unit=110105026")).json()
    valid("MoveList", body)
    contact = next(item for item in body["items"] if item["move"]["code"] == "contact")
    assert [(field["name"], field["when"]) for field in contact["fields"]] == [
        ("outcome", None), ("told_citizen", "已联系上时必填"), ("note", None)
    ]  # fmt: skip
    await be(client, no, **STREET)
    page = await (await client.get(f"/desk/tickets/{no}")).text()
    assert '诉求人说明的方式<small class="muted">已联系上时必填</small>' in page


async def test_who_moves_a_ticket_out_of_their_own_sight_is_told_that_it_was_done(
    client_of: ClientOf, deps: Deps, db: Database
) -> None:
    (no,) = await add_tickets(deps.db, TicketIn(copies=(), assist=()))
    await reference.sync(deps)
    district = await client_of(Role.CLERK, unit="110105")
    values = {"unit": "海淀区生态环境局", "reason": "实际地址在海淀区"}
    away = {"move": "reassign", "version": 1, "as": {"post": "hotline"}, "values": values}
    first, again = await post(district, no, away), await post(district, no, away)
    made, repeated = await first.json(), await again.json()
    valid("MoveMade", made)
    assert (made["state"], made["due_at"], made["version"], made["repeated"]) == (None, None, 2, False)
    assert (repeated["version"], repeated["repeated"]) == (2, True)
    assert (await stored(db, no)).version == 2
    # The same key with anything else tells nothing.
    other = {**away, "values": {**values, "reason": "别的"}}
    await assert_problem(await post(district, no, other), 404, "not_found", "没有这张工单")


async def test_a_refusal_names_the_clause(client: Client, no: str) -> None:
    response = await post(client, no, {"move": "feedback", "version": 1, "as": STREET})
    await assert_problem(response, 422, "move_refused", "依据：条例 §15(3)")
    objection = {"move": "object", "version": 1, "as": STREET, "values": {"reason": "不归我们管理"}}
    await assert_problem(
        await post(client, no, objection), 422, "move_refused", "必须写明依据条款或职责清单条目"
    )


async def test_a_conflict_says_who_did_what(client: Client, no: str) -> None:
    await post(client, no, {"move": "sign", "version": 1, "as": STREET})
    late = {"move": "urge", "version": 1, "as": {"post": "hotline"}, "values": {"note": "又来电"}}
    await assert_problem(
        await post(client, no, late, key="k2"), 409, "version_conflict", "望京街道办事处 甲：签收"
    )
    other = {"move": "urge", "version": 2, "as": {"post": "hotline"}, "values": {"note": "又来电"}}
    await assert_problem(await post(client, no, other, key="k1"), 409, "key_reused", "提交编号")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"move": "fly", "version": 1, "as": STREET}, "操作 move 只能是"),
        ({"move": "sign", "version": 0, "as": STREET}, "版本 version"),
        ({"move": "sign", "version": True, "as": STREET}, "版本 version"),
        ({"move": "sign", "version": 1, "as": {"post": "system"}}, "身份 post 只能是"),
        ({"move": "sign", "version": 1, "as": {"post": "unit", "unit": "没有这家"}}, "要写明是哪个单位"),
        ({"move": "sign", "version": 1, "as": {"post": "district", "unit": "110105026"}}, "要选区政府"),
        ({"move": "sign", "version": 1, "as": {**STREET, "name": "很" * 21}}, "最多 20 个字"),
        ({"move": "sign", "version": 1, "as": STREET, "more": 1}, "不认识的键：more"),
        ({"move": "sign", "version": 1, "as": STREET, "values": {"more": "1"}}, "不认识的键：more"),
        ({"move": "sign", "version": 1, "as": STREET, "values": ["x"]}, "values 应是 JSON 对象"),
        ({"move": "sign", "version": 1, "as": {"post": ["unit"]}}, "post 应是文字"),
        ([], "应是 JSON 对象"),
    ],
)
async def test_a_bad_request_is_named(client: Client, no: str, body: Any, words: str) -> None:  # noqa: ANN401
    await assert_problem(await post(client, no, body), 400, "bad_input", words)


async def test_without_a_key_nothing_is_done(client: Client, no: str, db: Database) -> None:
    body = {"move": "sign", "version": 1, "as": STREET}
    await assert_problem(await post(client, no, body, key=""), 400, "bad_input", "提交编号")
    assert (await stored(db, no)).version == 1


async def test_no_json_and_no_ticket_are_told(client: Client, no: str) -> None:
    address = f"/api/v1/tickets/{no}/moves"
    broken = await client.post(address, data=b"{", headers={"Content-Type": "application/json"})
    await assert_problem(broken, 400, "bad_input", "不是合法的 JSON")
    form = await client.post(address, data={"move": "sign"})
    await assert_problem(form, 415, "wrong_type", "application/json")
    body = {"move": "sign", "version": 1, "as": STREET}
    await assert_problem(await post(client, "20261123-99999999", body), 404, "not_found", "没有这张工单")
    await assert_problem(
        await client.get("/api/v1/tickets/20261123-99999999/moves"), 404, "not_found", "没有这张工单"
    )


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ],
)
async def test_a_request_from_elsewhere_is_refused(
    client: Client, no: str, db: Database, headers: dict[str, str]
) -> None:
    body = {"move": "sign", "version": 1, "as": STREET}
    await assert_problem(await post(client, no, body, **headers), 403, "forged", "不是从本系统的页面发出")
    assert (await stored(db, no)).version == 1


async def form_of(client: Client, no: str, move: str) -> dict[str, str]:
    """The hidden fields of a form of the page."""
    text = await (await client.get(f"/desk/tickets/{no}")).text()
    form = re.search(rf'data-form="{move}"[^>]*>(.*?)</form>', text, re.DOTALL)
    assert form is not None, text
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[1]))


async def be(client: Client, no: str, **who: str) -> None:
    """Choose 当前身份 on the page."""
    text = await (await client.get(f"/desk/tickets/{no}")).text()
    token = re.search(r'name="token" value="([^"]+)"', text)
    assert token is not None
    response = await client.post(
        "/desk/as", data={"token": token[1], "back": f"/desk/tickets/{no}", **who}, allow_redirects=False,
        headers=SAME_SITE,
    )  # fmt: skip
    assert (response.status, response.headers["Location"]) == (303, f"/desk/tickets/{no}")


async def test_a_form_makes_a_move_and_leads_back(client: Client, no: str, db: Database) -> None:
    assert (
        "现在等待：<b>承办单位（望京街道办事处）签收</b>"
        in await (await client.get(f"/desk/tickets/{no}")).text()
    )
    await be(client, no, **STREET)
    hidden = await form_of(client, no, "sign")
    address = f"/desk/tickets/{no}/moves"
    response = await client.post(address, data=hidden, headers=SAME_SITE, allow_redirects=False)
    assert (response.status, response.headers["Location"]) == (303, f"/desk/tickets/{no}?done=sign")
    page = await (await client.get(response.headers["Location"])).text()
    for words in (
        "已签收。",
        "签收时限",
        '<code class="muted">sign.U3@2020-01-01</code>',
        "11-23 16:00 停",
        "当前身份：<b>承办单位 · 望京街道办事处 甲</b>",
        "已派单 → 已签收",
        'data-form="contact"',
    ):
        assert words in page
    assert (await stored(db, no)).state == State.SIGNED.value


async def test_a_caller_who_must_wait_is_told_why(client: Client, no: str) -> None:
    steps: tuple[dict[str, Any], ...] = (
        {"move": "sign"},
        {"move": "contact", "values": {"outcome": "reached", "told_citizen": "phone"}},
        {
            "move": "feedback",
            "values": {"note": "已责令停工整改", "told_citizen": "phone", "attachment": "照片 P-1"},
        },
    )
    for version, step in enumerate(steps, start=1):
        made = await post(client, no, {**step, "version": version, "as": STREET}, key=f"k{version}")
        assert made.status == 200
    await be(client, no, post="follow_up")
    page = await (await client.get(f"/desk/tickets/{no}")).text()
    assert "现在等待：<b>回访员回访</b>。办理时限期满后才回访" in page


async def test_a_refused_form_keeps_what_was_typed(client: Client, no: str, db: Database) -> None:
    await be(client, no, **STREET)
    hidden = await form_of(client, no, "object")
    typed = {"reason": "不在我街道<辖区>内", "clause": "不归我们管", "proposed_unit": "朝阳区生态环境局"}
    response = await client.post(f"/desk/tickets/{no}/moves", data={**hidden, **typed}, headers=SAME_SITE)
    text = await response.text()
    assert response.status == 422
    for words in ("看不出依据哪一条", "不在我街道&lt;辖区&gt;内", 'value="110105-ecology"', 'class="wrong"'):
        assert words in text.replace("朝阳区生态环境局", "110105-ecology")
    assert (await stored(db, no)).version == 1
    again = {**hidden, **typed, "clause": "条例第12条"}
    done = await client.post(f"/desk/tickets/{no}/moves", data=again, headers=SAME_SITE)
    page = await done.text()
    assert done.status == 200
    assert "现在等待：<b>热线坐席、督办审核派单异议</b>" in page
    assert "各方理由并列" in page
    assert "建议承办" in page


async def test_a_conflict_shows_the_page_as_it_is_now(client: Client, no: str) -> None:
    hidden = await form_of(client, no, "urge")
    await post(client, no, {"move": "sign", "version": 1, "as": STREET})
    data = {**hidden, "note": "诉求人又来电"}
    response = await client.post(f"/desk/tickets/{no}/moves", data=data, headers=SAME_SITE)
    text = await response.text()
    assert response.status == 409
    for words in ("望京街道办事处 甲：签收", "诉求人又来电", 'name="version" value="2"'):
        assert words in text
    fresh = re.search(r'data-form="urge"[^>]*>.*?name="key" value="(\w+)"', text, re.DOTALL)
    assert fresh is not None
    assert fresh[1] != hidden["key"]


@pytest.mark.parametrize("token", ["", "x" * 43])
async def test_a_form_without_its_token_is_refused(client: Client, no: str, db: Database, token: str) -> None:
    hidden = await form_of(client, no, "urge")
    for path in (f"/desk/tickets/{no}/moves", "/desk/as"):
        data = {**hidden, "note": "诉求人又来电", "token": token}
        response = await client.post(path, data=data, headers=SAME_SITE)
        assert response.status == 403
        assert "不是从本系统的页面发出" in await response.text()
    assert (await stored(db, no)).version == 1


@pytest.mark.parametrize(
    ("told", "link"),
    [
        (
            "{own}desk/tickets/1?done=sign",
            '<a class="button" href="/desk/tickets/1?done=sign">回到刚才的页面</a>',
        ),
        ("{own}citizen", '<a class="button" href="/desk">回到列表</a>'),
        ("http://evil.example/desk", '<a class="button" href="/desk">回到列表</a>'),
        ("http://[", '<a class="button" href="/desk">回到列表</a>'),
        ("", '<a class="button" href="/desk">回到列表</a>'),
    ],
)
async def test_a_refused_identity_leads_back_to_the_page_it_was_chosen_on(
    client: Client, no: str, told: str, link: str
) -> None:
    hidden = await form_of(client, no, "urge")
    headers = SAME_SITE | {"Referer": told.format(own=client.make_url("/"))}
    data = {"token": hidden["token"], "post": "unit", "unit": "望京"}
    response = await client.post("/desk/as", data=data, headers=headers)
    text = await response.text()
    assert response.status == 400
    assert "从列表里选，或写全称" in text
    assert link in text


@pytest.mark.parametrize("back", ["https://evil.example", "//evil.example", "/api", "/desk\\evil"])
async def test_nobody_is_led_elsewhere(client: Client, no: str, back: str) -> None:
    hidden = await form_of(client, no, "urge")
    data = {"token": hidden["token"], "post": "hotline", "back": back}
    response = await client.post("/desk/as", data=data, headers=SAME_SITE, allow_redirects=False)
    assert response.headers["Location"] == "/desk"


@pytest.mark.parametrize(
    "cookie", ["king||", "unit|nobody|", "unit||", "district|110105026|", "a|b", "%FF|%FF|"]
)
async def test_a_cookie_that_does_not_fit_is_the_clerk(client: Client, no: str, cookie: str) -> None:
    client.session.cookie_jar.update_cookies({"jiesu_as": cookie})
    assert "当前身份：<b>热线坐席</b>" in await (await client.get(f"/desk/tickets/{no}")).text()


async def test_bytes_that_are_no_form_are_told(client: Client, no: str) -> None:
    headers = {**SAME_SITE, "Content-Type": "application/x-www-form-urlencoded"}
    response = await client.post(f"/desk/tickets/{no}/moves", data=b"note=\xff\xfe", headers=headers)
    assert response.status == 400
    assert "表单内容无法读取" in await response.text()


@pytest.mark.parametrize(
    "until",
    ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", "2099-01-01T00:00", "明天", "2026-11-23"],
)
async def test_no_moment_breaks_anything(client: Client, no: str, until: str) -> None:
    await post(client, no, {"move": "sign", "version": 1, "as": STREET})
    values = {"assist": ["110105-water"], "until": until, "reason": "请到现场会商"}
    refused = await post(
        client, no, {"move": "whistle", "version": 2, "as": STREET, "values": values}, key="k2"
    )
    await assert_problem(refused, 422, "move_refused", "期限")


async def test_who_was_called_in_is_shown_with_its_time(client: Client, no: str) -> None:
    await post(client, no, {"move": "sign", "version": 1, "as": STREET})
    values = {
        "assist": "朝阳区水务局、朝阳区生态环境局",
        "until": "2026-11-24T12:00",
        "reason": "请到现场会商",
    }
    await post(client, no, {"move": "whistle", "version": 2, "as": STREET, "values": values}, key="k2")
    water = {"post": "unit", "unit": "朝阳区水务局"}
    body = {"move": "report_in", "version": 3, "as": water, "values": {"note": "已到现场取样"}}
    assert (await post(client, no, body, key="k3")).status == 200
    text = await (await client.get(f"/desk/tickets/{no}")).text()
    for words in ("应于 11-24 12:00 前报到", "已于 11-23 16:00 报到"):
        assert words in text
    whole = await (await client.get(f"/api/v1/tickets/{no}")).json()
    valid("TicketView", whole)
    assert {u["code"]: u["reported_at"] for u in whole["units"]}["110105-water"] == "2026-11-23T08:00:00Z"


async def test_a_wish_is_shown_to_whoever_answers_it(client: Client, no: str) -> None:
    values = {"reason": "经查属于重复统计", "clause": "条例第32条"}
    await post(client, no, {"move": "exclude_ask", "version": 1, "as": STREET, "values": values})
    await be(client, no, post="supervisor")
    text = await (await client.get(f"/desk/tickets/{no}")).text()
    for words in ("等待审批：<b>申请剔除</b>", "经查属于重复统计", 'data-form="exclude_grant"'):
        assert words in text
    assert text.index('data-form="exclude_grant"') < text.index('data-form="urge"')
    listed = await (await client.get("/api/v1/tickets?state=asked")).json()
    assert [item["no"] for item in listed["items"]] == [no]


async def test_the_page_of_objections_tells_what_was_raised(client: Client, no: str) -> None:
    assert "这个月没有退单" in await (await client.get("/desk/objections")).text()
    values = {"reason": "不在我街道辖区内", "clause": "条例第12条", "proposed_unit": "朝阳区生态环境局"}
    await post(client, no, {"move": "object", "version": 1, "as": STREET, "values": values})
    text = await (await client.get("/desk/objections?month=2026-11")).text()
    for words in ("退单 <b>1</b> 次", "待审 <b>1</b>", "（人工派单）", "朝阳区生态环境局 1", "month=2026-10"):
        assert words in text
    assert (await client.get("/desk/objections?month=2026-13")).status == 400


async def test_an_objection_is_offered_the_rows_it_may_stand_on(client: Client, no: str) -> None:
    response = await client.get(f"/api/v1/tickets/{no}/moves?post=unit&unit=110105026")
    found = next(item for item in (await response.json())["items"] if item["move"]["code"] == "object")
    clause = next(field for field in found["fields"] if field["name"] == "clause")
    assert "NOI-01/lead/street@2020-07-01" in {option["code"] for option in clause["options"]}
    await be(client, no, **STREET)
    assert 'id="object-clause-list"' in await (await client.get(f"/desk/tickets/{no}")).text()
