"""巡查上报, the form: which fields it has, what is wrong with them, and what can be reported. Pure.

No caller, no phone, nothing personal: an officer says what, where, and whether it is dealt with.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from triage.services.citizen.filing import LONGEST_PLACE, LONGEST_TEXT, SHORTEST_TEXT, clean
from triage.services.registration import LONGEST_KEY, line

if TYPE_CHECKING:
    from collections.abc import Mapping

#: As the move 反馈 takes it (`moves.yaml`, `rules/fields`).
SHORTEST_NOTE: Final = 4
LONGEST_NOTE: Final = 1000


@dataclass(frozen=True, slots=True)
class Typed:
    """A form as it was typed; nothing of it is lost when something is wrong.

    `handled`: 已当场处理. `before`, `after`: how many photos it carries of either.
    """

    key: str = field(repr=False)
    text: str = field(default="", repr=False)
    place: str = field(default="", repr=False)
    handled: bool = False
    note: str = field(default="", repr=False)
    before: int = 0
    after: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """A form that can be taken. `note`: what was done on the spot; None: it waits to be dealt with.

    `point`: (lon, lat) where the officer stood or pressed on the map; `away`: not in a street of their own.
    """

    key: str = field(repr=False)
    text: str = field(repr=False)
    place: str | None = field(repr=False)
    note: str | None = field(default=None, repr=False)
    point: tuple[float, float] | None = field(default=None, repr=False)
    away: bool = False


def check(typed: Typed, *, placed: bool) -> tuple[Report | None, dict[str, str]]:
    """The form, or what is wrong with it: a plain sentence for each field. `placed`: a point was given."""
    faults: dict[str, str] = {}
    if not 0 < len(typed.key) <= LONGEST_KEY or not typed.key.isprintable():
        faults["form"] = "页面已过期，请再按一次上报。"
    text, place, note = clean(typed.text), line(typed.place), clean(typed.note)
    if len(text) < SHORTEST_TEXT:
        faults["text"] = f"请写明看到了什么，至少 {SHORTEST_TEXT} 个字。"
    elif len(text) > LONGEST_TEXT:
        faults["text"] = f"内容太长：最多 {LONGEST_TEXT} 个字，现在是 {len(text)} 个字。"
    if len(place) > LONGEST_PLACE:
        faults["place"] = f"地点最多 {LONGEST_PLACE} 个字。"
    elif not place and not placed:
        faults["place"] = "请写明在哪里，或用“我的位置”、在地图上点。"
    faults |= _handled_faults(typed, note)
    if faults:
        return None, faults
    return Report(typed.key, text, place or None, note if typed.handled else None), {}


def _handled_faults(typed: Typed, note: str) -> Mapping[str, str]:
    """已当场处理 needs words and a photo after it; words without the choice are not dropped unsaid."""
    if not typed.handled:
        told = note or typed.after
        return (
            {"handled": "写了怎样处理的或选了处理后的照片，却选了“待处理”：请选“已当场处理”。"}
            if told
            else {}
        )
    faults: dict[str, str] = {}
    if not SHORTEST_NOTE <= len(note) <= LONGEST_NOTE:
        faults["note"] = (
            f"请写明怎样处理的，{SHORTEST_NOTE} 到 {LONGEST_NOTE} 个字；现在是 {len(note)} 个字。"
        )
    if not typed.after:
        faults["after"] = "已当场处理的，要有处理后的照片。"
    return faults
