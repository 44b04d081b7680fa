"""待审批: 督办 of a unit rules on no 延期 of that very unit, which they alone see: the city's does."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from models.vocab import Move, Post
from models.vocab_staff import Role
from tests.factories import TicketIn, add_tickets
from tests.triage.web.desks.test_waiting import LATER, do, numbers, text
from triage.rules import access
from triage.rules.fields import Refusal
from triage.rules.moves import Actor
from triage.services import moving, reference
from triage.services.moving import Person, Wish

if TYPE_CHECKING:
    from tests.triage.web.conftest import ClientOf
    from triage.services.deps import Deps

ANSWERS = ["extend_grant", "extend_deny"]
CITY, STREET = "bj-ecology", "110105026"


@pytest.mark.parametrize(
    ("unit", "ticket"),
    [
        (CITY, {"unit": CITY, "assist": (), "copies": ()}),
        (STREET, {"unit": STREET, "confidential": True}),
        ("110105", {"unit": STREET, "assist": ("110105-ecology",), "confidential": True}),
        (None, {"unit": CITY, "assist": (), "copies": ()}),
    ],
)
async def test_in_place_of_a_blind_centre_the_city_answers_not_the_units_own(
    client_of: ClientOf, deps: Deps, unit: str | None, ticket: dict[str, object]
) -> None:
    """List, form, API and the move itself."""
    await reference.sync(deps)
    late = {"age": timedelta(0), "urgency": "U4", "due": timedelta(days=6)}
    (no,) = await add_tickets(deps.db, TicketIn(**{**late, **ticket}))  # type: ignore[arg-type]
    reached = (Move.CONTACT, {"outcome": "reached", "told_citizen": "phone"})
    await do(deps, no, str(ticket["unit"]), (Move.SIGN, {}), reached, (Move.EXTEND_ASK, LATER))
    mine = unit is None
    client = await client_of(Role.SUPERVISOR, unit=unit)
    assert numbers(await text(client, "/desk?state=decide")) == [no] * mine
    assert len(re.findall(r"<b>延期</b> <a", await text(client, "/desk/due?hours=168&clock=decide"))) == mine
    found = await client.get(f"/api/v1/tickets/{no}/moves?post=supervisor")
    moves = (await found.json()).get("items", [])
    possible = [one["move"]["code"] for one in moves if one["possible"]]
    assert [code for code in possible if code in ANSWERS] == ANSWERS * mine


async def test_the_move_itself_is_refused_to_the_units_own(deps: Deps) -> None:
    await reference.sync(deps)
    (no,) = await add_tickets(
        deps.db,
        TicketIn(age=timedelta(0), urgency="U4", due=timedelta(days=6), unit=CITY, assist=(), copies=()),
    )
    reached = (Move.CONTACT, {"outcome": "reached", "told_citizen": "phone"})
    await do(deps, no, CITY, (Move.SIGN, {}), reached, (Move.EXTEND_ASK, LATER))
    person = Person(Actor(Post.SUPERVISOR, None, "sun"), "孙某")

    async def grant(unit: str | None) -> str:
        who = access.viewer(
            deps.tables, login="sun", name="", roles=(Role.SUPERVISOR,), unit_code=unit,
            at=deps.clock.now().date(),
        )  # fmt: skip
        wish = Wish(no, Move.EXTEND_GRANT, {}, 4, "k")
        async with deps.db.writes.begin() as session:
            made = await moving.make(session, deps.tables, who, person, wish, now=deps.clock.now())
        return made.move.value

    with pytest.raises(Refusal, match="由区级中心办理，您现在的身份是督办"):
        await grant(CITY)
    assert await grant(None) == "extend_grant"
