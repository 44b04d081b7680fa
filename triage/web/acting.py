"""当前身份: as whom a person acts: one of the posts their roles give, for a unit within their scope.

Who has several chooses on the page; a cookie keeps the choice, and is looked at anew with every request: it
gives nothing that the roles do not. Whoever sits at this machine without signing in (`LOCAL`) may be anybody,
and the page says so; the record then names post, unit and what they called themselves.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

from models.viewing import LOCAL
from models.vocab import Level, Post
from triage.errors import BadInput
from triage.rules.access import WITH_UNIT, PostNotYours, check_post
from triage.rules.moves import Actor
from triage.services.moving import Person

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from models.viewing import Viewer
    from triage.rules.rows import Tables

COOKIE: Final = "jiesu_as"
#: Whom a person can be; the system acts by itself.
POSTS: Final = tuple(post for post in Post if post is not Post.SYSTEM)
LONGEST_NAME: Final = 20


@dataclass(frozen=True, slots=True)
class Acting:
    """A post, the unit acted for, and, where nobody signs in, the name or number a person gave.

    `who` is the person; None stands for somebody without a post: they may look, and make no move.
    """

    who: Viewer
    post: Post | None = Post.HOTLINE
    unit: str | None = None
    name: str = ""

    @property
    def local(self) -> bool:
        """Whether nobody signed in: the identity is chosen, not proved."""
        return self.who.login == LOCAL

    def cookie(self) -> str:
        """As it is kept in the cookie."""
        post = self.post.value if self.post else ""
        return "|".join(quote(part, safe="") for part in (post, self.unit or "", self.name))

    def person(self, tables: Tables) -> Person:
        """As the record names it. Raises PostNotYours when they have no post."""
        if self.post is None:
            raise PostNotYours
        unit = tables.units.get(self.unit or "")
        label = unit.name if unit else self.post.label
        name = self.name if self.local else self.who.name
        mark = hashlib.sha256(name.encode()).hexdigest()[:12] if name else ""
        login = ":".join((LOCAL, self.post.value, self.unit or "", mark))[:64]
        login = login if self.local else self.who.login
        actor = Actor(self.post, self.unit, login, everywhere=self.who.scope.everything)
        return Person(actor, f"{label} {name}".strip())

    def label(self, tables: Tables) -> str:
        """In words, for the page."""
        if self.post is None:
            return "只能查看"
        named = self.person(tables).name
        # Without a unit the name begins with the post already.
        return named if named.startswith(self.post.label) else f"{self.post.label} · {named}"


def posts_of(viewer: Viewer) -> tuple[Post, ...]:
    """The posts somebody may choose among."""
    return tuple(post for post in POSTS if post in viewer.posts)


def usual(viewer: Viewer) -> Acting:
    """Whom somebody is without choosing: the first of their posts, for their own unit."""
    posts = posts_of(viewer)
    if not posts:
        return Acting(viewer, None)
    return Acting(viewer, posts[0], viewer.unit_code if posts[0] in WITH_UNIT else None)


def of_cookie(tables: Tables, viewer: Viewer, text: str | None, *, on: date) -> Acting:
    """Read the cookie; the usual identity when there is none or it is not theirs (any more)."""
    match [unquote(part) for part in (text or "").split("|")]:
        case [post, unit, name]:
            try:
                return chosen(tables, viewer, {"post": post, "unit": unit, "name": name}, on=on)
            except (BadInput, PostNotYours):
                return usual(viewer)
        case _:
            return usual(viewer)


def chosen(tables: Tables, viewer: Viewer, told: Mapping[str, object], *, on: date) -> Acting:
    """What was chosen on a day, checked: a unit by its code or its whole name.

    Raises BadInput naming the field; PostNotYours when their roles do not give it.
    """

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
    if viewer.login != LOCAL:
        name = ""
    if post not in WITH_UNIT:
        check_post(viewer, post, None)
        return Acting(viewer, post, None, name)
    code = unit_code(tables, text("unit") or (viewer.unit_code or ""), on=on)
    unit = tables.units.get(code)
    if unit is None or unit.level is Level.DESK:
        raise BadInput(f"{post.label}要写明是哪个单位：从列表里选，或写全称")
    if post is Post.DISTRICT and not unit.governs:
        raise BadInput("区级中心要选区政府")
    check_post(viewer, post, code)
    return Acting(viewer, post, code, name)


def unit_code(tables: Tables, text: str, *, on: date) -> str:
    """The code of a unit given by code or whole name; the text itself when neither is known.

    Of several of one name, one that is closed or is yet to be among them, that of the day `on` is meant.
    """
    if text in tables.units:
        return text
    named = [row for row in tables.units.values() if row.name == text]
    return next((row.code for row in (*(row for row in named if row.holds(on)), *named)), text)


def unit_text(tables: Tables, code: str, *, on: date) -> str:
    """What a field that takes names says of a unit: its name, or its code where the name means another."""
    row = tables.units.get(code)
    return row.name if row and unit_code(tables, row.name, on=on) == code else code
