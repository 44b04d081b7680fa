"""One address for one page: what differs between two links to the same article is left out."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

if TYPE_CHECKING:
    from connectors.feeds.items import FeedItem

#: Parameters that say where a reader came from, not what is read: by their whole names, for `sourceId`,
#: `refNo` or `fromdate` tell pages apart. Only `utm_` is a family.
_TRACKING: Final = frozenset({
    "fbclid", "from", "gclid", "ref", "share", "share_medium", "share_source", "share_token", "source", "spm",
    "spm_id_from", "src", "weixin", "wx", "wxfid",
})  # fmt: skip
_FAMILY: Final = "utm_"
#: A fragment that begins so is a page of its own (`#/news/1`, `#!news/1`); others are places within one.
_ROUTES: Final = ("/", "!")


def plain_address(url: str) -> str:
    """The address without scheme, `www.`, tracking, a last slash and a mark within the page.

    Parameters are in order; those without a value stay (`show?1` is not `show?2`).
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").removeprefix("www."), parts.port
    except ValueError:
        return url
    where = f"{host}:{port}" if port not in {None, 80, 443} else host
    page = f"{where}{_plain(parts.path, parts.query)}"
    if not parts.fragment.startswith(_ROUTES):
        return page
    path, _, query = parts.fragment.partition("?")
    return f"{page}#{_plain(path, query)}".rstrip("#")


def _plain(path: str, query: str) -> str:
    said = parse_qsl(query, keep_blank_values=True)
    kept = sorted((name, value) for name, value in said if not _tracks(name.lower()))
    return f"{path.rstrip('/')}?{urlencode(kept)}".rstrip("?")


def _tracks(name: str) -> bool:
    return name in _TRACKING or name.startswith(_FAMILY)


def item_hash(source: str, item: FeedItem) -> str:
    """What makes it the same item: its address wherever it comes from, else its id within its source."""
    said = f"u:{plain_address(item.url)}" if item.url else f"s:{source}\n{item.identity}"
    return hashlib.sha256(said.encode()).hexdigest()
