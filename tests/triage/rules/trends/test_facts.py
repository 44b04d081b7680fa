"""A ticket's kind and place as people corrected them."""

from __future__ import annotations

import pytest

from triage.rules.rows import UNCLEAR_KIND
from triage.rules.trends.facts import as_corrected

YES, NO = ("environmental", "true"), ("environmental", "false")


@pytest.mark.parametrize(
    ("read", "said", "kind"),
    [
        ("NOI-01", [], "NOI-01"),
        ("NOI-01", [NO], ""),
        ("NOI-01", [NO, YES], "NOI-01"),
        ("NOI-01", [("kind", "AIR-01"), NO, YES], "AIR-01"),
        (None, [], ""),
        # Environmental, and nobody has said of what: it counts among those nobody can tell yet.
        (None, [YES], UNCLEAR_KIND),
        (None, [YES, ("kind", "AIR-01")], "AIR-01"),
        (None, [("kind", "AIR-01"), YES], "AIR-01"),
        (None, [YES, NO], ""),
    ],
)
def test_a_kind_is_as_people_said_last(read: str | None, said: list[tuple[str, str]], kind: str) -> None:
    assert as_corrected(read, "110105", "110105026", said) == (kind, "110105", "110105026")


def test_a_corrected_district_has_no_street() -> None:
    assert as_corrected("NOI-01", "110105", "110105026", [("place", "110108")]) == ("NOI-01", "110108", "")
