"""补报保密: what its source, or its citizen through the desk, calls confidential after it was taken in.

One way: nobody makes it open again. Nearly everything asks `appeal.confidential` when it is read. What is
not is what was summed up: the 态势汇总, the parties on the list, the calls of an incident. The timetable
takes such a case out of them (`leave_sums`), each time as whoever keeps the sum does it, so that one who
counted in that very moment is put right as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from connectors.vault import VaultError
from models.appeals import Appeal, Appellant, Source
from models.filters import may_see
from models.incidents import Incident, IncidentCall, IncidentWatch
from models.ledger import LedgerRow
from models.outbox import living_on, registered_for
from models.parties import PartyMention
from models.rollups import RollupTicket
from models.tickets import Ticket
from models.vocab_ledger import LedgerAct, SubjectKind
from triage import logs
from triage.errors import BadInput, NotFound
from triage.services import ledger
from triage.services.citizen import filing
from triage.services.incidents import joining
from triage.services.trends import refreshing

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession
    from sqlalchemy.orm import InstrumentedAttribute

    from connectors.vault import Vault
    from models.viewing import Viewer
    from triage.services.deps import Deps

log = logs.get(__name__)

#: Looked at each time: by the ledger those that were said to be confidential last, so many at once.
LATEST: Final = 20_000
_AT_ONCE: Final = 500
LONGEST_REASON: Final = 200
#: In place of a reason that cannot be masked: nothing leaves the ledger again.
UNMASKED: Final = "（诉求人姓名解不开，理由无法先遮盖，未记入）"


async def told(session: AsyncSession, said: Collection[tuple[str, str]], *, now: datetime) -> int:
    """Keep secret what its source says is (source's key, appeal's own key): from now on, never the other way.

    What was given up and registered by hand is so as the one that took its place, too.
    Gives how many were not so before.
    """
    keys: dict[str, list[str]] = {}
    for source, key in sorted(said):
        keys.setdefault(source, []).append(key)
    sources = await session.execute(sa.select(Source.key, Source.id).where(Source.key.in_(list(keys))))
    # One source's at a time: only so does its index serve, and no page walks all appeals.
    ids: list[int] = []
    for source, source_id in sources.all():
        ids += await session.scalars(
            sa.select(Appeal.id).where(Appeal.source_id == source_id, Appeal.dedupe_key.in_(keys[source]))
        )
    done = await _confide(session, ids, now=now)
    # Looked for after those are held: whoever registers one by hand has ended, or sees that it is secret.
    return done + await _confide(session, await living_on(session, ids), now=now)


def checked(reason: str) -> str:
    """The reason that a citizen's wish is kept with. Raises BadInput."""
    words = filing.clean(reason)
    if not words:
        raise BadInput("请写理由：怎样提出的，怎样知道是本人。")
    if len(words) > LONGEST_REASON:
        raise BadInput(f"理由最多 {LONGEST_REASON} 个字，现在是 {len(words)} 个字。")
    return words


async def ask(
    session: AsyncSession, vault: Vault, viewer: Viewer, no: str, reason: str, *, now: datetime
) -> bool:
    """本人要求保密: keep a ticket's case secret from now on, because its citizen asks for it.

    With it the given-up appeal that it was registered by hand for. False: it was so before, nothing is done.
    A name that does not open stops nobody: then the reason is left out, for it may tell that name.
    Raises NotFound, BadInput.
    """
    words = checked(reason)
    row = (
        await session.execute(
            sa.select(Ticket.appeal_id, Appellant.name)
            .outerjoin(Appellant, Appellant.appeal_id == Ticket.appeal_id)
            .where(Ticket.no == no[:40].replace("\0", ""), may_see(viewer))
        )
    ).one_or_none()
    if row is None:
        raise NotFound("没有这张工单，或您无权查看。")
    own = int(row.appeal_id)
    try:
        name = vault.open(row.name, belongs_to=f"appellant.name:{own}") if row.name else None
        reason = filing.masked(words, name=name)
    except VaultError:
        log.warning("confided_name_does_not_open", appeal_id=own)
        reason = UNMASKED
    asked = _Asked(viewer.login, reason)
    ids = [own, *await registered_for(session, own)]
    return await _confide(session, ids, now=now, asked=asked) > 0


@dataclass(frozen=True, slots=True)
class _Asked:
    """Who of the staff wrote it down, and why, masked."""

    who: str
    reason: str


async def _confide(
    session: AsyncSession, ids: Collection[int], *, now: datetime, asked: _Asked | None = None
) -> int:
    rows = (
        await session.execute(
            sa.select(Appeal.id, Appeal.source_id, Ticket.no)
            .outerjoin(Ticket, Ticket.appeal_id == Appeal.id)
            .where(Appeal.id.in_(ids), Appeal.confidential.is_(False))
            .order_by(Appeal.id)
            .with_for_update(of=Appeal)
        )
    ).all()
    if not rows:
        return 0
    await session.execute(
        sa.update(Appeal)
        .where(Appeal.id.in_([row.id for row in rows]))
        .values(confidential=True)
        .execution_options(synchronize_session=False)
    )
    for row in rows:
        # By the source's number: it may be called after a file, and a file after a citizen.
        ledger.write(
            session, who=asked.who if asked else "system", act=LedgerAct.CONFIDED, now=now,
            old="不保密", new="保密", reason=asked.reason if asked else None,
            subject=ledger.Subject(SubjectKind.APPEAL, str(row.id), row.no),
            detail={"source": int(row.source_id)},
        )  # fmt: skip
    return len(rows)


async def leave_sums(deps: Deps) -> bool:
    """Take what is confidential since out of what was reckoned of it. Gives False: all is done at once."""
    async with deps.db.reads() as session:
        last = (
            sa.select(LedgerRow.subject)
            .where(LedgerRow.act == LedgerAct.CONFIDED.value)
            .order_by(LedgerRow.seq.desc())
            .limit(LATEST)
        )
        appeals = [int(subject) for subject in await session.scalars(last)]
    for start in range(0, len(appeals), _AT_ONCE):
        await _leave(deps, appeals[start : start + _AT_ONCE])
    return False


async def _leave(deps: Deps, appeals: Sequence[int]) -> None:
    async with deps.db.reads() as session:
        tickets = (await session.scalars(sa.select(Ticket.id).where(Ticket.appeal_id.in_(appeals)))).all()
        counted = await _of(session, RollupTicket.ticket_id, tickets)
        named = await _of(session, PartyMention.ticket_id, tickets, PartyMention.name_id.is_not(None))
        calls = await _of(session, IncidentCall.ticket_id, tickets)
    if counted:
        await refreshing.leave(deps, counted)
    if named:
        async with deps.db.writes.begin() as session:
            await session.execute(
                sa.update(PartyMention)
                .where(PartyMention.ticket_id.in_(named))
                .values(name_id=None)
                .execution_options(synchronize_session=False)
            )
    if calls:
        async with deps.db.writes.begin() as session:
            await _leave_incidents(session, deps, calls)
    if counted or named or calls:
        log.info("sums_left", counted=len(counted), named=len(named), calls=len(calls))


async def _of(
    session: AsyncSession,
    column: InstrumentedAttribute[int],
    tickets: Sequence[int],
    *more: sa.ColumnElement[bool],
) -> list[int]:
    return list(await session.scalars(sa.select(column).where(column.in_(tickets), *more)))


async def _leave_incidents(session: AsyncSession, deps: Deps, ids: list[int]) -> None:
    """As if these calls had never been looked at, like any that was confidential from the start."""
    # Whoever looks at calls holds this row: none of them joins an incident meanwhile.
    await session.execute(sa.select(IncidentWatch.id).with_for_update())
    homes = sa.select(IncidentCall.incident_id).where(IncidentCall.ticket_id.in_(ids))
    incidents = await session.scalars(
        sa.select(Incident).where(Incident.id.in_(homes)).order_by(Incident.id).with_for_update()
    )
    for incident in incidents.all():
        await joining.leave(session, deps, incident, ids, now=deps.clock.now())
    await joining.forget(session, ids)
