"""Vocabulary of the watch over readings (漂移). Standard library only."""

from __future__ import annotations

from models.vocab import Labelled


class DriftFigure(Labelled):
    """漂移: what of the readings is watched from day to day."""

    ENVIRONMENTAL = "environmental", "环境类所占比例"
    KIND = "kind", "污染种类的分布"
    REVIEW = "review", "转人工所占比例"
    CONFIDENCE = "confidence", "种类把握的分布"


class DriftLevel(Labelled):
    """漂移: what a day's figure says."""

    STEADY = "steady", "平稳"
    WATCH = "watch", "注意"
    ACT = "act", "处理"
    TOO_FEW = "too_few", "条数太少"
