"""/desk/staff: accounts are found, made, changed, disabled; nobody reaches beyond their unit."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa
from aiohttp.test_utils import TestClient, TestServer

from models.ledger import LedgerRow
from models.staff import Account, RoleGrant
from models.units import Staff
from models.vocab_staff import Role
from tests import signed_in
from tests.factories import NOW
from tests.triage.services.staff.helpers import acts
from triage.services import reference
from triage.web.app import make_app

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.triage.web.conftest import Client, ClientOf
    from tests.triage.web.signin.conftest import Hand
    from triage.services.deps import Deps


async def page(client: Client, path: str) -> str:
    answer = await client.get(path)
    text = await answer.text()
    assert answer.status == 200, text
    return text


async def send(client: Client, path: str, **fields: str) -> tuple[int, str]:
    token = {cookie.key: cookie.value for cookie in client.session.cookie_jar}["jiesu_token"]
    answer = await client.post(path, data={"token": token, **fields})
    return answer.status, await answer.text()


async def admin(client_of: ClientOf, unit: str | None = None) -> Client:
    found = await client_of(Role.ADMIN, unit=unit)
    await found.get("/me")
    return found


async def test_a_new_account_signs_in_with_the_password_that_is_shown_once(
    client_of: ClientOf, browser: Callable[[], Hand], deps: Deps
) -> None:
    boss = await admin(client_of)
    status, made = await send(
        boss, "/desk/staff", login="Zhao.Liu", name="赵六", unit="望京街道办事处", role="supervisor"
    )
    (password,) = re.findall(r'<code class="secret">([^<]+)<', made)
    hand = browser()
    await hand.sign_in("zhao.liu", password)

    assert (status, hand.address) == (200, "/me/password")
    assert password not in await page(boss, "/desk/staff/zhao.liu")
    assert await acts(deps, "zhao.liu") == ["staff.added", "staff.changed", "staff.signed_in"]


async def test_what_is_wrong_with_a_form_is_said_and_what_was_typed_stays(client_of: ClientOf) -> None:
    boss = await admin(client_of)
    for fields, fault in (
        ({"login": "A B", "name": "x"}, "账号名用"),
        ({"login": "system", "name": "x"}, "账号名用"),
        ({"login": "ok", "name": " "}, "姓名要写"),
        ({"login": "ok", "name": "x", "unit": "没有的街道"}, "没有这个单位"),
        ({"login": "admin", "name": "x"}, "已经有人用了"),
    ):
        _, text = await send(boss, "/desk/staff", **fields)
        assert fault in text
        assert f'value="{fields["login"]}"' in text


async def test_roles_are_granted_and_withdrawn_and_disabling_ends_all(
    client_of: ClientOf, deps: Deps
) -> None:
    boss = await admin(client_of)
    clerk = await client_of(Role.CLERK)
    assert (await clerk.get("/desk")).status == 200
    grant = {"role": "supervisor", "unit": "望京街道办事处", "from": "2026-11-23", "to": "2026-12-31"}
    status, text = await send(boss, "/desk/staff/clerk/roles", **grant)
    assert (status, "督办员" in text, "到 2026-12-31" in text) == (200, True, True)
    assert (await clerk.get("/desk", allow_redirects=False)).status == 303

    number = max(int(n) for n in re.findall(r'name="number" value="(\d+)"', text))
    _, text = await send(boss, "/desk/staff/clerk/do", do="withdrawn", number=str(number))
    assert ("角色已收回" in text, "望京街道办事处</b>" in text) == (True, False)
    _, text = await send(boss, "/desk/staff/clerk/do", do="disabled")
    assert "已停用" in text
    assert "clerk" not in re.findall(r'href="/desk/staff/([^"]+)"', await page(boss, "/desk/staff"))
    assert "clerk" in re.findall(
        r'href="/desk/staff/([^"]+)"', await page(boss, "/desk/staff?state=disabled")
    )
    assert (await acts(deps, "clerk"))[-1] == "staff.disabled"


async def test_nobody_changes_their_own_roles_or_disables_themselves(client_of: ClientOf) -> None:
    boss = await admin(client_of)
    for path, fields in (
        ("roles", {"role": "clerk", "from": "2026-11-23"}),
        ("do", {"do": "disabled"}),
        ("do", {"do": "withdrawn", "number": "1"}),
        ("reset", {}),
    ):
        status, text = await send(boss, f"/desk/staff/admin/{path}", **fields)
        assert (status, "另一位管理员" in text) == (403, True)
    assert (await boss.get("/desk/staff")).status == 200


async def test_the_ledger_tells_what_was_changed_of_an_account(client_of: ClientOf, deps: Deps) -> None:
    boss = await admin(client_of)
    await signed_in.add_person(deps, "wang", (Role.SUPERVISOR, "110105026"))
    fields = {"name": "王五", "unit": "110108010", "provider": "Wang@Example.gov.cn"}
    await send(boss, "/desk/staff/wang", **fields)
    await send(boss, "/desk/staff/wang", **{**fields, "provider": ""})
    await send(boss, "/desk/staff/wang/roles", role="analyst", unit="110108010", **{"from": "2026-11-23"})

    async with deps.db.reads() as session:
        rows = await session.scalars(
            sa.select(LedgerRow)
            .where(LedgerRow.who == "admin", LedgerRow.act == "staff.changed")
            .order_by(LedgerRow.seq)
        )
        first, second, granted = rows.all()
    assert first.detail == {"unit": "110105026 -> 110108010", "name": "changed", "provider": "set"}
    assert second.detail == {"unit": "110108010 -> 110108010", "provider": "removed"}
    # Old and new value, in masked shapes.
    assert second.old == "姓名=王**；单位=110108010；统一认证=w***"
    assert second.new == "姓名=王**；单位=110108010；统一认证=无"
    assert granted.new == "analyst@110108010"


async def test_an_administrator_of_a_district_reaches_no_further(client_of: ClientOf, deps: Deps) -> None:
    chaoyang = await admin(client_of, "110105")
    await signed_in.add_person(deps, "wangjing", (Role.STREET, "110105026"))
    await signed_in.add_person(deps, "haidian", (Role.STREET, "110108010"))
    await signed_in.add_person(deps, "city", (Role.CLERK, None))
    # Of the street, but with a role in the whole city: not theirs to reset.
    mixed = await signed_in.add_person(deps, "mixed", (Role.STREET, "110105026"))
    async with deps.db.writes.begin() as session:
        grant = {
            "staff_id": mixed, "role": "supervisor", "valid_from": NOW.date(), "granted_by": "x",
            "granted_at": NOW,
        }  # fmt: skip
        await session.execute(sa.insert(RoleGrant), [grant])

    shown = re.findall(r'href="/desk/staff/([^"?]+)"', await page(chaoyang, "/desk/staff"))
    assert [login for login in shown if login != "new"] == ["admin-110105", "mixed", "wangjing"]
    for login in ("haidian", "city", "mixed", "nobody"):
        assert (await chaoyang.get(f"/desk/staff/{login}")).status == 404
        assert (await send(chaoyang, f"/desk/staff/{login}/reset"))[0] == 404
        assert (await send(chaoyang, f"/desk/staff/{login}/do", do="disabled"))[0] == 404
    beyond = {"role": "clerk", "from": "2026-11-23"}
    for unit in ("", "学院路街道办事处"):
        status, text = await send(chaoyang, "/desk/staff/wangjing/roles", unit=unit, **beyond)
        assert (status, "不在您管理的范围内" in text) == (403, True)
        status, _ = await send(chaoyang, "/desk/staff", login="new", name="新", unit=unit, role="clerk")
        assert status == 403
    assert (await send(chaoyang, "/desk/staff/wangjing/reset"))[0] == 200


async def test_a_role_elsewhere_that_is_over_keeps_no_administrator_out(
    client_of: ClientOf, deps: Deps
) -> None:
    chaoyang = await admin(client_of, "110105")
    lent = await signed_in.add_person(deps, "lent", (Role.STREET, "110105026"))
    async with deps.db.writes.begin() as session:
        grant = {
            "staff_id": lent, "role": "supervisor", "valid_from": date(2026, 1, 1),
            "valid_to": NOW.date(), "granted_by": "x", "granted_at": NOW,
        }  # fmt: skip
        await session.execute(sa.insert(RoleGrant), [grant])
    assert (await chaoyang.get("/desk/staff/lent")).status == 404, "it is the grant's last day"
    async with deps.db.writes.begin() as session:
        ended = {"valid_to": NOW.date() - timedelta(days=1)}
        await session.execute(sa.update(RoleGrant).where(RoleGrant.role == "supervisor").values(ended))
    assert (await chaoyang.get("/desk/staff/lent")).status == 200
    assert (await send(chaoyang, "/desk/staff/lent/reset"))[0] == 200


async def test_who_is_corrected_stays_in_a_closed_unit_of_a_name_that_another_has_now(
    deps: Deps,
) -> None:
    units = dict(deps.tables.units)
    closed = replace(units["110105026"], valid_to=NOW.date() - timedelta(days=1))
    units |= {closed.id: closed, "wangjing-new": replace(closed, id="wangjing-new", valid_to=None)}
    app = replace(deps, tables=replace(deps.tables, units=units))
    await reference.sync(app)
    await signed_in.add_person(deps, "zhang", (Role.STREET, closed.id))
    async with TestClient(TestServer(make_app(app))) as boss:
        boss.session.cookie_jar.update_cookies({signed_in.COOKIE: await signed_in.sign_in(app, Role.ADMIN)})
        text = await page(boss, "/desk/staff/zhang")
        (stands, granting) = re.findall(r'name="unit" value="([^"]*)"', text)
        assert (stands, granting) == (closed.id, closed.id)
        await send(boss, "/desk/staff/zhang", name="张三丰", unit=stands)
        assert await unit_of(deps, "zhang") == closed.id
        await send(boss, "/desk/staff/zhang", name="张三丰", unit=closed.name)
        assert await unit_of(deps, "zhang") == "wangjing-new"


async def unit_of(deps: Deps, login: str) -> str | None:
    async with deps.db.reads() as session:
        return await session.scalar(sa.select(Staff.unit_code).where(Staff.login == login))


async def test_whoever_manages_no_accounts_is_refused(client_of: ClientOf, deps: Deps) -> None:
    clerk = await client_of(Role.CLERK)
    await clerk.get("/me")
    await signed_in.add_person(deps, "li", (Role.STREET, "110105026"))
    assert (await clerk.get("/desk/staff")).status == 403
    assert (await send(clerk, "/desk/staff/li/do", do="disabled"))[0] == 403


async def test_twelve_hundred_accounts_are_found_and_paged(client_of: ClientOf, deps: Deps) -> None:
    boss = await admin(client_of)
    async with deps.db.writes.begin() as session:
        people = [
            {
                "login": f"p{n:04}",
                "name": f"人{n}",
                "unit_code": "110105026",
                "active": True,
                "created_at": NOW,
            }
            for n in range(1200)
        ]
        await session.execute(sa.insert(Staff), people)
        ids = list(await session.scalars(sa.select(Staff.id).where(Staff.login.like("p%"))))
        common = {"must_change": False, "demo": False, "code_step": 0, "created_by": "x"}
        await session.execute(sa.insert(Account), [{"staff_id": number, **common} for number in ids])
        grant = {"role": "street", "unit_code": "110105026", "granted_by": "x"}
        await session.execute(
            sa.insert(RoleGrant),
            [{"staff_id": n, "valid_from": NOW.date(), "granted_at": NOW, **grant} for n in ids],
        )
    began = time.perf_counter()
    first = await page(boss, "/desk/staff")
    took = time.perf_counter() - began
    seen: list[str] = []
    address: str | None = "/desk/staff?role=street"
    pages = 0
    while address is not None:
        text = await page(boss, address)
        seen += re.findall(r'href="/desk/staff/(p\d+)"', text)
        address = next(iter(re.findall(r'rel="next" href="([^"]+)"', text)), None)
        address = address.replace("&amp;", "&") if address else None
        pages += 1

    assert ("1201 个账号" in first, pages, len(seen), seen == sorted(seen)) == (True, 24, 1200, True)
    assert re.findall(r'href="/desk/staff/(p\d+)"', await page(boss, "/desk/staff?q=人1199")) == ["p1199"]
    assert "没有这样的账号" in await page(boss, "/desk/staff?unit=学院路街道办事处")
    assert took < 2
