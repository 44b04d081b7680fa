"""回传: what waits goes to the platform, in order within each order number, and is acknowledged once.

Orders are independent: of each the first action that waits is sent, some at a time; the next of the same
order only when the platform has that one. What fails for now is tried again later and later; what the
platform refuses for good stays visible until a person sends it again or gives it up, and holds back only the
later actions of its own order; so does one that it forbids (403) while it lists orders to us as before. The
platform may get one action twice (we were killed after sending): both sides know it by order number and
action number.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from connectors.file_times import SHANGHAI
from connectors.hotline.client import ActionRefused, PlatformAway, PlatformDenied, Receipt
from models.hotline import WAITING, HotlineAction, HotlineNonce
from models.vocab import Field
from models.vocab_ledger import LedgerAct, SubjectKind
from models.vocab_sources import ActionKind, ActionState
from nlp.text import mask_identity
from triage import logs
from triage.errors import TriageError
from triage.services import ledger
from triage.services.sources.ports import Outcome, SourceFault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.hotline.client import HotlineClient
    from connectors.hotline.mapping import PlatformMap
    from connectors.hotline.settings import HotlineSettings
    from triage.clock import Clock
    from triage.services.sources.ports import Work

log = logs.get(__name__)

#: Claimed in one transaction, then sent, then written down in another.
BATCH: Final = 200
#: Nothing is sent after so long: the page sees how far it is, a stop need not wait, and what came of a batch
#: is written down before the task's own limit cuts it off, however slow the platform is.
RUN_SECONDS: Final = 20.0
#: So many forbidden (403) in a run that took no action at all: it is not these orders, it is what we may do.
MOST_FORBIDDEN: Final = 20
#: Or so few, of which one was tried so often, over several runs.
FEW_FORBIDDEN: Final = 3
STUBBORN: Final = 5
#: Tried so often (17 minutes), an action is shown with the platform's last answer, and may be given up.
STUCK: Final = 10
_FORBIDDEN: Final = 403
_FIRST_WAIT: Final = timedelta(seconds=2)
_LONGEST_WAIT: Final = timedelta(minutes=10)
_MOMENTS: Final = ("at", Field.UNTIL.value)


@dataclass(frozen=True, slots=True)
class Waiting:
    """An action on its way, in plain values."""

    id: int
    order_no: str
    seq: int
    kind: str
    body: Mapping[str, Any]
    attempts: int


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of one: a receipt, a refusal for good, or nothing for now. `unsent`: its turn never came."""

    action: Waiting
    receipt: Receipt | None = None
    refusal: ActionRefused | None = None
    away: str | None = None
    denied: PlatformDenied | None = None
    unsent: bool = False


@dataclass(slots=True)
class _Standing:
    """How a platform takes us, as a run finds out. `shut`: not at all; the rest need not be sent."""

    client: HotlineClient
    clock: Clock
    answered: int = 0
    forbidden: int = 0
    shut: PlatformDenied | None = None

    async def judged(self, sent: Sent) -> Sent:
        """What came of an action; one that is forbidden while orders are listed to us is refused alone."""
        if sent.denied is None:
            self.answered += sent.receipt is not None
            return sent
        if sent.denied.status != _FORBIDDEN:
            self.shut = sent.denied
            return sent
        try:
            await _listed(self.client, now=self.clock.now())
        except PlatformDenied as error:
            self.shut = error
            return sent
        except PlatformAway as error:
            return replace(sent, denied=None, away=str(error))
        self.forbidden += 1
        stubborn = self.forbidden >= FEW_FORBIDDEN and sent.action.attempts >= STUBBORN
        if (self.forbidden >= MOST_FORBIDDEN or stubborn) and not self.answered:
            self.shut = PlatformDenied(
                f"平台给看工单，但连续 {self.forbidden} 个工单的动作都答复 403：请平台开通回传权限。"
            )
        return replace(sent, refusal=ActionRefused(str(_FORBIDDEN), "平台不接受这个工单的动作，其他请求照常"))

    def settled(self, results: Sequence[Sent]) -> list[Sent]:
        """What is written down. Where nothing was taken what was forbidden waits on, behind the rest.

        By others that are taken it shows what is forbidden alone: without them perhaps we may not write.
        """
        if self.answered:
            return list(results)
        return [
            replace(sent, refusal=None, away=str(sent.denied)) if sent.refusal and sent.denied else sent
            for sent in results
        ]


def told(platform: PlatformMap, action: Waiting) -> dict[str, Any]:
    """An action in the platform's words; what its map does not name is not told."""
    chosen = platform.actions[ActionKind(action.kind)]
    found: dict[str, Any] = {"action": chosen.code}
    for ours, theirs in chosen.fields.items():
        value = action.body.get(ours)
        if value is None or value == "":
            continue
        if ours in _MOMENTS:
            moment = datetime.fromisoformat(str(value)).astimezone(SHANGHAI)
            found[theirs] = moment.strftime(platform.time_format)
        else:
            found[theirs] = platform.values.get(ours, {}).get(str(value), value)
    # By this the day's reconciliation counts it on both sides.
    found["actionDay"] = (
        datetime.fromisoformat(str(action.body["at"])).astimezone(SHANGHAI).date().isoformat()
    )
    return found


async def send(
    work: Work, client: HotlineClient, settings: HotlineSettings, platform: PlatformMap
) -> Outcome:
    """Send what waits, for at most `RUN_SECONDS`. Raises SourceFault when nothing at all got through.

    Raises PlatformDenied when the platform does not accept us (not one action alone); what it took before
    that is written down.
    """
    ends = time.monotonic() + RUN_SECONDS
    done = refused = 0
    stands = _Standing(client, work.deps.clock)
    gate = asyncio.Semaphore(settings.senders)

    async def one(action: Waiting) -> Sent:
        async with gate:
            if stands.shut or time.monotonic() >= ends:
                return Sent(action, unsent=True)
            return await stands.judged(await _one(client, platform, action))

    while time.monotonic() < ends:
        async with work.deps.db.writes.begin() as session:
            batch = await claim(session, work.source.id, now=work.deps.clock.now(), most=BATCH)
        if not batch:
            break
        results = stands.settled(await asyncio.gather(*(one(action) for action in batch)))
        async with work.deps.db.writes.begin() as session:
            await record(session, results, now=work.deps.clock.now())
        if stands.shut:
            raise stands.shut
        got = sum(result.receipt is not None for result in results)
        turned_down = sum(result.refusal is not None for result in results)
        done, refused = done + got, refused + turned_down
        failed = next((result for result in results if result.away is not None), None)
        if failed and not got and not turned_down:
            await _there(client, failed, now=work.deps.clock.now())
    now = work.deps.clock.now()
    async with work.deps.db.writes.begin() as session:
        await forget_nonces(session, work.source.id, before=now - timedelta(seconds=2 * settings.replay + 60))
        waiting, oldest = await standing(session, work.source.id, now=now)
    said = (
        f"送达 {done} 个动作" + (f"，平台拒收 {refused} 个" if refused else "") + f"，待发送 {waiting} 个。"
    )
    return Outcome(
        said=said,
        seen=done + refused,
        stored=done,
        lag=now - oldest if oldest else timedelta(0),
        more=time.monotonic() >= ends,
    )


async def _there(client: HotlineClient, failed: Sent, *, now: datetime) -> None:
    """Whether it is the platform that is away, or these actions alone that fail. Raises SourceFault."""
    try:
        await _listed(client, now=now)
    except PlatformAway:
        raise SourceFault(failed.away or "平台没有答复。") from None


async def _listed(client: HotlineClient, *, now: datetime) -> None:
    """Ask for the orders of a minute: that comes, or it raises PlatformAway, PlatformDenied."""
    after, until = (
        moment.astimezone(SHANGHAI).isoformat(timespec="milliseconds")
        for moment in (now - timedelta(minutes=1), now)
    )
    await client.orders(after=after, until=until, page=1, size=1)


async def _one(client: HotlineClient, platform: PlatformMap, action: Waiting) -> Sent:
    try:
        return Sent(action, receipt=await client.act(action.order_no, action.seq, told(platform, action)))
    except ActionRefused as refusal:
        return Sent(action, refusal=refusal)
    except PlatformAway as error:
        return Sent(action, away=str(error))
    except PlatformDenied as error:
        return Sent(action, denied=error)


async def claim(session: AsyncSession, source_id: int, *, now: datetime, most: int) -> list[Waiting]:
    """The first waiting action of each order that is due, counted as tried: an undo then knows of it."""
    earlier = aliased(HotlineAction)
    open_states = [ActionState.WAITING.value, ActionState.REFUSED.value]
    before = (
        sa.select(earlier.id)
        .where(
            earlier.source_id == HotlineAction.source_id,
            earlier.order_no == HotlineAction.order_no,
            earlier.seq < HotlineAction.seq,
            earlier.state.in_(open_states),
        )
        .exists()
    )
    rows = (
        await session.execute(
            sa.select(
                HotlineAction.id,
                HotlineAction.order_no,
                HotlineAction.seq,
                HotlineAction.kind,
                HotlineAction.body,
                HotlineAction.attempts,
            )
            .where(
                HotlineAction.source_id == source_id,
                sa.text(f"hotline_action.{WAITING}"),
                HotlineAction.available_at <= now,
                ~before,
            )
            .order_by(HotlineAction.available_at, HotlineAction.id)
            .limit(most)
            .with_for_update(of=HotlineAction, skip_locked=True)
        )
    ).all()
    if rows:
        await session.execute(
            sa.update(HotlineAction)
            .where(HotlineAction.id.in_([row.id for row in rows]))
            .values(attempts=HotlineAction.attempts + 1)
            .execution_options(synchronize_session=False)
        )
    return [Waiting(row.id, row.order_no, row.seq, row.kind, row.body, row.attempts + 1) for row in rows]


async def record(session: AsyncSession, results: Sequence[Sent], *, now: datetime) -> None:
    """Write down what came of a batch. An acknowledgement is written once: only on what still waits."""
    mine = sa.update(HotlineAction).where(
        HotlineAction.id == sa.bindparam("key"), HotlineAction.state == ActionState.WAITING.value
    )
    connection = await session.connection()
    done = [{"key": r.action.id, "receipt": r.receipt.number} for r in results if r.receipt is not None]
    if done:
        await connection.execute(
            mine.values(
                state=ActionState.DONE.value,
                acknowledged_at=now,
                receipt=sa.bindparam("receipt"),
                error=None,
            ),
            done,
        )
    unsent = [{"key": r.action.id} for r in results if r.unsent]
    if unsent:
        # Counted as tried by `claim`, and not tried after all.
        await connection.execute(mine.values(attempts=HotlineAction.attempts - 1), unsent)
    for result in results:
        if result.refusal is not None:
            why = f"平台拒收，代码 {mask_identity(result.refusal.code)}"
            if reason := mask_identity(result.refusal.reason):
                why += f"：{reason}"
            values: dict[str, Any] = {"state": ActionState.REFUSED.value, "error": why}
            log.warning("action_refused", action_id=result.action.id, code=result.refusal.code[:40])
        elif result.away is not None:
            wait = min(_FIRST_WAIT * 2 ** min(result.action.attempts - 1, 12), _LONGEST_WAIT)
            values = {"available_at": now + wait, "error": result.away}
        else:
            continue
        await connection.execute(mine.values(**values), [{"key": result.action.id}])


async def standing(session: AsyncSession, source_id: int, *, now: datetime) -> tuple[int, datetime | None]:
    """How many wait, and since when the oldest that is due does."""
    row = (
        await session.execute(
            sa.select(
                sa.func.count(),
                sa.func.min(HotlineAction.created_at).filter(HotlineAction.available_at <= now),
            ).where(HotlineAction.source_id == source_id, sa.text(f"hotline_action.{WAITING}"))
        )
    ).one()
    return row[0], row[1]


def stuck(source_id: int) -> tuple[sa.ColumnElement[bool] | sa.TextClause, ...]:
    """What waits and came to nothing each time: it is tried on, and holds back its order's later ones."""
    return (
        HotlineAction.source_id == source_id,
        sa.text(f"hotline_action.{WAITING}"),
        HotlineAction.attempts >= STUCK,
        # Sent again by a person: not before it failed once more.
        HotlineAction.error.is_not(None),
    )


async def forget_nonces(session: AsyncSession, source_id: int, *, before: datetime) -> None:
    """Nonces so old that the clock alone refuses their messages."""
    await session.execute(
        sa.delete(HotlineNonce)
        .where(HotlineNonce.source_id == source_id, HotlineNonce.seen_at < before)
        .execution_options(synchronize_session=False)
    )


class ActionSettled(TriageError):
    """这个动作刚被别人处理过。"""

    code: ClassVar[str] = "action_settled"
    status: ClassVar[int] = 409


async def decide(
    session: AsyncSession, source: tuple[int, str], action_id: int, *, again: bool, by: str, now: datetime
) -> None:
    """重试 or 不再发送, of an action that was refused or is `stuck`, in the ledger. `source`: id and key.

    Raises ActionSettled when none such is there any more.
    """
    values: dict[str, Any] = (
        {"state": ActionState.WAITING.value, "available_at": now, "error": None}
        if again
        else {"state": ActionState.DROPPED.value}
    )
    rows = await session.execute(
        sa.update(HotlineAction)
        .where(
            HotlineAction.id == action_id,
            HotlineAction.source_id == source[0],
            sa.or_(HotlineAction.state == ActionState.REFUSED.value, sa.and_(*stuck(source[0]))),
        )
        .values(**values)
        .returning(HotlineAction.order_no, HotlineAction.seq, HotlineAction.kind)
        .execution_options(synchronize_session=False)
    )
    done = rows.one_or_none()
    if done is None:
        raise ActionSettled
    ledger.write(
        session, who=by, act=LedgerAct.ACTION_DECIDED, now=now,
        subject=ledger.Subject(SubjectKind.SOURCE, source[1]),
        detail={
            "order": done.order_no, "action": done.seq, "what": ActionKind(done.kind).label,
            "did": "重试" if again else "不再发送",
        },
    )  # fmt: skip
