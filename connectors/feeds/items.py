"""One item of a feed as plain values, and plain text of the HTML that feeds carry."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin

from lxml import etree

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Of one feed, newest first as it lists them; more is another feed's work or an attack.
MOST_ITEMS: Final = 500
#: One more is looked for: it tells that the feed was cut.
LOOKED_FOR: Final = MOST_ITEMS + 1
MOST_TEXT: Final = 20_000
MOST_TITLE: Final = 300
MOST_URL: Final = 2000
#: No page of news is older. What says so wrote a 0, or nothing, where a moment should be.
_EARLIEST: Final = datetime(1995, 1, 1, tzinfo=UTC)
#: Nor is one from the next century: digits without signs, read as seconds.
_LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)

_BLOCKS: Final = frozenset({
    "address", "article", "blockquote", "br", "dd", "div", "dl", "dt", "figure", "h1", "h2", "h3", "h4", "h5",
    "h6", "hr", "li", "ol", "p", "pre", "section", "table", "td", "th", "tr", "ul",
})  # fmt: skip
_UNSEEN: Final = frozenset({"script", "style", "head", "template", "noscript", "iframe", "object", "svg"})
_SPACES: Final = re.compile(r"[ \t\r\f\v\u3000\u00a0]+")
#: No scheme, no host without one, and something that only an address has. Of the first such sign alone: one
#: that may be any of them is tried at each, and a feed writes as many as it likes.
_RELATIVE: Final = re.compile(r"(?![^/?#]*:|www\.)(?:[/?]\S*|[^#\s][^\s/?.]*[/?.]\S*)", re.IGNORECASE)
#: Written where a feed knows no address.
_NOTHING: Final = frozenset({"", "n/a", "na", "null", "none", "无", "暂无", "没有"})
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")
#: Read of a field before it is turned into text: what lies behind is never shown anyway.
_MOST_HTML: Final = 10 * MOST_TEXT


@dataclass(frozen=True, slots=True)
class FeedItem:
    """What a feed says of one piece of news. `published` aware; None: it does not say, or says nonsense."""

    url: str | None
    title: str = field(repr=False)
    text: str = field(repr=False)
    published: datetime | None
    guid: str | None = None
    relative: bool = False
    """Whether its address was written without its host: such a one used to count as none."""

    @property
    def unlinked(self) -> FeedItem:
        """The same without its address, as it was known when that did not count."""
        return replace(self, url=None)

    @property
    def identity(self) -> str:
        """What makes it the same item again: its address, else its own id, else what it says."""
        return self.url or self.guid or f"{self.title}\n{self.text}"


def plausible(moment: datetime | None) -> datetime | None:
    """A moment at which news may have been published; else None."""
    return moment if moment is not None and _EARLIEST <= moment < _LATEST else None


def plain(value: str, most: int = MOST_TEXT) -> str:
    """HTML or text → text: tags gone, entities read, blocks on their own lines, control characters out."""
    text = value[:_MOST_HTML]
    text = _seen(text) if "<" in text else html.unescape(text)
    text = _SPACES.sub(" ", _CONTROL.sub("", text))
    # Not by a pattern: blanks that none of them takes would be walked anew from each of a long run.
    return "\n".join(filter(None, map(str.strip, text.split("\n"))))[:most]


def _seen(text: str) -> str:
    """What a browser would show of HTML. lxml reads it in one pass, no deeper than it allows."""
    parser = etree.HTMLParser(
        recover=True,
        no_network=True,
        remove_comments=True,
        remove_pis=True,
        huge_tree=False,
        encoding="utf-8",
    )
    try:
        root = etree.fromstring(f"<div>{_CONTROL.sub('', text)}</div>".encode("utf-8", "ignore"), parser)
    except (etree.XMLSyntaxError, ValueError):
        root = None
    if root is None:
        return ""
    parts: list[str] = []
    unseen = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        hidden = element.tag in _UNSEEN
        line = "\n" if element.tag in _BLOCKS else ""
        if event == "start":
            unseen += hidden
            parts += [line, (element.text or "") if not unseen else ""]
        else:
            unseen -= hidden
            parts += [line, (element.tail or "") if not unseen else ""]
    return "".join(parts)


def title_of(value: str) -> str:
    """A title: one line of plain text."""
    return plain(value, MOST_TITLE * 4).replace("\n", " ")[:MOST_TITLE]


def web_address(value: object, base: str | None = None) -> str | None:
    """An http or https address, else None: `javascript:` and the like lead nowhere.

    With `base`, the address that the feed came from, a relative one is read from there. A bare word is none:
    it may as well be a number of the feed's own.
    """
    if not isinstance(value, str):
        return None
    text = _CONTROL.sub("", value).strip()
    if len(text) > MOST_URL:
        return None
    if base is not None and _RELATIVE.fullmatch(text):
        try:
            text = urljoin(base, text)
        except ValueError:
            return None
    return text if text.lower().startswith(("http://", "https://")) and len(text) <= MOST_URL else None


def link_of(
    absolute: Iterable[object], relative: Iterable[object], base: str | None
) -> tuple[str | None, bool]:
    """The first that is a whole address, else the first that is one from `base`; whether it is such a one."""
    whole = next(filter(None, map(web_address, absolute)), None)
    if whole is not None or base is None:
        return whole, False
    joined = next(
        (
            url
            for value in relative
            if (url := web_address(value, base)) and not _leads_nowhere(url, value, base)
        ),
        None,
    )
    return joined, joined is not None


def _leads_nowhere(url: str, value: object, base: str) -> bool:
    """Whether a relative address stands for none: the site's root, the feed itself, a word for nothing."""
    bare = url.partition("#")[0].rstrip("?/")
    root = urljoin(base, "/").rstrip("/")
    nothing = isinstance(value, str) and value.strip(" ./?").casefold() in _NOTHING
    return nothing or bare in {root, base.partition("#")[0].rstrip("?/")}
