"""双人复核: one administrator alone makes nobody who sees identities, and takes over nobody's account."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from models.vocab_staff import Role
from tests import signed_in
from tests.triage.services.staff.helpers import acts, kept_hash
from tests.triage.web.signin.test_staff import admin, page, send

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.triage.services.staff.conftest import Clock
    from tests.triage.web.conftest import Client, ClientOf
    from tests.triage.web.signin.conftest import Hand
    from triage.services.deps import Deps

OLD = "of before"
GRANT = {"role": "reward", "from": "2026-11-23"}


@pytest.fixture
async def other(client_of: ClientOf) -> Client:
    """A second administrator of the city."""
    found = await client_of(Role.ADMIN, login="admin-2")
    await found.get("/me")
    return found


async def roles_shown(client: Client, login: str) -> list[str]:
    return re.findall(r"<b>([^<]+)</b> · ", await page(client, f"/desk/staff/{login}"))


async def numbers(client: Client) -> list[str]:
    return re.findall(r'action="/desk/staff/requests/(\d+)"', await page(client, "/desk/staff"))


async def test_a_role_that_sees_identities_holds_once_another_administrator_agrees(
    client_of: ClientOf, other: Client, deps: Deps
) -> None:
    boss = await admin(client_of)
    await signed_in.add_person(deps, "wang", (Role.SUPERVISOR, None))
    _, text = await send(boss, "/desk/staff/wang/roles", **GRANT)
    assert ("要另一位管理员" in text, await roles_shown(boss, "wang")) == (True, ["督办员"])
    (number,) = await numbers(boss)

    alone, _ = await send(boss, f"/desk/staff/requests/{number}", do="confirm")
    again, said = await send(boss, "/desk/staff/wang/roles", **GRANT)
    assert (alone, again, "已在等另一位管理员" in said) == (403, 409, True)
    assert await roles_shown(boss, "wang") == ["督办员"]

    status, text = await send(other, f"/desk/staff/requests/{number}", do="confirm")
    assert (status, "变更已生效" in text) == (200, True)
    assert await roles_shown(boss, "wang") == ["督办员", "奖励审核员"]
    assert await acts(deps, "wang") == ["staff.asked", "staff.changed", "staff.confirmed"]
    assert (await send(other, f"/desk/staff/requests/{number}", do="confirm"))[0] == 404


async def test_nobody_decides_on_themselves_and_what_is_turned_down_changes_nothing(
    client_of: ClientOf, other: Client, deps: Deps
) -> None:
    boss = await admin(client_of)
    await send(boss, "/desk/staff/admin-2/roles", role="clerk")
    (number,) = await numbers(boss)
    assert (await send(other, f"/desk/staff/requests/{number}", do="confirm"))[0] == 403
    # Whoever asked may take it back.
    assert "已驳回" in (await send(boss, f"/desk/staff/requests/{number}", do="refuse"))[1]
    assert (await numbers(boss), await roles_shown(boss, "admin-2")) == ([], ["系统管理员"])
    assert await acts(deps, "admin-2") == ["staff.asked", "staff.turned_down"]


async def test_a_request_is_void_after_its_days(
    client_of: ClientOf, other: Client, deps: Deps, clock: Clock
) -> None:
    boss = await admin(client_of)
    await signed_in.add_person(deps, "wang", (Role.SUPERVISOR, None))
    await send(boss, "/desk/staff/wang/roles", **GRANT)
    (number,) = await numbers(boss)
    clock.later(days=3)
    await signed_in.renewed(deps)
    assert await numbers(other) == []
    assert (await send(other, f"/desk/staff/requests/{number}", do="confirm"))[0] == 404


async def test_the_account_of_somebody_who_sees_identities_is_not_reset_by_one(
    client_of: ClientOf, other: Client, browser: Callable[[], Hand], deps: Deps
) -> None:
    boss = await admin(client_of)
    clerk = await signed_in.add_person(deps, "clerk-1", (Role.CLERK, None), password_hash=OLD)
    _, text = await send(boss, "/desk/staff/clerk-1/reset", codes="1")
    (password,) = re.findall(r'<code class="secret">([^<]+)<', text)
    assert ("原来的密码仍有效" in text, await kept_hash(deps, clerk)) == (True, OLD)
    (number,) = await numbers(other)
    await send(other, f"/desk/staff/requests/{number}", do="confirm")
    hand = browser()
    await hand.sign_in("clerk-1", password)
    assert hand.address == "/me/password"


async def test_another_account_at_the_provider_is_not_set_by_one(
    client_of: ClientOf, other: Client, deps: Deps
) -> None:
    boss = await admin(client_of)
    await signed_in.add_person(deps, "clerk-1", (Role.CLERK, None), name="钱七")
    fields = {"name": "钱八", "provider": "mine@example.gov.cn"}
    _, text = await send(boss, "/desk/staff/clerk-1", **fields)
    assert ("要另一位管理员" in text, 'value="mine@' in text, "钱八" in text) == (True, False, True)
    (number,) = await numbers(other)
    await send(other, f"/desk/staff/requests/{number}", do="confirm")
    assert 'value="mine@' in await page(boss, "/desk/staff/clerk-1")


async def test_only_the_first_administrator_makes_the_second_alone(client_of: ClientOf, deps: Deps) -> None:
    boss = await admin(client_of)
    for login in ("first", "second"):
        await signed_in.add_person(deps, login)
        await send(boss, f"/desk/staff/{login}/roles", role="admin")
    await send(boss, "/desk/staff/first/do", do="disabled")
    await send(boss, "/desk/staff", login="third", name="三", role="admin")
    assert [await roles_shown(boss, login) for login in ("first", "second", "third")] == [
        ["系统管理员"],
        [],
        [],
    ]


async def test_roles_that_exclude_each_other_are_not_held_by_one(client_of: ClientOf, deps: Deps) -> None:
    boss = await admin(client_of)
    await signed_in.add_person(deps, "wang", (Role.SUPERVISOR, None))
    # Said in the row of the auditor alone, and it holds both ways.
    status, text = await send(boss, "/desk/staff/wang/roles", role="auditor")
    assert (status, "“审计员”和“督办员”不能由同一个人担任" in text) == (409, True)
    await signed_in.add_person(deps, "li", (Role.AUDITOR, None))
    status, text = await send(boss, "/desk/staff/li/roles", role="supervisor")
    assert (status, "“督办员”和“审计员”不能由同一个人担任" in text) == (409, True)


async def test_an_administrator_of_a_city_bureau_manages_that_bureau_alone(
    client_of: ClientOf, deps: Deps
) -> None:
    bureau = next(code for code, unit in deps.tables.units.items() if unit.level.value == "city")
    desk = next(code for code, unit in deps.tables.units.items() if unit.level.value == "desk")
    await signed_in.add_person(deps, "own", (Role.BUREAU, bureau))
    await signed_in.add_person(deps, "street", (Role.STREET, "110105026"))
    of_bureau, of_desk = [await admin(client_of, code) for code in (bureau, desk)]
    assert [(await of_bureau.get(f"/desk/staff/{login}")).status for login in ("own", "street")] == [200, 404]
    assert (await of_desk.get("/desk/staff/street")).status == 200
    assert (await send(of_bureau, "/desk/staff/own/roles", role="admin", unit="全市"))[0] == 403
