"""What was read of an appeal as a row: the heads, the place, and all that decided them as `detail`. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from triage.services.answers import candidates_answer, mentions_answer, normal_when

if TYPE_CHECKING:
    from datetime import datetime

    from nlp.types import Evidence, TextReading
    from triage.rules.decision import Decision


def _evidence(items: tuple[Evidence, ...]) -> list[dict[str, Any]]:
    return [
        {
            "head": item.head.value,
            "start": item.start,
            "end": item.end,
            "text": item.text,
            "value": item.value,
            "weight": round(item.weight, 3),
        }
        for item in items
    ]


def reading_row(reading: TextReading, decision: Decision, *, at: datetime) -> dict[str, Any]:
    """The columns of `reading`, but for whose it is."""
    topic, place = reading.topic, reading.place
    return {
        "model_version": reading.model_version,
        "table_version": decision.table_version,
        "environmental": topic.environmental,
        "p_environmental": topic.p_environmental,
        "kind": topic.kind,
        "kind_confidence": topic.kind_confidence,
        "appeal_type": topic.appeal_type.value,
        "urgency": topic.urgency.value,
        "district_code": place.district_code,
        "street_code": place.street_code,
        "community_code": place.community_code,
        "lon": place.lon,
        "lat": place.lat,
        "place_precision": place.precision.value,
        "place_confidence": place.confidence,
        "review": reading.review,
        "mood": reading.mood.mood.value if reading.mood else None,
        "angry": reading.mood.angry if reading.mood else None,
        "detail": {
            "kinds": [{"code": guess.code, "p": round(guess.p, 4)} for guess in topic.kinds],
            "appeal_type_confidence": round(topic.appeal_type_confidence, 4),
            "urgency_confidence": round(topic.urgency_confidence, 4),
            "place": {
                "span": place.span,
                "start": place.start,
                "end": place.end,
                "district": place.district,
                "street": place.street,
                "community": place.community,
                "radius": place.radius,
                "outside": place.outside,
                "door": place.door,
                "relation": place.relation,
                "hinted": place.hinted,
                "mentions": mentions_answer(place),
                "candidates": candidates_answer(place),
            },
            "party": topic.party,
            "when": topic.when,
            "when_normal": normal_when(reading, at=at),
            "review_reasons": [reason.value for reason in reading.review_reasons],
            "mood_table": reading.mood.version if reading.mood else None,
            "evidence": _evidence(reading.evidence),
        },
    }
