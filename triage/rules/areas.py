"""Names of the areas that a place lies in: a street or township, or a functional area (功能区). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.vocab import Level

if TYPE_CHECKING:
    from triage.rules.rows import Tables


def street_name(tables: Tables, code: str) -> str | None:
    """What stands where a street's code does: of a street its office, of a functional area its own name.

    Most functional areas have no office (大兴国际机场); None: no area of the tables.
    """
    unit = tables.units.get(code)
    if unit is not None and unit.level is Level.STREET:
        return unit.name
    area = tables.functional_areas.get(code)
    if area is not None:
        return area.name
    return unit.name if unit is not None else None


def streets_of(tables: Tables) -> dict[str, tuple[str, str]]:
    """Streets and functional areas by code: the name, and the district that each lies in."""
    codes = {unit.code: unit.district_code for unit in tables.units.values() if unit.level is Level.STREET}
    codes |= {
        area.id: area.district_code for area in tables.functional_areas.values() if area.id not in codes
    }
    return {code: (street_name(tables, code) or code, district or "") for code, district in codes.items()}
