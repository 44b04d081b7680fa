"""更正姓名、电话 on the desk: who may, what follows the new value, two at once, a reward."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from models.appeals import Appeal, Appellant
from models.ledger import LedgerRow
from models.rewards import Reward
from models.tickets import Ticket
from models.vocab_citizen import Asked
from models.vocab_ledger import LedgerAct
from models.vocab_rewards import RewardState
from models.vocab_staff import Role
from tests.factories import NOW, TicketIn, add_tickets
from tests.triage.web.test_dead import origin
from triage.services import limiting, reference
from triage.services.citizen import cases
from triage.services.rewards import owning

if TYPE_CHECKING:
    from models.db import Database
    from tests.triage.web.conftest import Client, ClientOf
    from triage.services.deps import Deps

WRONG, RIGHT = "13800005678", "13800009999"
NAME = "李小明"


@pytest.fixture
def db(sqlite_db: Database) -> Database:
    return sqlite_db


async def case(deps: Deps, **more: object) -> str:
    (no,) = await add_tickets(deps.db, TicketIn(**more))  # type: ignore[arg-type]
    await reference.sync(deps)
    async with deps.db.writes.begin() as session:
        number = await session.scalar(sa.select(Ticket.appeal_id).where(Ticket.no == no))
        held = {
            "appeal_id": number, "created_at": NOW, "phone_index": deps.vault.phone_index(WRONG),
            "name": deps.vault.seal(NAME, belongs_to=f"appellant.name:{number}"),
            "phone": deps.vault.seal(WRONG, belongs_to=f"appellant.phone:{number}"),
        }  # fmt: skip
        await session.execute(sa.insert(Appellant).values(held))
    return no


async def form_of(client: Client, no: str) -> dict[str, str]:
    answer = await client.get(f"/desk/tickets/{no}/amend")
    assert answer.status == 200
    page = await answer.text()
    assert all(clear not in page for clear in (WRONG, NAME))
    return dict(re.findall(r'type="hidden" name="(token|seen)" value="([^"]*)"', page))


async def send(client: Client, no: str, form: dict[str, str], **more: str) -> tuple[int, str]:
    told = {**form, "field": "phone", "value": RIGHT, "reason": "诉求人来电说登记错了一位", **more}
    answer = await client.post(f"/desk/tickets/{no}/amend", data=told, headers=origin(client))
    return answer.status, await answer.text()


async def acts(deps: Deps) -> list[str]:
    async with deps.db.reads() as session:
        return list(await session.scalars(sa.select(LedgerRow.act).order_by(LedgerRow.seq)))


async def test_the_right_phone_finds_and_opens_the_case_and_is_noted_as_a_look(
    client: Client, deps: Deps
) -> None:
    no = await case(deps)
    page = await (await client.get(f"/desk/tickets/{no}")).text()
    assert f'href="/desk/tickets/{no}/amend"' in page
    status, told = await send(client, no, await form_of(client, no), value="138 0000 9999")
    assert (status, "已更正电话" in told, "138****9999" in told) == (200, True, True)
    assert (WRONG in told, RIGHT in told) == (False, False)
    async with deps.db.reads() as session:
        number = await session.scalar(sa.select(Ticket.appeal_id))
        assert await cases.find(session, deps.vault, no, RIGHT) == number
        with pytest.raises(cases.NotYours):
            await cases.find(session, deps.vault, no, WRONG)
        rows = (await session.scalars(sa.select(LedgerRow))).all()
        assert await owning.looked(session, rows[-1].who, number or 0), "who typed it attests nobody of it"
    assert {LedgerAct.IDENTITY_CORRECTED.value, LedgerAct.REVEALED.value} <= {row.act for row in rows}
    kept = str([(row.old, row.new, row.reason, row.detail) for row in rows])
    assert ("138****5678" in kept, "138****9999" in kept) == (True, True)
    assert (WRONG in kept, RIGHT in kept) == (False, False)
    # Undone by putting it right again.
    status, told = await send(client, no, await form_of(client, no), value=WRONG, reason="还是原来的对")
    assert (status, "138****5678" in told) == (200, True)


@pytest.mark.parametrize(
    ("more", "status", "words"),
    [
        ({"value": "12"}, 400, "电话不对"),
        ({"value": " "}, 400, "请写正确的电话"),
        ({"value": WRONG}, 422, "和现在登记的一样"),
        ({"reason": "  "}, 400, "请写理由"),
        ({"field": "id_number"}, 400, "只能更正姓名和电话"),
        ({"field": "nothing"}, 400, "请选要更正哪一项"),
        ({"field": "name", "value": "明" * 41}, 400, "姓名应有"),
        ({"value": "1" * 10_000, "reason": "长" * 5000}, 400, "电话不对"),
    ],
)
async def test_what_is_wrong_is_said_and_nothing_is_changed(
    client: Client, deps: Deps, more: dict[str, str], status: int, words: str
) -> None:
    no = await case(deps)
    code, told = await send(client, no, await form_of(client, no), **more)
    assert (code, words in told) == (status, True)
    assert LedgerAct.IDENTITY_CORRECTED.value not in await acts(deps)


async def test_a_guess_that_is_right_is_noted_and_counted_like_a_look(client: Client, deps: Deps) -> None:
    """Whoever tries numbers learns by the refusal which one is there."""
    no = await case(deps)
    form = await form_of(client, no)
    assert (await send(client, no, form, value=WRONG))[0] == 422
    assert (await acts(deps))[-1] == LedgerAct.REVEALED.value
    most = deps.tables.reveals.rate(NOW).most
    for _ in range(most - 1):
        assert (await send(client, no, form, value=WRONG))[0] == 422
    assert (await send(client, no, form, value=WRONG))[0] == 429


async def test_of_two_at_once_the_second_sees_what_stands_now(client: Client, deps: Deps) -> None:
    no = await case(deps)
    first, second = await form_of(client, no), await form_of(client, no)
    assert (await send(client, no, first))[0] == 200
    status, told = await send(client, no, second, field="name", value="李晓明")
    assert (status, "别人刚刚更正过" in told, "138****9999" in told) == (409, True, True)
    assert 'value="李晓明"' in told
    seen = re.findall(r'name="seen" value="([^"]*)"', told)[0]
    status, told = await send(client, no, {**second, "seen": seen}, field="name", value="李晓明")
    assert (status, "已更正姓名" in told) == (200, True)


async def test_not_while_a_reward_hangs_on_it(client: Client, deps: Deps) -> None:
    no = await case(deps)
    form = await form_of(client, no)
    async with deps.db.writes.begin() as session:
        ticket = (await session.execute(sa.select(Ticket.id, Ticket.appeal_id))).one()
        session.add(
            Reward(
                no="J1",
                root_ticket_id=ticket.id,
                winner_appeal_id=ticket.appeal_id,
                state=RewardState.CANDIDATE.value,
                version=1,
                kind="WAT-02",
                reported_at=NOW,
                found_at=NOW,
                real_name=True,
                exclusions=[],
                parts=[],
                verdict={},
                proof=[],
                checks=[],
            )
        )
    page = await (await client.get(f"/desk/tickets/{no}/amend")).text()
    assert ("有奖励在办或办过" in page, 'name="value"' in page) == (True, False)
    status, told = await send(client, no, form)
    assert (status, "有奖励在办或办过" in told) == (409, True)


@pytest.mark.parametrize(
    ("role", "secret", "status"),
    [
        (Role.CLERK, False, 200),
        (Role.FOLLOW_UP, False, 200),
        (Role.CLERK, True, 200),
        (Role.STREET, False, 403),
        (Role.SUPERVISOR, False, 403),
        (Role.ADMIN, False, 403),
    ],
)
async def test_it_is_for_those_who_speak_with_citizens(
    deps: Deps,
    client_of: ClientOf,
    role: Role,
    secret: bool,  # noqa: FBT001  (a table)
    status: int,
) -> None:
    no = await case(deps, confidential=secret)
    of = {"unit": "110105026"} if role is Role.STREET else {}
    answer = await (await client_of(role, **of)).get(f"/desk/tickets/{no}/amend")
    assert answer.status == status


async def test_what_nobody_left_is_not_put_right_and_a_platform_s_number_stays(
    client: Client, deps: Deps
) -> None:
    no = await case(deps)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Appeal).values(external_id="BJ1"))
    page = await (await client.get(f"/desk/tickets/{no}/amend")).text()
    assert "来源平台上登记的不会跟着改" in page
    form = await form_of(client, no)
    async with deps.db.writes.begin() as session:
        await session.execute(sa.delete(Appellant))
    page = await (await client.get(f"/desk/tickets/{no}/amend")).text()
    assert ("没有可以更正的" in page, 'name="value"' in page) == (True, False)
    status, told = await send(client, no, form)
    assert (status, "没有登记这一项" in told) == (404, True)
    assert f'href="/desk/tickets/{no}/amend"' not in await (await client.get(f"/desk/tickets/{no}")).text()
    assert (await client.get("/desk/tickets/20991231-00000001/amend")).status == 404


async def test_who_looked_too_often_puts_nothing_right_and_that_is_written_down(
    client: Client, deps: Deps
) -> None:
    no = await case(deps)
    most = deps.tables.reveals.rate(NOW).most
    form = await form_of(client, no)
    # As often as an hour allows, by looks of the other sort.
    async with deps.db.writes.begin() as session:
        for _ in range(most):
            await limiting.count(session, deps.vault, Asked.REVEAL, "local", most=most, now=deps.clock.now())
    status, told = await send(client, no, form)
    assert (status, "太频繁" in told, 'value="13800009999"' in told) == (429, True, True)
    assert (await acts(deps))[-1] == LedgerAct.REVEAL_REFUSED.value
