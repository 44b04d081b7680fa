"""内部备注 as the ticket's page and the API show them, and its form."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

# Read at run time: the OpenAPI document is made from the annotations.
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from aiohttp import web

from models.vocab import Role
from models.vocab_remarks import Audience
from triage.rules.access import PostNotYours, check_post
from triage.services import remarks
from triage.services.remarks import LONGEST
from triage.web import present
from triage.web.keys import DEPS, VIEWER
from triage.web.views import Term  # noqa: TC001  (the OpenAPI document is made of it)

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from models.ticket_detail import WholeTicket
    from triage.services.remarks import Case, Remarks
    from triage.web.acting import Acting

#: What 12345's own desk is called beside the units.
DESK: Final = "12345"
#: So many stand on the page at once; the others are folded away.
FIRST: Final = 3


@dataclass(frozen=True, slots=True)
class RemarkView:
    """内部备注. `ticket`: of which merged case; null: of this one. `text` is null where it was taken back.

    `until`: whoever asks wrote it, and may take it back until then.
    """

    id: int
    ticket: str | None
    at: datetime
    by: str
    unit: str
    audience: Term
    text: str | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class RemarkList:
    """The remarks of a case that whoever asks may read, newest first. `more`: older ones are left out."""

    no: str
    items: tuple[RemarkView, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class TriedRemark:
    """A remark that was not written: what was typed, and why not."""

    text: str = field(repr=False)
    audience: str
    error: str


TRIED: Final = web.RequestKey("remark_tried", TriedRemark)


@dataclass(frozen=True, slots=True)
class RemarkLines:
    """What a page shows of them: the newest, the folded ones."""

    no: str
    first: tuple[RemarkView, ...]
    rest: tuple[RemarkView, ...]
    more: bool
    token: str

    @property
    def count(self) -> str:
        """How many there are."""
        return f"{len(self.first) + len(self.rest)}{'+' if self.more else ''}"


@dataclass(frozen=True, slots=True)
class RemarkBox(RemarkLines):
    """The same, and the form for whoever may write one."""

    may: bool
    audiences: tuple[tuple[Audience, bool], ...]
    """Each with whether it is the one that was chosen."""
    whose: str
    """What 本单位 is for whoever writes."""
    key: str
    text: str
    error: str | None
    longest: int


def lasts(request: web.Request) -> timedelta:
    """How long a remark can be taken back."""
    return timedelta(minutes=request.app[DEPS].settings.take_back_minutes)


def views(found: Remarks) -> tuple[RemarkView, ...]:
    """In words."""
    return tuple(
        RemarkView(
            one.id, one.no, one.at, one.by, one.unit or DESK, present.term(Audience, one.audience.value),
            one.text, one.until,
        )
        for one in found.items
    )  # fmt: skip


async def lines(request: web.Request, session: AsyncSession, case: Case, *, token: str) -> RemarkLines:
    """Those on a case; one query, more where others were merged into it."""
    found = await remarks.of_case(
        session, request[VIEWER], case, lasts=lasts(request), now=request.app[DEPS].clock.now()
    )
    shown = views(found)
    return RemarkLines(case.no, shown[:FIRST], shown[FIRST:], found.more, token)


async def glimpse(request: web.Request, session: AsyncSession, whole: WholeTicket) -> RemarkLines:
    """For a page that shows the newest and leads to the ticket's own page: nothing is pressed there."""
    return await lines(request, session, remarks.case_of(whole), token="")


async def box(
    request: web.Request, session: AsyncSession, whole: WholeTicket, who: Acting, *, token: str
) -> RemarkBox:
    """What the ticket's page shows of them."""
    found, tried = await lines(request, session, remarks.case_of(whole), token=token), request.get(TRIED)
    chosen = tried.audience if tried else Audience.OWN.value
    return RemarkBox(
        no=found.no, first=found.first, rest=found.rest, more=found.more,
        may=_may(request, whole, who),
        audiences=tuple((one, one.value == chosen) for one in Audience),
        whose=_whose(request, who), key=uuid.uuid4().hex, text=tried.text if tried else "",
        error=tried.error if tried else None, longest=LONGEST, token=token,
    )  # fmt: skip


def _may(request: web.Request, whole: WholeTicket, who: Acting) -> bool:
    tables = request.app[DEPS].tables
    try:
        actor = who.person(tables).actor
        check_post(request[VIEWER], actor.post, actor.unit)
    except PostNotYours:
        return False
    parts = [part.code for part in whole.units if part.role != Role.COPY.value]
    return remarks.has_part(tables, actor, whole.ticket, parts)


def _whose(request: web.Request, who: Acting) -> str:
    tables = request.app[DEPS].tables
    post, viewer = who.post, request[VIEWER]
    code = remarks.unit_of(viewer, post, who.unit) if post else None
    unit = tables.units.get(code or "")
    return unit.name if unit else DESK
