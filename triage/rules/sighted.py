"""Whether the district's centre (区级中心) that would answer a wish sees the case: as `viewing.sees`.

Of a 保密 case it does not where it is copied or stands above the unit alone, nor of a city department's case
in which nobody of the district has a part: what waits there for the centre waits for nobody. In SQL the same
is `models.waiting.district_blind`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from triage.rules.routing import district_having

if TYPE_CHECKING:
    from triage.rules.rows import Tables, UnitRow
    from triage.rules.standing import Standing


def blind(tables: Tables, s: Standing) -> bool:
    """Whether the government of the district that has the case (`district_having`) does not see it."""
    area = district_having(tables, s.unit, s.placed or s.district)
    handling = {code for code in (s.unit, *s.assist, *(call.unit for call in s.calls)) if code}
    parts = handling if s.confidential else handling | set(s.copies)
    units = (tables.units.get(code) for code in parts)
    return not any(_tells(unit, area, secret=s.confidential) for unit in units)


def _tells(unit: UnitRow | None, area: str | None, *, secret: bool) -> bool:
    if unit is None or area is None or unit.district_code != area:
        return False
    return unit.governs or not secret
