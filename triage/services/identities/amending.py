"""更正 (个保法第四十六条): a name or a phone of an appellant put right, once somebody made sure who asks.

At the terminal, or at the desk (`at_desk`) by whoever speaks with citizens and may know this one: misheard on
the phone it leads to somebody else. Never on the citizen's page: the phone opens the case and says whose a
reward is, so a page that changed it for whoever knows number and phone would hand over both. What was there
stays in no row; the ledger has both masked shapes and why. What a platform holds is not changed there.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

import sqlalchemy as sa

from connectors.vault import normal_phone
from models.appeals import Appellant
from models.callbacks import CallBack
from models.caller_numbers import CallerNumber
from models.outbox import registered_for
from models.rewards import Reward
from models.tickets import Ticket
from models.vocab_identities import IdentityField
from models.vocab_ledger import LedgerAct, SubjectKind
from nlp.text import mask_identity
from triage.errors import BadInput, NotFound, TriageError
from triage.services import ledger
from triage.services.callbacks.own_number import CHANGED
from triage.services.citizen import lives_on
from triage.services.citizen.filing import PHONE
from triage.services.identities import revealing
from triage.services.identities.holding import NothingHeld
from triage.services.identities.shapes import shape
from triage.services.limiting import TooOften

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.vault import Vault
    from models.viewing import Viewer
    from triage.services.deps import Deps

LONGEST_NAME: Final = 40
LONGEST_REASON: Final = 500


class RewardUnderWay(TriageError):
    """这件诉求有奖励在办或办过，姓名和电话说明奖励是谁的，不能改：请在奖励里当面核验。"""

    code: ClassVar[str] = "reward_under_way"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class Amendment:
    """Of the ticket `no`, which part, what it is rightly, and how it is known who asks."""

    no: str
    field: IdentityField
    value: str
    reason: str


class AmendedSince(TriageError):
    """别人刚刚更正过这位诉求人的姓名或电话：请先看现在登记的，再更正。"""

    code: ClassVar[str] = "amended_since"
    status: ClassVar[int] = 409


class NotChanged(TriageError):
    """和现在登记的一样，没有要更正的。"""

    code: ClassVar[str] = "not_changed"
    status: ClassVar[int] = 422


def mark(name: bytes | None, phone: bytes | None) -> str:
    """What a form carries of what it stands on: other sealed values give another one. It tells nothing."""
    return hashlib.sha256((name or b"") + b"\0" + (phone or b"")).hexdigest()[:32]


async def at_desk(deps: Deps, viewer: Viewer, wish: Amendment, *, seen: str) -> tuple[str, str]:
    """The same by somebody of the desk, whose form stood on `seen` (`mark`): counted and noted as a look.

    Whoever types a number knows it, so attests nobody of it for a reward. Raises what `amend` does, and
    RevealRefused, TooOften, AmendedSince, NotChanged.
    """
    now = deps.clock.now()
    async with deps.db.reads() as session:
        case = await revealing.facts_of(session, viewer, wish.no)
    subject = ledger.Subject(SubjectKind.APPEAL, str(case.appeal_id), case.no)
    try:
        async with deps.db.writes.begin() as session:
            told = await _at_desk(session, deps, viewer, wish, subject, seen=seen)
    except (revealing.RevealRefused, TooOften) as error:
        async with deps.db.writes.begin() as session:
            ledger.write(
                session, who=viewer.login, act=LedgerAct.REVEAL_REFUSED, now=now, subject=subject,
                reason=error.detail, detail={"code": error.code, "field": wish.field.value},
            )  # fmt: skip
        raise
    if told is None:
        raise NotChanged
    return told


async def _at_desk(
    session: AsyncSession,
    deps: Deps,
    viewer: Viewer,
    wish: Amendment,
    subject: ledger.Subject,
    *,
    seen: str,
) -> tuple[str, str] | None:
    """None: it is what is there already. That it is, is an answer: counted and noted like any look."""
    now = deps.clock.now()
    case = await revealing.facts_of(session, viewer, wish.no)
    if (why := await revealing.refusal(session, viewer, case, wish.field)) is not None:
        raise revealing.RevealRefused(why)
    # The ticket before the person, as 回拨 does.
    await session.execute(sa.select(Ticket.id).where(Ticket.id == case.ticket_id).with_for_update())
    held = (
        await session.execute(
            sa.select(Appellant.name, Appellant.phone)
            .where(Appellant.appeal_id == case.appeal_id)
            .with_for_update()
        )
    ).one_or_none()
    if held is None:
        raise NothingHeld
    if seen != mark(held.name, held.phone):
        raise AmendedSince
    often = await revealing.count_look(session, deps, viewer, now=now)
    try:
        told = await amend(session, deps.vault, wish, by=viewer.login, now=now, same=NotChanged)
    except NotChanged:
        told = None
    ledger.write(
        session, who=viewer.login, act=LedgerAct.REVEALED, now=now, subject=subject,
        reason=f"更正{wish.field.label}", detail={"field": wish.field.value},
    )  # fmt: skip
    if often is not None:
        await revealing.tell_auditor(session, deps, viewer, subject, often, now=now)
    return told


async def amend(
    session: AsyncSession,
    vault: Vault,
    wish: Amendment,
    *,
    by: str,
    now: datetime,
    same: type[TriageError] | None = None,
) -> tuple[str, str]:
    """Seal the right value in the place of the old. Gives the masked shapes, old and new.

    `same`: what is raised where it is the value that is there already. Raises NotFound (no such ticket),
    NothingHeld (anonymous, erased), BadInput, RewardUnderWay, VaultError.
    """
    value, reason = _checked(wish)
    ticket = (
        await session.execute(
            sa.select(Ticket.id, Ticket.appeal_id)
            .where(Ticket.no == wish.no[:40].replace("\0", ""))
            .with_for_update()
        )
    ).one_or_none()
    if ticket is None:
        raise NotFound("没有这张工单。")
    if await rewarded(session, ticket.appeal_id):
        raise RewardUnderWay
    person = await session.scalar(
        sa.select(Appellant).where(Appellant.appeal_id == ticket.appeal_id).with_for_update()
    )
    sealed = getattr(person, wish.field.value, None)
    if person is None or sealed is None:
        raise NothingHeld
    place = f"appellant.{wish.field.value}:{ticket.appeal_id}"
    there = vault.open(sealed, belongs_to=place)
    if same is not None and there == value:
        raise same
    old, new = shape(wish.field, there), shape(wish.field, value)
    for one in [person, *await _given_up(session, vault, person, wish.field)]:
        place = f"appellant.{wish.field.value}:{one.appeal_id}"
        setattr(one, wish.field.value, vault.seal(value, belongs_to=place))
        if wish.field is IdentityField.PHONE:
            one.phone_index = vault.phone_index(value)
            await session.execute(sa.delete(CallerNumber).where(CallerNumber.appeal_id == one.appeal_id))
    if wish.field is IdentityField.PHONE:
        await _hung_up(session, ticket.id)
    ledger.write(
        session, who=by, act=LedgerAct.IDENTITY_CORRECTED, now=now, old=old, new=new, reason=reason,
        subject=ledger.Subject(SubjectKind.APPEAL, str(ticket.appeal_id), wish.no),
        detail={"field": wish.field.value},
    )  # fmt: skip
    return old, new


async def _given_up(
    session: AsyncSession, vault: Vault, person: Appellant, field: IdentityField
) -> list[Appellant]:
    """Who stands with the given-up appeals that this one was registered by hand for, and is the same.

    The same as `citizen/lives_on` has it: by the phone, and without any by the name.
    """
    before = await registered_for(session, person.appeal_id)
    rows = await session.scalars(
        sa.select(Appellant)
        .where(
            Appellant.appeal_id.in_(before), Appellant.phone_index.is_not_distinct_from(person.phone_index)
        )
        .order_by(Appellant.appeal_id)
        .with_for_update()
    )
    named = lives_on.name_of(vault, person)
    held = [one for one in rows if getattr(one, field.value) is not None]
    return [
        one
        for one in held
        if one.phone_index is not None or (named and lives_on.name_of(vault, one) == named)
    ]


async def _hung_up(session: AsyncSession, ticket_id: int) -> None:
    """Forget the virtual numbers of 回拨 that lead to the number of before, whoever was given them.

    Those that a provider is asked for just now come to nothing.
    """
    asked = CallBack.until.is_(None) & CallBack.failure.is_(None)
    await session.execute(
        sa.update(CallBack)
        .where(CallBack.ticket_id == ticket_id, sa.or_(CallBack.number.is_not(None), asked))
        .values(number=None, failure=sa.case((asked, CHANGED), else_=CallBack.failure))
        .execution_options(synchronize_session=False)
    )


async def rewarded(session: AsyncSession, appeal_id: int) -> bool:
    """Whether a reward of this very report was ever in the making.

    One that only stands on the same case says nothing of this person, and would tell of a 保密 report behind.
    """
    mine = Reward.winner_appeal_id == appeal_id
    return await session.scalar(sa.select(Reward.id).where(mine).limit(1)) is not None


def _checked(wish: Amendment) -> tuple[str, str]:
    """The value and the reason as they are kept. Raises BadInput."""
    reason = mask_identity(" ".join(wish.reason.split())[:LONGEST_REASON])
    if not reason:
        raise BadInput("请写明诉求人的要求，和怎样核实了身份")
    if wish.field is IdentityField.PHONE:
        value = normal_phone(wish.value)
        if not PHONE.fullmatch(value):
            raise BadInput("电话不对：手机 11 位，座机带区号")
        return value, reason
    if wish.field is not IdentityField.NAME:
        raise BadInput("只能更正姓名和电话")
    value = " ".join(wish.value.split())
    if not 0 < len(value) <= LONGEST_NAME:
        raise BadInput(f"姓名应有 1 到 {LONGEST_NAME} 个字")
    return value, reason
