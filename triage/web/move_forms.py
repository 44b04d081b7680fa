"""From what the rules allow to what page and API show: moves in a sensible order, fields, defaults."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from models.vocab import Clock, Field, Move, State
from triage.clock import show
from triage.rules import amending, moves, second_dispatch, wishes
from triage.rules.calendar import beijing
from triage.rules.fields import CHOICES, FREE, TEXTS, UNITS, Stage
from triage.web.acting import unit_text
from triage.web.move_views import (
    AskedView,
    BarredView,
    ClockView,
    FieldView,
    MoveForm,
    MoveList,
    MoveView,
    ObjectionView,
)
from triage.web.views import Term

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from models.tickets import Ticket
    from models.vocab import Post
    from triage.rules.fields import Refusal
    from triage.rules.move_rows import MoveRow
    from triage.rules.rows import Tables
    from triage.rules.standing import Standing
    from triage.web.acting import Acting

_SHORT: Final = "退回补充时限"
_FACT: Final = Term("fact", "还差条件")
#: Kinds of reasons why a move cannot be made, by how far the wish came.
BARRIERS: Final = {Stage.STATE: Term("state", "这个状态下不做的"), Stage.POST: Term("post", "不归这个岗位的")}
#: What usually comes next in a state, most sensible first. Only an order: what may be done the table says.
NEXT: Final[Mapping[State, tuple[Move, ...]]] = {
    State.REVIEW: (Move.DISPATCH, Move.ANSWER_NOW, Move.DIVERT, Move.MERGE),
    State.DIVERTED: (Move.ARCHIVE, Move.ACCEPT),
    State.HANDED_OVER: (Move.ACCEPT,),
    State.DISPATCHED: (Move.SIGN, Move.PASS_ON, Move.OBJECT),
    State.SIGNED: (Move.CONTACT, Move.HANDLE, Move.PASS_ON),
    State.CONTACTED: (Move.FEEDBACK, Move.HANDLE, Move.PROGRESS),
    State.HANDLING: (Move.FEEDBACK, Move.CONTACT, Move.PROGRESS),
    State.OBJECTED: (Move.OBJECT_UPHOLD, Move.OBJECT_REJECT),
    State.TO_REASSIGN: (Move.REASSIGN,),
    State.ARBITRATION: (Move.ARBITRATE,),
    State.ON_LEDGER: (Move.LEDGER_REVIEW, Move.PROGRESS),
    State.FEEDBACK: (Move.FOLLOW_UP, Move.CLOSE),
    State.FOLLOWED_UP: (Move.CLOSE, Move.REHANDLE),
    State.CLOSED: (Move.ARCHIVE, Move.ACCEPT, Move.TAKE_UP),
    State.ARCHIVED: (),
    State.MERGED: (Move.FOLLOW_UP, Move.SPLIT, Move.ARCHIVE),
}
#: What is seldom meant: under no digit that a hand has learned.
_LAST: Final = (Move.WITHDRAW, Move.UNDO)
#: The same of 自建工单, where nobody asked: neither 首次联系 nor 回访.
_NEXT_OF_PATROL: Final[Mapping[State, tuple[Move, ...]]] = {
    State.REVIEW: (Move.DISPATCH, Move.DIVERT, Move.MERGE),
    State.SIGNED: (Move.FEEDBACK, Move.HANDLE, Move.PASS_ON),
    State.HANDLING: (Move.FEEDBACK, Move.PROGRESS),
    State.MERGED: (Move.ARCHIVE, Move.SPLIT),
}
_ASKING: Final = frozenset({Move.FOLLOW_UP, Move.SPLIT})
#: Answers to a wish go before everything else, for whoever may give them; undoing last.
_URGENT: Final = (
    Move.CLEAR_FLAG, Move.EXTEND_GRANT, Move.EXTEND_DENY, Move.LEDGER_GRANT, Move.LEDGER_DENY,
    Move.EXCLUDE_GRANT, Move.EXCLUDE_DENY, Move.REPORT_IN, Move.ONSITE,
)  # fmt: skip


def move_list(
    tables: Tables, ticket: Ticket, s: Standing, acting: Acting, *, at: datetime, proposal: Mapping[str, Any]
) -> MoveList:
    """Every move for this identity, the sensible ones first. `proposal` is the one in force (`proposing`)."""
    if acting.post is None:
        return MoveList(
            no=ticket.no,
            state=_term(s.state),
            version=s.version,
            acting=acting.label(tables),
            next=None,
            items=(),
        )
    person = acting.person(tables)
    found = {item.move: item for item in moves.possible(tables, s, person.actor, at=at)}
    order = [*_URGENT, *_usual(s), *(move for move in Move if move not in _LAST), *_LAST]
    ordered = [found[move] for move in dict.fromkeys(order)]
    items = tuple(_view(tables, proposal, s, item, at=at) for item in ordered)
    sensible = {move.value for move in (*_URGENT, *_usual(s))}
    first = next((item.move for item in items if item.possible and item.move.code in sensible), None)
    return MoveList(
        no=ticket.no, state=_term(s.state), version=s.version, acting=acting.label(tables),
        next=first, items=items,
    )  # fmt: skip


def _usual(s: Standing) -> tuple[Move, ...]:
    """What usually comes next; whoever has withdrawn (撤诉) or never asked (巡查) is asked nothing."""
    usual = _NEXT_OF_PATROL.get(s.state, NEXT[s.state]) if s.patrol else NEXT[s.state]
    return tuple(move for move in usual if s.withdrawn is None or move not in _ASKING)


def whose_turn(tables: Tables, s: Standing, *, at: datetime) -> str | None:
    """Who is to act next, in words; None when all is done."""
    usual = _usual(s)
    if not usual:
        return None
    rows = tables.moves.of(usual[0], beijing(at).date())
    posts = "、".join(post.label for post in rows[0].who)
    unit = tables.units.get(s.unit or "")
    of = f"（{unit.name}）" if unit and rows[0].parts else ""
    # Two answers to one question: naming the first would say what the answer is to be.
    what = "审核派单异议" if usual[0] is Move.OBJECT_UPHOLD else usual[0].label
    return f"{posts}{of}{what}"


def why_not_yet(
    tables: Tables, found: MoveList, s: Standing, post: Post | None, *, at: datetime
) -> str | None:
    """Why the move that is waited for cannot be made by those it is waited for from; None for all others."""
    usual = _usual(s)
    if not usual or post not in tables.moves.of(usual[0], beijing(at).date())[0].who:
        return None
    return next(
        (item.why for item in found.items if item.move.code == usual[0].value and not item.possible), None
    )


def _term(member: Any) -> Term:  # noqa: ANN401  (a member of a labelled enum)
    return Term(member.value, member.label)


def _view(
    tables: Tables, proposal: Mapping[str, Any], s: Standing, item: moves.Possible, *, at: datetime
) -> MoveView:
    rows = item.rows or ((item.refusal.row,) if item.refusal and item.refusal.row else ())
    row = rows[0] if rows else None
    hints = dict.fromkeys(found.hint for found in rows)
    wish = wishes.raised_by(item.move)
    if item.rows and wish is not None and wish in wishes.IN_WORK:
        hints[wishes.told(tables, s, wish, beijing(at).date())] = None
    last = s.last
    if item.rows and item.move is Move.UNDO and last is not None and last.undo_until is not None:
        hints[f"上一步是“{last.move.label}”，{show(last.undo_until)} 前可以撤销"] = None
    return MoveView(
        move=_term(item.move),
        possible=bool(item.rows),
        why=item.refusal.detail if item.refusal else None,
        barrier=_barrier(item.refusal) if item.refusal else None,
        hint="；".join(hints),
        who=tuple(_term(post) for post in row.who) if row else (),
        fields=_fields(tables, proposal, s, item.rows, at=at),
        source=row.source if row else "",
        status=row.status.value if row else "",
        rules=row.rules if row else (),
    )


def _barrier(refusal: Refusal) -> Term:
    return BARRIERS.get(refusal.stage, _FACT)


def barred(found: MoveList) -> tuple[BarredView, ...]:
    """What cannot be made now, by the kind of reason; first what only lacks something."""
    kinds = (_FACT, BARRIERS[Stage.POST], BARRIERS[Stage.STATE])
    items = {kind: tuple(item for item in found.items if item.barrier == kind) for kind in kinds}
    return tuple(BarredView(kind.label, kind is _FACT, items[kind]) for kind in kinds if items[kind])


def _fields(
    tables: Tables, proposal: Mapping[str, Any], s: Standing, rows: tuple[MoveRow, ...], *, at: datetime
) -> tuple[FieldView, ...]:
    """The fields of all rows that are possible; needed only where each of them needs it."""
    names = dict.fromkeys(field for row in rows for field in row.fields)
    return tuple(
        FieldView(
            name=field.value,
            label=field.label,
            kind=_kind(field, rows[0].move),
            required=all(field in row.needs for row in rows),
            options=_offered(tables, s, field, rows, at=at),
            value=_default(tables, proposal, s, field, rows[0].move, on=beijing(at).date()),
            most=TEXTS[field][1] if field in TEXTS else None,
            when=_when(field, rows),
        )
        for field in names
    )


def _when(field: Field, rows: tuple[MoveRow, ...]) -> str | None:
    """Which results need a field that others do without; None: all or none need it, or no result tells."""
    needing = [row for row in rows if field in row.needs]
    if not needing or len(needing) == len(rows) or not all(row.outcomes for row in needing):
        return None
    results = dict.fromkeys(outcome.label for row in needing for outcome in row.outcomes)
    return f"{'、'.join(results)}时必填"


def kind_of(field: Field) -> str:
    """How a form asks for a field."""
    if field in CHOICES:
        return "choice"
    if field in UNITS:
        return "unit"
    special = {Field.ASSIST: "units", Field.UNTIL: "moment"}
    if field in special:
        return special[field]
    return "area" if field in FREE and field not in {Field.CLAUSE, Field.ATTACHMENT} else "text"


def _kind(field: Field, move: Move) -> str:
    """二次派单 goes to one of the own district's units: a few dozen, which are chosen, not typed."""
    chosen = field is Field.LACK or (field, move) == (Field.UNIT, Move.PASS_ON)
    return "choice" if chosen else kind_of(field)


def _offered(
    tables: Tables, s: Standing, field: Field, rows: tuple[MoveRow, ...], *, at: datetime
) -> tuple[Term, ...]:
    if field is Field.CLAUSE:
        return _clauses(tables, s, at)
    if field is Field.LACK:
        return tuple(Term(one.id, one.title) for one in amending.lacks(tables, beijing(at).date()))
    if (field, rows[0].move) == (Field.UNIT, Move.PASS_ON):
        return tuple(Term(u.code, u.name) for u in second_dispatch.units(tables, s, beijing(at).date()))
    if field is Field.WITHDRAWN_WHY and (known := {why for row in rows for why in row.limits.whys}):
        return tuple(one for one in _options(field, rows) if one.code in known)
    return _options(field, rows)


def _options(field: Field, rows: tuple[MoveRow, ...]) -> tuple[Term, ...]:
    if field not in CHOICES:
        return ()
    allowed = {outcome for row in rows for outcome in row.outcomes}
    return tuple(
        _term(member)
        for member in CHOICES[field]
        if field is not Field.OUTCOME or not allowed or member in allowed
    )


def _clauses(tables: Tables, s: Standing, at: datetime) -> tuple[Term, ...]:
    """What an objection may stand on, to be chosen or written over: rows of the catalogue, then the law."""
    if s.kind is None or s.kind not in tables.kinds:
        return ()
    day = beijing(at).date()
    rows = [
        Term(row.id, f"派单目录：{row.level.label}{row.role.label}")
        for row in tables.catalogue
        if row.kind == s.kind and row.holds(day)
    ]
    laws = [Term(f"《{law.title}》{basis.article}", "法律依据") for law, basis in tables.bases(s.kind, day)]
    return (*rows, *laws)


def _default(
    tables: Tables, proposal: Mapping[str, Any], s: Standing, field: Field, move: Move, *, on: date
) -> str:
    """What is most likely meant, to be changed by whoever fills in the form. Units as they are read back."""
    match field, move:
        case Field.UNIT, Move.DISPATCH:
            return _typed(tables, proposal.get("unit"), on=on)
        case Field.ASSIST, Move.DISPATCH:
            return "，".join(_typed(tables, code, on=on) for code in proposal.get("assist", ()))
        case Field.UNIT, Move.REASSIGN if s.objections:
            return _typed(tables, s.objections[-1].proposed, on=on)
        case Field.NOTE, Move.AMEND | Move.FEEDBACK if move is Move.AMEND or s.supplementing:
            return str(s.answer.get(Field.NOTE, ""))
        case Field.URGENCY, _:
            return s.urgency.value
        case _:
            return ""


def _typed(tables: Tables, code: str | None, *, on: date) -> str:
    return unit_text(tables, code, on=on) if code and code in tables.units else ""


def _name(tables: Tables, code: str | None) -> str:
    row = tables.units.get(code or "")
    return row.name if row else ""


def forms(
    found: MoveList,
    *,
    tried: Move | None = None,
    typed: Mapping[str, str] | None = None,
    error: str | None = None,
    error_field: str | None = None,
    wanted: str | None = None,
) -> tuple[MoveForm, ...]:
    """The forms of the moves that are possible; the one that was tried keeps what was typed and says why.

    `wanted`: the move whose form a link opens, in place of the sensible one.
    """
    shown = [item for item in found.items if item.possible]
    usual = found.next.code if found.next else None
    opened = wanted if any(item.move.code == wanted for item in shown) else usual
    made = []
    for number, item in enumerate(shown, start=1):
        mine = tried is not None and item.move.code == tried.value
        view = _filled(item, typed or {}) if mine else item
        made.append(
            MoveForm(
                view=view,
                key=uuid.uuid4().hex,
                open=mine or (tried is None and item.move.code == opened),
                error=error if mine else None,
                error_field=error_field if mine else None,
                number=number,
            )
        )
    return tuple(made)


def _filled(item: MoveView, typed: Mapping[str, str]) -> MoveView:
    fields = tuple(replace(field, value=typed.get(field.name, field.value)) for field in item.fields)
    return MoveView(
        item.move,
        item.possible,
        item.why,
        item.barrier,
        item.hint,
        item.who,
        fields,
        item.source,
        item.status,
        item.rules,
    )


def asked(tables: Tables, s: Standing, *, at: datetime) -> tuple[AskedView, ...]:
    """What waits for an answer, and for whose."""
    day = beijing(at).date()
    return tuple(
        AskedView(move.label, ask.at, ask.reason, ask.until, wishes.told(tables, s, kind, day))
        for move, ask in s.asked.items()
        if (kind := wishes.raised_by(move)) is not None
    )


def clocks(s: Standing, *, now: datetime) -> tuple[ClockView, ...]:
    """Every clock that ran or runs."""
    return tuple(
        ClockView(
            label=_SHORT if clock is Clock.ANSWER and s.supplementing else clock.label,
            started=run.started,
            due=run.due,
            stopped=run.stopped,
            rule=run.rule or "",
            late=run.due is not None and (run.stopped or now) > run.due,
        )
        for clock, run in s.clocks.items()
    )


def objections(tables: Tables, s: Standing) -> tuple[ObjectionView, ...]:
    """All arguments side by side."""
    return tuple(
        ObjectionView(
            number=number,
            at=o.at,
            unit=_name(tables, o.unit) or o.unit,
            proposed=_name(tables, o.proposed) or o.proposed,
            clause=o.clause,
            reason=o.reason,
            ruling=o.ruling.label if o.ruling else "待审核",
            ruling_reason=o.ruling_reason,
        )
        for number, o in enumerate(s.objections, start=1)
    )
