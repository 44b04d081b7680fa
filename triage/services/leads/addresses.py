"""One address for one page: what differs between two links to the same article is left out."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

if TYPE_CHECKING:
    from connectors.feeds.items import FeedItem

#: Parameters that say where a reader came from, not what is read.
_TRACKING: Final = ("utm_", "spm", "from", "share", "fbclid", "gclid", "weixin", "wx", "source", "src", "ref")


def plain_address(url: str) -> str:
    """The address without scheme, `www.`, fragment, tracking and a last slash; parameters in order."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").removeprefix("www."), parts.port
    except ValueError:
        return url
    kept = sorted((n, v) for n, v in parse_qsl(parts.query) if not n.lower().startswith(_TRACKING))
    where = f"{host}:{port}" if port not in {None, 80, 443} else host
    return f"{where}{parts.path.rstrip('/')}?{urlencode(kept)}".rstrip("?")


def item_hash(source: str, item: FeedItem) -> str:
    """What makes it the same item: its address wherever it comes from, else its id within its source."""
    said = f"u:{plain_address(item.url)}" if item.url else f"s:{source}\n{item.identity}"
    return hashlib.sha256(said.encode()).hexdigest()
