"""The numbers in a field that says how to call somebody back: with an extension, or two of them. Pure."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from connectors.vault import normal_phone

_CHINA: Final = r"(?:(?:\+|00)?86[- ]?)?"
#: A mobile, a landline with its area code, one without.
_NUMBER: Final = re.compile(
    rf"(?<![0-9])(?:{_CHINA}1[3-9][0-9][- ]?[0-9]{{4}}[- ]?[0-9]{{4}}"
    rf"|{_CHINA}\(?0[0-9]{{2,3}}\)?[- ]?[2-8][0-9]{{2,3}}[- ]?[0-9]{{4}}"
    r"|[2-8][0-9]{3}[- ]?[0-9]{4})(?![0-9])"
)
#: Of one field, at most: a whole list of a firm's is no caller's.
_MOST: Final = 4
_LONGEST: Final = 200


def besides(field: str) -> tuple[str, ...]:
    """The numbers by which a field is found, beside all its digits: none where it holds one number."""
    told = unicodedata.normalize("NFKC", field[:_LONGEST])
    found = dict.fromkeys(normal_phone(number) for number in _NUMBER.findall(told))
    return tuple(number for number in found if number != normal_phone(field))[:_MOST]
