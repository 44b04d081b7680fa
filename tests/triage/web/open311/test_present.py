"""What a merged case says of the one that stands for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.public import PublicCase
from tests.factories import NOW
from tests.triage.rules.helpers import tables
from triage.web.open311 import present

MERGED = PublicCase(
    id=1, kind="NOI-01", state="handling", divert=None, description=None, address=None, address_id=None,
    lon=None, lat=None, media_url=None, unit="望京街道办事处", district=None, street=None, requested_at=NOW,
    updated_at=NOW, answer_by=NOW, answers=None, merged=True,
)  # fmt: skip


@pytest.mark.parametrize(
    ("case", "status", "notes"),
    [
        (MERGED, "open", "同一事项已有工单，已合并办理：办理中"),
        (replace(MERGED, state="closed"), "closed", "同一事项已有工单，已合并办理：已办结"),
        (replace(MERGED, state="merged", merged=False), "closed", "同一事项已有工单，已合并办理"),
    ],
)
def test_a_merged_case_says_how_far_the_other_is(case: PublicCase, status: str, notes: str) -> None:
    found = present.case(case, tables(), extended=False)
    assert (found["status"], found["status_notes"]) == (status, notes)
