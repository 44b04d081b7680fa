"""Terms of places beyond `vocab`: how a place is told by others (方位关系). Standard library only."""

from __future__ import annotations

from models.vocab import Labelled


class PlaceRelation(Labelled):
    """How what is meant lies to the places that are named (方位关系)."""

    CROSSING = "crossing", "交叉口"
    BETWEEN = "between", "之间"
    BORDER = "border", "交界处"
    AWAY = "away", "相距"
