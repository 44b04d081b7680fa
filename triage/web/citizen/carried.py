"""What was written for a case that closed meanwhile: it goes along through 查进度, into the form again.

A case closes by itself; whoever wrote for longer, or came back to the page, loses nothing by that. Words go
from form to form, never into an address, a cookie or a log.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from aiohttp.web_request import FileField

from triage.web.citizen import session
from triage.web.citizen.page import shown, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

#: What a citizen gives in the forms of a case, with how much of it is read.
_FIELDS: Final = {"text": 20_000, "solved": 40, "satisfaction": 40, "note": 2000}
_LONGEST_MARK: Final = 1000


@dataclass(frozen=True, slots=True)
class Carried:
    """What a form of a case held: whose it is by its mark, and its key, so that it is taken once."""

    mark: str = ""
    key: str = ""
    typed: dict[str, str] = field(default_factory=dict, repr=False)
    photos: bool = False

    def __bool__(self) -> bool:
        """Whether there is anything to put back."""
        return bool(self.typed)


NOTHING: Final = Carried()
AGAIN: Final = "照片要重新选：浏览器不会替您保留。"


def of_form(form: Mapping[str, object]) -> Carried:
    """What was sent, by a form of a case or by 查进度 with it."""
    typed = {name: text for name, longest in _FIELDS.items() if (text := text_of(form, name, longest))}
    # Browsers send an input that was left empty as a file without a name.
    photos = isinstance(sent := form.get("files"), FileField) and bool(sent.filename)
    return Carried(text_of(form, session.FIELD, _LONGEST_MARK), text_of(form, "key", 64), typed, photos)


def closed(kept: Carried) -> str:
    """Why number and phone are asked for again."""
    minutes = int(session.LASTS.total_seconds()) // 60
    words = "；您写的在下面，打开后放回表单" if kept else "，再按一次"
    return f"还没有提交：打开已过 {minutes} 分钟，请重新打开{words}。{AGAIN if kept.photos else ''}"


def asked(
    request: web.Request, kept: Carried, *, faults: dict[str, str], number: str, status: int = 200
) -> web.Response:
    """查进度: number and phone, with what goes along."""
    return shown(request, "track", status=status, faults=faults, number=number, kept=kept)
