"""Vocabulary of attachments (附件): what a file belongs to. Standard library only, as `models.vocab`."""

from __future__ import annotations

from models.vocab import Labelled


class FileOwner(Labelled):
    """What an attachment (附件) belongs to."""

    APPEAL = "appeal", "诉求人提供"
    TICKET = "ticket", "工单材料"
    EVENT = "event", "办理佐证"
