"""From the moves that can be made in bulk to the form that asks for one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.filters import DueWindow
from models.vocab import Field, Move, Urgency
from triage.rules import bulk as rules
from triage.rules.fields import TEXTS
from triage.web.filter_form import counting
from triage.web.move_forms import kind_of
from triage.web.move_views import FieldView
from triage.web.views import Term

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from models.filters import TicketFilter
    from models.vocab import Post
    from triage.rules.bulk import BulkMove
    from triage.rules.rows import Tables
    from triage.web.names import Names

#: Looked for most, first.
_USUAL = (Move.SIGN, Move.DISPATCH, Move.REASSIGN, Move.URGE, Move.CLOSE, Move.ARCHIVE, Move.SUPERVISE)


def choices(tables: Tables, post: Post, *, at: datetime) -> tuple[Term, ...]:
    """The moves that this post may make in bulk, the usual ones first."""
    known = rules.bulk_moves(tables, at=at)
    mine = [
        move for move in dict.fromkeys((*_USUAL, *Move))
        if move in known and any(post in row.who for row in known[move].rows)
    ]  # fmt: skip
    return tuple(Term(move.value, move.label) for move in mine)


def fields(bulk: BulkMove, typed: Mapping[str, Any]) -> tuple[FieldView, ...]:
    """What is asked once for all tickets."""
    return tuple(
        FieldView(
            name=field.value,
            label=_label(bulk, field),
            kind=kind_of(field),
            required=field in bulk.needed,
            options=(),
            value=str(typed.get(field.value, "")),
            most=TEXTS[field][1] if field in TEXTS else None,
        )
        for field in bulk.fields
    )


def _label(bulk: BulkMove, field: Field) -> str:
    if field is Field.UNIT and bulk.proposed:
        return "承办单位（不填：每张派给各自建议的单位）"
    return field.label


def spelled(filters: TicketFilter, names: Names) -> str:
    """A filter in words."""
    figure = counting(filters.counted, names)
    parts = (
        filters.view.label,
        f"承办单位：{names.units.get(filters.unit_code, filters.unit_code)}" if filters.unit_code else "",
        names.district(filters.district_code) if filters.district_code else "",
        names.street(filters.street_code) if filters.street_code else "",
        names.kind(filters.kind) if filters.kind else "",
        f"{filters.urgency} {Urgency(filters.urgency).label}" if filters.urgency else "",
        DueWindow(filters.due).label if filters.due else "",
        "只看需复核" if filters.review_only else "",
        "只看我经办的" if filters.mine else "",
        *_narrowed(filters),
        f"态势下钻：{figure.words}" if figure else "",
        f"搜索“{filters.query}”" if filters.query else "",
    )
    return "，".join(part for part in parts if part)


def _narrowed(filters: TicketFilter) -> tuple[str, ...]:
    first, last = filters.received_from, filters.received_to
    return (
        f"受理日期 {first or '不限'} 至 {last or '不限'}" if first or last else "",
        f"受理渠道：{filters.channel.label}" if filters.channel else "",
        "督办中" if filters.supervised else "",
        "重办过" if filters.rehandled else "",
    )
