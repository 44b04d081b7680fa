"""The places that one written name may stand for, with what they share, worked out once, not for each text.

A `Group` is a tuple of names; what is asked of it in every text is kept with it.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

from nlp.gazetteer import COMMUNITY, DISTRICT, KNOWN, STREET, PlaceName

if TYPE_CHECKING:
    from collections.abc import Iterable

#: The kind of a name that clerks picked a place for (`models.site_places`).
LEARNED: Final = "learned"
#: What a site's own names are (`nlp.overlay`).
OVERLAY_KINDS: Final = frozenset({KNOWN, LEARNED, "compound", "road", "stop", "company", "site", "landmark"})
#: 经开区 and its like lie over several streets, and over two districts.
FUNCTIONAL: Final = "功能区"


class Group(tuple[PlaceName, ...]):  # noqa: SLOT001 - a tuple can hold no slots
    """Names of one text; equal to the tuple of them. `worth` is filled by `nlp.place_worth`."""

    worth: dict[int, tuple[float, tuple[float, ...]]]

    def __new__(cls, names: Iterable[PlaceName] = ()) -> Group:  # noqa: PYI034 - it is never subclassed
        """Take the names as they are."""
        made = super().__new__(cls, names)
        made.worth = {}
        return made

    @cached_property
    def code(self) -> str:
        """The one code they all have; empty when there are several, or none."""
        codes = {name.code for name in self}
        return codes.pop() if len(codes) == 1 else ""

    @cached_property
    def overlay(self) -> bool:
        """Whether some are a site's own names."""
        return any(name.kind in OVERLAY_KINDS for name in self)

    @cached_property
    def holders(self) -> tuple[tuple[str, int, str], ...]:
        """What may contain another place: (code, level, district that a functional area speaks for)."""
        return tuple(
            (name.code, len(name.code), name.code[:DISTRICT] if name.kind == FUNCTIONAL else "")
            for name in self
            if name.kind not in OVERLAY_KINDS and len(name.code) < COMMUNITY
        )

    @cached_property
    def only(self) -> tuple[str, str]:
        """The one district and the one street that they speak for; empty when there is none, or several."""
        if self.overlay:
            return "", ""
        districts = {name.code for name in self if len(name.code) == DISTRICT}
        streets = {name.code for name in self if len(name.code) == STREET}
        return (
            districts.pop() if len(districts) == 1 else "",
            streets.pop() if len(streets) == 1 else "",
        )


NOBODY: Final = Group()


def group(names: Iterable[PlaceName]) -> Group:
    """A group of these names; the empty one is always the same."""
    found = Group(names)
    return found or NOBODY
