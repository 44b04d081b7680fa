"""Which place a mention stands for among those that it may: the best, or what equally good ones share."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from nlp.gazetteer import COMMUNITY, DISTRICT, STREET
from nlp.place_worth import OVERLAY

if TYPE_CHECKING:
    from nlp.place_score import Candidate

#: A registry's place yields to an overlay's of the same name only when that leads by this.
REGISTRY_FIRST: Final = 2.0
TIE: Final = 0.25
#: What only the shared unit of equally good places is worth less.
SHARED_COST: Final = 1.0
#: A bare name shared by a street and a community of its district means the street, unless that leads by this.
STREET_FIRST: Final = 1.5


def _of_score(candidate: Candidate) -> tuple[float, str]:
    return candidate.score, candidate.code


def settle(scored: list[Candidate], *, bare: bool, overlay: bool) -> Candidate:
    """The best place of a mention; when several are as good, what they share."""
    if len(scored) == 1:
        return scored[0]
    if overlay:
        scored = _registry_first(scored)
    top = max(scored, key=_of_score)
    if bare and len(top.code) > DISTRICT:
        streeted = {
            candidate.code[:DISTRICT]
            for candidate in scored
            if len(candidate.code) == STREET
            and candidate.code.startswith(top.code[:DISTRICT])
            and top.score - candidate.score <= STREET_FIRST
        }
        if streeted:
            scored = [
                candidate
                for candidate in scored
                if len(candidate.code) < COMMUNITY or candidate.code[:DISTRICT] not in streeted
            ]
            top = max(scored, key=_of_score)
    alike = [candidate for candidate in scored if top.score - candidate.score <= TIE]
    if len({candidate.code for candidate in alike}) == 1:
        return top
    shared = next(
        (
            top.code[:level]
            for level in (COMMUNITY, STREET, DISTRICT)
            if all(_within(other, top, level) for other in alike)
        ),
        "",
    )
    for candidate in alike:  # a district and its own street of one name
        if candidate.code == shared:
            return candidate
    return replace(
        top, code=shared, score=top.score - SHARED_COST, name=None, rivals=len(alike) - 1, tied=tuple(alike)
    )


def _registry_first(scored: list[Candidate]) -> list[Candidate]:
    """Tiers, no votes: a site's own names of the same spelling count only where the registry's do not fit."""
    own = [candidate for candidate in scored if candidate.name and candidate.name.kind in OVERLAY]
    if not own or len(own) == len(scored):
        return scored
    registry = [candidate for candidate in scored if candidate not in own]
    lead = max(own, key=_of_score).score - max(registry, key=_of_score).score
    return own if lead > REGISTRY_FIRST else registry


def known(scored: list[Candidate], settled: Candidate) -> Candidate | None:
    """The best of the own names whose unit holds the place that the registry gives for the mention."""
    holding = [
        candidate
        for candidate in scored
        if candidate.name
        and candidate.name.kind in OVERLAY
        and len(candidate.code) < len(settled.code)
        and settled.code.startswith(candidate.code)
    ]
    return max(holding, key=_of_score, default=None)


def _within(other: Candidate, top: Candidate, level: int) -> bool:
    """Both places lie in, or are, the same unit of that level."""
    return len(top.code) >= level and other.code[:level] == top.code[:level]
