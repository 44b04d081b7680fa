"""人工登记: a clerk writes down what somebody says at the counter, on another line, in a letter.

What this module knows: what makes one form (`registration`) one case. What a given-up appeal (处理失败)
gives to the one in its place, `taking_over` knows. It stores through intake like everybody who receives
appeals: masking, sealing, reading, dispatch and the search for the same matter are those of any other. Who
may: 受理审核派单 (INTAKE), which the routes ask for; in place of a given-up one, who may see that.

A number from outside (平台编号) is kept so that the case is found by it. It does not make the case one: an
order that was reopened has its own, and may be reopened again. The form's key does, with who sent it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Final

import sqlalchemy as sa

from models.appeals import Appeal, Appellant, Source
from models.files import Attachment
from models.filters import may_see_unread
from models.search import spellings
from models.vocab_files import FileOwner
from models.vocab_ledger import LedgerAct, SubjectKind
from nlp.text import mask_identity
from triage.clock import BEIJING
from triage.errors import NotFound, NotReady, TriageError
from triage.rules.access import check_post
from triage.rules.answering import Answer
from triage.services import at_once, attachments, intake, ledger, retrying, taking_over
from triage.services.attachments import Owner
from triage.services.identities import erasing
from triage.services.intake import NewAppeal
from triage.services.registration import plain_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.vault import Vault
    from models.viewing import Viewer
    from triage.services.attachments import Prepared
    from triage.services.deps import Deps
    from triage.services.moving import Person
    from triage.services.registration import Registration

SOURCE: Final = "desk"
SOURCE_NAME: Final = "人工登记"


class FormReused(TriageError):
    """先前提交的那次已经登记，这次改过的没有登记：请先看那一件，需要时另行登记。"""

    code: ClassVar[str] = "key_reused"
    status: ClassVar[int] = 409

    def __init__(self, appeal_id: int) -> None:
        """Remember what was registered first."""
        super().__init__()
        self.appeal_id = appeal_id


class NotGivenUp(TriageError):
    """这条处理失败的诉求已经有人重试或登记过，请刷新“处理失败”再看。"""

    code: ClassVar[str] = "not_given_up"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class Registered:
    """What came of it; `repeated`: this form had been registered before."""

    appeal_id: int
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """A given-up appeal to be registered by hand, masked; `identity`: a name or a phone of it is sealed."""

    appeal_id: int
    title: str = field(repr=False)
    text: str = field(repr=False)
    place: str = field(repr=False)
    channel: str
    confidential: bool
    received_at: datetime
    number: str = field(repr=False)
    identity: bool


async def number_fault(session: AsyncSession, number: str | None) -> str | None:
    """A number is kept in plain: what looks like a phone or an ID is refused, unless a case has it."""
    if number is None or all(mask_identity(one) == one for one in (number, plain_number(number))):
        return None
    borne = sa.select(sa.exists().where(Appeal.external_id.in_(spellings(number))))
    return None if await session.scalar(borne) else "这像是电话或证件号码，不是平台编号：电话请写在电话一栏。"


async def _number(session: AsyncSession, given: str | None) -> str | None:
    """A number as it is kept: as a case bears it that was given so, else in plain width."""
    if given is None or given == plain_number(given):
        return given
    borne = await session.scalar(sa.select(sa.exists().where(Appeal.external_id == given)))
    return given if borne else plain_number(given)


def _content(vault: Vault, viewer: Viewer, key: str) -> str:
    """What makes a form one: its key, and who sends it."""
    return vault.content_hash(f"desk.form\0{viewer.login}\0{key}")


async def sent_before(session: AsyncSession, vault: Vault, viewer: Viewer, key: str) -> bool:
    """Whether this form was registered already."""
    item = NewAppeal(SOURCE, "", datetime.min.replace(tzinfo=BEIJING), content=_content(vault, viewer, key))
    found = sa.exists().where(
        Appeal.source_id == Source.id, Source.key == SOURCE, Appeal.dedupe_key == intake.key_of(vault, item)
    )
    return bool(await session.scalar(sa.select(found)))


async def failed(session: AsyncSession, viewer: Viewer, appeal_id: int) -> Failed:
    """A given-up appeal, for the form to begin with. Raises NotFound."""
    row = (
        await session.execute(
            sa.select(Appeal, Appellant.name.is_not(None) | Appellant.phone.is_not(None))
            .outerjoin(Appellant, Appellant.appeal_id == Appeal.id)
            .where(Appeal.id == appeal_id, may_see_unread(viewer), retrying.GIVEN_UP)
        )
    ).one_or_none()
    if row is None:
        raise NotFound("没有这条处理失败的诉求，或已有人重试、登记，或您无权查看。")
    appeal, identity = row
    return Failed(
        appeal_id=appeal.id, channel=appeal.channel, confidential=appeal.confidential,
        received_at=appeal.received_at, identity=bool(identity), **taking_over.shown(appeal),
    )  # fmt: skip


async def register(
    session: AsyncSession,
    deps: Deps,
    viewer: Viewer,
    wish: Registration,
    *,
    files: Sequence[Prepared] = (),
    hashes: Sequence[tuple[str, str | None]] = (),
    by: Person | None = None,
    now: datetime,
) -> Registered:
    """Store a form in the caller's transaction, or find it stored. `by`: who answered at once.

    Raises FormReused, NotFound, NotGivenUp, PostNotYours.
    """
    vault = deps.vault
    # Held from here on: one form that is sent twice at once waits, and then finds itself.
    held = await _hold(session, viewer, wish.failed) if wish.failed is not None else None
    item = NewAppeal(
        source=SOURCE, external_id=await _number(session, wish.number), numbered=False,
        content=_content(vault, viewer, wish.key),
        title=wish.title, text=wish.text, address=wish.place, channel=wish.how,
        confidential=wish.confidential, received_at=wish.received_at or now, name=wish.name, phone=wish.phone,
    )  # fmt: skip
    if held is not None:
        item = await taking_over.with_original(session, vault, held, item, carry=wish.carry)
    if wish.answer is not None and by is not None:
        check_post(viewer, by.actor.post, by.actor.unit)
        words, told = wish.answer
        # The record is read by many: masked as every move's note, and by the appellant's own name.
        answer = Answer(item.masked(words), told.value, by.actor.login, by.name)
        item = replace(item, answer=at_once.packed(answer))
    if known := await _known(session, vault, item, wish, hashes):
        return known
    if held is not None and not await session.scalar(
        sa.select(Appeal.id).where(Appeal.id == held.id, retrying.GIVEN_UP)
    ):
        raise NotGivenUp
    received = await intake.receive(session, vault, [item], now=now)
    if not received.stored:
        # Sent twice at once, and the other one was first.
        known = await _known(session, vault, item, wish, hashes)
        if known is None:
            raise NotReady("没有登记成，请再按一次登记；填写的内容还在。")
        return known
    (appeal_id,) = received.stored
    await session.execute(
        sa.update(Source).where(Source.key == SOURCE, Source.name == SOURCE).values(name=SOURCE_NAME)
    )
    await attachments.register(
        session, Owner(appeal_id, FileOwner.APPEAL, viewer.login), files, hashes, now=now
    )
    if held is not None:
        await taking_over.give(session, vault, held.id, to=appeal_id)
        await retrying.taken_over(session, held.id, by=appeal_id, now=now)
        await erasing.pass_on(session, held.id, to=appeal_id, now=now)
    ledger.write(
        session, who=viewer.login, act=LedgerAct.REGISTERED, now=now,
        subject=ledger.Subject(SubjectKind.APPEAL, str(appeal_id)),
        detail={
            "channel": item.channel.value, "number": item.external_id, "confidential": item.confidential,
            "anonymous": not (item.name or item.phone), "files": len(files), "failed": wish.failed,
            **({"answered": True} if item.answer else {}),
        },
    )  # fmt: skip
    return Registered(appeal_id)


async def _hold(session: AsyncSession, viewer: Viewer, appeal_id: int) -> Appeal:
    found = await session.scalar(
        sa.select(Appeal).where(Appeal.id == appeal_id, may_see_unread(viewer)).with_for_update()
    )
    if found is None:
        raise NotFound("没有这条处理失败的诉求，或您无权查看。")
    return found


async def _known(
    session: AsyncSession,
    vault: Vault,
    item: NewAppeal,
    wish: Registration,
    hashes: Sequence[tuple[str, str | None]],
) -> Registered | None:
    """What this form was registered as before. Raises FormReused when it said or showed something else then.

    Without photos it is the same: no browser keeps them for a second press.
    """
    row = (
        await session.execute(
            sa.select(Appeal, Appellant)
            .join(Source, Source.id == Appeal.source_id)
            .outerjoin(Appellant, Appellant.appeal_id == Appeal.id)
            .where(Source.key == SOURCE, Appeal.dedupe_key == intake.key_of(vault, item))
            .execution_options(populate_existing=True)
        )
    ).one_or_none()
    if row is None:
        return None
    appeal, person = row
    said = (
        item.title and item.masked(item.title), item.masked(item.text),
        item.address and item.masked(item.address), item.channel.value, item.confidential,
        plain_number(item.external_id or ""), wish.received_at or appeal.received_at, item.name, item.phone,
        at_once.unpacked(item.answer).values if item.answer else None,
    )  # fmt: skip

    def opened(part: str) -> str | None:
        sealed = getattr(person, part, None)
        return None if sealed is None else vault.open(sealed, belongs_to=f"appellant.{part}:{appeal.id}")

    stored = (
        appeal.title, appeal.text, appeal.address, appeal.channel, appeal.confidential,
        plain_number(appeal.external_id or ""), appeal.received_at, opened("name"), opened("phone"),
        await at_once.said_before(session, vault, appeal.id, person.original if person else None),
    )  # fmt: skip
    sent = await session.scalars(
        sa.select(Attachment.sha256).where(
            Attachment.appeal_id == appeal.id, Attachment.owner == FileOwner.APPEAL.value
        )
    )
    if said != stored or not {sha256 for sha256, _ in hashes} <= {*sent}:
        raise FormReused(appeal.id)
    return Registered(appeal.id, repeated=True)
