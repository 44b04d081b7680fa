"""/login, /me: nobody gets in without an account, and what is planted or stolen opens nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from models.vocab_staff import Permission, Role
from tests import signed_in
from tests.factories import TicketIn, add_tickets
from tests.triage.services.staff.helpers import PASSWORD, acts, code_at, enrolled, person
from tests.triage.web.problem import assert_problem
from tests.triage.web.signin.conftest import without_codes
from triage.services.staff import tokens
from triage.services.staff.rules import rule_at
from triage.settings import Settings
from triage.web.app import make_app

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.triage.services.staff.conftest import Clock
    from tests.triage.web.conftest import Client, ClientOf
    from tests.triage.web.signin.conftest import Hand
    from triage.services.deps import Deps

NEW = "another 好 long password"


@pytest.fixture
def deps(deps: Deps) -> Deps:
    """An auditor is in at once: what is tried here is what comes before a code, and after."""
    return without_codes(deps)


async def test_a_page_asked_for_is_come_to_after_signing_in(deps: Deps, hand: Hand) -> None:
    await person(deps, "boss", (Role.SUPERVISOR, None))
    app, _ = await enrolled(deps, 1)
    deps.clock.later(seconds=60)  # type: ignore[attr-defined]

    await hand.sign_in("boss", PASSWORD, "/desk?due=2h")
    assert hand.address == "/login/code?next=/desk?due%3D2h"
    await hand.post("/login/code", code=code_at(app, deps.clock.now()), next="/desk?due=2h")

    assert (hand.status, hand.address) == (200, "/desk?due=2h")


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/desk", "//evil.example", "/\\evil.example", "/static/x"]
)
async def test_nobody_is_led_elsewhere(deps: Deps, hand: Hand, wanted: str) -> None:
    await person(deps, "auditor", (Role.AUDITOR, None))
    await hand.get("/login")
    await hand.post("/login", login="auditor", password=PASSWORD, next=wanted)
    assert (hand.status, hand.address) == (200, "/desk/audit")


async def test_what_was_refused_says_so_and_keeps_the_login(deps: Deps, hand: Hand) -> None:
    await person(deps, "wang")
    page = await hand.sign_in("wang", "wrong")
    assert (hand.status, "账号或密码不对" in page, 'value="wang"' in page, "wrong" in page) == (
        403,
        True,
        True,
        False,
    )
    assert hand.session == ""


async def test_the_session_is_another_one_after_signing_in(deps: Deps, browser: Callable[[], Hand]) -> None:
    """Session fixation: whoever knows the token from before is not let in by it."""
    await person(deps, "wang", (Role.AUDITOR, None))
    await person(deps, "li", (Role.AUDITOR, None))
    attacker, victim = browser(), browser()
    await attacker.sign_in("li", PASSWORD)
    planted = attacker.session
    victim.client.session.cookie_jar.update_cookies({signed_in.COOKIE: planted}, victim.client.make_url("/"))
    await victim.get("/me")
    await victim.post("/logout")
    victim.client.session.cookie_jar.update_cookies({signed_in.COOKIE: planted}, victim.client.make_url("/"))

    await victim.sign_in("wang", PASSWORD)

    assert victim.session not in {"", planted}
    await attacker.get("/me")
    assert attacker.address.startswith("/login")


async def test_the_form_needs_its_token_and_a_page_of_ours(deps: Deps, hand: Hand) -> None:
    await person(deps, "wang")
    await hand.get("/login")
    form = {"login": "wang", "password": PASSWORD}
    without = await hand.client.post("/login", data=form)
    foreign = await hand.client.post("/login", data=form, headers={"Sec-Fetch-Site": "cross-site"})
    assert (without.status, foreign.status, hand.session) == (403, 403, "")


async def test_programs_are_told_401_and_pages_lead_to_the_login(stranger: Client) -> None:
    await assert_problem(await stranger.get("/api/v1/tickets"), 401, "not_signed_in", "登录")
    bearer = {"Authorization": "Bearer jiesu_nothing"}
    await assert_problem(await stranger.get("/api/v1/tickets", headers=bearer), 401, "wrong_token", "令牌")
    page = await stranger.get("/desk/staff", allow_redirects=False)
    assert (page.status, page.headers["Location"]) == (303, "/login?next=/desk/staff")


async def test_signing_out_ends_it_for_whoever_kept_the_token(
    deps: Deps, hand: Hand, stranger: Client
) -> None:
    await person(deps, "wang", (Role.AUDITOR, None))
    await hand.sign_in("wang", PASSWORD)
    kept = {signed_in.COOKIE: hand.session}
    assert (await stranger.get("/me", cookies=kept, allow_redirects=False)).status == 200

    page = await hand.post("/logout")

    assert ("已退出" in page, hand.session) == (True, "")
    assert (await stranger.get("/me", cookies=kept, allow_redirects=False)).status == 303


async def test_a_given_password_is_changed_before_anything_else(
    deps: Deps, browser: Callable[[], Hand]
) -> None:
    await person(deps, "wang", (Role.AUDITOR, None), must=True)
    other, hand = browser(), browser()
    await other.sign_in("wang", PASSWORD)
    await hand.sign_in("wang", PASSWORD)
    assert hand.address == "/me/password"
    assert "/me/password" in (await hand.client.get("/me")).url.path
    await assert_problem(await hand.client.get("/api/v1/units"), 403, "must_change", "密码")

    page = await hand.post("/me/password", old="wrong words here", new=NEW, again=NEW)
    assert "原密码不对" in page
    page = await hand.post("/me/password", old=PASSWORD, new="wang 123456789", again="wang 123456789")
    assert "不能有账号" in page
    page = await hand.post("/me/password", old=PASSWORD, new=NEW, again=NEW)

    assert (hand.status, hand.address, "其他会话都已结束" in page) == (200, "/me?done=password", True)
    await other.get("/me")
    assert other.address.startswith("/login")


async def test_a_role_that_needs_codes_enrols_first_and_is_asked_from_then_on(
    deps: Deps, hand: Hand, clock: Clock
) -> None:
    await person(deps, "admin", (Role.ADMIN, None))
    page = await hand.sign_in("admin", PASSWORD)
    assert hand.address == "/me/code"
    assert "<svg" in page
    await assert_problem(await hand.client.get("/api/v1/units"), 403, "must_enrol", "动态验证码")
    secret = re.findall(r'class="secret">([^<]+)<', page)[0].replace(" ", "")
    app = pyotp.TOTP(secret)
    before = hand.session

    page = await hand.post("/me/code", code="000000")
    assert (hand.status, "验证码不对" in page) == (422, True)
    page = await hand.post("/me/code", code=code_at(app, clock.now()))

    assert len(re.findall(r"<li><code>([A-Z2-7]{4}-){3}[A-Z2-7]{4}", page)) == 10
    assert hand.session != before
    await hand.get("/me/code")
    page = await hand.post("/me/code/change", code="000000")
    assert (hand.status, "验证码不对" in page) == (422, True)
    assert (await acts(deps, "admin"))[-1] == "staff.refused"
    await hand.get("/desk/staff")
    assert hand.status == 200
    await hand.post("/logout")
    clock.later(seconds=90)
    await hand.sign_in("admin", PASSWORD, "/desk/staff")
    assert hand.address == "/login/code?next=/desk/staff"
    half = hand.session
    await hand.get("/desk/staff")
    assert hand.address.startswith("/login/code")
    await hand.post("/login/code", code=code_at(app, clock.now()), next="/desk/staff")
    assert (hand.address, hand.session != half) == ("/desk/staff", True)


async def test_the_provisioning_address_is_what_authenticators_read(deps: Deps) -> None:
    from triage.services.staff import codes  # noqa: PLC0415

    address = codes.address_of(
        "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "wang", rule_at(deps.tables, deps.clock.now())
    )
    parts = urlsplit(address)
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert parse_qs(parts.query)["secret"] == ["JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"]


async def test_sessions_are_listed_and_ended_one_by_one(deps: Deps, browser: Callable[[], Hand]) -> None:
    await person(deps, "wang", (Role.AUDITOR, None))
    one, other = browser(), browser()
    await one.sign_in("wang", PASSWORD)
    await other.sign_in("wang", PASSWORD)
    page = await one.get("/me")
    (ended,) = re.findall(r'action="(/me/sessions/\d+/end)"', page)

    await one.post(ended)

    assert "会话已结束" in one.page
    await other.get("/me")
    assert other.address.startswith("/login")


async def test_what_a_page_fetches_by_itself_keeps_no_session_alive(
    deps: Deps, hand: Hand, clock: Clock
) -> None:
    await person(deps, "wang", (Role.AUDITOR, None))
    await hand.sign_in("wang", PASSWORD)
    for _ in range(2):
        clock.later(minutes=61)
        await hand.client.get("/me", headers={"Sec-Fetch-Dest": "empty"})
    assert (await hand.client.get("/me", allow_redirects=False)).status == 303

    await hand.sign_in("wang", PASSWORD)
    for _ in range(2):
        clock.later(minutes=61)
        await hand.client.get("/me", headers={"Sec-Fetch-Dest": "document"})
    assert (await hand.client.get("/me", allow_redirects=False)).status == 200


async def test_a_token_may_do_a_part_of_what_its_owner_may_do_now(
    client_of: ClientOf, stranger: Client
) -> None:
    clerk = await client_of(Role.CLERK)
    page = await (await clerk.get("/me")).text()
    (token,) = set(re.findall(r'name="token" value="([^"]+)"', page))
    form = {"token": token, "name": "看板", "days": "30", "scopes": "see_cases"}
    made = await (await clerk.post("/me/tokens", data=form)).text()
    (secret,) = re.findall(r'<code class="secret">(jiesu_[^<]+)<', made)
    beyond = await clerk.post("/me/tokens", data={**form, "scopes": "staff"})
    bearer = {"Authorization": f"Bearer {secret}"}

    listed = await stranger.get("/api/v1/tickets", headers=bearer)
    await assert_problem(await stranger.get("/api/v1/sources", headers=bearer), 403, "not_allowed", "权限")
    page_ = await stranger.get("/desk", headers=bearer, allow_redirects=False)

    assert (listed.status, beyond.status, page_.status) == (200, 400, 303)
    assert secret not in await (await clerk.get("/me")).text()


async def test_a_token_ends_with_its_day_its_owner_and_its_role(
    deps: Deps, stranger: Client, clock: Clock
) -> None:
    number = await person(deps, "wang", (Role.CLERK, None))
    async with deps.db.writes.begin() as session:
        rule = rule_at(deps.tables, clock.now())
        secret = await tokens.make(
            session, number, name="x", scopes=[Permission.SEE_CASES, Permission.SOURCES],
            allowed=list(Permission), days=1, rule=rule, by="wang", login="wang", now=clock.now(),
        )  # fmt: skip
    bearer = {"Authorization": f"Bearer {secret}"}

    # The owner's role gives no 来源, whatever the token says.
    assert (await stranger.get("/api/v1/sources", headers=bearer)).status == 403
    assert (await stranger.get("/api/v1/tickets", headers=bearer)).status == 200
    clock.later(days=1)
    assert (await stranger.get("/api/v1/tickets", headers=bearer)).status == 401


async def test_a_token_acts_as_no_post_that_it_was_not_given(
    deps: Deps, stranger: Client, clock: Clock
) -> None:
    number = await person(deps, "wang", (Role.CLERK, None), (Role.FOLLOW_UP, None))
    (no,) = await add_tickets(deps.db, TicketIn())
    async with deps.db.writes.begin() as session:
        secret = await tokens.make(
            session, number, name="x", scopes=[Permission.SEE_CASES, Permission.FOLLOW_UP, Permission.BULK],
            allowed=list(Permission), days=1, rule=rule_at(deps.tables, clock.now()), by="wang",
            login="wang", now=clock.now(),
        )  # fmt: skip
    bearer = {"Authorization": f"Bearer {secret}", "Idempotency-Key": "one"}
    wish = {"as": {"post": "hotline"}, "move": "urge", "values": {"note": "x"}, "version": 1}

    moved = await stranger.post(f"/api/v1/tickets/{no}/moves", json=wish, headers=bearer)
    await assert_problem(moved, 403, "post_not_yours", "岗位")
    own = await stranger.get(f"/api/v1/tickets/{no}/moves", params={"post": "follow_up"}, headers=bearer)
    assert own.status == 200


async def test_behind_tls_the_cookies_are_bound_to_the_host_and_never_in_the_clear(deps: Deps) -> None:
    await person(deps, "wang", (Role.AUDITOR, None))
    settings = Settings(
        tls=True, hosts="jiesu.example.gov.cn", password_memory_kib=8, password_passes=1, password_lanes=1,
        redis_url="redis://127.0.0.1:1/0",
    )  # fmt: skip
    async with TestClient(TestServer(make_app(replace(deps, settings=settings)))) as client:
        ours = {"Host": "jiesu.example.gov.cn"}
        page = await client.get("/login", headers=ours)
        token = re.findall(r'name="token" value="([^"]+)"', await page.text())[0]
        answer = await client.post(
            "/login", data={"token": token, "login": "wang", "password": PASSWORD},
            headers={**ours, "Cookie": f"jiesu_token={token}"}, allow_redirects=False,
        )  # fmt: skip
        other = await client.get("/login", headers={"Host": "evil.example"})
    (cookie,) = [line for line in answer.headers.getall("Set-Cookie") if "session" in line]
    assert cookie.startswith("__Host-jiesu_session=")
    assert [word for word in ("HttpOnly", "Secure", "SameSite=Lax", "Path=/") if word not in cookie] == []
    assert "Domain" not in cookie
    # The forms' token too: a line that others read would let them choose it.
    sent = [*page.headers.getall("Set-Cookie"), *answer.headers.getall("Set-Cookie")]
    assert [line for line in sent if "Secure" not in line] == []
    assert any(line.startswith("jiesu_token=") for line in sent)
    assert page.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert (answer.status, other.status) == (303, 421)
