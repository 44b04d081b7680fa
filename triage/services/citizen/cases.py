"""A citizen's own case: opened by number and phone (or code), read without staff names, added to, rated."""

from __future__ import annotations

import hmac
import re
import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final

import sqlalchemy as sa

from connectors.vault import normal_phone
from models.appeals import Appeal, Appellant, Source
from models.citizens import CitizenAccess, CitizenRating, CitizenWord
from models.db import insert_of
from models.filters import all_seeing
from models.outbox import living_on
from models.tickets import MoveRequest, Ticket, TicketEvent
from models.units import Unit
from models.vocab import Move, Post, Satisfaction, Tag, YesNo
from models.vocab_citizen import CITIZEN, Asked
from triage.errors import BadInput, TriageError
from triage.rules import moves
from triage.services import following, limiting, moving
from triage.services.citizen import filing, urges
from triage.services.citizen.told import (
    ADDED,
    SHARED,
    Case,
    Happened,
    Head,
    completing,
    standing_events,
)
from triage.services.moving import Person, Wish

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.vault import Vault
    from triage.services.deps import Deps

_RECEIPT: Final = re.compile(r"W?(\d{14})", re.ASCII)
_TICKET: Final = re.compile(r"(\d{8})(\d{6,20})", re.ASCII)
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CODE: Final = re.compile(r"[2-9A-HJ-NP-Z]{8}")
LONGEST_WORD: Final = 800
LONGEST_NOTE: Final = 300
_TRIES: Final = 3
#: Of a confidential ticket told to those behind it whose case is not.
_BARE: Final = frozenset({Tag.FEEDBACK.value, Tag.AMEND.value, Tag.CLOSE.value})
_OLD_PAGE: Final = "页面已过期，请再按一次。"
_OTHER_ANSWER: Final = "还没有提交：答复刚刚更正过，或换了新的。请看过现在的答复，核对后再按一次。"
#: The web is a way to the hotline: what comes in through it is noted there, as said by the citizen.
_CITIZEN: Final = Person(moves.Actor(Post.HOTLINE, None, CITIZEN), "诉求人（网上）")
_VIEWER: Final = all_seeing(CITIZEN)


class NotYours(TriageError):
    """编号和手机号（或查询码）对不上，请核对后再试。"""

    code: ClassVar[str] = "not_yours"
    status: ClassVar[int] = 403


class TooEarly(TriageError):
    """现在还不能做这一步。"""

    code: ClassVar[str] = "too_early"
    status: ClassVar[int] = 409


def plain(number: str) -> str:
    """A number as it is looked up and counted: however it is written, it is one number."""
    return re.sub(r"[\s\0-]", "", unicodedata.normalize("NFKC", number)).upper()


def typed_code(secret: str) -> str | None:
    """The code (查询码) that was typed, as it was given out; None: it is not in the shape of one."""
    code = unicodedata.normalize("NFKC", secret).upper().replace(" ", "").replace("-", "")
    return code if _CODE.fullmatch(code) else None


async def find(session: AsyncSession, vault: Vault, number: str, secret: str) -> int:
    """The case of a number, for who knows its phone or code. Raises NotYours, the same for every reason."""
    told = plain(number)
    receipt, ticket = _RECEIPT.fullmatch(told), _TICKET.fullmatch(told)
    # Each number by its own index: one OR across both tables reads both whole, and anybody may ask.
    wanted: list[sa.Select[int]] = []
    if receipt:
        wanted.append(
            sa.select(Appeal.id)
            .join(Source, Source.id == Appeal.source_id)
            .where(Source.key == filing.SOURCE, Appeal.external_id == f"W{receipt[1]}")
        )
    if ticket:
        wanted.append(sa.select(Ticket.appeal_id).where(Ticket.no == f"{ticket[1]}-{ticket[2]}"))
    if not wanted:
        raise NotYours
    rows = await session.execute(
        sa.select(Appeal.id, Appellant.phone_index, CitizenAccess.code_hash)
        .outerjoin(Appellant, Appellant.appeal_id == Appeal.id)
        .outerjoin(CitizenAccess, CitizenAccess.appeal_id == Appeal.id)
        .where(Appeal.id.in_(sa.union(*wanted)))
        .order_by(Appeal.id)
    )
    # One's receipt may be another's ticket number: the secret tells whose is meant.
    mine = [row.id for row in rows if _knows(vault, secret, *row)]
    if not mine:
        raise NotYours
    return int(mine[0])


def _knows(vault: Vault, secret: str, appeal_id: int, phone_index: bytes | None, kept: str | None) -> bool:
    """Whether the secret is the phone or the code of this appeal."""
    code = typed_code(secret)
    # With a letter it is no phone: the digits alone would be tried again with each other letter.
    phone = normal_phone(secret) if code is None or code.isdigit() else ""
    right = bool(phone_index and phone and hmac.compare_digest(phone_index, vault.phone_index(phone)))
    if kept and code is not None:
        right = right or hmac.compare_digest(kept, filing.code_hash(vault, appeal_id, code))
    return right


async def read(session: AsyncSession, appeal_id: int) -> Case | None:
    """A case with all that its sender may see; None when it is gone."""
    row = (
        await session.execute(
            sa.select(Appeal, Ticket, Unit.name)
            .outerjoin(Ticket, Ticket.appeal_id == Appeal.id)
            .outerjoin(Unit, Unit.code == Ticket.unit_code)
            .where(Appeal.id == appeal_id)
        )
    ).one_or_none()
    if row is None:
        return None
    appeal, ticket, unit = row
    events = await _events(session, ticket.id) if ticket is not None else ()
    ratings = await session.execute(
        sa.select(CitizenRating.answer, CitizenRating.at, CitizenRating.satisfaction)
        .where(CitizenRating.appeal_id == appeal_id)
        .order_by(CitizenRating.at)
    )
    words = await session.execute(
        sa.select(CitizenWord.at, CitizenWord.text)
        .where(CitizenWord.appeal_id == appeal_id)
        .order_by(CitizenWord.id)
    )
    return Case(
        appeal_id=appeal.id, receipt=appeal.external_id or "", text=appeal.text, address=appeal.address,
        confidential=appeal.confidential, received_at=appeal.received_at, appeal_state=appeal.state,
        no=ticket.no if ticket else None, version=ticket.version if ticket else 0,
        state=ticket.state if ticket else None, kind=ticket.kind if ticket else None, unit=unit,
        divert=ticket.divert if ticket else None,
        district=ticket.district_code if ticket else None, street=ticket.street_code if ticket else None,
        answer_by=ticket.answer_by if ticket else None, decision=ticket.decision if ticket else {},
        events=events, words=tuple((at, text) for at, text in words),
        ratings=tuple((answer, at, satisfaction) for answer, at, satisfaction in ratings),
        head=await _seen_from(
            session, appeal, await _head(session, ticket) if ticket else None
        ),
    )  # fmt: skip


async def _events(session: AsyncSession, ticket_id: int) -> tuple[Happened, ...]:
    found = await session.execute(
        sa.select(TicketEvent.id, TicketEvent.seq, TicketEvent.at, TicketEvent.tag, TicketEvent.data)
        .where(TicketEvent.ticket_id == ticket_id)
        .order_by(TicketEvent.seq)
    )
    return tuple(Happened(*event) for event in found)


async def _head(session: AsyncSession, ticket: Ticket) -> Head | None:
    """Where the ticket stands that this one, archived or not, was merged into, perhaps through others."""
    found = await following.top(session, ticket.id, ticket.state)
    if found is None or found[0] == ticket.id:
        return None
    no, now_in, unit, answer_by = (
        await session.execute(
            sa.select(Ticket.no, Ticket.state, Unit.name, Ticket.answer_by)
            .outerjoin(Unit, Unit.code == Ticket.unit_code)
            .where(Ticket.id == found[0])
        )
    ).one()
    told = standing_events(await _events(session, found[0]))
    shared = tuple(event for event in told if event.tag in SHARED)
    return Head(no, now_in, unit, answer_by, shared, completing=completing(told))


async def _seen_from(session: AsyncSession, appeal: Appeal, head: Head | None) -> Head | None:
    """As much of the head as the sender of this appeal may be told.

    Of a confidential one, told to whose own case is not: how far it is and that it was answered. Who sent the
    open one may be of the firm that the other is about.
    """
    if head is None:
        return None
    secret = await session.scalar(
        sa.select(Appeal.confidential).join(Ticket, Ticket.appeal_id == Appeal.id).where(Ticket.no == head.no)
    )
    if not secret or appeal.confidential:
        return replace(head, confidential=bool(secret))
    answers = tuple(replace(event, data={}) for event in head.events if event.tag in _BARE)
    return replace(head, confidential=True, unit=None, events=answers)


async def add(
    session: AsyncSession, deps: Deps, appeal_id: int, text: str, key: str, *, now: datetime
) -> bool:
    """追加: keep what was added, and note it on the ticket (R4.15: no new ticket of it).

    False when this form was taken before: then nothing of it is new, its files included.
    Raises BadInput, TooEarly when the case is closed, TooOften.
    """
    words = filing.clean(text)
    if not 2 <= len(words) <= LONGEST_WORD:  # noqa: PLR2004
        raise BadInput(f"请写 2 到 {LONGEST_WORD} 个字。")
    if not _KEY.fullmatch(key):
        raise BadInput(_OLD_PAGE)
    if await _noted(session, appeal_id, key):
        return False
    case = await _open_case(session, appeal_id)
    await _limit(session, deps, appeal_id, now=now)
    # Pressed twice at once, the second waited there for the first to end.
    if await _noted(session, appeal_id, key):
        return False
    shown = await masked(session, deps.vault, appeal_id, words)
    session.add(
        CitizenWord(
            appeal_id=appeal_id, key=key, text=shown, at=now,
            original=deps.vault.seal(words, belongs_to=f"citizen_word:{appeal_id}:{key}")
            if shown != words
            else None,
        )
    )  # fmt: skip
    await session.flush()
    if case.acted_on is not None:
        # Of a case that is 保密 merged into an open one the words stay with itself.
        note = f"{ADDED}，内容见其本单" if case.apart else f"{ADDED}{_joined(case)}：{shown}"
        await _urge(session, deps, case, note, key, now=now)
    return True


def _joined(case: Case) -> str:
    """Which of the citizens who wait for a ticket says it: those merged into it have numbers of their own."""
    return urges.merged_no(case.no) if case.head and not case.apart else ""


async def urge(session: AsyncSession, deps: Deps, appeal_id: int, key: str, *, now: datetime) -> None:
    """催办: one more event on the ticket; no clock changes. Raises BadInput, TooEarly, TooOften."""
    if not _KEY.fullmatch(key):
        raise BadInput(_OLD_PAGE)
    case = await _open_case(session, appeal_id)
    if case.acted_on is None:
        raise TooEarly("诉求刚收到，正在分派，分派后才能催办。")
    known = await session.scalar(
        sa.select(MoveRequest.key)
        .join(Ticket, Ticket.id == MoveRequest.ticket_id)
        .where(Ticket.no == case.acted_on, MoveRequest.key == key)
    )
    if known is None:
        await _limit(session, deps, appeal_id, now=now)
        await _urge(session, deps, case, f"{urges.URGED}{_joined(case)}", key, now=now)


async def rate(
    session: AsyncSession,
    vault: Vault,
    appeal_id: int,
    *,
    answer: str = "",
    solved: str,
    satisfaction: str,
    note: str,
    now: datetime,
) -> bool:
    """评价: kept beside the 回访, which alone counts in the rates; of each answer the first stands.

    `answer`: which one the page showed; empty on pages of releases that did not say. False when it is not the
    first. Raises BadInput, TooEarly.
    """
    case = await read(session, appeal_id)
    if case is None or not case.answered:
        raise TooEarly("还没有办理结果，有了结果再评价。")
    if answer and answer != str(case.answer):
        raise TooEarly(_OTHER_ANSWER)
    if solved not in {answer.value for answer in YesNo}:
        raise BadInput("请选问题是否解决。")
    if satisfaction not in {answer.value for answer in Satisfaction}:
        raise BadInput("请选是否满意。")
    words = filing.clean(note)
    if len(words) > LONGEST_NOTE:
        raise BadInput(f"说明最多 {LONGEST_NOTE} 个字。")
    kept = await session.execute(
        insert_of(session, CitizenRating)
        .values(
            appeal_id=appeal_id, answer=case.answer, solved=solved, satisfaction=satisfaction,
            note=await masked(session, vault, appeal_id, words) or None, at=now,
        )
        .on_conflict_do_nothing(index_elements=["appeal_id", "answer"])
        .returning(CitizenRating.answer)
    )  # fmt: skip
    return kept.first() is not None


async def masked(session: AsyncSession, vault: Vault, appeal_id: int, words: str) -> str:
    """What others read of it: without the sender's own name, as in what they sent at first."""
    sealed = await session.scalar(sa.select(Appellant.name).where(Appellant.appeal_id == appeal_id))
    name = vault.open(sealed, belongs_to=f"appellant.name:{appeal_id}") if sealed else None
    return filing.masked(words, name=name)


async def _noted(session: AsyncSession, appeal_id: int, key: str) -> bool:
    found = await session.scalar(
        sa.select(CitizenWord.id).where(CitizenWord.appeal_id == appeal_id, CitizenWord.key == key)
    )
    return found is not None


async def _open_case(session: AsyncSession, appeal_id: int) -> Case:
    case = await read(session, appeal_id)
    if case is None or not case.open:
        raise TooEarly("这件诉求已经结束。有新的情况，请重新反映一件。")
    if case.no is None:
        # Held while it is written to: who registers it by hand just now has ended, or takes the words along.
        held = sa.select(Appeal.id).where(Appeal.id == appeal_id).with_for_update(read=True)
        await session.execute(held)
    # Nobody reads what is added to the one that was given up. Whose name the other bears is not told here.
    if case.no is None and await living_on(session, [appeal_id]):
        raise TooEarly(
            "这件诉求已由工作人员重新登记办理，请重新打开进度页；打开还是这一页的，请打 12345，报上受理编号。"
        )
    return case


async def _limit(session: AsyncSession, deps: Deps, appeal_id: int, *, now: datetime) -> None:
    most = deps.settings.citizen_adds_per_case
    await limiting.count(session, deps.vault, Asked.ADD, f"case:{appeal_id}", most=most, now=now)


async def _urge(session: AsyncSession, deps: Deps, case: Case, note: str, key: str, *, now: datetime) -> None:
    """Make the move on the ticket as it stands now: whoever moved it meanwhile is no reason to refuse.

    What was added (追加) on a head that may not name the case is no 催办 of it: only this bears the mark.
    """
    no = case.acted_on or ""
    marked = case.apart and note == urges.URGED
    for left in reversed(range(_TRIES)):
        version = await session.scalar(sa.select(Ticket.version).where(Ticket.no == no))
        mark = urges.mark(deps.vault, case.appeal_id, no, (version or 0) + 1) if marked else None
        wish = Wish(no, Move.URGE, {"note": note}, version or 0, key, mark=mark)
        try:
            await moving.make(session, deps.tables, _VIEWER, _CITIZEN, wish, now=now)
        except moving.Conflict:
            if not left:
                # Its own words name the staff who moved it.
                raise TooEarly("这件诉求正在办理，刚刚有新的进展，请再按一次。") from None
        else:
            return
