"""What the event of a move says, in one line of the ticket's record."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from models.ticket_detail import JOINED_CASE, other_tickets
from models.vocab import Clock, Field, Move, State
from triage.clock import show
from triage.rules import withdrawing
from triage.rules.amending import LACK
from triage.rules.fields import CHOICES, UNITS
from triage.rules.patrol import ON_THE_SPOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from triage.web.names import Names

#: Stands for a number that is not shown.
_UNSEEN: Final = "（编号不显示）"
_JOINED_UNSEEN: Final = "（并入的工单，编号不显示）"


def veiled(data: Mapping[str, Any], seen: frozenset[str], plain: frozenset[str]) -> Mapping[str, Any]:
    """An event without what it tells of tickets that the viewer may not see: their numbers, words of 保密.

    A case may be merged into one that others see. What its citizen adds is for whoever handles that one;
    of a 保密 case it stays with that, and of one that left (撤销合并). `plain`: the numbers not seen of cases
    that stand merged and are not 保密.
    """
    if not set(other_tickets(data)) - seen:
        return data
    shown = {k: _UNSEEN if k in {"joined", "left"} and v not in seen else v for k, v in data.items()}
    values = dict(data.get("values") or {})
    if values.get("other_ticket", "") not in seen and "other_ticket" in values:
        values["other_ticket"] = _UNSEEN
    note = str(values.get("note") or "")
    if set(JOINED_CASE.findall(note)) - seen - plain:
        # What comes before names no case: 诉求人网上补充, 诉求人网上催办.
        values["note"] = JOINED_CASE.split(note)[0]
    elif note:
        values["note"] = JOINED_CASE.sub(lambda found: found[0] if found[1] in seen else _JOINED_UNSEEN, note)
    return shown | ({"values": values} if values else {})


def move_note(data: Mapping[str, Any], names: Names) -> str:
    """The values with their labels, what became of the state, and the due times that were set."""
    told = {**data.get(withdrawing.SAID, {}), **data.get("values", {})}
    parts = [said(Field(name), value, names) for name, value in told.items()]
    if lack := data.get(LACK):
        parts.insert(0, f"{Field.LACK.label}：{lack.get('title')}")
    if data.get(ON_THE_SPOT):
        parts.append("巡查时当场处理，自办")
    if batch := data.get("batch"):
        parts.append(f"批量办理第 {batch} 批")
    if undone := data.get("undone"):
        parts.append(f"撤销的是“{Move(undone).label}”")
    units = data.get("units")
    if units and units.get("cc"):
        parts.append(f"抄送：{'、'.join(names.units.get(code, code) for code in units['cc'])}")
    if data.get("from") != data.get("to"):
        parts.append(f"{State(data['from']).label} → {State(data['to']).label}")
    for name, due in data.get("clocks", {}).get("start", {}).items():
        if due["due"]:
            parts.append(f"{Clock(name).label}至 {show(datetime.fromisoformat(due['due']))}")
    return "；".join(parts)


def said(field: Field, value: Any, names: Names) -> str:  # noqa: ANN401  (JSON)
    """A value with its label."""
    if field in CHOICES:
        shown = next((m.label for m in CHOICES[field] if m.value == value), value)
    elif field in UNITS:
        shown = names.units.get(value, value)
    elif isinstance(value, list):
        shown = "、".join(names.units.get(code, code) for code in value)
    elif field is Field.UNTIL:
        shown = show(datetime.fromisoformat(value))
    else:
        shown = value
    return f"{field.label}：{shown}"
