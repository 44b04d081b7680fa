"""单位通讯录 (directory): written in versions, confirmed, put back; whose somebody reads.

Whoever saves says which version they saw: where somebody was faster nothing is changed. The ledger tells who
changed which fields of which unit, never what they say; the versions say that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import sqlalchemy as sa

from models import directory
from models.directory import DirectoryEntry
from models.filters import may_see
from models.vocab_directory import DirectoryField
from models.vocab_ledger import LedgerAct, SubjectKind
from triage.clock import local, show
from triage.errors import NotFound, TriageError
from triage.rules import directory as rules
from triage.services import ledger

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.viewing import Viewer
    from triage.rules.directory import Said
    from triage.rules.rows import Tables, UnitRow


class NotYours(TriageError):
    """这个单位的通讯录不归您填：由它自己的承办人填，或由管外发通知的督办员填。"""

    code: ClassVar[str] = "directory_of_others"
    status: ClassVar[int] = 403


class DirectoryChanged(TriageError):
    """这个单位的通讯录刚刚被别人改过。"""

    code: ClassVar[str] = "directory_changed"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class Saved:
    """What came of it. `same`: it said so before, and counts as confirmed.

    `repeated`: it says so since somebody pressed, mostly they themselves a moment before.
    """

    unit: str
    id: int
    same: bool
    repeated: bool = False


def said_by(row: DirectoryEntry | None) -> Said:
    """What an entry says, by field."""
    return {field: str(getattr(row, field.value)) if row else "" for field in DirectoryField}


async def save(
    session: AsyncSession,
    viewer: Viewer,
    unit: str,
    said: Mapping[DirectoryField, str],
    *,
    seen: int | None,
    now: datetime,
) -> Saved:
    """A new version, confirmed as of now. Raises DirectoryRefused, NotYours, NotFound, DirectoryChanged."""
    row = await _locked(session, viewer, unit)
    plain = rules.checked(said)
    if (row.id if row else None) != seen:
        return _repeated(session, viewer, row, plain, now=now)
    return await _write(session, viewer, unit, row, plain, now=now)


async def put(
    session: AsyncSession,
    viewer: Viewer,
    unit: str,
    said: Mapping[DirectoryField, str],
    *,
    now: datetime,
) -> bool:
    """Of a file: what it says takes the place of what stands, fields it has not stay. True: it changed.

    Raises DirectoryRefused, NotYours, NotFound.
    """
    row = await _locked(session, viewer, unit)
    plain = rules.checked({**said_by(row), **said})
    if plain == said_by(row):
        return False
    await _write(session, viewer, unit, row, plain, now=now)
    return True


async def confirm(
    session: AsyncSession, viewer: Viewer, unit: str, *, seen: int | None, now: datetime
) -> Saved:
    """核对无误: what stands is right. Raises NotYours, NotFound, DirectoryChanged."""
    row = await _locked(session, viewer, unit)
    if row is None or row.id != seen:
        raise DirectoryChanged(_changed(row))
    return _confirmed(session, viewer, row, now=now)


async def put_back(
    session: AsyncSession, viewer: Viewer, unit: str, version: int, *, seen: int | None, now: datetime
) -> Saved:
    """A version of before is in force again, as a new one.

    Raises DirectoryRefused, NotYours, NotFound, DirectoryChanged.
    """
    row = await _locked(session, viewer, unit)
    old = await session.scalar(
        sa.select(DirectoryEntry).where(DirectoryEntry.id == version, DirectoryEntry.unit_code == unit)
    )
    if old is None:
        raise NotFound("没有这一版：每个单位只留最近 20 版。")
    plain = rules.checked(said_by(old))
    if (row.id if row else None) != seen:
        return _repeated(session, viewer, row, plain, now=now)
    return await _write(session, viewer, unit, row, plain, now=now)


async def _locked(session: AsyncSession, viewer: Viewer, unit: str) -> DirectoryEntry | None:
    if not rules.may_write(viewer, unit):
        raise NotYours
    if not await directory.lock(session, unit):
        raise NotFound("没有这个单位。")
    return (await directory.in_force(session, [unit])).get(unit)


async def _write(
    session: AsyncSession,
    viewer: Viewer,
    unit: str,
    row: DirectoryEntry | None,
    plain: Said,
    *,
    now: datetime,
) -> Saved:
    before = said_by(row)
    changed = [field.label for field in DirectoryField if plain[field] != before[field]]
    if row is not None and not changed:
        return _confirmed(session, viewer, row, now=now)
    if row is not None:
        row.valid_to = now
        # Before the new one: of a unit one is in force at most.
        await session.flush()
    values = {field.value: text for field, text in plain.items()}
    new = DirectoryEntry(
        unit_code=unit, valid_from=now, valid_to=None, set_by=viewer.login,
        confirmed_at=now, confirmed_by=viewer.login, **values,
    )  # fmt: skip
    session.add(new)
    await session.flush()
    await directory.prune(session, unit)
    ledger.write(
        session, who=viewer.login, act=LedgerAct.DIRECTORY_SET, now=now,
        subject=ledger.Subject(SubjectKind.DIRECTORY, unit), detail={"field": changed},
    )  # fmt: skip
    return Saved(unit, new.id, same=False)


def _repeated(
    session: AsyncSession, viewer: Viewer, row: DirectoryEntry | None, plain: Said, *, now: datetime
) -> Saved:
    """Another version stands than they saw: fine where it says what they sent. Raises DirectoryChanged."""
    if row is None or plain != said_by(row):
        raise DirectoryChanged(_changed(row))
    if row.confirmed_by != viewer.login or local(row.confirmed_at).date() != local(now).date():
        _confirmed(session, viewer, row, now=now)
    return Saved(row.unit_code, row.id, same=True, repeated=True)


def _confirmed(session: AsyncSession, viewer: Viewer, row: DirectoryEntry, *, now: datetime) -> Saved:
    row.confirmed_at, row.confirmed_by = now, viewer.login
    ledger.write(
        session, who=viewer.login, act=LedgerAct.DIRECTORY_CONFIRMED, now=now,
        subject=ledger.Subject(SubjectKind.DIRECTORY, row.unit_code),
    )  # fmt: skip
    return Saved(row.unit_code, row.id, same=True)


def _changed(row: DirectoryEntry | None) -> str:
    if row is None:
        return "这个单位还没有填过通讯录，这次没有改动；请刷新页面。"
    return (
        f"{row.set_by} 在 {show(row.valid_from)} 刚改过这个单位的通讯录，这次没有改动：请对照现在的再按一次。"
    )


async def visible(session: AsyncSession, tables: Tables, viewer: Viewer, *, on: date) -> tuple[UnitRow, ...]:
    """The units of that day whose entry somebody reads: their own first, then by district and code.

    Their own, their district's and 12345's; also whoever shares an open case with them that they see.
    """
    shared: frozenset[str] = frozenset()
    if not rules.reads_all(tables, viewer):
        shared = await directory.shared_with(session, viewer.scope.own, may_see(viewer))
    found = [
        row
        for row in tables.units.values()
        if row.holds(on) and (row.code in shared or rules.reads(tables, viewer, row))
    ]
    own = viewer.scope.own
    return tuple(sorted(found, key=lambda row: (row.code not in own, row.district_code or "", row.code)))


async def to_remind(session: AsyncSession, viewer: Viewer, *, now: datetime) -> dict[str, bool]:
    """Of one's own units that one keeps those to be looked at: True, filled in and to be confirmed again."""
    own = [unit for unit in sorted(viewer.scope.own) if rules.may_write(viewer, unit)]
    stand = await directory.in_force(session, own)
    found = {unit: unit in stand for unit in own}
    return {
        unit: filled for unit, filled in found.items()
        if not filled or rules.overdue(stand[unit].confirmed_at, now)
    }  # fmt: skip
