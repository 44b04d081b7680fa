"""Terms of one matter told by many (同一事项), with their Chinese labels. Standard library only."""

from __future__ import annotations

from models.vocab import Labelled


class Proposal(Labelled):
    """What became of a proposal that two tickets are one matter."""

    PROPOSED = "proposed", "待确认"
    MERGED = "merged", "已合并"
    REFUSED = "refused", "不是同一事项"
