"""Vocabulary of how an appeal sounds (语气). Standard library only."""

from __future__ import annotations

from models.vocab import Labelled


class Mood(Labelled):
    """语气: how the words of an appeal sound; whether they are angry (激烈) is told apart."""

    NEGATIVE = "negative", "负面"
    NEUTRAL = "neutral", "平和"
    POSITIVE = "positive", "正面"
