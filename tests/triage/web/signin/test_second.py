"""双人复核: one administrator alone makes nobody who sees identities, and takes over nobody's account."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.staff import Account, AccountRequest, RoleGrant
from models.units import Staff
from models.vocab_staff import Role
from tests import signed_in
from tests.triage.services.staff.helpers import acts, kept_hash
from tests.triage.web.signin.test_staff import admin, page, send
from triage.services.staff import requests, roles

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


def shown(text: str) -> list[str]:
    """The password of a page, or half of one."""
    return re.findall(r'<code class="secret">([^<]+)<', text)


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
    done = ["staff.asked", "staff.changed", "staff.totp", "staff.password", "staff.confirmed"]
    assert await acts(deps, "wang") == done
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
    assert ("原来的密码仍有效" in text, await kept_hash(deps, clerk)) == (True, OLD)
    (number,) = await numbers(other)
    halves = shown(text) + shown((await send(other, f"/desk/staff/requests/{number}", do="confirm"))[1])
    # Neither of the two has what opens it.
    for password in (*halves, "-".join(reversed(halves))):
        hand = browser()
        await hand.sign_in("clerk-1", password)
        assert hand.address == "/login"
    hand = browser()
    await hand.sign_in("clerk-1", "-".join(halves))
    assert hand.address == "/me/password"


async def test_who_makes_an_account_has_no_way_into_it_once_its_role_is_confirmed(
    client_of: ClientOf, other: Client, browser: Callable[[], Hand]
) -> None:
    boss = await admin(client_of)
    _, text = await send(boss, "/desk/staff", login="new", name="新", provider="mine@x.cn")
    (password,) = shown(text)
    hand = browser()
    await hand.sign_in("new", password)
    await hand.post("/me/password", old=password, new="一个 nobody knows 123", again="一个 nobody knows 123")
    await hand.get("/me")
    assert (hand.status, hand.address) == (200, "/me")
    await send(boss, "/desk/staff/new/roles", role="clerk")
    # While it waits, nothing of it is set by one either.
    assert "要另一位管理员" in (await send(boss, "/desk/staff/new/reset"))[1]
    role = (await numbers(other))[0]
    await send(other, f"/desk/staff/requests/{role}", do="confirm")

    await hand.get("/me")
    assert hand.address.startswith("/login")
    for known in (password, "一个 nobody knows 123"):
        await hand.sign_in("new", known)
        assert hand.address == "/login"
    assert "mine@x.cn" not in await page(boss, "/desk/staff/new")


async def test_an_account_made_with_such_a_role_has_no_password_before_both_agree(
    client_of: ClientOf, other: Client, browser: Callable[[], Hand]
) -> None:
    boss = await admin(client_of)
    _, text = await send(boss, "/desk/staff", login="new", name="新", role="clerk")
    (number,) = await numbers(other)
    halves = shown(text) + shown((await send(other, f"/desk/staff/requests/{number}", do="confirm"))[1])
    hand = browser()
    await hand.sign_in("new", "-".join(halves))
    assert (len(halves), hand.address) == (2, "/me/password")


async def test_a_start_in_the_past_takes_two_administrators_as_well(client_of: ClientOf, deps: Deps) -> None:
    boss = await admin(client_of)
    await client_of(Role.ADMIN, login="admin-2")
    await signed_in.add_person(deps, "wang", (Role.SUPERVISOR, None))
    # Before the first row of the table nothing is sensitive, and nothing excludes anything.
    for role in ("reward", "auditor"):
        form = {"role": role, "from": "2019-12-31"}
        status, text = await send(boss, "/desk/staff/wang/roles", **form)
        assert (status, "第一天不能早于今天" in text) == (400, True)
    assert (await roles_shown(boss, "wang"), await numbers(boss)) == (["督办员"], [])


async def test_the_terminal_dates_a_role_back_and_it_still_excludes_others(deps: Deps) -> None:
    staff_id = await signed_in.add_person(deps, "wang", (Role.SUPERVISOR, None))
    with pytest.raises(roles.RolesApart):
        async with deps.db.writes.begin() as session:
            await roles.grant(
                session, deps.tables, staff_id, Role.AUDITOR, unit_code=None, valid_from=date(2019, 12, 31),
                valid_to=None, by="terminal", now=deps.clock.now(),
            )  # fmt: skip


@pytest.mark.parametrize("what", ["disabled", "withdrawn", "expired"])
async def test_what_somebody_asked_who_may_not_any_more_is_void(
    client_of: ClientOf, other: Client, deps: Deps, what: str
) -> None:
    boss = await admin(client_of)
    await signed_in.add_person(deps, "wang", (Role.SUPERVISOR, None))
    await send(boss, "/desk/staff/wang/roles", **GRANT)
    (number,) = await numbers(other)
    await ENDS[what](deps, other)
    assert (await send(other, f"/desk/staff/requests/{number}", do="confirm"))[0] in {200, 404}
    assert (await numbers(other), await roles_shown(other, "wang")) == ([], ["督办员"])
    assert await acts(deps, "wang") == ["staff.asked", "staff.turned_down"]


async def _disabled(deps: Deps, other: Client) -> None:
    del deps
    await send(other, "/desk/staff/admin/do", do="disabled")


async def _withdrawn(deps: Deps, other: Client) -> None:
    async with deps.db.reads() as session:
        number = await session.scalar(
            sa.select(RoleGrant.id).join(Staff, Staff.id == RoleGrant.staff_id).where(Staff.login == "admin")
        )
    await send(other, "/desk/staff/admin/do", do="withdrawn", number=str(number))


async def _expired(deps: Deps, other: Client) -> None:
    """The role ran out by its last day: nothing was done to it."""
    del other
    theirs = sa.select(Staff.id).where(Staff.login == "admin").scalar_subquery()
    over = deps.clock.now().date() - timedelta(days=1)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(RoleGrant).where(RoleGrant.staff_id == theirs).values(valid_to=over))


ENDS = {"disabled": _disabled, "withdrawn": _withdrawn, "expired": _expired}


async def test_taking_the_role_away_first_does_not_let_one_reset(
    client_of: ClientOf, other: Client, deps: Deps
) -> None:
    del other
    boss = await admin(client_of)
    clerk = await signed_in.add_person(deps, "clerk-1", (Role.CLERK, None), password_hash=OLD)
    (number,) = set(re.findall(r'name="number" value="(\d+)"', await page(boss, "/desk/staff/clerk-1")))
    await send(boss, "/desk/staff/clerk-1/do", do="withdrawn", number=number)
    assert "原来的密码仍有效" in (await send(boss, "/desk/staff/clerk-1/reset"))[1]
    assert await kept_hash(deps, clerk) == OLD


async def test_half_a_password_that_nobody_confirmed_is_forgotten(
    client_of: ClientOf, other: Client, deps: Deps, clock: Clock
) -> None:
    del other
    boss = await admin(client_of)
    await signed_in.add_person(deps, "clerk-1", (Role.CLERK, None))
    await send(boss, "/desk/staff/clerk-1/reset")
    kept = sa.select(sa.func.count(AccountRequest.half))
    found = []
    for _ in range(2):
        await requests.forget(deps)
        async with deps.db.reads() as session:
            found.append(await session.scalar(kept))
        clock.later(days=3)
    assert found == [1, 0]


async def test_a_name_at_the_provider_that_was_used_up_meanwhile_does_not_come_back(
    client_of: ClientOf, deps: Deps
) -> None:
    boss = await admin(client_of)
    await signed_in.add_person(deps, "wang", name="王", provider_name="wang@x.cn")
    form = dict(re.findall(r'name="(provider\w*)" value="([^"]*)"', await page(boss, "/desk/staff/wang")))
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Account).values(provider_name=None))
    await send(boss, "/desk/staff/wang", name="王五", **form)
    async with deps.db.reads() as session:
        names = list(await session.scalars(sa.select(Account.provider_name)))
    assert (form["provider"], set(names)) == ("wang@x.cn", {None})


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
