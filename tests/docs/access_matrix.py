"""docs/access-matrix.md: which role may open which address, and how far it sees there.

Made from the declarations of the routes and `access.yaml`; `python -m tests.docs.access_matrix` writes it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import triage.tables
from models.vocab_staff import Permission, Reach, Role
from triage.rules import access as rules
from triage.rules.access_rows import row_of
from triage.web.app import ROUTES

if TYPE_CHECKING:
    from datetime import date

    from models.viewing import Viewer
    from triage.rules.access_rows import AccessRow
    from triage.rules.rows import Tables
    from triage.web.access import Declared, Need

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "access-matrix.md"
_MARKS: Final = {Reach.CITY: "全", Reach.UNIT: "本", Reach.NONE: "·"}


def day_of(tables: Tables) -> date:
    """The day of the matrix: when the newest row came into force."""
    return max(row.valid_from for row in tables.access)


def rows(tables: Tables) -> dict[Role, AccessRow]:
    """Each role's row on that day."""
    found = {role: row_of(tables.access, role, day_of(tables)) for role in Role}
    return {role: row for role, row in found.items() if row is not None}


def viewer(tables: Tables, role: Role, unit_code: str | None = None) -> Viewer:
    """A person with one role."""
    return rules.viewer(
        tables, login=role.value, name=role.label, roles=(role,), unit_code=unit_code, at=day_of(tables)
    )


def routes() -> list[Declared]:
    """Every declared route, by address and method."""
    return sorted(ROUTES, key=lambda one: (one.route.path, one.route.method))


def needed(need: Need) -> str:
    """What a route asks for, in words."""
    if need.open:
        return "任何人"
    one = "、".join(p.label for p in need.any_of)
    return " + ".join([one] * bool(one) + [p.label for p in need.all_of]) or "登录"


def refused() -> int:
    """How many pairs of role and route are refused; whoever has not signed in counts as a role."""
    tables = triage.tables.load()
    people = [None, *(viewer(tables, role) for role in Role)]
    return sum(not one.need.met_by(who) for one in routes() for who in people)


def page() -> str:
    """The page."""
    tables = triage.tables.load()
    held = rows(tables)
    pairs = len(routes()) * (len(Role) + 1)
    lines = [
        "# Who may open what 权限矩阵",
        "",
        "Made by `make access-matrix` from `triage/tables/access.yaml` and what every route declares; a test",
        "walks each role over each route and holds the application to it.",
        f"Rows in force on {day_of(tables).isoformat()}.",
        f"{len(routes())} routes, {len(Role)} roles and nobody: {refused()} of {pairs} pairs are refused.",
        "",
        "全: all of the city (of a district or unit: that and below) · 本: the own unit and below ·",
        "`·`: may open it, sees no case · empty: refused.",
        "What of a case is seen there: [角色与权限](rules/access.md).",
        "",
        "| 角色 | 范围 | 保密举报 | 岗位 | 权限 |",
        "|---|---|---|---|---|",
    ]
    for role, row in held.items():
        secret = {Reach.NONE: "不看", Reach.UNIT: "自己承办的"}.get(row.reach, "看" if row.secret else "不看")
        posts = "、".join(post.label for post in row.posts) or "无"
        permissions = "、".join(p.label for p in Permission if p in row.permissions)
        lines.append(f"| {role.label} | {row.reach.label} | {secret} | {posts} | {permissions} |")
    heads = " | ".join(role.label for role in Role)
    lines += ["", f"| 方法 | 地址 | 需要 | 未登录 | {heads} |", "|---|---|---|---|" + "---|" * len(Role)]
    for one in routes():
        cells = [_MARKS[held[role].reach] if one.need.met_by(viewer(tables, role)) else "" for role in Role]
        nobody = "·" if one.need.met_by(None) else ""
        path = one.route.path.replace("|", "\\|")
        lines.append(
            f"| {one.route.method} | `{path}` | {needed(one.need)} | {nobody} | {' | '.join(cells)} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
