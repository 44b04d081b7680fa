"""Parsers of what programs outside send: feeds, lists of media, the hotline platform, Open311."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson
from hypothesis import strategies as st

import triage.tables
from connectors.feeds import reading as feed_reading
from connectors.feeds.errors import FeedRefused
from connectors.feeds.json_feeds import FieldMap
from connectors.hotline import bodies, mapping, orders, signing
from connectors.hotline.reference.orders import make as made_order
from connectors.open311 import wire
from tests.fuzz.mangling import JSON, as_json, mangled, mangled_text, spoiled_object
from tests.fuzz.parsers import Subject
from triage.services.open311 import catalogue, posting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from triage.rules.rows import Tables

NOW: Final = datetime(2026, 11, 26, 4, 0, tzinfo=UTC)
TEXTS: Final = (
    "望京街道阜通东大街6号院旁边的工地昨晚11点还在施工，噪声很大，电话13800001111，请处理。",
    "小区门口的餐饮店油烟直排，张先生反映多次没人管。",
)

# Feeds and lists of media.

_RSS: Final = (
    '<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>x</title>'
    "<item><title>扰民</title>"
    "<link>https://news.example/1</link><guid>1</guid><pubDate>Mon, 23 Nov 2026 08:05:00 +0800</pubDate>"
    "<description>&lt;p&gt;工地夜间施工&lt;/p&gt;</description></item></channel></rss>"
).encode()
_ATOM: Final = (
    '<feed xmlns="http://www.w3.org/2005/Atom"><entry><title>油烟</title><id>urn:1</id>'
    '<link href="https://a.example/"/>'
    "<updated>2026-11-23T08:05:00Z</updated><content type='html'>x</content></entry></feed>"
).encode()
_JSON_FEED: Final[dict[str, Any]] = {
    "version": "https://jsonfeed.org/version/1.1",
    "items": [{"id": "1", "url": "https://a.example/1", "title": "扰民", "content_html": "<p>工地</p>",
               "date_published": "2026-11-23T08:05:00+08:00"}],
}  # fmt: skip
_MEDIA: Final = {
    "link": "https://a.example/1",
    "title": "扰民",
    "content": "工地",
    "publishTime": 1_795_000_000,
    "id": 1,
}
_FIELD_MAP: Final = (
    "items: data\nurl: link\ntitle: title\ntext: [content, summary]\ntime: publishTime\nguid: id\n"
)
_PAGE: Final = (
    "<html><head><meta charset='gbk'><title>x</title></head><body><article><h1>扰民</h1><p>"
    + TEXTS[0] * 5
    + "</p></article></body></html>"
).encode()


def _json_feed() -> st.SearchStrategy[bytes]:
    item = spoiled_object(_JSON_FEED["items"][0])
    whole = st.lists(item | JSON, max_size=3).map(lambda items: as_json({**_JSON_FEED, "items": items}))
    return whole | mangled(as_json(_JSON_FEED))


def _media() -> st.SearchStrategy[bytes]:
    listed = st.lists(spoiled_object(_MEDIA) | JSON, max_size=3).map(lambda items: as_json({"data": items}))
    return listed | mangled(as_json({"data": [_MEDIA]}))


# The hotline platform.

_PLATFORM: Final = mapping.load("wide_table")
ORDER: Final[dict[str, Any]] = {
    **made_order(1, created=NOW.timestamp(), updated=NOW.timestamp()),
    "attachments": [{"fileId": "F1", "fileName": "现场.jpg", "fileType": "image/jpeg", "fileSize": 1000,
                     "fileUrl": "https://files.example/1.jpg"}],
}  # fmt: skip


def _order(body: bytes) -> object:
    read = orders.read_order(_PLATFORM, bodies.read_json(body), now=NOW)
    orjson.dumps(read.attachments)
    return read


def _orders() -> st.SearchStrategy[bytes]:
    attachment = spoiled_object(ORDER["attachments"][0])
    with_files = st.lists(attachment | JSON, max_size=3).map(lambda found: {**ORDER, "attachments": found})
    return st.one_of((spoiled_object(ORDER) | with_files | JSON).map(as_json), mangled(as_json(ORDER)))


def _signed(headers: Mapping[str, str]) -> object:
    return signing.read(headers)


_SIGNED: Final = signing.stamp("secret", b"x", at=1_795_000_000).headers()


# Open311, forms, addresses.


@cache
def tables() -> Tables:
    """The rule tables that ship."""
    return triage.tables.load()


def _form(form: Mapping[str, list[str]]) -> object:
    service = catalogue.service(tables(), "NOI-01", NOW.date())
    assert service is not None
    posted, faults = posting.check(form, service)
    said = posting.sentences(posted) if posted else ""
    return posted, said, [(fault.code, fault.description) for fault in faults] if posted is None else None


_FORM: Final = {
    "service_code": "NOI-01", "description": TEXTS[0], "lat": "39.99", "long": "116.48",
    "phone": "13800001111",
    "address_string": "阜通东大街6号", "email": "a@b.example", "media_url": "https://a.example/1.jpg",
    "first_name": "三", "last_name": "张", "attribute[WHEN]": "night",
    "attribute[SINCE]": "2026-11-20T08:00:00 08:00",
}  # fmt: skip


def _posted() -> st.SearchStrategy[dict[str, list[str]]]:
    names = st.sampled_from(sorted(_FORM)) | mangled_text("attribute[WHEN]", "attribute[HOW][]")
    spoiled = st.dictionaries(names, st.lists(mangled_text(*_FORM.values()), max_size=2), max_size=4)
    return spoiled.map(lambda new: {name: [value] for name, value in _FORM.items()} | new)


def _reply(body: bytes) -> object:
    return [
        wire.Reply(200, "", body, fmt).rows() for fmt in (wire.XML if body.startswith(b"<") else wire.JSON,)
    ]


_MAP: Final = (Path(mapping.__file__).parents[1] / "maps" / "hotline" / "wide_table.yaml").read_text()


OUTSIDE: Final = (
    Subject("feed-xml", mangled(_RSS, _ATOM), feed_reading.parse, (FeedRefused,)),
    Subject("feed-json", _json_feed(), feed_reading.parse, (FeedRefused,)),
    Subject("feed-page", mangled(_PAGE), feed_reading.readable),
    Subject(
        "media-json",
        _media(),
        partial(feed_reading.parse, mapping=FieldMap.parse(_FIELD_MAP)),
        (FeedRefused,),
    ),
    Subject("media-map", mangled_text(_FIELD_MAP), FieldMap.parse, (FeedRefused,)),
    Subject("hotline-order", _orders(), _order, (bodies.NotJson,)),
    Subject("hotline-map", mangled_text(_MAP), partial(mapping.parse, label="x"), (mapping.MapRefused,)),
    Subject(
        "hotline-signature",
        st.dictionaries(st.sampled_from(sorted(_SIGNED)), mangled_text(*_SIGNED.values())).map(
            lambda new: _SIGNED | new
        ),
        _signed,
        (signing.Malformed,),
    ),
    Subject("open311-form", _posted(), _form),
    Subject(
        "open311-reply",
        mangled(as_json([{"service_code": "1"}]), b"<services><service><a>1</a></service></services>"),
        _reply,
        (wire.Unreadable,),
    ),
)
