"""What can be wrong with a feed, each with a code of ours and a sentence for staff."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.ports import ConnectorError

if TYPE_CHECKING:
    from datetime import timedelta


class FeedError(ConnectorError):
    """A feed or page was not taken: `code` for counting, `said` (Chinese) for people, never its contents."""

    def __init__(self, code: str, said: str) -> None:
        """Keep both."""
        super().__init__(f"{code}：{said}")
        self.code = code
        self.said = said


class FeedRefused(FeedError):
    """不能取: asking again changes nothing until somebody changes the address or the feed."""


class FeedAway(FeedError):
    """暂时取不到: ask again later, not before `after` when it said when."""

    def __init__(self, code: str, said: str, *, after: timedelta | None = None) -> None:
        """Keep how long the server asked to be left alone."""
        super().__init__(code, said)
        self.after = after
