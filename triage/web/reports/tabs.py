"""A way to look at a report, as a link."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tab:
    """A way to look at it; `current` is the one in force."""

    label: str
    address: str
    current: bool
