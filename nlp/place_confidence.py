"""How likely a chosen place is right: a small logistic model over what is known of it.

The weights stand in `lexicon/place_confidence.yaml`, with where and how they were learned
(`python -m bench.place_calibration`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from operator import mul
from typing import TYPE_CHECKING, Any, Final

import yaml

from models.vocab import PlaceRole
from nlp.gazetteer import COMMUNITY, DISTRICT, STREET, GazetteerError
from nlp.place_match import TAKEN_OVER

if TYPE_CHECKING:
    from pathlib import Path

    from nlp.place_score import Candidate, Scene

FILE: Final = "place_confidence.yaml"
MAX_SCORE: Final = 9.0
MAX_MARGIN: Final = 3.0
PAIR: Final = 2
TRIPLE: Final = 3

FEATURES: Final = (
    "bias",
    "street",
    "community",
    "score",
    "linked",
    "contradicted",
    "supported",
    "suffix",
    "near",
    "common",
    "pair",
    "triple",
    "only_here",
    "namesakes",
    "rivals",
    "road_or_site",
    "office",
    "home",
    "direction",
    "foreign",
    "beijing",
    "glued",
    "misspelt",
    "margin",
    "overlay",
)


def features(scene: Scene, candidate: Candidate, others: list[Candidate]) -> tuple[float, ...]:
    """What the model is told of a candidate, in the order of FEATURES."""
    at = candidate.mention
    mention = scene.mentions[at]
    info, level, role = mention.info, len(candidate.code), scene.roles[at]
    district = candidate.code[:DISTRICT]
    rival = 0.0
    for other in others:
        if other.score > rival and not other.code.startswith(district):
            rival = other.score
    name = candidate.name
    margin = candidate.score - rival
    return (  # true and false count as 1 and 0
        1.0,
        level == STREET,
        level == COMMUNITY,
        min(candidate.score, MAX_SCORE),
        candidate.linked > 0,
        candidate.linked < 0,
        bool(candidate.support) and candidate.linked <= 0,
        mention.suffix > 0 and not mention.near,
        mention.near,
        info.common,
        info.size == PAIR,
        info.size == TRIPLE,
        info.namesakes == 0,
        info.log_namesakes,
        candidate.rivals > 0,
        mention.follow in TAKEN_OVER,
        role is PlaceRole.OFFICE,
        role is PlaceRole.HOME,
        role is PlaceRole.DIRECTION,
        scene.foreign,
        scene.beijing,
        scene.glued[at],
        mention.misspelt,
        max(-MAX_MARGIN, min(margin, MAX_MARGIN)),
        name is not None and name.lon is not None,
    )


@dataclass(frozen=True, slots=True)
class Confidence:
    """The weights, and below which probability no place is given unless a setting says otherwise."""

    weights: tuple[float, ...]
    abstain: float
    #: of a place that only the caller's registered area gives
    hint: float = 0.0

    @classmethod
    def load(cls, folder: Path) -> Confidence:
        """Read the weights. Raises GazetteerError naming the file and what is wrong."""
        path = folder / FILE
        try:
            table: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
            weights = {name: float(weight) for name, weight in table["weights"].items()}
            abstain, hint = float(table["abstain"]), float(table["hint"]["value"])
        except (
            OSError,
            UnicodeDecodeError,
            yaml.YAMLError,
            KeyError,
            TypeError,
            ValueError,
            AttributeError,
        ) as fault:
            raise GazetteerError(f"{path.name}: cannot be read: {fault!r}") from fault
        if set(weights) != set(FEATURES):
            odd = ", ".join(sorted(set(weights) ^ set(FEATURES)))
            raise GazetteerError(f"{path.name}: weights: not the features of the model: {odd}")
        in_range = 0 <= abstain <= 1 and 0 <= hint <= 1
        if not in_range or not all(map(math.isfinite, weights.values())):
            raise GazetteerError(
                f"{path.name}: abstain and hint must be in [0, 1], and every weight a number"
            )
        return cls(tuple(weights[name] for name in FEATURES), abstain, hint)

    def of(self, scene: Scene, candidate: Candidate, others: list[Candidate]) -> float:
        """The probability, in (0, 1), that the candidate's unit is where the text says it happens."""
        return probability(sum(map(mul, self.weights, features(scene, candidate, others))))


def probability(logit: float) -> float:
    """The logistic function; never exactly 0 or 1."""
    return 1 / (1 + math.exp(-max(-12.0, min(logit, 12.0))))
