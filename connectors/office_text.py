"""Texts as XML can hold them, for both kinds of office documents: one sign that it cannot spoils the file."""

from __future__ import annotations

import re
from typing import Final

#: Controls but tab and line breaks, no characters, halves of signs: XML 1.0 has no way to write them.
_UNFIT: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


def fit(value: str) -> str:
    """The text without what no document can hold."""
    return _UNFIT.sub("", value)
