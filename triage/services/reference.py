"""Bring the units and areas of the database to the tables: rows are joined there, decided from here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite

from models.units import Area, Unit
from models.vocab import Level

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from triage.rules.rows import Tables
    from triage.services.deps import Deps


async def sync(deps: Deps) -> None:
    """Write every unit and area of the tables; units no longer in them stay, for old tickets name them."""
    async with deps.db.writes.begin() as session:
        await _upsert(session, Unit, _units(deps.tables), key="code")
        await _upsert(session, Area, _areas(deps.tables), key="code")


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
    """Districts and streets: the areas that have a government or an office of their own."""
    return [
        {
            "code": unit.code,
            "name": unit.name,
            "level": unit.level.value,
            "parent_code": unit.district_code if unit.level is Level.STREET else None,
        }
        for unit in tables.units.values()
        if unit.level is Level.STREET or (unit.level is Level.DISTRICT and unit.code == unit.district_code)
    ]


async def _upsert(
    session: AsyncSession, model: type[Unit | Area], rows: list[dict[str, Any]], *, key: str
) -> None:
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(model)
    changed = {name: statement.excluded[name] for name in rows[0] if name != key}
    await session.execute(statement.on_conflict_do_update(index_elements=[key], set_=changed), rows)
