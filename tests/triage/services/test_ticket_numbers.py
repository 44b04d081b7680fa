"""Ticket numbers among words that are masked."""

from __future__ import annotations

import pytest

from nlp.text import mask_identity
from triage.services.ticket_numbers import masked, named

NO = "20261129-000123"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f"电话没打通的：{NO}", f"电话没打通的：{NO}"),
        (f"电话：{NO}，13812345678；{NO}", f"电话：{NO}，[手机号]；{NO}"),
        (f"电话 {NO} 62345678", f"电话 {NO} [电话号]"),
        (f"电话\ue0f1 {NO}", f"电话 {NO}"),
        ("电话：20261129-000124", "电话：[电话号]-000124"),
        (f"1{NO}", mask_identity(f"1{NO}")),
        ("", ""),
    ],
)
def test_a_tickets_number_stands_and_the_rest_is_masked(text: str, kept: str) -> None:
    assert masked(text, {NO}) == kept
    assert masked(kept, {NO}) == kept


def test_where_it_went_with_what_was_masked_around_it_all_is_masked() -> None:
    assert masked(f"电话：{NO}", {NO}, lambda words: "＊" if "\ue0f1" in words else "整句") == "整句"


def test_what_looks_like_one() -> None:
    assert named([f"先看{NO}，1{NO}", None, ""]) == {NO}
