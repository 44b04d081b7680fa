"""The numbers in a field that says how to call somebody back: with an extension, or two of them. Pure."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from connectors.vault import normal_phone

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What people write within one number.
_GAP: Final = r"[-\t ‐-―−.·]{0,3}"
_CHINA: Final = rf"(?:(?:\+|00)?86{_GAP})?"
#: Behind the country's the area code has no 0; without + or 00 only what stands apart is the country's.
_ABROAD: Final = rf"(?:(?:\+|00)86{_GAP}|86(?=[^0-9]){_GAP})"
#: A mobile, a landline with its area code, the same from abroad, one without.
_NUMBER: Final = re.compile(
    rf"(?<![0-9])(?:{_CHINA}1[3-9][0-9]{_GAP}[0-9]{{4}}{_GAP}[0-9]{{4}}"
    rf"|{_CHINA}\(?0[0-9]{{2,3}}\)?{_GAP}[2-8][0-9]{{2,3}}{_GAP}[0-9]{{4}}"
    rf"|{_ABROAD}\(?[1-9][0-9]{{1,2}}\)?{_GAP}[2-8][0-9]{{2,3}}{_GAP}[0-9]{{4}}"
    rf"|(?P<local>[2-8][0-9]{{3}}{_GAP}[0-9]{{4}}))(?![0-9])"
)
#: Digits with no word and no comma behind them: the beginning of the number that follows, as a rule.
_BEGUN: Final = re.compile(r"[0-9][^\w、,;]*\Z")
#: Of one field, at most: a whole list of a firm's is no caller's.
_MOST: Final = 4
_LONGEST: Final = 200


def besides(field: str) -> tuple[str, ...]:
    """The numbers by which a field is found, beside all its digits: none where it holds one number."""
    told = unicodedata.normalize("NFKC", field[:_LONGEST])
    found = dict.fromkeys(normal_phone(number) for number in _numbers(told))
    return tuple(number for number in found if number != normal_phone(field))[:_MOST]


def _numbers(told: str) -> Iterator[str]:
    """The numbers that are whole: the last eight digits of another city's are none of this one's."""
    end = 0
    for match in _NUMBER.finditer(told):
        if match["local"] and _BEGUN.search(told, end, match.start()):
            continue
        end = match.end()
        yield match[0]
