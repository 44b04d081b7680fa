"""What the timetable does within minutes or by night, done at once: so that no page of the demo is empty.

The services are those of the timetable, which runs beside: whoever is quicker does it.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from connectors.feeds.items import FeedItem
from models.appeals import Appeal
from models.tickets import Ticket
from models.viewing import all_seeing
from models.vocab import Move, Post, State, Told
from models.vocab_topics import TopicLevel
from triage import logs
from triage.clock import local
from triage.commands import demo_words
from triage.demo import load_media
from triage.errors import BadInput, NoRule
from triage.rules.fields import Refusal
from triage.rules.moves import Actor
from triage.services import moving
from triage.services.incidents import watching
from triage.services.leads import taking
from triage.services.moving import Person, Wish
from triage.services.parties import gathering
from triage.services.topics import finding
from triage.services.trends import looking_again, refreshing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from triage.services.deps import Deps

log = logs.get(__name__)

#: The made-up medium.
SOURCE: Final = "演示媒体"
#: The question that a clerk answered while it was asked, and what was said.
QUESTION: Final = "demo-124"
_ANSWER: Final = (
    "国三柴油车能否进入六环、复检的期限和黑烟车的处罚标准，以市生态环境局和公安交管部门公布的通告为准；"
    "查询的办法已在电话里告诉您。"
)


async def take_media(deps: Deps) -> None:
    """Take the news as a feed's run does; a worker reads them."""
    now = deps.clock.now()
    items = [
        FeedItem(
            url=None, title=news.title, text=news.text,
            published=now - timedelta(minutes=news.time_offset_min), guid=news.id,
        )
        for news in load_media()
    ]  # fmt: skip
    async with deps.db.writes.begin() as session:
        await taking.take(session, deps.tables, SOURCE, items, now=now)


async def answer(deps: Deps) -> None:
    """One question is answered at once, as a clerk does it (当场答复); if it waits for one."""
    now = deps.clock.now()
    async with deps.db.writes.begin() as session:
        asked = (
            await session.execute(
                sa.select(Ticket.no, Ticket.version)
                .join(Appeal, Appeal.id == Ticket.appeal_id)
                .where(Appeal.external_id == QUESTION, Ticket.state == State.REVIEW.value)
            )
        ).first()
        if asked is None:
            return
        values = {"note": _ANSWER, "told_citizen": Told.PHONE.value}
        wish = Wish(asked.no, Move.ANSWER_NOW, values, asked.version, f"demo-{QUESTION}")
        clerk = Person(Actor(Post.HOTLINE, login="demo.answered"), "演示坐席")
        await moving.make(session, deps.tables, all_seeing("demo"), clerk, wish, now=now)


async def gather(deps: Deps) -> None:
    """Bursts, parties, sums, the signals of yesterday, and topics, of what is a ticket by now.

    A step in which the timetable was quicker is its own: the demo is loaded either way.
    """
    now = deps.clock.now()
    steps: dict[str, Callable[[], Awaitable[object]]] = {
        "answered": partial(answer, deps),
        "words": partial(demo_words.leave, deps),
        "incidents": partial(_all, partial(watching.watch, deps)),
        "parties": partial(_all, gathering.Gatherer(deps).catch_up),
        "sums": partial(_all, partial(refreshing.catch_up, deps)),
        "signals": partial(looking_again.again, deps, local(now).date() - timedelta(days=1)),
        **{f"topics-{level}": partial(finding.find, deps, level, now=now) for level in TopicLevel},
    }
    for name, step in steps.items():
        try:
            await step()
        except (DBAPIError, BadInput, Refusal, NoRule) as error:
            log.warning("demo_step_left", step=name, error=type(error).__name__)


async def _all(step: Callable[[], Awaitable[bool]]) -> None:
    while await step():
        pass
