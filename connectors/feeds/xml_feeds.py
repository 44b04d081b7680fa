"""RSS 0.9 to 2.0 and Atom, through feedparser, after the XML was made harmless.

What feedparser is given was read by lxml first: without entities, without a DTD, no deeper than lxml allows,
and mended where a feed is broken. So its strict reader always does, never the slow one for tag soup.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import feedparser
from lxml import etree

from connectors.feeds.errors import FeedRefused
from connectors.feeds.items import LOOKED_FOR, FeedItem, link_of, plain, title_of
from connectors.feeds.moments import moment

if TYPE_CHECKING:
    from datetime import datetime

#: A document type with declarations of its own: where entities, and bombs, are defined.
_SUBSET: Final = re.compile(r"<!DOCTYPE[^>\[]{0,2000}\[", re.IGNORECASE)
#: A feed has one; pages quoted in a feed may have theirs.
_MOST_DOCTYPES: Final = 50
_ENTITY: Final = re.compile(r"<!ENTITY", re.IGNORECASE)
_DOCTYPE: Final = re.compile(r"<!DOCTYPE[^>\[]{0,2000}>", re.IGNORECASE)
_DECLARATION: Final = re.compile(r"^\s*<\?xml[^>]{0,300}\?>")
#: Named entities of HTML that careless feeds use; XML itself knows five others.
_NAMED: Final = {"nbsp": "\u00a0", "ldquo": "“", "rdquo": "”", "mdash": "—", "hellip": "…", "middot": "·"}
_NAME: Final = re.compile(r"&(nbsp|ldquo|rdquo|mdash|hellip|middot);")
_ROOTS: Final = ("rss", "feed", "RDF", "channel")


def items(text: str, base: str | None = None) -> list[FeedItem]:
    """The items of a feed; their links may be relative to `base`, or to what `xml:base` says.

    Raises FeedRefused when it is no feed, or declares entities.
    """
    if text.upper().count("<!DOCTYPE") > _MOST_DOCTYPES:
        raise FeedRefused("no_feed", "不是 RSS 或 Atom")
    if _SUBSET.search(text) or _ENTITY.search(text):
        raise FeedRefused("xml_entities", "XML 里定义了实体，不读")
    bare = _DECLARATION.sub("", _DOCTYPE.sub("", text, count=1), count=1)
    bare = _NAME.sub(lambda found: _NAMED[found[1]], bare)
    parser = etree.XMLParser(
        recover=True, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
        remove_pis=True, remove_comments=True, encoding="utf-8",
    )  # fmt: skip
    try:
        root = etree.fromstring(bare.encode("utf-8", "ignore"), parser)
    except (etree.XMLSyntaxError, ValueError):
        root = None
    # Not lxml's QName: what the parser lets pass as a namespace may be none for that.
    if root is None or root.tag.rpartition("}")[2] not in _ROOTS:
        raise FeedRefused("no_feed", "不是 RSS 或 Atom")
    found = feedparser.parse(
        etree.tostring(root, encoding="utf-8"), sanitize_html=False, resolve_relative_uris=False
    )
    return [_item(entry, base) for entry in found.entries[:LOOKED_FOR]]


def _item(entry: Any, base: str | None) -> FeedItem:  # noqa: ANN401  (feedparser's dict)
    contents = [str(part.get("value") or "") for part in entry.get("content", [])]
    texts = [*contents, str(entry.get("summary") or "")]
    guid = str(entry.get("id") or "") or None
    link = str(entry.get("link") or "")
    # Without a link, feedparser gives the id for one: only a path is meant as such.
    own = link if link != guid or link.startswith("/") else None
    url, relative = link_of((link, guid), (own,), base)
    return FeedItem(
        url=url,
        title=title_of(str(entry.get("title") or "")),
        text=max((plain(text) for text in texts), key=len),
        published=_published(entry),
        guid=guid[:500] if guid else None,
        relative=relative,
    )


def _published(entry: Any) -> datetime | None:  # noqa: ANN401  (as above)
    """As it is written: feedparser's own reading is Greenwich's for what has no zone."""
    told = [str(entry[name]) for name in ("published", "updated") if name in entry]
    return next(filter(None, map(moment, told)), None)
