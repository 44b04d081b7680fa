"""Sources and the provider of 回拨 are the whole city's: a unit's administrator has neither page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.vocab_staff import Role
from tests.triage.web.problem import assert_problem
from triage.web import guard

if TYPE_CHECKING:
    from tests.triage.web.conftest import ClientOf

STREET = "110105026"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/sources"), ("POST", "/api/v1/sources"), ("PATCH", "/api/v1/sources/city"),
        ("POST", "/api/v1/sources/city/try"),
    ],
)  # fmt: skip
async def test_the_api_refuses_the_administrator_of_a_unit(
    client_of: ClientOf, method: str, path: str
) -> None:
    street = await client_of(Role.ADMIN, unit=STREET)
    await assert_problem(await street.request(method, path, json={}), 403, "not_allowed", "没有这项权限")


@pytest.mark.parametrize(
    "path", ["/desk/sources", "/desk/sources/city/switch", "/desk/numbers", "/desk/numbers/one/switch"]
)
async def test_so_do_the_pages(client_of: ClientOf, path: str) -> None:
    street = await client_of(Role.ADMIN, unit=STREET)
    await street.get("/me")
    token = {cookie.key: cookie.value for cookie in street.session.cookie_jar}[guard.COOKIE]
    answer = await street.post(path, data={guard.FIELD: token, "on": "0"})
    assert (answer.status, "没有这项权限" in await answer.text()) == (403, True)


async def test_and_only_those_of_the_city_are_led_there(client_of: ClientOf) -> None:
    of_unit, of_city = [
        await (await (await client_of(Role.ADMIN, unit=unit)).get("/desk/staff")).text()
        for unit in (STREET, None)
    ]
    for page in ("/desk/sources", "/desk/numbers"):
        assert f'href="{page}"' in of_city
        assert f'href="{page}"' not in of_unit
