"""Terms of topics (专题) and of 每月一题, with their Chinese labels. Standard library only."""

from __future__ import annotations

from models.vocab import Labelled


class TopicLevel(Labelled):
    """What a topic's texts share."""

    LOCAL = "local", "局部热点"
    CITY = "city", "共性问题"


class ThemeDecision(Labelled):
    """每月一题: what was decided of a candidate."""

    CHOSEN = "chosen", "选中"
    SHELVED = "shelved", "搁置"
    WITHDRAWN = "withdrawn", "撤回决定"


class TextKind(Labelled):
    """What a topic's text is."""

    TICKET = "ticket", "工单"
    LEAD = "lead", "媒体线索"
