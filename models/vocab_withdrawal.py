"""Vocabulary of 撤诉: who asked for it and why. Standard library only."""

from __future__ import annotations

from models.vocab import Labelled


class WithdrawnBy(Labelled):
    """谁提出撤诉, as the desk notes it. What the citizen pressed on the web needs no such word."""

    CALLER = "caller", "本人来电"
    PLATFORM = "platform", "平台撤单"
    OTHER = "other", "其他"


class WithdrawnWhy(Labelled):
    """撤诉原因. Which of them a day knows says the row of `moves.yaml`."""

    SOLVED = "solved", "已自行解决"
    MISTAKE = "mistake", "误报"
    UNWILLING = "unwilling", "不愿继续"
    OTHER = "other", "其他"
