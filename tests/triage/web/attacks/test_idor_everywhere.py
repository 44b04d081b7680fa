"""Each address that takes a case's number, for each role in three scopes: the case of others is not there.

Made from the declared routes, so that an address that comes later is tried too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from models.vocab_staff import Role
from tests.docs import access_matrix
from tests.triage.web.attacks.conftest import WANGJING
from tests.triage.web.attacks.test_idor import trace
from tests.triage.web.test_access_matrix import address

if TYPE_CHECKING:
    from tests.triage.web.attacks.conftest import World
    from triage.web.access import Declared

#: A street, its district, a bureau of that district: none has a part in the case.
UNITS = (WANGJING, "110105", "110105-ecology")
#: Nothing comes of what is refused; which of them it is, is the form's affair.
REFUSED = {400, 403, 404, 409, 415, 422}


def of_a_case() -> list[Declared]:
    """Every route with a case's number in it; `{a}` and `{b}` are two of them."""
    return [one for one in access_matrix.routes() if "{no}" in one.route.path or "{a}" in one.route.path]


def places(one: Declared, world: World) -> list[str]:
    """The addresses with the case of others in each place that takes one."""
    path = one.route.path
    if "{a}" in path:
        pairs = ((world.own, world.other), (world.other, world.own))
        return [path.replace("{a}", a).replace("{b}", b) for a, b in pairs]
    asked = "?kind=NOI-01" if path.endswith("/units") else ""
    return [address(one).replace("20261123-00000001", no) + asked for no in (world.other, world.secret)]


def sent(one: Declared, world: World) -> dict[str, Any]:
    """What goes with it: as a page or a program of ours would send it, with nothing filled in."""
    if one.route.method == "GET":
        return {}
    if one.route.path.startswith("/api/"):
        return {"json": {}, "headers": {"Idempotency-Key": "k"}}
    return {"data": {"token": world.token()}}


@pytest.mark.parametrize("unit", UNITS)
async def test_the_case_of_others_is_nowhere(world: World, unit: str) -> None:
    # Not the two that the case's own number of the matrix would name.
    assert "20261123-00000001" not in {world.other, world.secret}
    before = await trace(world.deps)
    told, tried = [], 0
    for role in Role:
        viewer = world.become(role, unit)
        for one in of_a_case():
            allowed = one.need.met_by(viewer)
            for place in places(one, world):
                answer = await world.client.request(
                    one.route.method, place, allow_redirects=False, **sent(one, world)
                )
                text = await answer.text()
                wanted = {404} if one.route.method == "GET" and allowed else REFUSED
                tried += 1
                if answer.status not in wanted or "学院路" in text or "保密的一件" in text:
                    told.append((role.value, one.route.method, place, answer.status))
    assert told == []
    assert await trace(world.deps) == before
    assert tried >= 2 * len(Role) * 20
