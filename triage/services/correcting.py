"""更正: a clerk says what a reading got wrong. Kept with who, when and which model; the reading stays.

A place that was put right is the ticket's place from then on (`models.placed`), a kind its kind
(`models.kind_in_force`): lists, filters, counts and maps follow in the same transaction. Whether the case may
be rewarded is looked at anew. Nothing else of the
ticket is changed here, nor who handles it and may see it (but for what `districts` copies): where it goes
next is a move of its own. `AS_READ` takes the corrections of a place back, and what was picked with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from models import corrections, kind_in_force, placed, site_places
from models.corrections import Correction
from models.vocab import AppealType, Corrected, Level, Urgency
from models.vocab_ledger import LedgerAct, SubjectKind
from nlp.text import mask_identity
from triage.clock import local
from triage.errors import BadInput, NotFound, TriageError
from triage.rules.answering import type_of
from triage.rules.rows import UNCLEAR_KIND
from triage.rules.trends.facts import as_corrected
from triage.services import districts, ledger
from triage.services.rewards import finding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.appeals import Reading
    from models.corrections import CorrectedText, ReadTicket
    from models.filters import Viewer
    from triage.rules.rows import Tables
    from triage.services.deps import Deps

YES: Final = "true"
NO: Final = "false"
#: Instead of the code of a place: what the reading says after all, which may be no place.
AS_READ: Final = "as_read"
#: Tickets whose kind an older release left as it was read that are put right in one transaction.
_AT_ONCE: Final = 500


class CorrectedMeanwhile(TriageError):
    """别人刚刚更正了这张工单。"""

    code: ClassVar[str] = "corrected_meanwhile"
    status: ClassVar[int] = 409

    def __init__(self, later: Sequence[Correction]) -> None:
        """Say who corrected what, and when."""
        told = "；".join(
            f"{local(one.at):%H:%M} {one.by} 更正了{Corrected(one.field).label}" for one in later
        )
        super().__init__(f"您打开之后，{told}。页面已是更正后的，您改过的还在，请核对种类和承办单位后再派。")


async def correct(
    session: AsyncSession,
    tables: Tables,
    viewer: Viewer,
    no: str,
    said: Mapping[str, str],
    *,
    at: datetime,
    where: tuple[float, float] | None = None,
    within: str | None = None,
) -> list[Correction]:
    """Keep what `said` (field → value) changes of what is held of a ticket; nothing when it changes nothing.

    `where` is the point pressed on the map for the place that is said, WGS-84 degrees, `within` the community
    there ('': none; None: nothing is said of it). Raises NotFound, and BadInput naming the field whose value
    is none.
    """
    wanted = {_field(name): value for name, value in said.items()}
    for field, value in wanted.items():
        _check(tables, field, value)
    if not wanted:
        raise BadInput("没有要更正的内容")
    found = await corrections.read_ticket_for_update(session, viewer, no)
    if found is None:
        raise NotFound("没有这张工单，或您无权查看，或还没有识别结果。")
    known = await corrections.of_ticket(session, found.ticket.id)
    held = as_held(found.reading, known, found.told_type)
    anew = _undecided(found, known)
    back = wanted.get(Corrected.PLACE) == AS_READ
    if back:
        wanted[Corrected.PLACE] = found.reading.street_code or found.reading.district_code or ""
    before = _Place.of(found)
    if Corrected.PLACE in wanted:
        place = wanted[Corrected.PLACE]
        placed.put(found.ticket, found.reading, place, where, within=within, back=back)
        await _forget_picks(session, viewer, found, back=back, at=at)
    after = _Place.of(found)
    kept = [
        Correction(
            ticket_id=found.ticket.id,
            appeal_id=found.ticket.appeal_id,
            field=field.value,
            old=held[field],
            new=value,
            community=after.community if field is Corrected.PLACE else None,
            by=viewer.login,
            at=at,
            model_version=found.reading.model_version,
        )
        for field, value in wanted.items()
        if value != (held[field] or "")
        or field in anew
        or (field is Corrected.PLACE and before.community != after.community)
    ]
    session.add_all(kept)
    await session.flush()
    _put_kind(found, known, kept)
    if kept:
        await finding.anew(session, found.ticket)
    if before != after and not any(item.field == Corrected.PLACE.value for item in kept):
        # Another spot of the same place is no other place, so nothing to learn from; but somebody did it.
        ledger.write(
            session, who=viewer.login, act=LedgerAct.CORRECTED, now=at,
            subject=ledger.Subject(SubjectKind.TICKET, no, no), detail={"field": "point"},
        )  # fmt: skip
    for item in kept:
        codes = (before.finest, after.finest) if item.field == Corrected.PLACE else (item.old, item.new)
        ledger.write(
            session, who=viewer.login, act=LedgerAct.CORRECTED, now=at, old=codes[0], new=codes[1],
            subject=ledger.Subject(SubjectKind.TICKET, no, no), detail={"field": item.field},
        )  # fmt: skip
    if before.district != after.district:
        await districts.copy(session, tables, found, viewer.login, now=at)
    return kept


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a ticket is: what it keeps of it, and the code of the finest unit of the place in force."""

    kept: tuple[object, ...]
    district: str | None
    community: str | None
    finest: str

    @classmethod
    def of(cls, found: ReadTicket) -> _Place:
        ticket = found.ticket
        finest = placed.community(ticket, found.reading) or ticket.street_code or ticket.district_code or ""
        return cls(placed.of(ticket), ticket.district_code, ticket.community_code, finest)


async def _forget_picks(
    session: AsyncSession, viewer: Viewer, found: ReadTicket, *, back: bool, at: datetime
) -> None:
    """What was picked here for a place that no longer is the ticket's teaches nothing (点选词典)."""
    but = "" if back else _Place.of(found).finest
    rows = await site_places.take_back(
        session, found.ticket.id, but=but, by=viewer.login, at=at, alone=viewer.scope.everything
    )
    for row in rows:
        ledger.write(
            session, who=viewer.login, act=LedgerAct.PLACE_REMOVED, now=at, old=row.code,
            subject=ledger.Subject(SubjectKind.PLACE, str(row.id), found.ticket.no),
        )  # fmt: skip


async def check_shown(session: AsyncSession, no: str, last: int) -> None:
    """Refuse what was decided by a page from before a correction; asked with the ticket locked.

    A correction leaves the ticket's version as it is: `last` is the newest that the page knew, 0 for none.
    Raises CorrectedMeanwhile.
    """
    if later := await corrections.after(session, no, last):
        raise CorrectedMeanwhile(later)


def _put_kind(found: ReadTicket, known: Sequence[Correction], kept: Sequence[Correction]) -> None:
    """Give the ticket the kind that is in force with what was just said, where that names one."""
    if any(item.field in kind_in_force.NAMING for item in kept):
        said_so_far = [(one.field, one.new) for one in (*known, *sorted(kept, key=lambda one: one.id))]
        kind, *_ = as_corrected(kind_in_force.as_read(found.reading), None, None, said_so_far)
        kind_in_force.put(found.ticket, kind)


async def heal(deps: Deps) -> bool:
    """A step of the timetable: places and kinds that an older release put right become the tickets' too."""
    async with deps.db.writes.begin() as session:
        await placed.heal(session)
        found = await kind_in_force.heal(session, UNCLEAR_KIND, batch=_AT_ONCE)
    return found == _AT_ONCE


def _undecided(found: ReadTicket, known: Sequence[Correction]) -> frozenset[Corrected]:
    """The type, where it was read as one and its source calls it another: who names either decides."""
    if any(item.field == Corrected.APPEAL_TYPE.value for item in known):
        return frozenset()
    read = found.reading.appeal_type
    return frozenset({Corrected.APPEAL_TYPE} if type_of(read, None, found.told_type) != read else ())


def as_held(
    reading: Reading, known: Sequence[Correction], told_type: str | None
) -> dict[Corrected, str | None]:
    """What is held of every field now: the last correction, else the reading; for the type as `type_of` says.

    Of what is held to be no environmental matter no kind is held: who names one then says that it is.
    """
    held: dict[Corrected, str | None] = {
        Corrected.ENVIRONMENTAL: YES if reading.environmental else NO,
        Corrected.KIND: reading.kind,
        Corrected.APPEAL_TYPE: type_of(reading.appeal_type, None, told_type).value,
        Corrected.URGENCY: reading.urgency,
        Corrected.PLACE: reading.street_code or reading.district_code,
    }
    held |= {Corrected(item.field): item.new for item in known}
    if any(item.field in kind_in_force.NAMING for item in known):
        said = [(item.field, item.new) for item in known]
        kind, *_ = as_corrected(kind_in_force.as_read(reading), None, None, said)
        held[Corrected.KIND], held[Corrected.ENVIRONMENTAL] = kind or None, YES if kind else NO
    return held


def _field(name: str) -> Corrected:
    try:
        return Corrected(name)
    except ValueError:
        fields = "、".join(field.value for field in Corrected)
        raise BadInput(f"不能更正 {name[:40]}：只能是 {fields}") from None


def _check(tables: Tables, field: Corrected, value: str) -> None:
    """Refuse a value that is none. Raises BadInput naming the field."""
    known = {
        Corrected.ENVIRONMENTAL: (YES, NO),
        Corrected.KIND: tables.kinds,
        Corrected.APPEAL_TYPE: tuple(AppealType),
        Corrected.URGENCY: tuple(Urgency),
        Corrected.PLACE: places(tables),
    }[field]
    if value not in known and (field, value) != (Corrected.PLACE, AS_READ):
        raise BadInput(f"{field.label}({field.value})的值有误：{value[:40]}")


def places(tables: Tables) -> frozenset[str]:
    """Codes of all districts and streets that have a unit, and of the functional areas (功能区: 经开区 …)."""
    of_units = frozenset(
        code
        for unit in tables.units.values()
        for code in (
            unit.district_code if unit.governs else None,
            unit.street_code if unit.level is Level.STREET else None,
        )
        if code
    )
    return of_units | tables.functional_areas.keys()


def as_example(text: CorrectedText) -> dict[str, Any]:
    """One corrected appeal as a labelled row for training: only what a person said is a label.

    Words are masked once more: rules of masking may have grown since they were stored.
    """
    said = {Corrected(item.field): item.new for item in text.corrections}
    words = f"{text.text}\n地址：{text.address}" if text.address else text.text
    row: dict[str, Any] = {
        "id": f"correction-{text.appeal_id}",
        "title": mask_identity(text.title) if text.title else None,
        "text": mask_identity(words),
    }
    for item in text.corrections:
        # In their order: the last word counts.
        if item.field == Corrected.KIND:
            # Whoever names a kind says that it is environmental.
            row |= {"environmental": True, "kind": item.new}
        elif item.field == Corrected.ENVIRONMENTAL:
            row["environmental"] = item.new == YES
            if item.new == NO:
                row.pop("kind", None)
    for field, key in ((Corrected.APPEAL_TYPE, "appeal_type"), (Corrected.URGENCY, "urgency")):
        if field in said:
            row[key] = said[field]
    if said.get(Corrected.PLACE):
        places = [item for item in text.corrections if item.field == Corrected.PLACE]
        row["place_code"] = places[-1].community or places[-1].new
    last = text.corrections[-1]
    return row | {"sure": True, "model_version": last.model_version, "at": last.at.isoformat()}
