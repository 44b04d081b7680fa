"""查看身份: one field, with a reason, by somebody who may, and written to the ledger before it is seen.

`reveal` works in the caller's transaction: the value may leave only after that has committed. `look` does
both: it opens the transaction, gives the value when it is written down, and writes down what was refused too.

Who may: the permission REVEAL (for an account: of the reward's people), sight of the case, and
- of a report (举报, as the ticket or the last correction has it; 保密): only who handles it: the units that
  lead, assist or were called in, the hotline's own posts, and for its reward the reward's people;
- never somebody of the unit that is reported.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, ClassVar, Final

import sqlalchemy as sa

from models.appeals import Appeal, Reading
from models.corrections import said_of
from models.filters import may_see
from models.rewards import Reward
from models.tickets import Ticket, TicketUnit
from models.units import Unit
from models.vocab import AppealType, Corrected, Urgency
from models.vocab import Role as Part
from models.vocab_citizen import Asked
from models.vocab_identities import IdentityField
from models.vocab_ledger import LedgerAct, SubjectKind
from models.vocab_notices import RecipientKind
from models.vocab_staff import Permission, Role
from triage import logs
from triage.errors import BadInput, NotFound, TriageError
from triage.services import ledger, limiting
from triage.services.identities import holding, showing
from triage.services.notices.noting import NewNotice, Recipient, note

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.ticket_detail import WholeTicket
    from models.viewing import Viewer
    from triage.rules.reveal_rows import RateRow
    from triage.rules.rows import Tables
    from triage.services.deps import Deps
    from triage.services.identities.holding import Holder

log = logs.get(__name__)

LONGEST_WORDS: Final = 200
_TAIL: Final = re.compile(r"(?:街道办事处|镇人民政府|乡人民政府|地区办事处|办事处|人民政府)$")
_REWARD: Final = (Permission.REWARD_HANDLE, Permission.REWARD_REVIEW, Permission.REWARD_PAY)


class Tally(Enum):
    """How a look is counted: as all are, as those of 回访台, or not at all (the same once more)."""

    EACH = "each"
    RINGING = "ringing"
    NONE = "none"


class RevealRefused(TriageError):
    """不能查看这一项身份信息。"""

    code: ClassVar[str] = "reveal_refused"
    status: ClassVar[int] = 403


@dataclass(frozen=True, slots=True)
class Reason:
    """Why: a code of the table, and words of one's own."""

    code: str
    words: str


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What of a case decides who may look."""

    no: str
    ticket_id: int
    appeal_id: int
    guarded: bool
    """A report or a confidential matter."""
    handled_by: frozenset[str]
    reported: str
    """Whom the text names as the one complained about."""
    text: str
    title: str = ""
    """The ticket's, masked."""


async def facts_of(session: AsyncSession, viewer: Viewer, no: str) -> CaseFacts:
    """The case, if the viewer may see it. Raises NotFound."""
    row = (
        await session.execute(
            sa.select(
                Ticket.id,
                Ticket.no,
                Ticket.title,
                Ticket.appeal_id,
                Ticket.appeal_type,
                said_of(Corrected.APPEAL_TYPE).label("corrected"),
                Appeal,
                Reading.detail,
            )
            .join(Appeal, Appeal.id == Ticket.appeal_id)
            .outerjoin(Reading, Reading.id == Ticket.reading_id)
            .where(Ticket.no == no[:40].replace("\0", ""), may_see(viewer))
        )
    ).one_or_none()
    if row is None:
        raise NotFound("没有这张工单，或您无权查看。")
    parts = await session.scalars(
        sa.select(TicketUnit.unit_code).where(
            TicketUnit.ticket_id == row.id, TicketUnit.role != Part.COPY.value
        )
    )
    appeal: Appeal = row.Appeal
    return CaseFacts(
        no=row.no,
        ticket_id=row.id,
        appeal_id=row.appeal_id,
        guarded=_guarded(appeal, row.appeal_type, row.corrected),
        handled_by=frozenset(parts),
        reported=str((row.detail or {}).get("party") or ""),
        text=f"{appeal.title or ''}\n{appeal.text}",
        title=row.title,
    )


def case_of(whole: WholeTicket) -> CaseFacts:
    """The same of a ticket that was read whole, and so may be seen."""
    return CaseFacts(
        no=whole.ticket.no,
        ticket_id=whole.ticket.id,
        appeal_id=whole.appeal.id,
        guarded=_guarded(whole.appeal, whole.ticket.appeal_type, whole.corrected_type),
        handled_by=frozenset(part.code for part in whole.units if part.role != Part.COPY.value),
        reported=str((whole.reading.detail if whole.reading else {}).get("party") or ""),
        text=f"{whole.appeal.title or ''}\n{whole.appeal.text}",
        title=whole.ticket.title,
    )


def _guarded(appeal: Appeal, *said: str | None) -> bool:
    """Whether it is a report or confidential: one that says so is enough, for the model misses some.

    Who may say so: the reading (the ticket), a clerk, the platform or file that it came from.
    """
    return appeal.confidential or AppealType.REPORT.value in {appeal.told_type, *said}


async def refusal(session: AsyncSession, viewer: Viewer, case: CaseFacts, field: IdentityField) -> str | None:
    """Why the viewer may not look; None: they may."""
    wanted = _REWARD if field is IdentityField.ACCOUNT else (Permission.REVEAL,)
    if not viewer.may(*wanted):
        return "您的角色没有查看身份的权限"
    return await apart(session, viewer, case, field)


async def apart(session: AsyncSession, viewer: Viewer, case: CaseFacts, field: IdentityField) -> str | None:
    """Why this case's identity is not for the viewer, whatever their role may; None: it is."""
    if case.guarded and not showing.handles(viewer, case.handled_by):
        if not viewer.may(*_REWARD):
            return "这是举报或要求保密的诉求：只有承办它的人才能查看诉求人身份"
        # An account is held for a claim of its own: that is the reward.
        if field is not IdentityField.ACCOUNT and not await _has_reward(session, case.appeal_id):
            return "这是举报或要求保密的诉求，没有奖励在办：只有承办它的人才能查看诉求人身份"
    if any(_is_reported(name, case) for name in await _own_names(session, viewer)):
        return "您所在的单位是被反映单位：不能查看诉求人身份"
    return None


async def _own_names(session: AsyncSession, viewer: Viewer) -> list[str]:
    """The names of every unit that they work for: somebody may have roles in several."""
    units = viewer.scope.own | ({viewer.unit_code} if viewer.unit_code else frozenset())
    if not units:
        return []
    return list(await session.scalars(sa.select(Unit.name).where(Unit.code.in_(sorted(units)))))


async def not_apart(session: AsyncSession, viewer: Viewer) -> ColumnElement[bool]:
    """`apart` in SQL, over Appeal and, where there are, its Ticket and Reading: whose sender may be known.

    Stricter in one thing: a reward gives nothing here, it leads to a case and never from a person to one.
    """
    found: list[ColumnElement[bool]] = []
    if not showing.handles(viewer, ()):
        told = (Appeal.told_type, Ticket.appeal_type, said_of(Corrected.APPEAL_TYPE))
        report = (sa.func.coalesce(said, "") == AppealType.REPORT.value for said in told)
        handled = (
            sa.exists()
            .where(
                TicketUnit.ticket_id == Ticket.id,
                TicketUnit.unit_code.in_(sorted(viewer.scope.own)),
                TicketUnit.role != Part.COPY.value,
            )
            .correlate(Ticket)
        )
        found.append(sa.or_(~sa.or_(Appeal.confidential, *report), handled))
    called = sorted({words for name in await _own_names(session, viewer) for words in _called(name)})
    party = sa.func.coalesce(Reading.detail["party"].as_string(), "")
    title = sa.func.coalesce(Appeal.title, "")
    for words in called:
        said = (Appeal.text.contains(words, autoescape=True), title.contains(words, autoescape=True))
        found.append(~sa.or_(*said, party == words))
    return sa.and_(sa.true(), *found)


async def _has_reward(session: AsyncSession, appeal_id: int) -> bool:
    """Whether a reward stands for this report, as the first of its violation."""
    found = sa.select(Reward.id).where(Reward.winner_appeal_id == appeal_id).limit(1)
    return await session.scalar(found) is not None


def _is_reported(name: str, case: CaseFacts) -> bool:
    """Whether the case is about the unit of this name: it stands in the text, or the party is called so."""
    return any(words in case.text or words == case.reported for words in _called(name))


def _called(name: str) -> set[str]:
    """What a unit is called where it is complained about."""
    stem = _TAIL.sub("", name)
    # 望京街道 as a place stands in half its cases; as the one complained about it is called an office.
    return {name, f"{stem}街道办", f"{stem}街道办事处", f"{stem}镇政府", f"{stem}乡政府", f"{stem}政府"}


async def reveal(
    session: AsyncSession,
    deps: Deps,
    viewer: Viewer,
    what: Holder,
    *,
    field: IdentityField,
    reason: Reason,
    now: datetime,
    tally: Tally = Tally.EACH,
) -> str:
    """The value; to be shown only after this transaction has committed.

    Raises NotFound, RevealRefused, BadInput, TooOften, NothingHeld, VaultError.
    """
    case = await facts_of(session, viewer, what.no)
    why = checked_reason(deps.tables, field, reason, now)
    if (refused := await refusal(session, viewer, case, field)) is not None:
        raise RevealRefused(refused)
    many = None if tally is Tally.NONE else await count_look(session, deps, viewer, now=now, tally=tally)
    value = await holding.value_of(session, deps.vault, what, case.appeal_id, field)
    subject = _subject(what, case)
    ledger.write(
        session, who=viewer.login, act=LedgerAct.REVEALED, subject=subject, now=now, reason=why,
        detail={"field": field.value, "reason": reason.code},
    )  # fmt: skip
    if many is not None:
        await tell_auditor(session, deps, viewer, subject, many, now=now)
    return value


async def count_look(
    session: AsyncSession, deps: Deps, viewer: Viewer, *, now: datetime, tally: Tally = Tally.EACH
) -> RateRow | None:
    """Count one more look, of whatever sort. Gives the rate when it is the one that the auditor is told of.

    Raises TooOften.
    """
    ringing = deps.tables.reveals.ringing_rate(now) if tally is Tally.RINGING else None
    rate = ringing or deps.tables.reveals.rate(now)
    who = viewer.login if ringing is None else f"{viewer.login}\0ringing"
    times = await limiting.count(session, deps.vault, Asked.REVEAL, who, most=rate.most, now=now)
    return rate if times == rate.alert + 1 else None


async def tell_auditor(
    session: AsyncSession,
    deps: Deps,
    viewer: Viewer,
    subject: ledger.Subject,
    rate: RateRow,
    *,
    now: datetime,
) -> None:
    """Write down that somebody looks often, and tell the auditor."""
    ledger.write(
        session, who=viewer.login, act=LedgerAct.REVEAL_ALERT, subject=subject, now=now,
        reason=f"一小时内查看超过 {rate.alert} 次", detail={"row": rate.id},
    )  # fmt: skip
    await _tell(session, deps, viewer, rate, now=now)
    log.warning("reveals_many", login=viewer.login, times=rate.alert + 1, row=rate.id)


async def _tell(session: AsyncSession, deps: Deps, viewer: Viewer, rate: RateRow, *, now: datetime) -> None:
    """Tell the auditor by whatever medium stands beside the post: who it is stands in the ledger."""
    notice = NewNotice(
        key=f"reveals:{viewer.login}:{now.isoformat(timespec='seconds')}",
        to=Recipient(RecipientKind.POST, Role.AUDITOR.value),
        template="reveals",
        urgency=Urgency.U2,
        facts={"told": f"有人一小时内查看身份信息超过 {rate.alert} 次"},
    )
    await note(session, deps.tables, [notice], now=now)


def checked_reason(tables: Tables, field: IdentityField, reason: Reason, now: datetime) -> str:
    """The reason in words. Raises BadInput when it is none of the table's, or says too little."""
    row = next((row for row in tables.reveals.reasons_at(now) if row.code == reason.code), None)
    if row is None:
        raise BadInput("请选择查看的理由")
    if field not in row.fields:
        raise BadInput(f"“{row.title}”不需要看{field.label}")
    words = " ".join(reason.words.split())
    least = tables.reveals.rate(now).least_words
    if len(words) < least:
        raise BadInput(f"请写明为什么要看，至少 {least} 个字")
    return f"{row.title}：{words[:LONGEST_WORDS]}"


def _subject(what: Holder, case: CaseFacts) -> ledger.Subject:
    if what.kind is SubjectKind.APPEAL:
        return ledger.Subject(SubjectKind.APPEAL, str(case.appeal_id), case.no)
    return ledger.Subject(what.kind, what.id, case.no)


async def look(
    deps: Deps,
    viewer: Viewer,
    what: Holder,
    *,
    field: IdentityField,
    reason: Reason,
    tally: Tally = Tally.EACH,
) -> str:
    """Reveal in a transaction of its own: given when it is written down. What is refused is written down too.

    Raises what `reveal` raises.
    """
    now = deps.clock.now()
    try:
        async with deps.db.writes.begin() as session:
            return await reveal(session, deps, viewer, what, field=field, reason=reason, now=now, tally=tally)
    except (RevealRefused, NotFound, limiting.TooOften) as error:
        async with deps.db.writes.begin() as session:
            ledger.write(
                session, who=viewer.login, act=LedgerAct.REVEAL_REFUSED, now=now, reason=error.detail,
                subject=ledger.Subject(SubjectKind.TICKET, what.no, what.no[:40]),
                detail={"field": field.value, "code": error.code},
            )  # fmt: skip
        raise
