"""巡查上报: what an officer of a unit found is stored as an appeal of the channel 巡查发现, through intake.

What this module knows: what makes one form one case (its key, with who sends it), and what goes with it until
it is read (`carrying`). Who may: 承办 (HANDLE), as a unit of theirs; the routes ask for the permission.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

import sqlalchemy as sa

from models.appeals import Appeal, Source
from models.files import Attachment
from models.filters import may_see, may_see_unread
from models.ledger import LedgerRow
from models.tickets import Ticket
from models.vocab import AppealState, Channel, Post, State
from models.vocab_files import FileOwner
from models.vocab_ledger import LedgerAct, SubjectKind
from triage.errors import NotFound, NotReady, TriageError
from triage.rules.access import check_post
from triage.rules.patrol import Found
from triage.services import attachments, intake, ledger
from triage.services.attachments import Owner
from triage.services.intake import NewAppeal
from triage.services.patrol import carrying
from triage.services.patrol.carrying import SOURCE, SOURCE_NAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from connectors.vault import Vault
    from models.viewing import Viewer
    from triage.services.attachments import Prepared
    from triage.services.deps import Deps
    from triage.services.moving import Person
    from triage.services.patrol.form import Report

    Hashes = Sequence[tuple[str, str | None]]


class ReportReused(TriageError):
    """先前提交的那次已经上报，这次改过的没有上报：请先看那一件，需要时另行上报。"""

    code: ClassVar[str] = "key_reused"
    status: ClassVar[int] = 409

    def __init__(self, appeal_id: int) -> None:
        """Remember what was reported first."""
        super().__init__()
        self.appeal_id = appeal_id


@dataclass(frozen=True, slots=True)
class Reported:
    """What came of it; `repeated`: this form had been sent before."""

    appeal_id: int
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Photos:
    """The pictures of a form that lie in the store: as it was found, and as it is now."""

    before: tuple[Prepared, ...] = ()
    before_hashes: Hashes = ()
    after: tuple[Prepared, ...] = ()
    after_hashes: Hashes = ()

    @property
    def sent(self) -> set[str]:
        """What is known of them."""
        return {sha256 for sha256, _ in (*self.before_hashes, *self.after_hashes)}


def _content(vault: Vault, viewer: Viewer, key: str) -> str:
    """What makes a form one: its key, and who sends it."""
    return vault.content_hash(f"patrol.form\0{viewer.login}\0{key}")


async def sent_before(session: AsyncSession, vault: Vault, viewer: Viewer, key: str) -> int | None:
    """The report that this form was stored as; None: it was not."""
    if not key:
        return None
    item = NewAppeal(SOURCE, "", datetime.min.replace(tzinfo=UTC), content=_content(vault, viewer, key))
    found: int | None = await session.scalar(
        sa.select(Appeal.id)
        .join(Source, Source.id == Appeal.source_id)
        .where(Source.key == SOURCE, Appeal.dedupe_key == intake.key_of(vault, item))
    )
    return found


async def report(
    session: AsyncSession,
    deps: Deps,
    viewer: Viewer,
    wish: Report,
    by: Person,
    *,
    photos: Photos,
    now: datetime,
) -> Reported:
    """Store a report in the caller's transaction, or find it stored. Raises PostNotYours, ReportReused."""
    check_post(viewer, Post.UNIT, by.actor.unit)
    unit = deps.tables.units.get(by.actor.unit or "")
    if unit is None:
        raise NotFound("没有这个承办单位，请重新选择身份。")
    item = NewAppeal(
        source=SOURCE, content=_content(deps.vault, viewer, wish.key),
        text=wish.text, address=wish.place, channel=Channel.PATROL, received_at=now,
        # No hint to the reader where the point speaks against it.
        caller_area=unit.district_code if wish.away else unit.street_code or unit.district_code,
    )  # fmt: skip
    note = item.masked(wish.note) if wish.note else ""
    found = Found(unit.code, by.actor.login, by.name, note, (), wish.point)
    item = carrying.with_found(item, found)
    if known := await _known(session, deps, item, photos):
        return known
    received = await intake.receive(session, deps.vault, [item], now=now)
    if not received.stored:
        # Sent twice at once, and the other one was first.
        known = await _known(session, deps, item, photos)
        if known is None:
            raise NotReady("没有上报成，请再按一次；填写的内容还在。")
        return known
    (appeal_id,) = received.stored
    await session.execute(
        sa.update(Source).where(Source.key == SOURCE, Source.name == SOURCE).values(name=SOURCE_NAME)
    )
    owner = Owner(appeal_id, FileOwner.TICKET, viewer.login)
    await attachments.register(session, owner, photos.before, photos.before_hashes, now=now)
    after = await attachments.register(session, owner, photos.after, photos.after_hashes, now=now)
    if after:
        await carrying.add_files(session, deps.vault, appeal_id, after)
    ledger.write(
        session, who=viewer.login, act=LedgerAct.REGISTERED, now=now,
        subject=ledger.Subject(SubjectKind.APPEAL, str(appeal_id)),
        detail={
            "channel": item.channel.value, "unit": unit.code, "handled": wish.note is not None,
            "files": len(photos.before) + len(photos.after),
        },
    )  # fmt: skip
    return Reported(appeal_id)


async def _known(session: AsyncSession, deps: Deps, item: NewAppeal, photos: Photos) -> Reported | None:
    """What this form was stored as before. Raises ReportReused when it said or showed something else then.

    Without photos it is the same: no browser keeps them for a second press.
    """
    appeal = await session.scalar(
        sa.select(Appeal)
        .join(Source, Source.id == Appeal.source_id)
        .where(Source.key == SOURCE, Appeal.dedupe_key == intake.key_of(deps.vault, item))
        .execution_options(populate_existing=True)
    )
    if appeal is None:
        return None
    note = carrying.unpacked(item.found).note if item.found else ""
    said = item.masked(item.text), item.address and item.masked(item.address), note
    stored = appeal.text, appeal.address, await carrying.said_before(session, deps.vault, appeal.id)
    shown = await session.scalars(sa.select(Attachment.sha256).where(Attachment.appeal_id == appeal.id))
    if said != stored or not photos.sent <= {*shown}:
        raise ReportReused(appeal.id)
    return Reported(appeal.id, repeated=True)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a report is. `no` only for whoever may see the ticket; `made`: there is one."""

    appeal_id: int
    state: AppealState
    made: bool
    no: str | None
    unit: str | None
    """Whom it went to."""
    stage: State | None
    """Where the ticket stands; None: there is none, or that may not be told."""
    stored_at: datetime


async def progress(session: AsyncSession, viewer: Viewer, appeal_id: int) -> Progress:
    """How far it is, for whoever reported it or may see it now. Raises NotFound."""
    mine = sa.exists().where(
        LedgerRow.subject_kind == SubjectKind.APPEAL.value, LedgerRow.subject == str(appeal_id),
        LedgerRow.act == LedgerAct.REGISTERED.value, LedgerRow.who == viewer.login,
    )  # fmt: skip
    seen = sa.and_(Ticket.id.is_not(None), may_see(viewer))
    unread = sa.and_(Ticket.id.is_(None), may_see_unread(viewer))
    row = (
        await session.execute(
            sa.select(
                Appeal.id, Appeal.state, Appeal.stored_at, Appeal.confidential, Ticket.no, Ticket.unit_code,
                Ticket.state.label("stage"), sa.case((seen, sa.true()), else_=sa.false()).label("seen"),
            )
            .join(Source, Source.id == Appeal.source_id)
            .outerjoin(Ticket, Ticket.appeal_id == Appeal.id)
            .where(Appeal.id == appeal_id, Source.key == SOURCE, sa.or_(mine, seen, unread))
        )
    ).one_or_none()  # fmt: skip
    if row is None:
        raise NotFound("没有这件巡查上报，或您无权查看。")
    told = row.seen or not row.confidential
    return Progress(
        row.id, AppealState(row.state), row.no is not None, row.no if row.seen else None,
        row.unit_code if told else None, State(row.stage) if told and row.stage else None, row.stored_at,
    )  # fmt: skip
