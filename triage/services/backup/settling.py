"""恢复之后: what the restored rows know nothing of is told to them before anything runs again.

A backup ends at a moment; the house went on until the disaster. What was due in between was sent, and stands
in the restored rows as not sent. Somebody who was erased in between is back. Who was signed out is in
again. So up to the moment that the old house last ran: reminders are written as of then, what they and others
wait to tell is taken for told (恢复前已发, from where a person may send it again), those who asked are erased
again and every session ends. What became due after that moment goes out: nobody has sent it. The same holds
of the messages to those who are rewarded; of their money: `rewarded`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final

import orjson
import sqlalchemy as sa

from models.appeals import Appeal
from models.identities import Erasure
from models.notices import Delivery, Notice
from models.rewards import RewardNotice
from models.staff import SignInSession
from models.tickets import Ticket
from models.viewing import all_seeing
from models.vocab_ledger import LedgerAct, SubjectKind
from models.vocab_notices import NoticeState
from models.vocab_signin import End
from models.watching import TicketWatch
from triage.clock import show
from triage.errors import BadInput, NotFound
from triage.services import ledger, supervising
from triage.services.backup import rewarded
from triage.services.identities import erasing
from triage.services.rewards import clocking

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.services.deps import Deps

_BATCH: Final = 500
_AGAIN: Final = "恢复后重新登记"
#: What no number has, and every line of a ledger exported as CSV: taken for numbers, nobody would be erased.
_NO_NUMBER: Final = frozenset(',"\t')


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody who asked to be erased: the case's number, why, when; the appeal's id where it is known.

    What was stored after `at` is another's: the number, or the id, was given anew.
    """

    no: str
    reason: str
    at: datetime
    appeal_id: int | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """What was done, or is to be: counts; numbers of cases not over yet, not here, and of several appeals."""

    tickets: int
    reminders: int
    notices: int
    sessions: int
    erased: int = 0
    later: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    unclear: tuple[str, ...] = ()
    rewards: rewarded.Parts = field(default_factory=rewarded.Parts)


class _Fate(Enum):
    ERASED = auto()
    LATER = auto()  # it goes when the case is over
    UNKNOWN = auto()  # not here, or another's by now
    UNCLEAR = auto()  # several appeals have the number


def read(lines: Iterable[str], *, until: datetime) -> list[Asked]:
    """Who asked, of a ledger's export (JSONL) or of numbers one a line. Raises BadInput naming the line."""
    found = []
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text.startswith("{"):
            if _NO_NUMBER & set(text):
                raise _unread(number)
            found += [Asked(text, _AGAIN, until)] * bool(text)
            continue
        try:
            row: dict[str, Any] = orjson.loads(text)
            if row["act"] == LedgerAct.ERASE_ASKED.value:
                at = datetime.fromisoformat(row["at"])
                told = Asked(str(row["case_no"]), row["reason"] or _AGAIN, at, int(row["subject"]))
                found.append(told)
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            raise _unread(number) from None
    return found


def _unread(number: int) -> BadInput:
    return BadInput(f"第 {number} 行不是台账的一行：请用 jiesu audit export 的 JSONL，或一行一个编号")


async def find(deps: Deps, paid: Sequence[rewarded.Went] = (), *, until: datetime) -> Settled:
    """What there is to do, nothing of it done."""
    async with deps.db.reads() as session:
        notices = await _count(session, *_waiting(until)) + await _count(session, _on_their_way(until))
        return Settled(
            tickets=await _count(session, TicketWatch.next_at <= until),
            reminders=0,
            notices=notices + await _count(session, *_answers(RewardNotice.next_at <= until)),
            sessions=await _count(session, SignInSession.ended_at.is_(None)),
            rewards=await rewarded.find(session, paid),
        )


async def settle(
    deps: Deps, asked: Sequence[Asked], paid: Sequence[rewarded.Went] = (), *, until: datetime, by: str
) -> Settled:
    """Do it. Safe to run again: what is done is not there any more."""
    now = deps.clock.now()
    # First: who is paid is not reminded, nor does their time pass.
    async with deps.db.writes.begin() as session:
        rewards = await rewarded.hold(session, paid, by=by, now=now)
    tickets, reminders, notices = 0, 0, await _rewards_told(deps, until=until, now=now)
    while True:
        async with deps.db.writes.begin() as session:
            last = await session.scalar(sa.select(sa.func.max(Notice.id))) or 0
            looked, sent = await supervising.sweep(session, deps.tables, now=until, batch=_BATCH)
            # Written as of `until`, each waits for the end of its digest window or of the night: later.
            notices += await _told(session, Notice.id > last, Notice.state == NoticeState.WAITING.value)
        if not looked:
            break
        tickets, reminders = tickets + looked, reminders + sent
    async with deps.db.writes.begin() as session:
        notices += await _presume(session, until=until, now=now)
        sessions = len(
            (
                await session.execute(
                    sa.update(SignInSession)
                    .where(SignInSession.ended_at.is_(None))
                    .values(ended_at=now, end_why=End.REVOKED.value)
                    .returning(SignInSession.id)
                    .execution_options(synchronize_session=False)
                )
            ).all()
        )
    fates: dict[_Fate, list[str]] = {fate: [] for fate in _Fate}
    for one in asked:
        fates[await _erase(deps, one, by=by, now=now)].append(one.no)
    erased = len(fates[_Fate.ERASED])
    async with deps.db.writes.begin() as session:
        ledger.write(
            session, who=by, act=LedgerAct.RESTORE_SETTLED, now=now,
            subject=ledger.Subject(SubjectKind.BACKUP, "restored"),
            detail={
                "until": show(until), "reminders": reminders, "notices": notices, "sessions": sessions,
                "erased": erased, "rewards": len(rewards.held),
            },
        )  # fmt: skip
    later, unknown, unclear = (tuple(fates[fate]) for fate in (_Fate.LATER, _Fate.UNKNOWN, _Fate.UNCLEAR))
    return Settled(tickets, reminders, notices, sessions, erased, later, unknown, unclear, rewards)


async def _count(session: AsyncSession, *where: sa.ColumnElement[bool]) -> int:
    return await session.scalar(sa.select(sa.func.count()).where(*where)) or 0


def _waiting(until: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return Notice.state == NoticeState.WAITING.value, Notice.not_before <= until


def _on_their_way(until: datetime) -> sa.ColumnElement[bool]:
    """Notices in a message whose moment had come."""
    sending = sa.select(Delivery.id).where(
        Delivery.state == NoticeState.SENDING.value, Delivery.next_at <= until
    )
    return Notice.delivery_id.in_(sending)


async def _presume(session: AsyncSession, *, until: datetime, now: datetime) -> int:
    """Take for told what was due to be told by then. Gives how many notices."""
    count = await _told(session, *_waiting(until)) + await _told(session, _on_their_way(until))
    await session.execute(
        sa.update(Delivery)
        .where(Delivery.state == NoticeState.SENDING.value, Delivery.next_at <= until)
        .values(state=NoticeState.PRESUMED.value, ended_at=now, claim=None, claimed_until=None)
        .execution_options(synchronize_session=False)
    )
    return count


def _answers(*where: sa.ColumnElement[bool]) -> tuple[sa.ColumnElement[bool], ...]:
    """Messages to those who are rewarded that wait."""
    return RewardNotice.state == NoticeState.WAITING.value, *where


async def _rewards_told(deps: Deps, *, until: datetime, now: datetime) -> int:
    """What the clock of rewards had done by then is done as of then, its messages are taken for sent.

    Gives how many messages.
    """
    async with deps.db.writes.begin() as session:
        last = await session.scalar(sa.select(sa.func.max(RewardNotice.id))) or 0
        count = await _answered(session, RewardNotice.next_at <= until, now=now)
    size = clocking.BATCH
    more = True
    while more:
        async with deps.db.writes.begin() as session:
            passed = await clocking.waive(session, deps.tables, now=until, batch=size)
            reminded = await clocking.remind(session, deps.tables, now=until, batch=size)
            count += await _answered(session, RewardNotice.id > last, now=now)
        more = size in {passed, reminded}
    return count


async def _answered(session: AsyncSession, *where: sa.ColumnElement[bool], now: datetime) -> int:
    done = await session.execute(
        sa.update(RewardNotice)
        .where(*_answers(*where))
        .values(state=NoticeState.PRESUMED.value, ended_at=now, claimed_until=None)
        .returning(RewardNotice.id)
        .execution_options(synchronize_session=False)
    )
    return len(done.all())


async def _told(session: AsyncSession, *where: sa.ColumnElement[bool]) -> int:
    """Take these notices for told. Gives how many."""
    done = await session.execute(
        sa.update(Notice)
        .where(*where)
        .values(state=NoticeState.PRESUMED.value)
        .returning(Notice.id)
        .execution_options(synchronize_session=False)
    )
    return len(done.all())


async def _erase(deps: Deps, one: Asked, *, by: str, now: datetime) -> _Fate:
    """Erase one again."""
    try:
        async with deps.db.writes.begin() as session:
            if one.appeal_id is None:
                appeal_id = await erasing.ask(session, all_seeing(by), one.no, one.reason, now=now)
                await _same(session, appeal_id, one)
            else:
                # Of an appeal that was not read yet in the backup there is no number here to find it by.
                appeal_id = one.appeal_id
                await _same(session, appeal_id, one)
                no = await session.scalar(sa.select(Ticket.no).where(Ticket.appeal_id == appeal_id))
                await erasing.note(session, appeal_id, one.reason, no=no, by=by, now=now)
            asked = await session.get_one(Erasure, appeal_id, populate_existing=True)
            if asked.erased_at is not None:
                return _Fate.ERASED
            why = "诉求人要求删除，恢复后重做"
            gone = await erasing.erase(session, appeal_id, why=why, now=now)
            return _Fate.ERASED if gone else _Fate.LATER
    except NotFound:
        return _Fate.UNKNOWN
    except BadInput:
        return _Fate.UNCLEAR


async def _same(session: AsyncSession, appeal_id: int, one: Asked) -> None:
    """Raises NotFound when the appeal is not here, or was stored after somebody asked: another's."""
    appeal = await session.get(Appeal, appeal_id)
    if appeal is None or appeal.stored_at > one.at:
        raise NotFound
