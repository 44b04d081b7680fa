"""Names to show for codes, from the rule tables: kinds of pollution by parent, districts, units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from triage.rules import areas

if TYPE_CHECKING:
    from collections.abc import Mapping

    from triage.rules.rows import Tables

_GOVERNMENT = "人民政府"


@dataclass(frozen=True, slots=True)
class Names:
    """Chinese names by code."""

    kinds: Mapping[str, str]
    parents: Mapping[str, tuple[str, ...]]
    districts: Mapping[str, str]
    units: Mapping[str, str]
    #: Streets and functional areas (功能区): the name, and the district that each lies in.
    streets: Mapping[str, tuple[str, str]]

    def kind(self, code: str) -> str:
        """The name of a kind; its code when the tables no longer have it."""
        return self.kinds.get(code, code)

    def district(self, code: str) -> str:
        """The short name of a district: 朝阳区."""
        return self.districts.get(code, code)

    def street(self, code: str) -> str:
        """A street or functional area as people call it; its code when the tables have no such area."""
        return plain_area(self.streets[code][0]) if code in self.streets else code


def short_area(name: str) -> str:
    """朝阳区人民政府 → 朝阳区."""
    return name.removesuffix(_GOVERNMENT)


def plain_area(name: str) -> str:
    """An area as people call it: 朝阳区人民政府 → 朝阳区, 望京街道办事处 → 望京街道."""
    return short_area(name).removesuffix("办事处")


def names_of(tables: Tables) -> Names:
    """Read the names off the tables."""
    parents: dict[str, list[str]] = {}
    for code, row in tables.kinds.items():
        parents.setdefault(row.parent, []).append(code)
    return Names(
        kinds={code: row.name for code, row in tables.kinds.items()},
        parents={parent: tuple(codes) for parent, codes in parents.items()},
        districts={
            code: short_area(unit.name) for code, unit in sorted(tables.units.items()) if unit.governs
        },
        units={code: unit.name for code, unit in tables.units.items()},
        streets=areas.streets_of(tables),
    )
