"""A feed over time: what was learnt of one address is not believed of another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.factories import NOW
from tests.triage.services.leads.conftest import LIMITS, House
from triage.services.leads.pulling import pull_feed
from triage.services.sources.ports import Settled

if TYPE_CHECKING:
    from triage.services.deps import Deps


async def test_where_a_feed_moved_to_is_forgotten_with_its_address(
    deps: Deps, house: House, base: str
) -> None:
    """A feed that was led elsewhere, by a mistake or by somebody else, comes back with its new address."""
    old = Settled(1, "daily", "日报", {"url": f"{base}/old"}, {})
    first = await pull_feed(deps, old, None, now=NOW, limits=LIMITS)
    again = await pull_feed(deps, old, first.cursor, now=NOW, limits=LIMITS)
    assert (house.asked, again.said) == (["/old", "/feed", "/feed"], "没有变化")
    new = Settled(1, "daily", "日报", {"url": f"{base}/new"}, {})
    third = await pull_feed(deps, new, again.cursor, now=NOW, limits=LIMITS)
    assert (house.asked[-1], third.seen) == ("/new", 0)
    assert third.cursor == {"of": f"{base}/new", "etag": house.etag}
