"""Rewards over a real database: reports that were answered, staff of each post, and the way to a claim."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from connectors.vault import Vault
from models.appeals import Appeal, Appellant
from models.citizens import CitizenAccess
from models.rewards import Reward, RewardEvent, RewardShare
from models.tickets import Ticket, TicketEvent
from models.viewing import all_seeing
from models.vocab import State, Tag
from models.vocab_rewards import RewardAct, RewardOutcome, RewardPost
from tests.factories import NOW, TicketIn, add_tickets
from triage.clock import FixedClock
from triage.rules.rewards.stepping import Doer
from triage.services.citizen import filing
from triage.services.rewards import acting, book, claiming, clocking, finding, outcomes
from triage.services.rewards.claiming import Claim
from triage.services.rewards.outcomes import NewOutcome

if TYPE_CHECKING:
    from models.db import Database
    from triage.services.deps import Deps

VAULT = Vault({9: bytes(range(32))})
HANDLER = Doer("handler", (RewardPost.HANDLER,))
LEGAL = Doer("legal", (RewardPost.LEGAL, RewardPost.FINANCE))
FINANCE = Doer("finance", (RewardPost.LEGAL, RewardPost.FINANCE))
HEAD = Doer("head", (RewardPost.HEAD,))
PAYER = Doer("payer", (RewardPost.PAYER,))
SECOND_PAYER = Doer("payer2", (RewardPost.PAYER,))
#: Whoever looks at all of it.
EVERYTHING = all_seeing("payer")
#: The 查询码 that `reports` gives a case.
SECRET = "ABCD2345"  # noqa: S105  (a test's)
REPORT = TicketIn(
    title=None,
    text="望京北路某印刷厂每天后半夜从雨水口排黑水，气味刺鼻，已经一个多星期了。",
    state=State.FEEDBACK,
    kind="WAT-02",
    due=None,
)
#: A made-up person; the last digit fits the others.
CLAIM = Claim("欧阳测试", "110105199001010010", "13912340007", "测试银行北京望京支行", "6222020200012345678")


#: What came back of a reward.
BACK = book.Recovery(480_000, NOW.date(), "缴款书 2026-77")
#: An effective decision, and everybody's step from there to the notice.
FINE = NewOutcome(
    RewardOutcome.FINED, "超标排放", "京环罚〔2026〕1号", NOW.date() - timedelta(days=3), fine=10_000_000
)
WAY = (
    (HANDLER, RewardAct.VERIFY), (LEGAL, RewardAct.LEGAL_PASS), (FINANCE, RewardAct.FINANCE_PASS),
    (HEAD, RewardAct.APPROVE), (HANDLER, RewardAct.NOTIFY),
)  # fmt: skip


async def reports(db: Database, *items: TicketIn, access: bool = True) -> list[str]:
    """Answered reports (举报) of somebody without a name; `access`: with a 查询码 of the page."""
    numbers = await add_tickets(db, *(items or (REPORT,)))
    async with db.writes.begin() as session:
        await session.execute(sa.update(Ticket).where(Ticket.no.in_(numbers)).values(appeal_type="举报"))
        ids = await session.scalars(sa.select(Ticket.appeal_id).where(Ticket.no.in_(numbers)))
        session.add_all(
            [
                CitizenAccess(
                    appeal_id=one, form_hash=f"{one:064d}",
                    code_hash=filing.code_hash(Vault({1: bytes(32)}), one, SECRET),
                )
                for one in ids
            ]
            * access
        )  # fmt: skip
    return numbers


async def named(deps: Deps, no: str, name: str = "欧阳测试", phone: str = "13912340007") -> int:
    """Give a ticket's appeal an appellant. Gives the appeal's id."""
    async with deps.db.writes.begin() as session:
        appeal_id = await session.scalar(sa.select(Ticket.appeal_id).where(Ticket.no == no))
        assert appeal_id is not None
        session.add(Appellant(
            appeal_id=appeal_id, created_at=NOW,
            name=deps.vault.seal(name, belongs_to=f"appellant.name:{appeal_id}"),
            phone=deps.vault.seal(phone, belongs_to=f"appellant.phone:{appeal_id}"),
        ))  # fmt: skip
    return appeal_id


async def merged(db: Database, no: str, into: str) -> None:
    """As a merge leaves two tickets."""
    async with db.writes.begin() as session:
        head = (await session.scalars(sa.select(Ticket).where(Ticket.no == into))).one()
        head.version += 1
        last = await session.scalar(
            sa.select(sa.func.max(TicketEvent.seq)).where(TicketEvent.ticket_id == head.id)
        )
        session.add(TicketEvent(
            ticket_id=head.id, seq=(last or 0) + 1, at=NOW, tag=Tag.JOINED.value, data={"joined": no}
        ))  # fmt: skip
        child = (await session.scalars(sa.select(Ticket).where(Ticket.no == no))).one()
        child.state = State.MERGED.value
        below = await session.scalar(
            sa.select(sa.func.max(TicketEvent.seq)).where(TicketEvent.ticket_id == child.id)
        )
        session.add(TicketEvent(
            ticket_id=child.id, seq=(below or 0) + 1, at=NOW, tag=Tag.MERGE.value,
            data={"values": {"other_ticket": into}},
        ))  # fmt: skip


async def archived(db: Database, no: str) -> None:
    """As 归档 leaves it, whatever it was before."""
    async with db.writes.begin() as session:
        ticket = (await session.scalars(sa.select(Ticket).where(Ticket.no == no))).one()
        last = await session.scalar(
            sa.select(sa.func.max(TicketEvent.seq)).where(TicketEvent.ticket_id == ticket.id)
        )
        data = {"from": ticket.state, "to": State.ARCHIVED.value}
        ticket.state, ticket.version = State.ARCHIVED.value, ticket.version + 1
        session.add(TicketEvent(
            ticket_id=ticket.id, seq=(last or 0) + 1, at=NOW, tag=Tag.ARCHIVE.value, data=data
        ))  # fmt: skip


async def split(db: Database, no: str, out_of: str) -> None:
    """As 撤销合并 leaves them."""
    async with db.writes.begin() as session:
        head = (await session.scalars(sa.select(Ticket).where(Ticket.no == out_of))).one()
        head.version += 1
        last = await session.scalar(
            sa.select(sa.func.max(TicketEvent.seq)).where(TicketEvent.ticket_id == head.id)
        )
        session.add(TicketEvent(
            ticket_id=head.id, seq=(last or 0) + 1, at=NOW, tag=Tag.LEFT.value, data={"left": no}
        ))  # fmt: skip
        values = {"state": State.FEEDBACK.value, "version": Ticket.version + 1}
        await session.execute(sa.update(Ticket).where(Ticket.no == no).values(values))


async def look_again(deps: Deps, no: str) -> bool:
    """As the page does before it verifies. Gives whether anything changed."""
    async with deps.db.writes.begin() as session:
        reward = await book.locked(session, no)
        return await finding.again(session, deps.tables, reward, now=deps.clock.now())


async def sweep(deps: Deps, batch: int = 50) -> int:
    async with deps.db.writes.begin() as session:
        return await finding.sweep(session, deps.tables, now=deps.clock.now(), batch=batch)


async def rewards(deps: Deps) -> list[Reward]:
    async with deps.db.reads() as session:
        return list(await session.scalars(sa.select(Reward).order_by(Reward.id)))


async def the_reward(deps: Deps) -> Reward:
    (found,) = await rewards(deps)
    return found


async def shares(deps: Deps) -> list[RewardShare]:
    async with deps.db.reads() as session:
        return list(await session.scalars(sa.select(RewardShare).order_by(RewardShare.id)))


async def acts(deps: Deps) -> list[str]:
    async with deps.db.reads() as session:
        rows = await session.scalars(
            sa.select(RewardEvent.act).order_by(RewardEvent.reward_id, RewardEvent.seq)
        )
        return list(rows)


async def appeal_of(deps: Deps, no: str) -> int:
    async with deps.db.reads() as session:
        found = await session.scalar(
            sa.select(Appeal.id).join(Ticket, Ticket.appeal_id == Appeal.id).where(Ticket.no == no)
        )
    assert found is not None
    return found


async def do(
    deps: Deps,
    doer: Doer,
    act: RewardAct,
    reason: str = "",
    version: int | None = None,
    *,
    recovery: book.Recovery | None = None,
) -> Reward:
    """One step of the one reward there is."""
    reward = await the_reward(deps)
    wish = book.Wish(reward.no, act, version or reward.version, reason, recovery=recovery or book.Recovery())
    async with deps.db.writes.begin() as session:
        return await acting.act(session, deps.tables, doer, wish, now=deps.clock.now())


async def refused(deps: Deps, reason: str = "举报事实不清楚") -> Reward:
    """Proposed by the handler, upheld by the head."""
    await do(deps, HANDLER, RewardAct.REFUSE, reason)
    return await do(deps, HEAD, RewardAct.UPHOLD)


async def state(deps: Deps, **more: Any) -> None:  # noqa: ANN401  (fields of Stated)
    reward = await the_reward(deps)
    wish = book.Wish(reward.no, RewardAct.VERIFY, reward.version)
    async with deps.db.writes.begin() as session:
        await acting.state(session, deps.tables, HANDLER, wish, acting.Stated(**more), now=deps.clock.now())


async def fined(deps: Deps) -> int:
    """An effective decision of 100,000 yuan."""
    reward = await the_reward(deps)
    wish = book.Wish(reward.no, RewardAct.OUTCOME, reward.version)
    async with deps.db.writes.begin() as session:
        return await outcomes.add(
            session, deps.tables, HANDLER, wish, FINE, files=(), hashes=(), now=deps.clock.now()
        )


async def approved(deps: Deps, **stated: Any) -> Reward:  # noqa: ANN401  (fields of Stated)
    """From a candidate to one that reporters were told of."""
    await fined(deps)
    await state(deps, **{"ruleset": "CQ-2025", **stated})
    for doer, act in WAY:
        await do(deps, doer, act)
    return await the_reward(deps)


async def codes(deps: Deps, appeal_id: int) -> list[claiming.Code]:
    """The codes, taken with the 查询码 that `reports` gave the case."""
    async with deps.db.writes.begin() as session:
        return await claiming.give(session, deps, appeal_id, SECRET, now=deps.clock.now())


async def claimed(deps: Deps, told: Claim = CLAIM) -> list[claiming.Code]:
    """Every part of the one reward is claimed by its code."""
    reward = await the_reward(deps)
    given = await codes(deps, reward.winner_appeal_id)
    for one in given:
        offer = await offered(deps, one)
        async with deps.db.writes.begin() as session:
            await claiming.claim(session, deps, VAULT, offer, told, now=deps.clock.now())
    return given


async def offered(deps: Deps, code: claiming.Code) -> claiming.Offer:
    """The part that a code opens."""
    async with deps.db.reads() as reading:
        share_id = await claiming.find(reading, deps, code.reward_no, code.code)
        found = await claiming.offer(reading, share_id)
    assert found is not None
    return found


def at(deps: Deps, moment: datetime) -> Deps:
    """The same at another moment."""
    return replace(deps, clock=FixedClock(moment))


async def tick(deps: Deps) -> bool:
    return await clocking.tick(deps)
