"""待审批: which wishes wait for whose answer, as `moves.yaml` says. Pure.

A row that requires a wish (同意延期 …) or starts where an objection waits (异议成立, 仲裁) is an answer to
it: its posts decide, while the ticket stands as the row says. The page of a ticket asks the rules themselves;
this is for lists and notices, and holds to one district a case: that of its lead unit, else of its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from models.viewing import Decides
from models.vocab import Level, Move, Post, State, WishKind
from triage.rules import routing, sighted
from triage.rules.move_rows import Fact
from triage.rules.rows import OWN

if TYPE_CHECKING:
    from datetime import date

    from models.viewing import Viewer
    from triage.rules.move_rows import MoveRow
    from triage.rules.rows import Tables
    from triage.rules.standing import Standing

#: The wish that a row answers, by what it requires.
_REQUIRES: Final = {
    Fact.EXTENSION_ASKED: WishKind.EXTENSION,
    Fact.LEDGER_ASKED: WishKind.LEDGER,
    Fact.EXCLUSION_ASKED: WishKind.EXCLUSION,
}
#: Answers to an objection; where they start says the state.
_RULES_ON_OBJECTIONS: Final = frozenset({Move.OBJECT_UPHOLD, Move.OBJECT_REJECT, Move.ARBITRATE})
#: Wishes of a unit that goes on working; an objection is ruled on in states of its own.
IN_WORK: Final = frozenset({WishKind.EXTENSION, WishKind.LEDGER, WishKind.EXCLUSION})
_OBJECTED: Final = frozenset({State.OBJECTED, State.ARBITRATION})
_KINDS: Final = {kind.value: kind for kind in WishKind}


@dataclass(frozen=True, slots=True)
class Ruling:
    """Who answers a sort of wish while the ticket stands so."""

    kind: WishKind
    states: tuple[State, ...]
    posts: tuple[Post, ...]
    blind: bool = False
    """Only where the district's centre does not see the case (`sighted.blind`)."""


def raised_by(move: Move) -> WishKind | None:
    """The wish that a move raises; None: it raises none."""
    return _KINDS.get(move.value)


def rulings(tables: Tables, day: date) -> tuple[Ruling, ...]:
    """Every sort of answer in force on the day, each once."""
    found = (
        Ruling(kind, row.sources, row.who, Fact.DISTRICT_BLIND in row.requires)
        for row in tables.moves.rows
        if row.holds(day) and (kind := _answered(row)) is not None
    )
    return tuple(dict.fromkeys(found))


def _answered(row: MoveRow) -> WishKind | None:
    if row.move in _RULES_ON_OBJECTIONS:
        return WishKind.OBJECTION
    return next((_REQUIRES[fact] for fact in row.requires if fact in _REQUIRES), None)


def deciders(
    tables: Tables, kind: WishKind, state: State, day: date, *, blind: bool = False
) -> tuple[Post, ...]:
    """The posts that are told of a wish, on a ticket that stands so.

    Where the desk decides it is the desk, day and night: 督办 beside it may, and finds it in the list.
    `blind`: the district's centre does not see the case, so it is not among them.
    """
    posts = dict.fromkeys(
        post
        for ruling in rulings(tables, day)
        if ruling.kind is kind and state in ruling.states and (blind or not ruling.blind)
        for post in ruling.posts
        if not (blind and post is Post.DISTRICT)
    )
    return (Post.HOTLINE,) if Post.HOTLINE in posts else tuple(posts)


def told(tables: Tables, s: Standing, kind: WishKind, day: date) -> str:
    """Who answers a wish on this ticket, for whoever raises it: 由朝阳区人民政府（区级中心）审批.

    Not of an objection, which is answered in states of its own.
    """
    blind = sighted.blind(tables, s)
    posts = deciders(tables, kind, s.state, day, blind=blind)
    if not posts:
        return _not_now(tables, s, kind, day, blind=blind)
    names = "或".join(_named(tables, s, post, day) for post in posts)
    why = "（这一件区级中心看不到）" if blind and kind is WishKind.EXTENSION else ""
    return f"由{names}审批{why}"


def _not_now(tables: Tables, s: Standing, kind: WishKind, day: date, *, blind: bool) -> str:
    """Why nobody answers it as the ticket stands."""
    if s.state is State.ARCHIVED:
        return "工单已归档，没有审批过"
    if not any(deciders(tables, kind, state, day, blind=blind) for state in State):
        return "现在没有岗位能审批：请先提级，或与督办员联系"
    if s.state in _OBJECTED:
        return "派单异议有结果后再审批"
    if s.state is State.TO_REASSIGN:
        return "异议成立、等待改派，不再审批：由改派后的单位另行申请"
    return f"工单现在是“{s.state.label}”，不审批"


def _named(tables: Tables, s: Standing, post: Post, day: date) -> str:
    area = routing.district_having(tables, s.unit, s.placed or s.district)
    centre = tables.unit(Level.DISTRICT, OWN, area or "", day) if post is Post.DISTRICT else None
    return f"{centre.name}（{post.label}）" if centre else f"{post.label}岗"


def decides(tables: Tables, who: Viewer, day: date) -> tuple[Decides, ...]:
    """What somebody may answer, as any of their posts: a district's centre in its districts alone.

    A unit answers no wish of its own, whatever a table says of its post; nor, in place of a district's centre
    that does not see the case, does 督办 of some units alone (`move_checks.check_post`).
    """
    found = []
    for ruling in rulings(tables, day):
        if ruling.blind and not who.scope.everything:
            continue
        posts = who.posts.intersection(ruling.posts) - {Post.UNIT, Post.SYSTEM}
        if posts - {Post.DISTRICT}:
            found.append(Decides(ruling.kind, ruling.states, blind=ruling.blind))
        elif posts:
            found.append(Decides(ruling.kind, ruling.states, _districts(tables, who), blind=ruling.blind))
    return tuple(dict.fromkeys(found))


def _districts(tables: Tables, who: Viewer) -> frozenset[str] | None:
    """The districts for whose government somebody may act; None: for any (`access.check_post`)."""
    if who.scope.any_unit:
        return None
    mine = (tables.units.get(code) for code in who.scope.units)
    return frozenset(
        unit.district_code
        for unit in mine
        if unit is not None and unit.level is Level.DISTRICT and unit.district_code
    )
