"""当前身份: as whom the person at this machine acts; chosen on the page until there is sign-in.

That is no protection, and the page says so: whoever sits here may choose any post. What it gives is a record
that names a post and a unit, and forms that fit.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

from models.vocab import Level, Post
from triage.errors import BadInput
from triage.rules.moves import Actor
from triage.services.moving import Person

if TYPE_CHECKING:
    from collections.abc import Mapping

    from triage.rules.rows import Tables

COOKIE: Final = "jiesu_as"
#: Whom a person can be; the system acts by itself.
POSTS: Final = tuple(post for post in Post if post is not Post.SYSTEM)
LONGEST_NAME: Final = 20
_WITH_UNIT: Final = (Post.UNIT, Post.DISTRICT)


@dataclass(frozen=True, slots=True)
class Acting:
    """A post, the unit acted for, and the name or number a person gave."""

    post: Post = Post.HOTLINE
    unit: str | None = None
    name: str = ""

    def cookie(self) -> str:
        """As it is kept in the cookie."""
        return "|".join(quote(part, safe="") for part in (self.post.value, self.unit or "", self.name))

    def person(self, tables: Tables) -> Person:
        """As the record names it."""
        unit = tables.units.get(self.unit or "")
        label = unit.name if unit else self.post.label
        mark = hashlib.sha256(self.name.encode()).hexdigest()[:12] if self.name else ""
        login = ":".join(("local", self.post.value, self.unit or "", mark))[:64]
        return Person(Actor(self.post, self.unit, login), f"{label} {self.name}".strip())

    def label(self, tables: Tables) -> str:
        """In words, for the page."""
        return (
            f"{self.post.label} · {self.person(tables).name}" if self.unit or self.name else self.post.label
        )


def of_cookie(tables: Tables, text: str | None) -> Acting:
    """Read the cookie; the hotline's clerk when there is none or it does not fit the tables (any more)."""
    match [unquote(part) for part in (text or "").split("|")]:
        case [post, unit, name]:
            try:
                return chosen(tables, {"post": post, "unit": unit, "name": name})
            except BadInput:
                return Acting()
        case _:
            return Acting()


def chosen(tables: Tables, told: Mapping[str, object]) -> Acting:
    """What was chosen, checked: a unit by its code or its whole name. Raises BadInput naming the field."""

    def text(name: str) -> str:
        value = told.get(name) or ""
        if not isinstance(value, str):
            raise BadInput(f"{name} 应是文字")
        return value.replace("\0", "").strip()

    known = {post.value: post for post in POSTS}
    post, name = known.get(text("post")), text("name")
    if post is None:
        raise BadInput(f"身份 post 只能是：{'、'.join(known)}")
    if len(name) > LONGEST_NAME:
        raise BadInput(f"姓名或工号最多 {LONGEST_NAME} 个字")
    if post not in _WITH_UNIT:
        return Acting(post, None, name)
    code = unit_code(tables, text("unit"))
    unit = tables.units.get(code)
    if unit is None or unit.level is Level.DESK:
        raise BadInput(f"{post.label}要写明是哪个单位：从列表里选，或写全称")
    if post is Post.DISTRICT and unit.level is not Level.DISTRICT:
        raise BadInput("区级中心要选区政府")
    return Acting(post, code, name)


def unit_code(tables: Tables, text: str) -> str:
    """The code of a unit given by code or whole name; the text itself when neither is known."""
    if text in tables.units:
        return text
    return next((code for code, row in tables.units.items() if row.name == text), text)
