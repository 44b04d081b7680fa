"""二次派单 (`pass_on`): a district's government that leads hands the case to a unit of its own. Pure.

R7.2 knows 转办单位(二级) as a field of the city's table; who may, to whom and with which clocks is assumed
(A in `moves.yaml`). It follows 改派: 签收 begins anew, what the citizen waits for does not. Unlike it the
units that assist or were called (吹哨, 提级) stay, and so does the district (抄送), whoever leads it then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.vocab import Field, Level

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from triage.rules.rows import Tables, UnitRow
    from triage.rules.standing import Call, Standing


def refused(tables: Tables, s: Standing, actor_unit: str | None) -> str | None:
    """Why nobody, or this unit, may hand the case on; None: it may."""
    lead = tables.units.get(s.unit or "")
    if lead is None or not lead.governs:
        return "二次派单只用于市里派到区里的工单：这一件不是区政府主办"
    mine = tables.units.get(actor_unit or "")
    if mine is None or mine.district_code != lead.district_code:
        return f"这一件由{lead.name}主办，由它二次派单"
    return None


def wrong_unit(tables: Tables, s: Standing, unit: UnitRow) -> str | None:
    """Why the case cannot be handed to that unit; None: it can."""
    lead = tables.units.get(s.unit or "")
    if lead is not None and _of_district(unit, lead):
        return None
    whose = lead.name if lead else "本区"
    return f"二次派单只能给{whose}下面的街道乡镇或区级部门，{unit.name}不是"


def units(tables: Tables, s: Standing, day: date) -> tuple[UnitRow, ...]:
    """The units that it may be handed to on a day: streets, then bureaus."""
    lead = tables.units.get(s.unit or "")
    if lead is None or not lead.governs:
        return ()
    found = (unit for unit in tables.units.values() if _of_district(unit, lead) and unit.holds(day))
    return tuple(sorted(found, key=lambda unit: (unit.level is Level.BUREAU, unit.code)))


def _of_district(unit: UnitRow, lead: UnitRow) -> bool:
    return unit.level in {Level.STREET, Level.BUREAU} and unit.district_code == lead.district_code


def parts(s: Standing, values: Mapping[str, Any]) -> dict[str, Any]:
    """主办, 协办, 抄送 after it: who handed it on is copied, whoever assisted goes on."""
    lead = values[Field.UNIT]
    assist = [code for code in s.assist if code != lead]
    copies = dict.fromkeys(code for code in (*s.copies, s.unit) if code and code not in {lead, *assist})
    return {"lead": lead, "assist": assist, "cc": list(copies)}


def calls(s: Standing, lead: str) -> tuple[Call, ...]:
    """Who was called goes on too, with the time it was given; but whoever leads then is called no more."""
    return tuple(call for call in s.calls if call.unit != lead)
