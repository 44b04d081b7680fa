"""Names to show for codes, from the rule tables: kinds of pollution by parent, districts, units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.vocab import Level

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

    def kind(self, code: str) -> str:
        """The name of a kind; its code when the tables no longer have it."""
        return self.kinds.get(code, code)

    def district(self, code: str) -> str:
        """The short name of a district: 朝阳区."""
        return self.districts.get(code, code)


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
            code: short_area(unit.name)
            for code, unit in sorted(tables.units.items())
            if unit.level is Level.DISTRICT
        },
        units={code: unit.name for code, unit in tables.units.items()},
    )
