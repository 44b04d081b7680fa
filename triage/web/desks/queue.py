"""The queue beside a review: what waits for 审核, what units sent back (退单), and 平台来话 to act on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from models import queries
from models.filters import TicketFilter, View
from models.queries import Ask
from triage.clock import show
from triage.services import shift_notes
from triage.services.hotline import words
from triage.web import asking, present
from triage.web.asking import Asked
from triage.web.desk import render
from triage.web.desks.review_views import Queue, SentBack
from triage.web.keys import DEPS, NAMES, VIEWER

if TYPE_CHECKING:
    from aiohttp import web

    from models.queries import TicketPage

#: Tickets of each sort that are shown.
SHOWN: Final = 12
#: What is ruled on or sent elsewhere on the ticket's own page; no clerk holds it.
SENT_BACK: Final = {View.OBJECTED: "退单，请审核", View.TO_REASSIGN: "退单成立，请改派"}


async def part(request: web.Request) -> web.Response:
    """GET /desk/review/queue: the queue without the page around it."""
    asking.refuse_others(request.query, ())
    return render(request, "desks/queue.html", page={"queue": await queue(request), "ticket": None})


async def queue(request: web.Request) -> Queue:
    """The most pressing tickets of each sort, as far as the viewer sees them."""
    deps, names = request.app[DEPS], request.app[NAMES]
    day = asking.day_of(deps.clock.now())
    async with deps.db.reads() as session:
        pages = {
            view: await queries.ticket_page(
                session, Ask(request[VIEWER], TicketFilter(view=view), day), limit=SHOWN
            )
            for view in (View.REVIEW, *SENT_BACK)
        }
        to_answer, asked = await words.to_answer(session, request[VIEWER])
        shift = await shift_notes.waiting(session, request[VIEWER])
    lines = {view: tuple(present.item(row, names, day) for row in page.rows) for view, page in pages.items()}
    return Queue(
        lines=lines[View.REVIEW],
        count=_count(pages[View.REVIEW]),
        sent_back=tuple(
            SentBack(label, _count(pages[view]), Asked(TicketFilter(view=view)).address("/desk"), lines[view])
            for view, label in SENT_BACK.items()
            if lines[view]
        ),
        refresh="/desk/review/queue",
        as_of=show(day.now),
        to_answer=to_answer,
        more_to_answer=asked - len(to_answer),
        shift=shift,
    )


def _count(page: TicketPage) -> str:
    return f"{len(page.rows)}+" if page.after else str(len(page.rows))
