"""What a platform notes on its order beside the complaint: its deadline, grade, 督办. Shown, not obeyed.

Each is read strictly, so that no field can carry a citizen's words or number: what does not look like what it
should be is left out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from connectors.file_times import parse_time
from models.vocab_sources import OrderFact

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIMES: Final = ("ymd", "chinese", "epoch_ms", "epoch_s")
_DAYS: Final = re.compile(r"\d{1,3}", re.ASCII)
_GRADE: Final = re.compile(r"[0-9A-Za-z\u4e00-\u9fff]{1,10}")
_NUMBER: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")
_YES: Final = frozenset({"是", "1", "true", "y", "yes"})


def read(fields: Mapping[OrderFact, str], raw: Mapping[str, Any]) -> dict[str, str]:
    """The facts of an order by name: a moment in ISO, a number of days, a word, "1", an order's number."""
    told = {fact: _text(raw.get(name)) for fact, name in fields.items()}
    return {fact.value: value for fact, text in told.items() if (value := _checked(fact, text))}


def _text(value: object) -> str:
    match value:
        case bool():
            return "是" if value else ""
        case str() | int():
            return str(value).strip()
        case _:
            return ""


def _checked(fact: OrderFact, text: str) -> str:
    """The value as it is kept; empty when it is none."""
    match fact:
        case OrderFact.DEADLINE:
            moment = parse_time(text, _TIMES) if text else None
            return moment.isoformat() if moment else ""
        case OrderFact.DAYS:
            return text if _DAYS.fullmatch(text) else ""
        case OrderFact.GRADE:
            return text if _GRADE.fullmatch(text) else ""
        case OrderFact.FORMER:
            return text if _NUMBER.fullmatch(text) else ""
        case _:
            return "1" if text.lower() in _YES else ""
