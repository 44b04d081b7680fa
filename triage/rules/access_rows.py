"""Rows of `access.yaml`: what a role may do, as whom it acts, how far it sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from models.vocab import Post
from models.vocab_staff import Permission, Reach, Role
from triage.rules.check_tools import gaps, ids, overlaps
from triage.rules.rows import Problem, Row, Where

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from triage.rules.reading import Record

FILE: Final = "access.yaml"
_FILE: Final = Where(FILE, 1)


@dataclass(frozen=True, slots=True)
class AccessRow(Row):
    """One role. `secret`: in the whole city, confidential reports as well; `apart`: never held beside it."""

    role: Role
    reach: Reach
    secret: bool
    permissions: tuple[Permission, ...]
    posts: tuple[Post, ...]
    apart: tuple[Role, ...] = ()


def parse(r: Record) -> AccessRow:
    """One row."""
    role, reach = r.choice("role", Role), r.choice("reach", Reach)
    permissions = r.words("permissions", required=True)
    posts, apart = r.words("posts"), r.words("apart")
    others = {other.value for other in Role if other is not role}
    for word in apart:
        if word not in others:
            r.fault(f"没有这个角色，或就是它自己：{word}", "apart")
    known, acted = {p.value for p in Permission}, {p.value for p in Post if p is not Post.SYSTEM}
    for word in permissions:
        if word not in known:
            r.fault(f"没有这项权限：{word}", "permissions")
    for word in posts:
        if word not in acted:
            r.fault(f"没有这个岗位，或不是人的岗位：{word}", "posts")
    return AccessRow(
        r.text("id"), *r.dated(), r.where, role=role, reach=reach, secret=r.flag("secret"),
        permissions=tuple(Permission(word) for word in permissions if word in known),
        posts=tuple(Post(word) for word in posts if word in acted),
        apart=tuple(Role(word) for word in apart if word in others),
    )  # fmt: skip


def check(rows: Sequence[AccessRow], problems: list[Problem]) -> None:
    """Every role has one row on every day; who makes moves may see the cases."""
    ids(rows, problems)
    for role in Role:
        mine = [row for row in rows if row.role is role]
        if not mine:
            problems.append(Problem(_FILE, f"没有角色“{role.label}”的条目"))
            continue
        what = f"角色“{role.label}”"
        overlaps(mine, lambda _row: None, what, problems)
        gaps(mine, what, problems)
    for row in rows:
        sees = Permission.SEE_CASES in row.permissions
        if (row.posts or row.reach is not Reach.NONE) and not sees:
            problems.append(Problem(row.where, f"{row.id}：有岗位或范围，却没有“查看工单”权限"))
        if row.reach is Reach.NONE and (sees or row.secret):
            problems.append(Problem(row.where, f"{row.id}：不看个案的角色不能有“查看工单”权限或 secret"))


def row_of(rows: Sequence[AccessRow], role: Role, at: date) -> AccessRow | None:
    """The row of a role in force on the day."""
    return next((row for row in rows if row.role is role and row.holds(at)), None)


def given_between(
    rows: Sequence[AccessRow], role: Role, first: date, last: date | None
) -> frozenset[Permission]:
    """What a role gives on any of these days; `last` None: from the first on."""
    return frozenset(
        permission
        for row in rows
        if row.role is role and _meets(row, first, last)
        for permission in row.permissions
    )


def excluded_between(
    rows: Sequence[AccessRow], role: Role, first: date, last: date | None
) -> frozenset[Role]:
    """The roles that nobody may hold beside this one on any of these days, whichever row says so."""
    met = [row for row in rows if _meets(row, first, last)]
    own = {other for row in met if row.role is role for other in row.apart}
    return frozenset(own | {row.role for row in met if role in row.apart})


def _meets(row: AccessRow, first: date, last: date | None) -> bool:
    ends = row.valid_to is not None and row.valid_to < first
    return not ends and (last is None or row.valid_from <= last)
