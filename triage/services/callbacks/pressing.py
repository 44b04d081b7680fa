"""回拨: one press. Staff get a number that reaches the citizen for a while; his goes to the provider alone.

Who may: the permission CALL, sight of the case by the one predicate, and a hand in it: of a report or a
confidential case as for a look at the identity (`revealing.apart`), of any other a unit that leads, assists
or was called in, or the hotline.

In three steps, for nothing outside is asked within a transaction: what is wanted is written down with the
ledger; the provider is asked; what came of it is written down, with an event of the ticket. The event is no
move: whether the citizen was reached (首次联系, 回访) is recorded by whoever spoke with him.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Final

import sqlalchemy as sa

from connectors.callback.port import NumbersAway, NumbersError, Wanted
from connectors.vault import VaultError
from models.callbacks import CallBack, NumbersProvider
from models.tickets import Ticket, TicketEvent
from models.units import Staff
from models.vocab import Tag
from models.vocab_citizen import Asked
from models.vocab_identities import IdentityField
from models.vocab_ledger import LedgerAct, SubjectKind
from models.vocab_staff import Permission
from triage import logs
from triage.errors import BadInput, NotFound, TriageError
from triage.services import ledger, limiting
from triage.services.callbacks import own_number, providers
from triage.services.identities import holding, revealing, showing
from triage.services.identities.holding import Holder

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.callback.port import Binding
    from connectors.vault import Vault
    from models.viewing import Viewer
    from triage.services.deps import Deps
    from triage.services.identities.revealing import CaseFacts

log = logs.get(__name__)

#: What a phone takes as typed; a registered number may have been written in words.
_DIALLED: Final = re.compile(r"\+?[0-9]{5,18}")
#: The longest that a provider is waited for (`providers.FIELDS`), and what its answer takes to be stored.
UNDER_WAY: Final = timedelta(seconds=40)
_TOLD: Final = "用虚拟号，号码不外露；是否联系到另行登记"
_CHANGED: Final = "等候时您的电话换了或去掉了，或诉求人的电话更正了，这个虚拟号没有给出。请再按一次。"
_WAY_OUT: Final = "急需联系时，可以在工单页写明理由查看电话。"


class CallRefused(TriageError):
    """不能回拨这张工单的诉求人。"""

    code: ClassVar[str] = "call_refused"
    status: ClassVar[int] = 403


class NoProvider(TriageError):
    """没有启用虚拟号服务，不能回拨。"""

    code: ClassVar[str] = "no_numbers"
    status: ClassVar[int] = 409


class NoOwnNumber(BadInput):
    """请先填写您自己的电话：用它拨打虚拟号。"""

    code: ClassVar[str] = "no_own_number"


class UnderWay(TriageError):
    """上一次回拨还在等服务方答复，请过几秒再看。"""

    code: ClassVar[str] = "call_under_way"
    status: ClassVar[int] = 409


class CallFailed(TriageError):
    """虚拟号服务没有给出号码。"""

    code: ClassVar[str] = "call_failed"
    status: ClassVar[int] = 502


@dataclass(frozen=True, slots=True)
class Given:
    """What is shown: a number to dial, and until when it leads anywhere."""

    number: str = field(repr=False)
    until: datetime


@dataclass(frozen=True, slots=True)
class _Pressed:
    """What was written down before the provider is asked."""

    id: int
    case: CaseFacts
    provider: NumbersProvider
    wanted: Wanted


async def refusal(session: AsyncSession, viewer: Viewer, case: CaseFacts) -> str | None:
    """Why the viewer may not call; None: they may."""
    if not viewer.may(Permission.CALL):
        return "您的角色没有回拨的权限"
    if not case.guarded and not showing.handles(viewer, case.handled_by):
        return "只有承办这张工单的单位和热线可以回拨"
    return await revealing.apart(session, viewer, case, IdentityField.PHONE)


async def standing(
    session: AsyncSession, vault: Vault, viewer: Viewer, ticket_id: int, *, now: datetime
) -> Given | None:
    """The viewer's own number for this ticket, while it leads anywhere. Raises VaultError."""
    row = await session.scalar(
        sa.select(CallBack)
        .where(
            CallBack.ticket_id == ticket_id,
            CallBack.login == viewer.login,
            CallBack.number.is_not(None),
            CallBack.until > now,
        )
        .order_by(CallBack.id.desc())
        .limit(1)
    )
    if row is None or row.number is None or row.until is None:
        return None
    return Given(vault.open(row.number, belongs_to=_place(row.key)), row.until)


async def press(deps: Deps, viewer: Viewer, no: str, *, mine: str = "") -> Given:
    """One press; `mine`: the viewer's own number, if it is not kept or another one now.

    Raises NotFound, CallRefused, NoProvider, BadInput, TooOften, NothingHeld, UnderWay, CallFailed,
    VaultError.
    """
    now = deps.clock.now()
    try:
        async with deps.db.writes.begin() as session:
            pressed = await _ask(session, deps, viewer, no, mine=mine, now=now)
    except (CallRefused, NotFound, limiting.TooOften) as error:
        async with deps.db.writes.begin() as session:
            ledger.write(
                session, who=viewer.login, act=LedgerAct.CALL_REFUSED, now=now, reason=error.detail,
                subject=ledger.Subject(SubjectKind.TICKET, no, no[:40]), detail={"code": error.code},
            )  # fmt: skip
        raise
    if isinstance(pressed, Given):
        return pressed
    try:
        binding = await _bound(deps, pressed, now=now)
    except (NumbersError, VaultError) as error:
        code = error.code if isinstance(error, NumbersError) else "credentials"
        await _failed(deps, viewer, pressed, code)
        raise CallFailed(_words(code, away=isinstance(error, NumbersAway))) from None
    if not await _keep(deps, viewer, pressed, binding):
        await _failed(deps, viewer, pressed, own_number.CHANGED, reference=binding.reference)
        raise CallFailed(_CHANGED)
    return Given(binding.number, binding.until)


async def _ask(
    session: AsyncSession, deps: Deps, viewer: Viewer, no: str, *, mine: str, now: datetime
) -> _Pressed | Given:
    case = await revealing.facts_of(session, viewer, no)
    if (refused := await refusal(session, viewer, case)) is not None:
        raise CallRefused(refused)
    provider = await providers.active(session)
    if provider is None:
        raise NoProvider
    # Whoever presses twice waits here for the first.
    await session.execute(sa.select(Ticket.id).where(Ticket.id == case.ticket_id).with_for_update())
    if mine:
        # First: a virtual number that stands for another phone leads nowhere.
        await own_number.put(session, deps.vault, viewer.login, mine, now=now)
    if (given := await standing(session, deps.vault, viewer, case.ticket_id, now=now)) is not None:
        return given
    await _alone(session, viewer, case.ticket_id, now=now)
    caller = await own_number.used(session, deps.vault, viewer.login, now=now)
    if caller is None:
        raise NoOwnNumber
    row = deps.tables.reveals.call(now)
    await limiting.count(session, deps.vault, Asked.CALL, viewer.login, most=row.most, now=now)
    callee = await holding.value_of(session, deps.vault, Holder(case.no), case.appeal_id, IdentityField.PHONE)
    callee = re.sub(r"[\s-]", "", callee)
    if not _DIALLED.fullmatch(callee):
        raise BadInput("登记的电话不是可以拨打的号码。" + _WAY_OUT)
    made = CallBack(
        key=secrets.token_hex(16), ticket_id=case.ticket_id, login=viewer.login, provider_id=provider.id,
        asked_at=now,
    )  # fmt: skip
    session.add(made)
    await session.flush()
    # Before the number leaves the house it stands in the ledger that it will.
    ledger.write(
        session, who=viewer.login, act=LedgerAct.CALL_ASKED, now=now, subject=_subject(case),
        detail={"provider": provider.key, "call": made.id},
    )  # fmt: skip
    return _Pressed(made.id, case, provider, Wanted(made.key, caller, callee, row.lasts))


async def _alone(session: AsyncSession, viewer: Viewer, ticket_id: int, *, now: datetime) -> None:
    """Raises UnderWay while an earlier press has no answer yet."""
    waits = await session.scalar(
        sa.select(CallBack.id)
        .where(
            CallBack.ticket_id == ticket_id,
            CallBack.login == viewer.login,
            CallBack.until.is_(None),
            CallBack.failure.is_(None),
            CallBack.asked_at > now - UNDER_WAY,
        )
        .limit(1)
    )
    if waits is not None:
        raise UnderWay


async def _bound(deps: Deps, pressed: _Pressed, *, now: datetime) -> Binding:
    numbers = providers.opened(deps, pressed.provider)
    try:
        return await numbers.bind(pressed.wanted, now=now)
    finally:
        await numbers.close()


async def _failed(deps: Deps, viewer: Viewer, pressed: _Pressed, code: str, *, reference: str = "") -> None:
    """`reference`: of a binding that was made all the same."""
    now = deps.clock.now()
    bound = {"reference": reference} if reference else {}
    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(CallBack).where(CallBack.id == pressed.id).values(failure=code))
        ledger.write(
            session, who=viewer.login, act=LedgerAct.CALL_FAILED, now=now, subject=_subject(pressed.case),
            detail={"provider": pressed.provider.key, "call": pressed.id, "code": code, **bound},
        )  # fmt: skip
    log.warning("call_back_failed", ticket_no=pressed.case.no, provider=pressed.provider.key, code=code)


async def _keep(deps: Deps, viewer: Viewer, pressed: _Pressed, binding: Binding) -> bool:
    """The number, the provider's reference, the event of the ticket and the ledger, in one transaction.

    False, and nothing is kept: the viewer's own number, or the citizen's, was changed meanwhile.
    """
    now, case = deps.clock.now(), pressed.case
    async with deps.db.writes.begin() as session:
        await session.execute(
            sa.select(Ticket.id).where(Ticket.id == case.ticket_id).with_for_update()
        )  # fmt: skip
        kept = await session.scalar(
            sa.update(CallBack)
            .where(CallBack.id == pressed.id, CallBack.failure.is_(None))
            .values(
                until=binding.until,
                number=deps.vault.seal(binding.number, belongs_to=_place(pressed.wanted.key)),
                reference=binding.reference or None,
            )
            .returning(CallBack.id)
        )
        if kept is None:
            return False
        last = await session.execute(
            sa.select(sa.func.max(TicketEvent.seq), sa.func.max(TicketEvent.at)).where(
                TicketEvent.ticket_id == case.ticket_id
            )
        )
        seq, at = last.one()
        staff_id = await session.scalar(sa.select(Staff.id).where(Staff.login == viewer.login))
        session.add(
            TicketEvent(
                ticket_id=case.ticket_id, seq=(seq or 0) + 1, at=max(now, at) if at else now,
                tag=Tag.CALLED.value, staff_id=staff_id, data={"told": _TOLD},
            )
        )  # fmt: skip
        ledger.write(
            session, who=viewer.login, act=LedgerAct.CALLED_BACK, now=now, subject=_subject(case),
            detail={
                "provider": pressed.provider.key, "call": pressed.id, "reference": binding.reference,
                "until": binding.until.isoformat(),
            },
        )  # fmt: skip
    log.info("call_back_made", ticket_no=case.no, provider=pressed.provider.key)
    return True


def _words(code: str, *, away: bool) -> str:
    if away:
        return f"虚拟号服务暂时没有答复（{code}），号码没有给出。请稍后再试。{_WAY_OUT}"
    return f"虚拟号服务没有接受这次回拨（{code}），请告诉系统管理员。{_WAY_OUT}"


def _subject(case: CaseFacts) -> ledger.Subject:
    return ledger.Subject(SubjectKind.APPEAL, str(case.appeal_id), case.no)


def _place(key: str) -> str:
    return f"call_back.number:{key}"
