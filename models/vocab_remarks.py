"""Vocabulary of 内部备注 (remark): who a remark is for. Standard library only."""

from __future__ import annotations

from models.vocab import Labelled


class Audience(Labelled):
    """备注对象: whom a remark is for, of those who may see the case."""

    OWN = "own", "本单位"
    ALL = "all", "所有看得到这张工单的人"
