"""A fetched answer → items; an article's page → its text. In a thread: a long page never stops the loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from connectors.feeds import json_feeds, xml_feeds
from connectors.feeds.decoding import decode
from connectors.feeds.items import MOST_ITEMS, MOST_TEXT, plain

if TYPE_CHECKING:
    from connectors.feeds.fetching import Fetched
    from connectors.feeds.items import FeedItem
    from connectors.feeds.json_feeds import FieldMap

#: Of a page, in characters: news are shorter, and what reads them is slow on more.
_MOST_PAGE: Final = 1_000_000


async def items_of(found: Fetched, mapping: FieldMap | None = None) -> tuple[list[FeedItem], bool]:
    """The items of a feed, whichever kind it is, `MOST_ITEMS` at most, and whether it has more.

    Raises FeedRefused.
    """
    items = await asyncio.to_thread(parse, found.body or b"", found.content_type, mapping, found.url)
    return items[:MOST_ITEMS], len(items) > MOST_ITEMS


def parse(
    body: bytes, content_type: str = "", mapping: FieldMap | None = None, base: str | None = None
) -> list[FeedItem]:
    """Tell JSON from XML by how it begins, and read it, up to `LOOKED_FOR` items. Raises FeedRefused.

    `base`: the address that answered, for links that are relative.
    """
    text = decode(body, content_type)
    first = text.lstrip("\ufeff \t\r\n")[:1]
    return json_feeds.items(text, mapping, base) if first in {"{", "["} else xml_feeds.items(text, base)


async def article_text(found: Fetched) -> str:
    """The readable text of an article's page; empty when there is none."""
    return await asyncio.to_thread(readable, found.body or b"", found.content_type)


def readable(body: bytes, content_type: str = "") -> str:
    """What a person would read of a page, without menus and notices."""
    import trafilatura  # noqa: PLC0415  (slow to load: only who reads pages pays for it)

    text = decode(body, content_type)[:_MOST_PAGE]
    found = trafilatura.extract(
        text, include_comments=False, include_tables=False, include_links=False, deduplicate=False
    )
    return plain(found, MOST_TEXT) if found else ""
