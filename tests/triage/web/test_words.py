"""Lengths of time in words, marks in text: nothing lost, nothing doubled."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.lines import Count
from tests.factories import NOW
from triage.web.words import Piece, Span, counted, cut, find, length, snippet, tone, until

H, M = timedelta(hours=1), timedelta(minutes=1)


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(0), "不到 1 分钟"),
        (timedelta(seconds=59), "不到 1 分钟"),
        (M, "1 分钟"),
        (59 * M, "59 分钟"),
        (H, "1 小时"),
        (3 * H + 20 * M, "3 小时 20 分"),
        (24 * H - timedelta(seconds=1), "23 小时 59 分"),
        (24 * H, "1 天"),
        (53 * H, "2 天 5 小时"),
    ],
)
def test_lengths(span: timedelta, words: str) -> None:
    assert length(span) == words


def test_what_is_left_and_what_is_over() -> None:
    assert until(NOW + 2 * H, NOW) == "剩 2 小时"
    assert until(NOW, NOW) == "剩 不到 1 分钟"
    assert until(NOW - 48 * H, NOW) == "超期 2 天"


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [(-1, "over"), (0, "soon"), (119, "soon"), (120, "today"), (479, "today"), (480, "later")],
)
def test_tones_change_where_the_filters_do(minutes: int, expected: str) -> None:
    assert tone(NOW + minutes * M, NOW, NOW + 8 * H) == expected


def test_capped_counts() -> None:
    assert (counted(Count(312, more=False)), counted(Count(1000, more=True))) == ("312", "1000+")


def test_overlapping_spans_are_cut_at_every_edge() -> None:
    pieces = cut("每天凌晨打桩", [Span(0, 4, "when", "时间"), Span(2, 6, "kind", "种类")])
    assert pieces == (
        Piece("每天", ("when",), "时间"),
        Piece("凌晨", ("when", "kind"), "时间；种类"),
        Piece("打桩", ("kind",), "种类"),
    )


SPANS = st.lists(
    st.builds(Span, st.integers(-3, 40), st.integers(-3, 40), st.sampled_from(["a", "b"])), max_size=8
)


@given(st.text(max_size=30), SPANS)
def test_cutting_loses_no_character(text: str, spans: list[Span]) -> None:
    assert "".join(piece.text for piece in cut(text, spans)) == text


@given(st.text(max_size=60), st.lists(st.text(min_size=1, max_size=3), max_size=3))
def test_finding_never_leaves_the_text(text: str, phrases: list[str]) -> None:
    assert [span for span in find(text, phrases) if not 0 <= span.start < span.end <= len(text)] == []


def test_found_words_are_marked_whatever_their_width_and_case() -> None:
    text = "ＰＭ2.5超标"
    pieces = cut(text, find(text, ["pm2", "超标"]))
    assert [piece.text for piece in pieces if piece.marks] == ["ＰＭ2", "超标"]


def test_a_snippet_shows_the_neighbourhood_of_the_find() -> None:
    text = "前" * 60 + "油烟" + "后" * 100
    pieces = snippet(text, ["油烟"])
    assert [piece.text for piece in pieces if piece.marks] == ["油烟"]
    assert (pieces[0].text, pieces[-1].text) == ("…", "…")
    assert sum(len(piece.text) for piece in pieces) < 100
    assert snippet(text, ["没有"]) == ()
