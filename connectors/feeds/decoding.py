"""Bytes → text, whatever the sender says: many Chinese pages say one encoding and use another."""

from __future__ import annotations

import codecs
import re
from typing import Final

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_HEAD: Final = 2048
_IN_XML: Final = re.compile(rb"""<\?xml[^>]{0,200}encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})""")
_IN_META: Final = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?([A-Za-z0-9._-]{1,40})""", re.IGNORECASE)
_IN_HEADER: Final = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9._-]{1,40})""", re.IGNORECASE)
#: GB2312 and GBK are read as their superset: pages that say one use characters of the other.
_GB: Final = frozenset({"gb2312", "gbk", "gb18030", "cp936", "gb_2312-80", "x-gbk"})


def decode(body: bytes, content_type: str = "") -> str:
    """Read bytes: by their mark, as UTF-8 when they are, as they say, as GB18030; never fails."""
    for mark, name in _BOMS:
        if body.startswith(mark):
            return body.decode(name, "replace")
    try:
        # What is valid UTF-8 is UTF-8, whatever it says: GBK text of some length never is by chance.
        return body.decode("utf-8")
    except UnicodeDecodeError:
        pass
    for name in (*_declared(body, content_type), "gb18030"):
        try:
            return body.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
    # Mostly one or the other: the reading with fewer holes.
    readings = [body.decode(name, "replace") for name in ("utf-8", "gb18030")]
    return min(readings, key=lambda text: text.count("\ufffd"))


def _declared(body: bytes, content_type: str) -> list[str]:
    """The encodings that the header and the first bytes name."""
    head = body[:_HEAD]
    names = [match[1] for match in [_IN_HEADER.search(content_type)] if match]
    names += [match[1].decode("ascii") for match in (_IN_XML.search(head), _IN_META.search(head)) if match]
    found = []
    for name in names:
        try:
            codec = codecs.lookup(name)
        except LookupError:
            continue
        # Only text encodings: "hex" and "rot13" are codecs too.
        if codec._is_text_encoding:  # noqa: SLF001  (the one place Python says so)
            found.append("gb18030" if name.lower() in _GB else name)
    return found
