"""Vocabulary of 经办人 (keeper): what is done about who deals with a unit's part. Standard library only."""

from __future__ import annotations

from models.vocab import Labelled


class Keeping(Labelled):
    """定经办人: take it, give it to a colleague, let it go."""

    TAKE = "take", "我来办"
    GIVE = "give", "交给同事"
    LET_GO = "let_go", "放下"
