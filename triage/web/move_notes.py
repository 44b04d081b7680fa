"""What the event of a move says, in one line of the ticket's record."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from models.vocab import Clock, Field, Move, State
from triage.clock import show
from triage.rules.fields import CHOICES, UNITS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from triage.web.names import Names


def move_note(data: Mapping[str, Any], names: Names) -> str:
    """The values with their labels, what became of the state, and the due times that were set."""
    parts = [said(Field(name), value, names) for name, value in data.get("values", {}).items()]
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
