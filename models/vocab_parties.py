"""Terms of parties (被反映对象), with their Chinese labels. Standard library only."""

from __future__ import annotations

from models.vocab import Labelled


class PartyPairState(Labelled):
    """What became of a proposal that two names are one party."""

    PROPOSED = "proposed", "待确认"
    MERGED = "merged", "已归并"
    REFUSED = "refused", "不是同一家"


class PartyAct(Labelled):
    """What a person did to a party; each can be taken back."""

    MERGE = "merge", "归并"
    SPLIT = "split", "拆分"
    REFUSE = "refuse", "不是同一家"
    AGAIN = "again", "撤回不是同一家"
    UNDO = "undo", "撤回"
