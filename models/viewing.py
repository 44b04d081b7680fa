"""Who looks, and what of a case decides whether they may: plain values and one pure predicate.

`filters.may_see` is the same predicate in SQL; a property test holds the two to each other. Standard library
and vocabulary only, so that the pure rules can make a viewer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from models.vocab import Post, Role
from models.vocab_staff import Permission
from models.vocab_staff import Role as StaffRole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.vocab import State, WishKind


@dataclass(frozen=True, slots=True)
class Scope:
    """范围: the whole city, or cases in which one of `units` has a part. The empty scope sees nothing.

    Confidential reports (保密举报) are for those who handle them: `secret` within the whole city, and `own`
    units that lead, assist or were called in, whoever is copied or stands above them.
    """

    everything: bool = False
    secret: bool = False
    units: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()
    #: An officer's role granted for no unit: they may act for any. Sees nothing more by it.
    any_unit: bool = False
    #: Desks at which one single role puts somebody: `AT_DESK` of its posts and their reach together. None:
    #: 12345's own, by a role for the whole city; else the unit that the role was granted for.
    desks: frozenset[str | None] = frozenset()
    #: Of those, where that role has 受理 or 回访: the desks that have shifts (交接班).
    shifts: frozenset[str | None] = frozenset()


#: Posts of a hotline's desk.
AT_DESK: Final = frozenset({Post.HOTLINE, Post.FOLLOW_UP, Post.SUPERVISOR})
#: The login of whoever sits at this machine while nobody signs in; no account may have it.
LOCAL: Final = "local"
#: Sees every case, confidential ones too: the system's own work, and a person at the terminal.
ALL: Final = Scope(
    everything=True, secret=True, any_unit=True, desks=frozenset({None}), shifts=frozenset({None})
)


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks: who it is, what they may do (`permissions`), as whom they act (`posts`), what they see."""

    login: str
    scope: Scope
    unit_code: str | None = None
    name: str = ""
    roles: frozenset[StaffRole] = frozenset()
    permissions: frozenset[Permission] = frozenset()
    posts: frozenset[Post] = frozenset()

    def may(self, *permissions: Permission) -> bool:
        """Whether one of the permissions is theirs."""
        return not self.permissions.isdisjoint(permissions)


def all_seeing(login: str, *, name: str = "") -> Viewer:
    """One who may do and see everything: the system, the terminal, a test."""
    return Viewer(
        login,
        ALL,
        name=name,
        roles=frozenset(StaffRole),
        permissions=frozenset(Permission),
        posts=frozenset(Post),
    )


@dataclass(frozen=True, slots=True)
class Decides:
    """待审批: a sort of wish that somebody may rule on while the ticket stands so.

    `districts`: of cases that these have; None: of all. `blind`: only of those that the government of the
    district which has them does not see.
    """

    kind: WishKind
    states: tuple[State, ...]
    districts: frozenset[str] | None = None
    blind: bool = False


@dataclass(frozen=True, slots=True)
class TicketFacts:
    """What of a ticket decides who may see it: each unit's part (主办, 协办, 抄送), and 保密."""

    parts: Mapping[str, Role] = field(default_factory=dict)
    confidential: bool = False


def sees(viewer: Viewer, ticket: TicketFacts) -> bool:
    """Whether the viewer may see a ticket: the one predicate."""
    scope = viewer.scope
    if ticket.confidential:
        handling = {code for code, role in ticket.parts.items() if role is not Role.COPY}
        return (scope.everything and scope.secret) or not scope.own.isdisjoint(handling)
    return scope.everything or not scope.units.isdisjoint(ticket.parts)


def sees_unread(viewer: Viewer, *, confidential: bool) -> bool:
    """The same for an appeal that is no ticket yet: no unit has a part in it."""
    return viewer.scope.everything and (viewer.scope.secret or not confidential)
