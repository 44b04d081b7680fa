"""回传: moves leave actions, actions arrive in order and count once, refusals stop nobody else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import AsyncMock

import pytest
import sqlalchemy as sa

from connectors.hotline.client import HotlineClient, PlatformDenied, Receipt
from models.appeals import Appeal, Source
from models.filters import all_seeing
from models.hotline import HotlineAction
from models.tickets import Ticket
from models.vocab import Move, Post, State
from tests.factories import NOW, TicketIn, add_tickets
from triage.rules.moves import Actor
from triage.services import moving, reference
from triage.services.hotline import sending
from triage.services.hotline.noting import OF_MOVE
from triage.services.moving import Person, Wish

if TYPE_CHECKING:
    from tests.triage.services.hotline.bed import Bed

STREET = Person(Actor(Post.UNIT, "110105026", "local:unit"), "望京街道办事处 甲")
CALLER = Person(Actor(Post.FOLLOW_UP, None, "local:f"), "回访员 乙")
FEEDBACK: dict[str, Any] = {
    "note": "已到现场制止，夜里不再施工。",
    "attachment": "附件01",
    "told_citizen": "phone",
}


async def tickets(bed: Bed, count: int = 1, *, state: State = State.DISPATCHED, **settings: str) -> list[str]:
    """Tickets of orders of the platform, dispatched to a street; their numbers."""
    bed.clock.by = NOW - datetime.now(UTC)
    await bed.add_source(None, **settings)
    await bed.only("send")
    made = await add_tickets(
        bed.deps.db, *(TicketIn(due=timedelta(days=9), state=state) for _ in range(count))
    )
    await reference.sync(bed.deps)
    async with bed.deps.db.writes.begin() as session:
        source = (await session.scalars(sa.select(Source.id).where(Source.key == "city"))).one()
        ids = (await session.scalars(sa.select(Ticket.appeal_id).order_by(Ticket.id))).all()
        for appeal_id in ids:
            number = bed.platform.add()
            await session.execute(
                sa.update(Appeal)
                .where(Appeal.id == appeal_id)
                .values(source_id=source, external_id=number, dedupe_key=f"x:{number}")
            )
    return made


async def move(bed: Bed, no: str, wanted: Move, who: Person = STREET, **values: Any) -> None:  # noqa: ANN401
    async with bed.deps.db.writes.begin() as session:
        version = (await session.scalars(sa.select(Ticket.version).where(Ticket.no == no))).one()
        wish = Wish(no, wanted, values, version, f"{wanted.value}-{version}")
        await moving.make(session, bed.deps.tables, all_seeing("t"), who, wish, now=bed.clock.now())


async def actions(bed: Bed) -> list[HotlineAction]:
    async with bed.deps.db.reads() as session:
        query = sa.select(HotlineAction).order_by(HotlineAction.order_no, HotlineAction.seq)
        return list(await session.scalars(query))


async def brief(bed: Bed) -> list[tuple[int, str, str]]:
    return [(action.seq, action.kind, action.state) for action in await actions(bed)]


async def send(bed: Bed) -> None:
    """Let the sender run, an undo's time and every wait over."""
    bed.clock.by += timedelta(minutes=11)
    await bed.run()


async def test_the_life_of_a_ticket_is_told_in_order_and_once(bed: Bed) -> None:
    (no,) = await tickets(bed)
    await move(bed, no, Move.SIGN)
    await move(bed, no, Move.CONTACT, outcome="reached", told_citizen="phone")
    await move(bed, no, Move.PROGRESS, note="已联系工地，电话 13800001111。")
    await move(bed, no, Move.FEEDBACK, **FEEDBACK)
    assert await brief(bed) == [
        (1, "signed", "waiting"), (2, "progress", "waiting"), (3, "feedback", "waiting")
    ]  # fmt: skip
    await send(bed)
    assert [state for _, _, state in await brief(bed)] == ["done"] * 3
    told = bed.platform.ledger
    assert [(seq, action.code, action.seen) for (_, seq), action in told.actions.items()] == [
        (1, "sign", 1), (2, "progress", 1), (3, "reply", 1)
    ]  # fmt: skip
    assert told.out_of_order == 0
    assert "13800001111" not in str([action.body for action in await actions(bed)])
    sent = await actions(bed)
    assert all(action.receipt and action.acknowledged_at for action in sent)
    assert (await bed.task("send")).lag_seconds == 0


class Watch:
    """Time that passes when a test says so."""

    at = 0.0

    def monotonic(self) -> float:
        return self.at


async def test_a_slow_platform_has_what_it_took_written_down_and_the_rest_later(
    small: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    for no in await tickets(small, 5, senders="1"):
        await move(small, no, Move.SIGN)
    watch = Watch()

    async def slow(_self: HotlineClient, order_no: str, *_: object) -> Receipt:
        watch.at += 9
        return Receipt(order_no, duplicate=False)

    monkeypatch.setattr(sending, "time", watch)
    monkeypatch.setattr(HotlineClient, "act", slow)
    await send(small)
    assert sorted((action.state, action.attempts) for action in await actions(small)) == [
        *[("done", 1)] * 3, *[("waiting", 0)] * 2
    ]  # fmt: skip
    await send(small)
    assert [(action.state, action.attempts) for action in await actions(small)] == [("done", 1)] * 5


async def test_a_platform_that_shuts_us_out_halfway_has_what_it_took_written_down(
    small: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    for no in await tickets(small, 3, senders="1"):
        await move(small, no, Move.SIGN)
    denied = PlatformDenied("平台答复 401")
    act = AsyncMock(side_effect=[Receipt("1", duplicate=False), denied, denied, denied])
    monkeypatch.setattr(HotlineClient, "act", act)
    await send(small)
    assert sorted((action.state, action.attempts) for action in await actions(small)) == [
        ("done", 1), ("waiting", 0), ("waiting", 1)
    ]  # fmt: skip
    assert (await small.task("send")).error == "平台答复 401"


def test_the_seven_actions_are_the_seven_of_the_rules() -> None:
    assert {kind.value for kind in OF_MOVE.values()} == {
        "signed", "objection", "extension", "progress", "feedback", "closed", "follow_up"
    }  # fmt: skip


async def test_all_seven_reach_the_platform_in_its_own_words(bed: Bed) -> None:
    one, two = await tickets(bed, 2)
    await move(
        bed, two, Move.OBJECT, reason="该工地不在本辖区", clause="职责清单第3条", proposed_unit="110108010"
    )
    await move(bed, one, Move.SIGN)
    until = (bed.clock.now() + timedelta(days=10)).isoformat()
    await move(bed, one, Move.EXTEND_ASK, reason="需要进场检测，周期较长", until=until, told_citizen="phone")
    await move(bed, one, Move.CONTACT, outcome="reached", told_citizen="phone")
    await move(bed, one, Move.FEEDBACK, **FEEDBACK)
    bed.clock.by += timedelta(days=20)
    await move(
        bed,
        one,
        Move.FOLLOW_UP,
        CALLER,
        outcome="reached",
        contacted="yes",
        solved="yes",
        satisfaction="mostly",
    )
    await move(bed, one, Move.CLOSE, CALLER)
    await send(bed)
    assert {state for _, _, state in await brief(bed)} == {"done"}
    codes = [action.code for action in bed.platform.ledger.actions.values()]
    assert sorted(codes) == ["back", "complete", "delay", "reply", "sign", "visit"]


@pytest.mark.parametrize(
    "faults",
    [
        {"error": 0.4},
        {"half_body": 0.5},
        {"cut_json": 0.5},
        {"gb18030": 1.0},
        {"timeout": 0.2, "hang_seconds": 1.5},
    ],
    ids=lambda faults: next(iter(faults)),
)
async def test_each_action_counts_once_while_the_platform_misbehaves(
    small: Bed, faults: dict[str, float]
) -> None:
    made = await tickets(small, 12, timeout="1")
    for no in made:
        await move(small, no, Move.SIGN)
        await move(small, no, Move.PROGRESS, note="正在核实。")
    small.fault(**faults)
    rounds = 0
    while {state for _, _, state in await brief(small)} != {"done"} and rounds < 40:
        await send(small)
        rounds += 1
    ledger = small.platform.ledger
    assert {state for _, _, state in await brief(small)} == {"done"}
    assert (len(ledger.actions), ledger.out_of_order) == (24, 0)
    assert {(told.counted, told.mismatched) for told in ledger.actions.values()} == {(1, 0)}
    assert {action.attempts > 0 for action in await actions(small)} == {True}


async def test_a_refusal_is_seen_and_holds_back_its_own_order_alone(bed: Bed) -> None:
    bad, good = await tickets(bed, 2)
    await move(bed, bad, Move.SIGN)
    await move(bed, bad, Move.PROGRESS, note="正在核实。")
    await move(bed, good, Move.SIGN)
    first = (await actions(bed))[0]
    bed.platform.ledger.rows.pop(first.order_no)
    await send(bed)
    assert await brief(bed) == [(1, "signed", "refused"), (2, "progress", "waiting"), (1, "signed", "done")]
    bed.fault(refuse_action=1.0)
    bed.platform.ledger.rows[first.order_no] = {}
    await decide(bed, first.id, again=True)
    await send(bed)
    told = (await actions(bed))[0].error or ""
    assert "平台拒收，代码 locked" in told
    assert "13900001234" not in told, "what the platform says is masked"
    bed.fault(refuse_action=0.0)
    await decide(bed, first.id, again=True)
    await send(bed)
    assert [state for _, _, state in await brief(bed)] == ["done"] * 3


async def test_a_refusal_that_is_given_up_lets_the_next_go(bed: Bed) -> None:
    (no,) = await tickets(bed)
    await move(bed, no, Move.SIGN)
    await move(bed, no, Move.PROGRESS, note="正在核实。")
    bed.fault(refuse_action=1.0)
    await send(bed)
    bed.fault(refuse_action=0.0)
    await decide(bed, (await actions(bed))[0].id, again=False)
    await send(bed)
    assert await brief(bed) == [(1, "signed", "dropped"), (2, "progress", "done")]


async def test_an_action_that_is_forbidden_alone_is_seen_and_holds_back_no_other_order(bed: Bed) -> None:
    """403 for one order that is no longer ours: it came first in every batch, and nothing else was sent."""
    for no in await tickets(bed, 12, senders="1"):
        await move(bed, no, Move.SIGN)
    bed.fault(forbid_action=0.002)
    await send(bed)
    assert [state for _, _, state in await brief(bed)] == ["refused", *["done"] * 11]
    first = (await actions(bed))[0]
    assert first.error == "平台拒收，代码 403：平台不接受这个工单的动作，其他请求照常"
    task = await bed.task("send")
    assert (task.failures, task.paused_until) == (0, None)
    bed.fault(forbid_action=0.0)
    await decide(bed, first.id, again=True)
    await send(bed)
    assert {state for _, _, state in await brief(bed)} == {"done"}


async def test_a_platform_that_forbids_all_actions_has_none_refused_for_good(small: Bed) -> None:
    """A token that may only read: with each action refused, a person would have to send every one again."""
    for no in await tickets(small, 30, senders="1"):
        await move(small, no, Move.SIGN)
    small.fault(forbid_action=1.0)
    await send(small)
    assert {state for _, _, state in await brief(small)} == {"waiting"}
    task = await small.task("send")
    assert task.paused_until
    assert "请平台开通回传权限" in (task.error or "")
    small.fault(forbid_action=0.021)
    await send(small)
    states = [state for _, _, state in await brief(small)]
    assert states == [*["refused"] * 20, *["done"] * 10], "those behind them came first: these are alone"


async def test_few_at_a_time_that_are_all_forbidden_wait_and_shut_us_out_in_the_end(small: Bed) -> None:
    """At ordinary traffic a run has six: each was refused for good, one by one, and nobody was told."""
    numbers = await tickets(small, 6, senders="1")
    small.fault(forbid_action=1.0)
    for start in (0, 2, 4):
        for no in numbers[start : start + 2]:
            await move(small, no, Move.SIGN)
        await send(small)
        assert {state for _, _, state in await brief(small)} == {"waiting"}
    async with small.deps.db.writes.begin() as session:
        await session.execute(sa.update(HotlineAction).values(attempts=sending.STUBBORN))
    await send(small)
    task = await small.task("send")
    assert ({state for _, _, state in await brief(small)}, bool(task.paused_until)) == ({"waiting"}, True)
    small.fault(forbid_action=0.0)
    await send(small)
    assert {state for _, _, state in await brief(small)} == {"done"}


async def test_a_platform_that_lists_nothing_to_us_either_is_what_shuts_us_out(
    small: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    for no in await tickets(small, 2, senders="1"):
        await move(small, no, Move.SIGN)
    shut = AsyncMock(side_effect=PlatformDenied("平台答复 403", status=403))
    monkeypatch.setattr(HotlineClient, "act", shut)
    monkeypatch.setattr(HotlineClient, "orders", shut)
    await send(small)
    assert sorted((action.state, action.attempts) for action in await actions(small)) == [
        ("waiting", 0), ("waiting", 1)
    ]  # fmt: skip
    assert (await small.task("send")).error == "平台答复 403"


async def test_what_is_undone_in_time_is_never_told(bed: Bed) -> None:
    (no,) = await tickets(bed)
    await move(bed, no, Move.SIGN)
    await bed.run()
    assert not bed.platform.ledger.actions, "it can still be undone"
    await move(bed, no, Move.UNDO, reason="点错了工单")
    await send(bed)
    assert await brief(bed) == [(1, "signed", "dropped")]
    assert not bed.platform.ledger.actions


async def test_what_was_told_already_is_taken_back_by_a_further_action(bed: Bed) -> None:
    (no,) = await tickets(bed, hold_undo="no")
    await move(bed, no, Move.SIGN)
    await bed.run()
    assert await brief(bed) == [(1, "signed", "done")]
    await move(bed, no, Move.UNDO, reason="点错了工单")
    assert await brief(bed) == [(1, "signed", "done"), (2, "progress", "waiting")]
    assert (await actions(bed))[1].body["note"] == "已撤销第 1 号动作“签收”"


async def test_a_move_that_is_rolled_back_leaves_no_action(bed: Bed) -> None:
    (no,) = await tickets(bed)
    async with bed.deps.db.writes() as session:
        wish = Wish(no, Move.SIGN, {}, 1, "k")
        await moving.make(session, bed.deps.tables, all_seeing("t"), STREET, wish, now=bed.clock.now())
        await session.rollback()
    assert await actions(bed) == []


async def test_tickets_of_other_sources_tell_nobody(bed: Bed) -> None:
    (no,) = await add_tickets(bed.deps.db, TicketIn(due=timedelta(days=9)))
    await reference.sync(bed.deps)
    await move(bed, no, Move.SIGN)
    assert await actions(bed) == []


async def test_sent_but_not_written_down_is_sent_again_and_counts_once(bed: Bed) -> None:
    """Killed between the platform's answer and our commit."""
    (no,) = await tickets(bed)
    await move(bed, no, Move.SIGN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sending, "record", killed)
        await send(bed)
    assert await brief(bed) == [(1, "signed", "waiting")]
    await send(bed)
    (told,) = bed.platform.ledger.actions.values()
    assert (told.seen, told.counted, told.mismatched) == (2, 1, 0)
    assert await brief(bed) == [(1, "signed", "done")]


async def test_one_action_that_always_fails_does_not_open_the_breaker(bed: Bed) -> None:
    """The platform is there: these actions alone are not answered."""
    (no,) = await tickets(bed)
    await move(bed, no, Move.SIGN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sending, "_one", away)
        await send(bed)
    task = await bed.task("send")
    assert (task.failures, task.paused_until) == (0, None)
    assert (await actions(bed))[0].error == "平台答复 500。"


async def killed(*_args: object, **_more: object) -> None:
    raise ConnectionError


async def away(_client: object, _platform: object, action: sending.Waiting) -> sending.Sent:
    return sending.Sent(action, away="平台答复 500。")


async def decide(bed: Bed, action_id: int, *, again: bool) -> None:
    async with bed.deps.db.writes.begin() as session:
        source = (await session.scalars(sa.select(Source.id).where(Source.key == "city"))).one()
        at = bed.clock.now()
        await sending.decide(session, (source, "city"), action_id, again=again, by="t", now=at)
