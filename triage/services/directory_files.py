"""The file of 单位通讯录: a line a unit, as office programs open it; good lines are kept, bad ones named."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from connectors import office_csv
from models import directory
from models.vocab_directory import DirectoryField
from triage.clock import local
from triage.errors import BadInput, NotFound
from triage.rules.directory import DirectoryRefused
from triage.services.directory import NotYours, put, said_by

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from models.db import Database
    from models.directory import DirectoryEntry
    from models.viewing import Viewer
    from triage.rules.rows import Tables, UnitRow

CODE: Final = "单位编码"
NAME: Final = "单位"
CONFIRMED: Final = "上次核对"
_FIELDS: Final = {field.label: field for field in DirectoryField}
_COLUMNS: Final = (CODE, NAME, *_FIELDS, CONFIRMED)
#: A city has some 700 units.
MOST_LINES: Final = 2000
MOST_BYTES: Final = 2 * 1024 * 1024
#: Faults that are told; that there are more is said.
MOST_TOLD: Final = 200
#: Lines that are kept in one transaction.
_AT_ONCE: Final = 50
_ENCODINGS: Final = ("utf-8-sig", "gb18030")


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it is read: which unit, and what it says of the columns that the file has."""

    number: int
    unit: str
    said: dict[DirectoryField, str]


@dataclass(frozen=True, slots=True)
class Read:
    """The lines of a file, and what is wrong with others."""

    lines: tuple[Line, ...]
    faults: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of a file: saved, the same as before, and each bad line with why."""

    saved: int
    same: int
    faults: tuple[tuple[int, str], ...]


def text_of(data: bytes) -> str:
    """The characters of a file, as Excel and WPS write it here. Raises BadInput."""
    for name in _ENCODINGS:
        try:
            return data.decode(name)
        except UnicodeDecodeError:
            continue
    raise BadInput("文件打不开：请另存为“CSV UTF-8”再导入。")


def read(text: str, tables: Tables, *, on: date) -> Read:
    """The lines of a file. Raises BadInput where the whole of it cannot be read."""
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(rows, [])]
        _check(header)
        return _lines(((rows.line_num, cells) for cells in rows), header, tables, on=on)
    except csv.Error:
        raise BadInput(f"第 {rows.line_num or 1} 行：不是合法的 CSV，文件没有导入。") from None


def _check(header: list[str]) -> None:
    """Raises BadInput."""
    unknown = [name for name in header if name not in _COLUMNS]
    if unknown or len(set(header)) < len(header):
        named = "、".join(unknown)[:60] or "有两列同名"
        raise BadInput(f"第 1 行的表头不认识：{named}。请先导出一份，照它的表头填。")
    if CODE not in header and NAME not in header:
        raise BadInput(f"第 1 行的表头里要有“{NAME}”或“{CODE}”。请先导出一份，照它的表头填。")


def _lines(rows: Iterable[tuple[int, list[str]]], header: list[str], tables: Tables, *, on: date) -> Read:
    found: list[Line] = []
    faults: list[tuple[int, str]] = []
    seen: dict[str, int] = {}
    for number, cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        if len(found) + len(faults) >= MOST_LINES:
            raise BadInput(f"一次最多 {MOST_LINES} 行，文件没有导入。")
        if len(cells) != len(header):
            faults.append((number, "列数与表头不同"))
            continue
        row = dict(zip(header, (_cell(cell) for cell in cells), strict=True))
        unit, why = _unit(tables, row, on=on)
        if unit is None:
            faults.append((number, why))
        elif first := seen.get(unit):
            faults.append((number, f"和第 {first} 行是同一个单位"))
        else:
            seen[unit] = number
            said = {field: row[label] for label, field in _FIELDS.items() if label in row}
            found.append(Line(number, unit, said))
    return Read(tuple(found), tuple(faults))


def _cell(text: str) -> str:
    """Without what our own file puts before a text that looks like a formula (`office_csv`)."""
    plain = text.strip()
    return plain[1:] if plain[:1] == "'" else plain


def _unit(tables: Tables, row: dict[str, str], *, on: date) -> tuple[str | None, str]:
    """Which unit a line is about, by its code, else by its whole name; or why none."""
    code, name = row.get(CODE, ""), row.get(NAME, "")
    if code:
        known = tables.units.get(code)
        return (
            (code, "") if known is not None and known.holds(on) else (None, f"没有这个单位编码：{code[:40]}")
        )
    if not name:
        return None, "没有写单位"
    named = [unit.code for unit in tables.units.values() if unit.name == name and unit.holds(on)]
    if len(named) == 1:
        return named[0], ""
    return None, f"{'不止一个' if named else '没有'}单位叫“{name[:40]}”：请照单位名录写全称，或写单位编码"


async def store(db: Database, viewer: Viewer, found: Read, *, now: datetime) -> Imported:
    """Keep the good lines, `_AT_ONCE` in a transaction: what was good stays, whatever becomes of the others.

    A line without anything in it is passed over. The same file once more goes on where it was cut off.
    """
    async with db.reads() as session:
        stand = await directory.in_force(session, [line.unit for line in found.lines])
    faults = list(found.faults)
    # As it was exported: a unit that has said nothing yet, or that says so already.
    said = [
        line for line in found.lines if any(line.said.values()) and not _stands(stand.get(line.unit), line)
    ]
    saved, same = 0, len(found.lines) - len(said)
    # Locked in one order, whatever the file's: two files at once wait for each other and go on.
    said.sort(key=lambda one: one.unit)
    for start in range(0, len(said), _AT_ONCE):
        async with db.writes.begin() as session:
            for line in said[start : start + _AT_ONCE]:
                try:
                    changed = await put(session, viewer, line.unit, line.said, now=now)
                except (DirectoryRefused, NotYours, NotFound) as error:
                    faults.append((line.number, error.detail))
                    continue
                saved, same = saved + changed, same + (not changed)
    return Imported(saved, same, tuple(sorted(faults)))


def _stands(row: DirectoryEntry | None, line: Line) -> bool:
    """Whether a line says no more than what stands: most of a file that was exported; nothing is locked."""
    said = said_by(row)
    return row is not None and all(said[field] == text for field, text in line.said.items())


async def table(session: AsyncSession, units: Iterable[UnitRow]) -> bytes:
    """The file of these units, those that have said nothing among them: what is imported begins as this."""
    stand = await directory.in_force(session)

    def cells(unit: UnitRow) -> list[str]:
        row = stand.get(unit.code)
        said = said_by(row)
        confirmed = f"{local(row.confirmed_at):%Y-%m-%d}" if row else ""
        return [unit.code, unit.name, *(said[field] for field in _FIELDS.values()), confirmed]

    return office_csv.table([_COLUMNS, *(cells(unit) for unit in units)])
