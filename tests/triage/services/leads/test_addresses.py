"""What is one page, and what are two."""

from __future__ import annotations

import pytest

from triage.services.leads.addresses import plain_address


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://www.news.example/a/?utm_source=x", "http://news.example/a#top"),
        ("https://m.news.example/#/news/1?from=timeline", "https://m.news.example/#/news/1/"),
        ("https://m.news.example/#/", "https://m.news.example"),
        ("https://news.example/a?b=1&c=2", "https://news.example/a?c=2&b=1&spm=9"),
        ("https://news.example:443/a", "http://NEWS.example:80/a"),
    ],
)
def test_two_links_to_one_page(one: str, other: str) -> None:
    assert plain_address(one) == plain_address(other)


def test_two_pages() -> None:
    addresses = (
        "https://news.example/a?id=1",
        "https://news.example/a?id=2",
        "https://news.example:81/a?id=1",
    )
    assert len({plain_address(address) for address in addresses}) == 3


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://m.news.example/#/news/1", "https://m.news.example/#/news/2"),
        ("https://m.news.example/#!n1", "https://m.news.example/#!n2"),
        ("https://m.news.example/#/news?id=1", "https://m.news.example/#/news?id=2"),
        ("https://news.example/show?1", "https://news.example/show?2"),
        ("https://news.example/d?sourceId=1", "https://news.example/d?sourceId=2"),
        ("https://news.example/d?fromdate=1", "https://news.example/d?fromdate=2"),
        ("https://news.example/d?refNo=1", "https://news.example/d?refNo=2"),
    ],
)
def test_what_tells_two_pages_apart_is_kept(one: str, other: str) -> None:
    """Two articles under one plain address would be one item, and the second never taken."""
    assert plain_address(one) != plain_address(other)
