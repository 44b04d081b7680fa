"""Bring the units and areas of the database to the tables: rows are joined there, decided from here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from models import revision
from models.db import insert_of
from models.units import Area, Unit
from models.vocab import Level
from triage import logs

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.rules.rows import Tables, UnitRow
    from triage.services.deps import Deps

log = logs.get(__name__)


class Completer:
    """Has the database know the tables' units once, however long it is away at first."""

    def __init__(self) -> None:
        """Nobody has looked yet."""
        self._done = False

    async def poke(self, deps: Deps) -> bool:
        """Look, unless it is done. Gives False: there is never more to do at once."""
        self._done = self._done or await complete(deps)
        return False


async def sync(deps: Deps) -> None:
    """Write every unit and area of the tables; units no longer in them stay, for old tickets name them."""
    async with deps.db.writes.begin() as session:
        await _insert(session, Unit, _units(deps.tables), anew=True)
        await _insert(session, Area, _areas(deps.tables), anew=True)


async def complete(deps: Deps) -> bool:
    """Add the units and areas that the database lacks; False where its schema does not fit this program.

    What is there stays as it is: in a deploy a process with the tables of before may start after one with
    the new. Tickets, roles and people name their unit by a foreign key, so a unit that is lacking would make
    every appeal that is its own fail.
    """
    if not (await revision.fit(deps.db)).works:
        return False
    async with deps.db.reads() as session:
        missing = await lacking(session, deps.tables)
    if missing:
        async with deps.db.writes.begin() as session:
            await _insert(session, Unit, _units(deps.tables), anew=False)
            await _insert(session, Area, _areas(deps.tables), anew=False)
        log.warning("units_added", count=len(missing))
    return True


async def lacking(session: AsyncSession, tables: Tables) -> list[str]:
    """The codes of the tables' units that the database does not know."""
    known = set(await session.scalars(sa.select(Unit.code)))
    return [code for code in tables.units if code not in known]


def _units(tables: Tables) -> list[dict[str, Any]]:
    return [
        {
            "code": unit.code,
            "name": unit.name,
            "level": unit.level.value,
            "function": unit.function or None,
            "district_code": unit.district_code,
            "street_code": unit.street_code,
            "valid_from": unit.valid_from,
            "valid_to": unit.valid_to,
            "source": unit.source,
        }
        for unit in tables.units.values()
    ]


def _areas(tables: Tables) -> list[dict[str, Any]]:
    """Districts, streets and functional areas (功能区), which stand where a street does.

    One row an area, whatever the codes of its offices: named as the newest of them is.
    """
    found: dict[str, dict[str, Any]] = {}
    for unit in sorted(tables.units.values(), key=lambda unit: unit.valid_from):
        if code := _area_of(unit):
            found[code] = {
                "code": code,
                "name": unit.name,
                "level": unit.level.value,
                "parent_code": unit.district_code if unit.level is Level.STREET else None,
            }
    for area in tables.functional_areas.values():
        row = {"name": area.name, "level": Level.STREET.value, "parent_code": area.district_code}
        found.setdefault(area.id, {"code": area.id, **row})
    return list(found.values())


def _area_of(unit: UnitRow) -> str | None:
    if unit.level is Level.STREET:
        return unit.street_code
    return unit.district_code if unit.governs else None


async def _insert(
    session: AsyncSession, model: type[Unit | Area], rows: list[dict[str, Any]], *, anew: bool
) -> None:
    """Rows by their code; those that are there are written anew, or stay."""
    statement = insert_of(session, model)
    changed = {name: statement.excluded[name] for name in rows[0] if name != "code"}
    statement = (
        statement.on_conflict_do_update(index_elements=["code"], set_=changed)
        if anew
        else statement.on_conflict_do_nothing(index_elements=["code"])
    )
    await session.execute(statement, rows)
