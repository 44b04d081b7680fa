"""What the reference platform does wrong, and how often. Chosen by command line, file or `POST /_faults`."""

from __future__ import annotations

import random
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Faults:
    """Shares are of requests, from 0 to 1."""

    error: float = 0.0
    """Answers 500; half of the time after it did what was asked."""
    timeout: float = 0.0
    """Says nothing for `hang_seconds`, then drops the connection; half of the time it did what was asked."""
    hang_seconds: float = 30.0
    half_body: float = 0.0
    """Breaks off in the middle of the answer; it did what was asked."""
    cut_json: float = 0.0
    """Sends half the JSON as if it were whole."""
    repeat_page: float = 0.0
    """Gives the page before under the number that was asked for."""
    wrong_page: float = 0.0
    """Gives another page and says so."""
    shuffle: float = 0.0
    """Gives the rows of a page out of order, one of them twice."""
    gb18030: float = 0.0
    """Writes GB18030 and calls it UTF-8."""
    skew_seconds: float = 0.0
    """How far its clock is ahead."""
    no_now: float = 0.0
    """Leaves its time out of lists: only the `Date` of the answer tells it."""
    no_date: float = 0.0
    """Writes a `Date` that nobody can read."""
    late_seconds: float = 0.0
    """New orders appear up to so long after the time that they bear."""
    duplicate_push: float = 0.0
    """Pushes an order again, signed anew."""
    replay_push: float = 0.0
    """Sends the very same push again: it is to be refused."""
    forge_push: float = 0.0
    """Sends a push with a wrong signature: it is to be refused."""
    refuse_action: float = 0.0
    """Refuses the actions of this share of the orders for good."""
    forbid_action: float = 0.0
    """Answers 403 to the actions of this share of the orders, and gives everything else as before."""
    touch: float = 0.0
    """Changes the status of this share of the orders later, so that they come again."""

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Faults:
        """From JSON. Raises ValueError naming what is unknown or no number."""
        return Faults().change(given)

    def change(self, given: Mapping[str, Any]) -> Faults:
        """A copy with other values. Raises ValueError."""
        known = {field.name for field in fields(self)}
        for name, value in given.items():
            if name not in known:
                raise ValueError(f"unknown fault {name}; known: {', '.join(sorted(known))}")
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError(f"fault {name} should be a number")  # noqa: TRY004  (JSON, not code)
        return replace(self, **{name: float(value) for name, value in given.items()})


class Dice:
    """Seeded chance: a run can be repeated."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  (faults, not secrets)

    def falls(self, share: float) -> bool:
        """Whether it happens this time."""
        return share > 0 and self._random.random() < share

    def under(self, most: float) -> float:
        """A number from 0 to `most`."""
        return self._random.random() * most

    def shuffled(self, rows: list[Any]) -> list[Any]:
        """The rows in another order, one of them twice."""
        found = list(rows)
        self._random.shuffle(found)
        return [*found, found[0]] if found else found
