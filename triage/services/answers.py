"""The public answers of `jiesu read` and `jiesu route`: plain dictionaries, made here and nowhere else."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from nlp.times import read_when
from nlp.types import Head
from triage.errors import BadInput
from triage.rules.routing import route
from triage.rules.rows import CatalogueRow

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from nlp.types import PlaceReading, TextReading
    from triage.rules.decision import Decision
    from triage.rules.rows import Tables

#: Probabilities are printed to this many digits: more would pretend.
_DIGITS: Final = 4

#: An earlier day is a "no date" of some export (0001-01-01), and 上个月 of year 1 is no day at all.
_FIRST_YEAR: Final = 1900
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_LONG_STREET: Final = re.compile(r"(\d{9})000", re.ASCII)


def reading_answer(reading: TextReading, decision: Decision, *, at: datetime) -> dict[str, Any]:
    """What `jiesu read` says of one text: the reading, and the dispatch it would get today.

    A text that must be reviewed first gives the route that a person would be asked to confirm. `at` is when
    it was written: 昨晚 is told against it.
    """
    topic, place = reading.topic, reading.place
    route, sure = decision.proposed or decision, decision.unit_confidence
    return {
        "environmental": topic.environmental,
        "p_environmental": round(topic.p_environmental, _DIGITS),
        "kind": topic.kind,
        "kind_confidence": round(topic.kind_confidence, _DIGITS),
        "kinds": [{"code": guess.code, "p": round(guess.p, _DIGITS)} for guess in topic.kinds[:3]],
        "appeal_type": topic.appeal_type.value,
        "urgency": topic.urgency.value,
        "place_span": place.span,
        "district": place.district,
        "district_code": place.district_code,
        "street": place.street,
        "street_code": place.street_code,
        "community": place.community,
        "lon": place.lon,
        "lat": place.lat,
        "place_precision": place.precision.value,
        "place_confidence": round(place.confidence, _DIGITS),
        "place_radius": place.radius,
        "place_outside": place.outside,
        "place_door": place.door,
        "place_relation": place.relation,
        "place_hinted": place.hinted,
        "place_mentions": mentions_answer(place),
        "place_candidates": candidates_answer(place),
        "party": topic.party,
        "when": topic.when,
        "when_normal": normal_when(reading, at=at),
        "masked_text": reading.masked_text,
        "review": bool(decision.review_reasons),
        "review_reasons": [reason.value for reason in decision.review_reasons],
        "unit": route.unit.name if route.unit else None,
        "unit_code": route.unit.code if route.unit else None,
        "unit_confidence": None if sure is None else round(sure, _DIGITS),
        "assist": [unit.name for unit in route.assist],
        "cc": [unit.name for unit in route.cc],
        "grade": decision.urgency.value,
        "state": decision.state.value,
        "model_version": reading.model_version,
        "table_version": decision.table_version,
        "sentiment": reading.mood.mood.value if reading.mood else None,
        "anger": reading.mood.angry if reading.mood else None,
        "sentiment_words": [item.text for item in reading.evidence if item.head is Head.MOOD],
    }


def mentions_answer(place: PlaceReading) -> list[dict[str, Any]]:
    """Every place that a text names, with its role."""
    return [
        {
            "text": item.text,
            "role": item.role.value,
            "code": item.code or None,
            "name": item.name or None,
            "relation": item.relation.value if item.relation else None,
        }
        for item in place.mentions
    ]


def candidates_answer(place: PlaceReading) -> list[dict[str, Any]]:
    """The places it may be, with the reasons."""
    return [
        {
            "code": item.code,
            "name": item.name,
            "text": item.text,
            "score": item.score,
            "confidence": item.confidence,
            "why": list(item.why),
        }
        for item in place.candidates
    ]


def normal_when(reading: TextReading, *, at: datetime) -> dict[str, Any] | None:
    """What the words that say when mean; null when there are none or they are not understood."""
    found = read_when(reading.topic.when, at=at) if reading.topic.when else None
    return found.answer() if found else None


def route_answer(tables: Tables, asked: Mapping[str, Any], *, today: date) -> dict[str, Any]:
    """What `jiesu route` says of a known kind and place. Raises BadInput and NoRule, naming the field."""
    found = route(
        tables,
        kind=_required(asked, "kind"),
        district_code=_optional(asked, "district_code"),
        street_code=_street(asked),
        zone=_optional(asked, "zone"),
        situation=_optional(asked, "situation"),
        at=_date(asked, today=today),
    )
    return {
        "unit": found.unit.name,
        "unit_code": found.unit.code,
        "level": found.level.value,
        "assist": [unit.name for unit in found.assist],
        "cc": [unit.name for unit in found.cc],
        "row": next(row.id for row in found.rows if isinstance(row, CatalogueRow)),
        "rows": list(found.row_ids),
        "source": found.source,
        "steps": list(found.steps),
        "table_version": tables.version,
    }


def _optional(asked: Mapping[str, Any], name: str) -> str | None:
    value = asked.get(name)
    if value is None or isinstance(value, str):
        return value or None
    raise BadInput(f"{name} 应是文字")


def _street(asked: Mapping[str, Any]) -> str | None:
    """A street's code; the statistical form of twelve digits ends in 000 and means the same."""
    code = _optional(asked, "street_code")
    long = _LONG_STREET.fullmatch(code) if code else None
    return long[1] if long else code


def _required(asked: Mapping[str, Any], name: str) -> str:
    value = _optional(asked, name)
    if value is None:
        raise BadInput(f"缺少 {name}")
    return value


def _date(asked: Mapping[str, Any], *, today: date) -> date:
    return asked_day(asked) or today


def asked_day(asked: Mapping[str, Any]) -> date | None:
    """The day under `at`, null when none is given. Raises BadInput."""
    value = _optional(asked, "at")
    if value is None:
        return None
    try:
        # fromisoformat alone also takes 20261123 and 2026-W48-1.
        if _DAY.fullmatch(value) and (day := date.fromisoformat(value)).year >= _FIRST_YEAR:
            return day
    except ValueError:
        pass  # refused below, with the wrongly shaped ones
    raise BadInput(f"at 应是 {_FIRST_YEAR} 年以后的日期，形如 2026-11-23")
