"""谁看到什么字: the one place that decides whether somebody reads words as they were typed, or masked.

What citizens write is masked when it comes in, for everybody; the original is sealed, and looked at one case
at a time (`revealing`). What staff type with a move is masked by the rules of that day; what else they type
is kept as typed, and read so by whoever handles the case. Everybody else, and every list, search, export,
feed and public page, reads it masked; so is what was stored before a rule of masking was mended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from models.vocab import Post
from nlp.text import mask_identity

if TYPE_CHECKING:
    from collections.abc import Collection

    from models.viewing import Viewer

#: Posts of the hotline: they register cases, call back, and see reports as well.
HOTLINE: Final = frozenset({Post.HOTLINE, Post.FOLLOW_UP})


def handles(viewer: Viewer, handled_by: Collection[str]) -> bool:
    """Whether the viewer handles a case: by a unit that leads, assists or was called in, or the hotline."""
    at_hotline = viewer.scope.secret and not viewer.posts.isdisjoint(HOTLINE)
    return at_hotline or not viewer.scope.own.isdisjoint(handled_by)


def shown_text(viewer: Viewer | None, text: str, *, handled_by: Collection[str] | None = None) -> str:
    """The text for this viewer. `handled_by`: the units of the one case it belongs to; None: one of many.

    No viewer: the public, a feed, another system.
    """
    if viewer is not None and handled_by is not None and handles(viewer, handled_by):
        return text
    return mask_identity(text)
