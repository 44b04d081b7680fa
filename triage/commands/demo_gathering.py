"""What the timetable does within minutes or by night, done at once: so that no page of the demo is empty.

The services are those of the timetable, which runs beside: whoever is quicker does it.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from connectors.feeds.items import FeedItem
from models.vocab_topics import TopicLevel
from triage.clock import local
from triage.demo import load_media
from triage.services.incidents import watching
from triage.services.leads import taking
from triage.services.parties import gathering
from triage.services.topics import finding
from triage.services.trends import looking_again, refreshing

if TYPE_CHECKING:
    from triage.services.deps import Deps

#: The made-up medium.
SOURCE: Final = "演示媒体"


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


async def gather(deps: Deps) -> None:
    """Bursts, parties, sums, the signals of yesterday, and topics, of what is a ticket by now."""
    for step in (
        partial(watching.watch, deps),
        gathering.Gatherer(deps).catch_up,
        partial(refreshing.catch_up, deps),
    ):
        while await step():
            pass
    now = deps.clock.now()
    await looking_again.again(deps, local(now).date() - timedelta(days=1))
    for level in TopicLevel:
        await finding.find(deps, level, now=now)
